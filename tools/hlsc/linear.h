/* An address as a sum of factor * term, so that the lanes of a partitioned array find their banks
 * at compile time. */
#ifndef HLSC_LINEAR_H
#define HLSC_LINEAR_H
#include "base.h"

#include <llvm-c/Core.h>
#include <llvm-c/Target.h>

enum { MOST_TERMS = 24 };
struct linear {
    LLVMValueRef base; /* a global, an alloca or a parameter */
    LLVMValueRef term[MOST_TERMS];
    int64_t factor[MOST_TERMS], constant; /* bytes */
    int terms;
    struct place where;
};

/* Fails if the pointer may point to several objects. */
struct linear linear_of(LLVMTargetDataRef layout, LLVMValueRef pointer, struct place where);
#endif
