/* What the finished network answers after every timestep, sample by sample: early exit is chosen
 * from it, and what is lost is counted in it. */
#ifndef ADAFIRE_HISTORY_H
#define ADAFIRE_HISTORY_H

#include "convert/journal.h"
#include "convert/recipe.h"
#include "convert/verdict.h"

struct operations {
    double sops, spike_sops, adds;
};

struct history {
    struct recipe *recipe;
    struct verdict *verdict;
    struct journal *journal;
    struct engine *engine;
    struct lane **lane;
    struct activity *activity; /* [worker][population] */
    int output, classes, steps;
    int64_t samples; /* the calibration's and the further ones; or its recordings */
    bool recordings;
    int32_t *v;   /* [sample][step][class]; NULL if the output is no vector of classes */
    double *lost; /* [sample]; NULL if the output is one, or nobody asks */
    struct operations *spent; /* [sample][step] so far; NULL with v and lost */
    double *uncertainty;      /* [step][sample], for risk */
};

/* Runs the network over the samples (or recordings), for their answers after every timestep if the
 * output is a vector of classes, else for what is lost; and sums up its activity. */
int history_run(struct history *h, bool vector);
void history_free(struct history *h);

/* [classes] a sample's sums after a step. */
const int32_t *history_outputs(const struct history *h, int64_t sample, int step);
/* A recording may stop where a frame of it ends. */
bool history_ends_frame(const struct history *h, int step);
/* The step after which a sample stops. */
int history_exit_step(const struct history *h, const struct early_exit *x, int64_t sample);

/* The first of the largest. */
int largest_sum(const int32_t *v, int n);
int largest_value(const float *v, int64_t n);

#endif
