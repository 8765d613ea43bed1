/* What operations and memories cost on a target: time and area. Estimates, all of them. */
#ifndef HLSC_COST_H
#define HLSC_COST_H
#include "process.h"

/* Nanoseconds from the last operand to the result. */
double node_delay(const struct process *p, const struct node *n);

struct cost {
    long flip_flops, dsp, luts, rams;
};
/* Of a process that has been emitted. */
struct cost process_cost(const struct process *p);
#endif
