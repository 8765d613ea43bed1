#include "engine/lane.h"

#include "base/error.h"
#include "engine/memory.h"
#include "engine/prepared.h"

#include <stdlib.h>
#include <string.h>

struct lane {
    const struct engine *engine;
    bool analog;
    struct {
        int32_t *potential, *constant, *sums; /* sums: of a relay's source */
        int16_t *sent, *events;
        const int16_t *seen; /* what readers read: events, or a recording */
        struct activity activity;
    } *at;
    uint8_t *view;
    int32_t *wide, *current;
};

/* ---- Making --------------------------------------------------------------------------------- */

static size_t relay_sums(const struct engine *e, int index)
{
    const struct neurons *p = &e->model->population[index];
    if (p->kind != AF_MAXPOOL)
        return 0;
    const struct wiring *w = &p->input[0].wiring;
    return (size_t)e->stage[w->source].positions * (size_t)w->channels;
}

size_t lane_size(const struct engine *e)
{
    size_t bytes = e->view_bytes + (e->wide_elements + e->current_elements) * 4;
    for (int i = 0; i < e->model->population_count; i++)
        bytes +=
            (size_t)e->stage[i].positions * (size_t)e->stage[i].stride * 12 + relay_sums(e, i) * 4;
    return bytes;
}

int lane_make(const struct engine *e, struct lane **lane)
{
    *lane = NULL;
    struct lane *l = calloc(1, sizeof *l);
    int n = e->model->population_count;
    if (!l || !(l->at = calloc((size_t)n, sizeof *l->at))) {
        free(l);
        return af_fail(AF_NO_MEMORY, "no memory");
    }
    l->engine = e;
    /* Vector stores and loads may run one block over the end. */
    l->view = engine_memory(e->view_bytes + 256);
    l->wide = engine_memory((e->wide_elements + LANES) * sizeof *l->wide);
    l->current = engine_memory((e->current_elements + 2 * LANES) * sizeof *l->current);
    bool good = l->view && l->wide && l->current;
    for (int i = 0; good && i < n; i++) {
        size_t elements = (size_t)e->stage[i].positions * (size_t)e->stage[i].stride + 2 * LANES;
        enum af_kind kind = e->model->population[i].kind;
        bool fires = kind == AF_RELU || kind == AF_LINEAR;
        good = (l->at[i].events = engine_memory(elements * sizeof(int16_t))) != NULL;
        l->at[i].seen = l->at[i].events;
        if (fires || kind == AF_OUTPUT)
            good = good && (l->at[i].potential = engine_memory(elements * 4)) &&
                   (l->at[i].constant = engine_memory(elements * 4));
        if (kind == AF_RELU || kind == AF_MAXPOOL)
            good = good && (l->at[i].sent = engine_memory(elements * sizeof(int16_t)));
        if (kind == AF_MAXPOOL)
            good = good && (l->at[i].potential = engine_memory(elements * 4)) &&
                   (l->at[i].sums = engine_memory((relay_sums(e, i) + LANES) * 4));
    }
    if (!good) {
        lane_free(l);
        return af_fail(AF_NO_MEMORY, "no memory for an inference of %zu bytes", lane_size(e));
    }
    *lane = l;
    return AF_OK;
}

void lane_free(struct lane *l)
{
    if (!l)
        return;
    for (int i = 0; i < l->engine->model->population_count; i++) {
        free(l->at[i].potential);
        free(l->at[i].constant);
        free(l->at[i].sums);
        free(l->at[i].sent);
        free(l->at[i].events);
    }
    free(l->at);
    free(l->view);
    free(l->wide);
    free(l->current);
    free(l);
}

const int16_t *lane_events(const struct lane *l, int population)
{
    return l->at[population].seen;
}

void lane_set_events(struct lane *l, int population, const int16_t *events)
{
    l->at[population].seen = events ? events : l->at[population].events;
}

const int32_t *lane_potentials(const struct lane *l, int population)
{
    return l->at[population].potential;
}

