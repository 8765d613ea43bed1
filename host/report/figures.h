/* What a report is made of. */
#ifndef ADAFIRE_FIGURES_H
#define ADAFIRE_FIGURES_H

#include "adafire.h"

#include <stdbool.h>
#include <stdint.h>

struct report_population {
    const char *name;
    const char *kind; /* "input", "relu", "linear", "maxpool", "output" */
    int channels, height, width;
    int burst; /* phi; 0 where it does not apply */
    bool signed_bursts;
    double ratio;                        /* SSC's rho */
    double threshold_min, threshold_max; /* in the ANN's units; 0 where it does not apply */
    double spikes, events;               /* means per sample */
    double sops; /* caused by this population's events, an event counted once */
};

/* How good boxes or maps are, the network's and the ANN's: in 0..1, NAN unknown. */
struct report_score {
    const char *name;
    double value, ann;
};

struct report_fact {
    const char *key, *value; /* UTF-8, any text: the writer escapes it */
};

struct report {
    const char *title; /* the model's name */
    const char *board;
    int64_t samples;
    int timesteps;   /* T, the most a sample may take */
    bool iat;        /* early exit was on */
    double accuracy; /* in 0..1, NAN where there were no labels; likewise the rest */
    double top5, agreement;
    int score_count;
    const struct report_score *scores; /* where there are no classes of samples */
    double timesteps_mean;
    double samples_per_second;
    const double *accuracy_at;  /* [timesteps]: if every sample stopped there; NULL if unknown */
    const double *agreement_at; /* [timesteps] with the ANN; NULL if unknown */
    const int64_t *exits;       /* [timesteps]: samples that stopped after this many */
    double energy_ann_uj;       /* 4.6 pJ x MACs */
    double energy_event_uj;     /* an event counted once */
    double energy_spike_uj;     /* a burst of r counted r times */
    double energy_add_uj;       /* as the shifted additions that r is made of; NAN: not counted */
    /* In integers, with operands from memory, and of an ANN of so many bits. */
    double integer_uj, integer_ann_uj, integer_memory_uj, integer_memory_ann_uj;
    int integer_bits;
    int population_count;
    const struct report_population *populations;
    int64_t raster_count; /* events of one sample, ordered by step */
    const struct af_event *raster;
    const char *raster_name;          /* that sample's name, NULL if there is none */
    const struct af_profile *profile; /* of one sample; NULL: the board does not count its cycles */
    int fact_count;
    const struct report_fact *facts; /* provenance: source, options, calibration figures */
};

#endif
