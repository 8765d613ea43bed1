/* The arithmetic of neurons, and the walk over a core's cells: what neurons.c needs and has no
 * state. */
#ifndef NEURON_H
#define NEURON_H
#include "config.h"
#include <stdbool.h>
#include <stdint.h>

/* The cells of a population in this core: their numbers along rows, columns and groups of channels,
 * and which of the population's they are. */
struct share {
    uint16_t groups, columns; /* how many */
    uint16_t first_group, next_group, first_column, next_column, next_row;
};
struct cursor {
    uint16_t g, x, y;            /* number in this core */
    uint16_t group, column, row; /* of the population */
};

static inline void advance(struct cursor *at, const struct share *share)
{
    const bool groups_done = at->g + 1 == share->groups, row_done = at->x + 1 == share->columns;
    at->g = groups_done ? 0 : at->g + 1;
    at->group = groups_done ? share->first_group : at->group + share->next_group;
    if (groups_done) {
        at->x = row_done ? 0 : at->x + 1;
        at->y += row_done;
        at->column = row_done ? share->first_column : at->column + share->next_column;
        at->row += row_done ? share->next_row : 0;
    }
}

/* A lane of a cell, a cell being [SLICES][SLICE]. */
#define OF_LANE(l) [(l) / SLICE % SLICES][(l) % SLICE]

/* STATE_BITS of a potential, as memory holds them. */
static inline uint32_t packed(int32_t v)
{
    return (uint32_t)v & UINT32_MAX >> (32 - STATE_BITS);
}
static inline int32_t unpacked(uint32_t word)
{
    return (int32_t)(word << (32 - STATE_BITS)) >> (32 - STATE_BITS);
}

/* A burst, or one beyond the largest. */
#if BURST_BITS < 7
typedef int8_t burst_count;
#else
typedef int16_t burst_count;
#endif

/* floor(v / threshold) within BURST_BITS and a sign, a bit after the other from what multiples of
 * the threshold fit. Sums of a product are what a DSP does. */
static inline int32_t quotient(int32_t v, int32_t threshold)
{
    int32_t q = v < 0 ? -(1 << BURST_BITS) : 0;
    for (int bit = BURST_BITS - 1; bit >= 0; bit--) {
#pragma HLS unroll
        const burst_count minus = (burst_count)(-q - (1 << bit));
        q += v + minus * threshold >= 0 ? 1 << bit : 0;
    }
    return q;
}

static inline uint16_t magnitude(int16_t count)
{
    return (uint16_t)(count < 0 ? -count : count);
}

/* What is left after firing, within 23 bits, or 31 if it is wide. */
static inline int32_t limited(int32_t v, bool wide)
{
    const int32_t most = STATE_BITS > 24 && wide ? 0x3fffffff : 0x3fffff;
    return v > most ? most : v < -most ? -most : v;
}

/* Adds the bias, and takes away as many thresholds as fit, from `least` to `most`: the burst. */
static inline int32_t fire(int32_t *v, int32_t bias, int32_t threshold, int32_t least, int32_t most,
                           bool wide)
{
    *v += bias;
    int32_t r = quotient(*v, threshold);
    r = r > most ? most : r < least ? least : r;
    *v = limited(*v + (burst_count)-r * threshold, wide);
    return r;
}

#endif
