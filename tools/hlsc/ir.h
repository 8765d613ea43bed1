/* What LLVM's values, types and functions say, in the words that hlsc needs. */
#ifndef HLSC_IR_H
#define HLSC_IR_H
#include "base.h"

#include <llvm-c/Core.h>
#include <llvm-c/Target.h>

const char *value_name(LLVMValueRef value);
/* Of an instruction. */
LLVMModuleRef module_of(LLVMValueRef instruction);
unsigned metadata_kind(LLVMModuleRef module, const char *name);

void set_attribute(LLVMValueRef function, const char *name, uint64_t value);
void drop_attribute(LLVMValueRef function, const char *name);

/* Fails if it is no integer. */
int type_width(LLVMTypeRef t, struct place where);
/* The object that a pointer points into. */
LLVMValueRef pointer_base(LLVMValueRef pointer);

/* Arrays and structs have parts, other types have none. */
bool has_parts(LLVMTypeRef t);
unsigned part_count(LLVMTypeRef t);
LLVMTypeRef part_type(LLVMTypeRef t, unsigned part);
/* In which part a byte lies, and *offset becomes the place within it; false: in none. */
bool part_at(LLVMTargetDataRef layout, LLVMTypeRef t, uint64_t *offset, unsigned *part);
#endif
