/* Weights to integers, row by row, with what rounding one of them does to the sum made up for by
 * those after it: as far as their inputs, on the calibration samples, predict its own. That is the
 * optimal brain surgeon's update (Hassibi and Stork, 1993) in a fixed order, as Frantar et al.
 * (arXiv 2210.17323) use it.
 *
 * With inputs x, H = E[x x'] and H = R R' (R upper triangular), row i of the inverse of R over its
 * diagonal holds, negated, the coefficients by which the inputs j > i predict input i, and R_ii^2
 * is the mean square of what they do not. */
#ifndef ADAFIRE_ROUNDING_H
#define ADAFIRE_ROUNDING_H

#include <stdint.h>

/* Of one projection: what the weights of a row make up for of those before them. */
struct rounding {
    int block;        /* weights of a row that see each other; 0: each is rounded for itself */
    double *feedback; /* [groups][blocks of a row][block][block], above the diagonal; on it the mean
                         square of an input that those behind it do not predict */
    float *events;    /* [groups][row] that an input has at a position in a timestep, about */
};

/* Blocks of a row. */
int rounding_blocks(const struct rounding *r, int64_t row);
void rounding_free(struct rounding *r, int count);

/* Of weight i of a group's rows, the diagonal. */
double rounding_unpredicted(const struct rounding *r, int group, int64_t row, int64_t i);

/* Rounds the weights of one output channel of a group: weight i becomes to[i] * step[i] with
 * |to[i]| <= limit; what is 0 stays 0, and what adds a mean square below `prune` for each of its
 * input's events becomes 0 (prune.h). All: [row], scratch as well. */
void rounding_row(const struct rounding *r, int group, int64_t row, const float *weight,
                  const double *step, int limit, double prune, double *scratch, int8_t *to);

#endif
