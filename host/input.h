/* Samples from files, one at a time, whatever the file format.
 *
 * A source streams: memory does not grow with the number of samples. Formats, told by content and
 * not by name wherever they have a magic number:
 *
 * - .npy: uint8, int8, int16, int32, float32 (or float64), shape NCHW, NCL or NF
 * - .npz: the first array of that kind, or the one named by "file.npz:name"
 * - idx, idx.gz: MNIST files (magic 0x0000TTRR, big endian), N x rows x cols or N x d
 * - CIFAR binary: records of 1 (or 2: CIFAR-100) label bytes + 3072 pixels; carries labels
 * - PNG, JPEG: resized and cropped as the spec says, RGB or grey by spec.channels
 * - event .npy: int32 rows x,y,polarity,t[us]; recordings told apart by a second file given as
 *   "events.npy@offsets.npy" (start row of each; without it one recording)
 * - event .bin: one N-MNIST recording: 5 bytes an event, x, y, then polarity in the top bit of a
 *   23-bit big-endian time in us (Orchard et al., Front. Neurosci. 9:437, 2015)
 * - OFF, PLY (ascii, binary little endian): a mesh or a set of points, and .npy [P,3] or [N,P,3],
 *   float or double, for a model of 3 x P' points: see points.h
 * - a folder: the files in it that are named as what the model takes (pictures, meshes, or N-MNIST
 *   recordings .bin), by name; folders in it are classes, in order of their names, and carry labels
 */
#ifndef ADAFIRE_INPUT_H
#define ADAFIRE_INPUT_H

#include "tensor.h"

/* What the model wants to see. */
struct input_spec {
    int channels, height, width; /* of one sample; NF arrays are F,1,1 and NCL arrays C,1,L */
    bool events;                 /* the model takes event recordings as well as frames */
    /* Pictures: the shorter side is resized to `resize` (bilinear, half-pixel centres), or, with
     * squash, both sides; 0 means to the model's own size with squash. Then a centre crop. */
    int resize;
    bool squash;
    bool labels; /* class maps: pictures must be grey and of this size, their values stay */
};

struct event {
    uint16_t x, y;
    uint16_t polarity;
    int64_t t; /* microseconds, >= 0, in the file's order */
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
    const struct event *events;
    int64_t event_count;
    struct view view;
};

struct input;

/* Opens the sources in order as one stream. AF_IO, AF_BAD_FILE (with path and reason: a wrong shape
 * says what the file has and what the model wants), AF_NO_MEMORY. *in is NULL on failure. */
int input_open(struct input **in, const char *const *paths, int count,
               const struct input_spec *spec);
/* Samples in all sources, -1 if that is not known before reading. */
int64_t input_count(const struct input *in);
/* Goes on to the next sample: 1 with *s filled, 0 at the end, negative on failure. */
int input_next(struct input *in, struct sample *s);
void input_close(struct input *in);

/* A picture as it is in its file, uint8 [1 or 3][height][width]. */
int input_picture(const char *path, struct tensor *pixels);

/* Labels: .npy or idx(.gz) integers of rank 1 (or N x 1). `labels` becomes int64 [N]. */
int labels_read(const char *path, struct tensor *labels);

/* Counts of a recording in `steps` equal bins of time from its first event to its last: out is
 * steps x channels x height x width, a count per (bin, polarity, y, x), saturating at 255. Events
 * outside the sensor are an error that says which one. */
int events_bin(const struct sample *s, const struct input_spec *spec, int steps, int16_t *out);
/* The same for a network that was trained on `frames` frames of a recording (0: 1): a bin is
 * frames / steps of one, so counts are multiplied by steps / frames. What that leaves of a whole
 * event comes in a later bin. */
int events_bin_as_frames(const struct sample *s, const struct input_spec *spec, int steps,
                         int frames, int16_t *out);

#endif
