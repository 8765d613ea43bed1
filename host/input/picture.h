/* Pixels of a picture in memory. */
#ifndef ADAFIRE_PICTURE_H
#define ADAFIRE_PICTURE_H

#include <stdint.h>

/* Pixels of 1 or 3 bytes, row by row. */
struct picture {
    int width, height, channels;
    uint8_t *pixels; /* malloc'd */
};

/* Checks the limit and allocates the pixels. */
int picture_make(const char *path, int64_t width, int64_t height, int channels,
                 struct picture *picture);

#endif
