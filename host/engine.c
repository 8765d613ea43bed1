#include "engine.h"

#include "cpu_kernel.h"
#include "error.h"

#include <stdlib.h>
#include <string.h>

enum { VIEW_LIMIT = 1 << 29 }; /* values of a padded view: hostile geometry ends here */

/* One projection, prepared. */
struct path {
    bool channelwise; /* one weight per channel and tap: no product is worth it */
    bool in_order;    /* the view's channels are the source's first */
    bool plain;       /* the view is the source as it lies in memory */
    int stride;       /* elements of one view cell */
    int rows, cols;   /* of the padded view buffer */
    int offset;       /* added to every view value so that none is negative */
    int planes;       /* of the view: values of more bits than the kernel multiplies are split */
    int most;         /* largest value in a plane */
    int blocks, segments, length;
    ptrdiff_t *segment;  /* [segments] bytes from a window's first cell */
    int8_t *packed;      /* per group: [blocks][segments][length / 4][LANES][4] */
    size_t packed_group; /* bytes of one group */
    int32_t *taps;       /* channelwise: [taps][stride] weights << shift */
};

struct stage {
    int stride; /* of one position */
    int64_t positions;
    struct path *path; /* [input_count] */
    int32_t *base, *threshold;
    float *inverse;
    /* [positions][stride] the current that is the same in every timestep: biases per neuron and
     * what takes off the offsets of views. NULL: there is none, and no analog input to add to it.
     */
    int32_t *steady;
    int32_t *initial; /* potentials, [stride] or [positions][stride]; NULL: zeros */
    bool initial_per_neuron;
    int32_t *fanout;
    bool fanout_per_neuron;
    int flush_after; /* see cpu_kernel.h */
};

struct engine {
    const struct af_model *model;
    const struct kernel *kernel;
    struct stage *stage;
    size_t view_bytes, wide_elements, current_elements;
};

struct lane {
    const struct engine *engine;
    bool analog;
    struct {
        int32_t *potential, *constant, *sums; /* sums: of a relay's source */
        int16_t *sent, *events;
        const int16_t *seen; /* what readers read: events, or a recording */
        struct activity activity;
    } * at;
    uint8_t *view;
    int32_t *wide, *current;
};

static void *aligned(size_t bytes)
{
    size_t size = (bytes + 127) / 64 * 64;
    void *p = aligned_alloc(64, size);
    if (p)
        memset(p, 0, size);
    return p;
}

static int round_up(int v, int to)
{
    return (v + to - 1) / to * to;
}

/* ---- Preparing ----------------------------------------------------------------------------- */

static bool sends_negative(const struct af_model *m, int population)
{
    const struct neurons *p = &m->population[population];
    while (p->kind == AF_MAXPOOL)
        p = &m->population[p->input[0].wiring.source];
    return p->kind != AF_RELU || p->signed_bursts;
}

static void path_free(struct path *p)
{
    free(p->segment);
    free(p->packed);
    free(p->taps);
    memset(p, 0, sizeof *p);
}

static bool channels_in_order(const struct wiring *w)
{
    int i = 0;
    while (i < w->channels && w->map[i] == i)
        i++;
    return i == w->channels;
}

/* Channelwise paths work on 32-bit view values and plain loops over channels. */
static int prepare_channelwise(const struct synapses *s, struct path *p)
{
    const struct wiring *w = &s->wiring;
    int taps = w->kernel[0] * w->kernel[1];
    p->stride = w->channels;
    p->taps = aligned((size_t)taps * (size_t)p->stride * sizeof *p->taps);
    if (!p->taps)
        return af_fail(AF_NO_MEMORY, "no memory for weights");
    for (int c = 0; c < w->channels; c++)
        for (int k = 0; k < taps; k++)
            p->taps[k * p->stride + c] = s->weight[c * taps + k] * (1 << s->shift);
    return AF_OK;
}

