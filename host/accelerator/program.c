#include "accelerator/program.h"

#include "base/error.h"
#include "iat.h"
#include "isa.h"
#include "link/message.h"

#include <stdlib.h>
#include <string.h>

enum { AXES = 3, GROUP = 0, ROW = 1, COLUMN = 2 };
enum { MOST_WORDS = 1 << 24 /* of a core's memory */, MOST_CORES = 255, MOST_LANES = 256 };

bool limits_from(const uint32_t *payload, size_t words, struct limits *limits)
{
    if (words * sizeof *payload != offsetof(struct limits, features) || payload[0] != ISA_VERSION)
        return false;
    memcpy(limits, payload, words * sizeof *payload);
    limits->features = limits->lanes >> 16;
    limits->lanes &= 0xffff;
    return true;
}

/* The contents of one core's memories, as they grow. */
struct memory_image {
    uint32_t *word;
    size_t count, room;
};
struct core {
    struct memory_image memory[MEMORIES];
    uint32_t cells, sent, parameters, weights; /* cells and vectors so far */
    uint32_t weight_bytes;
    uint32_t units; /* weight vectors with a single 1, for relays; NONE: not there yet */
};

/* Where one core keeps a population. */
struct place {
    struct share share;
    uint32_t cells;                   /* how many */
    uint32_t v;                       /* first cell: potentials, or what a relay has sent */
    uint32_t sums;                    /* a relay's running sums: cells of all slots */
    uint32_t slots[2];                /* slots along rows and columns */
    uint32_t window[2];               /* its windows in MEMORY_WINDOW */
    uint32_t current;                 /* what is added in every timestep, NONE: nothing */
    uint32_t keep_bias, keep_initial; /* where values for each neuron are kept, NONE */
    uint32_t sent;
    uint32_t vector; /* parameters of its groups */
};

static const uint32_t none = 0xffff;

struct compiler {
    struct program *p;
    const struct af_model *m;
    struct limits limits;
    struct core *core;
    struct place *place;                /* [population][core] */
    struct memory_image first, live[2]; /* of MEMORY_GATHER: rows, columns */
    int status;
};

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

static void append(struct compiler *c, struct memory_image *i, uint32_t word)
{
    if (!c->status && i->count == i->room)
        c->status = make_room(i);
    if (!c->status)
        i->word[i->count++] = word;
}

static void put(struct compiler *c, struct core *core, int memory, uint32_t word)
{
    append(c, &core->memory[memory], word);
}

static void fits(struct compiler *c, const char *what, size_t needed, size_t there)
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

static struct place *place_of(const struct compiler *c, int population, uint32_t core)
{
    return &c->place[(size_t)population * c->limits.cores + core];
}

/* ---- Shares ---------------------------------------------------------------------------------- */

static int divide_up(int a, int b)
{
    return b > 1 ? (a + b - 1) / b : a;
}

/* How a population is dealt out: cores along groups, rows and columns; as few cells for the fullest
 * core as possible, then along groups, where no core needs another's weights. */
static void choose_split(const int size[AXES], int cores, int split[AXES])
{
    int64_t best = INT64_MAX;
    for (int g = cores; g >= 1; g--)
        for (int y = 1; y <= cores; y++) {
            int x = cores / (g * y);
            if (x < 1 || g * y * x != cores)
                continue;
            int64_t fullest = (int64_t)divide_up(size[GROUP], g) * divide_up(size[ROW], y) *
                              divide_up(size[COLUMN], x);
            /* Neighbours in a row differ in column: both ways where it makes no difference. */
            if (fullest < best || (fullest == best && split[GROUP] == g &&
                                   abs(y - x) < abs(split[ROW] - split[COLUMN]))) {
                best = fullest;
                split[GROUP] = g;
                split[ROW] = y;
                split[COLUMN] = x;
            }
        }
}

