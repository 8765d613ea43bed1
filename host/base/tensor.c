#include "base/tensor.h"

#include "base/error.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int64_t tensor_max_elements = (int64_t)1 << 31;

static const struct {
    size_t size;
    const char *name;
} types[] = {
    [DTYPE_F32] = {4, "float32"}, [DTYPE_F64] = {8, "float64"}, [DTYPE_F16] = {2, "float16"},
    [DTYPE_I8] = {1, "int8"},     [DTYPE_U8] = {1, "uint8"},    [DTYPE_I16] = {2, "int16"},
    [DTYPE_U16] = {2, "uint16"},  [DTYPE_I32] = {4, "int32"},   [DTYPE_U32] = {4, "uint32"},
    [DTYPE_I64] = {8, "int64"},   [DTYPE_U64] = {8, "uint64"},  [DTYPE_BOOL] = {1, "bool"},
};

size_t dtype_size(enum dtype type)
{
    return types[type].size;
}

const char *dtype_name(enum dtype type)
{
    return types[type].name;
}

int tensor_make(struct tensor *t, enum dtype type, int rank, const int64_t *dim)
{
    *t = (struct tensor){0};
    if (rank < 0 || rank > TENSOR_MAX_RANK)
        return af_fail(AF_BAD_FILE, "a tensor of %d dimensions where %d are the most", rank,
                       TENSOR_MAX_RANK);
    int64_t count = 1;
    size_t bytes;
    for (int i = 0; i < rank; i++)
        if (dim[i] < 0 || dim[i] > tensor_max_elements ||
            __builtin_mul_overflow(count, dim[i], &count) || count > tensor_max_elements)
            return af_fail(AF_BAD_FILE, "a tensor dimension of %lld is out of range",
                           (long long)dim[i]);
    if (__builtin_mul_overflow((size_t)count, dtype_size(type), &bytes) ||
        __builtin_add_overflow(bytes, (size_t)64, &bytes))
        return af_fail(AF_NO_MEMORY, "no memory for a tensor of %lld elements", (long long)count);
    bytes = bytes / 64 * 64; /* 64 more than whole lines need at most, and never none */
    *t = (struct tensor){.type = type, .rank = rank, .count = count};
    for (int i = 0; i < rank; i++)
        t->dim[i] = dim[i];
    t->data = aligned_alloc(64, bytes);
    if (!t->data) {
        *t = (struct tensor){0};
        return af_fail(AF_NO_MEMORY, "no memory for a tensor of %zu bytes", bytes);
    }
    memset(t->data, 0, bytes);
    return AF_OK;
}

int tensor_copy(struct tensor *t, const struct tensor *from)
{
    int status = tensor_make(t, from->type, from->rank, from->dim);
    if (!status && from->count > 0) /* an empty one may be without data */
        memcpy(t->data, from->data, (size_t)from->count * dtype_size(from->type));
    return status;
}

void tensor_free(struct tensor *t)
{
    if (!t)
        return;
    free(t->data);
    *t = (struct tensor){0};
}

static double half_to_double(uint16_t h)
{
    int exponent = h >> 10 & 31, mantissa = h & 1023;
    double v = exponent == 0    ? ldexp(mantissa, -24)
               : exponent == 31 ? (mantissa ? NAN : INFINITY)
                                : ldexp(mantissa + 1024, exponent - 25);
    return h & 0x8000 ? -v : v;
}

double tensor_get(const struct tensor *t, int64_t i)
{
    switch (t->type) {
    case DTYPE_F32: return (double)((const float *)t->data)[i];
    case DTYPE_F64: return ((const double *)t->data)[i];
    case DTYPE_F16: return half_to_double(((const uint16_t *)t->data)[i]);
    case DTYPE_I8: return ((const int8_t *)t->data)[i];
    case DTYPE_U8: return ((const uint8_t *)t->data)[i];
    case DTYPE_I16: return ((const int16_t *)t->data)[i];
    case DTYPE_U16: return ((const uint16_t *)t->data)[i];
    case DTYPE_I32: return ((const int32_t *)t->data)[i];
    case DTYPE_U32: return ((const uint32_t *)t->data)[i];
    case DTYPE_I64: return (double)((const int64_t *)t->data)[i];
    case DTYPE_U64: return (double)((const uint64_t *)t->data)[i];
    case DTYPE_BOOL: return ((const uint8_t *)t->data)[i] != 0;
    }
    return 0;
}

/* What is not a number becomes 0, what no int64 holds the nearest that one does. */
static int64_t whole_of(const struct tensor *t, int64_t i)
{
    if (t->type == DTYPE_I64 || t->type == DTYPE_U64)
        return ((const int64_t *)t->data)[i];
    const double v = tensor_get(t, i);
    return isnan(v) ? 0 : v >= 0x1p63 ? INT64_MAX : v < -0x1p63 ? INT64_MIN : (int64_t)v;
}

int tensor_convert(struct tensor *t, const struct tensor *from, enum dtype type)
{
    if (type == from->type)
        return tensor_copy(t, from);
    *t = (struct tensor){0};
    if (type == DTYPE_F16)
        return af_fail(AF_UNSUPPORTED, "conversion to float16");
    int status = tensor_make(t, type, from->rank, from->dim);
    if (status)
        return status;
    for (int64_t i = 0; i < from->count; i++) {
        const double v = tensor_get(from, i);
        const uint64_t whole = (uint64_t)whole_of(from, i);
        switch (type) {
        case DTYPE_F32: ((float *)t->data)[i] = (float)v; break;
        case DTYPE_F64: ((double *)t->data)[i] = v; break;
        case DTYPE_BOOL: ((uint8_t *)t->data)[i] = v != 0; break;
        case DTYPE_I8:
        case DTYPE_U8: ((uint8_t *)t->data)[i] = (uint8_t)whole; break;
        case DTYPE_I16:
        case DTYPE_U16: ((uint16_t *)t->data)[i] = (uint16_t)whole; break;
        case DTYPE_I32:
        case DTYPE_U32: ((uint32_t *)t->data)[i] = (uint32_t)whole; break;
        default: ((uint64_t *)t->data)[i] = whole; break;
        }
    }
    return AF_OK;
}

bool tensor_same_shape(const struct tensor *a, const struct tensor *b)
{
    return a->rank == b->rank && memcmp(a->dim, b->dim, (size_t)a->rank * sizeof *a->dim) == 0;
}

const char *tensor_describe(const struct tensor *t, char *text, size_t size)
{
    int at = snprintf(text, size, "%s [", dtype_name(t->type));
    for (int i = 0; i < t->rank && at > 0 && (size_t)at < size; i++)
        at += snprintf(text + at, size - (size_t)at, i ? ",%lld" : "%lld", (long long)t->dim[i]);
    if (at > 0 && (size_t)at < size)
        snprintf(text + at, size - (size_t)at, "]");
    return text;
}
