/* Words and expressions of Verilog as text. */
#ifndef HLSC_VERILOG_H
#define HLSC_VERILOG_H
#include "base.h"

#include <stdio.h>

/* The name itself; fails if Verilog or hlsc has a meaning for it. */
const char *port_name(const char *name, struct place where);
/* With letters and digits alone. */
char *identifier(const char *name);
char *literal(uint64_t value, int width);
/* b NULL: a alone. */
char *and_text(const char *a, const char *b);
/* Adds a term to a disjunction; *list NULL: it is the first. */
void or_into(char **list, const char *term);

/* The three ports of a stream, as declarations or connected to nets; a comma stands before each. */
void print_stream_ports(FILE *f, bool in, int width, const char *name);
void print_stream_connections(FILE *f, bool in, const char *port, const char *net);
#endif
