/* What cannot become hardware: recursion, the heap, floating point, calls of what has no body. */
#ifndef HLSC_REFUSAL_H
#define HLSC_REFUSAL_H
#include <llvm-c/Core.h>

/* Fails with file, line and reason if something that the top reaches is of that kind. */
void refuse(LLVMModuleRef module, LLVMValueRef top);
#endif
