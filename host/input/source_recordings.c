/* Recordings of an event camera: tables of events and N-MNIST's files. */
#include "input/source_recordings.h"

#include "base/error.h"
#include "input/events.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { COLUMNS = 4, PIECE = 4096 };

struct recordings {
    struct source base;
    struct place place;
    char *file; /* place.path */
    struct array array;
    struct stream *stream;
    struct tensor offsets; /* int64, no data: one recording */
    int64_t row;           /* rows the stream is past */
    struct af_camera_event *events;
    int64_t room;
};

/* ---- Tables --------------------------------------------------------------------------------- */

bool array_is_events(const struct array *array)
{
    const struct tensor *t = &array->head;
    return dtype_is_integer(t->type) && t->rank == 2 && t->dim[1] == COLUMNS;
}

static int reserve(struct recordings *r, int64_t count)
{
    if (count <= r->room)
        return AF_OK;
    int64_t room = count > 2 * r->room ? count : 2 * r->room;
    if (room > tensor_max_elements)
        return af_fail(AF_BAD_FILE, "%s: more than %lld events", r->base.name,
                       (long long)tensor_max_elements);
    struct af_camera_event *grown = realloc(r->events, (size_t)room * sizeof *grown);
    if (!grown)
        return af_fail(AF_NO_MEMORY, "%s: no memory for %lld events", r->base.name,
                       (long long)room);
    r->events = grown;
    r->room = room;
    return AF_OK;
}

static int convert_row(const char *name, int64_t row, const double v[COLUMNS],
                       struct af_camera_event *e)
{
    for (int i = 0; i < COLUMNS; i++)
        if (v[i] < 0 || v[i] > (i < 3 ? UINT16_MAX : (double)EVENT_TIME_MOST))
            return af_fail(AF_BAD_FILE, "%s: event %lld has the %s %.0f, which is out of range",
                           name, (long long)row,
                           (const char *const[]){"x", "y", "polarity", "time"}[i], v[i]);
    *e = (struct af_camera_event){(uint16_t)v[0], (uint16_t)v[1], (uint16_t)v[2], (int64_t)v[3]};
    return AF_OK;
}

/* Reads the next `count` rows in pieces: rows that are not there must not cost their memory. */
static int read_rows(struct recordings *r, int64_t count)
{
    int64_t data[PIECE * COLUMNS]; /* large enough for any type */
    const struct tensor piece = {.type = r->array.head.type, .data = data};
    for (int64_t done = 0; done < count;) {
        int64_t n = count - done < PIECE ? count - done : PIECE;
        int status = reserve(r, done + n);
        if (!status)
            status = array_read(r->stream, r->base.name, &r->array, n * COLUMNS, data);
        for (int64_t i = 0; !status && i < n; i++) {
            double v[COLUMNS];
            for (int j = 0; j < COLUMNS; j++)
                v[j] = tensor_get(&piece, i * COLUMNS + j);
            status = convert_row(r->base.name, done + i, v, &r->events[done + i]);
        }
        if (status)
            return status;
        done += n;
    }
    return AF_OK;
}

static int next_recording(struct source *src, struct sample *s)
{
    struct recordings *r = (struct recordings *)src;
    source_number(src);
    const int64_t *start = r->offsets.data;
    int64_t rows = r->array.head.dim[0],
            row_size = (int64_t)dtype_size(r->array.head.type) * COLUMNS;
    int64_t begin = start ? start[src->at] : 0;
    int64_t end = start && src->at + 1 < src->count ? start[src->at + 1] : rows;
    int status = r->stream ? AF_OK : array_open(&r->place, &r->array, &r->stream);
    if (!status)
        status = stream_skip(r->stream, (begin - r->row) * row_size);
    if (!status)
        status = read_rows(r, end - begin);
    if (!status && src->at + 1 == src->count)
        status = stream_end(r->stream);
    r->row = end;
    if (status) {
        /* Where the stream is now is unknown. */
        stream_close(r->stream);
        r->stream = NULL;
        r->row = 0;
    }
    s->events = r->events;
    s->event_count = end - begin;
    return status;
}

static void close_recordings(struct source *src)
{
    struct recordings *r = (struct recordings *)src;
    stream_close(r->stream);
    tensor_free(&r->offsets);
    free(r->events);
    free(r->file);
}

static const struct source_ops recordings_ops = {next_recording, close_recordings};

