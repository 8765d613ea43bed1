/* AdaFire: run a converted spiking network on a CPU or an accelerator.
 *
 *     struct af_model *model;
 *     struct af_device *device;
 *     if (af_model_load("digits.snn", &model) || af_device_open("cpu", NULL, model, &device))
 *         fprintf(stderr, "%s\n", af_error());
 *     struct af_result result;
 *     af_run(device, &sample, 1, NULL, &result);
 *
 * Every function that returns int returns AF_OK (0) or a negative enum af_status; af_error() then
 * has the reason as one sentence. Out-parameters are NULL on failure. Freeing NULL is fine. A model
 * is read-only and may serve many devices and threads; a device belongs to one thread at a time. */
#ifndef ADAFIRE_H
#define ADAFIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define AF_VERSION "0.1.0"

enum af_status {
    AF_OK = 0,
    AF_BAD_ARGUMENT = -1, /* the caller's: a null pointer, an option out of range */
    AF_BAD_FILE = -2,     /* a file's content: truncated, corrupt, the wrong shape */
    AF_UNSUPPORTED = -3,  /* well-formed, but this cannot be converted or run here */
    AF_NO_MEMORY = -4,
    AF_IO = -5,        /* the operating system refused to read or write */
    AF_NO_DEVICE = -6, /* no such board, or it does not answer */
    AF_TIMEOUT = -7,   /* a device missed its deadline */
};

/* The calling thread's last failure, one sentence without a full stop; "" if there was none. */
const char *af_error(void);

/* ---- Model ---------------------------------------------------------------------------------- */

struct af_model;

int af_model_load(const char *path, struct af_model **model);
void af_model_free(struct af_model *model);

/* What a population is to the network. */
enum af_kind {
    AF_INPUT,   /* the samples, as signed counts or lists of events */
    AF_RELU,    /* burst-firing neurons that stand for a ReLU */
    AF_LINEAR,  /* signed neurons that stand for a value without a ReLU */
    AF_MAXPOOL, /* relay of the largest running sum in a window */
    AF_OUTPUT,  /* accumulates, never fires */
};
const char *af_kind_name(enum af_kind kind);

struct af_population_info {
    const char *name;
    enum af_kind kind;
    int channels, height, width;
    int burst;          /* phi, the largest burst of one timestep; 0 for input and output */
    bool signed_bursts; /* may take back what it sent too early */
    double ratio;       /* SSC's threshold ratio rho, 1 without SSC */
    double threshold_min, threshold_max; /* over channels, in the ANN's units */
    int64_t fanout_mean; /* synaptic operations that one of its events causes, mean over neurons */
};

struct af_model_info {
    const char *name;
    int channels, height, width; /* of one input sample */
    bool events;                 /* made for event recordings */
    int timesteps;               /* T, the most an inference takes */
    int populations, projections;
    int outputs;                      /* output populations, the first decides IAT */
    int classes;                      /* values of the first output */
    int64_t neurons, synapses, zeros; /* weights, and those of them that are 0 */
    int64_t ann_macs;                 /* multiply-accumulates of the ANN for one sample */
    int64_t first_macs;               /* those of them on the constant analog input, done once */
    bool iat;                         /* holds early-termination thresholds */
};
void af_model_info(const struct af_model *model, struct af_model_info *info);
/* i in 0 .. populations-1, in the order they fire. */
void af_population_info(const struct af_model *model, int i, struct af_population_info *info);
/* NULL where the model has no class names. */
const char *af_class_name(const struct af_model *model, int label);

/* How a board is reached. */
enum af_link {
    AF_LINK_NONE,    /* it is this computer */
    AF_LINK_PROCESS, /* simulated in this process */
    AF_LINK_XRT,
    AF_LINK_UART, /* USB, an FTDI chip's serial line */
    AF_LINK_FIFO, /* USB, its synchronous FIFO */
};

/* ---- Device --------------------------------------------------------------------------------- */

struct af_device;

struct af_device_options {
    int threads;       /* 0: all cores */
    const char *build; /* of the accelerator, for "csim" and "sim"; NULL: the default */
    const char
        *waves; /* for "sim": FILE.fst or FILE.fst:FROM-TO (cycles), signals over time; or NULL */
    /* For "u250": which card, by number or PCIe address, or "all"; for USB boards: which of
     * several, by bus and port, serial number or VID:PID. NULL: what stands behind a colon in the
     * board's name, or the first card, or the only board. */
    const char *device;
    const char *bitstream; /* NULL: of ADAFIRE_BITSTREAM, or the board's own */
    double timeout;        /* seconds that a card or board may take for one run; 0: chosen */
    /* For "sim": called now and then, from whatever thread simulates, with the clock cycles since
     * its last call; or NULL. */
    void (*on_cycles)(void *context, uint64_t cycles);
    void *on_cycles_context;
};

