/* Counters that run one round ahead. */
#ifndef HLSC_AHEAD_H
#define HLSC_AHEAD_H
#include "process.h"

/* `i + 1 < n` decides whether a loop goes on; with i + 1 in a register of its own, addition and
 * comparison need not fit one cycle together. */
void count_ahead(struct process *p, int region);
#endif
