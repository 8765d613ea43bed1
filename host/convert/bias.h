/* Bias correction on the integer network: the paper's light and advanced calibration, or by
 * currents. The paper's makes a population send on average what the ANN's does, and where large
 * thresholds swallow small activations it makes others fire for them. By currents it is the readers
 * that are compensated for what does not come, and nobody fires more: mean currents are as the
 * ANN's. Under compression that costs fewer spikes and loses less. */
#ifndef ADAFIRE_BIAS_H
#define ADAFIRE_BIAS_H

#include "convert/journal.h"
#include "convert/rehearsal.h"

/* Quantises all populations for their settings, with new bias corrections. */
int bias_correct(struct recipe *recipe, struct journal *journal);
/* The same by the first samples alone, with nothing to tell. */
int bias_correct_by(struct recipe *recipe, int64_t samples);
/* Corrects the population's bias per channel on its sources' records. */
int bias_correct_population(struct rehearsal *r, int population);

#endif
