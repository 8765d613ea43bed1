#include "network/network.h"

#include "base/error.h"
#include "onnx/execute.h"
#include "onnx/matrix.h"
#include "onnx/quantiser.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void network_free(struct network *net)
{
    if (!net)
        return;
    for (int i = 0; i < net->population_count; i++) {
        struct population *p = &net->population[i];
        for (int k = 0; k < p->projection_count; k++) {
            wiring_free(&p->projection[k].wiring);
            free(p->projection[k].weight);
        }
        free(p->projection);
        free(p->name);
        free(p->bias);
        free(p->order);
        free(p->unit);
    }
    texts_free(&net->notes);
    free(net->population);
    free(net);
}

int64_t network_neurons(const struct population *p)
{
    return (int64_t)p->shape[0] * p->shape[1] * p->shape[2];
}

bool network_fires(enum af_kind kind)
{
    return kind == AF_RELU || kind == AF_LINEAR;
}

int64_t network_macs(const struct network *net, int64_t *first)
{
    int64_t all = 0;
    *first = 0;
    for (int i = 0; i < net->population_count; i++) {
        const struct population *p = &net->population[i];
        for (int k = 0; k < p->projection_count; k++) {
            const struct wiring *w = &p->projection[k].wiring;
            if (!p->projection[k].weight || p->projection[k].rest || wiring_is_channelwise(w))
                continue; /* a shortcut adds, it does not multiply */
            const int64_t weights = wiring_weights(w);
            int64_t macs = 0;
            for (int64_t j = 0; j < weights; j++)
                macs += p->projection[k].weight[j] != 0;
            macs *= (int64_t)w->block[1] * w->block[2];
            all += macs;
            *first += w->source == 0 ? macs : 0;
        }
    }
    return all;
}

/* ---- The ANN ------------------------------------------------------------------------------- */

/* Whether the view is the source's channels as they are. */
static bool is_copy(const struct wiring *w)
{
    return !wiring_has_pool(w) && w->up[0] == 1 && w->up[1] == 1;
}

static void view_of(const struct wiring *w, const float *source, const int shape[3], float *view)
{
    int upsampled[2] = {shape[1] * w->up[0], shape[2] * w->up[1]};
    const size_t area = (size_t)shape[1] * (size_t)shape[2];
    for (int i = 0; is_copy(w) && i < w->channels; i++)
        memcpy(view + (size_t)i * area, source + (size_t)w->map[i] * area, area * sizeof *view);
    for (int i = 0; !is_copy(w) && i < w->channels; i++) {
        const float *map = source + (int64_t)w->map[i] * shape[1] * shape[2];
        for (int y = 0; y < w->view[0]; y++)
            for (int x = 0; x < w->view[1]; x++) {
                float sum = 0;
                for (int a = 0; a < w->pool[0]; a++) {
                    int uy = y * w->pool_stride[0] + a - w->pool_before[0];
                    if (uy < 0 || uy >= upsampled[0])
                        continue;
                    for (int b = 0; b < w->pool[1]; b++) {
                        int ux = x * w->pool_stride[1] + b - w->pool_before[1];
                        if (ux >= 0 && ux < upsampled[1])
                            sum += map[uy / w->up[0] * shape[2] + ux / w->up[1]];
                    }
                }
                *view++ = sum;
            }
    }
}

/* The view's cell that output (y, x) sees through tap (ky, kx), or -1. */
static int64_t tap_cell(const struct wiring *w, int y, int x, int ky, int kx)
{
    int vy = y * w->stride[0] + ky * w->dilation[0] - w->before[0];
    int vx = x * w->stride[1] + kx * w->dilation[1] - w->before[1];
    bool inside = vy >= 0 && vy < w->view[0] && vx >= 0 && vx < w->view[1];
    return inside ? (int64_t)vy * w->view[1] + vx : -1;
}

