/* Weights to integers with error feedback, and which of them are left out (rounding.c says how). */
#ifndef ADAFIRE_ROUNDING_H
#define ADAFIRE_ROUNDING_H

#include "convert.h"

/* Of one projection: what the weights of a row make up for of those before them. */
struct rounding {
    int block;        /* weights of a row that see each other; 0: each is rounded for itself */
    double *feedback; /* [groups][blocks of a row][block][block], above the diagonal; on it the mean
                         square of what those behind cannot make up for, of a weight of 1 */
    float *active;    /* [groups][row] share of the positions at which the input is not 0 */
};

/* From the ANN's inputs on the calibration samples: statistics' rounding. */
int rounding_measure(struct conversion *c);
void rounding_free(struct rounding *r, int count);

/* Pruning leaves out the weights whose squared error in the outputs for each synaptic operation
 * saved is less than a limit: the one by which this share of the operations goes. */
double rounding_prune_limit(const struct conversion *c, double share);
/* The same for the weights of an output channel of a projection as rounding_row takes it. */
double rounding_row_limit(const struct conversion *c, int population, int projection, int channel,
                          double limit);

/* Rounds the weights of one output channel of a group: weight i becomes to[i] * step[i] with
 * |to[i]| <= limit; what is 0 stays 0. Left out is what adds a mean square below `prune` for each
 * time that its input is active. All: [row], scratch as well. */
void rounding_row(const struct rounding *r, int group, int64_t row, const float *weight,
                  const double *step, int limit, double prune, double *scratch, int8_t *to);

#endif
