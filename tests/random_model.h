/* Small random networks, valid by model_check, that between them use everything that a model can
 * hold: every kind of projection and population, and values at their limits. */
#ifndef RANDOM_MODEL_H
#define RANDOM_MODEL_H

#include "model/model.h"

/* A random number generator (splitmix64): the same numbers everywhere. */
struct dice {
    uint64_t state;
};
uint64_t dice_next(struct dice *d);
/* low .. high, both included. */
int64_t dice_roll(struct dice *d, int64_t low, int64_t high);
bool dice_chance(struct dice *d, int percent);

/* The model of this seed. Aborts if it would not be valid. af_model_free frees it. */
struct af_model *random_model(uint64_t seed);
/* Counts of one sample: [neurons], or [timesteps][neurons] for an event input. free frees it. */
int16_t *random_counts(const struct af_model *m, struct dice *d);

/* What a test wants to have seen. */
enum feature {
    HAS_DENSE,
    HAS_CONVOLUTION,
    HAS_STRIDE,
    HAS_PADDING,
    HAS_ASYMMETRIC_PADDING,
    HAS_CROP,
    HAS_DILATION,
    HAS_GROUPS,
    HAS_DEPTHWISE,
    HAS_DEPTHWISE_MULTIPLIER,
    HAS_1D,
    HAS_POINTWISE,
    HAS_SHORTCUT,
    HAS_SHORTCUT_STRIDE,
    HAS_POOL,
    HAS_POOL_OVERLAP,
    HAS_POOL_PADDING,
    HAS_POOL_CROP,
    HAS_POOL_SHORTCUT,
    HAS_UPSAMPLING,
    HAS_UPSAMPLED_SHORTCUT,
    HAS_UPSAMPLED_POOL,
    HAS_MAP_SUBSET,
    HAS_MAP_PERMUTATION,
    HAS_MAP_DUPLICATE,
    HAS_BLOCK_CHANNELS,
    HAS_BLOCK_POSITIONS,
    HAS_SPREAD,
    HAS_SHARED_SOURCE,
    HAS_SEVERAL_PROJECTIONS,
    HAS_NO_PROJECTION,
    HAS_VIEW_2_BYTES,
    HAS_VIEW_3_BYTES,
    HAS_LINEAR,
    HAS_UNSIGNED_BURSTS,
    HAS_SIGNED_BURSTS,
    HAS_RELAY,
    HAS_RELAY_OVERLAP,
    HAS_RELAY_PADDING,
    HAS_RELAY_CHAIN,
    HAS_RELAY_OF_ANALOG_INPUT,
    HAS_RELAY_OF_EVENT_INPUT,
    HAS_RELAY_OF_SIGNED,
    HAS_RELAY_MAP,
    HAS_SEVERAL_OUTPUTS,
    HAS_LATER_ANSWER, /* early exit by another output than the first */
    HAS_OUTPUT_MAP,
    HAS_OUTPUT_ORDER,
    HAS_EVENT_INPUT,
    HAS_ANALOG_INPUT,
    HAS_BIAS_PER_CHANNEL,
    HAS_BIAS_PER_NEURON,
    HAS_INITIAL_PER_CHANNEL,
    HAS_INITIAL_PER_NEURON,
    HAS_BURST_1,
    HAS_BURST_15,
    HAS_BURST_255,
    HAS_SKEWED_BURSTS,
    HAS_WIDE,
    HAS_SHIFT,
    HAS_SHIFT_15,
    HAS_WEIGHT_127,
    HAS_WEIGHT_MINUS_128,
    HAS_WEIGHTS_ZERO,
    HAS_THRESHOLD_1,
    HAS_THRESHOLD_LIMIT,
    HAS_CURRENT_LIMIT,
    HAS_IAT_OFF,
    HAS_IAT_ENTROPY,
    HAS_IAT_CONFIDENCE,
    HAS_1_CHANNEL,
    HAS_3_CHANNELS,
    HAS_15_CHANNELS,
    HAS_16_CHANNELS,
    HAS_17_CHANNELS,
    HAS_33_CHANNELS,
    HAS_64_CHANNELS,
    MODEL_FEATURES,
};
extern const char *const feature_name[MODEL_FEATURES];

/* Sets has[f] for what the model holds, found by looking at it, and leaves the rest as it is. */
void model_features(const struct af_model *m, bool has[MODEL_FEATURES]);

/* The input of random_counts as a sample: a recording, or raw values of a model whose unit is 1. */
struct af_sample sample_of(const struct af_model *m, const int16_t *counts);

#endif
