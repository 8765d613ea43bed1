#include "recording/reader.h"

#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *reader_make(size_t size, const struct reader_ops *ops, const char *name, struct bytes *bytes)
{
    struct recording *r = calloc(1, size);
    if (r)
        r->name = strdup(name);
    if (!r || !r->name) {
        if (bytes)
            bytes_close(bytes);
        free(r);
        af_fail(AF_NO_MEMORY, "%s: no memory", name);
        return NULL;
    }
    r->ops = ops;
    r->about.rows = -1;
    if (bytes) {
        r->bytes = *bytes;
        r->bytes.path = r->name;
        *bytes = (struct bytes){0};
    }
    return r;
}

int reader_note(struct recording *r, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const int status = texts_add_once(&r->more, format, args);
    va_end(args);
    return status;
}

int recording_next(struct recording *r, struct event *events, int room, int *count)
{
    *count = 0;
    int status = r->ops->next(r, events, room, count);
    if (status || !*count)
        return status;
    const int width = r->about.width ? r->about.width : 1 << 16;
    const int height = r->about.height ? r->about.height : 1 << 16;
    int64_t last = r->events ? r->last : events[0].t;
    int outside = 0, backwards = 0;
    for (int i = 0; i < *count; i++) {
        outside += (events[i].x >= width) | (events[i].y >= height);
        backwards += events[i].t < last;
        last = events[i].t;
    }
    r->outside += outside;
    if (backwards && !r->backwards) {
        last = r->events ? r->last : events[0].t;
        int i = 0;
        for (; events[i].t >= last; i++)
            last = events[i].t;
        r->first_backwards = r->events + i;
    }
    r->backwards += backwards;
    r->last = events[*count - 1].t;
    r->events += *count;
    return AF_OK;
}

int recording_skip(struct recording *r, int64_t rows)
{
    return r->ops->skip ? r->ops->skip(r, rows)
                        : af_fail(AF_BAD_ARGUMENT, "%s: is no table", r->name);
}

const struct recording_about *recording_about(const struct recording *r)
{
    return &r->about;
}

static const char *plural(int64_t n)
{
    return n == 1 ? "" : "s";
}

int recording_notes(const struct recording *r, bool times, struct texts *notes)
{
    const struct {
        int64_t count;
        const char *format;
    } told[] = {
        {r->untimed, "%lld event%s before the first time %s left out"},
        {r->unknown, "%lld word%s of unknown types %s left out"},
        {r->invalid, "%lld event%s marked as invalid %s left out"},
        {r->bytes.missing, "cut off: %lld byte%s of the last packet %s missing"},
        {r->cut, "cut off: the last %lld byte%s %s no whole event"},
        {r->outside, "%lld event%s outside of the sensor's size %s there"},
    };
    char text[200];
    int status = AF_OK;
    for (size_t i = 0; !status && i < sizeof told / sizeof *told; i++) {
        if (!told[i].count)
            continue;
        snprintf(text, sizeof text, told[i].format, (long long)told[i].count, plural(told[i].count),
                 told[i].count == 1 ? "is" : "are");
        status = texts_add(notes, text);
    }
    if (!status && times && r->backwards) {
        snprintf(text, sizeof text, "the time runs backwards %lld time%s (first at event %lld)",
                 (long long)r->backwards, plural(r->backwards), (long long)r->first_backwards);
        status = texts_add(notes, text);
    }
    for (int i = 0; !status && i < r->more.count; i++)
        status = texts_add(notes, r->more.text[i]);
    return status;
}

void recording_close(struct recording *r)
{
    if (!r)
        return;
    if (r->ops->close)
        r->ops->close(r);
    bytes_close(&r->bytes);
    texts_free(&r->more);
    free(r->name);
    free(r);
}