static int prepare_product(const struct synapses *s, struct path *p)
{
    const struct wiring *w = &s->wiring;
    int fan_in = wiring_fan_in(w), per = w->block[0] / w->groups;
    bool merged = w->groups == 1 && w->dilation[1] == 1;
    p->stride = round_up(w->channels, 4);
    p->blocks = round_up(per, LANES) / LANES;
    int cell = w->groups == 1 ? p->stride : round_up(fan_in, 4);
    p->length = merged ? w->kernel[1] * cell : cell;
    p->segments = merged ? w->kernel[0] : w->kernel[0] * w->kernel[1];
    p->segment = malloc((size_t)p->segments * sizeof *p->segment);
    p->packed_group = (size_t)p->blocks * (size_t)p->segments * (size_t)p->length * LANES;
    p->packed = aligned(p->packed_group * (size_t)w->groups);
    if (!p->segment || !p->packed)
        return af_fail(AF_NO_MEMORY, "no memory for weights");
    for (int i = 0; i < p->segments; i++) {
        int ky = merged ? i : i / w->kernel[1], kx = merged ? 0 : i % w->kernel[1];
        p->segment[i] =
            ((ptrdiff_t)ky * w->dilation[0] * p->cols + (ptrdiff_t)kx * w->dilation[1]) * p->stride;
    }
    int64_t row = wiring_row(w);
    for (int o = 0; o < w->block[0]; o++) {
        int8_t *group = p->packed + (size_t)(o / per) * p->packed_group;
        int block = o % per / LANES, lane = o % per % LANES;
        for (int j = 0; j < fan_in; j++)
            for (int ky = 0; ky < w->kernel[0]; ky++)
                for (int kx = 0; kx < w->kernel[1]; kx++) {
                    int segment = merged ? ky : ky * w->kernel[1] + kx;
                    int at = merged ? kx * cell + j : j;
                    size_t quad = ((size_t)block * (size_t)p->segments + (size_t)segment) *
                                      (size_t)(p->length / 4) +
                                  (size_t)(at / 4);
                    group[(quad * LANES + (size_t)lane) * 4 + (size_t)(at % 4)] =
                        s->weight[o * row + ((int64_t)j * w->kernel[0] + ky) * w->kernel[1] + kx];
                }
    }
    return AF_OK;
}

/* Cells of the view and its padding along an axis that the block's windows cover. */
static int64_t padded_size(const struct wiring *w, int axis)
{
    return (int64_t)(w->block[axis + 1] - 1) * w->stride[axis] +
           (int64_t)(w->kernel[axis] - 1) * w->dilation[axis] + 1;
}

static int prepare_path(struct engine *e, const struct synapses *s, struct path *p)
{
    const struct wiring *w = &s->wiring;
    path_free(p);
    /* More than CURRENT_LIMIT meets weights of zero only (model_check). */
    int64_t most = (int64_t)model_event_limit(e->model, w->source) * w->pool[0] * w->pool[1];
    if (most > CURRENT_LIMIT)
        most = CURRENT_LIMIT;
    bool negative = sends_negative(e->model, w->source);
    p->channelwise = w->groups == w->channels && w->block[0] == w->channels;
    p->in_order = channels_in_order(w);
    p->plain = p->in_order && !wiring_has_pool(w) && w->up[0] == 1 && w->up[1] == 1;
    p->offset = negative && !p->channelwise ? (int)most : 0;
    int64_t range = negative ? 2 * most : most;
    int bits = e->kernel->value_bits;
    for (p->planes = 1; range >> (bits * p->planes); p->planes++)
        ;
    p->most = p->planes > 1 ? (1 << bits) - 1 : range > 1 ? (int)range : 1;
    int64_t rows = padded_size(w, 0), cols = padded_size(w, 1);
    if (rows > VIEW_LIMIT || cols > VIEW_LIMIT || rows * cols > VIEW_LIMIT / w->channels)
        return af_fail(AF_UNSUPPORTED,
                       "a projection's padded view of %d x %lld x %lld is too large", w->channels,
                       (long long)rows, (long long)cols);
    p->rows = (int)rows;
    p->cols = (int)cols;
    int status = p->channelwise ? prepare_channelwise(s, p) : prepare_product(s, p);
    size_t cells = (size_t)p->rows * (size_t)p->cols * (size_t)p->stride;
    if (!status && p->channelwise)
        e->wide_elements = cells > e->wide_elements ? cells : e->wide_elements;
    else if (cells > e->view_bytes)
        e->view_bytes = cells;
    return status;
}

