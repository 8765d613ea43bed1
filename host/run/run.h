/* A whole run: samples from files through a device, and what came of it. Memory does not grow with
 * the number of samples. */
#ifndef ADAFIRE_RUN_H
#define ADAFIRE_RUN_H

#include "device/profile.h"
#include "input/input.h"
#include "model/model.h"
#include "run/answer.h"

struct run_options {
    const char *const *inputs;
    int input_count;
    const struct task *task; /* what the outputs mean */
    /* .npy; NULL: none. Boxes and maps: see answer.h. The reference of recordings may have a row
     * for each of their frames, which are then added. */
    const char *labels, *reference;
    const char *counting;        /* of recordings, see counting.h; NULL: the model's */
    const char *draw;            /* boxes or maps onto pictures, see answer.h; NULL: not */
    bool decode;                 /* `each` wants boxes or maps */
    const char *output, *spikes; /* files to write; NULL: none */
    int64_t limit;               /* 0: all samples */
    int batch;                   /* samples at a time, 0: chosen */
    int timesteps;               /* 0: the model's */
    bool no_iat;
    bool profile; /* what the cycles went to, where the board counts them */
    bool history; /* accuracy after every timestep, a raster of the first sample and, if the board
                     counts its cycles, its profile: for the report */
    /* The same model on a board that is bit by bit the same and tells more, and sooner: of it are
     * the timesteps of a history, and the events that the device does not send. NULL: the device
     * tells all itself. */
    struct af_device *exact;
    /* Called after every sample, NULL: not. answer: NULL unless the task has boxes or maps and
     * `decode` asks for them. each_most: only if there are at most so many samples, 0: always. */
    int (*each)(void *context, int64_t index, const char *name, const struct af_result *result,
                const struct answer *answer);
    int64_t each_most;
    void (*progress)(void *context, int64_t done, int64_t all); /* all: -1 if unknown */
    void (*note)(void *context, const char *note); /* what the user ought to know; NULL: not */
    void *context;
};

struct run_totals {
    int64_t samples, labelled, correct, correct5, compared, agreeing, ann_correct;
    int timesteps;  /* most an inference may take */
    int64_t *exits; /* [timesteps] samples that took t + 1 */
    /* [populations] sums; adds are NAN where the board does not count them. */
    double *spikes, *events, *sops, *spike_sops, *adds;
    double cycles;
    struct profile_sum profile;
    double seconds;  /* inside the device */
    double accuracy; /* in 0..1; NAN where there is nothing to compare; likewise the next two */
    double top5, agreement, ann_accuracy, timesteps_mean;
    double
        ignored; /* share of labels that were not counted: of no class, or one the network lacks */
    struct score score,
        ann_score;        /* of boxes, maps, values with labels; the ANN's with a reference */
    struct likeness like; /* of these, with a reference */
    int classes;          /* that they tell apart */
    /* With history: [timesteps], in 0..1, NULL where there is nothing to compare. */
    double *accuracy_at, *agreement_at;
    struct af_event *raster;
    int64_t raster_count;
    char *raster_name;
};

/* On failure there is nothing to free. */
int run_files(struct af_device *device, const struct af_model *model, const struct run_options *o,
              struct run_totals *t);
void run_totals_free(struct run_totals *t);

/* Of a sample, on average. */
struct af_energy run_energy(const struct af_model *model, const struct run_totals *t);
/* The sum of a per-population array over the populations, per sample. */
double run_mean(const struct af_model *model, const struct run_totals *t, const double *sums);

#endif
