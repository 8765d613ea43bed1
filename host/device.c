#include "device.h"

#include "error.h"
#include "link/link.h"
#include "profile.h"

#include <stdlib.h>
#include <string.h>

const struct board boards[] = {
    {"cpu", "this computer's processor: exact, fast, no board needed", cpu_open},
    {"csim", "the accelerator's own source, compiled for this computer: exact, slow",
     accel_open_csim},
    {"sim", "the accelerator as hardware, clocked by Verilator: exact, cycle by cycle",
     accel_open_sim},
    {"u250", "an Alveo U250 card through XRT, or its emulation: u250, u250:1, u250:0000:03:00.1",
     accel_open_u250},
    {"icebreaker",
     "an iCEBreaker on USB: icebreaker, icebreaker:1-2 (bus and port), "
     "icebreaker:SERIAL",
     accel_open_usb},
    {"hx8k", "an iCE40-HX8K breakout board on USB", accel_open_usb},
    {"hx8k_fifo", "the same with an FT232H in the mode of a synchronous FIFO", accel_open_usb},
    {"ulx3s", "a ULX3S on USB", accel_open_usb},
    {"ecpix5", "an ECPIX-5 on USB", accel_open_usb},
    {"usb", "any board behind an FTDI chip's serial line: usb, usb:0403:6010, usb:SERIAL",
     accel_open_usb},
    {"usb-fifo", "any board behind an FTDI chip's synchronous FIFO", accel_open_usb},
    {NULL, NULL, NULL},
};

int af_device_open(const char *board, const struct af_device_options *options,
                   const struct af_model *model, struct af_device **device)
{
    static const struct af_device_options none = {0};
    if (!device)
        return af_fail(AF_BAD_ARGUMENT, "no place for the device was given");
    *device = NULL;
    if (!board || !model)
        return af_fail(AF_BAD_ARGUMENT, "a board's name and a model are needed");
    struct af_device_options o = options ? *options : none;
    const size_t name = strcspn(board, ":");
    if (o.waves && strcmp(board, "sim") != 0)
        return af_fail(AF_BAD_ARGUMENT, "only the board sim has waveforms, '%.40s' has none",
                       board);
    if (board[name])
        o.device = board + name + 1;
    for (const struct board *b = boards; b->name; b++)
        if (strlen(b->name) == name && strncmp(b->name, board, name) == 0)
            return b->open(b->name, &o, model, device);
    return af_fail(AF_NO_DEVICE, "no board '%.40s'; `adafire-host --board list` names them", board);
}

void boards_attached(void (*each)(void *context, const char *name, const char *text), void *context)
{
    if (link_list_xrt(each, context))
        each(context, "u250", af_error());
    if (link_list_usb(each, context))
        each(context, "usb", af_error());
}

double af_device_megahertz(const struct af_device *device)
{
    return device ? device->megahertz : 0;
}

void af_device_close(struct af_device *device)
{
    if (device)
        device->operations->close(device);
}

int device_run(struct af_device *device, const struct af_sample *samples, int64_t count,
               const struct af_run_options *options, struct af_result *results)
{
    memset(results, 0, (size_t)count * sizeof *results);
    int status = device->operations->run(device, samples, count, options, results);
    for (int64_t i = 0; status && i < count; i++)
        af_result_free(&results[i]);
    return status;
}

int af_run(struct af_device *device, const struct af_sample *samples, int64_t count,
           const struct af_run_options *options, struct af_result *results)
{
    struct af_run_options o = {0};
    if (!device || count < 0 || (count && (!samples || !results)))
        return af_fail(AF_BAD_ARGUMENT, "a device, samples and room for results are needed");
    if (options)
        o = *options;
    if (o.timesteps < 0 || o.timesteps > device->model->timesteps)
        return af_fail(AF_BAD_ARGUMENT, "%d timesteps asked of a model converted for %d",
                       o.timesteps, device->model->timesteps);
    if (!o.timesteps)
        o.timesteps = device->model->timesteps;
    for (int64_t i = 0; i < count; i++)
        if (!samples[i].data && !samples[i].counts)
            return af_fail(AF_BAD_ARGUMENT, "sample %lld has no data", (long long)i);
    if (count == 0)
        return AF_OK;
    int64_t recordings = 0;
    for (int64_t i = 0; i < count; i++)
        recordings += samples[i].counts != NULL;
    if (device->model->format.event_frames <= 1 || !recordings)
        return device_run(device, samples, count, &o, results);
    if (recordings < count)
        return af_fail(AF_BAD_ARGUMENT, "recordings and frames cannot be run together");
    return recording_run(device, samples, count, &o, results);
}

void af_result_free(struct af_result *r)
{
    if (!r)
        return;
    free(r->output);
    free(r->history);
    free(r->spikes); /* the four counters are one block */
    profile_free(r->profile);
    memset(r, 0, sizeof *r);
}

int result_make(const struct af_model *m, int history, struct af_result *r)
{
    size_t n = (size_t)m->population_count;
    int64_t size = 0;
    for (int i = 0; i < m->population_count; i++)
        if (m->population[i].kind == AF_OUTPUT)
            size += neuron_count(&m->population[i]);
    *r = (struct af_result){.output_size = (int)size};
    r->output = calloc((size_t)size, sizeof *r->output);
    r->history = history ? calloc((size_t)size * (size_t)history, sizeof *r->history) : NULL;
    r->spikes = calloc(4 * n, sizeof *r->spikes);
    if (!r->output || !r->spikes || (history && !r->history)) {
        af_result_free(r);
        return af_fail(AF_NO_MEMORY, "no memory for a result of %lld values", (long long)size);
    }
    r->events = r->spikes + n;
    r->sops = r->spikes + 2 * n;
    r->spike_sops = r->spikes + 3 * n;
    return AF_OK;
}

int64_t result_output(const struct af_model *m, int index, const int32_t *sum, int steps, float *to)
{
    const struct neurons *p = &m->population[index];
    int64_t n = neuron_count(p), area = n / p->shape[0];
    for (int64_t j = 0; j < n; j++) {
        int64_t at = p->order ? p->order[j] : j;
        to[j] = at < 0 ? 0 : (float)((double)sum[at] * (double)p->scale[at / area] / (double)steps);
    }
    return n;
}
