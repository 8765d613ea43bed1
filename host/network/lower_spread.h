/* Linear operators whose outputs are more than their inputs: each residue of a position has weights
 * of its own, so each is a convolution, and their results lie between each other (wiring.h:
 * spread). */
#ifndef ADAFIRE_LOWER_SPREAD_H
#define ADAFIRE_LOWER_SPREAD_H

#include "network/lowering.h"

int lower_conv_transpose(struct lowering *l, const struct node *n, struct affine *in,
                         struct affine *out);
/* By weights, linear or cubic; Resize to the nearest moves data. */
int lower_resize(struct lowering *l, const struct node *n, struct affine *in, struct affine *out);
/* Whether a node of that name is one of these. */
bool resizes_by_weights(const struct node *n);

#endif
