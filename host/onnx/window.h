/* The windows of convolutions and poolings. */
#ifndef ADAFIRE_WINDOW_H
#define ADAFIRE_WINDOW_H

#include "onnx/graph.h"

/* A window that slides over the last two axes (1-D: height 1). */
struct window {
    int kernel[2], stride[2], dilation[2];
    int before[2], after[2]; /* padding; may not be negative */
    int out[2];              /* positions */
};
/* From kernel_shape, strides, dilations, pads, auto_pad and ceil_mode of a Conv or pool node over
 * an input of rank 3 or 4. `kernel` holds the kernel's size if the node has no kernel_shape. */
int window_of(const struct node *node, const struct tensor *x, const int64_t *kernel,
              struct window *w);
/* Of a ConvTranspose: each position of the input adds the kernel to the output, `stride` apart;
 * `before` and `after` are cut off, and `out` is the output's size. */
int transposed_window_of(const struct node *node, const struct tensor *x, const int64_t *kernel,
                         struct window *w);
/* Rank 3 tensors are maps of height 1. */
void map_size(const struct tensor *x, int64_t *height, int64_t *width);

#endif
