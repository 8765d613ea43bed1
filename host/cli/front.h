/* `adafire-convert --front`: what timesteps and burst limits trade, as a table and a picture. */
#ifndef ADAFIRE_FRONT_H
#define ADAFIRE_FRONT_H

#include "adafire.h"

#include <stdbool.h>

/* Converts the network with several timesteps and burst limits, up to the options' where `given`
 * says that these were, runs each model on the calibration samples with early exit and without, and
 * writes how well it does as the ANN does and at what energy: a page (HTML), or JSON if the path
 * ends with .json. Prints those that nothing beats. An exit status. */
int front_write(const struct af_convert_options *options, bool steps_given, const char *path,
                bool quiet);

#endif
