/* The network itself, before any conversion, on samples from files. */
#ifndef ADAFIRE_ANN_H
#define ADAFIRE_ANN_H

#include "convert/journal.h"
#include "input/input.h"
#include "network/network.h"

/* Writes the outputs of every sample to `path`: .npy, one row a sample, all outputs in the graph's
 * order. The network must have been lowered with a unit of 1 and zeros of 0.
 * Returns the number of samples, or a negative status. */
int64_t ann_run(const struct network *network, const char *const *inputs, int path_count,
                const struct input_spec *spec, const char *path, int threads,
                struct journal *journal);

#endif
