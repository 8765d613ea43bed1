/* Verilog of a scheduled process. */
#ifndef HLSC_EMIT_H
#define HLSC_EMIT_H
#include "process.h"

#include <stdio.h>

/* What a file needs once before modules that rest: in a simulation, loops that do not run are not
 * evaluated. */
void emit_rests(FILE *out);
void emit(struct process *p, bool rests, FILE *out);
#endif
