/* Searches by measured sensitivity: signed bursts, burst limits (the AdaFire search), and threshold
 * ratios (SSC, Sensitivity Spike Compression). Each population is changed alone, everything else
 * stays; the choice over all populations is a dynamic program that keeps the Pareto frontier.
 *
 * Where this departs from the paper, because it measured better: the search for burst limits starts
 * from burst_desired, near where it ends, not from burst_initial, and goes over the network twice;
 * every candidate has its own bias correction, as it will have in the end; what the choice does as
 * a whole is measured before it is kept; and sensitivity is the divergence of softened outputs. */
#ifndef ADAFIRE_SEARCH_H
#define ADAFIRE_SEARCH_H

#include "convert/journal.h"
#include "convert/recipe.h"

/* The settings come and go with their biases corrected. */
int search_signed(struct recipe *recipe, struct journal *journal);
int search_bursts(struct recipe *recipe, struct journal *journal);
int search_ratios(struct recipe *recipe, struct journal *journal);

#endif
