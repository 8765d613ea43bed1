/* What the pragmas of each loop ask for, tied to it by metadata that survives LLVM's passes. */
#ifndef HLSC_LOOPS_H
#define HLSC_LOOPS_H
#include "base.h"
#include "pragmas.h"
#include "promise.h"

struct loops {
    struct loop {
        struct place first, last; /* its lines */
        bool pipeline, unroll;
        int ii;     /* 0: the least that works */
        int factor; /* of unrolling; 0: completely */
        struct place pipeline_where;
        struct promises promises;
    } *loop;
    int count, capacity;
};

struct loops loops_attach(const struct pragmas *pragmas, LLVMModuleRef module);
/* The loop whose latch ends in this branch, or NULL. */
const struct loop *loops_find(const struct loops *all, LLVMValueRef latch);
#endif
