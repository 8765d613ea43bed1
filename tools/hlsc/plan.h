/* A region's operations in cycles, for one II. Operations chain within a cycle as long as their
 * delays fit the clock period; pipelined loops are modulo scheduled: iteration i starts at cycle
 * i * II, memory ports and streams are shared by cycle modulo II, and what one iteration hands to
 * the next (phis, memories) bounds II from below. The form is a longest-path fixpoint over
 * difference constraints. */
#ifndef HLSC_PLAN_H
#define HLSC_PLAN_H
#include "dependence.h"
#include "process.h"
#include "reservation.h"

struct plan {
    struct process *p;
    struct region *r;
    int region, ii; /* ii 0: straight code, nothing repeats */
    struct dependences dependences;
    struct reservation ports;
    int last_cycle; /* later is hopeless */
    int culprit;    /* the node that did not fit, NONE: not known */
};

enum outcome { FITS, RECURRENCE, LATE_EXIT };

struct plan plan_new(struct process *p, int region);
enum outcome plan_attempt(struct plan *s, int ii);
#endif
