/* Arrays that clang has made structs of are arrays again. */
#ifndef HLSC_ARRAYS_H
#define HLSC_ARRAYS_H
#include <llvm-c/Core.h>
#include <llvm-c/Target.h>

/* clang writes `int a[24] = {1, 2}` as a struct of the first two and 22 zeros. */
void arrays_restore(LLVMModuleRef module, LLVMTargetDataRef layout);
#endif
