/* Which candidate for each population, of what was measured of them: a dynamic program over the
 * populations that keeps the Pareto frontier. */
#ifndef ADAFIRE_FRONTIER_H
#define ADAFIRE_FRONTIER_H

#include "network/network.h"

struct option {
    double sensitivity, energy;
};

/* What was measured of the candidates of each population: option[population][candidate]. */
struct candidates {
    int populations, each; /* candidates of each */
    int *population;       /* [populations] the network's index */
    struct option *option;
    float *ratio; /* [populations] threshold ratios to begin with */
};

/* For every population that fires; nothing is measured yet. */
int candidates_make(const struct network *net, int each, struct candidates *t);
void candidates_free(struct candidates *t);
struct option *candidates_option(const struct candidates *t, int i, int candidate);

/* One candidate per population: least sum of cost with the sum of `limited` within the budget (if
 * nothing is, the least `limited`). by_energy: energy is the limited one, else sensitivity. */
int frontier_choose(const struct candidates *t, bool by_energy, double budget, int *choice);

#endif
