/* Calibration samples: files to the counts that the integer network will see. */
#ifndef ADAFIRE_CALIBRATION_H
#define ADAFIRE_CALIBRATION_H

#include "convert/reference.h"
#include "input/input.h"
#include "model/model.h"
#include "onnx/quantiser.h"

/* Where samples come from: files, or memory if there are no paths. */
struct calibration_source {
    const char *const *paths;
    int path_count;
    const char *labels_path;         /* NULL: labels that the files carry, or those in memory */
    const struct af_sample *samples; /* [count] raw values */
    int64_t count;
    const int64_t *labels;     /* [count] or NULL */
    const struct codes *codes; /* into which the network quantises its input; NULL: it does not */
};

/* Reads `limit` samples and up to `further` more, as far as there are, and chooses the input
 * format: for whole-number data a count is one step of the raw value and stands for its distance
 * from the whole number nearest to where the network sees 0; other data get a unit of (largest
 * distance) / COUNT_LIMIT. Where the network quantises its input, counts are its codes. Without
 * paths and samples the format alone is chosen, for such a network or else pictures. Labels are
 * taken from `labels_path`, else from the samples where all of them carry one. */
int calibration_read(const struct calibration_source *from, int64_t limit, int64_t further,
                     const struct input_spec *spec, const struct normalisation *n,
                     struct input_format *format, struct calibration *data);
/* Adds at most `limit` event recordings as counts of `steps` timesteps. */
int calibration_read_recordings(const char *path, int64_t limit, int steps,
                                const struct input_spec *spec, const struct input_format *format,
                                struct calibration *data);
/* The same of recordings in memory. */
int calibration_take_recordings(const struct af_recording *recordings, int64_t count, int64_t limit,
                                int steps, const struct input_spec *spec,
                                const struct input_format *format, struct calibration *data);
void calibration_free(struct input_format *format, struct calibration *data);

/* The shape of one sample as the graph declares it, filled up from the first .npy among the paths
 * where the graph leaves it open. AF_BAD_ARGUMENT if neither says. */
int calibration_shape(const struct graph *graph, const char *const *paths, int path_count,
                      int shape[3]);

#endif
