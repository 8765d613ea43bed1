/* What was decided for every loop, memory and stream, and why: for people. */
#ifndef HLSC_REPORT_H
#define HLSC_REPORT_H
#include "design.h"

#include <stdio.h>

void design_report(const struct design *d, FILE *f);
#endif