struct share program_share(const struct program *p, int population, int core)
{
    const int *shape = p->model->population[population].shape;
    int lanes = (int)p->limits.lanes, split[AXES] = {1, 1, 1};
    int size[AXES] = {divide_up(shape[0], lanes), shape[1], shape[2]};
    choose_split(size, (int)p->limits.cores, split);
    struct share s;
    for (int a = 0; a < AXES; a++) {
        s.first[a] = core % split[a];
        s.step[a] = split[a];
        core /= split[a];
        s.count[a] = size[a] > s.first[a] ? divide_up(size[a] - s.first[a], split[a]) : 0;
    }
    return s;
}

/* ---- Where everything is kept ---------------------------------------------------------------- */

static bool is_analog(const struct af_model *m, int population)
{
    return population == 0 && !m->format.events;
}

static bool fires(const struct neurons *p)
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
        put(c, core, MEMORY_CELL, 0);
    for (int y = 0; y < s->count[ROW]; y++)
        for (int x = 0; x < s->count[COLUMN]; x++)
            for (int g = 0; g < s->count[GROUP]; g++)
                for (uint32_t l = 0; l < c->limits.lanes; l++) {
                    int channel =
                        (s->first[GROUP] + g * s->step[GROUP]) * (int)c->limits.lanes + (int)l;
                    put(c, core, MEMORY_CELL,
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
            put(c, core, MEMORY_THRESHOLD,
                (uint32_t)(there && p->threshold ? p->threshold[channel] : STATE_LIMIT));
            put(c, core, MEMORY_BIAS, (uint32_t)(there && bias_here ? p->bias[channel] : 0));
            put(c, core, MEMORY_INITIAL,
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
        put(c, core, MEMORY_WINDOW, first * cells << 16 | (at->slots[a] - first));
    }
}

static void lay_out(struct compiler *c, int population, uint32_t k)
{
    const struct neurons *p = &c->m->population[population];
    struct core *core = &c->core[k];
    struct place *at = place_of(c, population, k);
    at->share = program_share(c->p, population, (int)k);
    const int *n = at->share.count;
    at->cells = (uint32_t)(n[0] * n[1] * n[2]);
    at->current = at->keep_bias = at->keep_initial = at->sent = none;
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
        fits(c, "spikes that a neuron with signed bursts may send",
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
                put(c, core, list,
                    t->relay ? (slot - 1) * t->unit[axis] << 16
                             : (uint32_t)i * t->unit[axis] << 16 | (uint32_t)k * tap);
            }
        }
    }
    const size_t count = core->memory[list].count - first;
    fits(c, "places along an axis", count, 255);
    put(c, core, index, (uint32_t)(first << 8 | count));
}

/* Four weights are a word, whatever the number of lanes. */
static void put_weight(struct compiler *c, struct core *core, int8_t weight)
{
    struct memory_image *i = &core->memory[MEMORY_WEIGHT];
    if (core->weight_bytes % 4 == 0)
        put(c, core, MEMORY_WEIGHT, 0);
    if (!c->status)
        i->word[i->count - 1] |= (uint32_t)(uint8_t)weight << core->weight_bytes % 4 * 8;
    core->weight_bytes++;
}

static uint32_t put_vectors(struct compiler *c, struct core *core, const struct synapses *s,
                            int view_channel, int group)
{
    const struct wiring *w = &s->wiring;
    const int fan_in = wiring_fan_in(w), lanes = (int)c->limits.lanes;
    const int per = w->block[0] / w->groups, first = view_channel / fan_in * per;
    const int taps = w->kernel[0] * w->kernel[1];
    const uint32_t at = core->weights;
    core->weights += (uint32_t)taps;
    for (int tap = 0; tap < taps; tap++)
        for (int l = 0; l < lanes; l++) {
            const int o = group * lanes + l - w->at[0];
            const int64_t index = ((int64_t)o * fan_in + view_channel % fan_in) * taps + tap;
            put_weight(c, core, o >= first && o < first + per ? s->weight[index] : 0);
        }
    return at;
}

