#include "accelerator/layout.h"

#include "base/error.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_WORDS = 1 << 24 /* of a core's memory */ };

/* ---- Memories -------------------------------------------------------------------------------- */

static int make_room(struct memory_image *i)
{
    size_t room = i->room ? 2 * i->room : 256;
    if (room > MOST_WORDS)
        return af_fail(AF_UNSUPPORTED, "the model is far too large for this build");
    uint32_t *more = realloc(i->word, room * sizeof *more);
    if (!more)
        return af_fail(AF_NO_MEMORY, "no memory for a program");
    i->word = more;
    i->room = room;
    return AF_OK;
}

void layout_append(struct compiler *c, struct memory_image *i, uint32_t word)
{
    if (!c->status && i->count == i->room)
        c->status = make_room(i);
    if (!c->status)
        i->word[i->count++] = word;
}

void layout_put(struct compiler *c, struct core *core, int memory, uint32_t word)
{
    layout_append(c, &core->memory[memory], word);
}

void layout_fits(struct compiler *c, const char *what, size_t needed, size_t there)
{
    if (needed > there && !c->status)
        c->status = af_fail(AF_UNSUPPORTED, "the model needs %zu %s a core; this build has %zu",
                            needed, what, there);
}

static uint32_t take_cells(struct core *core, uint32_t count)
{
    uint32_t first = core->cells;
    core->cells += count;
    return first;
}

struct place *layout_place(const struct compiler *c, int population, uint32_t core)
{
    return &c->place[(size_t)population * c->limits.cores + core];
}

/* ---- Shares ---------------------------------------------------------------------------------- */

/* How a population is dealt out: cores along groups, rows and columns; as few cells for the fullest
 * core as possible, then along groups, where no core needs another's weights. Events of a tile's
 * sources come row by row, and with a stride or a kernel not every row reaches every other: there
 * rows are the last to be dealt out, even at an eighth more cells. */
static void choose_split(const int size[AXES], int cores, bool tile, int split[AXES])
{
    int64_t best = INT64_MAX;
    for (int g = cores; g >= 1; g--)
        for (int y = 1; y <= cores; y++) {
            int x = cores / (g * y);
            if (x < 1 || g * y * x != cores)
                continue;
            int64_t fullest = (int64_t)divide_up(size[GROUP], g) * divide_up(size[ROW], y) *
                              divide_up(size[COLUMN], x);
            fullest *= tile && y > 1 ? 9 : 8;
            /* Neighbours in a row differ in column: both ways where it makes no difference. */
            if (fullest < best || (fullest == best && split[GROUP] == g && !tile &&
                                   abs(y - x) < abs(split[ROW] - split[COLUMN]))) {
                best = fullest;
                split[GROUP] = g;
                split[ROW] = y;
                split[COLUMN] = x;
            }
        }
}

struct extent extent_of(const struct compiler *c, int population)
{
    const int *shape = c->m->population[population].shape;
    return (struct extent){{0, 0}, {divide_up(shape[0], (int)c->limits.lanes), shape[1]}};
}

struct share share_of(const struct compiler *c, int population, const struct extent *e, int core)
{
    const int size[AXES] = {e->size[GROUP], e->size[ROW], c->m->population[population].shape[2]};
    int split[AXES] = {1, 1, 1};
    choose_split(size, (int)c->limits.cores, c->p->tiles, split);
    struct share s;
    for (int a = 0; a < AXES; a++) {
        const int mine = core % split[a];
        s.first[a] = mine + (a == COLUMN ? 0 : e->first[a]);
        s.step[a] = split[a];
        core /= split[a];
        s.count[a] = size[a] > mine ? divide_up(size[a] - mine, split[a]) : 0;
    }
    return s;
}

/* ---- Where everything is kept ---------------------------------------------------------------- */

bool is_analog(const struct af_model *m, int population)
{
    return population == 0 && !m->format.events;
}

bool layout_long_rows(const struct neurons *p)
{
    return p->shape[2] > p->shape[0] || p->shape[2] > TILE_MOST_COLUMNS;
}

bool layout_fires(const struct neurons *p)
{
    return p->kind == AF_RELU || p->kind == AF_LINEAR || p->kind == AF_MAXPOOL;
}

static int32_t value_at(const int32_t *values, int64_t count, const struct neurons *p, int channel,
                        int y, int x)
{
    if (!values || channel >= p->shape[0])
        return 0;
    if (count == p->shape[0])
        return values[channel];
    return values[((int64_t)channel * p->shape[1] + y) * p->shape[2] + x];
}

