/* What the cores did when, and what the processes waited for. */
#ifndef ADAFIRE_TIMELINE_H
#define ADAFIRE_TIMELINE_H

#include "report/figures.h"

#include <stdio.h>

void report_plot_timeline(FILE *f, const struct report *r);

#endif
