/* One instruction of LLVM's as a node. */
#ifndef HLSC_INSTRUCTION_H
#define HLSC_INSTRUCTION_H
#include "process.h"

/* NONE: it gives no value. */
int build_instruction(struct process *p, LLVMValueRef instruction);
#endif
