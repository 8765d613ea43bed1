/* What a lane remembers: between lane.c, which runs it, and image.c, which shows populations to
 * their readers. */
#ifndef ADAFIRE_STATE_H
#define ADAFIRE_STATE_H

#include "engine/lane.h"
#include "engine/prepared.h"

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
    bool begun; /* it has had a timestep since lane_begin */
    struct activity activity;
};

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
    struct place *at;
    const int16_t *counts;    /* of the input, [channels][height][width], until they are needed */
    int offset[OFFSETS_MOST]; /* of the input's image; if it has none, COUNT_LIMIT */
    uint8_t *view;
    int32_t *wide;
};

/* Makes what the population sent available as bytes (if it is narrow) or as 16-bit events. */
void image_need(struct lane *l, int population);
void events_need(struct lane *l, int population);
/* Prepares the image's border for what the population is about to write. */
void image_begin(struct lane *l, int population);
/* Makes the input's counts an image or events. */
void input_need(struct lane *l);
/* Where the population's position (y, x) is in its image. */
static inline ptrdiff_t image_at(const struct image *i, int y, int x)
{
    return ((ptrdiff_t)(i->top + y) * i->cols + i->left + x) * i->cell;
}
/* Of a view that is no part of an image: whether it is summed from the source's image. */
bool view_from_image(const struct lane *l, const struct wiring *w, const struct path *p);
/* The padded view, one byte a value: bits of value + offset, value_bits a plane. */
void fill_view(struct lane *l, const struct wiring *w, const struct path *p, int plane);
/* The same in 32 bits, into l->wide. */
void fill_wide(struct lane *l, const struct wiring *w, const struct path *p);

#endif
