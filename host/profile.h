/* What an accelerator's cycles went to: from its marks (COMMAND_PROFILE, hw/isa.h) to spans of time
 * (adafire.h), and the sum over samples. */
#ifndef ADAFIRE_PROFILE_H
#define ADAFIRE_PROFILE_H

#include "program.h"

enum { PROFILE_MOST_CORES = 256 };

/* Marks to ask a core for after a run of at most `steps` timesteps; 0: it has none. */
uint32_t profile_marks(const struct program *p, int steps);
/* of_core: each core's answer, with as many marks; steps: timesteps taken. *profile is NULL if the
 * accelerator has no clock (csim). */
int profile_make(const struct program *p, const uint32_t *const *of_core, uint32_t marks, int steps,
                 struct af_profile **profile);
void profile_free(struct af_profile *profile);

/* What a process did in so many cycles, in percent: 100 together, although one that belongs to no
 * core also waits before the run and behind it. */
struct shares {
    double busy, starved, blocked;
};
struct shares profile_shares(double starved, double blocked, double cycles);

/* Sums over samples. */
struct profile_row {
    double cycles, firing, starved, blocked; /* summed over cores */
};
struct profile_sum {
    int64_t samples;
    double cycles;
    int populations;
    struct profile_row *row;   /* [populations + 1]: the last is that of population -1 */
    struct af_profile *first;  /* of the first sample; NULL: none was added */
    struct profile_row *waits; /* [first->waits_count] starved and blocked */
};
/* Takes the profile over. */
int profile_add(struct profile_sum *sum, int populations, struct af_profile *profile);
void profile_sum_free(struct profile_sum *sum);

#endif
