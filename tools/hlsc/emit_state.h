/* Code outside of pipelined loops: a state machine, one bit per state. */
#ifndef HLSC_EMIT_STATE_H
#define HLSC_EMIT_STATE_H
#include "emitter.h"

/* When the states of a region advance. */
void emit_state_control(struct emitter *e, int region);
/* What happens at the clock edge. */
void emit_state_steps(struct emitter *e, int region);
#endif
