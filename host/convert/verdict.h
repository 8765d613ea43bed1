/* How good a converted network is, on the calibration samples. */
#ifndef ADAFIRE_VERDICT_H
#define ADAFIRE_VERDICT_H

#include "convert/options.h"

#include <stdint.h>

/* What refining thresholds brought (refine.h): divergence from the ANN before and after, on samples
 * that it was not refined by; of none where nothing was refined. */
struct gain {
    int64_t samples;
    double plain, refined;
};

struct verdict {
    double agreement;              /* with the ANN after T timesteps, 0..1; NAN: of no classes */
    double ann_accuracy, accuracy; /* 0..1; NAN without labels */
    double timesteps_mean;         /* with early exit; NAN without it */
    /* As the network will run: expected loss of accuracy (early_exit.c; NAN if it was not measured)
     * and synaptic operations of a sample until it stops. */
    double loss, exit_sops, exit_spike_sops, exit_adds;
    struct gain gain;
};

/* What the goal wants least of. */
double verdict_cost(const struct verdict *v, enum af_goal goal);

#endif
