/* AdaFire: trained ReLU networks as spiking networks of burst-firing neurons, on a CPU or on an
 * accelerator for FPGAs.
 *
 *     struct af_model *model;
 *     struct af_device *device;
 *     if (af_model_load("digits.snn", &model) || af_device_open("cpu", NULL, model, &device))
 *         fprintf(stderr, "%s\n", af_error());
 *     struct af_result result;
 *     af_run(device, &sample, 1, NULL, &result);
 *
 * Two libraries. libadafire runs models: sections Version to Answers. libadafire-convert makes them
 * and reads files of samples: sections Samples to Report; it needs the first one and, beyond it,
 * BLAS, protobuf-c, libpng and libjpeg.
 *
 * Errors. Every function that returns int returns AF_OK (0) or a negative enum af_status, unless it
 * says otherwise; af_error() then has the reason as one sentence. Out-parameters are NULL (or zero)
 * on failure. Null pointers where something is needed, negative counts and indices out of range are
 * AF_BAD_ARGUMENT. The library never prints, exits or installs signal handlers.
 *
 * Lifetime. Who opens closes; freeing NULL is fine. What a function returns as a const pointer
 * belongs to what it was asked of.
 *
 * Threads. af_error is the calling thread's. A model is read-only and may serve many devices and
 * threads at a time. Everything else belongs to one thread at a time; different devices, readers
 * and conversions may be at work side by side.
 *
 * Growth. What is `reserved` is zero: structures that are zero but for what a program knows mean
 * the same in every version 0.2.x, and what a program sets that its library does not know is
 * AF_BAD_ARGUMENT. */
#ifndef ADAFIRE_H
#define ADAFIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Version -------------------------------------------------------------------------------- */

#define AF_VERSION_MAJOR  0
#define AF_VERSION_MINOR  2
#define AF_VERSION_PATCH  0
#define AF_VERSION        "0.2.0"
#define AF_VERSION_NUMBER (AF_VERSION_MAJOR * 10000 + AF_VERSION_MINOR * 100 + AF_VERSION_PATCH)

/* Of the library that runs: "0.2.0" and 200. */
const char *af_version(void);
int af_version_number(void);

/* ---- Errors --------------------------------------------------------------------------------- */

enum af_status {
    AF_OK = 0,
    AF_BAD_ARGUMENT = -1, /* the caller's: a null pointer, an option out of range */
    AF_BAD_FILE = -2,     /* a file's content: truncated, corrupt, the wrong shape */
    AF_UNSUPPORTED = -3,  /* well-formed, but this cannot be converted or run here */
    AF_NO_MEMORY = -4,
    AF_IO = -5,        /* the operating system refused to read or write */
    AF_NO_DEVICE = -6, /* no such board, or it does not answer */
    AF_TIMEOUT = -7,   /* a device missed its deadline */
    AF_CANCELLED = -8, /* by a callback of the caller's */
};

/* The calling thread's last failure, one sentence without a full stop; "" if there was none. */
const char *af_error(void);

/* ---- Model ---------------------------------------------------------------------------------- */

struct af_model;

int af_model_load(const char *path, struct af_model **model);
/* The same of a file's bytes, which are not needed afterwards. `name` stands in messages. */
int af_model_parse(const char *name, const void *bytes, size_t size, struct af_model **model);
/* Writes an .snn file: under a temporary name, then renamed. */
int af_model_save(const struct af_model *model, const char *path);
/* The bytes of that file; *bytes is the caller's: af_free. */
int af_model_bytes(const struct af_model *model, void **bytes, size_t *size);
void af_model_free(struct af_model *model);

/* What a population is to the network. */
enum af_kind {
    AF_INPUT,   /* the samples, as signed counts or lists of events */
    AF_RELU,    /* burst-firing neurons that stand for a ReLU */
    AF_LINEAR,  /* signed neurons that stand for a value without a ReLU */
    AF_MAXPOOL, /* relay of the largest running sum in a window */
    AF_OUTPUT,  /* accumulates, never fires */
};
/* "input", "relu", "linear", "maxpool", "output"; "" for none of these. */
const char *af_kind_name(enum af_kind kind);