/* Values for each neuron, in the cells' order. */
static uint32_t keep_values(struct compiler *c, struct core *core, const struct place *at,
                            const struct neurons *p, const int32_t *values, int64_t count)
{
    const struct share *s = &at->share;
    uint32_t first = take_cells(core, at->cells);
    /* Cells are loaded from 0 on; those between hold nothing yet. */
    while (!c->status && core->memory[MEMORY_CELL].count < (size_t)first * c->limits.lanes)
        layout_put(c, core, MEMORY_CELL, 0);
    for (int y = 0; y < s->count[ROW]; y++)
        for (int x = 0; x < s->count[COLUMN]; x++)
            for (int g = 0; g < s->count[GROUP]; g++)
                for (uint32_t l = 0; l < c->limits.lanes; l++) {
                    int channel =
                        (s->first[GROUP] + g * s->step[GROUP]) * (int)c->limits.lanes + (int)l;
                    layout_put(c, core, MEMORY_CELL,
                               (uint32_t)value_at(values, count, p, channel,
                                                  s->first[ROW] + y * s->step[ROW],
                                                  s->first[COLUMN] + x * s->step[COLUMN]));
                }
    return first;
}

static void put_parameters(struct compiler *c, struct core *core, struct place *at,
                           const struct neurons *p)
{
    bool bias_here = p->bias_count == p->shape[0], initial_here = p->initial_count == p->shape[0];
    at->vector = core->parameters;
    core->parameters += (uint32_t)at->share.count[GROUP];
    for (int g = 0; g < at->share.count[GROUP]; g++)
        for (uint32_t l = 0; l < c->limits.lanes; l++) {
            int channel =
                (at->share.first[GROUP] + g * at->share.step[GROUP]) * (int)c->limits.lanes +
                (int)l;
            bool there = channel < p->shape[0];
            layout_put(c, core, MEMORY_THRESHOLD,
                       (uint32_t)(there && p->threshold ? p->threshold[channel] : STATE_LIMIT));
            layout_put(c, core, MEMORY_BIAS, (uint32_t)(there && bias_here ? p->bias[channel] : 0));
            layout_put(c, core, MEMORY_INITIAL,
                       (uint32_t)(there && initial_here ? p->initial[channel] : 0));
        }
}

/* The windows of a relay along an axis: every tap of every own row (column) has a slot of its own,
 * so many cells from the one before. */
static void put_windows(struct compiler *c, struct core *core, struct place *at,
                        const struct wiring *w, int axis, uint32_t cells)
{
    const struct share *s = &at->share;
    int a = axis - 1;
    at->window[a] = (uint32_t)core->memory[MEMORY_WINDOW].count;
    for (int i = 0; i < s->count[axis]; i++) {
        int o = s->first[axis] + i * s->step[axis];
        uint32_t first = at->slots[a];
        for (int k = 0; k < w->kernel[a]; k++) {
            int v = o * w->stride[a] + k * w->dilation[a] - w->before[a];
            at->slots[a] += v >= 0 && v < w->view[a];
        }
        layout_put(c, core, MEMORY_WINDOW, first * cells << 16 | (at->slots[a] - first));
    }
}

void lay_out(struct compiler *c, int population, const struct extent *e, uint32_t k)
{
    const struct neurons *p = &c->m->population[population];
    struct core *core = &c->core[k];
    struct place *at = layout_place(c, population, k);
    *at = (struct place){0};
    at->share = share_of(c, population, e, (int)k);
    const int *n = at->share.count;
    at->cells = (uint32_t)(n[0] * n[1] * n[2]);
    at->current = at->keep_bias = at->keep_initial = at->sent = NONE;
    if (population == 0)
        return;
    if (p->kind == AF_MAXPOOL) {
        const uint32_t groups = (uint32_t)n[GROUP];
        put_windows(c, core, at, &p->input[0].wiring, COLUMN, groups);
        put_windows(c, core, at, &p->input[0].wiring, ROW, at->slots[1] * groups);
        at->v = take_cells(core, at->cells);
        at->sums = take_cells(core, at->slots[0] * at->slots[1] * (uint32_t)n[GROUP]);
        if (is_analog(c->m, p->input[0].wiring.source))
            at->current = take_cells(core, at->slots[0] * at->slots[1] * (uint32_t)n[GROUP]);
        return;
    }
    bool analog = false;
    for (int i = 0; i < p->input_count; i++)
        analog |= is_analog(c->m, p->input[i].wiring.source);
    at->v = take_cells(core, at->cells);
    if (analog || p->bias_count != p->shape[0])
        at->current = take_cells(core, at->cells);
    if (p->bias_count != p->shape[0])
        at->keep_bias = keep_values(c, core, at, p, p->bias, p->bias_count);
    if (p->initial_count && p->initial_count != p->shape[0])
        at->keep_initial = keep_values(c, core, at, p, p->initial, p->initial_count);
    if (p->kind == AF_RELU && p->signed_bursts) {
        at->sent = core->sent;
        core->sent += at->cells;
        layout_fits(c, "spikes that a neuron with signed bursts may send",
                    (size_t)(p->burst * c->m->timesteps), c->limits.sent_most);
    }
    put_parameters(c, core, at, p);
}

