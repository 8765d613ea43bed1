/* What an accelerator's cycles went to, as a table and as JSON. */
#ifndef ADAFIRE_SHOW_PROFILE_H
#define ADAFIRE_SHOW_PROFILE_H

#include "run/run.h"

#include <stdio.h>

/* Means per sample; totals->profile has samples. */
void show_profile(FILE *to, const struct af_model *model, const struct run_totals *totals);
/* "profile": {...}, with ", " behind it. */
void show_profile_json(FILE *to, const struct af_model *model, const struct run_totals *totals);

#endif