static uint32_t unit_vector(struct compiler *c, struct core *core, int lane)
{
    const int lanes = (int)c->limits.lanes;
    if (core->units == none) {
        core->units = core->weights;
        core->weights += (uint32_t)lanes;
        for (int one = 0; one < lanes; one++)
            for (int l = 0; l < lanes; l++)
                put_weight(c, core, l == one);
    }
    return core->units + (uint32_t)lane;
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
        int per = w->block[0] / w->groups, first = w->at[0] + i / wiring_fan_in(w) * per;
        for (int g = 0; g < share->count[GROUP]; g++) {
            int group = share->first[GROUP] + g * share->step[GROUP];
            if (group * lanes >= first + per || (group + 1) * lanes <= first)
                continue;
            uint32_t at =
                t->relay ? unit_vector(c, core, first % lanes) : put_vectors(c, core, s, i, group);
            if (!groups++) {
                weight = at;
                cell = t->first + (uint32_t)g;
            }
        }
    }
    put(c, core, MEMORY_CHANNEL_WEIGHT, weight);
    put(c, core, MEMORY_CHANNEL_CELL, cell << 12 | groups);
}

/* The view's channel that shows a source channel for the n-th time, -1. */
static int occurrence(const struct wiring *w, int channel, int n)
{
    for (int i = 0; i < w->channels; i++)
        if (w->map[i] == channel && n-- == 0)
            return i;
    return -1;
}

static void put_route(struct compiler *c, uint32_t k, const struct neurons *source, int to,
                      const struct synapses *s, int turn)
{
    struct core *core = &c->core[k];
    const struct place *at = place_of(c, to, k);
    const struct wiring *w = &s->wiring;
    const int *n = at->share.count;
    struct target t = {w, at, c->m->population[to].kind == AF_MAXPOOL, at->v, {0}};
    if (t.relay)
        t.first = at->sums;
    if (is_analog(c->m, w->source))
        t.first = at->current;
    t.unit[COLUMN] = (uint32_t)n[GROUP];
    t.unit[ROW] = t.relay ? at->slots[1] * (uint32_t)n[GROUP] : (uint32_t)(n[COLUMN] * n[GROUP]);
    put(c, core, MEMORY_ROUTE_ROWS, (uint32_t)core->memory[MEMORY_ROWS].count);
    put(c, core, MEMORY_ROUTE_COLUMNS, (uint32_t)core->memory[MEMORY_COLUMNS].count);
    put(c, core, MEMORY_ROUTE_CHANNELS, (uint32_t)core->memory[MEMORY_CHANNEL_CELL].count);
    put(c, core, MEMORY_ROUTE_SHIFT,
        (uint32_t)(w->kernel[0] * w->kernel[1]) << 8 |
            (uint32_t)(t.relay ? ROUTE_RELAY : s->shift));
    fits(c, "weights of a kernel", (size_t)w->kernel[0] * (size_t)w->kernel[1], 0xffff);
    for (int y = 0; y < source->shape[1]; y++)
        put_places(c, core, &t, ROW, y);
    for (int x = 0; x < source->shape[2]; x++)
        put_places(c, core, &t, COLUMN, x);
    for (int channel = 0; channel < source->shape[0]; channel++)
        put_channel(c, core, &t, s, occurrence(w, channel, turn));
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
    append(c, &c->first,
           (uint32_t)(c->live[0].count << 20 | c->live[1].count << 8 | there << ROUTE_BITS |
                      different));
    for (int y = 0; routes && y < shape[1] && !c->status; y++)
        append(c, &c->live[0], live_routes(c, MEMORY_ROWS, MEMORY_ROUTE_ROWS, y));
    for (int x = 0; routes && x < shape[2] && !c->status; x++)
        append(c, &c->live[1], live_routes(c, MEMORY_COLUMNS, MEMORY_ROUTE_COLUMNS, x));
}