/* ---- Routes: where the events of a source go ------------------------------------------------- */

/* Where a projection leads in one core: the cells along rows and columns. */
struct target {
    const struct wiring *wiring;
    const struct place *place;
    bool relay;
    uint32_t first;      /* cell */
    uint32_t unit[AXES]; /* cells from one row, column to the next */
};

/* All the places that row (column) u of the source reaches. */
static void put_places(struct compiler *c, struct core *core, const struct target *t, int axis,
                       int u)
{
    const struct wiring *w = t->wiring;
    const struct share *s = &t->place->share;
    const int a = axis - 1, list = axis == ROW ? MEMORY_ROW_LIST : MEMORY_COLUMN_LIST;
    const int index = axis == ROW ? MEMORY_ROWS : MEMORY_COLUMNS;
    const uint32_t tap = axis == ROW ? (uint32_t)w->kernel[1] : 1;
    const size_t first = core->memory[list].count;
    uint32_t slot = 0;
    for (int i = 0; i < s->count[axis]; i++) {
        const int dest = s->first[axis] + i * s->step[axis], past = dest - w->at[axis];
        const int o = past / w->spread[a];
        if (past < 0 || past % w->spread[a] || o >= w->block[axis])
            continue;
        for (int k = 0; k < w->kernel[a]; k++) {
            int v = o * w->stride[a] + k * w->dilation[a] - w->before[a];
            if (v < 0 || v >= w->view[a])
                continue;
            slot++;
            for (int b = 0; b < w->pool[a]; b++) {
                int up = v * w->pool_stride[a] + b - w->pool_before[a];
                if (up < 0 || up / w->up[a] != u)
                    continue;
                layout_put(c, core, list,
                           t->relay ? (slot - 1) * t->unit[axis] << 16
                                    : (uint32_t)i * t->unit[axis] << 16 | (uint32_t)k * tap);
            }
        }
    }
    const size_t count = core->memory[list].count - first;
    layout_fits(c, "places along an axis", count, 255);
    layout_put(c, core, index, (uint32_t)(first << 8 | count));
}

/* Four weights are a word, whatever the number of lanes. */
static void put_weight(struct compiler *c, struct core *core, int8_t weight)
{
    struct memory_image *i = &core->memory[MEMORY_WEIGHT];
    if (c->counting)
        return;
    if (core->weight_bytes % 4 == 0)
        layout_put(c, core, MEMORY_WEIGHT, 0);
    if (!c->status)
        i->word[i->count - 1] |= (uint32_t)(uint8_t)weight << core->weight_bytes % 4 * 8;
    core->weight_bytes++;
}

/* The channels of a projection's block that a view's channel reaches: first, and behind the last.
 */
static void reach_of(const struct wiring *w, int view_channel, int *first, int *behind)
{
    const int per = w->block[0] / w->groups;
    *first = view_channel / wiring_fan_in(w) * per;
    *behind = *first + per;
}

/* From a channel of the view to one of the block that it reaches: [taps]. */
static const int8_t *weights_between(const struct synapses *s, int view_channel, int to)
{
    const int fan_in = wiring_fan_in(&s->wiring), taps = s->wiring.kernel[0] * s->wiring.kernel[1];
    return s->weight + ((int64_t)to * fan_in + view_channel % fan_in) * taps;
}

static uint32_t take_vectors(struct core *core, int number)
{
    const uint32_t at = core->weights;
    core->weights += (uint32_t)number;
    core->most_weights = core->weights > core->most_weights ? core->weights : core->most_weights;
    return at;
}

/* A channel group's vectors of what comes from one channel of the view; with own (one_to_one) each
 * lane has the weights of its own. */
static uint32_t put_vectors(struct compiler *c, struct core *core, const struct synapses *s,
                            const int *own, int view_channel, int group)
{
    const struct wiring *w = &s->wiring;
    const int lanes = (int)c->limits.lanes, taps = w->kernel[0] * w->kernel[1];
    const uint32_t at = take_vectors(core, taps);
    int first, behind;
    reach_of(w, view_channel, &first, &behind);
    for (int tap = 0; tap < taps && !c->counting; tap++)
        for (int l = 0; l < lanes; l++) {
            const int o = group * lanes + l - w->at[0];
            const bool there =
                own ? o >= 0 && o < w->block[0] && own[o] >= 0 : o >= first && o < behind;
            put_weight(c, core,
                       there ? weights_between(s, own ? own[o] : view_channel, o)[tap] : 0);
        }
    return at;
}