struct af_model_info {
    const char *name;
    int channels, height, width; /* of one input sample */
    bool events;                 /* made for event recordings */
    bool iat;                    /* holds early-exit limits */
    int timesteps;               /* T, the most an inference takes */
    int populations, projections;
    int outputs;                      /* output populations */
    int answer;                       /* the one whose values answer, and decide early exit */
    int classes;                      /* its values */
    int facts;                        /* see af_model_fact */
    int64_t neurons, synapses, zeros; /* weights, and those of them that are 0 */
    int64_t ann_macs;                 /* multiply-accumulates of the ANN for one sample */
    int64_t first_macs;               /* those of them on the constant analog input, done once */
    int64_t output_size;              /* values of all outputs together */
    int64_t reserved[8];
};
int af_model_info(const struct af_model *model, struct af_model_info *info);

struct af_population_info {
    const char *name;
    enum af_kind kind;
    int channels, height, width;
    int burst;          /* phi, the largest burst of one timestep; 0 for input and output */
    bool signed_bursts; /* may take back what it sent too early */
    double ratio;       /* SSC's threshold ratio rho, 1 without SSC */
    double threshold_min, threshold_max; /* over channels, in the ANN's units */
    int64_t fanout_mean; /* synaptic operations that one of its events causes, mean over neurons */
    int64_t reserved[8];
};
/* i in 0 .. populations-1, in the order they fire. */
int af_population_info(const struct af_model *model, int i, struct af_population_info *info);

/* The numbers of a population's neurons. Potentials, thresholds and biases are integers, of which
 * scale[channel] is the unit; a bias is added in every timestep. Pointers are NULL, and counts 0,
 * where there is no such thing. */
struct af_population_values {
    const int32_t *threshold;          /* [channels] */
    const float *scale;                /* [channels] ANN units of one integer */
    const int32_t *bias, *initial;     /* per channel or per neuron; initial potentials */
    int64_t bias_count, initial_count; /* channels, or channels x height x width */
    float unit;                        /* of the input: a sample's value is */
    const float *zero;                 /* count * unit + zero[channel] */
    int64_t reserved[6];
};
int af_population_values(const struct af_model *model, int i, struct af_population_values *values);

/* A linear map into a population. Of its source it sees some channels (`map`), upsampled by
 * repetition (`up`), then summed over windows (`pool`; the 1 / n of a mean is part of the weights):
 * `view` is what that makes. Over it goes a convolution, whose result is added to a block of the
 * destination, from `at` on, its rows and columns `spread` apart. A dense layer is a kernel as
 * large as its view. Pairs are rows, columns. */
struct af_projection_info {
    int source, destination; /* populations */
    int channels;            /* of the source that it sees */
    const int32_t *map;      /* [channels] which */
    int up[2], pool[2], pool_stride[2], pool_before[2], view[2];
    int groups, kernel[2], stride[2], dilation[2], before[2]; /* before: padding */
    int block[3], at[3];                                      /* channels, rows, columns */
    int spread[2];
    int shift;            /* a weight counts weight << shift */
    const int8_t *weight; /* [block[0]][channels / groups][kernel[0]][kernel[1]]; NULL: a relay */
    int64_t weights;
    int64_t reserved[8];
};
/* i in 0 .. projections-1, in the order of the populations that they lead into. */
int af_projection_info(const struct af_model *model, int i, struct af_projection_info *info);

/* NULL where the model has no class names, or no such class. */
const char *af_class_name(const struct af_model *model, int label);
/* What the model knows of where it came from, as keys and values; i in 0 .. facts-1. */
int af_model_fact(const struct af_model *model, int i, const char **key, const char **value);

/* Frees what the library says is the caller's. */
void af_free(void *memory);

/* ---- Boards --------------------------------------------------------------------------------- */

