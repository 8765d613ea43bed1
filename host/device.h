/* What a board is to the rest: a row in a table, and a device with three functions behind it. */
#ifndef ADAFIRE_DEVICE_H
#define ADAFIRE_DEVICE_H

#include "model.h"

struct af_device {
    const struct device_operations *operations;
    const struct af_model *model;
    double megahertz; /* af_device_megahertz */
};

struct device_operations {
    /* As af_run, with options never NULL and options->timesteps set; results are zeroed, and what
     * was put into them before a failure is freed by the caller. */
    int (*run)(struct af_device *device, const struct af_sample *samples, int64_t count,
               const struct af_run_options *options, struct af_result *results);
    void (*close)(struct af_device *device);
};

struct board {
    const char *name, *summary;
    /* AF_NO_DEVICE says what is missing; *device is NULL on failure. name is the row's own, options
     * is never NULL. */
    int (*open)(const char *name, const struct af_device_options *options,
                const struct af_model *model, struct af_device **device);
};
extern const struct board boards[]; /* ends with a NULL name */
/* Calls each with what is attached to this computer, and whether it can be used or why not. */
void boards_attached(void (*each)(void *context, const char *name, const char *text),
                     void *context);

int cpu_open(const char *name, const struct af_device_options *options,
             const struct af_model *model, struct af_device **device);
int accel_open_csim(const char *name, const struct af_device_options *options,
                    const struct af_model *model, struct af_device **device);
int accel_open_sim(const char *name, const struct af_device_options *options,
                   const struct af_model *model, struct af_device **device);
int accel_open_u250(const char *name, const struct af_device_options *options,
                    const struct af_model *model, struct af_device **device);
int accel_open_usb(const char *name, const struct af_device_options *options,
                   const struct af_model *model, struct af_device **device);

/* af_run in two: a device that hands samples on to others uses device_run, because what reaches it
 * has come apart into frames already. options is never NULL, its timesteps are set, count > 0; on
 * failure no result is left to free. */
int device_run(struct af_device *device, const struct af_sample *samples, int64_t count,
               const struct af_run_options *options, struct af_result *results);
/* The same for recordings (all samples have counts) of a model whose event_frames are several:
 * frame by frame, each from rest, by device_run. */
int recording_run(struct af_device *device, const struct af_sample *samples, int64_t count,
                  const struct af_run_options *options, struct af_result *results);

/* Allocates a result's arrays; `history` timesteps of outputs are kept if it is not 0. */
int result_make(const struct af_model *m, int history, struct af_result *result);
/* Turns accumulated outputs into the mean per timestep, in the graph's order: `sum` holds output
 * population `index`, [channels][height][width], after `steps` timesteps. Returns values written.
 */
int64_t result_output(const struct af_model *m, int index, const int32_t *sum, int steps,
                      float *to);

#endif
