#include "device/fleet.h"

#include "base/error.h"
#include "base/parallel.h"

#include <stdlib.h>
#include <string.h>

struct fleet {
    struct af_device device;
    fleet_opens *open;
    const void *what;
    struct af_device_options options;
    char *build; /* of the options: the caller's text need not live on */
    int size;
    struct af_device *member[]; /* NULL: not opened yet */
};

struct work {
    struct fleet *fleet;
    const struct af_sample *sample;
    const struct af_run_options *options;
    struct af_result *result;
};

int fleet_size(const struct af_device_options *options)
{
    return options->threads ? options->threads : parallel_cores();
}

static int open_member(struct fleet *f, int k)
{
    return f->member[k] ? AF_OK : f->open(f->what, &f->options, f->device.model, &f->member[k]);
}

static int run_one(void *context, int worker, int64_t i)
{
    const struct work *w = context;
    int status = open_member(w->fleet, worker);
    return status
               ? status
               : device_run(w->fleet->member[worker], &w->sample[i], 1, w->options, &w->result[i]);
}

static int fleet_run(struct af_device *device, const struct af_sample *samples, int64_t count,
                     const struct af_run_options *options, struct af_result *results)
{
    struct fleet *f = (struct fleet *)device;
    struct work w = {f, samples, options, results};
    if (options->on_event || count == 1) /* events come sample by sample */
        return device_run(f->member[0], samples, count, options, results);
    return parallel_for(count < f->size ? (int)count : f->size, count, run_one, &w, NULL);
}

static void fleet_close(struct af_device *device)
{
    struct fleet *f = (struct fleet *)device;
    for (int k = 0; k < f->size; k++)
        device_close(f->member[k]);
    free(f->build);
    free(f);
}

int fleet_open(fleet_opens *open, const void *what, const struct af_device_options *options,
               const struct af_model *model, struct af_device **device)
{
    static const struct device_operations operations = {fleet_run, fleet_close};
    const int size = fleet_size(options);
    struct fleet *f = calloc(1, sizeof *f + (size_t)size * sizeof(struct af_device *));
    *device = NULL;
    if (!f)
        return af_fail(AF_NO_MEMORY, "no memory");
    f->device = (struct af_device){.operations = &operations, .model = model, .slow = size};
    f->open = open;
    f->what = what;
    f->options = *options;
    f->build = options->build ? strdup(options->build) : NULL;
    f->options.build = f->build;
    f->size = size;
    int status =
        options->build && !f->build ? af_fail(AF_NO_MEMORY, "no memory") : open_member(f, 0);
    if (status) {
        fleet_close(&f->device);
        return status;
    }
    f->device.megahertz = f->member[0]->megahertz;
    f->device.sends_events = f->member[0]->sends_events;
    f->device.profiles = f->member[0]->profiles;
    *device = &f->device;
    return AF_OK;
}
