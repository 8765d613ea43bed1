/* Thresholds per channel. */
#ifndef ADAFIRE_THRESHOLD_H
#define ADAFIRE_THRESHOLD_H

#include "convert/recipe.h"

/* Thresholds of a population for its burst limit: least mean squared error of the staircase
 * min(floor(x T / theta + 1/2), burst T) theta / T against the ANN's activations. */
void threshold_set(struct recipe *recipe, int population);

/* Which error of that staircase is least: absolute ones let the tail of a distribution be clipped
 * for finer steps below it. */
enum threshold_norm { THRESHOLD_ABSOLUTE, THRESHOLD_SQUARED, THRESHOLD_NORMS };
/* threshold[norm][channels] for each, of channels that fire. */
int threshold_fit(const struct recipe *recipe, int population, float *const *threshold);
/* Between the two, geometrically (squared = 1: threshold_set's; beyond is allowed), times stretch.
 */
void threshold_blend(struct recipe *recipe, int population, const float *const *least,
                     double squared, double stretch);

/* What its channels send together (as the goal counts it) divided anew between them, for the least
 * error in what the network makes of it, with bursts of up to burst_spread. AF_NO_MEMORY. */
int threshold_spread(struct recipe *recipe, int population);

#endif
