/* A choice as text: who drives a shared port, or what a register is set to. */
#ifndef HLSC_MUX_H
#define HLSC_MUX_H
#include <stdbool.h>

/* By stage or state, and by guard where several share a cycle. */
struct mux {
    struct mux_way {
        char *active, *guard, *value; /* guard NULL: always */
    } *way;
    int ways, capacity;
};

void mux_add(struct mux *m, char *active, char *guard, char *value);
/* Only one is active; NULL: there is none. Small look-up tables hold twice as much of a sum of
 * products as of a chain of choices. */
char *mux_text(const struct mux *m, int width, bool small_tables);
#endif
