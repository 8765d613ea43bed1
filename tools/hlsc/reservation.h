/* Which port of a memory or stream is taken in which cycle. */
#ifndef HLSC_RESERVATION_H
#define HLSC_RESERVATION_H
#include "process.h"

struct reservation {
    const struct process *p;
    int ii;               /* ports are shared by cycle modulo II; 0: nothing repeats */
    int *busy, busy_size; /* heads of the chains of who uses which port when */
    struct use {
        int key, node, next;
    } *use;
    int uses, capacity;
};

struct reservation reservation_new(const struct process *p, int nodes); /* room for so many */
void reservation_clear(struct reservation *r, int ii);
bool needs_port(const struct process *p, const struct node *n);
/* Is there a port for the node in this cycle? *port says which. */
bool port_free(const struct reservation *r, const struct node *n, int cycle, int *port);
void occupy(struct reservation *r, int node, int cycle);
#endif
