/* Guards: the bits that say whether something is done. */
#ifndef HLSC_GUARD_H
#define HLSC_GUARD_H
#include "process.h"

/* Conjunction and disjunction; NONE is "always". */
int guard_and(struct process *p, int a, int b);
int guard_or(struct process *p, int a, int b);
/* Disjunction of at least one; the list is used up. What forked and joins again is found. */
int guard_any(struct process *p, int *guard, int count);
/* Can both never hold at once, by their form? */
bool guards_exclude(const struct process *p, int a, int b);
#endif