static void put_phase(struct compiler *c, int population)
{
    const struct neurons *source = &c->m->population[population];
    size_t routes = 0; /* of every core */
    for (uint32_t k = 0; k < c->limits.cores; k++) {
        struct core *core = &c->core[k];
        const size_t first = core->memory[MEMORY_ROUTE_ROWS].count;
        for (int to = population + 1; to < c->m->population_count; to++)
            for (int i = 0; i < c->m->population[to].input_count; i++) {
                const struct synapses *s = &c->m->population[to].input[i];
                for (int turn = 0; s->wiring.source == population && turn < turns(&s->wiring);
                     turn++)
                    put_route(c, k, source, to, s, turn);
            }
        routes = core->memory[MEMORY_ROUTE_ROWS].count - first;
        put(c, core, MEMORY_PHASE, (uint32_t)(first << 16 | routes));
    }
    if (!c->status && (c->limits.features & FEATURE_LIVE))
        put_live(c, population, routes);
}

/* ---- Instructions ---------------------------------------------------------------------------- */

struct instruction_fields {
    uint32_t phi, below, mode, a, b, cells, vector, vectors, columns, window;
    uint32_t size; /* cells of a row of a relay's sums */
};

static void instruct(struct compiler *c, struct core *core, int kind, const struct share *s,
                     struct instruction_fields f)
{
    static const struct share nowhere = {{0}, {0}, {0}};
    if (!s)
        s = &nowhere;
    put(c, core, MEMORY_PROGRAM, (uint32_t)kind | f.phi << 8 | f.mode << 16 | f.below << 24);
    put(c, core, MEMORY_PROGRAM, f.a);
    put(c, core, MEMORY_PROGRAM, f.b);
    put(c, core, MEMORY_PROGRAM, f.cells);
    put(c, core, MEMORY_PROGRAM, f.vector << 16 | f.vectors);
    put(c, core, MEMORY_PROGRAM, (uint32_t)s->first[ROW] << 16 | (uint32_t)s->step[ROW]);
    put(c, core, MEMORY_PROGRAM, (uint32_t)s->first[COLUMN] << 16 | (uint32_t)s->step[COLUMN]);
    put(c, core, MEMORY_PROGRAM, (uint32_t)s->first[GROUP] << 16 | (uint32_t)s->step[GROUP]);
    put(c, core, MEMORY_PROGRAM, (uint32_t)s->count[COLUMN] << 16 | f.window);
    put(c, core, MEMORY_PROGRAM, f.size << 16);
}

static void fill_zero(struct compiler *c, struct core *core, uint32_t first, uint32_t cells)
{
    if (cells)
        instruct(c, core, DO_FILL, NULL,
                 (struct instruction_fields){.a = first, .b = none, .cells = cells, .vectors = 1});
}

static void put_beginning(struct compiler *c, struct core *core, const struct neurons *p,
                          const struct place *at)
{
    if (p->kind == AF_MAXPOOL) {
        uint32_t sums = at->slots[0] * at->slots[1] * (uint32_t)at->share.count[GROUP];
        fill_zero(c, core, at->v, at->cells);
        fill_zero(c, core, at->sums, sums);
        if (at->current != none)
            fill_zero(c, core, at->current, sums);
        return;
    }
    if (at->cells)
        instruct(c, core, DO_FILL, NULL,
                 (struct instruction_fields){.a = at->v,
                                             .b = at->sent,
                                             .cells = at->cells,
                                             .vector = at->vector,
                                             .vectors = (uint32_t)at->share.count[GROUP]});
    if (at->keep_initial != none)
        instruct(
            c, core, DO_COPY, NULL,
            (struct instruction_fields){.a = at->v, .b = at->keep_initial, .cells = at->cells});
    if (at->keep_bias != none)
        instruct(
            c, core, DO_COPY, NULL,
            (struct instruction_fields){.a = at->current, .b = at->keep_bias, .cells = at->cells});
    else if (at->current != none)
        fill_zero(c, core, at->current, at->cells);
}

