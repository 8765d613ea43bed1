/* A scheduled process as one Verilog module. */
#ifndef HLSC_EMIT_H
#define HLSC_EMIT_H
#include "process.h"

#include <stdio.h>

void emit(struct process *p, FILE *out);
#endif
