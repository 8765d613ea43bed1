/* The AXI masters of a design: their ports, and the modules (hw/rtl) between them and the
 * processes. */
#ifndef HLSC_MASTERS_H
#define HLSC_MASTERS_H
#include "design.h"

#include <stdio.h>

/* The ports of all masters, as declarations or as connections, each with a comma before it. */
void emit_axi_ports(const struct design *d, FILE *f, bool connect_them);
/* Their directions, each of which may answer with an error: a bit of `errors`. */
int master_count(const struct design *d);
void emit_errors(const struct design *d, FILE *f);
/* What these bits mean, a line each. */
void list_errors(const struct design *d, FILE *f);
/* Of one instance. */
void emit_masters(const struct instance *i, FILE *f);
#endif
