/* What operations and memories cost on a target: time and area. Estimates, all of them. */
#ifndef HLSC_COST_H
#define HLSC_COST_H
#include "process.h"

/* Nanoseconds from the last operand to the result. */
double node_delay(const struct process *p, const struct node *n);

struct cost {
    long flip_flops, dsp, luts;
    long rams; /* block RAMs; of UltraScale+ RAMB18, halves of a RAMB36 */
    long urams;
};
/* Of a process that has been emitted. */
struct cost process_cost(const struct process *p);
/* Of a queue (hw/rtl/hls_fifo.v) in block RAM, if it is. */
long queue_rams(const struct target *t, int width, int depth);
#endif
