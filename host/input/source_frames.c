/* Samples that lie one behind the other: arrays and CIFAR's records. */
#include "input/source_frames.h"

#include "base/error.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct frames {
    struct source base;
    struct place place;
    char *file; /* place.path */
    struct array array;
    struct stream *stream;
    int64_t passed;   /* samples the stream is past */
    int64_t elements; /* of one sample */
    int label_bytes;  /* in front of each sample, the last is the label */
    void *raw;        /* as in the file */
    float *floats;    /* for F64 */
    void *turned;     /* channels first, where the file has them last; NULL: it has not */
};

/* ---- Shapes --------------------------------------------------------------------------------- */

static bool same(const int64_t *dim, int64_t a, int64_t b, int64_t c)
{
    return dim[0] == a && dim[1] == b && dim[2] == c;
}

/* The number of samples, or -1 if they are not the model's. */
static int64_t count_samples(const struct tensor *t, const struct input_spec *spec)
{
    int64_t c = spec->channels, h = spec->height, w = spec->width;
    if (t->rank == 4 && (same(t->dim + 1, c, h, w) || same(t->dim + 1, h, w, c)))
        return t->dim[0];
    if (t->rank == 3 && c == 1 && t->dim[1] == h && t->dim[2] == w)
        return t->dim[0];
    if (t->rank == 3 && (h == 1 || w == 1) && t->dim[1] == c && t->dim[2] == h * w)
        return t->dim[0];
    if (t->rank == 3 && (same(t->dim, c, h, w) || same(t->dim, h, w, c)))
        return 1;
    if (t->rank == 2 && t->dim[1] == c * h * w)
        return t->dim[0];
    if (t->rank == 2 && c == 1 && t->dim[0] == h && t->dim[1] == w)
        return 1;
    return -1;
}

/* Where both orders fit, channels come first. */
static bool has_channels_last(const struct tensor *t, const struct input_spec *spec)
{
    const int64_t c = spec->channels, h = spec->height, w = spec->width;
    const int64_t *dim = t->dim + (t->rank == 4);
    return (t->rank == 4 || t->rank == 3) && same(dim, h, w, c) && !same(dim, c, h, w) &&
           !(t->rank == 3 && c == 1) && !(t->rank == 3 && count_samples(t, spec) != 1);
}

bool frames_match(const struct array *array, const struct input_spec *spec)
{
    return count_samples(&array->head, spec) >= 0;
}

static int fail_shape(const char *path, const struct tensor *t, const struct input_spec *spec)
{
    char has[TENSOR_MAX_RANK * 21 + 1] = "";
    for (int i = 1, at = 0; i < t->rank; i++)
        at += snprintf(has + at, sizeof has - (size_t)at, i > 1 ? "x%lld" : "%lld",
                       (long long)t->dim[i]);
    if (t->rank < 2)
        return af_fail(AF_BAD_FILE, "%s: the array has %d dimensions, the model wants Nx%dx%dx%d",
                       path, t->rank, spec->channels, spec->height, spec->width);
    return af_fail(AF_BAD_FILE, "%s: samples are %s, the model wants %dx%dx%d", path, has,
                   spec->channels, spec->height, spec->width);
}

/* ---- Reading -------------------------------------------------------------------------------- */

static int64_t find_not_finite(const float *v, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        if (!isfinite(v[i]))
            return i;
    return -1;
}

static int check_floats(const char *name, const float *v, int64_t count)
{
    int64_t bad = find_not_finite(v, count);
    if (bad < 0)
        return AF_OK;
    return af_fail(AF_BAD_FILE, "%s: value %lld is %s", name, (long long)bad,
                   isnan(v[bad]) ? "NaN" : "infinite");
}

/* Reads label and sample. After a fault the stream's place is unknown: the next one opens it anew.
 */
static int read_frame(struct frames *f, unsigned char label[2])
{
    const char *name = f->base.name;
    int64_t size = f->elements * (int64_t)dtype_size(f->array.head.type) + f->label_bytes;
    size_t got, labels = (size_t)f->label_bytes;
    int status = f->stream ? AF_OK : array_open(&f->place, &f->array, &f->stream);
    if (!status)
        status = stream_skip(f->stream, (f->base.at - f->passed) * size);
    if (!status)
        status = stream_read(f->stream, label, labels, &got);
    if (!status && got < labels)
        status = af_fail(AF_BAD_FILE, "%s: truncated", name);
    if (!status)
        status = array_read(f->stream, name, &f->array, f->elements, f->raw);
    if (!status && f->base.at + 1 == f->base.count)
        status = stream_end(f->stream);
    f->passed = f->base.at + 1;
    if (status) {
        stream_close(f->stream);
        f->stream = NULL;
        f->passed = 0;
    }
    return status;
}

