/* Plots against timesteps (axis.h). */
#ifndef ADAFIRE_CURVES_H
#define ADAFIRE_CURVES_H

#include "report/figures.h"

#include <stdio.h>

void report_plot_accuracy(FILE *f, const struct report *r);
void report_plot_exits(FILE *f, const struct report *r);

#endif
