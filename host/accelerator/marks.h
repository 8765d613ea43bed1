/* An accelerator's marks (COMMAND_PROFILE, hw/isa.h) as spans of time (adafire.h). */
#ifndef ADAFIRE_MARKS_H
#define ADAFIRE_MARKS_H

#include "accelerator/program.h"

enum { MARKS_MOST_CORES = 256 };

/* Marks to ask a core for after a run of at most `steps` timesteps; 0: it has none. */
uint32_t marks_wanted(const struct program *p, int steps);
/* of_core: each core's answer, with as many marks; steps: timesteps taken. *profile is NULL if the
 * accelerator has no clock (csim). */
int marks_profile(const struct program *p, const uint32_t *const *of_core, uint32_t marks,
                  int steps, struct af_profile **profile);

#endif