static void put_firing(struct compiler *c, struct core *core, const struct neurons *p,
                       const struct place *at)
{
    const uint32_t groups = (uint32_t)at->share.count[GROUP];
    if (p->kind == AF_MAXPOOL) {
        const uint32_t sums = at->slots[0] * at->slots[1] * groups;
        if (at->current != none)
            instruct(c, core, DO_ADD, NULL,
                     (struct instruction_fields){.a = at->sums, .b = at->current, .cells = sums});
        instruct(c, core, DO_RELAY, &at->share,
                 (struct instruction_fields){.a = at->v,
                                             .b = at->sums,
                                             .cells = at->cells,
                                             .vector = at->window[0],
                                             .vectors = groups,
                                             .window = at->window[1],
                                             .size = at->slots[1] * groups});
        return;
    }
    if (at->current != none)
        instruct(c, core, DO_ADD, NULL,
                 (struct instruction_fields){.a = at->v, .b = at->current, .cells = at->cells});
    instruct(
        c, core, DO_FIRE, &at->share,
        (struct instruction_fields){.phi = (uint32_t)p->burst,
                                    .below = (uint32_t)p->burst_below,
                                    .mode = (p->kind == AF_LINEAR                     ? FIRE_LINEAR
                                             : p->kind == AF_RELU && p->signed_bursts ? FIRE_SIGNED
                                                                                      : 0) |
                                            (uint32_t)(p->kind == AF_OUTPUT ? FIRE_SILENT : 0) |
                                            (uint32_t)(c->m->wide ? FIRE_WIDE : 0),
                                    .a = at->v,
                                    .b = at->sent,
                                    .cells = at->cells,
                                    .vector = at->vector,
                                    .vectors = groups});
}

static void put_instructions(struct compiler *c, uint32_t k)
{
    struct core *core = &c->core[k];
    const int output = model_answer(c->m);
    const struct instruction_fields input = {.mode = WAIT_INPUT},
                                    decision = {.mode = WAIT_DECISION},
                                    start = {.mode = WAIT_START};
    const struct instruction_fields watched = {.mode = VALUES_WATCHED,
                                               .a = place_of(c, output, k)->v,
                                               .cells = place_of(c, output, k)->cells};
    put(c, core, MEMORY_PROGRAM, 0);
    put(c, core, MEMORY_PROGRAM, 0);
    for (int i = 1; i < c->m->population_count; i++)
        put_beginning(c, core, &c->m->population[i], place_of(c, i, k));
    if (!c->m->format.events)
        instruct(c, core, DO_WAIT, NULL, input);
    uint32_t step = (uint32_t)core->memory[MEMORY_PROGRAM].count;
    if (c->m->format.events)
        instruct(c, core, DO_WAIT, NULL, input);
    for (int i = 1; i < c->m->population_count; i++)
        put_firing(c, core, &c->m->population[i], place_of(c, i, k));
    instruct(c, core, DO_VALUES, NULL, watched);
    instruct(c, core, DO_VALUES, NULL, watched);
    instruct(c, core, DO_WAIT, NULL, decision);
    uint32_t stop = (uint32_t)core->memory[MEMORY_PROGRAM].count;
    for (int i = 1; i < c->m->population_count; i++)
        if (c->m->population[i].kind == AF_OUTPUT) {
            const struct place *at = place_of(c, i, k);
            instruct(c, core, DO_VALUES, NULL,
                     (struct instruction_fields){.a = at->v, .cells = at->cells});
            c->p->output_words[k] += (int)(at->cells * c->limits.lanes);
        }
    instruct(c, core, DO_WAIT, NULL, start);
    if (!c->status) {
        core->memory[MEMORY_PROGRAM].word[0] = step;
        core->memory[MEMORY_PROGRAM].word[1] = stop;
    }
}

/* ---- Messages -------------------------------------------------------------------------------- */

static int load(struct program *p, uint32_t core, uint32_t memory, uint32_t address,
                const uint32_t *data, size_t count)
{
    size_t need = p->words + count + 5;
    if (need > p->room) {
        size_t room = 2 * need;
        uint32_t *more = realloc(p->word, room * sizeof *more);
        if (!more)
            return af_fail(AF_NO_MEMORY, "no memory for a program");
        p->word = more;
        p->room = room;
    }
    uint32_t *w = p->word + p->words;
    w[2] = core << 24 | memory;
    w[3] = address;
    memcpy(w + 4, data, count * sizeof *data);
    p->words += message_seal(w, COMMAND_LOAD, count + 2);
    return AF_OK;
}

