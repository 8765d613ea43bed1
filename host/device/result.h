/* What a run of one sample gives. */
#ifndef ADAFIRE_RESULT_H
#define ADAFIRE_RESULT_H

#include "model/model.h"

/* Allocates a result's arrays; `history` timesteps of outputs are kept if it is not 0. */
int result_make(const struct af_model *m, int history, struct af_result *result);
/* Turns accumulated outputs into the mean per timestep, in the graph's order: `sum` holds output
 * population `index`, [channels][height][width], after `steps` timesteps. Returns values written.
 */
int64_t result_output(const struct af_model *m, int index, const int32_t *sum, int steps,
                      float *to);

#endif
