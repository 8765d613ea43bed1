/* Runs the integer network over the calibration samples, population by population, so that what
 * lies before the population under test is computed once and kept. */
#ifndef ADAFIRE_REHEARSAL_H
#define ADAFIRE_REHEARSAL_H

#include "convert/recipe.h"
#include "engine/engine.h"
#include "engine/lane.h"

struct rehearsal {
    struct recipe *recipe;
    struct engine *engine;
    int threads;
    int64_t first, samples; /* of the calibration's */
    int16_t ***record;  /* [population][sample]: events [timesteps][positions][stride], or NULL */
    struct lane **lane; /* [threads] */
};

/* How many samples' events fit into memory at once, at most `wanted`. */
int64_t rehearsal_samples(const struct network *network, int timesteps, int64_t wanted);
int rehearsal_begin(struct recipe *recipe, int64_t first, int64_t samples, struct rehearsal *r);
void rehearsal_end(struct rehearsal *r);

/* Takes over new settings of a population, and what its readers make of them. */
int rehearsal_apply(struct rehearsal *r, int population);

/* Means per timestep in the ANN's units; NULL: not wanted. */
struct means {
    double *output;  /* [channels] */
    double *current; /* [channels] with the bias, before the ReLU; of an output as above */
    double *neuron;  /* [neurons] of the output */
};

/* Runs one population on its sources' records and records it. means may be NULL. */
int rehearsal_record(struct rehearsal *r, int population, const struct means *means);

/* Lets go of the records that no population after this one reads. */
void rehearsal_forget(struct rehearsal *r, int population);

/* Runs from a population to the end on the records before it. A sample's divergence is the
 * symmetric KL divergence between the softened outputs of spiking network and ANN (for maps of
 * outputs, the squared difference over the ANN's square). each[timesteps]: the square of its mean
 * root after each timestep, which few samples tell better than its mean. */
int rehearsal_divergence(struct rehearsal *r, int population, double *each);
/* sensitivity: its mean after the last timestep; with early exit half of it and half the mean over
 * all timesteps, as any may be the last. energy: the population's own spikes a sample, or the
 * operations that the goal counts. */
int rehearsal_probe(struct rehearsal *r, int population, double *sensitivity, double *energy);

/* Mean outputs over a lane's timesteps so far, in the ANN's units and order. */
void output_means(const struct af_model *m, const struct engine *engine, const struct lane *lane,
                  int output, int steps, double *mean);
/* Squared error over the square. */
double relative_error(const double *ann, const double *out, int64_t n);

#endif
