/* What a conversion is asked for. */
#ifndef ADAFIRE_OPTIONS_H
#define ADAFIRE_OPTIONS_H

#include "adafire.h"

#include <stdbool.h>

/* ANSWERS: the chance that the ANN gives to its own and not to this answer (of a map: at every
 * position). ERROR: squared error of the outputs over their square. */
enum loss { LOSS_ANSWERS, LOSS_ERROR };

struct convert_options {
    int timesteps; /* 0: TIMESTEPS_DEFAULT, or 1 for a network of codes */
    int burst_initial, burst_desired, burst_min;
    bool narrow;        /* potentials of 23 bits, whatever weights lose by that */
    int burst_spread;   /* largest burst limit where thresholds are spread; 0: they are not */
    float initial;      /* potential that a ReLU's neurons begin with, of their threshold: 1/2 errs
                         * least, less sends fewer events */
    float energy_ratio; /* of the spikes at burst_desired that the search may use */
    int effort;  /* 0: thresholds from histograms alone; 1: refined (refine.h); more: longer */
    bool search; /* of burst limits from burst_desired; off: burst_initial everywhere */
    enum af_choice signed_bursts;
    float ssc_budget; /* share of the network's sensitivity that SSC may add; 0: off */
    float ssc_loss;   /* instead: the loss (verdict.loss) that SSC may go up to; 0: by budget */
    enum af_goal
        goal;       /* what SSC saves (spikes, if nothing is said); with optimize, what is least */
    enum loss loss; /* what a loss is; of an output with one channel an error */
    bool optimize;  /* searches what optimize.c says for the goal at the tolerance */
    enum af_bias bias;
    bool feedback; /* weights make up for each other's rounding (rounding.h) */
    float prune;   /* share of the synaptic operations whose weights are left out; needs feedback */
    enum af_choice iat; /* ON: the paper's, from iat_a; AUTO: for the tolerance */
    int iat_metric;     /* IAT_ENTROPY or IAT_CONFIDENCE of hw/iat.h */
    float iat_a;
    float tolerance;    /* share of answers that IAT may change, 0.005 = half a point */
    int search_samples; /* calibration samples that the searches use, 0: all */
    int threads;        /* 0: all cores */
    /* Called now and then from the converting thread; fraction is in 0..1 within the phase. Other
     * than 0: stop. */
    int (*progress)(void *context, const char *phase, double fraction);
    void *context;
};
enum { EFFORT_MOST = 3, TIMESTEPS_DEFAULT = 4 };
extern const struct convert_options convert_defaults;

/* AF_BAD_ARGUMENT says what is out of range. */
int options_check(const struct convert_options *o);

#endif
