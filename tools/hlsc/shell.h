/* Control by AXI4-Lite, with Vitis HLS's register layout. */
#ifndef HLSC_SHELL_H
#define HLSC_SHELL_H
#include "design.h"

#include <stdio.h>

/* A line for each argument's register, of name, offset and bits; returns their words. */
int list_registers(const struct design *d, FILE *f, const char *format);
/* The module NAME_axi around the design. */
void emit_shell(const struct design *d, FILE *f);
#endif
