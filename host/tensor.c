#include "tensor.h"

#include "error.h"

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
    *t = (struct tensor){.type = type, .rank = rank, .count = 1};
    int64_t count = 1;
    for (int i = 0; i < rank; i++) {
        if (dim[i] < 0 || __builtin_mul_overflow(count, dim[i], &count) ||
            count > tensor_max_elements) {
            *t = (struct tensor){0};
            return af_fail(AF_BAD_FILE, "a tensor dimension of %lld is out of range",
                           (long long)dim[i]);
        }
        t->dim[i] = dim[i];
    }
    size_t bytes = ((size_t)count * dtype_size(type) + 64) / 64 * 64;
    t->count = count;
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
    if (!status)
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

int tensor_convert(struct tensor *t, const struct tensor *from, enum dtype type)
{
    int status = tensor_make(t, type, from->rank, from->dim);
    for (int64_t i = 0; !status && i < from->count; i++) {
        double v = tensor_get(from, i);
        double whole = isfinite(v) ? fmax(-9.2e18, fmin(9.2e18, trunc(v))) : 0;
        int64_t n = from->type == DTYPE_I64 ? ((const int64_t *)from->data)[i] : (int64_t)whole;
        switch (type) {
        case DTYPE_F32: ((float *)t->data)[i] = (float)v; break;
        case DTYPE_F64: ((double *)t->data)[i] = v; break;
        case DTYPE_BOOL: ((uint8_t *)t->data)[i] = v != 0; break;
        case DTYPE_F16:
            tensor_free(t);
            return af_fail(AF_UNSUPPORTED, "conversion to float16");
        default: memcpy((char *)t->data + (size_t)i * dtype_size(type), &n, dtype_size(type));
        }
    }
    return status;
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
