/* A device: a model on a board, behind one table of functions. */
#ifndef ADAFIRE_DEVICE_H
#define ADAFIRE_DEVICE_H

#include "model/model.h"

struct af_device {
    const struct device_operations *operations;
    const struct af_model *model;
    double megahertz;       /* af_device_megahertz */
    bool sends_events;      /* options->on_event is honoured */
    bool profiles;          /* and options->profile */
    bool keeps_state;       /* and options->keep_state */
    int slow;               /* samples between which something is to be seen; 0: it is fast */
    struct job_queue *jobs; /* of submit.c; NULL: nothing was submitted */
};

struct device_operations {
    /* As af_run, with options never NULL and options->timesteps set; results are zeroed, and what
     * was put into them before a failure is freed by the caller. */
    int (*run)(struct af_device *device, const struct af_sample *samples, int64_t count,
               const struct af_run_options *options, struct af_result *results);
    void (*close)(struct af_device *device);
};

/* af_run in two: a device that hands samples on to others uses device_run, because what reaches it
 * has come apart into frames already. options is never NULL, its timesteps are set, count > 0; on
 * failure no result is left to free. */
int device_run(struct af_device *device, const struct af_sample *samples, int64_t count,
               const struct af_run_options *options, struct af_result *results);
void device_close(struct af_device *device);

#endif