/* Synaptic operations that one event of each neuron causes. Channels mostly agree: then one number
 * per position will do, which is what the fire loop likes. */
static int prepare_fanout(struct engine *e, int index)
{
    const struct af_model *m = e->model;
    const struct neurons *p = &m->population[index];
    struct stage *st = &e->stage[index];
    int64_t *position = malloc((size_t)st->positions * sizeof *position);
    int64_t *channel = malloc((size_t)p->shape[0] * sizeof *channel);
    int64_t *sum = calloc((size_t)(st->positions * p->shape[0]), sizeof *sum);
    free(st->fanout);
    st->fanout = aligned((size_t)(st->positions * st->stride) * sizeof *st->fanout);
    int status =
        position && channel && sum && st->fanout ? AF_OK : af_fail(AF_NO_MEMORY, "no memory");
    bool uniform = p->kind != AF_LINEAR;
    int64_t most = 1;
    for (int i = index + 1; !status && i < m->population_count; i++)
        for (int k = 0; k < m->population[i].input_count; k++) {
            const struct synapses *s = &m->population[i].input[k];
            if (s->wiring.source != index || !s->weight)
                continue;
            wiring_position_fanout(&s->wiring, p->shape, position);
            wiring_channel_fanout(&s->wiring, p->shape[0], channel);
            for (int64_t j = 0; j < st->positions; j++)
                for (int c = 0; c < p->shape[0]; c++) {
                    sum[j * p->shape[0] + c] += position[j] * channel[c];
                    uniform = uniform && channel[c] == channel[0];
                }
        }
    for (int64_t j = 0; !status && j < st->positions; j++) {
        for (int c = 0; c < p->shape[0]; c++) {
            int64_t n = sum[j * p->shape[0] + c];
            if (!uniform)
                st->fanout[j * st->stride + c] = (int32_t)n;
            most = n > most ? n : most;
        }
        if (uniform)
            st->fanout[j] = (int32_t)sum[j * p->shape[0]];
    }
    st->fanout_per_neuron = !uniform;
    st->flush_after =
        most * BURST_LIMIT * 1024 < INT32_MAX ? 1024 : (int)(INT32_MAX / (most * BURST_LIMIT));
    if (st->flush_after < 1)
        status = af_fail(AF_UNSUPPORTED, "population '%s': one event would cause %lld operations",
                         p->name, (long long)most);
    free(position);
    free(channel);
    free(sum);
    return status;
}

/* Per channel or per neuron, as the lanes have it. */
static int32_t *lay_out(const struct neurons *p, const struct stage *st, const int32_t *values,
                        bool per_neuron)
{
    int64_t positions = per_neuron ? st->positions : 1;
    int32_t *to = aligned((size_t)(positions * st->stride) * sizeof *to);
    for (int64_t j = 0; to && values && j < positions; j++)
        for (int c = 0; c < p->shape[0]; c++)
            to[j * st->stride + c] = values[c * positions + j];
    return to;
}

/* The offset of a view is part of every sum, borders included: projection k's leaves base if that
 * suits all positions, else the steady current. */
