/* Preparing a model for the CPU: geometry of the views, packed weights, constants. */
#include "engine/engine.h"

#include "base/error.h"
#include "engine/memory.h"
#include "engine/prepared.h"

#include <stdlib.h>
#include <string.h>

enum { VIEW_LIMIT = 1 << 29 }; /* values of a padded view: hostile geometry ends here */
enum { FRAME_MOST = 64 };      /* cells of an image's border, beyond which views are copied */

static int round_up(int v, int to)
{
    return (v + to - 1) / to * to;
}

static void path_free(struct path *p)
{
    const bool framed = p->framed; /* wirings never change */
    free(p->segment);
    free(p->image_segment);
    engine_memory_free(p->packed);
    engine_memory_free(p->sums);
    engine_memory_free(p->taps);
    memset(p, 0, sizeof *p);
    p->framed = framed;
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
    p->taps = engine_memory((size_t)taps * (size_t)p->stride * sizeof *p->taps);
    if (!p->taps)
        return af_fail(AF_NO_MEMORY, "no memory for weights");
    for (int c = 0; c < w->channels; c++)
        for (int k = 0; k < taps; k++)
            p->taps[k * p->stride + c] = s->weight[c * taps + k] * (1 << s->shift);
    return AF_OK;
}

/* Of the dynamic path: what an offset of 1 of the input's channels adds to each output. */
static int prepare_sums(const struct engine *e, const struct synapses *s, struct path *p)
{
    const struct wiring *w = &s->wiring;
    const int offsets = input_offsets(e), taps = w->kernel[0] * w->kernel[1];
    const int fan_in = wiring_fan_in(w), per = w->block[0] / w->groups;
    const int64_t row = wiring_row(w);
    p->sums = engine_memory((size_t)w->block[0] * (size_t)offsets * sizeof *p->sums);
    if (!p->sums)
        return af_fail(AF_NO_MEMORY, "no memory for weights");
    for (int o = 0; o < w->block[0]; o++)
        for (int j = 0; j < fan_in; j++) {
            const int c = w->map[o / per * fan_in + j];
            int32_t sum = 0;
            for (int k = 0; k < taps; k++)
                sum += s->weight[o * row + (int64_t)j * taps + k];
            int32_t *to = &p->sums[o * offsets + (offsets > 1 ? c : 0)];
            *to = (int32_t)((uint32_t)*to + ((uint32_t)sum << s->shift));
        }
    return AF_OK;
}

static int prepare_product(const struct engine *e, const struct synapses *s, const struct stage *st,
                           struct path *p)
{
    const struct wiring *w = &s->wiring;
    const int fold = st->fold;
    const struct image *image = &e->stage[w->source].image;
    int fan_in = wiring_fan_in(w), per = w->block[0] / w->groups;
    bool merged = w->groups == 1 && w->dilation[1] == 1;
    p->stride = p->framed ? image->cell : round_up(w->channels, 4);
    p->blocks = round_up(per, LANES) / LANES;
    int cell = w->groups == 1 ? p->stride : fan_in;
    /* Windows of folded positions overlap: the first one begins the row, the last one ends it. */
    const int columns = w->kernel[1] + (fold - 1) * w->stride[1];
    p->length = round_up(merged ? columns * cell : cell, 4);
    p->segments = merged ? w->kernel[0] : w->kernel[0] * w->kernel[1];
    p->segment = malloc((size_t)p->segments * sizeof *p->segment);
    p->image_segment = malloc((size_t)p->segments * sizeof *p->segment);
    p->packed_group = (size_t)p->blocks * (size_t)p->segments * (size_t)p->length * LANES;
    p->packed = engine_memory(p->packed_group * (size_t)w->groups);
    if (!p->segment || !p->image_segment || !p->packed)
        return af_fail(AF_NO_MEMORY, "no memory for weights");
    for (int i = 0; i < p->segments; i++) {
        int ky = merged ? i : i / w->kernel[1], kx = merged ? 0 : i % w->kernel[1];
        p->segment[i] =
            ((ptrdiff_t)ky * w->dilation[0] * p->cols + (ptrdiff_t)kx * w->dilation[1]) * p->stride;
        p->image_segment[i] =
            ((ptrdiff_t)ky * w->dilation[0] * image->cols + (ptrdiff_t)kx * w->dilation[1]) *
            image->cell;
    }
    int64_t row = wiring_row(w);
    for (int f = 0; f < fold; f++)
        for (int o = 0; o < w->block[0]; o++) {
            int8_t *group = p->packed + (size_t)(o / per) * p->packed_group;
            int at_lane = f * st->stride + o % per;
            int block = at_lane / LANES, lane = at_lane % LANES;
            for (int j = 0; j < fan_in; j++)
                for (int ky = 0; ky < w->kernel[0]; ky++)
                    for (int kx = 0; kx < w->kernel[1]; kx++) {
                        int segment = merged ? ky : ky * w->kernel[1] + kx;
                        int from = p->plain && w->groups == 1 ? w->map[j] : j;
                        int at = merged ? (kx + f * w->stride[1]) * cell + from : from;
                        size_t quad = ((size_t)block * (size_t)p->segments + (size_t)segment) *
                                          (size_t)(p->length / 4) +
                                      (size_t)(at / 4);
                        group[(quad * LANES + (size_t)lane) * 4 + (size_t)(at % 4)] =
                            s->weight[o * row + ((int64_t)j * w->kernel[0] + ky) * w->kernel[1] +
                                      kx];
                    }
        }
    return AF_OK;
}

