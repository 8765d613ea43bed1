/* How the inputs of each layer go together, from the ANN on the calibration samples. */
#ifndef ADAFIRE_MOMENTS_H
#define ADAFIRE_MOMENTS_H

#include "convert/journal.h"
#include "convert/reference.h"

/* Fills in the statistics' rounding (rounding.h). */
int reference_measure_inputs(struct reference *ref, int threads, struct journal *journal);

#endif
