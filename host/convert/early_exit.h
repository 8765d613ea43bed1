/* Input-aware Adaptive Timesteps: limits for every timestep from the calibration samples, as the
 * integers of hw/iat.h. Either the paper's (arXiv 2412.16219), from its knob `a`, or for a
 * tolerated change of answers: then each timestep has the uncertainty at which an early answer is
 * equally likely to be wrong. The paper's limits depend on a timestep's mean entropy only, and low
 * burst limits make early timesteps certain but wrong.
 *
 * A network of event recordings has its limits from recordings, for the ends of their frames
 * (recording.c): what frames show at once comes bit by bit, and unevenly. What a recording should
 * be is then its answer after all timesteps. */
#ifndef ADAFIRE_EARLY_EXIT_H
#define ADAFIRE_EARLY_EXIT_H

#include "convert/journal.h"
#include "convert/recipe.h"
#include "convert/verdict.h"

/* Runs the finished network over the samples: activity, agreement, early exit, and what is
 * lost. */
int early_exit_choose(struct recipe *recipe, struct journal *journal, struct verdict *verdict);

#endif
