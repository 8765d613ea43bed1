/* Plots of rows of bars. */
#ifndef ADAFIRE_ROWS_H
#define ADAFIRE_ROWS_H

#include "report/figures.h"

#include <stdio.h>

void report_plot_energy(FILE *f, const struct report *r);
void report_plot_activity(FILE *f, const struct report *r);
void report_plot_thresholds(FILE *f, const struct report *r);

/* A row's name, as the first cell of its grid; cut at the front where there is no room. */
void report_name(FILE *f, const struct report_population *p, bool shape);

/* The class of a row plot that keeps `rows` rows legible without growing endless. */
const char *report_row_class(int rows);

#endif