/* How a board is reached. */
enum af_link {
    AF_LINK_NONE,    /* it is this computer */
    AF_LINK_PROCESS, /* an accelerator simulated in this process */
    AF_LINK_XRT,     /* a card, through XRT */
    AF_LINK_UART,    /* USB, an FTDI chip's serial line */
    AF_LINK_FIFO,    /* USB, its synchronous FIFO */
};

struct af_board_info {
    const char *name, *summary;
    enum af_link link;
    bool runs;          /* models; else it can only be flashed */
    bool flashable;     /* by adafire-flash */
    bool counts_cycles; /* fills in af_result.cycles */
    bool sends_events;  /* takes af_run_options.on_event; of an accelerator, if its build does */
    bool profiles;      /* takes af_run_options.profile, if its build does */
    bool waveforms;     /* takes af_device_options.waves */
    bool builds;        /* takes af_device_options.build */
    bool works_ahead;   /* computes while the next samples of a batch are on their way */
    double megahertz;   /* of its clock; 0: none, or known when it is open */
    int64_t reserved[8];
};
int af_board_count(void);
/* i in 0 .. af_board_count()-1. */
int af_board_info(int i, struct af_board_info *info);
/* Calls each with every board that is attached to this computer, named as af_device_open takes it,
 * and with what is to say of it: that it can be opened, or what is missing. Where a whole kind of
 * boards is out of reach (no XRT, no USB) each is called with the reason. */
int af_boards_attached(void (*each)(void *context, const char *name, const char *text),
                       void *context);

/* ---- Device --------------------------------------------------------------------------------- */

struct af_device;

struct af_device_options {
    int threads;       /* 0: all cores; at most 1024 */
    const char *build; /* of the accelerator, for "csim" and "sim"; NULL: the default */
    /* For "sim": FILE.fst or FILE.fst:FROM-TO (cycles), signals over time; or NULL. */
    const char *waves;
    /* For "u250": which card, by number or PCIe address, or "all"; for USB boards: which of
     * several, by bus and port, serial number or VID:PID. NULL: what stands behind a colon in the
     * board's name, or the first card, or the only board. */
    const char *device;
    const char *bitstream; /* for "u250"; NULL: of ADAFIRE_BITSTREAM, or the board's own */
    double timeout;        /* seconds that a card or board may take for one run; 0: chosen */
    /* For "sim": called now and then, from whatever thread simulates, with the clock cycles since
     * its last call; or NULL. */
    void (*on_cycles)(void *context, uint64_t cycles);
    void *on_cycles_context;
    /* Called with what the user ought to know about the board, one sentence each; or NULL. */
    void (*on_note)(void *context, const char *note);
    void *on_note_context;
    int64_t reserved[8];
};

/* Opens a board ("cpu", "csim", "sim", "u250", "icebreaker"...) and loads the model onto it.
 * options may be NULL. The model must live as long as the device. */
int af_device_open(const char *board, const struct af_device_options *options,
                   const struct af_model *model, struct af_device **device);
/* Waits for what was submitted. */
void af_device_close(struct af_device *device);
/* Of the clock in which af_result.cycles are counted; 0 where there is none or it is unknown. */
double af_device_megahertz(const struct af_device *device);

/* ---- Run ------------------------------------------------------------------------------------ */

/* One sample: `type` says what `data` holds, channels x height x width values before the model's
 * own normalisation (pixels 0..255 for an image model), row by row, one channel after the other. A
 * recording instead gives `counts`, int16 in -255..255: timesteps x channels x height x width, of
 * which a run takes the first. `length` is how many values there are of either; any number that is
 * not a sample's, or too few whole timesteps, is AF_BAD_ARGUMENT. If the model was trained on
 * several frames of a recording, each frame's timesteps are run from rest, the result is all of
 * them together, and early exit decides after each frame. */
enum af_type { AF_F32, AF_U8, AF_I8, AF_I16, AF_I32 };
struct af_sample {
    enum af_type type;
    const void *data;
    const int16_t *counts;
    int64_t length;
    int64_t reserved[4];
};

