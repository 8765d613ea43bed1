/* Registers of the state machine. A variable of the source becomes several values: one for each
 * assignment, one wherever ways join. Each would have a register of its own, and the way from one
 * to the next would be a copy. Values that are copies of one another and never live at once with
 * different contents share a register, as a compiler's register allocation coalesces copies
 * (Chaitin et al.: Register Allocation via Coloring, 1981). */
#ifndef HLSC_SHARING_H
#define HLSC_SHARING_H
#include "emitter.h"
#include "process.h"

/* From which registers are read where. */
void share_registers(struct emitter *e);
/* The node whose low bits a value is, all of its own and no others; NONE: something else. */
int copied(const struct process *p, int node, int width);
#endif