const struct activity *lane_activity(const struct lane *l, int population)
{
    return &l->at[population].activity;
}

/* ---- Views --------------------------------------------------------------------------------- */

/* The source cell range [*from, *to) (pooled: cells to sum) of view index v along an axis. */
static void source_range(const struct wiring *w, int axis, int v, int size, int *from, int *to)
{
    int64_t low = (int64_t)v * w->pool_stride[axis] - w->pool_before[axis];
    int64_t high = low + w->pool[axis], end = (int64_t)size * w->up[axis];
    bool inside = v >= 0 && v < w->view[axis] && low < end && high > 0;
    *from = inside ? (int)(low < 0 ? 0 : low) : 0;
    *to = inside ? (int)(high > end ? end : high) : 0;
}

/* Sums the source cells of one view cell into sum[channels]. */
static void view_cell(const struct wiring *w, bool in_order, const int16_t *source, int width,
                      int stride, const int rows[2], const int cols[2], int32_t *restrict sum)
{
    memset(sum, 0, (size_t)w->channels * sizeof *sum);
    for (int uy = rows[0]; uy < rows[1]; uy++)
        for (int ux = cols[0]; ux < cols[1]; ux++) {
            const int16_t *from =
                source + ((ptrdiff_t)(uy / w->up[0]) * width + ux / w->up[1]) * stride;
            for (int i = 0; in_order && i < w->channels; i++)
                sum[i] += from[i];
            for (int i = 0; !in_order && i < w->channels; i++)
                sum[i] += from[w->map[i]];
        }
}

/* Plain views, which are most: cells are copied as they lie. What lies beyond the view's channels
 * meets weights of zero. */
static void copy_cells(const struct kernel *kernel, const int16_t *from, int from_stride,
                       uint8_t *to, const struct path *p, int cells, int channels, int plane)
{
    if (p->stride == from_stride) {
        kernel->pack(to, from, cells * p->stride, p->offset, plane);
        return;
    }
    for (int x = 0; x < cells; x++)
        kernel->pack(to + x * p->stride, from + x * from_stride, channels, p->offset, plane);
}

/* The padded view, one byte a value: bits of value + offset, value_bits a plane. */
static void fill_view(const struct lane *l, const struct neurons *source, const struct wiring *w,
                      const struct path *p, const int16_t *events, int stride, int plane)
{
    int height = source->shape[1], width = source->shape[2];
    int bits = l->engine->kernel->value_bits, shift = bits * plane, low = (1 << bits) - 1;
    uint8_t blank = (uint8_t)(p->offset >> shift & low);
    size_t row_bytes = (size_t)p->cols * (size_t)p->stride;
    for (int j = 0; j < p->rows; j++) {
        uint8_t *to = l->view + (size_t)j * row_bytes;
        int rows[2], cols[2], vy = j - w->before[0];
        source_range(w, 0, vy, height, &rows[0], &rows[1]);
        if (rows[0] >= rows[1]) {
            memset(to, blank, row_bytes);
            continue;
        }
        if (p->plain) {
            int first = w->before[1] > 0 ? w->before[1] : 0;
            int skip = w->before[1] < 0 ? -w->before[1] : 0, cells = width - skip;
            if (first > p->cols)
                first = p->cols;
            if (cells > p->cols - first)
                cells = p->cols - first;
            if (cells < 0)
                cells = 0;
            memset(to, blank, (size_t)first * (size_t)p->stride);
            copy_cells(l->engine->kernel, events + ((ptrdiff_t)vy * width + skip) * stride, stride,
                       to + (size_t)first * (size_t)p->stride, p, cells, w->channels, plane);
            size_t used = (size_t)(first + cells) * (size_t)p->stride;
            memset(to + used, blank, row_bytes - used);
            continue;
        }
        for (int i = 0; i < p->cols; i++, to += p->stride) {
            source_range(w, 1, i - w->before[1], width, &cols[0], &cols[1]);
            view_cell(w, p->in_order, events, width, stride, rows, cols, l->wide);
            for (int c = 0; c < w->channels; c++)
                to[c] = (uint8_t)((l->wide[c] + p->offset) >> shift & low);
        }
    }
}

