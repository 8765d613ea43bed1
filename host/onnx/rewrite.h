/* Piecewise linear operators as sums of ReLUs, and other operators as several simpler ones, which
 * is what the converter knows. */
#ifndef ADAFIRE_REWRITE_H
#define ADAFIRE_REWRITE_H

#include "onnx/graph.h"

/* Rewrites nodes that depend on the graph's inputs, in float:
 *
 *     LeakyRelu, PRelu    relu(x) - slope * relu(-x)
 *     Abs                 relu(x) + relu(-x)
 *     Clip to [a, b]      a + clip(x - a, 0, b - a);  b - relu(b - x) without a lower bound
 *     HardSigmoid         clip(alpha x + beta, 0, 1)
 *     Max, Min            y + relu(x - y),  y - relu(y - x), one operand after the other
 *     Sum, Mean           of several: one Add after the other
 *
 *     Cast, CastLike to floats       the numbers themselves
 *     Quantize, Dequantize-Linear    of the data: the numbers themselves, cut to what codes say
 *
 * New nodes have the old one's name. Clip to [0, x] stays as it is. What was rounded to
 * codes is not, here: the outputs are those of the network before that. */
int graph_rewrite(struct graph *graph, const char *name);

#endif