static int load_collector(struct compiler *c)
{
    struct program *p = c->p;
    const struct early_exit *x = &c->m->iat;
    const int output = model_answer(c->m);
    int status = AF_OK;
    const int classes = c->m->population[output].shape[0];
    const uint32_t exit[3] = {(uint32_t)x->metric, (uint32_t)x->multiplier, (uint32_t)x->shift};
    status = load(p, 0, MEMORY_COLLECT, COLLECT_METRIC, exit, 3);
    for (uint32_t k = 0; k < c->limits.cores && !status; k++) {
        const struct place *at = place_of(c, output, k);
        const int lanes = (int)c->limits.lanes;
        const uint32_t watched = at->cells * c->limits.lanes,
                       answered = (uint32_t)p->output_words[k];
        uint32_t real = 0; /* no lanes that the last channel group leaves empty */
        for (int g = 0; g < at->share.count[GROUP]; g++) {
            const int first = (at->share.first[GROUP] + g * at->share.step[GROUP]) * lanes;
            real += (uint32_t)(first + lanes <= classes ? lanes : classes - first);
        }
        status = load(p, 0, MEMORY_COLLECT, COLLECT_WATCHED + k, &watched, 1);
        if (!status)
            status = load(p, 0, MEMORY_COLLECT, COLLECT_CLASSES + k, &real, 1);
        if (!status)
            status = load(p, 0, MEMORY_COLLECT, COLLECT_OUTPUTS + k, &answered, 1);
    }
    if (x->metric != IAT_OFF)
        fits(c, "timesteps with early exit", (size_t)c->m->timesteps, c->limits.timesteps);
    status = status ? status : c->status;
    for (int t = 0; x->metric != IAT_OFF && t < c->m->timesteps && !status; t++) {
        /* 16 bits are more than any entropy, and always and never stay what they are. */
        const uint32_t limit = x->limit[t] < 0xffff ? (uint32_t)x->limit[t] : 0xffff;
        status = load(p, 0, MEMORY_COLLECT, (uint32_t)(COLLECT_LIMIT + t), &limit, 1);
    }
    return status;
}

