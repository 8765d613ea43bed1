/* The integer network on this CPU: exact by model.h's semantics, dense, vectorised, and written
 * without a look at hw/. An engine is a model prepared for the CPU and may serve many threads; a
 * lane is one inference under way and belongs to one thread. Neurons are laid out position by
 * position: neuron (c, y, x) is element (y * width + x) * lane_stride(p) + c. */
#ifndef ADAFIRE_ENGINE_H
#define ADAFIRE_ENGINE_H

#include "model/model.h"

struct engine;
struct lane;

/* The model must outlive the engine. AF_NO_MEMORY. */
int engine_make(const struct af_model *model, struct engine **engine);
/* Takes over what changed in the model's population: weights, shifts, biases, thresholds, bursts,
 * initial potentials. Also needed for the readers of a population whose bursts changed. */
int engine_refresh(struct engine *engine, int population);
void engine_free(struct engine *engine);

int lane_make(const struct engine *engine, struct lane **lane);
void lane_free(struct lane *lane);
/* Bytes that one lane takes. */
size_t lane_size(const struct engine *engine);

/* Starts an inference for the populations first .. last (the others are not touched). counts: the
 * analog input, [channels][height][width]; NULL if the input comes step by step. It is needed only
 * if one of the populations reads the input. */
void lane_begin(struct lane *lane, int first, int last, const int16_t *counts);
/* The input events of the coming timestep (event inputs only). */
void lane_input(struct lane *lane, const int16_t *counts);
/* One timestep of the populations first .. last, in order. */
void lane_step(struct lane *lane, int first, int last);

int lane_stride(const struct engine *engine, int population);
/* [positions][stride] what the population sent in the last timestep; may be pointed elsewhere (a
 * recording of the same layout) with lane_set_events, NULL points it back. */
const int16_t *lane_events(const struct lane *lane, int population);
void lane_set_events(struct lane *lane, int population, const int16_t *events);
/* [positions][stride] potentials; of an output population its accumulated sums. */
const int32_t *lane_potentials(const struct lane *lane, int population);

/* What a population did since lane_begin. */
struct activity {
    int64_t spikes, events, sops, spike_sops;
};
const struct activity *lane_activity(const struct lane *lane, int population);

#endif
