/* How many of their 8 bits the weights of a finished model keep. */
#ifndef ADAFIRE_BITS_H
#define ADAFIRE_BITS_H

#include "convert/journal.h"
#include "convert/recipe.h"

/* Notes projections of fewer than 7 bits. AF_UNSUPPORTED if all weights of a neuron became 0 that
 * matter to it. */
int bits_check(const struct recipe *recipe, struct journal *journal);

#endif
