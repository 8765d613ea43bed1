#include "input/source_recordings.h"

#include "base/error.h"
#include "input/array.h"
#include "input/gesture.h"
#include "recording/recording.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PIECE = 4096 };

struct recordings {
    struct source base;
    struct place place;
    char *file;            /* place.path; NULL: base.path in any format */
    struct tensor offsets; /* int64, no data: one recording */
    struct gestures gestures;
    struct recording *open;
    int64_t row; /* rows the recording is past */
    struct af_camera_event *events;
    int64_t room, count; /* of events; those there are */
    int64_t given;       /* of events, to former samples (gestures) */
    char *note;
};

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

static int open_recording(struct recordings *r)
{
    return r->file ? recording_open_array(&r->open, &r->place, r->base.path)
                   : recording_open(&r->open, r->base.path);
}

static void shut(struct recordings *r)
{
    recording_close(r->open);
    r->open = NULL;
    r->row = r->count = r->given = 0;
}

/* Adds the next block to the events, of at most `most` of a table (-1: whatever there is). */
static int add_block(struct recordings *r, int64_t most, int *got)
{
    const int want = most >= 0 && most < PIECE ? (int)most : PIECE;
    int status = reserve(r, r->count + want);
    *got = 0;
    if (!status)
        status = recording_next(r->open, r->events + r->count, want, got);
    r->count += *got;
    return status;
}

/* What the recording has to say beside its events. */
static int take_notes(struct recordings *r, struct sample *s)
{
    struct texts notes = {0};
    size_t size = 1;
    s->sensor[0] = recording_about(r->open)->width;
    s->sensor[1] = recording_about(r->open)->height;
    int status = recording_notes(r->open, false, &notes);
    for (int i = 0; i < notes.count; i++)
        size += strlen(notes.text[i]) + 2;
    free(r->note);
    r->note = NULL;
    if (!status && notes.count) {
        r->note = calloc(1, size);
        status = r->note ? AF_OK : af_fail(AF_NO_MEMORY, "%s: no memory", r->base.name);
    }
    for (int i = 0; !status && i < notes.count; i++)
        snprintf(r->note + strlen(r->note), size - strlen(r->note), "%s%s", i ? "; " : "",
                 notes.text[i]);
    texts_free(&notes);
    s->note = r->note;
    return status;
}

/* ---- One recording, or several by their rows ------------------------------------------------- */

static int next_rows(struct recordings *r)
{
    const int64_t *start = r->offsets.data;
    const int64_t at = r->base.at, begin = start ? start[at] : 0,
                  end = start && at + 1 < r->base.count ? start[at + 1] : -1;
    int status = r->open ? AF_OK : open_recording(r);
    int got = 1;
    r->count = 0;
    if (!status && begin > r->row)
        status = recording_skip(r->open, begin - r->row);
    while (!status && got && (end < 0 || begin + r->count < end))
        status = add_block(r, end < 0 ? -1 : end - begin - r->count, &got);
    r->row = begin + r->count;
    return status;
}

static int next_recording(struct source *src, struct sample *s)
{
    struct recordings *r = (struct recordings *)src;
    if (r->file)
        source_number(src);
    int status = next_rows(r);
    if (!status && !r->count && !r->offsets.data)
        status = af_fail(AF_BAD_FILE, "%s: holds no events", src->name);
    if (!status)
        status = take_notes(r, s);
    s->events = r->events;
    s->event_count = r->count;
    if (status || src->at + 1 == src->count)
        shut(r); /* where it is now is unknown, or nobody asks */
    return status;
}

static void close_recordings(struct source *src)
{
    struct recordings *r = (struct recordings *)src;
    recording_close(r->open);
    tensor_free(&r->offsets);
    gestures_free(&r->gestures);
    free(r->events);
    free(r->file);
    free(r->note);
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

int source_table(struct source **src, const char *path, const struct place *place,
                 const char *offsets, const struct input_spec *spec)
{
    *src = NULL;
    struct recordings *r = source_make(sizeof *r, &recordings_ops, path, spec);
    if (!r)
        return AF_NO_MEMORY;
    r->place = *place;
    r->place.path = r->file = strdup(place->path);
    int status = r->file ? open_recording(r) : af_fail(AF_NO_MEMORY, "%s: no memory", path);
    const int64_t rows = status ? 0 : recording_about(r->open)->rows;
    shut(r);
    if (!status && offsets)
        status = read_offsets(offsets, place->path, rows, &r->offsets);
    r->base.count = offsets ? r->offsets.count : rows > 0;
    if (status)
        source_close(&r->base);
    else
        *src = &r->base;
    return status;
}

/* ---- Gestures: parts of a recording, with labels --------------------------------------------- */

static int next_gesture(struct source *src, struct sample *s)
{
    struct recordings *r = (struct recordings *)src;
    const struct gesture *g = &r->gestures.gesture[src->at];
    source_number(src);
    int got = 1, status = r->open ? AF_OK : open_recording(r);
    /* What is left of the block before may belong to this one. */
    if (r->given)
        memmove(r->events, r->events + r->given, (size_t)(r->count - r->given) * sizeof *r->events);
    r->count -= r->given;
    r->given = 0;
    int64_t seen = 0, kept = 0;
    while (!status && got) {
        for (; seen < r->count && r->events[seen].t < g->end; seen++)
            if (r->events[seen].t >= g->begin)
                r->events[kept++] = r->events[seen];
        if (seen < r->count)
            break;
        seen = r->count = kept;
        status = add_block(r, -1, &got);
    }
    /* Between kept and seen there is nothing that anybody wants. */
    r->given = seen;
    if (!status && !kept)
        status = af_fail(AF_BAD_FILE, "%s: no events from %lld to %lld us", src->name,
                         (long long)g->begin, (long long)g->end);
    if (!status)
        status = take_notes(r, s);
    s->events = r->events;
    s->event_count = kept;
    s->label = g->class;
    if (status)
        shut(r);
    return status;
}

static const struct source_ops gestures_ops = {next_gesture, close_recordings};

int source_recording(struct source **src, const char *path, const struct input_spec *spec)
{
    *src = NULL;
    struct recordings *r = source_make(sizeof *r, &recordings_ops, path, spec);
    if (!r)
        return AF_NO_MEMORY;
    int status = open_recording(r);
    const int64_t rows = status ? 0 : recording_about(r->open)->rows;
    shut(r);
    if (!status)
        status = gestures_read(path, &r->gestures);
    r->base.count = rows != 0;
    if (!status && r->gestures.count) {
        r->base.ops = &gestures_ops;
        r->base.count = r->gestures.count;
    }
    if (status)
        source_close(&r->base);
    else
        *src = &r->base;
    return status;
}
