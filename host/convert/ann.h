/* The network itself, before any conversion. */
#ifndef ADAFIRE_ANN_H
#define ADAFIRE_ANN_H

#include "convert/journal.h"
#include "input/input.h"
#include "network/network.h"

/* Where samples come from: files, or memory if there are no paths. */
struct ann_samples {
    const char *const *paths;
    int path_count;
    const struct af_sample *samples;
    int64_t count;
};

/* The outputs of every sample, one row each, all outputs in the graph's order: written to `path`
 * (.npy), or if that is NULL into *outputs, the caller's to free. The network must have been
 * lowered with a unit of 1 and zeros of 0. */
int ann_run(const struct network *network, const struct ann_samples *samples,
            const struct input_spec *spec, int threads, struct journal *journal, const char *path,
            float **outputs, int64_t *count, int64_t *columns);

#endif
