/* Pictures with answers drawn onto them. */
#ifndef ADAFIRE_CANVAS_H
#define ADAFIRE_CANVAS_H

#include "task/detect.h"

#include <stdbool.h>

struct canvas {
    int width, height;
    int zoom;     /* pixels of the canvas for one of the picture, each way */
    int dot;      /* of frames and letters, pixels */
    uint8_t *rgb; /* [height][width][3], owned */
};

/* [1 or 3][height][width] as a picture, `zoom` times as large. Values other than bytes are
 * stretched from their least to their largest. AF_UNSUPPORTED for other channels. */
int canvas_make(const char *name, const struct tensor *picture, int zoom, struct canvas *c);
void canvas_free(struct canvas *c);
/* A frame in the class's colour with `text` on it; the box is in pixels of the picture. */
void canvas_box(struct canvas *c, const struct af_box *box, const char *text);
/* Colours every pixel half by its class: class_of[height][width], which covers the rectangle from
 * (at[0], at[1]) of the picture, size[0] x size[1] pixels. */
void canvas_classes(struct canvas *c, const uint16_t *class_of, int height, int width,
                    const float at[2], const float size[2]);
/* Whether pictures drawn to `path` are one file: a name that ends in .png, and no folder's. */
bool canvas_is_file(const char *path);
/* PNG, under a temporary name first. */
int canvas_write(const struct canvas *c, const char *path);

#endif
