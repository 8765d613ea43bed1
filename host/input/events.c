#include "input/events.h"

#include "base/error.h"
#include "input/counting.h"

#include <stdlib.h>
#include <string.h>

enum { COUNT_MOST = 255 };

int64_t events_backwards(const struct sample *s)
{
    for (int64_t i = 1; i < s->event_count; i++)
        if (s->events[i].t < s->events[i - 1].t)
            return i;
    return -1;
}

/* Where events are counted. */
struct bins {
    const struct input_spec *spec;
    int steps, frames;
    int64_t first, span;    /* us, of all bins */
    int64_t last, from, to; /* a bin, and times since `first` that are in it */
    int64_t events;
};

static int find_span(const struct sample *s, const struct af_camera_event *e, int64_t n,
                     struct bins *b)
{
    int64_t first = INT64_MAX, last = INT64_MIN, scaled;
    for (int64_t i = 0; i < n; i++) {
        first = e[i].t < first ? e[i].t : first;
        last = e[i].t > last ? e[i].t : last;
    }
    b->first = first;
    /* Only differences count: times may be those of a clock. A time is the microsecond it begins,
     * so that the last one belongs to the last bin. */
    if (n && (__builtin_sub_overflow(last, first, &b->span) || b->span >= EVENT_TIME_MOST ||
              __builtin_mul_overflow(++b->span, b->steps, &scaled)))
        return af_fail(AF_BAD_FILE, "%s: the times of the events are out of range", s->name);
    if (b->spec->counting.window)
        b->span = b->spec->counting.window * b->frames;
    return AF_OK;
}

/* The bin of event i; `steps` or more: it is left out. Events are mostly in order, so that the
 * last one's bin is mostly the next one's, too. */
static int64_t bin_of(struct bins *b, const struct af_camera_event *e, int64_t i)
{
    const int64_t count = b->spec->counting.count * b->frames;
    if (count)
        return i < count ? i * b->steps / count : b->steps;
    if (b->spec->counting.even) {
        const int64_t each = b->events / b->steps;
        return !each ? i * b->steps / b->events : i / each < b->steps ? i / each : b->steps - 1;
    }
    const int64_t since = e->t - b->first;
    if (since < b->from || since >= b->to) {
        b->last = since < b->span ? since * b->steps / b->span : b->steps;
        b->from = since;
        b->to = since < b->span ? ((b->last + 1) * b->span + b->steps - 1) / b->steps : INT64_MAX;
    }
    return b->last;
}

static int count_events(const struct sample *s, const struct af_camera_event *e, int64_t n,
                        struct bins *b, int16_t *out)
{
    const int most = COUNT_MOST;
    const struct input_spec *spec = b->spec;
    const int64_t plane = (int64_t)spec->height * spec->width, frame = plane * spec->channels;
    for (int64_t i = 0; i < n; i++, e++) {
        if (e->x >= spec->width || e->y >= spec->height || e->polarity >= spec->channels)
            return af_fail(
                AF_BAD_FILE,
                "%s: event %lld (x %d, y %d, polarity %d) is outside the sensor of "
                "%dx%d with %d polarities (a model converted with --counting fit or crop "
                "takes larger ones)",
                s->name, (long long)i, e->x, e->y, e->polarity, spec->width, spec->height,
                spec->channels);
        const int64_t bin = bin_of(b, e, i);
        if (bin >= b->steps)
            continue;
        int16_t *count =
            &out[bin * frame + e->polarity * plane + (int64_t)e->y * spec->width + e->x];
        *count = (int16_t)(*count < most ? *count + 1 : most);
    }
    return AF_OK;
}

static int bin(const struct sample *s, const struct input_spec *spec, int steps, int frames,
               int16_t *out)
{
    struct bins b = {.spec = spec, .steps = steps, .frames = frames > 0 ? frames : 1};
    struct af_camera_event *kept;
    int64_t n;
    if (steps < 1)
        return af_fail(AF_BAD_ARGUMENT, "%s: %d bins of time", s->name, steps);
    memset(out, 0,
           (size_t)((int64_t)spec->height * spec->width * spec->channels * steps) * sizeof *out);
    int status = counting_apply(&spec->counting, s, spec, &kept, &n);
    const struct af_camera_event *e = kept ? kept : s->events;
    b.events = n;
    if (!status)
        status = find_span(s, e, n, &b);
    if (!status)
        status = count_events(s, e, n, &b, out);
    free(kept);
    return status;
}

int events_bin(const struct sample *s, const struct input_spec *spec, int steps, int16_t *out)
{
    return bin(s, spec, steps, 1, out);
}

int events_bin_as_frames(const struct sample *s, const struct input_spec *spec, int steps,
                         int frames, int16_t *out)
{
    int64_t n = (int64_t)spec->channels * spec->height * spec->width;
    int status = bin(s, spec, steps, frames, out);
    int of = frames > 0 ? frames : 1;
    for (int64_t i = 0; !status && i < n; i++) {
        int64_t sum = 0, sent = 0;
        for (int t = 0; t < steps; t++) {
            sum += out[t * n + i];
            int64_t due = sum * steps / of - sent;
            sent += due;
            out[t * n + i] = (int16_t)(due < COUNT_MOST ? due : COUNT_MOST);
        }
    }
    return status;
}
