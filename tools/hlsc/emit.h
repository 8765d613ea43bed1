/* Shared by the parts of emission: emit.c (values, control, streams) and emit_memory.c. */
#ifndef HLSC_EMIT_H
#define HLSC_EMIT_H
#include "process.h"

#include <stdio.h>

/* Who drives a shared port or sets a register: by stage or state, and by guard where several share
 * a cycle. */
struct mux {
    struct mux_way {
        char *active, *guard, *value; /* guard NULL: always */
    } * way;
    int ways, capacity;
};
struct setting {
    const char *name; /* of a register */
    int width;
    struct mux mux; /* guards NULL */
};

struct emitter {
    struct process *p;
    FILE *out; /* modules of initialised memories come before the process's own */
    FILE *declarations, *logic, *clocked, *data, *resets;
    const char **net;
    int states, final_state; /* final_state 0: none, else it waits for the AXI writes to arrive */
    int leaving;             /* the pipelined loop whose results are being read, NONE */
    bool **use;              /* [node][state]: a register is read there; NULL: nowhere */
    int *shared;             /* [node]: number of the register that it shares, 0: its own */
    int *shared_width;
    struct setting *setting;
    int settings, setting_capacity;
    char **comes, **goes; /* [state] conditions */
};

void mux_add(struct emitter *e, struct mux *m, const struct node *n, char *value);
/* NULL: nobody does */
char *mux_text(const struct emitter *e, const struct mux *m, int width);

/* A register gets a value: by no two ways at once, if anybody will see what it was. */
void set_register(struct emitter *e, const char *name, int width, const char *when, char *value);

void declare_net(struct emitter *e, int width, const char *name);
char *value_text(struct emitter *e, int node, int width, int region, int cycle);
char *guard_text(struct emitter *e, const struct node *n);
char *active_text(const struct emitter *e, const struct node *n);
char *enable_text(const struct emitter *e, const struct node *n);
char *and_text(const char *a, const char *b);
void or_into(char **list, const char *term);
const char *port_name(const char *name, struct place where);

void emit(struct process *p, FILE *out);

/* registers.c: what emission has read decides which values share a register. */
void register_use(struct emitter *e, int node, int state);
void share_registers(struct emitter *e);
/* The node whose low bits a value is, all of its own and no others; NONE: something else. */
int copied(const struct process *p, int node, int width);

/* emit_memory.c */
void emit_memories(struct emitter *e);
void emit_promises(struct emitter *e);
char *memory_output(struct emitter *e, const struct node *load);
#endif
