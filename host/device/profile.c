#include "device/profile.h"

#include "base/error.h"

#include <math.h>
#include <stdlib.h>

void af_profile_free(struct af_profile *profile)
{
    if (!profile)
        return;
    free(profile->span);
    free(profile->waits);
    free(profile);
}

struct shares profile_shares(double starved, double blocked, double cycles)
{
    struct shares x = {.starved = fmin(100, 100 * starved / cycles)};
    x.blocked = fmin(100 - x.starved, 100 * blocked / cycles);
    x.busy = 100 - x.starved - x.blocked;
    return x;
}

int profile_add(struct profile_sum *sum, int populations, struct af_profile *profile)
{
    if (!sum->first) {
        sum->populations = populations;
        sum->row = calloc((size_t)populations + 1, sizeof *sum->row);
        sum->waits = calloc((size_t)profile->waits_count, sizeof *sum->waits);
        if (!sum->row || !sum->waits) {
            af_profile_free(profile);
            return af_fail(AF_NO_MEMORY, "no memory for a profile");
        }
    }
    for (int i = 0; i < profile->span_count; i++) {
        const struct af_span *s = &profile->span[i];
        struct profile_row *row = &sum->row[s->population < 0 ? populations : s->population];
        row->cycles += (double)(s->end - s->begin);
        row->firing += (double)(s->fired - s->begin);
        row->starved += (double)s->starved;
        row->blocked += (double)s->blocked;
    }
    for (int i = 0; i < profile->waits_count; i++) {
        sum->waits[i].starved += (double)profile->waits[i].starved;
        sum->waits[i].blocked += (double)profile->waits[i].blocked;
    }
    sum->samples++;
    sum->cycles += (double)profile->cycles;
    if (sum->first)
        af_profile_free(profile);
    else
        sum->first = profile;
    return AF_OK;
}

void profile_sum_free(struct profile_sum *sum)
{
    af_profile_free(sum->first);
    free(sum->row);
    free(sum->waits);
    *sum = (struct profile_sum){0};
}
