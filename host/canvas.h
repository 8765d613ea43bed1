/* Pictures with answers drawn onto them. */
#ifndef ADAFIRE_CANVAS_H
#define ADAFIRE_CANVAS_H

#include "detect.h"

struct canvas {
    int width, height;
    int zoom;     /* pixels of the canvas for one of the sample, each way */
    uint8_t *rgb; /* [height][width][3], owned */
};

/* A sample of 1 or 3 channels as a picture, `zoom` times as large. Values other than bytes are
 * stretched from their least to their largest. AF_UNSUPPORTED for other channels. */
int canvas_make(const char *name, const struct tensor *sample, const int shape[3], int zoom,
                struct canvas *c);
void canvas_free(struct canvas *c);
/* A frame in the class's colour with `text` on it. */
void canvas_box(struct canvas *c, const struct box *box, const char *text);
/* Colours every pixel half by its class: class_of[height][width]. */
void canvas_classes(struct canvas *c, const uint16_t *class_of, int height, int width);
/* PNG, under a temporary name first. */
int canvas_write(const struct canvas *c, const char *path);

#endif
