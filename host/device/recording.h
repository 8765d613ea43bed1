/* Recordings of several frames, on any board. */
#ifndef ADAFIRE_RECORDING_H
#define ADAFIRE_RECORDING_H

#include "device/device.h"

/* As device_run, for recordings (all samples have counts) of a model whose event_frames are
 * several: frame by frame, each from rest, by device_run. */
int recording_run(struct af_device *device, const struct af_sample *samples, int64_t count,
                  const struct af_run_options *options, struct af_result *results);

#endif
