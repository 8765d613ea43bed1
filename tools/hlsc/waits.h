/* The ends of streams at which processes may wait, as the watchdog sees them. */
#ifndef HLSC_WAITS_H
#define HLSC_WAITS_H
#include "design.h"
#include "process.h"

#include <stdio.h>

int wait_count(const struct design *d);
/* The stream as the outside of the process knows it. */
const char *outer_name(const struct design *d, const struct instance *i, const struct stream *s);
/* For the watchdog (hls_axi_lite.v): who waits, and whether anything moves. */
void emit_watch(const struct design *d, FILE *f);
/* What the bits of `waits` mean, a line each. */
void list_waits(const struct design *d, FILE *f);
#endif