/* Opens a board ("cpu", "csim", "sim", "u250", "icebreaker"..., as `adafire-host --board list` has
 * them) and loads the model onto it. options may be NULL.
 * The model must live as long as the device. */
int af_device_open(const char *board, const struct af_device_options *options,
                   const struct af_model *model, struct af_device **device);
void af_device_close(struct af_device *device);
/* Of the clock in which af_result.cycles are counted; 0 where there is none or it is unknown. */
double af_device_megahertz(const struct af_device *device);

/* ---- Run ------------------------------------------------------------------------------------ */

/* One sample: `type` says what `data` holds, channels x height x width, before the model's own
 * normalisation (pixels 0..255 for an image model). A recording instead gives the counts of every
 * timestep, timesteps x channels x height x width int16 in -255..255, as `counts`. If the model was
 * trained on several frames of a recording, each frame's timesteps are run from rest, the result is
 * all of them together, and early termination decides after each frame. */
enum af_type { AF_F32, AF_U8, AF_I8, AF_I16, AF_I32 };
struct af_sample {
    enum af_type type;
    const void *data;
    const int16_t *counts;
};

struct af_run_options {
    int timesteps; /* 0: the model's own; more than that is an error */
    bool no_iat;   /* run all timesteps */
    bool trace;    /* keep the output after every timestep (af_result.history) */
    bool profile; /* keep what its cycles went to (af_result.profile) where the board counts them */
    /* Called for every event of every sample if not NULL, from the thread that runs the sample, in
     * order of timestep (from 0) and population. `burst` is negative for what is taken back. */
    void (*on_event)(void *context, int64_t sample, int timestep, int population, int neuron,
                     int burst);
    void *on_event_context;
};

/* A stretch of a core's time: it fires its share of a population and then adds that population's
 * events, which come from all cores, to the neurons that they reach. */
struct af_span {
    int core, timestep;        /* from 0 */
    int population;            /* -1: the decision about another timestep, and the outputs */
    int64_t begin, fired, end; /* cycles since the run began */
    int64_t starved, blocked;  /* of these: without an event to add, without room for a burst */
};

/* How long a process of the accelerator waited in a run, in cycles. */
struct af_waits {
    const char *process;
    bool before;              /* at work before the run, which its cycles are no part of */
    int core;                 /* -1: there is one for all cores */
    int64_t starved, blocked; /* for something to do, for room for what it did */
};

/* What an accelerator's cycles went to, counted by itself. */
struct af_profile {
    int cores, lanes; /* lanes: synaptic operations that a core can do in a cycle */
    int64_t cycles;   /* from the first word of the sample to its outputs */
    int span_count, waits_count;
    struct af_span *span; /* by core and time; the last ones are missing where the accelerator has
                             no place to note them */
    struct af_waits *waits;
};

/* What one sample did. Arrays belong to the result: af_result_free. A synaptic operation is one
 * non-zero weight added for one event; the constant analog input and max-pooling relays' sources
 * cause none. */
struct af_result {
    int timesteps;       /* taken, from 1 */
    int output_size;     /* values of all outputs, one after the other */
    float *output;       /* [output_size] mean over the timesteps taken, in the ANN's units */
    float *history;      /* [timesteps][output_size] that mean after each timestep, or NULL */
    int64_t *spikes;     /* [populations] sum of |burst| */
    int64_t *events;     /* [populations] */
    int64_t *sops;       /* [populations] synaptic operations its events caused, an event once */
    int64_t *spike_sops; /* [populations] the same, a burst of r counted r times */
    int64_t cycles;      /* of the accelerator; 0 where it does not apply */
    struct af_profile *profile; /* NULL: nobody asked, or the board does not count */
};

/* Runs `count` samples; results[i] belongs to samples[i]. options may be NULL. On failure no result
 * is left to free. */
int af_run(struct af_device *device, const struct af_sample *samples, int64_t count,
           const struct af_run_options *options, struct af_result *results);
void af_result_free(struct af_result *result);

/* Energy in microjoules as the field reports it: 0.9 pJ for an accumulate, 4.6 pJ for a
 * multiply-accumulate, 45 nm (Horowitz, ISSCC 2014). */
double af_energy_uj(double accumulates, double macs);

#ifdef __cplusplus
}
#endif

#endif
