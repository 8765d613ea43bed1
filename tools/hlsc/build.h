/* LLVM IR of one function to a graph. */
#ifndef HLSC_BUILD_H
#define HLSC_BUILD_H
#include "process.h"
#include "source.h"

struct process *build(struct source *s, LLVMValueRef function);
#endif