/* What the outputs of row y see through tap (ky, kx). */
static void column_row(const struct wiring *w, const float *map, int y, int ky, int kx,
                       float *restrict column)
{
    int vy = y * w->stride[0] + ky * w->dilation[0] - w->before[0];
    int vx = kx * w->dilation[1] - w->before[1], stride = w->stride[1], x = 0;
    const float *row = map + (int64_t)vy * w->view[1];
    bool inside = vy >= 0 && vy < w->view[0];
    for (; x < w->block[2] && (!inside || vx < 0); x++, vx += stride)
        column[x] = 0;
    int end = vx < w->view[1] ? x + (w->view[1] - vx - 1) / stride + 1 : x;
    if (end > w->block[2])
        end = w->block[2];
    if (stride == 1 && end > x)
        memcpy(column + x, row + vx, (size_t)(end - x) * sizeof *column);
    for (int i = x; stride > 1 && i < end; i++)
        column[i] = row[vx + (i - x) * stride];
    for (x = end > x ? end : x; x < w->block[2]; x++)
        column[x] = 0;
}

static void columns_of(const struct wiring *w, const float *view, int group, float *column)
{
    int fan_in = wiring_fan_in(w);
    int64_t area = (int64_t)w->view[0] * w->view[1];
    for (int j = 0; j < fan_in; j++) {
        const float *map = view + (group * fan_in + j) * area;
        for (int ky = 0; ky < w->kernel[0]; ky++)
            for (int kx = 0; kx < w->kernel[1]; kx++)
                for (int y = 0; y < w->block[1]; y++, column += w->block[2])
                    column_row(w, map, y, ky, kx, column);
    }
}

int network_patches(const struct network *net, int population, int projection, float *const *value,
                    int64_t count, const int64_t *at, float *patch)
{
    const struct wiring *w = &net->population[population].projection[projection].wiring;
    int64_t area = (int64_t)w->view[0] * w->view[1];
    float *view = malloc((size_t)(w->channels * area) * sizeof *view);
    if (!view)
        return af_fail(AF_NO_MEMORY, "no memory for a layer");
    view_of(w, value[w->source], net->population[w->source].shape, view);
    for (int64_t n = 0; n < count; n++) {
        int y = (int)(at[n] / w->block[2]), x = (int)(at[n] % w->block[2]);
        for (int i = 0; i < w->channels; i++)
            for (int ky = 0; ky < w->kernel[0]; ky++)
                for (int kx = 0; kx < w->kernel[1]; kx++) {
                    int64_t cell = tap_cell(w, y, x, ky, kx);
                    *patch++ = cell >= 0 ? view[i * area + cell] : 0;
                }
    }
    free(view);
    return AF_OK;
}

/* One weight for each channel, as shortcuts have it. */
static bool add_shortcut(const struct projection *p, const float *source, const int shape[3],
                         const int to_shape[3], float *to)
{
    const struct wiring *w = &p->wiring;
    const int64_t area = (int64_t)shape[1] * shape[2];
    if (!wiring_is_channelwise(w) || !is_copy(w) || w->stride[0] != 1 || w->stride[1] != 1 ||
        w->before[0] || w->before[1] || memcmp(w->block, to_shape, sizeof w->block) != 0 ||
        w->block[1] != shape[1] || w->block[2] != shape[2])
        return false;
    for (int c = 0; c < w->channels; c++, to += area) {
        const float *from = source + w->map[c] * area, weight = p->weight[c];
        for (int64_t j = 0; j < area; j++)
            to[j] += weight * from[j];
    }
    return true;
}

