/* The network on a stream: a thread reads events and cuts windows, the caller's runs them on a
 * device and tells each decision. Memory is that of the windows that wait. */
#ifndef ADAFIRE_LOOP_H
#define ADAFIRE_LOOP_H

#include "input/sample.h"
#include "live/latency.h"
#include "live/window.h"
#include "model/model.h"

enum { LIVE_BATCH_MOST = 64, LIVE_BEST = 5 };

/* How the run stands. */
struct live_state {
    struct window_totals windows;
    int64_t decisions, dropped, dropped_events; /* windows, and the events in them */
    int64_t refused;        /* windows with events that the network has no place for */
    int64_t losses, missed; /* as live_source_losses and live_source_missed */
    int waiting;            /* windows */
    double events_a_second, decisions_a_second; /* in the last second or so */
    double seconds;                             /* since the first event came */
    char format[48];                            /* of the stream; "": not known yet */
    int sensor[2];
};

/* The answer to a window; all pointers are good until `decision` returns. */
struct live_decision {
    const struct window *window;
    const struct sample *sample;    /* its events */
    const int16_t *counts;          /* [timesteps][channels][height][width] that were run */
    int timesteps;                  /* of counts */
    const struct af_result *result; /* its timesteps: those that it took */
    enum af_task_kind kind;
    /* What it says, the largest first: classes and their probabilities; classes of boxes and their
     * scores; classes of a map and their shares of it. Of values: none. */
    struct af_answer best[LIVE_BEST];
    int best_count;
    const struct af_box *box; /* of a detector, as af_boxes */
    int64_t box_count;
    const uint16_t *map; /* of a segmentation, [map_height][map_width] */
    int map_height, map_width;
    const float *value; /* of values: [value_count] */
    int value_count;
    double latency; /* s, from the arrival of the window's last event to the answer */
    double after;   /* s of these after the window was over */
    double run;     /* s of these that the device took */
    const struct live_state *state;
};

struct live_options {
    /* Its idle, note and context are the loop's own. stop_fd: an eventfd, which the run itself
     * writes to at its end; -1: nobody stops it from outside. */
    struct live_source_options source;
    /* How windows are cut, see window.h; span 0: as the model's counting says. step 0: the span. */
    bool by_count;
    int64_t span, step;
    const char *counting;    /* instead of the model's; NULL: that */
    const char *task;        /* what the outputs mean, likewise */
    int queue;               /* windows that may wait, 0: chosen */
    int batch;               /* windows that are run together if so many wait, 0: 1 */
    int timesteps;           /* 0: the model's */
    bool no_iat, keep_state; /* as in af_run_options */
    int64_t limit;           /* decisions, 0: for as long as the stream goes on */
    int (*decision)(void *context, const struct live_decision *d); /* NULL: not */
    /* Some ten times a second, whether or not anything came; NULL: not. */
    int (*tick)(void *context, const struct live_state *s);
    void (*note)(void *context, const char *note); /* from either thread; NULL: not */
    void *context;
};

/* What the whole run was. */
struct live_totals {
    struct live_state state;
    struct latency latency, after, run;
    double timesteps, cycles; /* sums over decisions */
};

/* Ends with the stream, with the limit, when source.stop_fd can be read, or with a failure.
 * AF_BAD_ARGUMENT if nothing says how long a window is; AF_UNSUPPORTED for a network of other
 * samples than recordings. *t is of use also after a failure. */
int live_run(struct af_device *device, const struct af_model *m, const struct live_options *o,
             struct live_totals *t);

#endif