static void fill_wide(const struct lane *l, const struct neurons *source, const struct wiring *w,
                      const struct path *p, const int16_t *events, int stride)
{
    int32_t *to = l->wide;
    for (int j = 0; j < p->rows; j++) {
        int rows[2], cols[2];
        source_range(w, 0, j - w->before[0], source->shape[1], &rows[0], &rows[1]);
        for (int i = 0; i < p->cols; i++, to += p->stride) {
            source_range(w, 1, i - w->before[1], source->shape[2], &cols[0], &cols[1]);
            view_cell(w, p->in_order, events, source->shape[2], stride, rows, cols, to);
        }
    }
}

/* ---- Projections --------------------------------------------------------------------------- */

/* The x for which 0 <= x * stride + shift < size, within [0, *to). */
static void range_inside(int stride, int shift, int size, int *from, int *to)
{
    int below = shift < 0 ? (-shift + stride - 1) / stride : 0;
    int end = size - shift <= 0 ? 0 : (size - shift - 1) / stride + 1;
    *from = below;
    *to = end < *to ? end : *to;
}

/* Where the position (y, x) of the projection's block is in its destination. */
static ptrdiff_t block_at(const struct wiring *w, int y, int x, int to_width, int to_stride)
{
    const ptrdiff_t row = w->at[1] + (ptrdiff_t)y * w->spread[0],
                    column = w->at[2] + (ptrdiff_t)x * w->spread[1];
    return (row * to_width + column) * to_stride + w->at[0];
}

/* One channel each, straight from the source: a shortcut. */
static void project_direct(const struct kernel *kernel, const struct neurons *source,
                           const struct wiring *w, const struct path *p, const int16_t *events,
                           int stride, int32_t *to, int to_width, int to_stride)
{
    int height = source->shape[1], width = source->shape[2];
    struct scaling scaling = {.channels = w->channels,
                              .sum_step = (ptrdiff_t)to_stride * w->spread[1],
                              .from_step = (ptrdiff_t)stride * w->stride[1]};
    for (int y = 0; y < w->block[1]; y++)
        for (int k = 0; k < w->kernel[0] * w->kernel[1]; k++) {
            int vy = y * w->stride[0] + k / w->kernel[1] * w->dilation[0] - w->before[0];
            int shift = k % w->kernel[1] * w->dilation[1] - w->before[1];
            int first, end = w->block[2];
            range_inside(w->stride[1], shift, width, &first, &end);
            if (vy < 0 || vy >= height || first >= end)
                continue;
            scaling.positions = end - first;
            scaling.tap = p->taps + k * p->stride;
            scaling.from = events + ((ptrdiff_t)vy * width + first * w->stride[1] + shift) * stride;
            scaling.sum = to + block_at(w, y, first, to_width, to_stride);
            kernel->add_scaled(&scaling);
        }
}

static void project_channelwise(const struct lane *l, const struct wiring *w, const struct path *p,
                                int32_t *to, int to_width, int to_stride)
{
    for (int y = 0; y < w->block[1]; y++)
        for (int x = 0; x < w->block[2]; x++) {
            int32_t *sum = to + block_at(w, y, x, to_width, to_stride);
            for (int ky = 0; ky < w->kernel[0]; ky++)
                for (int kx = 0; kx < w->kernel[1]; kx++) {
                    const int32_t *from =
                        l->wide + ((ptrdiff_t)(y * w->stride[0] + ky * w->dilation[0]) * p->cols +
                                   x * w->stride[1] + kx * w->dilation[1]) *
                                      p->stride;
                    const int32_t *tap = p->taps + (ky * w->kernel[1] + kx) * p->stride;
                    for (int c = 0; c < w->channels; c++)
                        sum[c] += tap[c] * from[c];
                }
        }
}

