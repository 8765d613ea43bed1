/* One sample, and what the model wants to see of it. */
#ifndef ADAFIRE_SAMPLE_H
#define ADAFIRE_SAMPLE_H

#include "adafire.h"
#include "base/tensor.h"

/* How recordings become counts, see counting.h. */
struct counting {
    int sensor[2];                     /* width and height; 0: the file's */
    double hot;                        /* events a second; 0: no pixel is hot */
    int64_t background, window, count; /* us, us, events; 0: not */
    int downsample;                    /* 0: not */
    bool flip[2], fit, crop, merge, swap, all, even;
};

/* What the model wants to see. */
struct input_spec {
    int channels, height, width; /* of one sample; NF arrays are F,1,1 and NCL arrays C,1,L */
    bool events;                 /* the model takes event recordings as well as frames */
    /* Pictures: the shorter side is resized to `resize` (bilinear, half-pixel centres), or, with
     * squash, both sides; 0 means to the model's own size with squash. Then a centre crop. */
    int resize;
    bool squash;
    struct counting counting; /* of recordings */
    bool labels;              /* class maps: PNG of this size, whose numbers stay as they are */
};

/* Where a sample lies in the picture it was cut from: pixel (x, y) of the sample is
 * origin + step * (x, y) there. */
struct view {
    int width, height; /* of the picture; 0: the sample is not of a picture file */
    float origin[2], step[2];
};

/* One sample. The pointers are owned by the source and good until the next input_next. */
struct sample {
    const char *name; /* file name, or "file.npy[17]" */
    int label;        /* -1 if the file carries none */
    enum dtype type;  /* of `data`: F32, U8, I8, I16 or I32 (F64 becomes F32) */
    const void *data; /* channels x height x width, row-major; NULL for a recording */
    const struct af_camera_event
        *events; /* in the file's order; x, y and polarity are the sensor's */
    int64_t event_count;
    int sensor[2];    /* width and height that the recording's file says; 0: it does not */
    const char *note; /* what its reader counted, without its name; NULL: nothing */
    struct view view;
};

#endif