/* A vector that adds a burst to one lane; where every lane has its own burst, to all. */
static uint32_t unit_vector(struct compiler *c, struct core *core, int lane)
{
    const int lanes = (int)c->limits.lanes;
    const bool all = c->limits.features & FEATURE_LANES;
    if (core->units == NONE) {
        core->units = take_vectors(core, all ? 1 : lanes);
        for (int one = 0; one < (all ? 1 : lanes); one++)
            for (int l = 0; l < lanes; l++)
                put_weight(c, core, all || l == one);
    }
    return core->units + (all ? 0 : (uint32_t)lane);
}

/* The place of a channel group among a core's; -1: it is another's. */
static int place_of_group(const struct share *s, int group)
{
    const int past = group - s->first[GROUP], n = past / s->step[GROUP];
    return past < 0 || past % s->step[GROUP] || n >= s->count[GROUP] ? -1 : n;
}

/* What a source channel reaches as the view's channel i, -1: nothing. own: one_to_one's; vectors:
 * of each of the core's groups, UINT32_MAX: not put yet. */
static void put_own_channel(struct compiler *c, struct core *core, const struct target *t,
                            const struct synapses *s, const int *own, uint32_t *vectors, int i)
{
    const int lanes = (int)c->limits.lanes;
    uint32_t weight = 0, cell = 0;
    int first = 0, behind = 0;
    if (i >= 0)
        reach_of(t->wiring, i, &first, &behind);
    for (int o = first; o < behind; o++) {
        const int to = t->wiring->at[0] + o, n = place_of_group(&t->place->share, to / lanes);
        if (own[o] != i || n < 0)
            continue;
        if (vectors[n] == UINT32_MAX)
            vectors[n] =
                t->relay ? unit_vector(c, core, 0) : put_vectors(c, core, s, own, i, to / lanes);
        weight = vectors[n];
        cell = (uint32_t)(to % lanes) << 28 | (t->first + (uint32_t)n) << 12 | 1;
    }
    layout_put(c, core, MEMORY_CHANNEL_WEIGHT, weight);
    layout_put(c, core, MEMORY_CHANNEL_CELL, cell);
}

/* What source channel `channel` reaches as the view's channel i, -1: nothing. */
static void put_channel(struct compiler *c, struct core *core, const struct target *t,
                        const struct synapses *s, int i)
{
    const struct wiring *w = t->wiring;
    const struct share *share = &t->place->share;
    const int lanes = (int)c->limits.lanes;
    uint32_t weight = 0, cell = 0, groups = 0;
    if (i >= 0) {
        int first, behind;
        reach_of(w, i, &first, &behind);
        first += w->at[0];
        behind += w->at[0];
        for (int g = 0; g < share->count[GROUP]; g++) {
            int group = share->first[GROUP] + g * share->step[GROUP];
            if (group * lanes >= behind || (group + 1) * lanes <= first)
                continue;
            uint32_t at = t->relay ? unit_vector(c, core, first % lanes)
                                   : put_vectors(c, core, s, NULL, i, group);
            if (!groups++) {
                weight = at;
                cell = t->first + (uint32_t)g;
            }
        }
    }
    layout_put(c, core, MEMORY_CHANNEL_WEIGHT, weight);
    layout_put(c, core, MEMORY_CHANNEL_CELL, cell << 12 | groups);
}

/* The view's channel that shows a source channel for the n-th time, -1. */
static int occurrence(const struct wiring *w, int channel, int n)
{
    for (int i = 0; i < w->channels; i++)
        if (w->map[i] == channel && n-- == 0)
            return i;
    return -1;
}

/* Of a projection, one_to_one's. */
static int **own_of(const struct compiler *c, int population, int input)
{
    return &c->own[(size_t)population * (size_t)c->most_inputs + (size_t)input];
}

