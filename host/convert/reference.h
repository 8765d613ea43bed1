/* What the ANN does on the calibration samples. It is measured once (statistics.h) and frozen: all
 * recipes of a conversion are held against it. */
#ifndef ADAFIRE_REFERENCE_H
#define ADAFIRE_REFERENCE_H

#include "convert/options.h"
#include "model/range.h"
#include "network/network.h"

#include <stdint.h>

struct rounding;

/* Calibration samples, as counts (model.h), and what was made of them. */
struct calibration {
    int64_t samples;
    int64_t further; /* samples that follow and serve IAT's limits alone: many make them good */
    int16_t *counts; /* [samples + further][input neurons] */
    struct value_range range; /* of the samples as they were read */
    const int64_t *labels;    /* [samples] or NULL */
    int64_t recordings;       /* that serve IAT's limits where the network takes event recordings */
    int16_t *recording;       /* [recordings][timesteps][input neurons] */
    /* Reads those two for so many timesteps; NULL: they are as they are. */
    int (*record)(void *context, int timesteps, struct calibration *data);
    void *record_context;
};

/* What calibration knows about a population, from the ANN. */
struct population_statistics {
    float *largest;      /* [channels] of |activation| */
    uint32_t *histogram; /* [channels][STATISTICS_BINS] of |activation| / largest; NULL: no fire */
    double *mean;        /* [channels] */
    double *current;     /* [channels] mean before the ReLU */
    double *neuron_mean; /* [neurons] */
    double *weight;      /* [channels] of a squared error of one neuron (weigh.h) */
    double *fanout;      /* [channels] operations that one event causes */
    struct rounding *rounding; /* [projections] (rounding.h); NULL: each weight for itself */
};
enum { STATISTICS_BINS = 2048 };

struct reference {
    const struct network *network;
    struct calibration data; /* borrowed */
    enum loss loss;          /* what a loss is */
    double loss_most;        /* of one sample: 1 if it is an answer, 0: not known */
    struct population_statistics *statistics; /* [population_count] */
    int64_t ann_size;                         /* values of the output that answers */
    float *ann;                               /* [samples][ann_size] the ANN's */
    float *chance; /* [samples + further][ann_size] the ANN's softmax over the channels, or its
                    * outputs where the loss is an error; NULL: not needed */
    int *recorded; /* [recordings] the ANN's answers, by its frames; NULL: not needed */
    double lead; /* by which the ANN's largest output is ahead of the next, of the median sample; 1
                  * where it is 0. All softmax of outputs are of a scale made of it. */
};
void reference_free(struct reference *ref);

#endif
