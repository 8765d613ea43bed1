/* Networks whose quantisers (onnx/quantiser.h) are all that fires, in integers. */
#ifndef ADAFIRE_CODES_H
#define ADAFIRE_CODES_H

#include "network/network.h"

/* Chooses the units and shifts with which integers compute the network to the code, and sets coded
 * and wide. The weights of a row are whole multiples of a number (an int8 times a scale); a channel
 * counts in a power of two less than that, so that they stay as they are, and its threshold, one
 * code, is rounded by as little as the bits of a potential allow. Where several projections meet
 * whose scales are no powers of two apart, all but one become several, which are the digits of
 * their weights in that unit. A code can still come out one off where a value lies as near to the
 * middle between two as that rounding: half a code is rounded up here, and by ONNX to even.
 *
 * AF_UNSUPPORTED, with the network spoilt, if not all that fires is a quantiser or the integers do
 * not fit. */
int codes_settle(struct network *net);

/* ANN units of one spike of a population, of an input 1: its weights are for counts. */
double codes_event_value(const struct network *net, int population);

#endif
