#include "convert/rounding.h"

#include <math.h>
#include <stdlib.h>

int rounding_blocks(const struct rounding *r, int64_t row)
{
    return (int)((row + r->block - 1) / r->block);
}

void rounding_free(struct rounding *r, int count)
{
    for (int i = 0; r && i < count; i++) {
        free(r[i].feedback);
        free(r[i].events);
    }
    free(r);
}

double rounding_unpredicted(const struct rounding *r, int group, int64_t row, int64_t i)
{
    const int64_t block = (int64_t)group * rounding_blocks(r, row) + i / r->block,
                  at = i % r->block;
    return r->feedback[(block * r->block + at) * r->block + at];
}

void rounding_row(const struct rounding *r, int group, int64_t row, const float *weight,
                  const double *step, int limit, double prune, double *scratch, int8_t *to)
{
    size_t size = (size_t)r->block * (size_t)r->block;
    const double *f = r->feedback + (size_t)group * (size_t)rounding_blocks(r, row) * size;
    const float *events = r->events + group * row;
    for (int64_t i = 0; i < row; i++)
        scratch[i] = (double)weight[i];
    for (int64_t from = 0; from < row; from += r->block, f += size) {
        int n = row - from < r->block ? (int)(row - from) : r->block;
        double *w = scratch + from;
        for (int i = 0; i < n; i++) {
            const double *fi = f + (size_t)i * (size_t)r->block;
            double q = fmax(fmin(nearbyint(w[i] / step[from + i]), limit), -limit);
            if (weight[from + i] == 0 || w[i] * w[i] * fi[i] < prune * (double)events[from + i])
                q = 0;
            to[from + i] = (int8_t)q;
            double error = w[i] - q * step[from + i];
            for (int j = i + 1; j < n; j++)
                w[j] -= error * fi[j];
        }
    }
}
