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
 *     QuantizeLinear, DequantizeLinear, QONNX's Quant   of the data: one FAKE_QUANTISE and the
 *                         numbers themselves, together with a Clip of the codes and a ReLU in front
 *
 * New nodes have the old one's name. Clip to [0, x] stays as it is. FAKE_QUANTISE is ours
 * (attributes scale, low, high): clamp(x / scale rounded half to even, low, high) * scale. */
int graph_rewrite(struct graph *graph, const char *name);

#endif
