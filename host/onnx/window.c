#include "onnx/window.h"

#include "base/error.h"

#include <stdlib.h>
#include <string.h>

void map_size(const struct tensor *x, int64_t *height, int64_t *width)
{
    *height = x->rank == 4 ? x->dim[2] : 1;
    *width = x->dim[x->rank - 1];
}

/* What nodes with a window say of it, by axis of the map; those of 1-D maps are the last. */
struct geometry {
    int axes, skip; /* of a 1-D map the first of two axes is left out */
    int64_t kernel[2], stride[2], dilation[2], pads[4], size[2];
    const char *auto_pad;
};

static int read_geometry(const struct node *n, const struct tensor *x, const int64_t *kernel,
                         struct geometry *g)
{
    if (x->rank != 3 && x->rank != 4)
        return af_fail(AF_UNSUPPORTED, "works on 1-D and 2-D maps; the input has rank %d", x->rank);
    *g = (struct geometry){.axes = x->rank - 2,
                           .skip = 4 - x->rank,
                           .stride = {1, 1},
                           .dilation = {1, 1},
                           .auto_pad = node_string(n, "auto_pad", "NOTSET")};
    if (node_ints(n, "kernel_shape", g->kernel, 2) == 0 && kernel)
        memcpy(g->kernel, kernel, (size_t)g->axes * sizeof *g->kernel);
    else if (node_ints(n, "kernel_shape", g->kernel, 2) != g->axes)
        return af_fail(AF_BAD_FILE, "kernel_shape does not fit the input's rank");
    const int ns = node_ints(n, "strides", g->stride, 2),
              nd = node_ints(n, "dilations", g->dilation, 2);
    const int np = node_ints(n, "pads", g->pads, 4);
    if ((ns && ns != g->axes) || (nd && nd != g->axes) || (np && np != 2 * g->axes))
        return af_fail(AF_BAD_FILE, "strides, dilations or pads do not fit the input's rank");
    const int64_t most = 1 << 20;
    for (int a = 0; a < g->axes; a++)
        if (g->kernel[a] < 1 || g->kernel[a] > most || g->stride[a] < 1 || g->stride[a] > most ||
            g->dilation[a] < 1 || g->dilation[a] > most || g->pads[a] < 0 || g->pads[a] > most ||
            g->pads[g->axes + a] < 0 || g->pads[g->axes + a] > most)
            return af_fail(AF_BAD_FILE, "kernel, stride, dilation or pad is out of range");
    map_size(x, &g->size[0], &g->size[1]);
    return AF_OK;
}

static void set_axis(const struct geometry *g, int a, int64_t before, int64_t after, int64_t out,
                     struct window *w)
{
    const int to = a + g->skip;
    w->kernel[to] = (int)g->kernel[a];
    w->stride[to] = (int)g->stride[a];
    w->dilation[to] = (int)g->dilation[a];
    w->before[to] = (int)before;
    w->after[to] = (int)after;
    w->out[to] = (int)out;
}

static const struct window no_window = {{1, 1}, {1, 1}, {1, 1}, {0, 0}, {0, 0}, {1, 1}};

int window_of(const struct node *n, const struct tensor *x, const int64_t *kernel, struct window *w)
{
    struct geometry g;
    int status = read_geometry(n, x, kernel, &g);
    const bool ceil_mode = node_int(n, "ceil_mode", 0) != 0;
    *w = no_window;
    for (int a = 0; !status && a < g.axes; a++) {
        int64_t in = g.size[a + g.skip], before = g.pads[a], after = g.pads[g.axes + a], out;
        const int64_t extent = (g.kernel[a] - 1) * g.dilation[a] + 1, stride = g.stride[a];
        if (strncmp(g.auto_pad, "SAME", 4) == 0) {
            out = (in + stride - 1) / stride;
            int64_t total = (out - 1) * stride + extent - in;
            total = total > 0 ? total : 0;
            before = strcmp(g.auto_pad, "SAME_LOWER") == 0 ? total - total / 2 : total / 2;
            after = total - before;
        } else {
            if (strcmp(g.auto_pad, "VALID") == 0)
                before = after = 0;
            const int64_t span = in + before + after - extent;
            if (span < 0)
                return af_fail(AF_BAD_FILE, "the window of %lld is larger than the map of %lld",
                               (long long)extent, (long long)(in + before + after));
            out = (span + (ceil_mode ? stride - 1 : 0)) / stride + 1;
            /* A window may not start beyond the map and its leading padding. */
            if (ceil_mode && (out - 1) * stride >= in + before)
                out--;
        }
        set_axis(&g, a, before, after, out, w);
    }
    return status;
}

int transposed_window_of(const struct node *n, const struct tensor *x, const int64_t *kernel,
                         struct window *w)
{
    struct geometry g;
    int64_t more[2] = {0}, shape[TENSOR_MAX_RANK];
    int status = read_geometry(n, x, kernel, &g);
    const int given = node_ints(n, "output_shape", shape, TENSOR_MAX_RANK);
    if (!status && ((node_ints(n, "output_padding", more, 2) % g.axes) ||
                    (given && given != g.axes && given != x->rank)))
        status =
            af_fail(AF_BAD_FILE, "output_padding or output_shape does not fit the input's rank");
    *w = no_window;
    for (int a = 0; !status && a < g.axes; a++) {
        const int64_t in = g.size[a + g.skip], extent = (g.kernel[a] - 1) * g.dilation[a] + 1;
        const int64_t full = (in - 1) * g.stride[a] + extent + more[a];
        int64_t before = g.pads[a], after = g.pads[g.axes + a];
        const bool same = strncmp(g.auto_pad, "SAME", 4) == 0;
        if (same || given) {
            const int64_t want = given ? shape[given - g.axes + a] : in * g.stride[a];
            const int64_t total = full > want ? full - want : 0;
            before = strcmp(g.auto_pad, "SAME_UPPER") == 0 ? total / 2 : total - total / 2;
            after = full - want - before;
        } else if (strcmp(g.auto_pad, "VALID") == 0) {
            before = after = 0;
        }
        const int64_t out = full - before - after;
        if (more[a] < 0 || more[a] > 1 << 20 || out < 1 || out > 1 << 24)
            return af_fail(AF_BAD_FILE, "its output would be %lld long", (long long)out);
        set_axis(&g, a, before, after, out, w);
    }
    return status;
}
