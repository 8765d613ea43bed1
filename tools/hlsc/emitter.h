/* What the parts of emission share: where the text goes, and values and moments of a process as
 * text. */
#ifndef HLSC_EMITTER_H
#define HLSC_EMITTER_H
#include "mux.h"
#include "process.h"

#include <stdio.h>

struct emitter {
    struct process *p;
    FILE *out; /* modules of initialised memories come before the process's own */
    FILE *declarations, *logic, *clocked, *data, *resets;
    const char **net;
    bool rests;              /* in a simulation a loop that does not run is not evaluated */
    bool small_tables;       /* the target's look-up tables have 4 inputs */
    int states, final_state; /* final_state 0: none, else it waits for the AXI writes to arrive */
    int leaving;             /* the pipelined loop whose results are being read, NONE */
    bool **use;              /* [node][state]: a register is read there; NULL: nowhere */
    int *shared;             /* [node]: number of the register that it shares, 0: its own */
    int *shared_width;
    struct setting {
        const char *name; /* of a register */
        int width;
        struct mux mux; /* guards NULL */
    } *setting;
    int settings, setting_capacity;
    char **comes, **goes; /* [state] conditions */
};

/* kind: reg or wire. */
void declare(struct emitter *e, const char *kind, int width, const char *name);
/* The net that holds a node's value in the cycle in which it is ready. */
const char *net(struct emitter *e, int node);
/* A node's low bits as an expression of exactly `width` bits, as seen from a region (NONE: from
 * behind the loop that is being left) and cycle. */
char *value_text(struct emitter *e, int node, int width, int region, int cycle);
char *guard_text(struct emitter *e, const struct node *n); /* NULL: always */
/* The node's stage or state holds something / and advances. */
char *active_text(const struct emitter *e, const struct node *n);
char *enable_text(const struct emitter *e, const struct node *n);
/* The node drives a shared port with this value. */
void drive(struct emitter *e, struct mux *m, const struct node *n, char *value);
#endif
