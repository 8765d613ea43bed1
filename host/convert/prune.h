/* Which weights are left out (prune.c says why). */
#ifndef ADAFIRE_PRUNE_H
#define ADAFIRE_PRUNE_H

#include "convert/recipe.h"

/* The limit by which options.prune of the synaptic operations go: recipe->prune_limit. */
int prune_choose(struct recipe *recipe);
/* The same for the weights of an output channel of a projection, as rounding_row takes it. */
double prune_row_limit(const struct recipe *recipe, int population, int projection, int channel);

#endif
