/* Pictures in files, PNG and JPEG. */
#ifndef ADAFIRE_PICTURE_FILE_H
#define ADAFIRE_PICTURE_FILE_H

#include "base/tensor.h"
#include "input/picture.h"
#include "input/picture_png.h"

/* PNG or JPEG by the first bytes of the file. */
bool is_picture(const unsigned char *bytes, size_t size);
/* Decodes into `channels` (1 or 3); a grey picture stays at 1. 16 bits become 8, alpha is dropped.
 */
int picture_read(const char *path, int channels, struct picture *picture);

/* A picture as it is in its file, uint8 [1 or 3][height][width]. */
int input_picture(const char *path, struct tensor *pixels);

/* A picture that holds a class for each pixel: PNG, because a lossy format changes numbers. On
 * failure there is nothing to free. */
int class_map_read(const char *path, struct class_map *map);

#endif
