/* Recordings of an event camera: tables of events and N-MNIST's files. */
#ifndef ADAFIRE_SOURCE_RECORDINGS_H
#define ADAFIRE_SOURCE_RECORDINGS_H

#include "input/array.h"
#include "input/source.h"

/* Each makes the source of one path or says why it cannot; *src is NULL on failure. */
int source_recordings(struct source **src, const char *path, const struct place *place,
                      const struct array *array, const char *offsets,
                      const struct input_spec *spec);
int source_nmnist(struct source **src, const char *path, const struct input_spec *spec);

/* Whether the array is a table of events: integers, four columns. */
bool array_is_events(const struct array *array);

#endif
