/* The network itself, before any conversion, on samples from files. */
#ifndef ADAFIRE_ANN_H
#define ADAFIRE_ANN_H

#include "input/input.h"
#include "network/network.h"

/* Writes the outputs of every sample to `path`: .npy, one row a sample, all outputs in the graph's
 * order. The network must have been lowered with a unit of 1 and zeros of 0. progress may be NULL.
 * Returns the number of samples, or a negative status. */
int64_t ann_run(const struct network *network, const char *const *inputs, int path_count,
                const struct input_spec *spec, const char *path, int threads,
                void (*progress)(void *context, const char *phase, double fraction), void *context);

#endif
