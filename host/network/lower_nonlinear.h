/* ReLUs, maxima, and what may only end a network; as lower_linear.h. */
#ifndef ADAFIRE_LOWER_NONLINEAR_H
#define ADAFIRE_LOWER_NONLINEAR_H

#include "network/lowering.h"

int lower_relu(struct lowering *l, const struct node *n, struct affine *in, struct affine *out);
int lower_max(struct lowering *l, const struct node *n, struct affine *in, struct affine *out);
int lower_tail(struct lowering *l, const struct node *n, const struct affine *in,
               struct affine *out);

#endif
