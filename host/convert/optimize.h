/* The recipe that serves a goal best, of many that are tried. */
#ifndef ADAFIRE_OPTIMIZE_H
#define ADAFIRE_OPTIMIZE_H

#include "convert/journal.h"
#include "convert/recipe.h"
#include "convert/verdict.h"

/* Tries timesteps, burst limits, initial potentials, weights to leave out and threshold ratios for
 * options->goal, within options->tolerance. On failure there is nothing to free. */
int recipe_optimize(const struct reference *reference, const struct convert_options *options,
                    const struct input_format *format, struct journal *journal,
                    struct recipe *recipe, struct verdict *verdict);

#endif
