/* Quantisers of the data: codes, whole numbers, times a scale. */
#ifndef ADAFIRE_QUANTISER_H
#define ADAFIRE_QUANTISER_H

#include "onnx/graph.h"

#include <math.h>

/* An operator of ours, with attributes scale, low and high: a quantiser and back. It stands in
 * graphs that graph_rewrite went through. */
#define FAKE_QUANTISE "FakeQuantise"

/* The value that a quantiser leaves of x: half a code is rounded to even. */
static inline float fake_quantise(float x, float scale, double low, double high)
{
    return (float)fmin(fmax(rint((double)(x / scale)), low), high) * scale;
}

/* The codes of QONNX's Quant of so many bits. AF_UNSUPPORTED says what is not done. */
int quant_range(const struct node *n, double bits, int *low, int *high);

#endif
