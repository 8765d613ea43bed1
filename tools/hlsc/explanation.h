/* Why a loop cannot go round more often, in words. */
#ifndef HLSC_EXPLANATION_H
#define HLSC_EXPLANATION_H
#include "process.h"

/* The chain of waiting from a node that leads back to itself, from a variable or memory if there is
 * one. */
char *explain(const struct process *p, int node);
#endif
