/* The self-contained HTML report of a run: no network, no script needed, plots as inline SVG. */
#ifndef ADAFIRE_REPORT_H
#define ADAFIRE_REPORT_H

#include "report/figures.h"

#include <stdio.h>

/* Writes to a temporary name, then renames. AF_IO with path and reason. */
int report_write(const char *path, const struct report *r);

/* The same to a stream, whose errors are the caller's to see. */
int report_put(FILE *f, const struct report *r);

#endif
