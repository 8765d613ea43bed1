#include "wiring.h"

#include "error.h"

#include <stdlib.h>
#include <string.h>

int wiring_identity(struct wiring *w, int source, const int shape[3])
{
    *w = (struct wiring){
        .source = source,
        .channels = shape[0],
        .up = {1, 1},
        .pool = {1, 1},
        .pool_stride = {1, 1},
        .view = {shape[1], shape[2]},
        .groups = shape[0],
        .kernel = {1, 1},
        .stride = {1, 1},
        .dilation = {1, 1},
        .block = {shape[0], shape[1], shape[2]},
    };
    w->map = malloc((size_t)shape[0] * sizeof *w->map);
    if (!w->map)
        return af_fail(AF_NO_MEMORY, "no memory for %d channels", shape[0]);
    for (int i = 0; i < shape[0]; i++)
        w->map[i] = i;
    return AF_OK;
}

int wiring_copy(struct wiring *to, const struct wiring *from)
{
    *to = *from;
    to->map = malloc((size_t)from->channels * sizeof *to->map);
    if (!to->map)
        return af_fail(AF_NO_MEMORY, "no memory for %d channels", from->channels);
    memcpy(to->map, from->map, (size_t)from->channels * sizeof *to->map);
    return AF_OK;
}

void wiring_free(struct wiring *w)
{
    free(w->map);
    w->map = NULL;
}

int64_t wiring_row(const struct wiring *w)
{
    return (int64_t)wiring_fan_in(w) * w->kernel[0] * w->kernel[1];
}

int64_t wiring_weights(const struct wiring *w)
{
    return w->block[0] * wiring_row(w);
}

bool wiring_is_channelwise(const struct wiring *w)
{
    return w->kernel[0] == 1 && w->kernel[1] == 1 && w->groups == w->channels &&
           w->block[0] == w->channels;
}

bool wiring_has_pool(const struct wiring *w)
{
    return w->pool[0] != 1 || w->pool[1] != 1 || w->pool_stride[0] != 1 || w->pool_stride[1] != 1 ||
           w->pool_before[0] != 0 || w->pool_before[1] != 0;
}

/* What a hostile file may make a reader of wirings do; many times what networks need. */
enum {
    AXIS_MOST = 1 << 20,
    AXIS_WORK_MOST = 1 << 26,
    POOL_WORK_MOST = 1 << 30,
    VIEW_MOST = 1 << 28,
    WEIGHTS_MOST = 1 << 30
};

static bool in_range(int v, int least, int most)
{
    return v >= least && v <= most;
}

int wiring_check(const struct wiring *w, const int source[3], const int destination[3])
{
    const int most = 1 << 16;
    bool good = w->map && in_range(w->channels, 1, most) && in_range(w->groups, 1, w->channels) &&
                w->channels % w->groups == 0 && in_range(w->block[0], 1, destination[0]) &&
                w->block[0] % w->groups == 0;
    for (int a = 0; good && a < 3; a++)
        good = in_range(w->block[a], 1, destination[a]) &&
               in_range(w->at[a], 0, destination[a] - w->block[a]);
    for (int a = 0; good && a < 2; a++)
        good = in_range(w->up[a], 1, most) && in_range(w->pool[a], 1, most) &&
               in_range(w->pool_stride[a], 1, most) && in_range(w->pool_before[a], -most, most) &&
               in_range(w->view[a], 1, most) && in_range(w->kernel[a], 1, most) &&
               in_range(w->stride[a], 1, most) && in_range(w->dilation[a], 1, most) &&
               in_range(w->before[a], -most, most);
    if (!good)
        return af_fail(AF_BAD_FILE, "a projection's geometry is out of range");
    for (int i = 0; i < w->channels; i++)
        if (!in_range(w->map[i], 0, source[0] - 1))
            return af_fail(AF_BAD_FILE, "a projection reads a channel that its source lacks");
    int64_t cells = w->channels, windows = w->channels;
    for (int a = 0; a < 2; a++) {
        int64_t up = (int64_t)source[a + 1] * w->up[a], block = w->block[a + 1];
        /* Without pooling the view is its whole source. */
        if (!wiring_has_pool(w) && w->view[a] != up)
            return af_fail(AF_BAD_FILE, "a projection's view does not fit its source");
        int64_t window = (block - 1) * w->stride[a] + (int64_t)(w->kernel[a] - 1) * w->dilation[a];
        if (up > AXIS_MOST || window >= AXIS_MOST ||
            block * w->kernel[a] * w->pool[a] > AXIS_WORK_MOST)
            return af_fail(AF_UNSUPPORTED, "a projection's geometry is too large");
        cells *= w->view[a];
        windows *= window + 1;
    }
    if (cells > VIEW_MOST || windows > VIEW_MOST || cells * w->pool[0] > POOL_WORK_MOST ||
        cells * w->pool[0] * w->pool[1] > POOL_WORK_MOST || wiring_row(w) > INT32_MAX ||
        wiring_weights(w) > WEIGHTS_MOST)
        return af_fail(AF_UNSUPPORTED, "a projection is too large");
    return AF_OK;
}

/* For one axis: fanout[i] = (position, tap) pairs of the block that source index i reaches. */
static void axis_fanout(const struct wiring *w, int axis, int size, int64_t *fanout)
{
    memset(fanout, 0, (size_t)size * sizeof *fanout);
    int upsampled = size * w->up[axis];
    for (int o = 0; o < w->block[axis + 1]; o++)
        for (int k = 0; k < w->kernel[axis]; k++) {
            int64_t v =
                (int64_t)o * w->stride[axis] + (int64_t)k * w->dilation[axis] - w->before[axis];
            if (v < 0 || v >= w->view[axis])
                continue;
            for (int a = 0; a < w->pool[axis]; a++) {
                int64_t u = v * w->pool_stride[axis] + a - w->pool_before[axis];
                if (u >= 0 && u < upsampled)
                    fanout[u / w->up[axis]]++;
            }
        }
}

void wiring_position_fanout(const struct wiring *w, const int source[3], int64_t *fanout)
{
    int height = source[1], width = source[2];
    int64_t *rows = malloc((size_t)(height + width) * sizeof *rows);
    if (!rows) {
        memset(fanout, 0, (size_t)height * (size_t)width * sizeof *fanout);
        return;
    }
    int64_t *cols = rows + height;
    axis_fanout(w, 0, height, rows);
    axis_fanout(w, 1, width, cols);
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++)
            fanout[(int64_t)y * width + x] = rows[y] * cols[x];
    free(rows);
}

void wiring_channel_fanout(const struct wiring *w, int source_channels, int64_t *fanout)
{
    memset(fanout, 0, (size_t)source_channels * sizeof *fanout);
    for (int i = 0; i < w->channels; i++)
        fanout[w->map[i]] += w->block[0] / w->groups;
}