static void project_product(const struct lane *l, const struct synapses *s, const struct path *p,
                            int plane, int32_t *to, int to_width, int to_stride, bool add)
{
    const struct wiring *w = &s->wiring;
    int per = w->block[0] / w->groups;
    struct product product = {
        .rows = w->block[2],
        .blocks = p->blocks,
        .segments = p->segments,
        .length = p->length,
        .shift = s->shift + l->engine->kernel->value_bits * plane,
        .add = add,
        .most = p->most,
        .a_step = (ptrdiff_t)w->stride[1] * p->stride,
        .segment = p->segment,
        .c_step = (ptrdiff_t)to_stride * w->spread[1],
    };
    int rows = w->block[1];
    /* Rows that lie one behind the other in both buffers are one long row. */
    if (w->stride[1] * w->block[2] == p->cols && w->stride[0] == 1 && w->block[2] == to_width &&
        w->spread[0] == 1) {
        product.rows *= rows;
        rows = 1;
    }
    for (int g = 0; g < w->groups; g++) {
        product.b = p->packed + (size_t)g * p->packed_group;
        for (int y = 0; y < rows; y++) {
            product.a = l->view + (ptrdiff_t)y * w->stride[0] * p->cols * p->stride +
                        (ptrdiff_t)g * (w->groups == 1 ? 0 : wiring_fan_in(w));
            product.c = to + block_at(w, y, 0, to_width, to_stride) + (ptrdiff_t)g * per;
            l->engine->kernel->multiply(&product);
        }
    }
}

/* Adds what projection k of population `index` carries to `to`; with `fresh`, `to` holds nothing
 * yet and is written whole. */
static void project(const struct lane *l, int index, int k, int32_t *to, bool fresh)
{
    const struct engine *e = l->engine;
    const struct neurons *n = &e->model->population[index];
    const struct synapses *s = &n->input[k];
    const struct wiring *w = &s->wiring;
    const struct path *p = &e->stage[index].path[k];
    const struct neurons *source = &e->model->population[w->source];
    const int16_t *events = l->at[w->source].seen;
    int stride = e->stage[w->source].stride, to_stride = e->stage[index].stride;
    bool whole = memcmp(w->block, n->shape, sizeof w->block) == 0 && w->groups == 1;
    if (fresh && (!whole || p->channelwise))
        memset(to, 0, (size_t)e->stage[index].positions * (size_t)to_stride * sizeof *to);
    if (p->channelwise) {
        if (p->plain) {
            project_direct(e->kernel, source, w, p, events, stride, to, n->shape[2], to_stride);
        } else {
            fill_wide(l, source, w, p, events, stride);
            project_channelwise(l, w, p, to, n->shape[2], to_stride);
        }
        return;
    }
    for (int plane = 0; plane < p->planes; plane++) {
        fill_view(l, source, w, p, events, stride, plane);
        project_product(l, s, p, plane, to, n->shape[2], to_stride, !(fresh && whole) || plane);
    }
}

/* ---- Populations --------------------------------------------------------------------------- */

static void begin_potentials(struct lane *l, int index)
{
    const struct stage *st = &l->engine->stage[index];
    const int64_t area = st->positions;
    const size_t elements = (size_t)area * (size_t)st->stride;
    int32_t *v = l->at[index].potential;
    if (!st->initial)
        memset(v, 0, elements * sizeof *v);
    else if (st->initial_per_neuron)
        memcpy(v, st->initial, elements * sizeof *v);
    for (int64_t j = 0; st->initial && !st->initial_per_neuron && j < area; j++)
        memcpy(v + j * st->stride, st->initial, (size_t)st->stride * sizeof *v);
}

