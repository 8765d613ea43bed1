/* A dense array in row-major order. */
#ifndef ADAFIRE_TENSOR_H
#define ADAFIRE_TENSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TENSOR_MAX_RANK = 8 };

/* No tensor may have more elements than this: it bounds what a hostile file can make us allocate.
 */
extern int64_t tensor_max_elements;

enum dtype {
    DTYPE_F32,
    DTYPE_F64,
    DTYPE_F16, /* IEEE half, as raw uint16 */
    DTYPE_I8,
    DTYPE_U8,
    DTYPE_I16,
    DTYPE_U16,
    DTYPE_I32,
    DTYPE_U32,
    DTYPE_I64,
    DTYPE_U64,
    DTYPE_BOOL,
};

struct tensor {
    enum dtype type;
    int rank;                     /* 0 is a scalar */
    int64_t dim[TENSOR_MAX_RANK]; /* each >= 0 */
    int64_t count;                /* product of dim */
    void *data; /* count elements, 64-byte aligned, owned; free with tensor_free */
};

/* Bytes of one element. */
size_t dtype_size(enum dtype type);
const char *dtype_name(enum dtype type);

/* Allocates zeroed data for the shape. AF_BAD_FILE if a dimension is negative or the product
 * exceeds tensor_max_elements, AF_NO_MEMORY. On failure *t is all zero. */
int tensor_make(struct tensor *t, enum dtype type, int rank, const int64_t *dim);
/* A copy that owns its data. */
int tensor_copy(struct tensor *t, const struct tensor *from);
/* The same values as `type`; floats truncate towards zero when they become integers. */
int tensor_convert(struct tensor *t, const struct tensor *from, enum dtype type);
void tensor_free(struct tensor *t); /* leaves *t all zero; NULL is fine */
bool tensor_same_shape(const struct tensor *a, const struct tensor *b);
/* "float32 [1,3,32,32]" into `text`; returns text. */
const char *tensor_describe(const struct tensor *t, char *text, size_t size);
/* Element i as a double, whatever the type. */
double tensor_get(const struct tensor *t, int64_t i);

#endif