static void turn(struct frames *f)
{
    const size_t size = dtype_size(f->array.head.type);
    const int64_t channels = f->base.spec->channels, area = f->elements / channels;
    for (int64_t i = 0; i < f->elements; i++)
        memcpy((char *)f->turned + (size_t)(i % channels * area + i / channels) * size,
               (const char *)f->raw + (size_t)i * size, size);
    memcpy(f->raw, f->turned, (size_t)f->elements * size);
}

static int next_frame(struct source *src, struct sample *s)
{
    struct frames *f = (struct frames *)src;
    unsigned char label[2];
    source_number(src);
    int status = read_frame(f, label);
    if (status)
        return status;
    if (f->turned)
        turn(f);
    s->data = f->raw;
    s->type = f->array.head.type;
    if (s->type == DTYPE_F64) {
        for (int64_t i = 0; i < f->elements; i++)
            f->floats[i] = (float)((const double *)f->raw)[i];
        s->data = f->floats;
        s->type = DTYPE_F32;
    }
    if (f->label_bytes)
        s->label = label[f->label_bytes - 1];
    return s->type == DTYPE_F32 ? check_floats(src->name, s->data, f->elements) : AF_OK;
}

static void close_frames(struct source *src)
{
    struct frames *f = (struct frames *)src;
    stream_close(f->stream);
    free(f->file);
    free(f->raw);
    free(f->floats);
    free(f->turned);
}

static const struct source_ops frames_ops = {next_frame, close_frames};

/* Fills in everything but the labels. */
static int make_frames(struct source **src, const char *path, const struct place *place,
                       const struct array *array, const struct input_spec *spec)
{
    struct frames *f = source_make(sizeof *f, &frames_ops, path, spec);
    if (!f)
        return AF_NO_MEMORY;
    f->place = *place;
    f->place.path = f->file = strdup(place->path);
    f->array = *array;
    f->elements = (int64_t)spec->channels * spec->height * spec->width;
    f->raw = malloc((size_t)f->elements * dtype_size(array->head.type));
    if (array->head.type == DTYPE_F64)
        f->floats = malloc((size_t)f->elements * sizeof *f->floats);
    const bool last = array->head.rank > 0 && has_channels_last(&array->head, spec);
    if (last)
        f->turned = malloc((size_t)f->elements * dtype_size(array->head.type));
    *src = &f->base;
    if (f->file && f->raw && (f->floats || array->head.type != DTYPE_F64) && (f->turned || !last))
        return AF_OK;
    source_close(*src);
    *src = NULL;
    return af_fail(AF_NO_MEMORY, "%s: no memory for a sample", path);
}

int source_frames(struct source **src, const char *path, const struct place *place,
                  const struct array *array, const struct input_spec *spec)
{
    *src = NULL;
    const struct tensor *t = &array->head;
    if (!frames_match(array, spec))
        return fail_shape(path, t, spec);
    if (t->type != DTYPE_U8 && t->type != DTYPE_I8 && t->type != DTYPE_I16 &&
        t->type != DTYPE_I32 && t->type != DTYPE_F32 && t->type != DTYPE_F64)
        return af_fail(AF_UNSUPPORTED,
                       "%s: samples are of type %s; uint8, int8, int16, int32, float32 and float64 "
                       "are read",
                       path, dtype_name(t->type));
    int status = make_frames(src, path, place, array, spec);
    if (!status)
        (*src)->count = count_samples(t, spec);
    return status;
}

/* ---- CIFAR ---------------------------------------------------------------------------------- */

/* https://www.cs.toronto.edu/~kriz/cifar.html, "Binary version" */
#define CIFAR_PIXELS 3072

bool cifar_match(const struct input_spec *spec)
{
    return spec->channels == 3 && spec->height == 32 && spec->width == 32;
}

int cifar_record(int64_t size)
{
    return size % (CIFAR_PIXELS + 1) == 0   ? CIFAR_PIXELS + 1
           : size % (CIFAR_PIXELS + 2) == 0 ? CIFAR_PIXELS + 2
                                            : 0;
}

int source_cifar(struct source **src, const char *path, int64_t size, const struct input_spec *spec)
{
    struct place place = {.path = path};
    struct array array = {.head.type = DTYPE_U8};
    int record = cifar_record(size);
    if (!record)
        return af_fail(AF_BAD_FILE, "%s: not whole CIFAR records", path);
    if (!cifar_match(spec))
        return af_fail(AF_BAD_FILE, "%s: samples are 3x32x32, the model wants %dx%dx%d", path,
                       spec->channels, spec->height, spec->width);
    int status = make_frames(src, path, &place, &array, spec);
    if (status)
        return status;
    ((struct frames *)*src)->label_bytes = record - CIFAR_PIXELS;
    (*src)->count = size / record;
    return AF_OK;
}
