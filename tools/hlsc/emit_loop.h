/* A pipelined loop is a row of stages, one per cycle of its schedule; `p0_v3` says that stage 3 of
 * loop 0 holds an iteration, `p0_go3` that the stage may advance. A stage that waits (for a token,
 * or for room) stops the stages before it, while those behind it drain: what C has written before
 * it waits is written here too. */
#ifndef HLSC_EMIT_LOOP_H
#define HLSC_EMIT_LOOP_H
#include "emitter.h"

/* When the stages advance. */
void emit_loop_control(struct emitter *e, int region);
/* What happens at the clock edge. */
void emit_loop_steps(struct emitter *e, int region);
#endif
