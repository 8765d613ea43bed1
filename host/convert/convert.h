/* From a float network to a calibrated integer model: the method of "Adaptive Calibration" (Wang et
 * al., arXiv 2412.16219), run on the integer network itself wherever that is what will run. */
#ifndef ADAFIRE_CONVERT_H
#define ADAFIRE_CONVERT_H

#include "engine/engine.h"
#include "model/model.h"
#include "network/network.h"

enum choice { CHOICE_OFF, CHOICE_ON, CHOICE_AUTO };
/* ANSWERS: the chance that the ANN gives to its own and not to this answer (of a map: at every
 * position). ERROR: squared error of the outputs over their square. */
enum loss { LOSS_ANSWERS, LOSS_ERROR };
enum goal { GOAL_NONE, GOAL_LATENCY, GOAL_SPIKES, GOAL_EVENTS };
/* AUTO: by currents for least spikes, else light. */
enum bias_correction { BIAS_OFF, BIAS_LIGHT, BIAS_ADVANCED, BIAS_CURRENTS, BIAS_AUTO };

struct convert_options {
    int timesteps;
    int burst_initial, burst_desired, burst_min;
    int burst_spread;   /* largest burst limit where thresholds are spread; 0: they are not */
    float initial;      /* potential that a ReLU's neurons begin with, of their threshold: 1/2 errs
                         * least, less sends fewer events */
    float energy_ratio; /* of the spikes at burst_desired that the search may use */
    bool search;        /* of burst limits from burst_desired; off: burst_initial everywhere */
    enum choice signed_bursts;
    float ssc_budget; /* share of the network's sensitivity that SSC may add; 0: off */
    float ssc_loss;   /* instead: the loss (conversion.loss) that SSC may go up to; 0: by budget */
    enum goal goal; /* what SSC saves (spikes, if nothing is said); with optimize, what is least */
    enum loss loss; /* what a loss is; of an output with one channel an error */
    bool optimize;  /* searches what optimize.c says for the goal at the tolerance */
    enum bias_correction bias;
    bool feedback; /* weights make up for each other's rounding (rounding.h) */
    float prune;   /* share of the synaptic operations whose weights are left out; needs feedback */
    enum choice iat; /* ON: the paper's, from iat_a; AUTO: for the tolerance */
    int iat_metric;  /* IAT_ENTROPY or IAT_CONFIDENCE of hw/iat.h */
    float iat_a;
    float tolerance;    /* share of answers that IAT may change, 0.005 = half a point */
    int search_samples; /* calibration samples that the searches use, 0: all */
    int threads;        /* 0: all cores */
    /* Called now and then from the converting thread; fraction is in 0..1 within the phase. */
    void (*progress)(void *context, const char *phase, double fraction);
    void *context;
};
extern const struct convert_options convert_defaults;

/* Calibration samples, as counts (model.h), and what was made of them. */
struct calibration {
    int64_t samples;
    int64_t further; /* samples that follow and serve IAT's limits alone: many make them good */
    int16_t *counts; /* [samples + further][input neurons] */
    const int64_t *labels; /* [samples] or NULL */
    int64_t recordings;    /* that serve IAT's limits where the network takes event recordings */
    int16_t *recording;    /* [recordings][timesteps][input neurons] */
    /* Reads those two for so many timesteps; NULL: they are as they are. */
    int (*record)(void *context, int timesteps, struct calibration *data);
    void *record_context;
};

/* How a population bursts. */
struct setting {
    int burst;
    bool signed_bursts;
    float ratio;      /* rho */
    float *threshold; /* [channels] in the ANN's units, before rho */
    double *bias;     /* [channels] correction, ANN units a timestep */
    float *initial;   /* [neurons] added to what all begin with, ANN units; NULL: nothing */
};

/* What calibration knows about a population, from the ANN. */
struct population_statistics {
    float *largest;      /* [channels] of |activation| */
    uint32_t *histogram; /* [channels][STATISTICS_BINS] of |activation| / largest; NULL: no fire */
    double *mean;        /* [channels] */
    double *current;     /* [channels] mean before the ReLU */
    double *neuron_mean; /* [neurons] */
    double *weight;      /* [channels] of a squared error of one neuron (threshold.c) */
    double *fanout;      /* [channels] operations that one event causes */
    struct rounding *rounding; /* [projections] (rounding.h); NULL: each weight for itself */
};
enum { STATISTICS_BINS = 2048 };

