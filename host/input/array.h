/* Arrays in files, .npy and idx, read piece by piece. */
#ifndef ADAFIRE_ARRAY_H
#define ADAFIRE_ARRAY_H

#include "base/tensor.h"
#include "base/stream.h"

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

#endif
