/* How control goes from state to state, and values with it. */
#ifndef HLSC_CONTROL_H
#define HLSC_CONTROL_H
#include "emitter.h"

/* Control comes to a state, or goes on from it. */
void comes(struct emitter *e, int state, const char *when);
void goes(struct emitter *e, int state, const char *when);
/* It comes to a region's first. */
void enter(struct emitter *e, int region, const char *when);
/* The phis of a block get what comes along the edge `from`, as seen from a region and cycle. */
void pass_phis(struct emitter *e, int from, int to, int region, int cycle, const char *when);
/* Once all is said: the states' registers. */
void emit_states(struct emitter *e);
#endif