static void put_route(struct compiler *c, uint32_t k, const struct neurons *source, int to,
                      const struct synapses *s, int turn)
{
    struct core *core = &c->core[k];
    const struct place *at = layout_place(c, to, k);
    const struct wiring *w = &s->wiring;
    const int *n = at->share.count;
    struct target t = {w, at, c->m->population[to].kind == AF_MAXPOOL, at->v, {0}};
    if (t.relay)
        t.first = at->sums;
    if (is_analog(c->m, w->source))
        t.first = at->current;
    t.unit[COLUMN] = (uint32_t)n[GROUP];
    t.unit[ROW] = t.relay ? at->slots[1] * (uint32_t)n[GROUP] : (uint32_t)(n[COLUMN] * n[GROUP]);
    layout_put(c, core, MEMORY_ROUTE_ROWS, (uint32_t)core->memory[MEMORY_ROWS].count);
    layout_put(c, core, MEMORY_ROUTE_COLUMNS, (uint32_t)core->memory[MEMORY_COLUMNS].count);
    layout_put(c, core, MEMORY_ROUTE_CHANNELS, (uint32_t)core->memory[MEMORY_CHANNEL_CELL].count);
    const int *const own = *own_of(c, to, (int)(s - c->m->population[to].input));
    layout_put(c, core, MEMORY_ROUTE_SHIFT,
               (uint32_t)(w->kernel[0] * w->kernel[1]) << 8 | (own ? ROUTE_LANES : 0) |
                   (uint32_t)(t.relay ? ROUTE_RELAY : s->shift));
    layout_fits(c, "weights of a kernel", (size_t)w->kernel[0] * (size_t)w->kernel[1], 0xffff);
    for (int y = 0; y < source->shape[1]; y++)
        put_places(c, core, &t, ROW, y);
    for (int x = 0; x < source->shape[2]; x++)
        put_places(c, core, &t, COLUMN, x);
    const int64_t channels = source->shape[0], first = channels * c->part / c->parts,
                  behind = channels * (c->part + 1) / c->parts;
    uint32_t *const vectors = own ? malloc(((size_t)n[GROUP] + 1) * sizeof *vectors) : NULL;
    if (own && !vectors)
        c->status = af_fail(AF_NO_MEMORY, "no memory for a program");
    for (int g = 0; vectors && g < n[GROUP]; g++)
        vectors[g] = UINT32_MAX;
    for (int channel = 0; channel < channels && !c->status; channel++) {
        const int i = channel >= first && channel < behind ? occurrence(w, channel, turn) : -1;
        if (own)
            put_own_channel(c, core, &t, s, own, vectors, i);
        else
            put_channel(c, core, &t, s, i);
    }
    free(vectors);
}

static int turns(const struct wiring *w)
{
    int most = 0;
    for (int i = 0; i < w->channels; i++) {
        int same = 0;
        for (int j = 0; j <= i; j++)
            same += w->map[j] == w->map[i];
        most = same > most ? same : most;
    }
    return most;
}

static uint32_t route_bit(size_t route)
{
    return route < ROUTE_BITS ? (uint32_t)route : ROUTE_BITS - 1;
}

/* Do all channels of a route's source reach the same cells? */
static bool channels_alike(const struct core *core, size_t route, int channels)
{
    const uint32_t *cell = core->memory[MEMORY_CHANNEL_CELL].word;
    const size_t first = core->memory[MEMORY_ROUTE_CHANNELS].word[route];
    for (size_t i = first + 1; i < first + (size_t)channels; i++)
        if (cell[i] != cell[first])
            return false;
    return true;
}

/* ROUTE_BITS of the routes that a row (memory: MEMORY_ROWS, table: MEMORY_ROUTE_ROWS) or a column
 * of the last phase reaches something by, in any core. */
static uint32_t live_routes(const struct compiler *c, int memory, int table, int at)
{
    uint32_t live = 0;
    for (uint32_t k = 0; k < c->limits.cores; k++) {
        const struct memory_image *m = c->core[k].memory;
        const uint32_t first = m[MEMORY_PHASE].word[m[MEMORY_PHASE].count - 1] >> 16;
        for (size_t r = first; r < m[table].count; r++)
            if (m[memory].word[m[table].word[r] + (uint32_t)at] & 255)
                live |= 1u << route_bit(r - first);
    }
    return live;
}

static void put_live(struct compiler *c, int population, size_t routes)
{
    const int *shape = c->m->population[population].shape;
    uint32_t there = 0, different = 0;
    for (uint32_t k = 0; k < c->limits.cores; k++) {
        const struct memory_image *m = c->core[k].memory;
        const size_t first = m[MEMORY_ROUTE_ROWS].count - routes;
        for (size_t r = 0; r < routes; r++) {
            there |= 1u << route_bit(r);
            different |= (uint32_t)!channels_alike(&c->core[k], first + r, shape[0])
                         << route_bit(r);
        }
    }
    layout_append(c, &c->first,
                  (uint32_t)(c->live[0].count << 20 | c->live[1].count << 8 | there << ROUTE_BITS |
                             different));
    for (int y = 0; routes && y < shape[1] && !c->status; y++)
        layout_append(c, &c->live[0], live_routes(c, MEMORY_ROWS, MEMORY_ROUTE_ROWS, y));
    for (int x = 0; routes && x < shape[2] && !c->status; x++)
        layout_append(c, &c->live[1], live_routes(c, MEMORY_COLUMNS, MEMORY_ROUTE_COLUMNS, x));
}

void layout_part(struct compiler *c, int part, int parts)
{
    c->part = part;
    c->parts = parts;
    for (uint32_t k = 0; k < c->limits.cores; k++)
        c->core[k].weights = 0;
}

