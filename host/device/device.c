#include "device/device.h"

#include "base/error.h"

#include <stdlib.h>
#include <string.h>

double af_device_megahertz(const struct af_device *device)
{
    return device ? device->megahertz : 0;
}

void device_close(struct af_device *device)
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
