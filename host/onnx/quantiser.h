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

/* What a quantiser makes of the data. */
struct codes {
    float step;
    int low, high;
};

/* Of a FAKE_QUANTISE. AF_UNSUPPORTED: no codes that bursts can be. */
int quantiser_codes(const struct node *n, struct codes *codes);
/* Whether a quantiser is all that reads the graph's input: which. */
bool quantiser_of_input(const struct graph *graph, struct codes *codes);

/* What codes a QuantizeLinear makes, which may have a zero point: DTYPE_U8, DTYPE_I8, or what is
 * not done. */
enum dtype quantised_type(const struct node *node, const struct tensor *zero);

/* The codes of QONNX's Quant of so many bits. AF_UNSUPPORTED says what is not done. */
int quant_range(const struct node *n, double bits, int *low, int *high);

#endif
