/* What there is to see of a decision: the window as a picture, the answer, what the populations
 * did. It is looked at some ten times a second at the most, and costs nothing in between. */
#ifndef ADAFIRE_LOOK_H
#define ADAFIRE_LOOK_H

#include "live/loop.h"

enum { LOOK_LEVELS = 8, LOOK_SIDE = 96, LOOK_RECENT = 12, LOOK_BOXES = 64 };

struct look_population {
    const char *name;
    enum af_kind kind;
    int64_t neurons;
    int64_t events, spikes; /* of this window */
};

struct look {
    const struct af_model *model;
    /* Pixels of the network's input, or K x K of them, by how many events there were,
     * 0..LOOK_LEVELS - 1. */
    int width, height;
    unsigned char level[2][LOOK_SIDE * LOOK_SIDE]; /* of channel 0 (darker, mostly) and 1 */
    int32_t sum[LOOK_SIDE * LOOK_SIDE];            /* for making them */
    int64_t number, begin, events;                 /* of the window */
    enum af_task_kind kind;
    struct af_answer best[LIVE_BEST];
    int best_count, timesteps;
    /* Boxes in the picture's pixels, the first LOOK_BOXES of all there are; of a map the class of
     * every pixel; of values the first ones. */
    struct af_box box[LOOK_BOXES];
    int64_t box_count;
    uint16_t class_of[LOOK_SIDE * LOOK_SIDE];
    float value[LIVE_BEST];
    int value_count;
    double latency, after, run;
    int populations;
    struct look_population *population;
    struct { /* the last decisions, the newest first */
        int64_t number;
        int label;
        double probability, latency;
    } recent[LOOK_RECENT];
    int recent_count;
    struct live_state state;
};

int look_make(struct look **made, const struct af_model *m);
/* Every decision: only its answer is kept. */
void look_note(struct look *look, const struct live_decision *d);
/* A decision that is to be seen. */
void look_take(struct look *look, const struct live_decision *d);
/* The answer in a few words: its class, how many boxes there are, the first values. */
const char *look_answer(const struct look *look, char *text, int size);
/* "7", or the class's name behind it; "nothing" for -1. */
const char *look_class(const struct look *look, int label, char *text, int size);
void look_free(struct look *look); /* NULL is fine */

/* For the page: a line of JSON that says what does not change, and one of a look. malloc'd, NULL
 * without memory. */
char *look_first_message(const struct look *look, const char *model, const char *board,
                         const char *from, size_t *size);
char *look_message(const struct look *look, size_t *size);

#endif
