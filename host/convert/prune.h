/* Which weights are left out (prune.c says why). */
#ifndef ADAFIRE_PRUNE_H
#define ADAFIRE_PRUNE_H

#include "convert/convert.h"

/* The limit by which options->prune of the synaptic operations go: c->prune_limit. */
int prune_choose(struct conversion *c);
/* The same for the weights of an output channel of a projection, as rounding_row takes it. */
double prune_row_limit(const struct conversion *c, int population, int projection, int channel);

#endif
