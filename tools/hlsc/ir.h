/* What LLVM's values, types and functions say, in the words that hlsc needs. */
#ifndef HLSC_IR_H
#define HLSC_IR_H
#include <llvm-c/Core.h>

const char *value_name(LLVMValueRef value);
/* Of an instruction. */
LLVMModuleRef module_of(LLVMValueRef instruction);
unsigned metadata_kind(LLVMModuleRef module, const char *name);

void set_attribute(LLVMValueRef function, const char *name, uint64_t value);
void drop_attribute(LLVMValueRef function, const char *name);

/* The object that a pointer points into. */
LLVMValueRef pointer_base(LLVMValueRef pointer);
#endif
