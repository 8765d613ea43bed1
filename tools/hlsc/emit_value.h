/* Operations as expressions of Verilog, a net each. */
#ifndef HLSC_EMIT_VALUE_H
#define HLSC_EMIT_VALUE_H
#include "emitter.h"

void emit_values(struct emitter *e);
#endif