struct af_run_options {
    int timesteps; /* 0: the model's own; more than that is an error */
    bool no_iat;   /* run all timesteps */
    bool trace;    /* keep the output after every timestep (af_result.history) */
    bool profile; /* keep what its cycles went to (af_result.profile) where the board counts them */
    /* Nobody asks for spikes, events and operations: they are 0 where counting them takes time. */
    bool no_counts;
    /* Neurons begin each sample with the potentials that they have from the one before, of this run
     * or of the device's last one, if that kept them, too; samples then go one by one. Board "cpu";
     * others begin every sample from rest, and so does every frame of a recording: AF_UNSUPPORTED.
     */
    bool keep_state;
    /* Called for every event of every sample if not NULL, from the thread that runs the sample, in
     * order of timestep (from 0) and population. `burst` is negative for what is taken back. */
    void (*on_event)(void *context, int64_t sample, int timestep, int population, int neuron,
                     int burst);
    void *on_event_context;
    /* Called between batches of samples, from the thread that runs them, with how many are done; if
     * it returns other than 0 the run ends with AF_CANCELLED. NULL: not. */
    int (*on_progress)(void *context, int64_t done, int64_t all);
    void *on_progress_context;
    int64_t reserved[8];
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
    int64_t *adds;  /* [populations] the same, a burst of r counted as the shifted additions that
                       r is made of: 15 = 16 - 1 is two; NULL where the board does not count them */
    int64_t cycles; /* of the accelerator; 0 where it does not apply */
    struct af_profile *profile; /* NULL: nobody asked, or the board does not count */
    int64_t reserved[3];
};

/* Runs `count` samples; results[i] belongs to samples[i]. options may be NULL. On failure no result
 * is left to free. */
int af_run(struct af_device *device, const struct af_sample *samples, int64_t count,
           const struct af_run_options *options, struct af_result *results);
void af_result_free(struct af_result *result);

void af_profile_free(struct af_profile *profile);

/* An event that a neuron sent: a burst, or negative, what it took back. */
struct af_event {
    int64_t sample;
    int32_t timestep, population, neuron, burst; /* from 0 */
};

/* Samples that lie one behind the other, and their results in arrays of the caller's. */
struct af_arrays {
    enum af_type type; /* as in af_sample */
    const void *data;
    const int16_t *counts;
    int64_t length; /* values of one sample */
    int64_t count;  /* samples */
    /* What is NULL is not wanted; values are those of af_result. */
    int32_t *timesteps; /* [count] */
    float *output;      /* [count][output_size] */
    float *history;     /* [count][timesteps of the run][output_size]; NAN where a sample had ended;
                           takes the place of af_run_options.trace */
    int64_t *spikes, *events, *sops, *spike_sops; /* [count][populations] */
    int64_t *adds;               /* the same; -1 where the board does not count them */
    int64_t *cycles;             /* [count] */
    struct af_profile **profile; /* [count] NULL or the caller's: af_profile_free; takes the place
                                    of af_run_options.profile */
    bool keep_events;            /* fills in: */
    struct af_event *event;      /* [event_count] by sample, timestep and population; the caller's:
                                    af_free */
    int64_t event_count;
    int64_t reserved[8];
};
/* The same as af_run. On failure there is nothing to free. options->on_event: not with keep_events.
 */
int af_run_arrays(struct af_device *device, struct af_arrays *arrays,
                  const struct af_run_options *options);
/* Calls on_note with a sentence if the first of these samples (up to 1,024) have other values than
 * those that the model was made with: a forgotten scale or mean shows in nothing else. */
int af_arrays_check(const struct af_model *model, const struct af_arrays *arrays,
                    void (*on_note)(void *context, const char *note), void *context);

/* The same in the background: the device works on while the caller prepares what comes next. Jobs
 * of a device are run in the order in which they were submitted. Samples (with their data), results
 * and options' contexts must stay until af_wait; callbacks come from a thread of the library's. */
