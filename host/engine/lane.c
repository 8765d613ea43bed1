#include "engine/lane.h"

#include "base/error.h"
#include "base/team.h"
#include "engine/image.h"
#include "engine/memory.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* Bytes of the currents that are fired before more are computed: they stay in the first cache. */
enum { CHUNK_BYTES = 16 << 10 };
/* Less silence than one part in so many is not worth the search; so often it is looked for again.
 */
enum { WORTH_LOOKING = 3, LOOK_EACH = 64 };
/* Nanoseconds of work in a population that are worth to be shared. */
enum { WORTH_SHARING = 5000 };

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
    size_t bytes = e->view_bytes + e->row_bytes + (e->wide_elements + e->current_elements) * 4;
    for (int i = 0; i < e->model->population_count; i++)
        bytes += (size_t)e->stage[i].positions * (size_t)e->stage[i].stride * 12 +
                 relay_sums(e, i) * 4 + image_bytes(&e->stage[i].image);
    return bytes;
}

static bool make_place(const struct engine *e, int index, struct place *at)
{
    const struct stage *st = &e->stage[index];
    const size_t elements = (size_t)st->positions * (size_t)st->stride + 2 * LANES;
    const size_t each = ((size_t)st->width + LANES) * 4;
    const enum af_kind kind = e->model->population[index].kind;
    const bool adds = kind == AF_RELU || kind == AF_LINEAR || kind == AF_OUTPUT;
    at->border = -1;
    at->watch = calloc((size_t)e->model->population[index].input_count + 1, sizeof *at->watch);
    at->seen = at->events = engine_memory(elements * sizeof(int16_t));
    at->image = engine_memory(image_bytes(&st->image) + 256);
    bool good = at->events && at->image && at->watch;
    if (adds)
        good = good && (at->potential = engine_memory(elements * 4)) &&
               (at->constant = engine_memory(elements * 4)) && (at->base = engine_memory(each)) &&
               (at->first = engine_memory(each));
    if (kind == AF_RELU)
        good = good && (at->sent = engine_memory(elements * sizeof(int16_t)));
    if (kind == AF_MAXPOOL)
        good = good && (at->potential = engine_memory(elements * 4)) &&
               (at->sums = engine_memory((relay_sums(e, index) + LANES) * 4));
    return good;
}

static bool add_hands(struct lane *l, int hands)
{
    struct scratch *more = realloc(l->hand, (size_t)hands * sizeof *more);
    if (!more)
        return false;
    l->hand = more;
    for (bool good = true; good && l->hands < hands; l->hands++) {
        struct scratch *s = &l->hand[l->hands];
        s->current = engine_memory((l->engine->current_elements + 2 * LANES) * sizeof *s->current);
        s->row = engine_memory(l->engine->row_bytes + 256);
        good = s->current && s->row;
    }
    return l->hands == hands && l->hand[hands - 1].current && l->hand[hands - 1].row;
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
    l->counted = COUNT_ALL;
    /* Vector stores and loads may run one block over the end. */
    l->view = engine_memory(e->view_bytes + 256);
    l->wide = engine_memory((e->wide_elements + LANES) * sizeof *l->wide);
    bool good = l->view && l->wide && add_hands(l, 1);
    for (int i = 0; good && i < n; i++)
        good = make_place(e, i, &l->at[i]);
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
        struct place *at = &l->at[i];
        engine_memory_free(at->potential);
        engine_memory_free(at->constant);
        engine_memory_free(at->sums);
        engine_memory_free(at->base);
        engine_memory_free(at->first);
        engine_memory_free(at->sent);
        engine_memory_free(at->events);
        engine_memory_free(at->image);
        free(at->watch);
    }
    free(l->at);
    engine_memory_free(l->view);
    for (int i = 0; i < l->hands; i++) {
        engine_memory_free(l->hand[i].current);
        engine_memory_free(l->hand[i].row);
    }
    free(l->hand);
    engine_memory_free(l->wide);
    free(l);
}

