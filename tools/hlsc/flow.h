/* The control flow of a function: blocks, their order, who dominates whom. */
#ifndef HLSC_FLOW_H
#define HLSC_FLOW_H
#include <llvm-c/Core.h>
#include <stdbool.h>

struct block {
    LLVMBasicBlockRef llvm;
    int *next, nexts;
    int *before, befores, before_capacity; /* each predecessor once */
    int order, dominator;
    bool reached;
    int region; /* region.c */

    bool ends;  /* build.c: the function returns here */
    int result; /* the node that it returns, NONE: nothing */

    /* predicate.c: nodes, NONE: always */
    int condition;       /* of a branch: its first way is taken if it holds */
    int *edge_condition; /* of each way out, once control is here */
    int *edge_guard;     /* and from the beginning of a loop's round, or state */
    int guard;
    bool certain; /* in a pipelined loop: control comes here whenever it comes to the dominator */
};

struct flow {
    struct block *block; /* the first is the entry */
    int blocks;
    int *order, ordered; /* reverse postorder of the blocks that are reached */
};

struct flow flow_of(LLVMValueRef function);
int block_index(const struct flow *f, LLVMBasicBlockRef b);
bool dominates(const struct flow *f, int a, int b);
#endif
