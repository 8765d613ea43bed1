#include "input/events.h"

#include "base/error.h"

#include <string.h>

enum { COUNT_MOST = 255 };

int64_t events_backwards(const struct sample *s)
{
    for (int64_t i = 1; i < s->event_count; i++)
        if (s->events[i].t < s->events[i - 1].t)
            return i;
    return -1;
}

int events_bin(const struct sample *s, const struct input_spec *spec, int steps, int16_t *out)
{
    const int most = COUNT_MOST;
    int64_t plane = (int64_t)spec->height * spec->width, frame = plane * spec->channels;
    int64_t first = INT64_MAX, last = 0, span;
    if (steps < 1)
        return af_fail(AF_BAD_ARGUMENT, "%s: %d bins of time", s->name, steps);
    memset(out, 0, (size_t)(frame * steps) * sizeof *out);
    for (int64_t i = 0; i < s->event_count; i++) {
        first = s->events[i].t < first ? s->events[i].t : first;
        last = s->events[i].t > last ? s->events[i].t : last;
    }
    if (s->event_count == 0)
        return AF_OK;
    if (first < 0 || last > EVENT_TIME_MOST ||
        __builtin_mul_overflow(last - first + 1, steps, &span))
        return af_fail(AF_BAD_FILE, "%s: the times of the events are out of range", s->name);
    for (int64_t i = 0; i < s->event_count; i++) {
        const struct af_camera_event *e = &s->events[i];
        if (e->x >= spec->width || e->y >= spec->height || e->polarity >= spec->channels)
            return af_fail(AF_BAD_FILE,
                           "%s: event %lld (x %d, y %d, polarity %d) is outside the sensor of "
                           "%dx%d with %d polarities",
                           s->name, (long long)i, e->x, e->y, e->polarity, spec->width,
                           spec->height, spec->channels);
        /* A time is the microsecond it begins, so that the last one belongs to the last bin. */
        int64_t bin = (e->t - first) * steps / (last - first + 1);
        int16_t *count =
            &out[bin * frame + e->polarity * plane + (int64_t)e->y * spec->width + e->x];
        *count = (int16_t)(*count < most ? *count + 1 : most);
    }
    return AF_OK;
}

int events_bin_as_frames(const struct sample *s, const struct input_spec *spec, int steps,
                         int frames, int16_t *out)
{
    int64_t n = (int64_t)spec->channels * spec->height * spec->width;
    int status = events_bin(s, spec, steps, out);
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