int lane_share(struct lane *l, struct team *team)
{
    if (team && !add_hands(l, team_size(team)))
        return af_fail(AF_NO_MEMORY, "no memory for an inference of %zu bytes",
                       lane_size(l->engine));
    l->team = team;
    return AF_OK;
}

void lane_plan(struct lane *l, int steps, enum counted counted)
{
    l->steps = steps;
    l->counted = counted;
}

const int16_t *lane_events(struct lane *l, int population)
{
    events_need(l, population);
    return l->at[population].seen;
}

void lane_set_events(struct lane *l, int population, const int16_t *events)
{
    struct place *at = &l->at[population];
    if (!events && at->seen == at->events)
        return;
    at->seen = events ? events : at->events;
    at->events_good = true;
    at->image_good = false;
}

const int32_t *lane_potentials(const struct lane *l, int population)
{
    return l->at[population].potential;
}

const struct activity *lane_activity(const struct lane *l, int population)
{
    return &l->at[population].activity;
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

/* Some rows of a projection's block, and where they go: `to` is the first one's place if the block
 * begins there, else the destination's. */
struct rows {
    int first, end;
    int32_t *to;
    int width, stride; /* of the destination */
    struct silence *silence;
    int hand; /* the first one says what was silent */
};

/* One channel each, straight from the source: a shortcut. */
static void project_direct(const struct lane *l, const struct wiring *w, const struct path *p,
                           const struct rows *r)
{
    const struct neurons *source = &l->engine->model->population[w->source];
    const struct stage *st = &l->engine->stage[w->source];
    const struct place *at = &l->at[w->source];
    const bool bytes = at->image_good && w->source;
    const int height = source->shape[1], width = source->shape[2];
    const int from_stride = bytes ? st->image.cell : st->stride;
    struct scaling scaling = {.channels = w->channels,
                              .offset = st->offset,
                              .sum_step = (ptrdiff_t)r->stride * w->spread[1],
                              .from_step = (ptrdiff_t)from_stride * w->stride[1]};
    for (int y = r->first; y < r->end; y++)
        for (int k = 0; k < w->kernel[0] * w->kernel[1]; k++) {
            int vy = y * w->stride[0] + k / w->kernel[1] * w->dilation[0] - w->before[0];
            int shift = k % w->kernel[1] * w->dilation[1] - w->before[1];
            int first, end = w->block[2];
            range_inside(w->stride[1], shift, width, &first, &end);
            if (vy < 0 || vy >= height || first >= end)
                continue;
            const int vx = first * w->stride[1] + shift;
            scaling.positions = end - first;
            scaling.tap = p->taps + k * p->stride;
            if (bytes)
                scaling.bytes = at->image + image_at(&st->image, vy, vx);
            else
                scaling.from = at->seen + ((ptrdiff_t)vy * width + vx) * from_stride;
            scaling.sum = r->to + block_at(w, y - r->first, first, r->width, r->stride);
            l->engine->kernel->add_scaled(&scaling);
        }
}

static void project_channelwise(const struct lane *l, const struct wiring *w, const struct path *p,
                                const struct rows *r)
{
    for (int y = r->first; y < r->end; y++)
        for (int x = 0; x < w->block[2]; x++) {
            int32_t *sum = r->to + block_at(w, y - r->first, x, r->width, r->stride);
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

/* Whether the kernel reads the source's image, which holds all that it can have sent. */
static bool reads_image(const struct lane *l, const struct wiring *w, const struct path *p)
{
    return p->direct && (w->source || l->at[0].image_good);
}

static void project_product(const struct lane *l, const struct synapses *s, const struct path *p,
                            int fold, int plane, const struct rows *r, bool add)
{
    const struct wiring *w = &s->wiring;
    const struct stage *st = &l->engine->stage[w->source];
    const bool image = reads_image(l, w, p);
    const int per = w->block[0] / w->groups, bits = l->engine->kernel->value_bits;
    const ptrdiff_t line = (ptrdiff_t)(image ? st->image.cols : p->cols) * p->stride;
    const uint8_t *a =
        image ? l->at[w->source].image + image_at(&st->image, -w->before[0], -w->before[1])
              : l->view;
    struct product product = {
        .lines = r->end - r->first,
        .rows = w->block[2] / fold,
        .blocks = p->blocks,
        .segments = p->segments,
        .length = p->length,
        .shift = s->shift + bits * plane,
        .add = add,
        .most = image && !w->source ? (1 << bits) - 1 : p->most,
        .a_line = w->stride[0] * line,
        .a_step = (ptrdiff_t)w->stride[1] * p->stride * fold,
        .segment = image ? p->image_segment : p->segment,
        .c_line = (ptrdiff_t)r->stride * r->width * w->spread[0],
        .c_step = (ptrdiff_t)r->stride * w->spread[1] * fold,
        .silence = r->silence,
    };
    /* Rows that lie one behind the other in both buffers are one long row. */
    if (product.a_line == product.rows * product.a_step &&
        product.c_line == product.rows * product.c_step) {
        product.rows *= product.lines;
        product.lines = 1;
    }
    for (int g = 0; g < w->groups; g++) {
        product.b = p->packed + (size_t)g * p->packed_group;
        product.a =
            a + r->first * product.a_line + (ptrdiff_t)g * (w->groups == 1 ? 0 : wiring_fan_in(w));
        product.c = r->to + block_at(w, 0, 0, r->width, r->stride) + (ptrdiff_t)g * per;
        l->engine->kernel->multiply(&product);
    }
}

/* Whether something has to be copied before the projection's rows can be computed. */
static bool is_filled(const struct lane *l, const struct wiring *w, const struct path *p)
{
    return p->channelwise ? !p->plain : !reads_image(l, w, p);
}

static void fill(struct lane *l, const struct wiring *w, const struct path *p)
{
    if (p->channelwise)
        fill_wide(l, w, p);
    else
        fill_view(l, w, p, 0);
}

/* Adds what projection k of population `index` carries to rows of it; with `fresh`, they hold
 * nothing yet and are written whole. `filled`: fill was called. */
static void project(struct lane *l, int index, int k, const struct rows *r, bool fresh, bool filled)
{
    const struct neurons *n = &l->engine->model->population[index];
    const struct synapses *s = &n->input[k];
    const struct wiring *w = &s->wiring;
    const struct path *p = &l->engine->stage[index].path[k];
    const bool whole = p->whole && w->groups == 1;
    const int fold = l->engine->stage[index].fold;
    struct watch *watch = &l->at[index].watch[k];
    struct silence others = {0};
    struct rows part = *r;
    part.silence = watch->rest ? NULL : r->hand == 0 ? &watch->silence : &others;
    if (!p->whole) { /* all rows of it, then */
        part.first = 0;
        part.end = w->block[1];
    }
    if (fresh && (!whole || p->channelwise))
        memset(r->to, 0,
               (size_t)(r->end - r->first) * (size_t)r->width * (size_t)r->stride * sizeof *r->to);
    if (is_filled(l, w, p) && !filled)
        fill(l, w, p);
    if (p->channelwise && p->plain)
        project_direct(l, w, p, &part);
    else if (p->channelwise)
        project_channelwise(l, w, p, &part);
    else if (reads_image(l, w, p))
        project_product(l, s, p, fold, 0, &part, !(fresh && whole));
    else
        for (int plane = 0; plane < p->planes; plane++) {
            if (plane)
                fill_view(l, w, p, plane);
            project_product(l, s, p, fold, plane, &part, !(fresh && whole) || plane);
        }
}

/* ---- Populations --------------------------------------------------------------------------- */

static void begin_population(struct lane *l, int index)
{
    struct place *at = &l->at[index];
    memset(&at->activity, 0, sizeof at->activity);
    at->seen = at->events;
    at->begun = false;
}

/* The biases of a population that reads the input's image less what its offsets add to them. */
static void take_off_offsets(struct lane *l, int index)
{
    const struct engine *e = l->engine;
    const struct neurons *n = &e->model->population[index];
    const struct stage *st = &e->stage[index];
    const int offsets = input_offsets(e);
    struct place *at = &l->at[index];
    memcpy(at->base, st->base, (size_t)st->width * sizeof *at->base);
    memcpy(at->first, st->first, (size_t)st->width * sizeof *at->first);
    for (int k = 0; k < n->input_count; k++) {
        const struct path *p = &st->path[k];
        for (int o = 0; p->dynamic && o < n->input[k].wiring.block[0]; o++) {
            uint32_t sum = 0;
            for (int c = 0; c < offsets; c++)
                sum += (uint32_t)l->offset[c] * (uint32_t)p->sums[o * offsets + c];
            for (int c = o; c < st->width; c += st->stride) {
                at->base[c] = (int32_t)((uint32_t)at->base[c] - sum);
                at->first[c] = (int32_t)((uint32_t)at->first[c] - sum);
            }
        }
    }
}

static bool reads_input(const struct neurons *n)
{
    bool reads = false;
    for (int k = 0; k < n->input_count; k++)
        reads = reads || n->input[k].wiring.source == 0;
    return reads;
}

static void begin(struct lane *l, int first, int last, const int16_t *counts, bool goes_on)
{
    l->analog = counts != NULL;
    l->goes_on = goes_on;
    l->counts = counts;
    l->step = 0;
    l->first = first > 0 ? first : 1;
    memset(&l->at[0].activity, 0, sizeof l->at[0].activity);
    for (int i = l->first; i <= last; i++)
        begin_population(l, i);
}

void lane_begin(struct lane *l, int first, int last, const int16_t *counts)
{
    begin(l, first, last, counts, false);
}

void lane_go_on(struct lane *l, int first, int last, const int16_t *counts)
{
    begin(l, first, last, counts, true);
}

static bool counts_on(const struct lane *l, int index)
{
    return l->engine->counting &&
           (l->counted == COUNT_ALL || (l->counted == COUNT_FIRST && index == l->first));
}

void lane_input(struct lane *l, const int16_t *counts)
{
    const struct stage *st = &l->engine->stage[0];
    struct activity *a = &l->at[0].activity;
    int channels = l->engine->model->population[0].shape[0];
    l->counts = counts;
    if (!counts_on(l, 0))
        return;
    events_need(l, 0);
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

/* ---- Sharing -------------------------------------------------------------------------------- */

/* The rows of a population, some at a time, by whoever has time. */
struct shares {
    struct lane *lane;
    int index, height, rows;
    void (*step)(struct lane *l, int index, int first, int end, bool filled, int hand);
    bool filled;
    _Atomic int next;
};

static void take_share(void *context, int worker, int workers)
{
    struct shares *s = context;
    (void)workers;
    for (;;) {
        const int first = atomic_fetch_add(&s->next, s->rows);
        if (first >= s->height)
            return;
        s->step(s->lane, s->index, first, first + s->rows < s->height ? first + s->rows : s->height,
                s->filled, worker);
    }
}

/* Whether a population's rows are shared by the team. */
static bool shares_rows(const struct lane *l, int index)
{
    return l->team && l->engine->stage[index].work > WORTH_SHARING;
}

static void step_shared(struct lane *l, int index, int rows,
                        void (*step)(struct lane *, int, int, int, bool, int), bool filled)
{
    const int height = l->engine->model->population[index].shape[1];
    if (!shares_rows(l, index)) {
        for (int y = 0; y < height; y += rows)
            step(l, index, y, y + rows < height ? y + rows : height, filled, 0);
        return;
    }
    const int each = (height + team_size(l->team) - 1) / team_size(l->team);
    struct shares s = {.lane = l,
                       .index = index,
                       .height = height,
                       .rows = rows < each ? rows : each,
                       .step = step,
                       .filled = filled};
    team_run(l->team, take_share, &s);
}

/* ---- Counting ------------------------------------------------------------------------------- */

/* What the positions first + positions - 1 sent. */
static void count_events(struct lane *l, int index, int64_t first, int64_t positions)
{
    const struct stage *st = &l->engine->stage[index];
    struct activity *a = &l->at[index].activity;
    struct tally t = {
        .positions = positions / st->fold,
        .width = st->width,
        .events = l->at[index].events + first * st->stride,
        .fanout = st->fanout,
        .fanout_row = st->fanout_row + first / st->fold,
        .flush_after = st->flush_after,
    };
    l->engine->kernel->count(&t);
    a->spikes += t.spikes;
    a->events += t.event_count;
    a->sops += t.sops;
    a->spike_sops += t.spike_sops;
    a->adds += t.adds;
}

/* A relay's windows along an axis. */
static struct windows windows_of(const struct wiring *w, int axis)
{
    return (struct windows){w->stride[axis], w->before[axis], w->dilation[axis], w->kernel[axis],
                            w->view[axis]};
}

/* The largest of what was sent in each window: all that a relay sends in its first timestep. */
static void relay_first(const struct lane *l, int index, int first, int end, uint8_t *merged)
{
    const struct engine *e = l->engine;
    const struct neurons *n = &e->model->population[index];
    const struct wiring *w = &n->input[0].wiring;
    const struct image *from = &e->stage[w->source].image, *to = &e->stage[index].image;
    const uint8_t *image = l->at[w->source].image;
    const struct windows rows = windows_of(w, 0), cols = windows_of(w, 1);
    const ptrdiff_t line = (ptrdiff_t)from->cols * from->cell;
    /* With the source's other channels in them bytes beyond the last channel would not be silent.
     */
    const bool all = w->channels == e->model->population[w->source].shape[0];
    for (int y = first; y < end; y++) {
        uint8_t *cell = l->at[index].image + image_at(to, y, 0);
        int at, many, run;
        windows_at(&rows, y, y + 1, &at, &many, &run);
        if (!many) {
            memset(cell, e->stage[index].offset, (size_t)n->shape[2] * (size_t)to->cell);
            continue;
        }
        e->kernel->merge(&(struct merging){
            .to = merged,
            .from = image + image_at(from, at, 0),
            .step = line * w->dilation[0],
            .cells = 1,
            .count = many,
            .n = w->view[1] * from->cell,
        });
        for (int x = 0; x < n->shape[2]; x += run, cell += (ptrdiff_t)run * to->cell) {
            windows_at(&cols, x, n->shape[2], &at, &many, &run);
            if (many)
                e->kernel->merge(&(struct merging){
                    .to = cell,
                    .to_step = to->cell,
                    .from = merged + (ptrdiff_t)at * from->cell,
                    .from_step = (ptrdiff_t)w->stride[1] * from->cell,
                    .step = (ptrdiff_t)from->cell * w->dilation[1],
                    .cells = run,
                    .count = many,
                    .n = all ? to->cell : w->channels,
                });
            else
                memset(cell, e->stage[index].offset, (size_t)to->cell);
        }
    }
}

/* What was sent in the first timestep as numbers: by the source, [positions][channels], and by the
 * relay itself. */
static void relay_keep(struct lane *l, int index)
{
    const struct engine *e = l->engine;
    const struct neurons *n = &e->model->population[index];
    const struct wiring *w = &n->input[0].wiring;
    const struct neurons *source = &e->model->population[w->source];
    const struct image *of[2] = {&e->stage[w->source].image, &e->stage[index].image};
    const int *const shape[2] = {source->shape, n->shape};
    const uint8_t *image[2] = {l->at[w->source].image, l->at[index].image};
    int32_t *const to[2] = {l->at[index].sums, l->at[index].potential};
    const int stride[2] = {w->channels, e->stage[index].stride};
    const int channels = w->channels, offset = e->stage[index].offset;
    for (int i = 0; i < 2; i++) {
        int32_t *restrict number = to[i];
        for (int y = 0; y < shape[i][1]; y++) {
            const uint8_t *from = image[i] + image_at(of[i], y, 0);
            for (int x = 0; x < shape[i][2]; x++, number += stride[i], from += of[i]->cell)
                for (int c = 0; c < channels; c++)
                    number[c] = from[c] - offset;
        }
    }
}

/* The running sums of what its source sent, channel by channel; `first` begins them. */
static void relay_sum(struct lane *l, int index, bool first)
{
    const struct engine *e = l->engine;
    const struct wiring *w = &e->model->population[index].input[0].wiring;
    const int channels = w->channels, from_stride = e->stage[w->source].stride;
    const bool in_order = e->stage[index].path[0].in_order;
    const int16_t *from = l->at[w->source].seen;
    int32_t *restrict sums = l->at[index].sums;
    for (int64_t j = 0; j < e->stage[w->source].positions;
         j++, from += from_stride, sums += channels)
        if (!first && in_order)
            for (int c = 0; c < channels; c++)
                sums[c] += from[c];
        else
            for (int c = 0; c < channels; c++)
                sums[c] = (first ? 0 : sums[c]) + from[w->map[c]];
}

/* Each window's largest sum is sent as far as it was not sent before. */
static void relay_rest(struct lane *l, int index, bool first)
{
    const struct engine *e = l->engine;
    const struct neurons *n = &e->model->population[index];
    const struct wiring *w = &n->input[0].wiring;
    const struct neurons *source = &e->model->population[w->source];
    const int channels = w->channels, stride = e->stage[index].stride;
    const struct windows rows = windows_of(w, 0), cols = windows_of(w, 1);
    int32_t *restrict most = l->wide, *restrict sent = l->at[index].potential;
    int16_t *restrict events = l->at[index].events;
    for (int y = 0; y < n->shape[1]; y++)
        for (int x = 0; x < n->shape[2]; x++, sent += stride, events += stride) {
            int at[2], many[2], run;
            bool any = false;
            windows_at(&rows, y, y + 1, &at[0], &many[0], &run);
            windows_at(&cols, x, x + 1, &at[1], &many[1], &run);
            for (int ky = 0; ky < many[0]; ky++)
                for (int kx = 0; kx < many[1]; kx++) {
                    const int vy = at[0] + ky * w->dilation[0], vx = at[1] + kx * w->dilation[1];
                    const int32_t *from =
                        l->at[index].sums +
                        ((ptrdiff_t)(vy / w->up[0]) * source->shape[2] + vx / w->up[1]) * channels;
                    if (any)
                        for (int c = 0; c < channels; c++)
                            most[c] = most[c] > from[c] ? most[c] : from[c];
                    else
                        memcpy(most, from, (size_t)channels * sizeof *most);
                    any = true;
                }
            if (!any && first)
                memset(sent, 0, (size_t)channels * sizeof *sent);
            if (!any)
                memcpy(most, sent, (size_t)channels * sizeof *most);
            for (int c = 0; c < channels; c++) {
                events[c] = (int16_t)(most[c] - (first ? 0 : sent[c]));
                sent[c] = most[c];
            }
        }
}

static void relay_rows(struct lane *l, int index, int first, int end, bool filled, int hand)
{
    (void)filled;
    relay_first(l, index, first, end, l->hand[hand].row);
}

static void step_relay(struct lane *l, int index)
{
    const struct engine *e = l->engine;
    const struct neurons *n = &e->model->population[index];
    const struct wiring *w = &n->input[0].wiring;
    const struct stage *st = &e->stage[index];
    struct place *at = &l->at[index];
    const bool first = !at->begun, bytes = st->narrow && w->source && w->up[0] == 1 &&
                                           w->up[1] == 1 && !wiring_has_pool(w) &&
                                           st->path[0].in_order;
    if (first && bytes) {
        image_need(l, w->source);
        image_begin(l, index);
        step_shared(l, index, n->shape[1], relay_rows, true);
        if (l->steps != 1)
            relay_keep(l, index);
        at->image_good = true;
        at->events_good = false;
    } else {
        events_need(l, w->source);
        relay_sum(l, index, first);
        relay_rest(l, index, first);
        at->image_good = false;
        at->events_good = true;
    }
    at->seen = at->events;
    if (counts_on(l, index)) {
        events_need(l, index);
        count_events(l, index, 0, st->positions);
    }
}

/* Accumulates `positions` x stride outputs, beginning with 0 where `first`. */
static void add_outputs(int32_t *restrict v, int64_t positions, int stride, const int32_t *base,
                        const int32_t *current, const int32_t *constant, int32_t limit, bool first)
{
    for (int64_t j = 0; j < positions; j++)
        for (int c = 0; c < stride; c++) {
            int64_t at = j * stride + c;
            /* All of it is within 32 bits, some of it may not be: the offsets of views. */
            uint32_t sum = (first ? 0 : (uint32_t)v[at]) + (uint32_t)base[c];
            sum += current ? (uint32_t)current[at] : 0;
            sum += constant ? (uint32_t)constant[at] : 0;
            const int32_t total = (int32_t)sum;
            v[at] = total > limit ? limit : total < -limit ? -limit : total;
        }
}

/* The rows `first` .. `end` - 1 of a population. */
static void step_rows(struct lane *l, int index, int first_row, int end_row, bool filled, int hand)
{
    const struct engine *e = l->engine;
    const struct neurons *n = &e->model->population[index];
    const struct stage *st = &e->stage[index];
    struct place *at = &l->at[index];
    const bool first = !at->begun, from_rest = first && !l->goes_on;
    const int64_t begin = (int64_t)first_row * n->shape[2], skip = begin * st->stride,
                  positions = (int64_t)(end_row - first_row) * n->shape[2];
    const bool keeps = l->analog && l->steps != 1 && reads_input(n);
    const int32_t *current = NULL, *constant = st->steady ? st->steady + skip : NULL;
    struct rows r = {.first = first_row,
                     .end = end_row,
                     .to = l->hand[hand].current,
                     .width = n->shape[2],
                     .stride = st->stride,
                     .hand = hand};
    if (keeps) {
        struct rows kept = r;
        kept.to = at->constant + skip;
        constant = kept.to;
        bool fresh = !st->steady;
        if (first && st->steady)
            memcpy(kept.to, st->steady + skip, (size_t)(positions * st->stride) * 4);
        for (int k = 0; first && k < n->input_count; k++)
            if (n->input[k].wiring.source == 0) {
                project(l, index, k, &kept, fresh, filled);
                fresh = false;
            }
    }
    for (int k = 0; k < n->input_count; k++)
        if (!keeps || n->input[k].wiring.source) {
            project(l, index, k, &r, !current, filled);
            current = r.to;
        }
    const bool dynamic = reads_input(n);
    const int32_t *base = dynamic ? at->base : st->base;
    if (n->kind == AF_OUTPUT) {
        add_outputs(at->potential + skip, positions, st->stride, base, current, constant,
                    model_state_limit(e->model), first);
        return;
    }
    const bool counting = counts_on(l, index), wide = counting || !st->narrow,
               is_last = l->steps && l->step + 1 >= l->steps,
               is_signed = n->signed_bursts && n->kind == AF_RELU;
    /* At first there is nothing to take back: what is sent begins the sum of what was sent. */
    int16_t *const sum = is_signed && first && !is_last ? at->sent + skip : NULL;
    struct firing f = {
        .lines = end_row - first_row,
        .positions = n->shape[2] / st->fold,
        .width = st->width,
        .burst = n->burst,
        .linear = n->kind == AF_LINEAR,
        .below = n->burst_below,
        .limit = model_state_limit(e->model),
        .current = current,
        .constant = constant,
        .base = !from_rest ? base
                : dynamic  ? at->first
                           : st->first,
        .threshold = st->threshold,
        .inverse = st->inverse,
        .before = !from_rest    ? at->potential + skip
                  : st->initial ? st->initial + skip
                                : NULL,
        .after = is_last ? NULL : at->potential + skip,
        .sent = is_signed && !first ? at->sent + skip : NULL,
        .events = wide ? at->events + skip : sum,
        .bytes = st->narrow ? at->image + image_at(&st->image, first_row, 0) : NULL,
        .bytes_line = (ptrdiff_t)st->image.cols * st->image.cell,
        .cell = st->image.cell * st->fold,
        .offset = st->offset,
    };
    e->kernel->fire(&f);
    if (sum && wide)
        memcpy(sum, at->events + skip, (size_t)(positions * st->stride) * sizeof *sum);
    if (counting && !(filled && shares_rows(l, index)))
        count_events(l, index, begin, positions);
}

/* Rows of a population that are computed at a time: all where views are copied for more than one
 * projection, or in planes, or where projections write a part of it. */
static int rows_at_a_time(const struct lane *l, int index)
{
    const struct neurons *n = &l->engine->model->population[index];
    const struct stage *st = &l->engine->stage[index];
    int copied = 0;
    for (int k = 0; k < n->input_count; k++) {
        const struct wiring *w = &n->input[k].wiring;
        const struct path *p = &st->path[k];
        if (!p->whole || (w->groups > 1 && !p->channelwise))
            return n->shape[1];
        if (is_filled(l, w, p))
            copied += p->channelwise ? 1 : p->planes;
    }
    int rows = CHUNK_BYTES / (n->shape[2] * st->stride * 4);
    if (shares_rows(l, index) && rows > (n->shape[1] + 1) / 2)
        rows = (n->shape[1] + 1) / 2; /* two parts at least */
    return copied > 1 || rows > n->shape[1] ? n->shape[1] : rows < 1 ? 1 : rows;
}

/* Looking goes on where it paid. */
static void end_watch(struct watch *w)
{
    if (w->rest)
        w->rest--;
    else if (w->silence.silent * WORTH_LOOKING < w->silence.looked)
        w->rest = LOOK_EACH;
    w->silence = (struct silence){0};
}

static void step_population(struct lane *l, int index)
{
    const struct neurons *n = &l->engine->model->population[index];
    const struct stage *st = &l->engine->stage[index];
    struct place *at = &l->at[index];
    if (n->kind == AF_MAXPOOL) {
        step_relay(l, index);
        at->begun = true;
        return;
    }
    if (reads_input(n)) {
        input_need(l);
        if (!l->analog || !at->begun)
            take_off_offsets(l, index);
    }
    for (int k = 0; k < n->input_count; k++) {
        const struct wiring *w = &n->input[k].wiring;
        const struct path *p = &st->path[k];
        if (w->source == 0 && l->analog && l->steps != 1 && at->begun)
            continue; /* it is part of the constant */
        const bool narrow = w->source && l->engine->stage[w->source].narrow;
        const bool image = p->channelwise ? p->plain && narrow : narrow || reads_image(l, w, p);
        if (image)
            image_need(l, w->source);
        else
            events_need(l, w->source);
    }
    image_begin(l, index);
    const int rows = rows_at_a_time(l, index);
    const bool parts = rows < n->shape[1];
    for (int k = 0; parts && k < n->input_count; k++)
        if (is_filled(l, &n->input[k].wiring, &st->path[k]) &&
            !(at->begun && l->analog && n->input[k].wiring.source == 0))
            fill(l, &n->input[k].wiring, &st->path[k]);
    if (parts)
        step_shared(l, index, rows, step_rows, true);
    else
        step_rows(l, index, 0, n->shape[1], false, 0);
    if (parts && shares_rows(l, index) && counts_on(l, index) && n->kind != AF_OUTPUT)
        count_events(l, index, 0, st->positions);
    for (int k = 0; k < n->input_count; k++)
        end_watch(&at->watch[k]);
    at->seen = at->events;
    at->image_good = st->narrow;
    at->events_good = !st->narrow || counts_on(l, index);
    at->begun = true;
}

void lane_step(struct lane *l, int first, int last)
{
    for (int i = first > 0 ? first : 1; i <= last; i++)
        step_population(l, i);
    l->step++;
}

int lane_stride(const struct engine *e, int population)
{
    return e->stage[population].stride;
}