static int add_projection(const struct projection *p, const float *source, const int shape[3],
                          const int to_shape[3], float *to)
{
    const struct wiring *w = &p->wiring;
    int64_t row = wiring_row(w), area = (int64_t)w->block[1] * w->block[2];
    int per = w->block[0] / w->groups;
    if (add_shortcut(p, source, shape, to_shape, to))
        return AF_OK;
    float *view = malloc((size_t)w->channels * (size_t)(w->view[0] * w->view[1]) * sizeof *view);
    float *column = malloc((size_t)(row * area) * sizeof *column);
    float *sum = malloc((size_t)(per * area) * sizeof *sum);
    int status = AF_OK;
    if (!view || !column || !sum) {
        status = af_fail(AF_NO_MEMORY, "no memory for a layer");
        goto out;
    }
    view_of(w, source, shape, view);
    for (int g = 0; g < w->groups; g++) {
        columns_of(w, view, g, column);
        matrix_multiply(per, area, row, p->weight + g * per * row, column, false, sum);
        for (int o = 0; o < per; o++)
            for (int y = 0; y < w->block[1]; y++) {
                int64_t at = ((int64_t)(w->at[0] + g * per + o) * to_shape[1] + w->at[1] +
                              y * w->spread[0]) *
                                 to_shape[2] +
                             w->at[2];
                const float *from = sum + o * area + (int64_t)y * w->block[2];
                for (int x = 0; x < w->block[2]; x++)
                    to[at + (int64_t)x * w->spread[1]] += from[x];
            }
    }
out:
    free(view);
    free(column);
    free(sum);
    return status;
}

static void relay(const struct wiring *w, const float *source, const int shape[3], float *to)
{
    int width = shape[2] * w->up[1];
    for (int c = 0; c < w->channels; c++) {
        const float *map = source + (int64_t)w->map[c] * shape[1] * shape[2];
        for (int y = 0; y < w->block[1]; y++)
            for (int x = 0; x < w->block[2]; x++) {
                float most = -INFINITY;
                for (int ky = 0; ky < w->kernel[0]; ky++)
                    for (int kx = 0; kx < w->kernel[1]; kx++) {
                        int64_t cell = tap_cell(w, y, x, ky, kx);
                        if (cell >= 0)
                            most = fmaxf(
                                most,
                                map[cell / width / w->up[0] * shape[2] + cell % width / w->up[1]]);
                    }
                *to++ = isinf(most) ? 0 : most;
            }
    }
}

int network_note(struct network *net, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const int status = texts_add_once(&net->notes, format, args);
    va_end(args);
    return status;
}

int network_first_output(const struct network *net)
{
    int p = 0;
    while (net->population[p].kind != AF_OUTPUT)
        p++;
    return p;
}

int network_answer(const struct network *net)
{
    return net->answer ? net->answer : network_first_output(net);
}

float **network_values(const struct network *net)
{
    float **value = calloc((size_t)net->population_count, sizeof *value);
    for (int p = 0; value && p < net->population_count; p++) {
        value[p] = calloc((size_t)network_neurons(&net->population[p]), sizeof **value);
        if (!value[p]) {
            network_values_free(net, value);
            return NULL;
        }
    }
    return value;
}

void network_values_free(const struct network *net, float **value)
{
    for (int p = 0; value && p < net->population_count; p++)
        free(value[p]);
    free(value);
}

int network_current(const struct network *net, int population, float *const *value, float *current)
{
    const struct population *p = &net->population[population];
    int status = AF_OK;
    memcpy(current, p->bias, (size_t)network_neurons(p) * sizeof *current);
    for (int k = 0; !status && k < p->projection_count; k++) {
        int source = p->projection[k].wiring.source;
        status = add_projection(&p->projection[k], value[source], net->population[source].shape,
                                p->shape, current);
    }
    return status;
}

int network_forward(const struct network *net, float *const *value)
{
    for (int i = 1; i < net->population_count; i++) {
        const struct population *p = &net->population[i];
        int64_t n = network_neurons(p);
        float *v = value[i];
        if (p->kind == AF_MAXPOOL) {
            const struct wiring *w = &p->projection[0].wiring;
            relay(w, value[w->source], net->population[w->source].shape, v);
            continue;
        }
        int status = network_current(net, i, value, v);
        if (status)
            return status;
        for (int64_t j = 0; p->step > 0 && j < n; j++)
            v[j] = fake_quantise(v[j], p->step, p->low, p->high);
        for (int64_t j = 0; p->kind == AF_RELU && j < n; j++)
            v[j] = !(v[j] > 0) ? 0 : v[j] < p->ceiling ? v[j] : p->ceiling;
    }
    return AF_OK;
}
