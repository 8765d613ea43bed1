/* What an accelerator's cycles went to: the sum over samples. */
#ifndef ADAFIRE_PROFILE_H
#define ADAFIRE_PROFILE_H

#include "adafire.h"

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
