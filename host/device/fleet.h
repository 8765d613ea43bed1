/* Several devices of a kind as one: each runs samples of its own, in a thread of its own. */
#ifndef ADAFIRE_FLEET_H
#define ADAFIRE_FLEET_H

#include "device/device.h"

/* Devices that a fleet has at most: options' threads, 0: one for each core. */
int fleet_size(const struct af_device_options *options);
/* Opens one member. */
typedef int fleet_opens(const void *what, const struct af_device_options *options,
                        const struct af_model *model, struct af_device **device);
/* Opens the first one; the others when there are samples for them. `what` is handed to open and
 * must live as long as the fleet. */
int fleet_open(fleet_opens *open, const void *what, const struct af_device_options *options,
               const struct af_model *model, struct af_device **device);

#endif
