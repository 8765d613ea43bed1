/* A PNG or JPEG file: one sample. */
#ifndef ADAFIRE_SOURCE_PICTURE_H
#define ADAFIRE_SOURCE_PICTURE_H

#include "input/source.h"

/* Makes the source of one path or says why it cannot; *src is NULL on failure. */
int source_picture(struct source **src, const char *path, const struct input_spec *spec);

#endif
