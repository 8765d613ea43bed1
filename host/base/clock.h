/* Time that passes, which nobody sets. */
#ifndef ADAFIRE_CLOCK_H
#define ADAFIRE_CLOCK_H

#include <time.h>

static inline double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

#endif
