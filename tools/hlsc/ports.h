/* What a design looks like from outside, a line for each port and register, for scripts. */
#ifndef HLSC_PORTS_H
#define HLSC_PORTS_H
#include "design.h"

#include <stdio.h>

void design_ports(const struct design *d, FILE *out);
#endif
