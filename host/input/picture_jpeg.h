/* JPEG pictures. */
#ifndef ADAFIRE_PICTURE_JPEG_H
#define ADAFIRE_PICTURE_JPEG_H

#include "input/picture.h"

#include <stdio.h>

/* Decodes an open file; `path` stands in messages. The pixels stay the caller's to free, also on
 * failure. */
int picture_read_jpeg(const char *path, FILE *file, struct picture *picture);

#endif
