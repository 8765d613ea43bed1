/* PNG pictures. */
#ifndef ADAFIRE_PICTURE_PNG_H
#define ADAFIRE_PICTURE_PNG_H

#include "input/picture.h"

#include <stdio.h>

/* Decodes an open file; `path` stands in messages. The pixels stay the caller's to free, also on
 * failure. */
int picture_read_png(const char *path, FILE *file, struct picture *picture);

/* Numbers as they are in the file (1, 2, 4, 8 or 16 bits, or places in a palette); class_of stays
 * the caller's to free, also on failure. */
struct class_map {
    int width, height;
    uint16_t *class_of; /* [height][width] */
};
int class_map_read_png(const char *path, FILE *file, struct class_map *map);

#endif
