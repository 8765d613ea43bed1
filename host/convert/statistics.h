/* The reference, measured. */
#ifndef ADAFIRE_STATISTICS_H
#define ADAFIRE_STATISTICS_H

#include "convert/journal.h"
#include "convert/reference.h"

/* Runs the ANN over the calibration samples; ref has the network, the data and what a loss is.
 * chances: fill in reference.chance. */
int reference_measure(struct reference *ref, bool chances, int threads, struct journal *journal);
/* And over recordings that can be read anew, each as so many frames: its answers. */
int reference_answer_recordings(struct reference *ref, int frames);

#endif
