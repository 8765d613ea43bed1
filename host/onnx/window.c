#include "onnx/window.h"

#include "base/error.h"

#include <stdlib.h>
#include <string.h>

void map_size(const struct tensor *x, int64_t *height, int64_t *width)
{
    *height = x->rank == 4 ? x->dim[2] : 1;
    *width = x->dim[x->rank - 1];
}

int window_of(const struct node *n, const struct tensor *x, const int64_t *kernel, struct window *w)
{
    if (x->rank != 3 && x->rank != 4)
        return af_fail(AF_UNSUPPORTED, "works on 1-D and 2-D maps; the input has rank %d", x->rank);
    int axes = x->rank - 2, skip = 2 - axes;
    int64_t ks[2], strides[2] = {1, 1}, dilations[2] = {1, 1}, pads[4] = {0}, size[2];
    if (node_ints(n, "kernel_shape", ks, 2) == 0 && kernel)
        memcpy(ks, kernel, (size_t)axes * sizeof *ks);
    else if (node_ints(n, "kernel_shape", ks, 2) != axes)
        return af_fail(AF_BAD_FILE, "kernel_shape does not fit the input's rank");
    int ns = node_ints(n, "strides", strides, 2), nd = node_ints(n, "dilations", dilations, 2);
    int np = node_ints(n, "pads", pads, 4);
    if ((ns && ns != axes) || (nd && nd != axes) || (np && np != 2 * axes))
        return af_fail(AF_BAD_FILE, "strides, dilations or pads do not fit the input's rank");
    const char *auto_pad = node_string(n, "auto_pad", "NOTSET");
    bool ceil_mode = node_int(n, "ceil_mode", 0) != 0;
    map_size(x, &size[0], &size[1]);
    *w = (struct window){{1, 1}, {1, 1}, {1, 1}, {0, 0}, {0, 0}, {1, 1}};
    for (int a = 0; a < axes; a++) {
        const int64_t most = 1 << 20;
        if (ks[a] < 1 || ks[a] > most || strides[a] < 1 || strides[a] > most || dilations[a] < 1 ||
            dilations[a] > most || pads[a] < 0 || pads[a] > most || pads[axes + a] < 0 ||
            pads[axes + a] > most)
            return af_fail(AF_BAD_FILE, "kernel, stride, dilation or pad is out of range");
        int64_t in = size[a + skip], before = pads[a], after = pads[axes + a], out;
        int64_t extent = (ks[a] - 1) * dilations[a] + 1;
        if (strncmp(auto_pad, "SAME", 4) == 0) {
            out = (in + strides[a] - 1) / strides[a];
            int64_t total = (out - 1) * strides[a] + extent - in;
            total = total > 0 ? total : 0;
            before = strcmp(auto_pad, "SAME_LOWER") == 0 ? total - total / 2 : total / 2;
            after = total - before;
        } else {
            if (strcmp(auto_pad, "VALID") == 0)
                before = after = 0;
            int64_t span = in + before + after - extent;
            if (span < 0)
                return af_fail(AF_BAD_FILE, "the window of %lld is larger than the map of %lld",
                               (long long)extent, (long long)(in + before + after));
            out = (span + (ceil_mode ? strides[a] - 1 : 0)) / strides[a] + 1;
            /* A window may not start beyond the map and its leading padding. */
            if (ceil_mode && (out - 1) * strides[a] >= in + before)
                out--;
        }
        int to = a + skip;
        w->kernel[to] = (int)ks[a];
        w->stride[to] = (int)strides[a];
        w->dilation[to] = (int)dilations[a];
        w->before[to] = (int)before;
        w->after[to] = (int)after;
        w->out[to] = (int)out;
    }
    return AF_OK;
}
