/* Samples from files as a device takes them. */
#ifndef ADAFIRE_SAMPLES_H
#define ADAFIRE_SAMPLES_H

#include "input/input.h"
#include "model/model.h"

/* What the model wants to see. AF_BAD_ARGUMENT if it says in unknown words how events are counted.
 */
int samples_of_model(const struct af_model *m, struct input_spec *spec);

/* Values of a sample; of a recording as counts of `steps` timesteps. */
int64_t sample_length(const struct sample *s, const struct input_spec *spec, int steps);
/* Copies them into `to`, of which *taken then speaks. */
int sample_take(const struct sample *s, const struct input_spec *spec, int steps, int frames,
                void *to, struct af_sample *taken);

#endif
