/* What the branches of a process become: conditions on the edges between blocks, and in pipelined
 * loops guards and choices. What joins after a branch is as certain as what forked. */
#ifndef HLSC_PREDICATE_H
#define HLSC_PREDICATE_H
#include "process.h"

/* The conditions under which each way out of a block is taken, and the guards that follow. */
void find_edges(struct process *p, int block, int guard);
/* Within a pipelined loop: a block's guard, and for every block before it the condition under which
 * control comes from there, given that it has come to the dominator. */
int find_join(struct process *p, int block, int *way);
/* What a phi inside a pipelined loop is, by the ways that lead to it. */
int choose(struct process *p, LLVMValueRef phi, int block, const int *way);
#endif