struct af_job;
int af_submit(struct af_device *device, const struct af_sample *samples, int64_t count,
              const struct af_run_options *options, struct af_result *results, struct af_job **job);
/* Waits for a job, frees it, and returns what af_run would have returned. NULL is AF_OK. */
int af_wait(struct af_job *job);

/* Energy in microjoules as the field reports it: 0.9 pJ for an accumulate, 4.6 pJ for a
 * multiply-accumulate, 45 nm (Horowitz, ISSCC 2014). */
double af_energy_uj(double accumulates, double macs);
/* What hardware of integers spends, by the same source: additions of 32 bits, and
 * multiply-accumulates of 8-bit weights and activations of so many bits (0 macs: additions alone);
 * with `memory` each also takes its operands from 8 KB of SRAM: a weight, and for an addition the
 * potential, read and written, for a multiplication the activation. */
double af_integer_energy_uj(double adds, double macs, int bits, bool memory);

/* Microjoules of a sample, by these two. */
struct af_energy {
    double ann;
    double event, spike, add; /* an event counted once, every spike, bursts as shifted additions */
    /* In integers, beside an ANN of `bits` bits: as many as all timesteps tell apart, which is
     * ceil(log2(phi T + 1)). */
    double integer, integer_ann, integer_memory, integer_memory_ann;
    int bits;
    int64_t reserved[8];
};
/* Of what `samples` samples did: [populations] sums each, as in af_result; adds NULL: not counted,
 * and what needs them is NAN. */
int af_energy_of(const struct af_model *model, double samples, const double *events,
                 const double *sops, const double *spike_sops, const double *adds,
                 struct af_energy *energy);

/* ---- Answers -------------------------------------------------------------------------------- */

/* What outputs mean: classes of a sample, boxes, or a class for every pixel. */
enum af_task_kind { AF_CLASSIFY, AF_DETECT, AF_SEGMENT, AF_VALUES };
struct af_task;
/* The task in `words` (adafire-host --help has them), or NULL: the model's own, or the one that its
 * answering output looks like. AF_BAD_ARGUMENT if the outputs cannot be that. The model must live
 * as long. */
int af_task_open(const struct af_model *model, const char *words, struct af_task **task);
void af_task_close(struct af_task *task);
enum af_task_kind af_task_kind(const struct af_task *task);
int af_task_classes(const struct af_task *task);

/* A class and its probability by softmax over the output that answers (by the sign of a single
 * value). */
struct af_answer {
    int label;
    double probability; /* 0..1 */
};
/* The `most` best classes, the best first; returns how many there are. Of a classification. */
int af_answers(struct af_task *task, const struct af_result *result, int most,
               struct af_answer *answers);

struct af_box {
    float x1, y1, x2, y2; /* pixels of the model's input, not cut at its borders */
    float score;          /* 0..1 */
    int label;            /* from 0, background left out */
};
/* The boxes of a sample; returns how many there are. *boxes is good until the next call. Of a
 * detector. */
int64_t af_boxes(struct af_task *task, const struct af_result *result, const struct af_box **boxes);
/* The class of every pixel, [height][width]; *map is good until the next call. Of a segmentation.
 */
int af_class_map(struct af_task *task, const struct af_result *result, const uint16_t **map,
                 int *height, int *width);

/* Intersection over union of two boxes; 0 for boxes without area. */
double af_overlap(const struct af_box *a, const struct af_box *b);

/* How many of the true boxes of a sample were found, each by a box of its class that overlaps it by
 * 0.5 or more and finds no other; negative: a status. */
int64_t af_boxes_matched(const struct af_box *found, int64_t found_count,
                         const struct af_box *truth, int64_t truth_count);

/* How good boxes or maps are, over many samples. */
struct af_score;
/* For the task's classes; AF_BAD_ARGUMENT for a classification or values. */
int af_score_open(const struct af_task *task, struct af_score **score);
/* One sample's boxes, found and true (scores of these unused). */
int af_score_boxes(struct af_score *score, const struct af_box *found, int64_t found_count,
                   const struct af_box *truth, int64_t truth_count);