/* For adafire-convert --fit; builds as numbered in hw/config.h. */
static const char *build_name(uint32_t build)
{
    return build == 1 ? "tiny" : build == 3 ? "u250" : "sim";
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

static int check_fit(struct compiler *c)
{
    const struct limits *l = &c->limits;
    check_neurons(c);
    for (uint32_t k = 0; k < l->cores; k++) {
        const struct core *core = &c->core[k];
        const struct memory_image *m = core->memory;
        fits(c, "cells", core->cells, l->cells);
        if (core->sent > l->sent_cells && !c->status)
            c->status = af_fail(AF_UNSUPPORTED,
                                "the model needs %zu cells of neurons with signed bursts a core; "
                                "this build has %zu (convert it with --signed off)",
                                (size_t)core->sent, (size_t)l->sent_cells);
        fits(c, "weight vectors", core->weights, l->weights);
        fits(c, "parameter vectors", core->parameters, l->parameters);
        fits(c, "routes", m[MEMORY_ROUTE_ROWS].count, l->routes);
        fits(c, "channel entries", m[MEMORY_CHANNEL_CELL].count, l->channels);
        fits(c, "row entries", m[MEMORY_ROWS].count, l->axis);
        fits(c, "column entries", m[MEMORY_COLUMNS].count, l->axis);
        fits(c, "window entries", m[MEMORY_WINDOW].count, l->windows);
        fits(c, "places of rows", m[MEMORY_ROW_LIST].count, l->list);
        fits(c, "places of columns", m[MEMORY_COLUMN_LIST].count, l->list);
        fits(c, "populations", m[MEMORY_PHASE].count, l->phases);
        fits(c, "words of instructions", m[MEMORY_PROGRAM].count, l->program);
        for (int i = 1; i < c->m->population_count; i++)
            if (fires(&c->m->population[i]))
                fits(c, "cells of one population", place_of(c, i, k)->cells, l->fired_depth);
    }
    return c->status;
}

static int load_live(struct compiler *c)
{
    const struct {
        uint32_t address;
        const struct memory_image *image;
    } tables[] = {
        {GATHER_FIRST, &c->first}, {GATHER_ROWS, &c->live[0]}, {GATHER_COLUMNS, &c->live[1]}};
    int status = AF_OK;
    for (int i = 0; i < 3 && !status; i++)
        status = load(c->p, 0, MEMORY_GATHER, tables[i].address, tables[i].image->word,
                      tables[i].image->count);
    return status;
}

static int emit(struct compiler *c)
{
    struct program *p = c->p;
    int status = check_fit(c);
    for (uint32_t k = 0; k < c->limits.cores && !status; k++) {
        for (uint32_t memory = 0; memory < MEMORIES && !status; memory++) {
            const struct memory_image *i = &c->core[k].memory[memory];
            if (i->count)
                status = load(p, k, memory, 0, i->word, i->count);
        }
    }
    const uint32_t gather[2] = {(uint32_t)p->phases, c->m->format.events};
    if (!status)
        status = load(p, 0, MEMORY_GATHER, GATHER_PHASES, gather, 2);
    if (!status && (c->limits.features & FEATURE_LIVE))
        status = load_live(c);
    return status ? status : load_collector(c);
}

static int compile(struct compiler *c)
{
    struct program *p = c->p;
    for (uint32_t k = 0; k < c->limits.cores; k++) {
        c->core[k].units = none;
        c->core[k].parameters = 1;
        /* Parameter vector 0 is zero. */
        for (uint32_t l = 0; l < c->limits.lanes; l++) {
            put(c, &c->core[k], MEMORY_THRESHOLD, STATE_LIMIT);
            put(c, &c->core[k], MEMORY_BIAS, 0);
            put(c, &c->core[k], MEMORY_INITIAL, 0);
        }
        for (int i = 0; i < c->m->population_count; i++)
            lay_out(c, i, k);
    }
    put_phase(c, 0);
    for (int i = 1; i < c->m->population_count; i++)
        if (fires(&c->m->population[i])) {
            p->phase_of[++p->phases] = i;
            put_phase(c, i);
        }
    for (uint32_t k = 0; k < c->limits.cores; k++)
        put_instructions(c, k);
    return c->status ? c->status : emit(c);
}

int program_make(const struct af_model *m, const struct limits *limits, struct program **program)
{
    *program = NULL;
    if (limits->cores < 1 || limits->cores > MOST_CORES || limits->lanes < 1 ||
        limits->lanes > MOST_LANES)
        return af_fail(AF_NO_DEVICE, "the accelerator claims %u cores of %u lanes", limits->cores,
                       limits->lanes);
    struct program *p = calloc(1, sizeof *p);
    struct core *core = calloc(limits->cores, sizeof *core);
    struct place *place = calloc((size_t)m->population_count * limits->cores, sizeof *place);
    struct compiler c = {.p = p, .m = m, .limits = *limits, .core = core, .place = place};
    int status = AF_OK;
    if (p) {
        p->model = m;
        p->limits = *limits;
        p->phase_of = calloc((size_t)m->population_count + 1, sizeof *p->phase_of);
        p->output_words = calloc(limits->cores, sizeof *p->output_words);
    }
    if (!p || !core || !place || !p->phase_of || !p->output_words)
        status = af_fail(AF_NO_MEMORY, "no memory for a program");
    if (!status)
        status = compile(&c);
    for (uint32_t k = 0; core && k < limits->cores; k++)
        for (int i = 0; i < MEMORIES; i++)
            free(core[k].memory[i].word);
    free(core);
    free(place);
    free(c.first.word);
    for (int i = 0; i < 2; i++)
        free(c.live[i].word);
    if (status)
        program_free(p);
    else
        *program = p;
    return status;
}

void program_free(struct program *p)
{
    if (!p)
        return;
    free(p->word);
    free(p->phase_of);
    free(p->output_words);
    free(p);
}
