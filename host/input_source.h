/* What the readers behind input.h share: one source of samples per path, byte streams that hide
 * gzip and zip, and the arrays in them. Internal to host/input*.c. */
#ifndef ADAFIRE_INPUT_SOURCE_H
#define ADAFIRE_INPUT_SOURCE_H

#include "input.h"

#include <stdio.h>

/* ---- Sources -------------------------------------------------------------------------------- */

struct source;

struct source_ops {
    /* As input_next; called `count` times at the most, with source.at from 0 on. */
    int (*next)(struct source *src, struct sample *s);
    void (*close)(struct source *src); /* frees all but the base, which source_close frees */
};

/* The base of every source, its first member. A source opens its file for a look, closes it, and
 * opens it again for the first sample: thousands may wait in a queue. */
struct source {
    const struct source_ops *ops;
    const struct input_spec *spec; /* outlives the source */
    char *path;                    /* as the user gave it */
    char *name;                    /* of the present sample */
    size_t name_size;
    int64_t count, at; /* samples, and those already given */
};

/* A zeroed source of `size` bytes with its base filled in; NULL without memory (af_fail is done).
 */
void *source_make(size_t size, const struct source_ops *ops, const char *path,
                  const struct input_spec *spec);
void source_close(struct source *src); /* NULL is fine */
/* Makes "path[at]" the name. */
void source_number(struct source *src);

/* ---- Streams -------------------------------------------------------------------------------- */

enum { ZIP_NAME = 256 };

/* An uncompressed or deflated member of a zip archive. */
struct zip_member {
    char name[ZIP_NAME];
    int64_t header; /* where its local header is */
    int64_t packed, size;
    uint32_t crc;
    int method;
};

/* Lists the archive's members; *members is malloc'd. zip64 and encryption are refused. */
int zip_list(const char *path, struct zip_member **members, int *count);

/* Where bytes are. */
struct place {
    const char *path;
    bool zipped;
    struct zip_member member;
};

/* Bytes in order, read from a file, unpacked from a gzip file or from a member of a zip archive. */
struct stream;
int stream_open(struct stream **stream, const struct place *place);
/* All bytes there are, -1 for gzip. */
int64_t stream_size(const struct stream *stream);
/* Reads `size` bytes; fewer only at the end. Damaged packed data is AF_BAD_FILE. */
int stream_read(struct stream *stream, void *out, size_t size, size_t *got);
int stream_skip(struct stream *stream, int64_t size);
/* After the last byte that is wanted: compares a gzip file's check sum, which stands behind it. */
int stream_end(struct stream *stream);
void stream_close(struct stream *stream); /* NULL is fine */

/* ---- Arrays --------------------------------------------------------------------------------- */

/* An .npy or idx array whose data are still in the file. */
struct array {
    struct tensor head; /* type and shape without data */
    size_t offset;      /* of the data */
    bool swap;          /* big endian */
};

/* Reads the head. AF_BAD_FILE if it is no array, or if fewer data follow than belong. */
int array_look(const struct place *place, const char *name, struct array *array);
/* Opens the stream at element 0. */
int array_open(const struct place *place, const struct array *array, struct stream **stream);
/* The next `count` elements in host order; too few are AF_BAD_FILE, with `name` in the sentence. */
int array_read(struct stream *stream, const char *name, const struct array *array, int64_t count,
               void *out);
/* A whole array of integers as int64. `place` may be a gzip file. */
int array_integers(const struct place *place, const char *name, struct tensor *t);
bool dtype_is_integer(enum dtype type); /* bool is none */

/* ---- The formats ---------------------------------------------------------------------------- */

/* Each makes the source of one path or says why it cannot; *src is NULL on failure. */
int source_frames(struct source **src, const char *path, const struct place *place,
                  const struct array *array, const struct input_spec *spec);
int source_cifar(struct source **src, const char *path, int64_t size,
                 const struct input_spec *spec);
int source_picture(struct source **src, const char *path, const struct input_spec *spec);
int source_folder(struct source **src, const char *path, const struct input_spec *spec);
int source_recordings(struct source **src, const char *path, const struct place *place,
                      const struct array *array, const char *offsets,
                      const struct input_spec *spec);
int source_nmnist(struct source **src, const char *path, const struct input_spec *spec);
int source_mesh(struct source **src, const char *path, const struct input_spec *spec);
int source_clouds(struct source **src, const char *path, const struct place *place,
                  const struct array *array, const struct input_spec *spec);

/* Whether the array's samples have the shape of the model's. */
bool frames_match(const struct array *array, const struct input_spec *spec);
/* Whether the array is a table of events: integers, four columns. */
bool array_is_events(const struct array *array);
/* Whether the model takes sets of points, and whether the array holds such: [P,3] or [N,P,3]. */
bool takes_points(const struct input_spec *spec);
bool array_is_points(const struct array *array);
/* The size of CIFAR's records, 3073 or 3074 bytes, in a file of this size; 0 if neither fits. */
int cifar_record(int64_t size);
bool cifar_match(const struct input_spec *spec);
/* PNG or JPEG by the first bytes of the file. */
bool is_picture(const unsigned char *bytes, size_t size);

/* ---- Pictures ------------------------------------------------------------------------------- */

/* Pixels of 1 or 3 bytes, row by row. */
struct picture {
    int width, height, channels;
    uint8_t *pixels; /* malloc'd */
};

/* Decodes into `channels` (1 or 3); a grey picture stays at 1. 16 bits become 8, alpha is dropped.
 */
int picture_read(const char *path, int channels, struct picture *picture);
int picture_read_png(const char *path, FILE *file, struct picture *picture);
int picture_read_jpeg(const char *path, FILE *file, struct picture *picture);
/* Checks the limit and allocates the pixels. */
int picture_make(const char *path, int64_t width, int64_t height, int channels,
                 struct picture *picture);
/* Where picture_fit's result lies in the picture. */
int picture_view(const char *path, const struct picture *picture, const struct input_spec *spec,
                 struct view *view);
/* Resizes and crops as the spec says; `out` is channels x height x width of the spec. */
int picture_fit(const char *path, const struct picture *picture, const struct input_spec *spec,
                uint8_t *out);

#endif
