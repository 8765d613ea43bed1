/* A device that is an accelerator behind a link: the program is loaded once, then every sample is
 * an exchange. */
#ifndef ADAFIRE_ACCELERATOR_H
#define ADAFIRE_ACCELERATOR_H

#include "device/device.h"
#include "link/link.h"

/* Loads the model onto the machines behind the links, which must be of one build; samples are dealt
 * out to them. Takes the links over, also on failure. */
int accelerator_open(struct links *links, const struct af_model *model, struct af_device **device);

#endif
