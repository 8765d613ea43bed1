/* The axes of the plots.
 *
 * An SVG here has no viewBox: along x everything is a percentage, along y too or pixels, so that
 * lines and text keep their size while the plot takes whatever width there is, a phone's or a
 * printer's. Curves are in a nested SVG that stretches. Each function writes one whole card, or
 * nothing where the report lacks what it would show. */
#ifndef ADAFIRE_AXIS_H
#define ADAFIRE_AXIS_H

#include <stdio.h>

/* Ticks 1, 2 or 5 x 10^k apart: the smallest such step that makes at most `most` of them. */
double report_tick_step(double range, int most);

/* The labels below an axis of `timesteps` equal columns, as <text>. */
void report_timestep_labels(FILE *f, int timesteps, const char *y);

#endif
