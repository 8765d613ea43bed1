/* The public face of a run: what was asked is checked, then it goes to the device. */
#include "adafire.h"
#include "base/error.h"
#include "device/recording.h"

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
