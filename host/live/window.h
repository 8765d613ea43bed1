/* Windows of a stream: so many microseconds, or so many events, a step apart; sliding if the step
 * is shorter than the window. Windows of time lie on a grid from the stream's first event on; those
 * without events are none. */
#ifndef ADAFIRE_WINDOW_H
#define ADAFIRE_WINDOW_H

#include "live/source.h"

enum { WINDOW_MOST = 1 << 24 }; /* events; more are left out */

struct window {
    struct af_camera_event *event; /* owned */
    int64_t count, room;
    int64_t number;     /* from 0, of those that hold events */
    int64_t begin, end; /* us; by count: of the first event, and one behind that of the last */
    int sensor[2];      /* as live_source_sensor */
    double arrived;     /* the last event, by seconds() */
    double over;        /* when it was given */
    bool whole;         /* false: the stream ended in it */
};

struct window_options {
    bool by_count;
    int64_t span, step; /* us, or events */
    double pace;        /* of the events' time, see live_source_pace */
    bool timed;         /* a window of time is over when its time is, though nothing came */
    /* Takes a window that is over, and leaves another in its place, whose memory is used again. */
    int (*give)(void *context, struct window *w);
    void *context;
};

/* What became of events that are in no window, and of the grid. */
struct window_totals {
    int64_t events;       /* that came */
    int64_t late, over;   /* came after their window was given; beyond WINDOW_MOST */
    int64_t empty, turns; /* windows without events; clocks that jumped back: a new grid */
};

struct windower;

int windower_make(struct windower **made, const struct window_options *o);
int windower_add(struct windower *w, const struct live_block *b, const int sensor[2]);
/* Gives the window whose time is over, if one is; when to ask again, INFINITY: not before events
 * came. A failure of `give` comes out of the next call of another function. */
double windower_idle(struct windower *w, double now);
/* The stream ended: gives the window it ended in, and begins anew. */
int windower_end(struct windower *w);
struct window_totals windower_totals(const struct windower *w);
void windower_free(struct windower *w); /* NULL is fine */

#endif
