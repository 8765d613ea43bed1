/* The integer network on this CPU: exact by model.h's semantics, dense, vectorised, and written
 * without a look at hw/. An engine is a model prepared for the CPU and may serve many threads
 * (lane.h). */
#ifndef ADAFIRE_ENGINE_H
#define ADAFIRE_ENGINE_H

#include "model/model.h"

struct engine;

/* The model must outlive the engine. AF_NO_MEMORY. */
int engine_make(const struct af_model *model, struct engine **engine);
/* Prepares what counting takes (lane_activity): the operations that each neuron's events cause.
 * AF_NO_MEMORY; AF_UNSUPPORTED: they are too many for 31 bits. Before it, lanes count nothing; none
 * may be at work meanwhile. */
int engine_count(struct engine *engine);
/* Nanoseconds that a timestep takes a core, about: whether it is worth to wake another one. */
double engine_work(const struct engine *engine);
/* Takes over what changed in the model's population: weights, shifts, biases, thresholds, bursts,
 * initial potentials. Also needed for the readers of a population whose bursts changed. */
int engine_refresh(struct engine *engine, int population);
void engine_free(struct engine *engine);

#endif