void put_phase(struct compiler *c, int source, int from, int to)
{
    const struct neurons *s = &c->m->population[source];
    size_t routes = 0; /* of every core */
    for (uint32_t k = 0; k < c->limits.cores; k++) {
        struct core *core = &c->core[k];
        const size_t first = core->memory[MEMORY_ROUTE_ROWS].count;
        for (int p = from; p < to; p++)
            for (int i = 0; i < c->m->population[p].input_count; i++) {
                const struct synapses *input = &c->m->population[p].input[i];
                const int all = input->wiring.source == source ? turns(&input->wiring) : 0;
                for (int turn = 0; turn < all; turn++)
                    put_route(c, k, s, p, input, turn);
            }
        routes = core->memory[MEMORY_ROUTE_ROWS].count - first;
        layout_put(c, core, MEMORY_PHASE, (uint32_t)(first << 16 | routes));
    }
    if (!c->status && (c->limits.features & FEATURE_LIVE))
        put_live(c, source, routes);
}

/* ---- Instructions ---------------------------------------------------------------------------- */

void instruct(struct compiler *c, struct core *core, int kind, const struct share *s,
              struct instruction_fields f)
{
    static const struct share nowhere = {{0}, {0}, {0}};
    if (!s)
        s = &nowhere;
    layout_put(c, core, MEMORY_PROGRAM, (uint32_t)kind | f.phi << 8 | f.mode << 16 | f.below << 24);
    layout_put(c, core, MEMORY_PROGRAM, f.a);
    layout_put(c, core, MEMORY_PROGRAM, f.b);
    layout_put(c, core, MEMORY_PROGRAM, f.cells);
    layout_put(c, core, MEMORY_PROGRAM, f.vector << 16 | f.vectors);
    layout_put(c, core, MEMORY_PROGRAM, (uint32_t)s->first[ROW] << 16 | (uint32_t)s->step[ROW]);
    layout_put(c, core, MEMORY_PROGRAM,
               (uint32_t)s->first[COLUMN] << 16 | (uint32_t)s->step[COLUMN]);
    layout_put(c, core, MEMORY_PROGRAM, (uint32_t)s->first[GROUP] << 16 | (uint32_t)s->step[GROUP]);
    layout_put(c, core, MEMORY_PROGRAM, (uint32_t)s->count[COLUMN] << 16 | f.window);
    layout_put(c, core, MEMORY_PROGRAM, f.size << 16);
}

static void fill_zero(struct compiler *c, struct core *core, uint32_t first, uint32_t cells, int in)
{
    if (cells)
        instruct(c, core, DO_FILL | in, NULL,
                 (struct instruction_fields){.a = first, .b = NONE, .cells = cells, .vectors = 1});
}

uint32_t relay_cells(const struct place *at)
{
    return at->slots[0] * at->slots[1] * (uint32_t)at->share.count[GROUP];
}

void put_beginning(struct compiler *c, struct core *core, const struct neurons *p,
                   const struct place *at, int in)
{
    if (p->kind == AF_MAXPOOL) {
        fill_zero(c, core, at->v, at->cells, in);
        fill_zero(c, core, at->sums, relay_cells(at), in);
        if (at->current != NONE)
            fill_zero(c, core, at->current, relay_cells(at), in);
        return;
    }
    if (at->cells)
        instruct(c, core, DO_FILL | in, NULL,
                 (struct instruction_fields){.a = at->v,
                                             .b = at->sent,
                                             .cells = at->cells,
                                             .vector = at->vector,
                                             .vectors = (uint32_t)at->share.count[GROUP]});
    if (at->keep_initial != NONE)
        instruct(
            c, core, DO_COPY | in, NULL,
            (struct instruction_fields){.a = at->v, .b = at->keep_initial, .cells = at->cells});
    if (at->keep_bias != NONE)
        instruct(
            c, core, DO_COPY | in, NULL,
            (struct instruction_fields){.a = at->current, .b = at->keep_bias, .cells = at->cells});
    else if (at->current != NONE)
        fill_zero(c, core, at->current, at->cells, in);
}

void put_current(struct compiler *c, struct core *core, const struct neurons *p,
                 const struct place *at)
{
    const bool relay = p->kind == AF_MAXPOOL;
    if (at->current != NONE)
        instruct(c, core, DO_ADD, NULL,
                 (struct instruction_fields){.a = relay ? at->sums : at->v,
                                             .b = at->current,
                                             .cells = relay ? relay_cells(at) : at->cells});
}

