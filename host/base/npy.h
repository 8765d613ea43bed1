/* The .npy file that holds a tensor:
 * https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html */
#ifndef ADAFIRE_NPY_H
#define ADAFIRE_NPY_H

#include "base/tensor.h"

/* Reads a whole .npy file (versions 1 to 3, little endian, C order; Fortran order is refused). */
int npy_read(const char *path, struct tensor *t);
/* The same from memory; `name` stands in error messages. */
int npy_parse(const char *name, const void *bytes, size_t size, struct tensor *t);
/* Parses the header alone: t gets type and shape but no data, *offset where the data starts. `size`
 * is what `bytes` holds (the first 64 KiB of the file suffice). */
int npy_parse_header(const char *name, const void *bytes, size_t size, struct tensor *t,
                     size_t *offset);

/* A number in a record of an .npy file. */
struct npy_field {
    char name[32]; /* empty: the file holds numbers without names */
    enum dtype type;
    bool swap; /* big endian */
    size_t offset;
};

/* What an .npy file may hold beside plain arrays: records with named fields, big-endian numbers,
 * Fortran order. */
struct npy_layout {
    struct tensor head; /* its shape, without data; `type` is the first field's */
    bool fortran;
    size_t record; /* bytes of an element */
    int field_count;
    struct npy_field field[16];
    size_t offset; /* where the data start */
};

/* As npy_parse_header, without its refusals. */
int npy_parse_layout(const char *name, const void *bytes, size_t size, struct npy_layout *layout);

/* Writes to a temporary name beside `path`, then renames. */
int npy_write(const char *path, const struct tensor *t);

#endif
