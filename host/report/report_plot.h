/* The plots of the HTML report.
 *
 * An SVG here has no viewBox: along x everything is a percentage, along y too or pixels, so that
 * lines and text keep their size while the plot takes whatever width there is, a phone's or a
 * printer's. Curves are in a nested SVG that stretches. Each function writes one whole card, or
 * nothing where the report lacks what it would show. */
#ifndef ADAFIRE_REPORT_PLOT_H
#define ADAFIRE_REPORT_PLOT_H

#include "report/report.h"

#include <stdio.h>

/* Against timesteps, report_curves.c. */
void report_plot_accuracy(FILE *f, const struct report *r);
void report_plot_exits(FILE *f, const struct report *r);

/* Rows of bars, report_rows.c. */
void report_plot_energy(FILE *f, const struct report *r);
void report_plot_activity(FILE *f, const struct report *r);
void report_plot_thresholds(FILE *f, const struct report *r);

/* report_raster.c; AF_NO_MEMORY is the only failure. */
int report_plot_raster(FILE *f, const struct report *r);

/* report_timeline.c: of the cores, and what the processes waited for. */
void report_plot_timeline(FILE *f, const struct report *r);

/* Ticks 1, 2 or 5 x 10^k apart: the smallest such step that makes at most `most` of them. */
double report_tick_step(double range, int most);

/* The labels below an axis of `timesteps` equal columns, as <text>. */
void report_timestep_labels(FILE *f, int timesteps, const char *y);

/* A row's name, as the first cell of its grid; cut at the front where there is no room. */
void report_name(FILE *f, const struct report_population *p, bool shape);

/* The class of a row plot that keeps `rows` rows legible without growing endless. */
const char *report_row_class(int rows);

#endif
