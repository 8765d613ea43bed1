/* Several devices of a kind as one: each runs samples of its own, in a thread of its own. */
#ifndef ADAFIRE_FLEET_H
#define ADAFIRE_FLEET_H

#include "device.h"

/* Devices that a fleet has at most: options' threads, 0: one for each core. */
int fleet_size(const struct af_device_options *options);
/* Opens the first one; the others when there are samples for them. Arguments as of a board's open.
 */
int fleet_open(int (*open)(const char *name, const struct af_device_options *options,
                           const struct af_model *model, struct af_device **device),
               const char *name, const struct af_device_options *options,
               const struct af_model *model, struct af_device **device);

#endif
