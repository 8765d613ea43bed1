/* Arrays of samples, and CIFAR's binary files. */
#ifndef ADAFIRE_SOURCE_FRAMES_H
#define ADAFIRE_SOURCE_FRAMES_H

#include "input/array.h"
#include "input/source.h"

/* Each makes the source of one path or says why it cannot; *src is NULL on failure. */
int source_frames(struct source **src, const char *path, const struct place *place,
                  const struct array *array, const struct input_spec *spec);
int source_cifar(struct source **src, const char *path, int64_t size,
                 const struct input_spec *spec);

/* Whether the array's samples have the shape of the model's. */
bool frames_match(const struct array *array, const struct input_spec *spec);
/* The size of CIFAR's records, 3073 or 3074 bytes, in a file of this size; 0 if neither fits. */
int cifar_record(int64_t size);
bool cifar_match(const struct input_spec *spec);

#endif