static void remove_offset(const struct neurons *p, struct stage *st, int k)
{
    const struct synapses *s = &p->input[k];
    const struct wiring *w = &s->wiring;
    int64_t row = wiring_row(w);
    for (int o = 0; st->path[k].offset && o < w->block[0]; o++) {
        int32_t sum = 0;
        for (int64_t i = 0; i < row; i++)
            sum += s->weight[o * row + i];
        sum = (int32_t)((uint32_t)sum * (uint32_t)st->path[k].offset << s->shift);
        if (!st->steady)
            st->base[o] -= sum;
        for (int y = 0; st->steady && y < w->block[1]; y++)
            for (int x = 0; x < w->block[2]; x++)
                st->steady[((ptrdiff_t)(w->at[1] + y) * p->shape[2] + w->at[2] + x) * st->stride +
                           w->at[0] + o] -= sum;
    }
}

int engine_refresh(struct engine *e, int index)
{
    const struct neurons *p = &e->model->population[index];
    struct stage *st = &e->stage[index];
    if (p->kind == AF_INPUT || p->kind == AF_MAXPOOL)
        return AF_OK;
    bool per_neuron = p->bias_count != p->shape[0], steady = per_neuron;
    for (int c = 0; c < st->stride; c++) {
        bool there = c < p->shape[0];
        st->base[c] = there && !per_neuron ? p->bias[c] : 0;
        st->threshold[c] = there && p->threshold ? p->threshold[c] : STATE_LIMIT;
        st->inverse[c] = 1.0f / (float)st->threshold[c];
    }
    int status = AF_OK;
    for (int k = 0; !status && k < p->input_count; k++) {
        const struct wiring *w = &p->input[k].wiring;
        status = prepare_path(e, &p->input[k], &st->path[k]);
        bool whole = memcmp(w->block, p->shape, sizeof w->block) == 0;
        steady = steady || w->source == 0 || (st->path[k].offset && !whole);
    }
    free(st->steady);
    free(st->initial);
    st->steady = st->initial = NULL;
    if (!status && steady && !(st->steady = lay_out(p, st, per_neuron ? p->bias : NULL, true)))
        status = af_fail(AF_NO_MEMORY, "no memory");
    st->initial_per_neuron = p->initial_count != p->shape[0];
    if (!status && p->initial_count &&
        !(st->initial = lay_out(p, st, p->initial, st->initial_per_neuron)))
        status = af_fail(AF_NO_MEMORY, "no memory");
    for (int k = 0; !status && k < p->input_count; k++)
        remove_offset(p, st, k);
    return status;
}

int engine_make(const struct af_model *m, struct engine **engine)
{
    *engine = NULL;
    struct engine *e = calloc(1, sizeof *e);
    if (!e)
        return af_fail(AF_NO_MEMORY, "no memory");
    e->model = m;
    e->kernel = kernel_choose();
    e->stage = calloc((size_t)m->population_count, sizeof *e->stage);
    int status = e->stage ? AF_OK : af_fail(AF_NO_MEMORY, "no memory");
    for (int i = 0; !status && i < m->population_count; i++) {
        const struct neurons *p = &m->population[i];
        struct stage *st = &e->stage[i];
        st->stride = round_up(p->shape[0], p->kind == AF_INPUT ? 4 : LANES);
        st->positions = (int64_t)p->shape[1] * p->shape[2];
        st->path = calloc((size_t)p->input_count + 1, sizeof *st->path);
        st->base = aligned((size_t)st->stride * sizeof *st->base);
        st->threshold = aligned((size_t)st->stride * sizeof *st->threshold);
        st->inverse = aligned((size_t)st->stride * sizeof *st->inverse);
        if (!st->path || !st->base || !st->threshold || !st->inverse)
            status = af_fail(AF_NO_MEMORY, "no memory");
        size_t elements = (size_t)st->positions * (size_t)st->stride;
        if (elements > e->current_elements)
            e->current_elements = elements;
        for (int k = 0; k < p->input_count; k++) /* one cell at least, for pooling and relays */
            if ((size_t)p->input[k].wiring.channels > e->wide_elements)
                e->wide_elements = (size_t)p->input[k].wiring.channels;
    }
    for (int i = 0; !status && i < m->population_count; i++)
        status = engine_refresh(e, i);
    for (int i = 0; !status && i < m->population_count; i++)
        status = prepare_fanout(e, i);
    if (status)
        engine_free(e);
    else
        *engine = e;
    return status;
}

