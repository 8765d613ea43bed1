/* Thresholds refined jointly against the ANN's outputs.
 *
 * What is the least squared error of a population's activations need not be the least error of the
 * network's outputs: where activations have long tails, clipping the tail harder buys finer steps
 * for all that lies below it. So each population's thresholds move along a family of two numbers,
 * between those of least absolute and least squared error (threshold.h) and by a common factor, and
 * what the outputs then diverge from the ANN's decides. First all populations move together, then
 * group after group, what comes before as it was chosen. */
#ifndef ADAFIRE_REFINE_H
#define ADAFIRE_REFINE_H

#include "convert/journal.h"
#include "convert/recipe.h"
#include "convert/verdict.h"

/* Refines a recipe whose thresholds and biases are set, by some of the calibration samples, and
 * keeps what comes out where it is better on the others, which *gain tells. The work is a share of
 * what was spent before, by options.effort; samples too few to divide are left alone. */
int refine_thresholds(struct recipe *recipe, struct journal *journal, struct gain *gain);

#endif
