/* What `#pragma HLS dependence` promises about the rounds of a loop. */
#ifndef HLSC_PROMISE_H
#define HLSC_PROMISE_H
#include "base.h"
#include "pragmas.h"

struct promises {
    struct promise {
        const char *variable;
        bool inter;   /* between rounds, else within one */
        int distance; /* rounds apart at least; 0: never */
        struct place where;
    } promise[8];
    int count;
};

void promise_add(struct promises *all, const struct pragma *p);
/* NULL: nothing is promised. So it is where there are no promises (all NULL). */
const struct promise *promise_find(const struct promises *all, const char *variable, bool inter);
/* Was it promised that no round needs what another one stores there? */
bool promised(const struct promises *all, const char *variable);
#endif
