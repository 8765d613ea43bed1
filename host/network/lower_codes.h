/* Quantisers of the data (onnx/quantiser.h) as populations. */
#ifndef ADAFIRE_LOWER_CODES_H
#define ADAFIRE_LOWER_CODES_H

#include "network/lowering.h"

/* A population whose bursts are the codes; of an input whose counts are codes already, nothing but
 * another offset. Without to_the_code what is cut off is, nothing is rounded. */
int lower_quantiser(struct lowering *l, const struct node *n, struct affine *in,
                    struct affine *out);

#endif
