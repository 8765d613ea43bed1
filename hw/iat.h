/* Input-aware Adaptive Timesteps in integers: whether an inference may stop after this timestep.
 *
 * Host and hardware include this file, so that both stop at the same timestep always. With the
 * accumulated outputs v[k], p = softmax(sum of the logits) is in integers
 *     y[k] = (max v - v[k]) * multiplier >> shift       log2 units, 12 fractional bits
 *     e[k] = 2^-y[k],  Z = sum e[k]                     20 fractional bits, from a table
 *     entropy:     log2 Z + sum e[k] y[k] / Z < limit   (bits, 12 fractional bits)
 *     confidence:  1 / Z > limit                        (the largest p; 12 fractional bits)
 * Both sides are multiplied by Z, so nothing is divided. The limit of a timestep follows from the
 * paper's threshold (arXiv 2412.16219): entropy (1 - threshold) log2 K, confidence threshold. */
#ifndef ADAFIRE_IAT_H
#define ADAFIRE_IAT_H

#include "iat_tables.h"

enum { IAT_OFF, IAT_ENTROPY, IAT_CONFIDENCE };
enum { IAT_Y_BITS = 12, IAT_E_BITS = 20, IAT_TABLE_BITS = 8 };

/* 2^-y is this >> y's whole part; 0 where that is more than IAT_E_BITS. */
static inline uint32_t iat_mantissa(uint64_t y)
{
    const uint32_t fraction = y & ((1 << IAT_Y_BITS) - 1);
    return (1u << IAT_E_BITS) - (fraction << (IAT_E_BITS - IAT_Y_BITS - 1)) -
           iat_exp2[fraction >> (IAT_Y_BITS - IAT_TABLE_BITS)];
}

/* log2 Z: 12 fractional bits. Z is 2^20 at least: the largest output's. */
static inline int32_t iat_logarithm(uint64_t z)
{
    int whole = IAT_Y_BITS - IAT_E_BITS;
    for (; z >> (IAT_Y_BITS + 1); z >>= 1)
        whole++;
    const int fraction = (int)z & ((1 << IAT_Y_BITS) - 1);
    return whole * (1 << IAT_Y_BITS) + fraction +
           iat_log2[fraction >> (IAT_Y_BITS - IAT_TABLE_BITS)];
}

/* Entropy (IAT_ENTROPY) or largest probability (IAT_CONFIDENCE) times Z, and Z itself. */
static inline int64_t iat_measure(const int32_t *v, int classes, int32_t multiplier, int shift,
                                  int metric, int64_t *z)
{
    int32_t most = v[0];
    for (int k = 1; k < classes; k++)
        most = v[k] > most ? v[k] : most;
    int64_t sum = 0, weighted = 0;
    for (int k = 0; k < classes; k++) {
        const int64_t y = ((int64_t)most - v[k]) * multiplier >> shift, whole = y >> IAT_Y_BITS,
                      e = whole > IAT_E_BITS ? 0 : iat_mantissa((uint64_t)y) >> whole;
        sum += e;
        weighted += e * y;
    }
    *z = sum;
    if (metric == IAT_CONFIDENCE)
        return (int64_t)1 << (IAT_E_BITS + IAT_Y_BITS);
    return sum * iat_logarithm((uint64_t)sum) + weighted;
}

static inline int iat_stops(const int32_t *v, int classes, int32_t multiplier, int shift,
                            int metric, int32_t limit)
{
    int64_t z, measure = iat_measure(v, classes, multiplier, shift, metric, &z);
    return metric == IAT_CONFIDENCE ? measure > limit * z : measure < limit * z;
}

#endif