/* One map, [height][width] of both; labels outside 0 .. classes-1 are not counted. */
int af_score_map(struct af_score *score, const uint16_t *map, const int32_t *labels, int height,
                 int width);
/* each[classes]: average precision at an overlap of 0.5 (Everingham et al., IJCV 111:98, 2015), or
 * intersection over union; NAN for a class that never was. *mean: over the others (mAP@0.5, mIoU),
 * NAN if there are none. *pixels: share of right pixels, NAN of boxes. Pointers may be NULL. */
int af_score_finish(struct af_score *score, double *mean, double *pixels, double *each);
void af_score_close(struct af_score *score);

/* ==== libadafire-convert ===================================================================== */

/* ---- Samples -------------------------------------------------------------------------------- */

/* Samples from files, one at a time, whatever the format: .npy, .npz, idx(.gz), CIFAR binary, PNG,
 * JPEG, event recordings, meshes and points, or folders of these, whose folders are classes
 * (adafire-host --help has all). Memory does not grow with their number. */
struct af_samples;

struct af_samples_options {
    int channels, height, width; /* of one sample */
    bool events;                 /* recordings are taken, as counts of so many timesteps */
    int timesteps;               /* of a recording */
    int event_frames;            /* training frames that one recording makes; 0: 1 */
    int resize;     /* pictures: the shorter side to so many pixels, then a centre crop; 0: not */
    bool squash;    /* pictures: both sides to `resize`, or to the sample's own size */
    bool uncounted; /* of recordings their events alone, by af_samples_recording: af_sample is empty
                     */
    /* How recordings become counts, in words (adafire-convert --help has them); NULL: equal parts
     * of their time. Of af_samples_of it is the model's, good until that is freed. */
    const char *counting;
    int64_t reserved[7];
};
/* As the model takes them. */
int af_samples_of(const struct af_model *model, struct af_samples_options *options);
int af_samples_open(const char *const *paths, int count, const struct af_samples_options *options,
                    struct af_samples **samples);
void af_samples_close(struct af_samples *samples);
/* How many there are, -1 if that is not known before they are read. */
int64_t af_samples_count(const struct af_samples *samples);

struct af_sample_info {
    const char *name; /* the file's, or "file.npy[17]"; good until the next sample */
    int label;        /* -1 if the file carries none */
    int64_t reserved[4];
};
/* The next sample: 1, or 0 at the end, or negative. Its data are good until the next call. info may
 * be NULL. */
int af_samples_next(struct af_samples *samples, struct af_sample *sample,
                    struct af_sample_info *info);
/* Labels of samples, .npy or idx(.gz); *labels is the caller's: af_free. */
int af_labels_read(const char *path, int64_t **labels, int64_t *count);

/* A recording of an event camera in memory: its events in any order, times in microseconds. */
struct af_camera_event {
    uint16_t x, y, polarity;
    int64_t t;
};
struct af_recording {
    const struct af_camera_event *events;
    int64_t count;
    int64_t reserved[2];
};
/* The events of the recording that af_samples_next gave last, good until the next call;
 * AF_BAD_ARGUMENT if that was none. */
int af_samples_recording(const struct af_samples *samples, struct af_recording *recording);
/* As af_samples_next gives a recording's file: counts[timesteps][channels][height][width], an event
 * counted at its time, polarity (the channel), y and x. */
int af_recording_counts(const struct af_samples_options *options,
                        const struct af_recording *recording, int16_t *counts);

/* ---- Convert -------------------------------------------------------------------------------- */

enum af_choice { AF_OFF, AF_ON, AF_AUTO };
enum af_goal { AF_GOAL_NONE, AF_GOAL_LATENCY, AF_GOAL_SPIKES, AF_GOAL_EVENTS, AF_GOAL_ADDS };
enum af_bias { AF_BIAS_OFF, AF_BIAS_LIGHT, AF_BIAS_ADVANCED, AF_BIAS_CURRENTS, AF_BIAS_AUTO };
enum af_metric { AF_ENTROPY, AF_CONFIDENCE };