void put_firing(struct compiler *c, struct core *core, const struct neurons *p,
                const struct place *at, int row)
{
    const uint32_t groups = (uint32_t)at->share.count[GROUP],
                   each = groups * (uint32_t)at->share.count[COLUMN]; /* of a row */
    struct share share = at->share;
    uint32_t begin = 0, cells = at->cells, mode = 0;
    int y = 0;
    if (row >= 0) {
        const int past = row - share.first[ROW];
        y = past / share.step[ROW];
        const bool here = past >= 0 && past % share.step[ROW] == 0 && y < share.count[ROW];
        y = here ? y : 0;
        begin = (uint32_t)y * each;
        cells = here ? each : 0;
        share.first[ROW] = row;
        mode = FIRE_GOES_ON;
    }
    mode |= layout_long_rows(p) ? FIRE_LONG : 0;
    mode |= c->together[p - c->m->population] ? FIRE_TOGETHER : 0;
    if (p->kind == AF_MAXPOOL) {
        instruct(c, core, DO_RELAY, &share,
                 (struct instruction_fields){.mode = mode,
                                             .a = at->v + begin,
                                             .b = at->sums,
                                             .cells = cells,
                                             .vector = at->window[0] + (uint32_t)y,
                                             .vectors = groups,
                                             .window = at->window[1],
                                             .size = at->slots[1] * groups});
        return;
    }
    mode |= p->kind == AF_LINEAR                     ? FIRE_LINEAR
            : p->kind == AF_RELU && p->signed_bursts ? FIRE_SIGNED
                                                     : 0;
    mode |=
        (uint32_t)(p->kind == AF_OUTPUT ? FIRE_SILENT : 0) | (uint32_t)(c->m->wide ? FIRE_WIDE : 0);
    instruct(c, core, DO_FIRE, &share,
             (struct instruction_fields){.phi = (uint32_t)p->burst,
                                         .below = (uint32_t)p->burst_below,
                                         .mode = mode,
                                         .a = at->v + begin,
                                         .b = at->sent == NONE ? NONE : at->sent + begin,
                                         .cells = cells,
                                         .vector = at->vector,
                                         .vectors = groups});
}

/* ---- Limits ---------------------------------------------------------------------------------- */

/* For adafire-convert --fit; builds as numbered in hw/config.h. */
static const char *build_name(uint32_t build)
{
    return build == 1 ? "tiny" : build == 3 ? "u250" : build == 5 ? "ulx3s" : "sim";
}

/* The largest burst of a build. */
static int most_of(const struct limits *l)
{
    const uint32_t bits = (l->features & FEATURE_BURST_BITS) >> 4;
    return bits ? (1 << bits) - 1 : NARROW_BURSTS;
}

/* What a build's neurons can do. */
static void check_neurons(struct compiler *c)
{
    const int most = most_of(&c->limits);
    for (int i = 0; i < c->m->population_count && !c->status; i++) {
        const struct neurons *p = &c->m->population[i];
        if (p->burst > most || p->burst_below > most)
            c->status = af_fail(AF_UNSUPPORTED,
                                "population '%.80s' fires bursts of up to %d, this build of up to "
                                "%d (convert it with --fit %s)",
                                p->name, p->burst > p->burst_below ? p->burst : p->burst_below,
                                most, build_name(c->limits.build));
        else if (!(c->limits.features & FEATURE_BURST_BITS) && p->kind == AF_LINEAR &&
                 p->burst_below != p->burst)
            c->status = af_fail(AF_UNSUPPORTED,
                                "population '%.80s' bursts from -%d to %d, this build as far to "
                                "both sides",
                                p->name, p->burst_below, p->burst);
    }
    if (c->m->wide && !(c->limits.features & FEATURE_WIDE) && !c->status)
        c->status = af_fail(AF_UNSUPPORTED,
                            "the model has potentials of 31 bits, this build of 23 (convert it "
                            "with --fit %s)",
                            build_name(c->limits.build));
}

int layout_check(struct compiler *c, bool chip)
{
    const struct limits *l = &c->limits;
    check_neurons(c);
    for (uint32_t k = 0; k < l->cores; k++) {
        const struct core *core = &c->core[k];
        const struct memory_image *m = core->memory;
        layout_fits(c, "cells", core->cells, l->cells);
        if (core->sent > l->sent_cells && !c->status)
            c->status = af_fail(AF_UNSUPPORTED,
                                "the model needs %zu cells of neurons with signed bursts a core; "
                                "this build has %zu (convert it with --signed off)",
                                (size_t)core->sent, (size_t)l->sent_cells);
        layout_fits(c, "weight vectors", core->most_weights, l->weights);
        layout_fits(c, "parameter vectors", core->parameters, l->parameters);
        layout_fits(c, "routes", m[MEMORY_ROUTE_ROWS].count, l->routes);
        layout_fits(c, "channel entries", m[MEMORY_CHANNEL_CELL].count, l->channels);
        layout_fits(c, "row entries", m[MEMORY_ROWS].count, l->axis);
        layout_fits(c, "column entries", m[MEMORY_COLUMNS].count, l->axis);
        layout_fits(c, "window entries", m[MEMORY_WINDOW].count, l->windows);
        layout_fits(c, "places of rows", m[MEMORY_ROW_LIST].count, l->list);
        layout_fits(c, "places of columns", m[MEMORY_COLUMN_LIST].count, l->list);
        layout_fits(c, "populations", m[MEMORY_PHASE].count, l->phases);
        layout_fits(c, "words of instructions", m[MEMORY_PROGRAM].count, l->program);
        for (int i = 1; chip && i < c->m->population_count; i++)
            if (layout_fires(&c->m->population[i]))
                layout_fits(c, "cells of one population", layout_place(c, i, k)->cells,
                            l->fired_depth);
    }
    return c->status;
}