/* Whether the view's channels are the source's first in any order. */
static bool channels_permuted(const struct wiring *w)
{
    uint64_t seen = 0;
    bool good = w->channels <= 64;
    for (int i = 0; good && i < w->channels; i++) {
        good = w->map[i] < w->channels && !(seen >> w->map[i] & 1);
        seen |= good ? (uint64_t)1 << w->map[i] : 0;
    }
    return good;
}

static bool is_channelwise(const struct wiring *w)
{
    return w->groups == w->channels && w->block[0] == w->channels;
}

/* Where a product's weights can be in the source's order, the view's does not matter. */
static bool is_plain(const struct wiring *w)
{
    const bool order =
        channels_in_order(w) || (w->groups == 1 && !is_channelwise(w) && channels_permuted(w));
    return order && !wiring_has_pool(w) && w->up[0] == 1 && w->up[1] == 1;
}

/* Cells of the view and its padding along an axis that the block's windows cover. */
static int64_t padded_size(const struct wiring *w, int axis)
{
    return (int64_t)(w->block[axis + 1] - 1) * w->stride[axis] +
           (int64_t)(w->kernel[axis] - 1) * w->dilation[axis] + 1;
}

/* The image of a population has the padding of all readers that see it as it is. */
static void prepare_image(struct engine *e, int index)
{
    const struct af_model *m = e->model;
    const struct neurons *p = &m->population[index];
    struct image *image = &e->stage[index].image;
    int before[2] = {0, 0}, after[2] = {0, 0};
    for (int i = index + 1; i < m->population_count; i++)
        for (int k = 0; k < m->population[i].input_count; k++) {
            const struct wiring *w = &m->population[i].input[k].wiring;
            if (w->source != index || w->channels != p->shape[0] || !is_plain(w))
                continue;
            int64_t beyond[2];
            for (int a = 0; a < 2; a++)
                beyond[a] = padded_size(w, a) - w->before[a] - p->shape[a + 1];
            if (w->before[0] > FRAME_MOST || w->before[1] > FRAME_MOST || beyond[0] > FRAME_MOST ||
                beyond[1] > FRAME_MOST)
                continue;
            e->stage[i].path[k].framed = true;
            for (int a = 0; a < 2; a++) {
                before[a] = w->before[a] > before[a] ? w->before[a] : before[a];
                after[a] = beyond[a] > after[a] ? (int)beyond[a] : after[a];
            }
        }
    image->cell = p->shape[0] <= 2 ? p->shape[0] : round_up(p->shape[0], 4);
    image->top = before[0];
    image->left = before[1];
    image->rows = before[0] + p->shape[1] + after[0];
    image->cols = before[1] + p->shape[2] + after[1];
}

/* What depends on how far it bursts. */
static void prepare_offset(struct engine *e, int index)
{
    struct stage *st = &e->stage[index];
    const int most = model_event_limit(e->model, index);
    const bool negative = model_sends_negative(e->model, index);
    st->offset = negative ? most : 0;
    st->narrow = index && (negative ? 2 * most : most) <= UINT8_MAX;
}