void engine_free(struct engine *e)
{
    if (!e)
        return;
    for (int i = 0; e->stage && i < e->model->population_count; i++) {
        struct stage *st = &e->stage[i];
        for (int k = 0; st->path && k < e->model->population[i].input_count; k++)
            path_free(&st->path[k]);
        free(st->path);
        free(st->base);
        free(st->threshold);
        free(st->inverse);
        free(st->fanout);
        free(st->steady);
        free(st->initial);
    }
    free(e->stage);
    free(e);
}

int lane_stride(const struct engine *e, int population)
{
    return e->stage[population].stride;
}

/* ---- Lanes --------------------------------------------------------------------------------- */

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
    l->view = aligned(e->view_bytes + 256);
    l->wide = aligned((e->wide_elements + LANES) * sizeof *l->wide);
    l->current = aligned((e->current_elements + 2 * LANES) * sizeof *l->current);
    bool good = l->view && l->wide && l->current;
    for (int i = 0; good && i < n; i++) {
        size_t elements = (size_t)e->stage[i].positions * (size_t)e->stage[i].stride + 2 * LANES;
        enum af_kind kind = e->model->population[i].kind;
        bool fires = kind == AF_RELU || kind == AF_LINEAR;
        good = (l->at[i].events = aligned(elements * sizeof(int16_t))) != NULL;
        l->at[i].seen = l->at[i].events;
        if (fires || kind == AF_OUTPUT)
            good = good && (l->at[i].potential = aligned(elements * 4)) &&
                   (l->at[i].constant = aligned(elements * 4));
        if (kind == AF_RELU || kind == AF_MAXPOOL)
            good = good && (l->at[i].sent = aligned(elements * sizeof(int16_t)));
        if (kind == AF_MAXPOOL)
            good = good && (l->at[i].potential = aligned(elements * 4)) &&
                   (l->at[i].sums = aligned((relay_sums(e, i) + LANES) * 4));
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

/* One channel each, straight from the source: a shortcut. */
static void project_direct(const struct kernel *kernel, const struct neurons *source,
                           const struct wiring *w, const struct path *p, const int16_t *events,
                           int stride, int32_t *to, int to_width, int to_stride)
{
    int height = source->shape[1], width = source->shape[2];
    struct scaling scaling = {.channels = w->channels,
                              .sum_step = to_stride,
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
            scaling.sum = to +
                          ((ptrdiff_t)(w->at[1] + y) * to_width + w->at[2] + first) * to_stride +
                          w->at[0];
            kernel->add_scaled(&scaling);
        }
}

static void project_channelwise(const struct lane *l, const struct wiring *w, const struct path *p,
                                int32_t *to, int to_width, int to_stride)
{
    for (int y = 0; y < w->block[1]; y++)
        for (int x = 0; x < w->block[2]; x++) {
            int32_t *sum =
                to + ((ptrdiff_t)(w->at[1] + y) * to_width + w->at[2] + x) * to_stride + w->at[0];
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
        .c_step = to_stride,
    };
    int rows = w->block[1];
    /* Rows that lie one behind the other in both buffers are one long row. */
    if (w->stride[1] * w->block[2] == p->cols && w->stride[0] == 1 && w->block[2] == to_width) {
        product.rows *= rows;
        rows = 1;
    }
    for (int g = 0; g < w->groups; g++) {
        product.b = p->packed + (size_t)g * p->packed_group;
        for (int y = 0; y < rows; y++) {
            product.a = l->view + (ptrdiff_t)y * w->stride[0] * p->cols * p->stride +
                        (ptrdiff_t)g * (w->groups == 1 ? 0 : wiring_fan_in(w));
            product.c = to + ((ptrdiff_t)(w->at[1] + y) * to_width + w->at[2]) * to_stride +
                        w->at[0] + (ptrdiff_t)g * per;
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

static void begin_population(struct lane *l, int index)
{
    const struct engine *e = l->engine;
    const struct neurons *n = &e->model->population[index];
    const struct stage *st = &e->stage[index];
    int64_t area = st->positions;
    size_t elements = (size_t)area * (size_t)st->stride;
    memset(&l->at[index].activity, 0, sizeof l->at[index].activity);
    l->at[index].seen = l->at[index].events;
    if (l->at[index].sent)
        memset(l->at[index].sent, 0, elements * sizeof(int16_t));
    if (l->at[index].sums)
        memset(l->at[index].sums, 0, relay_sums(e, index) * sizeof(int32_t));
    if (!l->at[index].potential)
        return;
    int32_t *v = l->at[index].potential;
    if (!st->initial)
        memset(v, 0, elements * sizeof *v);
    else if (st->initial_per_neuron)
        memcpy(v, st->initial, elements * sizeof *v);
    for (int64_t j = 0; st->initial && !st->initial_per_neuron && j < area; j++)
        memcpy(v + j * st->stride, st->initial, (size_t)st->stride * sizeof *v);
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

void lane_begin(struct lane *l, int first, int last, const int16_t *counts)
{
    l->analog = counts != NULL;
    if (counts)
        load_input(l, counts);
    memset(&l->at[0].activity, 0, sizeof l->at[0].activity);
    for (int i = first > 0 ? first : 1; i <= last; i++)
        begin_population(l, i);
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
            int fanout = st->fanout[st->fanout_per_neuron ? j * st->stride + c : j];
            a->events += r != 0;
            a->spikes += r;
            a->sops += r ? fanout : 0;
            a->spike_sops += (int64_t)r * fanout;
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
                int32_t fanout = st->fanout[st->fanout_per_neuron ? j * st->stride + c : j];
                a->events += r != 0;
                a->spikes += abs(r);
                a->sops += r ? fanout : 0;
                a->spike_sops += (int64_t)abs(r) * fanout;
            }
        }
}

static void step_output(struct lane *l, int index, const int32_t *current)
{
    const struct stage *st = &l->engine->stage[index];
    int32_t *v = l->at[index].potential;
    const int32_t *constant = st->steady ? l->at[index].constant : NULL;
    for (int64_t j = 0; j < st->positions; j++)
        for (int c = 0; c < st->stride; c++) {
            int64_t at = j * st->stride + c;
            int32_t sum =
                v[at] + st->base[c] + (current ? current[at] : 0) + (constant ? constant[at] : 0);
            v[at] = sum > STATE_LIMIT ? STATE_LIMIT : sum < -STATE_LIMIT ? -STATE_LIMIT : sum;
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
        .current = current,
        .constant = st->steady ? l->at[index].constant : NULL,
        .base = st->base,
        .threshold = st->threshold,
        .inverse = st->inverse,
        .potential = l->at[index].potential,
        .sent = n->signed_bursts && n->kind == AF_RELU ? l->at[index].sent : NULL,
        .events = l->at[index].events,
        .fanout = st->fanout,
        .fanout_per_neuron = st->fanout_per_neuron,
        .flush_after = st->flush_after,
    };
    e->kernel->fire(&f);
    a->spikes += f.spikes;
    a->events += f.event_count;
    a->sops += f.sops;
    a->spike_sops += f.spike_sops;
}

void lane_step(struct lane *l, int first, int last)
{
    for (int i = first > 0 ? first : 1; i <= last; i++)
        step_population(l, i);
}
