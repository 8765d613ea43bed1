/* The converted, quantised integer network: what a .snn file holds and every device runs.
 *
 * Integer semantics (all devices agree on them, to the bit). In every timestep the populations go
 * in order. The current of neuron n of channel c is the sum over its projections (wiring.h) of
 * weight << shift times the source's event r; then
 *     v = v + current + bias
 *     RELU   signed bursts off: r = v < threshold ? 0 : min(burst, v / threshold)
 *            on:  r = clamp(floor(v / threshold), -min(sent, burst), burst); sent = sent + r
 *     LINEAR r = clamp(floor(v / threshold), -burst_below, burst)
 *     v = clamp(v - r * threshold, -limit, limit), where limit is model_state_limit
 * OUTPUT populations only add: v = clamp(v + current + bias, ...). A MAXPOOL relay keeps the
 * running sum of every source neuron and of what it sent: r = (largest sum in the window) - sent.
 * An analog input sends the same counts in every timestep, an event input those of the timestep. A
 * bias or initial potential is per channel or per neuron. Accumulation is plain addition: order
 * never matters, and model_check proves that 32 bits cannot overflow. */
#ifndef ADAFIRE_MODEL_H
#define ADAFIRE_MODEL_H

#include "adafire.h"
#include "base/tensor.h"
#include "model/wiring.h"

enum {
    STATE_LIMIT = (1 << 22) - 1, /* of a threshold, and of a potential, where the fire step writes
                                    it back */
    CURRENT_LIMIT = 1 << 22,     /* of one timestep's current and bias together */
    WIDE_BITS = 8,               /* by which these limits of potentials and currents are more in a
                                    wide model */
    BURST_LIMIT = 255,           /* largest phi */
    NARROW_BURSTS = 15,          /* what every build of the accelerator fires */
    SENT_LIMIT = 32767,          /* of phi T with signed bursts */
    COUNT_LIMIT = 255,           /* of an input count, either sign */
    SHIFT_LIMIT = 15,
    TIMESTEPS_LIMIT = 256,
};

struct synapses {
    struct wiring wiring;
    int8_t *weight; /* [wiring_weights]; NULL for a relay */
    int shift;
};

struct neurons {
    char *name;
    enum af_kind kind;
    int shape[3];    /* channels, height, width */
    int burst;       /* phi of RELU and LINEAR, else 0 */
    int burst_below; /* LINEAR: the most below 0, as a positive number; else 0 */
    bool signed_bursts;
    float ratio; /* rho, already part of the thresholds */
    int input_count;
    struct synapses *input;
    float *scale;       /* [channels] ANN units per integer unit; RELU, LINEAR, OUTPUT */
    int32_t *threshold; /* [channels]; RELU, LINEAR */
    int64_t bias_count; /* channels or neurons; 0 for INPUT and MAXPOOL */
    int32_t *bias;
    int64_t initial_count; /* channels or neurons; RELU, LINEAR */
    int32_t *initial;
    int rank; /* OUTPUT: the graph's own shape and the neuron of each of its values */
    int64_t dim[TENSOR_MAX_RANK];
    int32_t *order; /* [neurons]; NULL: in order */
};

/* How samples become counts: q = clamp(round((raw - zero[c]) / unit), low, high), half to even. */
struct input_format {
    float unit;
    float *zero;   /* [channels] */
    int low, high; /* codes of a quantised network; 0 and 0: COUNT_LIMIT to either side */
    int resize;    /* of pictures, see input.h */
    bool squash;
    bool events;      /* made for recordings: counts for every timestep */
    int event_frames; /* ANN frames that one recording makes */
};

struct early_exit {
    int metric; /* IAT_OFF ... of hw/iat.h, on the output that answers */
    int32_t multiplier;
    int shift;
    int32_t *limit; /* [timesteps] */
    float a;        /* the paper's knob that made the limits; 0: a tolerance made them */
};

struct fact {
    char *key, *value;
};

struct af_model {
    char *name;
    int timesteps;
    bool wide; /* potentials and currents of WIDE_BITS more */
    int population_count;
    struct neurons *population; /* [0] is the input, outputs come last in the graph's order */
    struct input_format format;
    struct early_exit iat;
    int class_count; /* of class names, 0 if there are none */
    char **class_name;
    int fact_count;
    struct fact *fact; /* provenance: source, its hash, options, calibration figures */
    int64_t ann_macs, first_macs;
};

int64_t neuron_count(const struct neurons *p);
/* Values that an output has in the graph: one for each neuron, or a single one of two neurons, of
 * which the other stays 0: classes by the sign, between which early exit decides. */
int64_t output_values(const struct neurons *p);
int32_t model_state_limit(const struct af_model *m);
int32_t model_current_limit(const struct af_model *m);
/* Largest |r| that a population can send in one timestep. */
int model_event_limit(const struct af_model *m, int population);
/* Whether it can send one below 0. */
bool model_sends_negative(const struct af_model *m, int population);
/* ANN units of one count of a population's channel: threshold * scale; 1 for the input. */
double model_event_value(const struct af_model *m, int population, int channel);
/* Everything a device may rely on. AF_BAD_FILE with the reason. */
int model_check(const struct af_model *m);
int model_outputs(const struct af_model *m);
/* The output that answers, which is what early exit watches and where classes and maps are: the one
 * that the fact "answers" names, else the first; -1: there is none. */
int model_answer(const struct af_model *m);
/* Where the values of an output begin among those of all. */
int64_t model_output_at(const struct af_model *m, int population);

/* The value of a fact; NULL: there is none. */
const char *model_fact(const struct af_model *m, const char *key);
int model_add_fact(struct af_model *m, const char *key, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The first of a recording's `steps` timesteps that belongs to its frame number `frame`; `steps`
 * for the number of frames and beyond. Each frame is run from rest. */
int model_frame_begin(const struct af_model *m, int steps, int frame);
/* Raw samples to counts in the population's layout. AF_BAD_ARGUMENT for an unknown type. */
int model_quantise_input(const struct af_model *m, enum af_type type, const void *data,
                         int16_t *counts);
/* The same of every byte in a channel: counts[256]. */
void model_count_bytes(const struct af_model *m, int channel, int16_t *counts);

#endif