/* The start of each recording. As in sparse matrices the end of the last may stand behind them. */
static int read_offsets(const char *path, const char *events, int64_t rows, struct tensor *offsets)
{
    int status = array_integers(&(struct place){.path = path}, path, offsets);
    if (status)
        return status;
    if (offsets->rank != 1)
        return af_fail(AF_BAD_FILE, "%s: offsets have one dimension, these have %d", path,
                       offsets->rank);
    const int64_t *start = offsets->data;
    if (offsets->count > 1 && start[offsets->count - 1] == rows)
        offsets->count = --offsets->dim[0];
    for (int64_t i = 0; i < offsets->count; i++) {
        if (start[i] < 0 || start[i] > rows)
            return af_fail(AF_BAD_FILE, "%s: offset %lld is %lld, %s has %lld rows", path,
                           (long long)i, (long long)start[i], events, (long long)rows);
        if (i > 0 && start[i] < start[i - 1])
            return af_fail(AF_BAD_FILE, "%s: offset %lld is %lld after %lld", path, (long long)i,
                           (long long)start[i], (long long)start[i - 1]);
    }
    return AF_OK;
}

int source_recordings(struct source **src, const char *path, const struct place *place,
                      const struct array *array, const char *offsets, const struct input_spec *spec)
{
    *src = NULL;
    struct recordings *r = source_make(sizeof *r, &recordings_ops, path, spec);
    if (!r)
        return AF_NO_MEMORY;
    r->place = *place;
    r->place.path = r->file = strdup(place->path);
    r->array = *array;
    int status = r->file ? AF_OK : af_fail(AF_NO_MEMORY, "%s: no memory", path);
    if (!status && offsets)
        status = read_offsets(offsets, place->path, array->head.dim[0], &r->offsets);
    r->base.count = offsets ? r->offsets.count : array->head.dim[0] > 0;
    if (status)
        source_close(&r->base);
    else
        *src = &r->base;
    return status;
}

/* ---- N-MNIST -------------------------------------------------------------------------------- */

enum { NMNIST_EVENT = 5, NMNIST_OVERFLOW_Y = 240, NMNIST_OVERFLOW_TIME = 1 << 13 };

/* Appends the events of `n` records at b. */
static void convert_nmnist(struct recordings *r, const unsigned char *b, int64_t n, int64_t *done,
                           int64_t *overflow)
{
    for (int64_t i = 0; i < n; i++, b += NMNIST_EVENT) {
        /* The data set's own reader: y = 240 is no event, but moves all that follow. */
        if (b[1] == NMNIST_OVERFLOW_Y)
            *overflow += NMNIST_OVERFLOW_TIME;
        else
            r->events[(*done)++] = (struct af_camera_event){
                b[0], b[1], b[2] >> 7, *overflow + ((b[2] & 0x7f) << 16 | b[3] << 8 | b[4])};
    }
}

/* Not through a stream: what begins like a gzip file is none here. */
static int next_nmnist(struct source *src, struct sample *s)
{
    struct recordings *r = (struct recordings *)src;
    unsigned char bytes[PIECE * NMNIST_EVENT];
    int64_t done = 0, overflow = 0;
    size_t got;
    int status = AF_OK;
    FILE *f = fopen(src->path, "rb");
    if (!f)
        return af_fail(AF_IO, "%s: %s", src->path, strerror(errno));
    do {
        got = fread(bytes, 1, sizeof bytes, f);
        if (ferror(f))
            status = af_fail(AF_IO, "%s: %s", src->path, strerror(errno));
        else if (got % NMNIST_EVENT)
            status = af_fail(AF_BAD_FILE, "%s: truncated, the last event is not whole", src->path);
        else
            status = reserve(r, done + (int64_t)(got / NMNIST_EVENT));
        if (!status)
            convert_nmnist(r, bytes, (int64_t)(got / NMNIST_EVENT), &done, &overflow);
    } while (!status && got == sizeof bytes);
    fclose(f);
    s->events = r->events;
    s->event_count = done;
    return status;
}

static const struct source_ops nmnist_ops = {next_nmnist, close_recordings};

int source_nmnist(struct source **src, const char *path, const struct input_spec *spec)
{
    *src = NULL;
    struct stat st;
    if (stat(path, &st))
        return af_fail(AF_IO, "%s: %s", path, strerror(errno));
    if (st.st_size % NMNIST_EVENT)
        return af_fail(AF_BAD_FILE, "%s: no N-MNIST recording: %lld bytes are not whole events",
                       path, (long long)st.st_size);
    struct recordings *r = source_make(sizeof *r, &nmnist_ops, path, spec);
    if (!r)
        return AF_NO_MEMORY;
    r->base.count = st.st_size > 0;
    *src = &r->base;
    return AF_OK;
}