static void begin_population(struct lane *l, int index, bool goes_on)
{
    const struct engine *e = l->engine;
    const struct neurons *n = &e->model->population[index];
    const struct stage *st = &e->stage[index];
    size_t elements = (size_t)st->positions * (size_t)st->stride;
    memset(&l->at[index].activity, 0, sizeof l->at[index].activity);
    l->at[index].seen = l->at[index].events;
    if (l->at[index].sent)
        memset(l->at[index].sent, 0, elements * sizeof(int16_t));
    if (l->at[index].sums)
        memset(l->at[index].sums, 0, relay_sums(e, index) * sizeof(int32_t));
    if (!l->at[index].potential)
        return;
    if (!goes_on || n->kind == AF_OUTPUT || n->kind == AF_MAXPOOL)
        begin_potentials(l, index);
    if (!st->steady)
        return;
    memcpy(l->at[index].constant, st->steady, elements * sizeof *st->steady);
    for (int k = 0; k < n->input_count; k++)
        if (n->input[k].wiring.source == 0 && l->analog)
            project(l, index, k, l->at[index].constant, false);
}

static void load_input(struct lane *l, const int16_t *counts)
{
    const struct neurons *n = &l->engine->model->population[0];
    const struct stage *st = &l->engine->stage[0];
    for (int c = 0; c < n->shape[0]; c++)
        for (int64_t j = 0; j < st->positions; j++)
            l->at[0].events[j * st->stride + c] = counts[c * st->positions + j];
    l->at[0].seen = l->at[0].events;
}

static void begin(struct lane *l, int first, int last, const int16_t *counts, bool goes_on)
{
    l->analog = counts != NULL;
    if (counts)
        load_input(l, counts);
    memset(&l->at[0].activity, 0, sizeof l->at[0].activity);
    for (int i = first > 0 ? first : 1; i <= last; i++)
        begin_population(l, i, goes_on);
}

void lane_begin(struct lane *l, int first, int last, const int16_t *counts)
{
    begin(l, first, last, counts, false);
}

void lane_go_on(struct lane *l, int first, int last, const int16_t *counts)
{
    begin(l, first, last, counts, true);
}

void lane_input(struct lane *l, const int16_t *counts)
{
    const struct stage *st = &l->engine->stage[0];
    struct activity *a = &l->at[0].activity;
    int channels = l->engine->model->population[0].shape[0];
    load_input(l, counts);
    for (int64_t j = 0; j < st->positions; j++)
        for (int c = 0; c < channels; c++) {
            int r = abs(l->at[0].events[j * st->stride + c]);
            int fanout = st->fanout[j * st->stride + c];
            a->events += r != 0;
            a->spikes += r;
            a->sops += r ? fanout : 0;
            a->spike_sops += (int64_t)r * fanout;
            a->adds += (int64_t)additions_of(r) * fanout;
        }
}

/* The relay's source is summed up channel by channel, then each window's largest sum is sent as far
 * as it was not sent before. */
