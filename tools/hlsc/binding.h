/* Which node a value of LLVM's has become. */
#ifndef HLSC_BINDING_H
#define HLSC_BINDING_H
#include "process.h"

int value_node(struct process *p, LLVMValueRef value);
void set_value(struct process *p, LLVMValueRef value, int node);
#endif
