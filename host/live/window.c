#include "live/window.h"

#include "base/clock.h"
#include "base/error.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A window's time is over when as much time has passed since its last event as there was left, and
 * a little more: as events came later than that lately. What a pause teaches is forgotten by half
 * in FORGET_HALF seconds; all in seconds. */
#define GRACE       0.005
#define JITTER      0.05 /* before anything is known of it */
#define JITTER_MOST 1.0
#define FORGET_HALF 10.0

/* No time is further from 0, so that differences fit. */
#define TIME_MOST ((int64_t)1 << 60)

struct windower {
    struct window_options o;
    struct window now;
    bool begun, late_now; /* the last event was late; then since: */
    int64_t late_from;
    int status;    /* of a window given in between */
    int64_t given; /* windows */
    bool clocked;  /* of events that came before: */
    double arrived, jitter;
    int64_t last;
    struct window_totals totals;
};

int windower_make(struct windower **made, const struct window_options *o)
{
    struct windower *w = *made = calloc(1, sizeof *w);
    if (!w)
        return af_fail(AF_NO_MEMORY, "no memory for windows");
    w->o = *o;
    return AF_OK;
}

void windower_free(struct windower *w)
{
    if (!w)
        return;
    free(w->now.event);
    free(w);
}

struct window_totals windower_totals(const struct windower *w)
{
    return w->totals;
}

static int reserve(struct window *w, int64_t count)
{
    if (count <= w->room)
        return AF_OK;
    int64_t room = count > 2 * w->room ? count : 2 * w->room;
    struct af_camera_event *grown = realloc(w->event, (size_t)room * sizeof *grown);
    if (!grown)
        return af_fail(AF_NO_MEMORY, "no memory for a window of %lld events", (long long)room);
    w->event = grown;
    w->room = room;
    return AF_OK;
}

static int append(struct windower *w, const struct af_camera_event *e, int64_t n, double arrived)
{
    const int64_t room = WINDOW_MOST - w->now.count, taken = n < room ? n : room;
    w->totals.over += n - taken;
    int status = taken ? reserve(&w->now, w->now.count + taken) : AF_OK;
    if (status || !taken)
        return status;
    memcpy(w->now.event + w->now.count, e, (size_t)taken * sizeof *e);
    w->now.count += taken;
    w->now.arrived = arrived;
    return AF_OK;
}

/* Gives the window; what the next one has of it begins with event `from`. */
static int give(struct windower *w, int64_t from, int64_t begin, bool whole)
{
    struct window over = w->now, next = {0};
    over.number = w->given++;
    over.whole = whole;
    over.over = seconds();
    if (w->o.by_count) {
        const int64_t last = over.event[over.count - 1].t;
        over.begin = over.event[0].t;
        over.end = last < INT64_MAX ? last + 1 : last;
    }
    /* Kept aside until the taker has left memory for it. */
    const int64_t kept = over.count - from;
    struct af_camera_event *keep = NULL;
    if (kept > 0) {
        keep = malloc((size_t)kept * sizeof *keep);
        if (!keep)
            return af_fail(AF_NO_MEMORY, "no memory for a window's events");
        memcpy(keep, over.event + from, (size_t)kept * sizeof *keep);
    }
    int status = w->o.give(w->o.context, &over);
    next.event = over.event;
    next.room = over.room;
    next.begin = begin;
    next.end = begin + w->o.span;
    next.arrived = w->now.arrived;
    memcpy(next.sensor, w->now.sensor, sizeof next.sensor);
    w->now = next;
    if (!status && kept > 0)
        status = append(w, keep, kept, w->now.arrived);
    free(keep);
    return status;
}

/* ---- By time --------------------------------------------------------------------------------- */

/* The window's time is over: gives it, and goes on by a step. */
static int close_time(struct windower *w)
{
    const int64_t begin = w->now.begin + w->o.step;
    int64_t from = 0;
    while (from < w->now.count && w->now.event[from].t < begin)
        from++;
    return give(w, from, begin, true);
}

/* To the first window that time t is in, past empty ones. */
static void jump(struct windower *w, int64_t t)
{
    const int64_t behind = t - w->now.end, steps = behind / w->o.step + 1;
    w->totals.empty += steps;
    w->now.begin += steps * w->o.step;
    w->now.end = w->now.begin + w->o.span;
}

static void start(struct windower *w, int64_t t)
{
    w->begun = true;
    w->late_now = false;
    w->now.count = 0;
    w->now.begin = t;
    w->now.end = t + w->o.span;
}

