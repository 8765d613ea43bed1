#include "model/wiring.h"

#include "base/error.h"

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
        .spread = {1, 1},
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
    VIEW_MOST = 1 << 28
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
    for (int a = 0; good && a < 3; a++) {
        const int spread = a ? w->spread[a - 1] : 1;
        good = in_range(w->block[a], 1, destination[a]) && in_range(spread, 1, destination[a]) &&
               in_range(w->at[a], 0, destination[a] - 1) &&
               w->at[a] + (int64_t)(w->block[a] - 1) * spread < destination[a];
    }
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
    if (cells > VIEW_MOST || windows > VIEW_MOST ||
        (int64_t)w->channels * source[1] * source[2] > VIEW_MOST ||
        cells * w->pool[0] > POOL_WORK_MOST || cells * w->pool[0] * w->pool[1] > POOL_WORK_MOST ||
        wiring_row(w) > INT32_MAX || wiring_weights(w) > WEIGHTS_MOST)
        return af_fail(AF_UNSUPPORTED, "a projection is too large");
    return AF_OK;
}

/* For one axis the (block position, tap) pairs that meet each source index. */
struct meetings {
    int32_t *first; /* [size + 1] of the index's taps */
    int32_t *tap;
};

/* The source indices that tap k of the block's position o meets are u / up for u = *first,
 * *first + 1 .. *past - 1. */
static void met_by(const struct wiring *w, int axis, int size, int o, int k, int64_t *first,
                   int64_t *past)
{
    const int64_t v =
        (int64_t)o * w->stride[axis] + (int64_t)k * w->dilation[axis] - w->before[axis];
    const int64_t from = v * w->pool_stride[axis] - w->pool_before[axis], to = from + w->pool[axis],
                  end = (int64_t)size * w->up[axis];
    const bool inside = v >= 0 && v < w->view[axis];
    *first = inside && from > 0 ? from : 0;
    *past = !inside ? 0 : to < end ? to : end;
}

static void count_meetings(const struct wiring *w, int axis, int size, int32_t *count)
{
    int64_t u, past;
    for (int o = 0; o < w->block[axis + 1]; o++)
        for (int k = 0; k < w->kernel[axis]; k++)
            for (met_by(w, axis, size, o, k, &u, &past); u < past; u++)
                count[u / w->up[axis]]++;
}

static void free_meetings(struct meetings *m)
{
    free(m->first);
    free(m->tap);
}

static int find_meetings(const struct wiring *w, int axis, int size, struct meetings *m)
{
    int32_t *filled = calloc((size_t)size + 1, sizeof *filled);
    m->first = calloc((size_t)size + 1, sizeof *m->first);
    if (!m->first || !filled) {
        free(filled);
        return af_fail(AF_NO_MEMORY, "no memory");
    }
    count_meetings(w, axis, size, m->first + 1);
    for (int i = 0; i < size; i++)
        m->first[i + 1] += m->first[i];
    m->tap = malloc(((size_t)m->first[size] + 1) * sizeof *m->tap);
    int64_t u, past;
    for (int o = 0; m->tap && o < w->block[axis + 1]; o++)
        for (int k = 0; k < w->kernel[axis]; k++)
            for (met_by(w, axis, size, o, k, &u, &past); u < past; u++) {
                const int64_t i = u / w->up[axis];
                m->tap[m->first[i] + filled[i]++] = k;
            }
    free(filled);
    return m->tap ? AF_OK : af_fail(AF_NO_MEMORY, "no memory");
}

static bool same_meetings(const struct meetings *m, int i, int j)
{
    const int32_t n = m->first[i + 1] - m->first[i];
    return m->first[j + 1] - m->first[j] == n &&
           memcmp(m->tap + m->first[i], m->tap + m->first[j], (size_t)n * sizeof *m->tap) == 0;
}

/* From the numbers of non-zero weights behind each tap of a view's channel; along: [kernel[1]]. */
static void add_channel(const struct wiring *w, const struct meetings *rows,
                        const struct meetings *columns, const int source[3], const int32_t *taps,
                        int64_t *along, int64_t *line, int64_t *fanout)
{
    for (int y = 0; y < source[1]; y++, fanout += source[2]) {
        /* Rows amid a map meet the same taps. */
        if (y == 0 || !same_meetings(rows, y - 1, y)) {
            memset(along, 0, (size_t)w->kernel[1] * sizeof *along);
            for (int32_t i = rows->first[y]; i < rows->first[y + 1]; i++)
                for (int k = 0; k < w->kernel[1]; k++)
                    along[k] += taps[rows->tap[i] * w->kernel[1] + k];
            for (int x = 0; x < source[2]; x++) {
                line[x] = 0;
                for (int32_t i = columns->first[x]; i < columns->first[x + 1]; i++)
                    line[x] += along[columns->tap[i]];
            }
        }
        for (int x = 0; x < source[2]; x++)
            fanout[x] += line[x];
    }
}

int wiring_add_fanout(const struct wiring *w, const int8_t *weight, const int source[3],
                      int64_t *fanout)
{
    const int taps = w->kernel[0] * w->kernel[1], fan_in = wiring_fan_in(w);
    const int per = w->block[0] / w->groups;
    struct meetings rows = {0}, columns = {0};
    int32_t *nonzero = calloc((size_t)w->channels * (size_t)taps, sizeof *nonzero);
    int64_t *along = malloc((size_t)(w->kernel[1] + source[2]) * sizeof *along);
    int status = nonzero && along ? AF_OK : af_fail(AF_NO_MEMORY, "no memory");
    if (!status)
        status = find_meetings(w, 0, source[1], &rows);
    if (!status)
        status = find_meetings(w, 1, source[2], &columns);
    for (int o = 0; !status && o < w->block[0]; o++) {
        int32_t *to = nonzero + (int64_t)(o / per) * fan_in * taps;
        for (int64_t i = 0; i < (int64_t)fan_in * taps; i++)
            to[i] += *weight++ != 0;
    }
    for (int i = 0; !status && i < w->channels; i++)
        add_channel(w, &rows, &columns, source, nonzero + (int64_t)i * taps, along,
                    along + w->kernel[1], fanout + (int64_t)w->map[i] * source[1] * source[2]);
    free_meetings(&rows);
    free_meetings(&columns);
    free(nonzero);
    free(along);
    return status;
}

double wiring_mean_meetings(const struct wiring *w, const int source[3])
{
    double met[2] = {0};
    int64_t u, past;
    for (int a = 0; a < 2; a++)
        for (int o = 0; o < w->block[a + 1]; o++)
            for (int k = 0; k < w->kernel[a]; k++) {
                met_by(w, a, source[a + 1], o, k, &u, &past);
                met[a] += past > u ? (double)(past - u) / source[a + 1] : 0;
            }
    return met[0] * met[1];
}