/* A conversion. Begin with af_convert_defaults; `adafire-convert --help` says what each option
 * does. */
struct af_convert_options {
    /* The network: an ONNX file, or its bytes (then `onnx` is its name in messages). */
    const char *onnx;
    const void *onnx_bytes;
    size_t onnx_size;
    /* Calibration samples, a few hundred: from files, or in memory (raw, before normalisation).
     * Those beyond calib_limit, up to exit_limit, serve early exit alone. */
    const char *const *calib;
    int calib_count;
    const struct af_sample *samples;
    int64_t sample_count;
    const char *labels;           /* of the samples: a file; NULL: those the files carry */
    const int64_t *sample_labels; /* or [sample_count], of samples in memory; NULL: none */
    int64_t calib_limit, exit_limit;
    const char *exit_recordings; /* recordings for early exit, a file or folder; NULL: none */
    /* The network sees (raw * scale - mean) / std, per channel; counts of 1 are for all channels.
     */
    double scale;
    const float *mean, *std; /* NULL: 0 and 1 */
    int mean_count, std_count;
    bool bgr;     /* the network wants BGR, the samples hold RGB */
    int shape[3]; /* channels, height, width, where the network leaves it open; else zeros */
    int resize;   /* of pictures, as in af_samples_options; stored in the model */
    bool squash;
    bool events; /* the network takes event recordings */
    int event_frames;
    const char *classes; /* a file of class names, one a line; NULL: none */
    const char *task;    /* what the outputs mean, stored in the model; NULL: not said */
    const char *answers; /* of several outputs the one with the classes, by its name in the graph;
                          * NULL: the one that looks like classes, which a note says */
    const char *name;    /* the model's; NULL: the network's file name */

    /* The spiking network. */
    int timesteps; /* T, the most of an inference; 0: 4, or 1 for a quantised network */
    int burst_initial, burst_desired, burst_min; /* phi, 1..255 */
    double energy_ratio, initial;
    int effort;  /* 0: thresholds from histograms; 1: refined; 2, 3: 4 and 9 times as long */
    bool search; /* of burst limits from burst_desired; else phi is burst_initial everywhere */
    enum af_choice signed_bursts;
    /* A build of the accelerator that is to hold it: "tiny" (bursts of 15 at most), "u250" (63),
     * both without signed bursts unless these are asked for and with potentials of 23 bits, or
     * "sim"; NULL: no matter. */
    const char *fit;
    double ssc_budget; /* Sensitivity Spike Compression; 0: off */
    double ssc_loss;   /* instead: accuracy that it may cost, 0..1; 0: by budget */
    enum af_bias bias;
    bool nearest;       /* weights are rounded each for itself */
    double prune;       /* share of the synaptic operations whose weights are left out */
    enum af_choice iat; /* early exit; ON: from the paper's knob iat_a */
    double iat_a;
    enum af_metric iat_metric;
    enum af_goal optimize; /* search for this goal within the tolerance */
    double tolerance;      /* answers that early exit may change, 0..1 */
    int search_samples;    /* on which searches compare candidates; 0: all */
    int threads;           /* 0: all cores; at most 1024 */

    /* Called now and then from the converting thread; fraction is in 0..1 within the phase. If it
     * returns other than 0 the conversion ends with AF_CANCELLED. NULL: not. */
    int (*on_progress)(void *context, const char *phase, double fraction);
    /* Called with what the user ought to know, one sentence each; NULL: not. */
    void (*on_note)(void *context, const char *note);
    void *context;
    /* How recordings become counts, as in af_samples_options; stored in the model. NULL: not said.
     */
    const char *counting;
    const char *const *class_names; /* instead of `classes`: in memory */
    int64_t class_count;
    const struct af_recording *exit_in_memory; /* instead of `exit_recordings` */
    int64_t exit_in_memory_count;
    int64_t reserved[11];
};
void af_convert_defaults(struct af_convert_options *options);

