/* Meshes and tables of points, for models that take sets of points (points.h). */
#ifndef ADAFIRE_SOURCE_POINTS_H
#define ADAFIRE_SOURCE_POINTS_H

#include "input/array.h"
#include "input/source.h"

/* Each makes the source of one path or says why it cannot; *src is NULL on failure. */
int source_mesh(struct source **src, const char *path, const struct input_spec *spec);
int source_clouds(struct source **src, const char *path, const struct place *place,
                  const struct array *array, const struct input_spec *spec);

/* Whether the model takes sets of points, and whether the array holds such: [P,3] or [N,P,3]. */
bool takes_points(const struct input_spec *spec);
bool array_is_points(const struct array *array);

#endif
