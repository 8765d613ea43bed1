/* Where a load or store goes: an object and a sum of factor * term. */
#ifndef HLSC_ADDRESS_H
#define HLSC_ADDRESS_H
#include "graph.h"

enum { MOST_TERMS = 24 };
struct linear {
    LLVMValueRef base; /* a global, an alloca or a parameter */
    LLVMValueRef term[MOST_TERMS];
    int64_t factor[MOST_TERMS], constant; /* bytes */
    int terms;
    struct place where;
};

/* Sum of factor * term, plus a constant, as a 32-bit node. */
int linear_node(struct process *p, const struct linear *l, const int64_t *factor, int64_t constant);

/* axi.c: an access through a pointer parameter; value NONE: a load, whose node it returns. */
int build_axi(struct process *p, const struct linear *l, LLVMTypeRef type, int value);
/* Once all accesses are known: which requests to read wait until what was written has arrived. */
void order_axi(struct process *p);
#endif