/* Channels, height and width of a sample of the network in `options`, of which nothing else
 * matters; zeros where the network leaves them open. */
int af_network_shape(const struct af_convert_options *options, int shape[3]);

/* How good the model is, on the calibration samples. */
struct af_conversion {
    int64_t samples;               /* that were used */
    double agreement;              /* with the ANN, 0..1; NAN where outputs are no classes */
    double accuracy, ann_accuracy; /* 0..1; NAN without labels */
    double timesteps_mean;         /* with early exit; NAN without it */
    double expected_loss;          /* of accuracy, 0..1; NAN where it was not measured */
    /* Synaptic operations of a sample until it stops, as in af_result. */
    double exit_sops, exit_spike_sops, exit_adds;
    /* What refining thresholds (effort) brought: the softened outputs' divergence from the ANN's
     * before and after, on samples that it was not refined by; 0 samples: nothing was refined. */
    int64_t judges;
    double plain_divergence, divergence;
    int populations;
    /* [populations] means a sample, all timesteps; as in af_result. */
    double *spikes, *events, *sops, *spike_sops, *adds;
    double
        *sensitivity; /* [populations] of the network when each choice was measured; 0: was not */
    int64_t reserved[8];
};
/* Converts a network. conversion may be NULL; else af_conversion_free. Deterministic for given
 * inputs, whatever the threads. */
int af_convert(const struct af_convert_options *options, struct af_model **model,
               struct af_conversion *conversion);
void af_conversion_free(struct af_conversion *conversion);

/* What a conversion would make of the network, as far as no samples are needed for it: populations,
 * projections and sizes are as they would be, thresholds and biases are made up. For a look at
 * what there would be, and whether a board can hold it. */
int af_outline(const struct af_convert_options *options, struct af_model **outline);

/* Runs the network as it is, before any conversion, over all samples in `calib`, and writes its
 * outputs: .npy, one row a sample, all outputs in the graph's order. *count, if not NULL: samples.
 */
int af_ann(const struct af_convert_options *options, const char *path, int64_t *count);
/* The same into memory, of files or of `samples`: *outputs is [*count][*columns] and the caller's:
 * af_free. */
int af_ann_outputs(const struct af_convert_options *options, float **outputs, int64_t *count,
                   int64_t *columns);

/* ---- Report --------------------------------------------------------------------------------- */

/* What a page about a run is made of. NAN, NULL and 0 where something is not known. */
struct af_report {
    const char *board;
    int64_t samples;
    int timesteps; /* the most that one could take */
    bool iat;      /* early exit was on */
    double seconds;
    const int64_t *exits;                     /* [timesteps] samples that stopped after 1, 2 ... */
    double accuracy, top5, agreement;         /* 0..1; agreement: with the ANN */
    const double *accuracy_at, *agreement_at; /* [timesteps] if all had stopped there */
    double ignored;                           /* share of labels that were not counted */
    /* [populations] sums over the samples, as in af_result; adds NULL: not counted. */
    const double *spikes, *events, *sops, *spike_sops, *adds;
    /* Of a task other than classes, the ANN's behind it: mAP or mean IoU, right pixels, error of
     * values; the ANN's boxes that were found, boxes found that are its, distance from the ANN. */
    enum af_task_kind task;
    double mean, ann_mean, pixels, ann_pixels, error, ann_error, recall, precision, distance;
    const struct af_event *raster; /* of one sample, by timestep; of each `sample` is unused */
    int64_t raster_count;
    const char *raster_name;
    const struct af_profile *profile; /* of one sample */
    int64_t reserved[8];
};
/* Zeros, and NAN where it means not known. */
void af_report_defaults(struct af_report *report);
/* A self-contained page (HTML): under a temporary name, then renamed. */
int af_report_write(const struct af_model *model, const struct af_report *report, const char *path);
/* The same in memory, UTF-8 and ending with a zero; *text is the caller's: af_free. */
int af_report_text(const struct af_model *model, const struct af_report *report, char **text);

#ifdef __cplusplus
}
#endif

#endif
