/* Weights to integers with error feedback (rounding.c says how). */
#ifndef ADAFIRE_ROUNDING_H
#define ADAFIRE_ROUNDING_H

#include "convert/convert.h"

/* Of one projection: what the weights of a row make up for of those before them. */
struct rounding {
    int block;        /* weights of a row that see each other; 0: each is rounded for itself */
    double *feedback; /* [groups][blocks of a row][block][block], above the diagonal; on it the mean
                         square of an input that those behind it do not predict */
    float *events;    /* [groups][row] that an input has at a position in a timestep, about */
};

/* From the ANN's inputs on the calibration samples: statistics' rounding. */
int rounding_measure(struct conversion *c);
void rounding_free(struct rounding *r, int count);

/* Of weight i of a group's rows, the diagonal. */
double rounding_unpredicted(const struct rounding *r, int group, int64_t row, int64_t i);

/* Rounds the weights of one output channel of a group: weight i becomes to[i] * step[i] with
 * |to[i]| <= limit; what is 0 stays 0, and what adds a mean square below `prune` for each of its
 * input's events becomes 0 (prune.h). All: [row], scratch as well. */
void rounding_row(const struct rounding *r, int group, int64_t row, const float *weight,
                  const double *step, int limit, double prune, double *scratch, int8_t *to);

#endif
