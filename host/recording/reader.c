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

/* Times that go back, and events that are not where they should be: seldom, and one by one. */
static void count_odd(struct recording *r, const struct af_camera_event *events, int n)
{
    struct recording_totals *t = &r->totals;
    int64_t last = t->last;
    for (int i = 0; i < n; i++) {
        const struct af_camera_event *e = &events[i];
        if (e->t < last && !r->backwards++)
            r->first_backwards = t->events + i;
        last = e->t;
        t->least = e->t < t->least ? e->t : t->least;
        t->most = e->t > t->most ? e->t : t->most;
        r->outside += (r->about.width && e->x >= r->about.width) ||
                      (r->about.height && e->y >= r->about.height);
    }
}

/* Every event passes here, so the loop does little. */
static void add_up(struct recording *r, const struct af_camera_event *events, int n)
{
    struct recording_totals *t = &r->totals;
    if (!t->events)
        t->first = t->last = t->least = t->most = events[0].t;
    int x = 0, y = 0, sum = 0, above = 0, back = 0;
    int64_t last = t->last;
    for (int i = 0; i < n; i++) {
        const struct af_camera_event *e = &events[i];
        x = e->x > x ? e->x : x;
        y = e->y > y ? e->y : y;
        sum += e->polarity;
        above |= e->polarity & ~1;
        back |= e->t < last;
        last = e->t;
    }
    if (above)
        for (int i = sum = 0; i < n; i++)
            sum += events[i].polarity == 1;
    for (int i = 0; above && i < n; i++)
        t->darker -= events[i].polarity > 1;
    if (back || (r->about.width && x >= r->about.width) ||
        (r->about.height && y >= r->about.height))
        count_odd(r, events, n);
    t->x = x > t->x ? x : t->x;
    t->y = y > t->y ? y : t->y;
    t->brighter += sum;
    t->darker += n - sum;
    t->most = last > t->most ? last : t->most;
    t->last = last;
    t->events += n;
}

int recording_next(struct recording *r, struct af_camera_event *events, int room, int *count)
{
    *count = 0;
    int status = r->ops->next(r, events, room, count);
    if (!status && *count)
        add_up(r, events, *count);
    return status;
}

struct recording_totals recording_totals(const struct recording *r)
{
    return r->totals;
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
