/* The events of one sample. */
#ifndef ADAFIRE_RASTER_H
#define ADAFIRE_RASTER_H

#include "report/figures.h"

#include <stdio.h>

/* AF_NO_MEMORY is the only failure. */
int report_plot_raster(FILE *f, const struct report *r);

#endif
