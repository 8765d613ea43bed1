/* What a lane remembers. */
#ifndef ADAFIRE_STATE_H
#define ADAFIRE_STATE_H

#include "engine/activity.h"
#include "engine/prepared.h"

/* Whether a projection's source is so silent that it is worth to look where. */
struct watch {
    struct silence silence; /* of this timestep */
    int rest;               /* timesteps in which nobody looks */
};

/* Of a population. What it sent last is an image, 16-bit events, or both. */
struct place {
    int32_t *potential, *constant, *sums; /* sums: of a relay's source */
    int32_t *base; /* bias, less what this sample's input is offset by; the same with initial */
    int32_t *first;
    int16_t *sent, *events;
    const int16_t *seen; /* events, or a recording */
    uint8_t *image;
    int border; /* what the image's border holds; -1: nothing yet */
    bool image_good, events_good;
    bool begun;          /* it has had a timestep since lane_begin */
    struct watch *watch; /* [input_count] */
    struct activity activity;
};

struct team;

/* What a thread computes in. */
struct scratch {
    int32_t *current; /* [current_elements] */
    uint8_t *row;     /* [row_bytes] of an image, merged */
};

struct lane {
    const struct engine *engine;
    struct team *team; /* NULL: the caller alone works */
    int hands;
    struct scratch *hand; /* [hands] */
    bool analog;
    enum counted counted;
    int first; /* of lane_begin */
    int steps; /* that the inference takes at most; 0: unknown */
    int step;
    bool goes_on; /* neurons began with the potentials that they had */
    struct place *at;
    const int16_t *counts;    /* of the input, [channels][height][width], until they are needed */
    int offset[OFFSETS_MOST]; /* of the input's image; if it has none, COUNT_LIMIT */
    uint8_t *view;
    int32_t *wide;
};

#endif
