/* Memories of a process: registers, block RAM (instances of hw/rtl) and initialised memories. */
#ifndef HLSC_EMIT_MEMORY_H
#define HLSC_EMIT_MEMORY_H
#include "emitter.h"
#include "process.h"

void emit_memories(struct emitter *e);
/* What a load finds at its port. */
char *memory_output(struct emitter *e, const struct node *load);
#endif
