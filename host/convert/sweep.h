/* Measures candidates for each population, the others as they are set. */
#ifndef ADAFIRE_SWEEP_H
#define ADAFIRE_SWEEP_H

#include "convert/frontier.h"
#include "convert/journal.h"
#include "convert/rehearsal.h"

/* Puts candidate k into the population's setting; false if it has no such candidate. */
typedef bool candidate_fn(struct recipe *recipe, int population, int k);

struct sweep {
    struct journal *journal;
    const char *phase;
    double begin, end; /* of the phase's progress */
    candidate_fn *apply;
    double limit;    /* candidates grow worse: stop where they add more than this */
    const int *near; /* [candidates.populations]: only candidates this close, NULL: all */
};

/* Measures every candidate of every population, the others as they are set. */
int sweep_measure(struct recipe *recipe, const struct sweep *sweep, struct candidates *t);
/* The sensitivity of the network as it is set, on all calibration samples. */
int sweep_network(struct recipe *recipe, double *sensitivity);

#endif
