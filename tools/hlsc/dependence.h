/* What waits for what: operands, memories, streams and AXI ports. */
#ifndef HLSC_DEPENDENCE_H
#define HLSC_DEPENDENCE_H
#include "process.h"

/* cycle(to) + distance * II >= cycle(from) + latency */
struct dependences {
    struct dependence {
        int from, to, latency, distance;
    } *list;
    int count, capacity;
};

/* Nobody looks at it and it does nothing. */
bool is_dead(const struct process *p, const struct node *n);
/* Of every node: the operands that it waits for. */
void find_sources(struct process *p);
/* Of a region, but for operands; ii 0: straight code, nothing repeats. */
void find_dependences(struct dependences *all, const struct process *p, const struct region *r,
                      int ii);
#endif
