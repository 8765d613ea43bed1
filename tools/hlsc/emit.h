/* Shared by the parts of emission: emit.c (values, control, streams) and emit_memory.c. */
#ifndef HLSC_EMIT_H
#define HLSC_EMIT_H
#include "graph.h"

struct emitter {
    struct process *p;
    FILE *out; /* modules of initialised memories come before the process's own */
    FILE *declarations, *logic, *clocked, *data, *resets;
    const char **net;
    int states, final_state; /* final_state 0: none, else it waits for the AXI writes to arrive */
};

/* Who drives a shared port: by stage or state, and by guard where several share a cycle. */
struct mux {
    struct mux_way {
        char *active, *guard, *value; /* guard NULL: always */
    } * way;
    int ways, capacity;
};
void mux_add(struct emitter *e, struct mux *m, const struct node *n, char *value);
char *mux_text(const struct mux *m); /* NULL: nobody does */

void declare_net(struct emitter *e, int width, const char *name);
char *value_text(struct emitter *e, int node, int width, int region, int cycle);
char *guard_text(struct emitter *e, const struct node *n);
char *active_text(const struct emitter *e, const struct node *n);
char *enable_text(const struct emitter *e, const struct node *n);
char *and_text(const char *a, const char *b);
void or_into(char **list, const char *term);
const char *port_name(const char *name, struct place where);

/* emit_memory.c */
void emit_memories(struct emitter *e);
void emit_promises(struct emitter *e);
char *memory_output(struct emitter *e, const struct node *load);
#endif