static int prepare_path(struct engine *e, int population, const struct synapses *s, struct path *p)
{
    const struct wiring *w = &s->wiring;
    const struct stage *source = &e->stage[w->source];
    const struct neurons *n = &e->model->population[population];
    path_free(p);
    /* More than the currents' limit meets weights of zero only (model_check). */
    int64_t most = (int64_t)model_event_limit(e->model, w->source) * w->pool[0] * w->pool[1];
    if (most > model_current_limit(e->model))
        most = model_current_limit(e->model);
    bool negative = model_sends_negative(e->model, w->source);
    p->channelwise = is_channelwise(w);
    p->in_order = channels_in_order(w);
    p->plain = is_plain(w);
    p->whole = memcmp(w->block, n->shape, sizeof w->block) == 0;
    p->dynamic = w->source == 0 && p->framed && p->whole && !p->channelwise;
    p->offset = negative && !p->channelwise ? (int)most : 0;
    int64_t range = negative ? 2 * most : most;
    int bits = e->kernel->value_bits;
    for (p->planes = 1; range >> (bits * p->planes); p->planes++)
        ;
    p->most = p->planes > 1 ? (1 << bits) - 1 : range > 1 ? (int)range : 1;
    p->direct = p->framed && !p->channelwise &&
                (w->source == 0 ? p->dynamic : source->narrow && p->planes == 1);
    int64_t rows = padded_size(w, 0), cols = padded_size(w, 1);
    if (rows > VIEW_LIMIT || cols > VIEW_LIMIT || rows * cols > VIEW_LIMIT / w->channels)
        return af_fail(AF_UNSUPPORTED,
                       "a projection's padded view of %d x %lld x %lld is too large", w->channels,
                       (long long)rows, (long long)cols);
    p->rows = (int)rows;
    p->cols = (int)cols;
    int status = p->channelwise ? prepare_channelwise(s, p)
                                : prepare_product(e, s, &e->stage[population], p);
    if (!status && p->dynamic)
        status = prepare_sums(e, s, p);
    size_t cells = (size_t)p->rows * (size_t)p->cols * (size_t)p->stride;
    if (!status && p->channelwise)
        e->wide_elements = cells > e->wide_elements ? cells : e->wide_elements;
    else if (cells > e->view_bytes)
        e->view_bytes = cells;
    return status;
}

/* Synaptic operations that one event of each neuron causes. */
static int prepare_fanout(struct engine *e, int index)
{
    const struct af_model *m = e->model;
    const struct neurons *p = &m->population[index];
    struct stage *st = &e->stage[index];
    int64_t *sum = calloc((size_t)neuron_count(p), sizeof *sum), most = 1;
    engine_memory_free(st->fanout);
    free(st->fanout_row);
    st->fanout = engine_memory((size_t)st->positions * (size_t)st->stride * sizeof *st->fanout);
    st->fanout_row = malloc((size_t)st->positions * sizeof *st->fanout_row);
    int status = sum && st->fanout && st->fanout_row ? AF_OK : af_fail(AF_NO_MEMORY, "no memory");
    for (int i = index + 1; !status && i < m->population_count; i++)
        for (int k = 0; !status && k < m->population[i].input_count; k++) {
            const struct synapses *s = &m->population[i].input[k];
            if (s->wiring.source == index && s->weight)
                status = wiring_add_fanout(&s->wiring, s->weight, p->shape, sum);
        }
    for (int64_t j = 0; !status && j < st->positions; j++)
        for (int c = 0; c < p->shape[0]; c++) {
            int64_t n = sum[c * st->positions + j];
            st->fanout[j * st->stride + c] = (int32_t)n;
            most = n > most ? n : most;
        }
    for (int64_t j = 0; !status && j < st->positions / st->fold; j++) {
        const int32_t *row = st->fanout + j * st->width;
        const bool same = j && memcmp(row - st->width, row, (size_t)st->width * 4) == 0;
        st->fanout_row[j] = same ? st->fanout_row[j - 1] : (int32_t)j;
    }
    st->flush_after =
        most * BURST_LIMIT * 1024 < INT32_MAX ? 1024 : (int)(INT32_MAX / (most * BURST_LIMIT));
    if (!status && st->flush_after < 1)
        status = af_fail(AF_UNSUPPORTED, "population '%s': one event would cause %lld operations",
                         p->name, (long long)most);
    free(sum);
    return status;
}

