/* What populations do, and whose doings are counted. */
#ifndef ADAFIRE_ACTIVITY_H
#define ADAFIRE_ACTIVITY_H

#include <stdint.h>

struct activity {
    int64_t spikes, events, sops, spike_sops, adds; /* as in af_result */
};

/* Nobody's; those of the first population of an inference, or of a part of one; all. */
enum counted { COUNT_NONE, COUNT_FIRST, COUNT_ALL };

#endif
