/* From float to integers. */
#ifndef ADAFIRE_QUANTISE_H
#define ADAFIRE_QUANTISE_H

#include "convert/recipe.h"

/* The recipe's model, of all populations. `format` is its input format (zero is copied). */
int quantise_begin(struct recipe *recipe, const struct input_format *format);
/* Weights, shifts, scales, thresholds and biases of one population for the current settings. */
int quantise_population(struct recipe *recipe, int index);

#endif
