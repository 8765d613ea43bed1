/* One event of an event camera. */
#ifndef ADAFIRE_EVENT_H
#define ADAFIRE_EVENT_H

#include <stdint.h>

struct event {
    uint16_t x, y;
    uint16_t polarity; /* 0: darker, 1: brighter */
    int64_t t;         /* microseconds by the file's clock, in the file's order */
};

#endif