/* Per channel or per neuron, as the lanes have it. */
static int32_t *lay_out(const struct neurons *p, const struct stage *st, const int32_t *values,
                        bool per_neuron)
{
    int64_t positions = per_neuron ? st->positions : 1;
    int32_t *to = engine_memory((size_t)(positions * st->stride) * sizeof *to);
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
    if (st->path[k].dynamic)
        return;
    for (int o = 0; st->path[k].offset && o < w->block[0]; o++) {
        int64_t all = 0;
        for (int64_t i = 0; i < row; i++)
            all += s->weight[o * row + i];
        /* Modulo 2^32, as the sums are that it is taken from. */
        const uint32_t sum = (uint32_t)all * (uint32_t)st->path[k].offset << s->shift;
        if (!st->steady)
            st->base[o] = (int32_t)((uint32_t)st->base[o] - sum);
        for (int y = 0; st->steady && y < w->block[1]; y++)
            for (int x = 0; x < w->block[2]; x++) {
                int32_t *to = &st->steady[((ptrdiff_t)(w->at[1] + y * w->spread[0]) * p->shape[2] +
                                           w->at[2] + x * w->spread[1]) *
                                              st->stride +
                                          w->at[0] + o];
                *to = (int32_t)((uint32_t)*to - sum);
            }
    }
}

/* By what a core does: 100 multiply-accumulates a nanosecond, and 2 neurons. */
static double work_of(const struct neurons *p)
{
    double macs = 0;
    for (int k = 0; k < p->input_count; k++) {
        const struct wiring *w = &p->input[k].wiring;
        macs += (double)w->block[0] * w->block[1] * w->block[2] *
                (p->kind == AF_MAXPOOL ? w->kernel[0] * w->kernel[1] : (double)wiring_row(w));
    }
    return macs / 100 + (double)neuron_count(p) / 2;
}

static int prepare_stage(struct engine *e, int population)
{
    const struct neurons *p = &e->model->population[population];
    struct stage *st = &e->stage[population];
    st->work = work_of(p);
    if (p->kind == AF_MAXPOOL)
        st->path[0].in_order = channels_in_order(&p->input[0].wiring);
    if (p->kind == AF_INPUT || p->kind == AF_MAXPOOL)
        return AF_OK;
    bool per_neuron = p->bias_count != p->shape[0], steady = per_neuron;
    for (int c = 0; c < st->stride; c++) {
        bool there = c < p->shape[0];
        st->base[c] = there && !per_neuron ? p->bias[c] : 0;
        st->threshold[c] = there && p->threshold ? p->threshold[c] : 1;
    }
    int status = AF_OK;
    for (int k = 0; !status && k < p->input_count; k++) {
        status = prepare_path(e, population, &p->input[k], &st->path[k]);
        steady = steady || (st->path[k].offset && !st->path[k].dynamic && !st->path[k].whole);
    }
    engine_memory_free(st->steady);
    engine_memory_free(st->initial);
    st->steady = st->initial = NULL;
    if (!status && steady && !(st->steady = lay_out(p, st, per_neuron ? p->bias : NULL, true)))
        status = af_fail(AF_NO_MEMORY, "no memory");
    const bool initial_per_neuron = p->initial_count != p->shape[0];
    if (!status && p->initial_count && initial_per_neuron &&
        !(st->initial = lay_out(p, st, p->initial, true)))
        status = af_fail(AF_NO_MEMORY, "no memory");
    for (int k = 0; !status && k < p->input_count; k++)
        remove_offset(p, st, k);
    for (int c = 0; c < st->stride; c++) {
        const bool there = p->initial_count && !initial_per_neuron && c < p->shape[0];
        st->first[c] = (int32_t)((uint32_t)st->base[c] + (there ? (uint32_t)p->initial[c] : 0));
    }
    for (int c = 0; c < st->width; c++) {
        st->base[c] = st->base[c % st->stride];
        st->first[c] = st->first[c % st->stride];
        st->threshold[c] = st->threshold[c % st->stride];
        st->inverse[c] = 1.0f / (float)st->threshold[c];
    }
    return status;
}

