/* Loads and stores: to banks of memories, or through AXI ports. */
#ifndef HLSC_ACCESS_H
#define HLSC_ACCESS_H
#include "process.h"

/* A load (value NONE), whose node it returns, or a store. */
int build_access(struct process *p, LLVMValueRef pointer, LLVMTypeRef type, int value);
#endif
