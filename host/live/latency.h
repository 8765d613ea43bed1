/* How long things took: a histogram of bounded size, so that a stream may go on for days. */
#ifndef ADAFIRE_LATENCY_H
#define ADAFIRE_LATENCY_H

#include <stdint.h>

enum { LATENCY_DECADES = 10, LATENCY_PARTS = 50 }; /* from 0.1 us on; a part is 4.7 % wide */

struct latency {
    int64_t count, part[LATENCY_DECADES * LATENCY_PARTS];
    double most;
};

void latency_add(struct latency *l, double seconds);
/* The time that the share (0..1) of them stayed below, to a part, never above the most; NAN of
 * none. */
double latency_share(const struct latency *l, double share);

#endif