/* Far back, a clock was set or ran over, or a single time was wrong; so it was if late events alone
 * go on for half a window's time. */
static bool turns_back(struct windower *w, int64_t t)
{
    const int64_t far = w->o.span > 1000000 ? w->o.span : 1000000;
    if (!w->late_now || t < w->late_from)
        w->late_from = t;
    w->late_now = true;
    return t < w->now.begin - far || t - w->late_from >= (w->o.span + 1) / 2;
}

static int add_time(struct windower *w, const struct af_camera_event *e, int n, double arrived)
{
    int status = AF_OK;
    for (int i = 0; !status && i < n;) {
        const int64_t t = e[i].t;
        if (t > TIME_MOST || t < -TIME_MOST) {
            w->totals.late++; /* nobody's time */
            i++;
            continue;
        }
        if (!w->begun)
            start(w, t);
        if (t >= w->now.begin && t < w->now.end) {
            int end = i + 1;
            while (end < n && e[end].t >= w->now.begin && e[end].t < w->now.end)
                end++;
            status = append(w, e + i, end - i, arrived);
            w->late_now = false;
            i = end;
        } else if (t >= w->now.end) {
            if (w->now.count)
                status = close_time(w);
            else
                jump(w, t);
        } else if (w->o.step > w->o.span && t >= w->now.begin - (w->o.step - w->o.span)) {
            i++; /* between two windows */
        } else if (turns_back(w, t)) {
            if (w->now.count)
                status = give(w, w->now.count, t, false);
            w->totals.turns++;
            start(w, t);
        } else {
            w->totals.late++;
            i++;
        }
    }
    return status;
}

/* ---- By count -------------------------------------------------------------------------------- */

static int add_count(struct windower *w, const struct af_camera_event *e, int n, double arrived)
{
    int status = AF_OK;
    w->begun = true;
    /* A step longer than the window: what lies between. */
    for (int i = 0; !status && i < n;) {
        if (w->now.begin > 0) {
            const int64_t skip = w->now.begin < n - i ? w->now.begin : n - i;
            w->now.begin -= skip;
            i += (int)skip;
            continue;
        }
        const int64_t room = w->o.span - w->now.count, part = room < n - i ? room : n - i;
        status = append(w, e + i, part, arrived);
        i += (int)part;
        if (!status && w->now.count == w->o.span) {
            const bool apart = w->o.step > w->o.span;
            status =
                give(w, apart ? w->o.span : w->o.step, apart ? w->o.step - w->o.span : 0, true);
        }
    }
    return status;
}

/* ---- Both ------------------------------------------------------------------------------------ */

static void look_at_clock(struct windower *w, const struct live_block *b)
{
    const double passed = b->arrived - w->arrived,
                 later = passed - 1e-6 * ((double)b->event[0].t - (double)w->last) / w->o.pace;
    if (w->clocked)
        w->jitter = fmin(fmax(w->jitter * exp2(-passed / FORGET_HALF), later), JITTER_MOST);
    else
        w->jitter = JITTER;
    w->clocked = true;
    w->arrived = b->arrived;
    w->last = b->event[b->count - 1].t;
}

int windower_add(struct windower *w, const struct live_block *b, const int sensor[2])
{
    if (w->status || !b->count)
        return w->status;
    const int64_t turns = w->totals.turns;
    w->totals.events += b->count;
    memcpy(w->now.sensor, sensor, sizeof w->now.sensor);
    int status = w->o.by_count ? add_count(w, b->event, b->count, b->arrived)
                               : add_time(w, b->event, b->count, b->arrived);
    if (w->totals.turns != turns)
        w->clocked = false;
    look_at_clock(w, b);
    return status;
}

double windower_idle(struct windower *w, double now)
{
    while (!w->status && w->o.timed && !w->o.by_count && w->begun && w->now.count) {
        const double left = 1e-6 * ((double)w->now.end - (double)w->last) / w->o.pace,
                     due = w->arrived + left + w->jitter + GRACE;
        if (now < due)
            return due;
        w->status = close_time(w);
    }
    return INFINITY;
}

int windower_end(struct windower *w)
{
    int status = w->status;
    if (!status && w->now.count)
        status = give(w, w->now.count, 0, false);
    w->begun = false;
    w->now.begin = 0;
    w->now.count = 0;
    w->clocked = false;
    return status;
}
