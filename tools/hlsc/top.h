/* The module that the outside sees: processes joined by FIFOs, and everything in it. */
#ifndef HLSC_TOP_H
#define HLSC_TOP_H
#include "design.h"

#include <stdio.h>

/* The whole design as Verilog. */
void design_emit(const struct design *d, FILE *out);
#endif
