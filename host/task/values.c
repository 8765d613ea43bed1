#include "task/values.h"

#include "base/error.h"

#include <math.h>
#include <stdlib.h>

int deviation_make(int64_t count, struct deviation *d)
{
    *d = (struct deviation){.count = count, .sum = calloc((size_t)count + 1, sizeof *d->sum)};
    return d->sum ? AF_OK : af_fail(AF_NO_MEMORY, "no memory for %lld values", (long long)count);
}

void deviation_free(struct deviation *d)
{
    free(d->sum);
    *d = (struct deviation){0};
}

void deviation_add(struct deviation *d, const float *should, const float *is)
{
    for (int64_t i = 0; i < d->count; i++) {
        const double v = (double)should[i], off = (double)is[i] - v;
        d->error += off * off;
        d->squares += v * v;
        d->sum[i] += v;
    }
    d->samples++;
}

double deviation_share(const struct deviation *d)
{
    double means = 0;
    for (int64_t i = 0; i < d->count; i++)
        means += d->sum[i] * d->sum[i];
    const double variance = d->squares - means / (double)(d->samples ? d->samples : 1);
    return variance > 1e-12 * d->squares ? d->error / variance : NAN;
}
