/* Arrays as they lie in .npy and idx files, and whole arrays of integers.
 *
 * The idx format: http://yann.lecun.com/exdb/mnist/ (at the end of the page) */
#include "input/array.h"

#include "base/error.h"
#include "base/npy.h"

#include <stdlib.h>
#include <string.h>

/* The longest .npy header npy_parse_header takes, with what stands before it. */
#define HEAD_MOST (65536 + 12)

bool dtype_is_integer(enum dtype type)
{
    return type != DTYPE_F32 && type != DTYPE_F64 && type != DTYPE_F16 && type != DTYPE_BOOL;
}

/* The type behind an idx file's type byte; false if there is none. */
static bool idx_type(unsigned char code, enum dtype *type)
{
    switch (code) {
    case 0x08: *type = DTYPE_U8; return true;
    case 0x09: *type = DTYPE_I8; return true;
    case 0x0b: *type = DTYPE_I16; return true;
    case 0x0c: *type = DTYPE_I32; return true;
    case 0x0d: *type = DTYPE_F32; return true;
    case 0x0e: *type = DTYPE_F64; return true;
    }
    return false;
}

static int parse_idx(const char *name, const unsigned char *b, size_t size, struct array *array)
{
    struct tensor *t = &array->head;
    int rank = b[3];
    if (rank < 1 || rank > TENSOR_MAX_RANK)
        return af_fail(AF_BAD_FILE, "%s: an idx file of %d dimensions", name, rank);
    array->offset = 4 + 4 * (size_t)rank;
    array->swap = dtype_size(t->type) > 1;
    if (size < array->offset)
        return af_fail(AF_BAD_FILE, "%s: the idx header is truncated", name);
    t->rank = rank;
    t->count = 1;
    for (int i = 0; i < rank; i++) {
        const unsigned char *d = b + 4 + 4 * i;
        t->dim[i] = (int64_t)d[0] << 24 | d[1] << 16 | d[2] << 8 | d[3];
        if (__builtin_mul_overflow(t->count, t->dim[i], &t->count) || t->count > INT64_MAX / 16)
            return af_fail(AF_BAD_FILE, "%s: dimension %d of the array is out of range", name, i);
    }
    return AF_OK;
}

/* `size` is the file's, -1 if that is not known. */
static int check_size(const char *name, const struct array *array, int64_t size)
{
    int64_t need = array->head.count * (int64_t)dtype_size(array->head.type);
    int64_t there = size - (int64_t)array->offset;
    if (size < 0 || there >= need)
        return AF_OK;
    return af_fail(AF_BAD_FILE, "%s: truncated: %lld bytes of data where %lld belong", name,
                   (long long)there, (long long)need);
}

int array_look(const struct place *place, const char *name, struct array *array)
{
    struct stream *stream;
    *array = (struct array){0};
    int status = stream_open(&stream, place);
    if (status)
        return status;
    size_t got = 0;
    unsigned char *bytes = malloc(HEAD_MOST);
    if (!bytes) {
        status = af_fail(AF_NO_MEMORY, "%s: no memory", name);
        goto out;
    }
    status = stream_read(stream, bytes, HEAD_MOST, &got);
    if (status)
        goto out;
    if (got >= 4 && !bytes[0] && !bytes[1] && idx_type(bytes[2], &array->head.type))
        status = parse_idx(name, bytes, got, array);
    else if (got >= 6 && memcmp(bytes, "\x93NUMPY", 6) == 0)
        status = npy_parse_header(name, bytes, got, &array->head, &array->offset);
    else
        status = af_fail(AF_BAD_FILE, "%s: neither an .npy nor an idx file", name);
    if (!status)
        status = check_size(name, array, stream_size(stream));
out:
    free(bytes);
    stream_close(stream);
    return status;
}

int array_open(const struct place *place, const struct array *array, struct stream **stream)
{
    int status = stream_open(stream, place);
    if (!status)
        status = stream_skip(*stream, (int64_t)array->offset);
    if (status) {
        stream_close(*stream);
        *stream = NULL;
    }
    return status;
}

static void swap_bytes(unsigned char *b, size_t size, int64_t count)
{
    for (int64_t i = 0; i < count; i++, b += size)
        for (size_t low = 0, high = size - 1; low < high; low++, high--) {
            unsigned char keep = b[low];
            b[low] = b[high];
            b[high] = keep;
        }
}

int array_read(struct stream *stream, const char *name, const struct array *array, int64_t count,
               void *out)
{
    size_t size = dtype_size(array->head.type), need = size * (size_t)count, got;
    int status = stream_read(stream, out, need, &got);
    if (!status && got < need)
        status = af_fail(AF_BAD_FILE, "%s: truncated: %zu bytes of data where %zu belong", name,
                         got, need);
    if (!status && array->swap)
        swap_bytes(out, size, count);
    return status;
}

/* Reads what `array` announces in pieces: data that are not there must not cost their memory. */
static int read_all(struct stream *stream, const char *name, const struct array *array,
                    struct tensor *t)
{
    const int64_t piece = 1 << 16;
    size_t size = dtype_size(array->head.type);
    int64_t count = array->head.count, have = 0, room = 0;
    int status = AF_OK;
    char *data = NULL;
    if (count > tensor_max_elements)
        return af_fail(AF_BAD_FILE, "%s: holds more than %lld numbers", name,
                       (long long)tensor_max_elements);
    while (!status && have < count) {
        int64_t n = count - have < piece ? count - have : piece;
        if (have + n > room) {
            room = room ? room * 2 : piece;
            char *grown = realloc(data, (size_t)room * size);
            if (!grown) {
                status = af_fail(AF_NO_MEMORY, "%s: no memory", name);
                break;
            }
            data = grown;
        }
        status = array_read(stream, name, array, n, data + (size_t)have * size);
        have += n;
    }
    if (!status)
        status = stream_end(stream);
    struct tensor raw = array->head;
    raw.data = data;
    if (!status)
        status = count > 0 ? tensor_convert(t, &raw, DTYPE_I64)
                           : tensor_make(t, DTYPE_I64, raw.rank, raw.dim);
    free(data);
    return status;
}

int array_integers(const struct place *place, const char *name, struct tensor *t)
{
    struct array array;
    struct stream *stream;
    *t = (struct tensor){0};
    int status = array_look(place, name, &array);
    if (!status && !dtype_is_integer(array.head.type))
        status = af_fail(AF_BAD_FILE, "%s: holds %s where integers belong", name,
                         dtype_name(array.head.type));
    if (!status)
        status = array_open(place, &array, &stream);
    if (status)
        return status;
    status = read_all(stream, name, &array, t);
    stream_close(stream);
    return status;
}
