/* What errors and events of each channel do to the outputs. */
#ifndef ADAFIRE_WEIGH_H
#define ADAFIRE_WEIGH_H

#include "convert/reference.h"

/* Fills in the statistics' weight and fanout, from the others. */
int reference_weigh(struct reference *ref);
/* Squared error of the outputs for one in the current of a channel's neuron. */
double weigh_passes(const struct reference *ref, int population, int channel);

#endif
