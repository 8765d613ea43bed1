/* The CPU engine's inner loops. cpu_kernel.c is compiled once per instruction set; the engine picks
 * the best that this CPU has (ADAFIRE_CPU=generic|avx2|avx512|neon overrides). All give equal
 * integers.
 */
#ifndef ADAFIRE_CPU_KERNEL_H
#define ADAFIRE_CPU_KERNEL_H

#include <stddef.h>
#include <stdint.h>

enum { LANES = 16 }; /* outputs per weight block, neurons per fire step */

/* c[l][i][n] (+)= (sum over segments s, bytes k of a[l * a_line + i * a_step + segment[s] + k] *
 * b[n][s][k]) << shift for l < lines, i < rows and n < blocks * LANES. A segment is `length` bytes,
 * a multiple of 4. b is packed as [block][segment][length / 4][LANES][4]. No alignment is assumed.
 */
/* Of parts of rows that could be left out, because all of a is 0 there. */
struct silence {
    int64_t looked, silent;
};

struct product {
    int lines, rows, blocks, segments, length, shift;
    int add;  /* 0: c is overwritten */
    int most; /* largest value in a, at least 1 and of no more than the kernel's value_bits */
    const uint8_t *a;
    ptrdiff_t a_line, a_step;
    const ptrdiff_t *segment;
    const int8_t *b;
    int32_t *c;
    ptrdiff_t c_line, c_step;
    struct silence *silence; /* NULL: it is not worth looking for; added to */
};

/* One timestep of `lines` x `positions` x `width` neurons (width a multiple of LANES); see model.h
 * for the semantics. Arrays are [lines][positions][width] but threshold, inverse and base, which
 * are [width], and the bytes. */
struct firing {
    int lines, positions, width;
    int burst;
    int linear; /* signed without a sum that limits it: from -below on */
    int below;
    int32_t limit;            /* of a potential, afterwards */
    const int32_t *current;   /* NULL: none this timestep */
    const int32_t *constant;  /* of the analog input and biases per neuron; NULL: none */
    const int32_t *base;      /* bias, and what all potentials begin with */
    const int32_t *threshold; /* beyond the last channel 1, where nothing comes in */
    const float *inverse;     /* 1 / threshold */
    const int32_t *before;    /* potentials; NULL: 0 */
    int32_t *after;           /* potentials; NULL: nobody will look at them */
    int16_t *sent;            /* running sum of what was sent; NULL: not signed */
    int16_t *events;          /* NULL: not wanted */
    /* Events + offset of the first `cell` neurons of each position, cell a multiple of 4, 1 or 2.
     * NULL: not wanted. */
    uint8_t *bytes;
    ptrdiff_t bytes_line;
    int cell, offset;
};

/* Counts what `positions` x `width` neurons (a multiple of LANES) sent. */
struct tally {
    int64_t positions;
    int width;
    const int16_t *events; /* [positions][width] */
    const int32_t *fanout; /* [rows][width] synaptic operations per event */
    const int32_t
        *fanout_row; /* [positions] its row of `fanout`, the same for runs of neighbours */
    int flush_after; /* neurons / LANES whose operations, at the largest burst, fit 31 bits */
    int64_t spikes, event_count, sops, spike_sops, adds; /* added to */
};

/* sum[p * sum_step + c] += tap[c] * (from[p * from_step + c] - offset), from of int16_t, or of
 * bytes where `bytes` is not NULL. */
struct scaling {
    int positions, channels;
    int32_t *sum;
    const int32_t *tap;
    const int16_t *from;
    const uint8_t *bytes;
    int offset;
    ptrdiff_t sum_step, from_step;
};

/* to[c * to_step + i] = the sum (which fits a byte) or the largest of from[c * from_step + k * step
 * + i] over k < count, for c < cells and i < n. */
struct merging {
    uint8_t *to;
    const uint8_t *from;
    ptrdiff_t to_step, from_step, step;
    int cells, count, n;
    int sum; /* or else the largest */
};

/* Additions and subtractions of shifted values that multiplying with n >= 0 takes: the digits of
 * its canonical signed form that are not 0 (Reitwieser, Advances in Computers 1 (1960) 231-308),
 * which are the bits where n and 3 n differ. */
static inline int additions_of(int32_t n)
{
    return __builtin_popcount((uint32_t)n ^ 3 * (uint32_t)n);
}

struct kernel {
    const char *name;
    int value_bits;
    void (*multiply)(const struct product *p);
    void (*fire)(const struct firing *f);
    void (*count)(struct tally *t);
    /* to[i] = value_bits bits of from[i] + offset, from bit plane * value_bits on */
    void (*pack)(uint8_t *to, const int16_t *from, int n, int offset, int plane);
    void (*add_scaled)(const struct scaling *s);
    void (*merge)(const struct merging *m);
};

/* The best kernel of this CPU. */
const struct kernel *kernel_choose(void);

#endif
