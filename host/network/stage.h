/* Means over many neurons, in two stages. */
#ifndef ADAFIRE_STAGE_H
#define ADAFIRE_STAGE_H

#include "network/network.h"

/* A neuron that reads the mean of a whole map, of many channels, adds up so many events that their
 * weights would have few of 8 bits left: what it can add up in a timestep, and in all of them, has
 * to fit into 22 (quantise.c). Such a map is averaged over parts by a population of its own first,
 * whose events are worth so much more. AF_NO_MEMORY. */
int network_stage_means(struct network *net);

#endif
