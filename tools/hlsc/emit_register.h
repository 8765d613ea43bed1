/* Registers: what sets them, and copies of values that are read later than they come. */
#ifndef HLSC_EMIT_REGISTER_H
#define HLSC_EMIT_REGISTER_H
#include "emitter.h"

/* A register gets a value: by no two ways at once, if anybody will see what it was. */
void set_register(struct emitter *e, const char *name, int width, const char *when, char *value);
/* The same of a node's register. */
void set_node(struct emitter *e, int node, const char *when, char *value);
void emit_registers(struct emitter *e);
/* Once all is said that sets one. */
void emit_settings(struct emitter *e);
#endif
