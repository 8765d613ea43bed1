/* Promised dependences are watched in simulation. */
#ifndef HLSC_EMIT_PROMISE_H
#define HLSC_EMIT_PROMISE_H
#include "emitter.h"

void emit_promises(struct emitter *e);
#endif