struct conversion {
    const struct network *network;
    const struct convert_options *options; /* own ones, once a conversion is done */
    struct convert_options chosen;
    const struct calibration *data;
    struct setting *setting;                  /* [population_count] */
    struct population_statistics *statistics; /* [population_count] */
    float *ann;                               /* [samples][ann_size] first output of the ANN */
    float *chance; /* [samples + further][ann_size] the ANN's softmax over the channels, or its
                    * outputs where the loss is an error; NULL: not needed */
    int *recorded; /* [recordings] the ANN's answers, by its frames; NULL: not needed */
    int64_t ann_size;
    double temperature; /* of the softmax that sensitivity compares: twice the spread of `ann`. At 1
                         * a few uncertain samples decide, and the searches follow their noise. */
    struct af_model *model;
    double prune_limit; /* of options->prune (prune.h) */
    /* Figures for the report. */
    double *sensitivity; /* [population_count] of the network when the choice was measured */
    double agreement;    /* with the ANN after T timesteps, on the calibration samples */
    double ann_accuracy, accuracy; /* NAN without labels */
    double timesteps_mean; /* with early termination, on the calibration samples; NAN without it */
    /* As the network will run: expected loss of accuracy (early_exit.c; NAN if it was not measured)
     * and operations until a sample stops. */
    double loss, exit_sops, exit_spike_sops;
    double loss_most;          /* of one sample: 1 if it is an answer, else what it was */
    struct activity *activity; /* [population_count] summed over `samples`, all timesteps */
    int64_t samples;           /* that were used */
    char **note;
    int note_count;
};

/* Runs the whole method. `format` is the model's input format (zero is copied). The model is in
 * c->model, made with model_check passed. Deterministic for given inputs, whatever the threads. */
int convert(const struct network *network, const struct input_format *format,
            const struct calibration *data, const struct convert_options *options,
            struct conversion *c);
void conversion_free(struct conversion *c);
int conversion_note(struct conversion *c, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void conversion_progress(const struct conversion *c, const char *phase, double fraction);

/* ---- The stages (each in its own file) ------------------------------------------------------- */

/* statistics.c: runs the ANN over the calibration samples. */
int conversion_measure(struct conversion *c);
/* And over recordings that can be read anew, each as so many frames: its answers. */
int conversion_answer_recordings(struct conversion *c, int frames);
/* threshold.c */
/* What an error and an event of each channel do: statistics' weight and fanout. */
int threshold_weigh(struct conversion *c);
/* Squared error of the outputs for one in the current of a channel's neuron. */
double threshold_passes(const struct conversion *c, int population, int channel);
/* Thresholds of a population for its burst limit: least mean squared error of the staircase
 * min(floor(x T / theta + 1/2), burst T) theta / T against the ANN's activations. */
void conversion_set_thresholds(struct conversion *c, int population);
/* What its channels send together (as the goal counts it) divided anew between them, for the least
 * error in what the network makes of it, with bursts of up to burst_spread. */
int conversion_spread_thresholds(struct conversion *c, int population);

/* quantise.c */
int quantise_begin(struct conversion *c, const struct input_format *format);
/* Weights, shifts, scales, thresholds and biases of one population for the current settings. */
int quantise_population(struct conversion *c, int index);

/* optimize.c */
/* Tries timesteps and burst limits, keeps the conversion that serves the goal best. */
int conversion_optimize(struct conversion *c, const struct input_format *format);
/* convert.c: everything that follows the ANN's measurements, for c->options. */
int conversion_make(struct conversion *c, const struct input_format *format);
/* What conversion_make made, notes included. */
void conversion_unmake(struct conversion *c);
void conversion_forget_notes(struct conversion *c);

/* search.c: signed bursts, burst limits and threshold ratios by measured sensitivity. The settings
 * come and go with their biases corrected. */
int conversion_search_signed(struct conversion *c);
int conversion_search_bursts(struct conversion *c);
int conversion_search_ratios(struct conversion *c);
/* bias.c: quantises all populations for their settings, with new bias corrections. */
int conversion_correct_bias(struct conversion *c);
/* early_exit.c */
/* Runs the finished network over the samples: activity, agreement, early termination. */
int conversion_finish(struct conversion *c);

/* What the goal wants least of, as the network was finished. */
double conversion_cost(const struct conversion *c);

#endif
