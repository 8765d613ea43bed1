/* The program, as the stages from the frontend to the design know it. */
#ifndef HLSC_SOURCE_H
#define HLSC_SOURCE_H
#include "loops.h"
#include "options.h"
#include "pragmas.h"

#include <llvm-c/Target.h>

struct source {
    struct options options;
    struct pragmas pragmas;
    struct loops loops;
    LLVMModuleRef module;
    LLVMTargetDataRef layout;
    LLVMValueRef top;
    bool dataflow;         /* the top joins processes; else it is the one process */
    LLVMValueRef *process; /* each function once */
    int processes;
};

/* Runs some of LLVM's passes over it. */
void source_passes(const struct source *s, const char *list);
#endif