/* ---- Opening --------------------------------------------------------------------------------- */

/* Where every channel of the view leads to at most one channel of the block, and none shares its
 * own: the view's channel for each of the block, -1: none. NULL: it is not so, or there is no
 * memory. */
static int *one_to_one(struct compiler *c, bool relay, const struct synapses *s)
{
    const struct wiring *w = &s->wiring;
    const size_t taps = (size_t)w->kernel[0] * (size_t)w->kernel[1];
    int8_t *const nothing = calloc(taps, 1);
    int *own = malloc((size_t)w->block[0] * sizeof *own);
    bool good = nothing && own;
    if (!good)
        c->status = af_fail(AF_NO_MEMORY, "no memory for a program");
    for (int o = 0; good && o < w->block[0]; o++)
        own[o] = -1;
    for (int i = 0; i < w->channels && good; i++) {
        int first, behind, found = -1;
        reach_of(w, i, &first, &behind);
        for (int o = first; o < behind && good; o++)
            if (relay || memcmp(weights_between(s, i, o), nothing, taps) != 0) {
                good = found < 0 && own[o] < 0;
                found = o;
            }
        if (good && found >= 0)
            own[found] = i;
    }
    free(nothing);
    if (!good)
        free(own);
    return good ? own : NULL;
}

/* Which projections a machine with lanes takes a cell's events together for. */
static void find_own(struct compiler *c)
{
    for (int i = 0; i < c->m->population_count && c->limits.features & FEATURE_LANES; i++) {
        const struct neurons *p = &c->m->population[i];
        for (int k = 0; k < p->input_count; k++) {
            *own_of(c, i, k) = one_to_one(c, p->kind == AF_MAXPOOL, &p->input[k]);
            c->together[p->input[k].wiring.source] |= *own_of(c, i, k) != NULL;
        }
    }
}

int layout_open(struct compiler *c, struct program *p, const struct limits *limits)
{
    *c = (struct compiler){.p = p, .m = p->model, .limits = *limits};
    c->core = calloc(limits->cores, sizeof *c->core);
    c->place = calloc((size_t)p->model->population_count * limits->cores, sizeof *c->place);
    const size_t populations = (size_t)p->model->population_count;
    c->most_inputs = 1;
    for (size_t i = 0; i < populations; i++)
        if (c->m->population[i].input_count > c->most_inputs)
            c->most_inputs = c->m->population[i].input_count;
    c->together = calloc(populations, sizeof *c->together);
    c->own = calloc(populations * (size_t)c->most_inputs, sizeof *c->own);
    if (!c->core || !c->place || !c->together || !c->own)
        return af_fail(AF_NO_MEMORY, "no memory for a program");
    find_own(c);
    layout_begin(c);
    return c->status;
}

void layout_begin(struct compiler *c)
{
    c->first.count = c->live[0].count = c->live[1].count = 0;
    c->part = 0;
    c->parts = 1;
    for (uint32_t k = 0; k < c->limits.cores; k++) {
        struct core *core = &c->core[k];
        for (int i = 0; i < MEMORIES; i++)
            core->memory[i].count = 0;
        core->cells = core->sent = core->weights = core->most_weights = core->weight_bytes = 0;
        core->units = NONE;
        core->parameters = 1;
        /* Parameter vector 0 is zero. */
        for (uint32_t l = 0; l < c->limits.lanes; l++) {
            layout_put(c, core, MEMORY_THRESHOLD, STATE_LIMIT);
            layout_put(c, core, MEMORY_BIAS, 0);
            layout_put(c, core, MEMORY_INITIAL, 0);
        }
    }
}

void layout_close(struct compiler *c)
{
    for (uint32_t k = 0; c->core && k < c->limits.cores; k++)
        for (int i = 0; i < MEMORIES; i++)
            free(c->core[k].memory[i].word);
    free(c->core);
    free(c->place);
    free(c->together);
    for (int i = 0; c->own && i < c->m->population_count * c->most_inputs; i++)
        free(c->own[i]);
    free(c->own);
    free(c->first.word);
    for (int i = 0; i < 2; i++)
        free(c->live[i].word);
}
