/* A picture as the model takes it: resized and cropped. */
#ifndef ADAFIRE_PICTURE_RESIZE_H
#define ADAFIRE_PICTURE_RESIZE_H

#include "input/picture.h"
#include "input/sample.h"

/* Where picture_fit's result lies in the picture. */
int picture_view(const char *path, const struct picture *picture, const struct input_spec *spec,
                 struct view *view);
/* Resizes and crops as the spec says; `out` is channels x height x width of the spec. */
int picture_fit(const char *path, const struct picture *picture, const struct input_spec *spec,
                uint8_t *out);

#endif
