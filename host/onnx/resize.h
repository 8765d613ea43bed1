/* Resize and Upsample: which elements of the input make an element of the output, axis by axis. */
#ifndef ADAFIRE_RESIZE_H
#define ADAFIRE_RESIZE_H

#include "onnx/graph.h"

enum resize_mode { RESIZE_NEAREST, RESIZE_LINEAR, RESIZE_CUBIC };

struct resize {
    enum resize_mode mode;
    int rank;
    int64_t in[TENSOR_MAX_RANK], out[TENSOR_MAX_RANK];
    double scale[TENSOR_MAX_RANK];
    const char *how, *round_mode; /* coordinate_transformation_mode, nearest_mode; of the node */
    double cubic;                 /* its coefficient a */
    bool exclude_outside;
};
/* From a node and its inputs as constants (input[0]: of that shape). AF_UNSUPPORTED for what no
 * fixed weights say. */
int resize_of(const struct node *node, int opset, const struct tensor *const *input,
              struct resize *r);

/* Elements along an axis, each within it, and what they weigh: 1 together. */
struct taps {
    int count;
    int64_t from[4];
    double weight[4];
};
struct taps resize_taps(const struct resize *r, int axis, int64_t position);

#endif