/* Relays behind it send what it sends. */
static void prepare_offsets(struct engine *e, int population)
{
    prepare_offset(e, population);
    for (int i = population + 1; i < e->model->population_count; i++)
        if (e->model->population[i].kind == AF_MAXPOOL)
            prepare_offset(e, i);
}

int engine_refresh(struct engine *e, int population)
{
    const struct neurons *p = &e->model->population[population];
    prepare_offsets(e, population);
    int status = prepare_stage(e, population);
    for (int k = 0; e->counting && !status && k < p->input_count; k++) {
        const int source = p->input[k].wiring.source;
        bool again = false;
        for (int j = 0; j < k; j++)
            again = again || p->input[j].wiring.source == source;
        again = again || (source == 0 && !e->model->format.events); /* constant: causes none */
        if (!again && p->kind != AF_MAXPOOL)
            status = prepare_fanout(e, source);
    }
    return status;
}

/* Whether some positions of a row can be computed as one, for few channels. */
static bool folds(const struct neurons *p)
{
    const int channels = p->shape[0], fold = channels > 4 ? 2 : 4;
    bool good = (p->kind == AF_RELU || p->kind == AF_LINEAR) && channels > 2 &&
                channels <= LANES / 2 && p->shape[2] % fold == 0;
    for (int k = 0; good && k < p->input_count; k++) {
        const struct wiring *w = &p->input[k].wiring;
        good = memcmp(w->block, p->shape, sizeof w->block) == 0 && w->groups == 1 &&
               w->dilation[1] == 1;
    }
    return good;
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
        st->stride = p->kind != AF_INPUT ? round_up(p->shape[0], LANES)
                     : p->shape[0] <= 2  ? p->shape[0]
                                         : round_up(p->shape[0], 4);
        if (folds(p))
            st->stride = p->shape[0] > 4 ? 8 : 4;
        st->fold = st->stride < LANES && p->kind != AF_INPUT ? LANES / st->stride : 1;
        st->width = st->stride * st->fold;
        st->positions = (int64_t)p->shape[1] * p->shape[2];
        st->path = calloc((size_t)p->input_count + 1, sizeof *st->path);
        st->base = engine_memory((size_t)st->width * sizeof *st->base);
        st->threshold = engine_memory((size_t)st->width * sizeof *st->threshold);
        st->first = engine_memory((size_t)st->width * sizeof *st->first);
        st->inverse = engine_memory((size_t)st->width * sizeof *st->inverse);
        if (!st->path || !st->base || !st->first || !st->threshold || !st->inverse)
            status = af_fail(AF_NO_MEMORY, "no memory");
        size_t elements = (size_t)st->positions * (size_t)st->stride;
        if (elements > e->current_elements)
            e->current_elements = elements;
        for (int k = 0; k < p->input_count; k++) /* one cell at least, for pooling and relays */
            if ((size_t)p->input[k].wiring.channels > e->wide_elements)
                e->wide_elements = (size_t)p->input[k].wiring.channels;
    }
    for (int i = 0; !status && i < m->population_count; i++) {
        prepare_image(e, i);
        prepare_offset(e, i);
        const struct image *image = &e->stage[i].image;
        const size_t row = (size_t)image->cols * (size_t)image->cell;
        e->row_bytes = row > e->row_bytes ? row : e->row_bytes;
    }
    for (int i = 0; !status && i < m->population_count; i++)
        status = prepare_stage(e, i);
    if (status)
        engine_free(e);
    else
        *engine = e;
    return status;
}

double engine_work(const struct engine *e)
{
    double work = 0;
    for (int i = 0; i < e->model->population_count; i++)
        work += e->stage[i].work;
    return work;
}

int engine_count(struct engine *e)
{
    int status = AF_OK;
    for (int i = 0; !e->counting && !status && i < e->model->population_count; i++)
        status = prepare_fanout(e, i);
    e->counting = e->counting || !status;
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
        engine_memory_free(st->base);
        engine_memory_free(st->first);
        engine_memory_free(st->threshold);
        engine_memory_free(st->inverse);
        engine_memory_free(st->fanout);
        free(st->fanout_row);
        engine_memory_free(st->steady);
        engine_memory_free(st->initial);
    }
    free(e->stage);
    free(e);
}
