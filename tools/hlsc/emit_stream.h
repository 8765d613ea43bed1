/* The ends of streams, and the counters of how long a process waits at them. */
#ifndef HLSC_EMIT_STREAM_H
#define HLSC_EMIT_STREAM_H
#include "emitter.h"

void emit_stream(struct emitter *e, int stream);
void emit_counters(struct emitter *e);
#endif
