/* What accuracy is expected to lose, and what a run costs: into the history's verdict. */
#ifndef ADAFIRE_LOSS_H
#define ADAFIRE_LOSS_H

#include "convert/history.h"

/* Of samples that stop by x (NULL: never). */
void loss_of_exits(const struct history *h, const struct early_exit *x);
/* The same of maps, which run all timesteps. */
void loss_of_maps(const struct history *h);

#endif
