#include "live/latency.h"

#include <math.h>

#define LEAST 1e-7

void latency_add(struct latency *l, double seconds)
{
    const double at = seconds > LEAST ? log10(seconds / LEAST) * LATENCY_PARTS : 0;
    const int most = LATENCY_DECADES * LATENCY_PARTS - 1;
    l->part[at < most ? (int)at : most]++;
    l->count++;
    l->most = seconds > l->most ? seconds : l->most;
}

double latency_share(const struct latency *l, double share)
{
    int64_t below = 0;
    for (int i = 0; i < LATENCY_DECADES * LATENCY_PARTS; i++) {
        below += l->part[i];
        if (l->count && (double)below >= share * (double)l->count)
            return below == l->count ? l->most
                                     : fmin(LEAST * pow(10, (i + 1.0) / LATENCY_PARTS), l->most);
    }
    return l->count ? l->most : NAN;
}
