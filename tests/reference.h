/* The integer network a second time, for tests to compare with: the formulas of host/model/model.h
 * and host/model/wiring.h as they stand there, one after the other, in 64 bits. Nothing here is
 * fast. */
#ifndef REFERENCE_H
#define REFERENCE_H

#include "model/model.h"

/* What one sample did. Neurons are numbered (channel * height + y) * width + x. */
struct reference {
    const struct af_model *model;
    int steps; /* timesteps taken */
    /* [timestep * populations + population][neuron] */
    int64_t **burst;     /* r, 0 for no event; of an analog input its counts */
    int64_t **potential; /* v after the timestep; of an output its sums; 0 for input and relay */
    /* [populations], over all timesteps; nothing is counted of an analog input. */
    int64_t *spikes, *events, *sops, *spike_sops, *adds;
};

/* Runs at most `steps` timesteps. counts: the analog input, [neurons], or with model->format.events
 * [steps][neurons]. early_exit: stop where the model's thresholds say. */
void reference_run(const struct af_model *model, const int16_t *counts, int steps, bool early_exit,
                   struct reference *r);
void reference_run_free(struct reference *r);

static inline const int64_t *reference_burst(const struct reference *r, int step, int population)
{
    return r->burst[step * r->model->population_count + population];
}

static inline const int64_t *reference_potential(const struct reference *r, int step,
                                                 int population)
{
    return r->potential[step * r->model->population_count + population];
}

/* All outputs, one after the other, each in the order that the model asks for: the mean after
 * timestep `step` (from 0) in the ANN's units. Returns how many values. */
int reference_output(const struct reference *r, int step, float *to);

#endif
