/* An address as nodes: which bank of a memory, and which row in it. */
#ifndef HLSC_ADDRESS_H
#define HLSC_ADDRESS_H
#include "linear.h"
#include "memory.h"
#include "process.h"

/* Sum of factor * term, plus a constant, as a 32-bit node. */
int linear_node(struct process *p, const struct linear *l, const int64_t *factor, int64_t constant);

/* The row, and the bank along each dimension: constant, or a 32-bit node. */
struct location {
    int row, bank[8], bank_node[8]; /* bank_node NONE: constant */
};
struct location locate(struct process *p, const struct memory *m, const struct linear *l);
/* May the access go to this bank? *here: whether it does, where that depends on the index. */
bool reaches(struct process *p, const struct memory *m, const struct location *at, int bank,
             int *here);
#endif