static void step_relay(struct lane *l, int index)
{
    const struct engine *e = l->engine;
    const struct neurons *n = &e->model->population[index];
    const struct wiring *w = &n->input[0].wiring;
    const struct neurons *source = &e->model->population[w->source];
    const struct stage *st = &e->stage[index];
    const int16_t *events = l->at[w->source].seen;
    int channels = w->channels, from_stride = e->stage[w->source].stride;
    int32_t *sums = l->at[index].sums, *sent = l->at[index].potential;
    struct activity *a = &l->at[index].activity;
    for (int64_t j = 0; j < e->stage[w->source].positions; j++)
        for (int c = 0; c < channels; c++)
            sums[j * channels + c] += events[j * from_stride + w->map[c]];
    int32_t *most = l->wide;
    for (int y = 0; y < n->shape[1]; y++)
        for (int x = 0; x < n->shape[2]; x++) {
            bool any = false;
            for (int ky = 0; ky < w->kernel[0]; ky++)
                for (int kx = 0; kx < w->kernel[1]; kx++) {
                    int64_t vy =
                        (int64_t)y * w->stride[0] + (int64_t)ky * w->dilation[0] - w->before[0];
                    int64_t vx =
                        (int64_t)x * w->stride[1] + (int64_t)kx * w->dilation[1] - w->before[1];
                    if (vy < 0 || vy >= w->view[0] || vx < 0 || vx >= w->view[1])
                        continue;
                    const int32_t *from =
                        sums + (vy / w->up[0] * source->shape[2] + vx / w->up[1]) * channels;
                    for (int c = 0; c < channels; c++)
                        most[c] = any && most[c] > from[c] ? most[c] : from[c];
                    any = true;
                }
            int64_t j = (int64_t)y * n->shape[2] + x;
            for (int c = 0; c < channels; c++) {
                int32_t r = any ? most[c] - sent[j * st->stride + c] : 0;
                sent[j * st->stride + c] += r;
                l->at[index].events[j * st->stride + c] = (int16_t)r;
                int32_t fanout = st->fanout[j * st->stride + c];
                a->events += r != 0;
                a->spikes += abs(r);
                a->sops += r ? fanout : 0;
                a->spike_sops += (int64_t)abs(r) * fanout;
                a->adds += (int64_t)additions_of(abs(r)) * fanout;
            }
        }
}

static void step_output(struct lane *l, int index, const int32_t *current)
{
    const struct stage *st = &l->engine->stage[index];
    const int32_t limit = model_state_limit(l->engine->model);
    int32_t *v = l->at[index].potential;
    const int32_t *constant = st->steady ? l->at[index].constant : NULL;
    for (int64_t j = 0; j < st->positions; j++)
        for (int c = 0; c < st->stride; c++) {
            int64_t at = j * st->stride + c;
            /* All of it is within 32 bits, some of it may not be: the offsets of views. */
            uint32_t sum = (uint32_t)v[at] + (uint32_t)st->base[c];
            sum += current ? (uint32_t)current[at] : 0;
            sum += constant ? (uint32_t)constant[at] : 0;
            const int32_t total = (int32_t)sum;
            v[at] = total > limit ? limit : total < -limit ? -limit : total;
        }
}

static void step_population(struct lane *l, int index)
{
    const struct engine *e = l->engine;
    const struct neurons *n = &e->model->population[index];
    const struct stage *st = &e->stage[index];
    if (n->kind == AF_MAXPOOL) {
        step_relay(l, index);
        return;
    }
    int32_t *current = NULL;
    for (int k = 0; k < n->input_count; k++) {
        if (n->input[k].wiring.source == 0 && l->analog)
            continue;
        project(l, index, k, l->current, !current);
        current = l->current;
    }
    if (n->kind == AF_OUTPUT) {
        step_output(l, index, current);
        return;
    }
    struct activity *a = &l->at[index].activity;
    struct firing f = {
        .positions = (int)st->positions,
        .width = st->stride,
        .burst = n->burst,
        .linear = n->kind == AF_LINEAR,
        .below = n->burst_below,
        .limit = model_state_limit(e->model),
        .current = current,
        .constant = st->steady ? l->at[index].constant : NULL,
        .base = st->base,
        .threshold = st->threshold,
        .inverse = st->inverse,
        .potential = l->at[index].potential,
        .sent = n->signed_bursts && n->kind == AF_RELU ? l->at[index].sent : NULL,
        .events = l->at[index].events,
        .fanout = st->fanout,
        .fanout_row = st->fanout_row,
        .flush_after = st->flush_after,
    };
    e->kernel->fire(&f);
    a->spikes += f.spikes;
    a->events += f.event_count;
    a->sops += f.sops;
    a->spike_sops += f.spike_sops;
    a->adds += f.adds;
}

void lane_step(struct lane *l, int first, int last)
{
    for (int i = first > 0 ? first : 1; i <= last; i++)
        step_population(l, i);
}

int lane_stride(const struct engine *e, int population)
{
    return e->stage[population].stride;
}
