#include "accelerator/tiles.h"

#include "accelerator/loading.h"
#include "base/error.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A tile whose weights are too many takes them part by part: of some channels of its sources, whose
 * events are replayed for each. */
enum { MOST_PARTS = 64 };
struct tile {
    int population;
    struct extent extent;
    int parts;
    uint32_t first_list; /* of its rows */
};

/* What travels between memory and a core for a tile, in the order in which the core asks. */
struct movement {
    int mode;               /* MOVE_... */
    uint32_t at, cells;     /* in the core */
    uint32_t address;       /* in memory */
    int taken_in, given_in; /* IN_... of the instructions */
    bool taken, given;
};
enum { MOST_MOVEMENTS = 6 };

/* Vectors of a tile's parts, of each core. */
struct weights {
    uint32_t vectors[MOST_CORES][MOST_PARTS];
};

struct tiles {
    struct compiler *c;
    struct weights weights; /* of the tile that is laid out */
    struct tile *tile;
    int count, room;
    struct memory_image script;
    uint32_t end;   /* of what has been given away of the memory, in beats */
    uint32_t lists; /* numbers given away */
    uint32_t answer;
};

static uint32_t cell_beats(const struct compiler *c, uint32_t cells)
{
    return cells * c->limits.lanes / BEAT_WORDS;
}

static uint32_t take_beats(struct tiles *t, uint64_t beats)
{
    const uint32_t at = t->end;
    if (beats > UINT32_MAX - at && !t->c->status)
        t->c->status = af_fail(AF_UNSUPPORTED, "the model needs more than 64 GB of memory");
    t->end += (uint32_t)beats;
    return at;
}

bool tiles_forced(int most[2])
{
    const char *text = getenv("ADAFIRE_TILES");
    most[GROUP] = most[ROW] = INT_MAX;
    return text && sscanf(text, "%d %d", &most[ROW], &most[GROUP]) == 2 && most[ROW] > 0 &&
           most[GROUP] > 0;
}

/* ---- Cutting --------------------------------------------------------------------------------- */

/* The sources of a population, each once; returns how many. */
static int sources_of(const struct neurons *p, int *source)
{
    int count = 0;
    for (int i = 0; i < p->input_count; i++) {
        bool there = false;
        for (int j = 0; j < count; j++)
            there |= source[j] == p->input[i].wiring.source;
        if (!there)
            source[count++] = p->input[i].wiring.source;
    }
    return count;
}

/* What a core has to move, in the order of its instructions. */
static int movements_of(const struct compiler *c, int population, uint32_t k,
                        struct movement m[MOST_MOVEMENTS])
{
    const struct neurons *p = &c->m->population[population];
    const struct place *at = layout_place(c, population, k);
    const uint32_t sums = p->kind == AF_MAXPOOL ? relay_cells(at) : 0;
    const int given_in = p->kind == AF_OUTPUT ? 0 : IN_ALL_BUT_LAST;
    const struct movement all[] = {
        {.at = at->keep_initial,
         .cells = at->keep_initial != NONE ? at->cells : 0,
         .taken = true,
         .taken_in = IN_FIRST},
        {.at = at->keep_bias,
         .cells = at->keep_bias != NONE ? at->cells : 0,
         .taken = true,
         .taken_in = IN_FIRST},
        {.at = at->v,
         .cells = at->cells,
         .taken = true,
         .taken_in = IN_LATER,
         .given = true,
         .given_in = given_in},
        {.at = at->sums,
         .cells = sums,
         .taken = true,
         .taken_in = IN_LATER,
         .given = true,
         .given_in = given_in},
        {.mode = MOVE_SENT,
         .at = at->sent,
         .cells = at->sent != NONE ? at->cells : 0,
         .taken = true,
         .taken_in = IN_LATER,
         .given = true,
         .given_in = given_in},
        {.at = at->current,
         .cells = at->current == NONE ? 0
                  : sums              ? sums
                                      : at->cells,
         .taken = true,
         .taken_in = IN_LATER,
         .given = true,
         .given_in = IN_FIRST | IN_ALL_BUT_LAST},
    };
    int count = 0;
    for (int i = 0; i < MOST_MOVEMENTS; i++)
        if (all[i].cells)
            m[count++] = all[i];
    return count;
}

static void put_taking(struct compiler *c, struct core *core, uint32_t vectors)
{
    if (vectors)
        instruct(c, core, DO_TAKE, NULL,
                 (struct instruction_fields){.mode = MOVE_WEIGHTS, .cells = vectors});
}

static void put_program(struct compiler *c, const struct tile *tile, uint32_t k, int sources,
                        const struct weights *weights)
{
    const struct neurons *p = &c->m->population[tile->population];
    const struct place *at = layout_place(c, tile->population, k);
    const bool watched =
        tile->population == model_answer(c->m) && c->m->iat.metric != 0; /* IAT_OFF */
    struct core *core = &c->core[k];
    struct movement m[MOST_MOVEMENTS];
    const int movements = movements_of(c, tile->population, k, m);
    layout_put(c, core, MEMORY_PROGRAM, 0);
    layout_put(c, core, MEMORY_PROGRAM, 0);
    put_taking(c, core, weights->vectors[k][0]);
    for (int i = 0; i < movements; i++)
        if (m[i].taken)
            instruct(c, core, DO_TAKE | m[i].taken_in, NULL,
                     (struct instruction_fields){
                         .mode = (uint32_t)m[i].mode, .a = m[i].at, .cells = m[i].cells});
    put_beginning(c, core, p, at, IN_FIRST);
    for (int part = 0; part < tile->parts; part++) {
        if (part)
            put_taking(c, core, weights->vectors[k][part]);
        for (int i = 0; i < sources; i++)
            instruct(c, core, DO_WAIT, NULL, (struct instruction_fields){.mode = WAIT_INPUT});
    }
    put_current(c, core, p, at);
    if (layout_fires(p))
        for (int y = 0; y < tile->extent.size[ROW]; y++)
            put_firing(c, core, p, at, tile->extent.first[ROW] + y);
    else
        put_firing(c, core, p, at, -1);
    for (int i = 0; i < movements; i++)
        if (m[i].given)
            instruct(c, core, DO_GIVE | m[i].given_in, NULL,
                     (struct instruction_fields){
                         .mode = (uint32_t)m[i].mode, .a = m[i].at, .cells = m[i].cells});
    for (int i = 0; i < (watched ? 2 : 0); i++)
        instruct(
            c, core, DO_VALUES, NULL,
            (struct instruction_fields){.mode = VALUES_WATCHED, .a = at->v, .cells = at->cells});
    instruct(c, core, DO_WAIT, NULL, (struct instruction_fields){.mode = WAIT_START});
}

/* Fills the cores' memories. */
static void lay_out_tile(struct compiler *c, const struct tile *tile, struct weights *weights)
{
    const struct neurons *p = &c->m->population[tile->population];
    int *source = calloc((size_t)p->input_count + 1, sizeof *source);
    if (!source) {
        c->status = af_fail(AF_NO_MEMORY, "no memory for a program");
        return;
    }
    layout_begin(c);
    for (uint32_t k = 0; k < c->limits.cores; k++)
        lay_out(c, tile->population, &tile->extent, k);
    const int sources = sources_of(p, source);
    for (int part = 0; part < tile->parts; part++) {
        layout_part(c, part, tile->parts);
        for (int i = 0; i < sources; i++)
            put_phase(c, source[i], tile->population, tile->population + 1);
        for (uint32_t k = 0; k < c->limits.cores; k++)
            weights->vectors[k][part] = c->core[k].weights;
    }
    for (uint32_t k = 0; k < c->limits.cores; k++)
        put_program(c, tile, k, sources, weights);
    free(source);
}

/* Whether the chip holds a tile so large, the first of its population; *vectors: weights of all
 * cores. */
static bool holds(struct compiler *c, struct tile tile, uint64_t *vectors)
{
    struct weights weights;
    c->counting = true;
    lay_out_tile(c, &tile, &weights);
    const bool fits = layout_check(c, false) == AF_OK;
    c->counting = false;
    *vectors = 0;
    for (uint32_t k = 0; k < c->limits.cores; k++)
        for (int part = 0; part < tile.parts; part++)
            *vectors += weights.vectors[k][part];
    if (c->status == AF_UNSUPPORTED)
        c->status = AF_OK;
    return fits;
}

/* As many rows as the chip holds of the tile's groups, of all that it has, 0: not even one. */
static int most_rows(struct compiler *c, struct tile tile, uint64_t *vectors)
{
    int least = 0, most = tile.extent.size[ROW];
    if (holds(c, tile, vectors))
        return most;
    while (most - least > 1 && !c->status) {
        tile.extent.size[ROW] = (least + most) / 2;
        if (holds(c, tile, vectors))
            least = tile.extent.size[ROW];
        else
            most = tile.extent.size[ROW];
    }
    tile.extent.size[ROW] = least;
    if (least)
        (void)holds(c, tile, vectors);
    return least;
}

/* Whether the chip holds all of a population's tiles of a size: the last ones are smaller, and
 * cores may share those otherwise. */
static bool holds_all(struct compiler *c, const struct extent *all, struct tile tile)
{
    const int size[2] = {tile.extent.size[GROUP], tile.extent.size[ROW]};
    for (int last = 0; last < 4; last++) {
        uint64_t vectors;
        for (int a = 0; a < 2; a++) {
            const int rest = all->size[a] % size[a];
            tile.extent.size[a] = last >> a & 1 && rest ? rest : size[a];
        }
        if (!holds(c, tile, &vectors))
            return false;
    }
    return true;
}

/* Groups and rows of a population's tiles that take so many parts, into tile->extent.size: tiles of
 * more rows load the same weights less often, tiles of more groups see their sources' events less
 * often. False if the chip holds none. */
static bool choose_size(struct compiler *c, const struct extent *all, struct tile *tile)
{
    enum { TILE_CYCLES = 3000 }; /* for tables and instructions, guessed */
    const struct neurons *p = &c->m->population[tile->population];
    double best = 0, events = 0;
    int most[2];
    if (!tiles_forced(most) || tile->population == model_answer(c->m))
        most[GROUP] = most[ROW] = INT_MAX;
    bool found = false;
    for (int i = 0; i < p->input_count; i++)
        events += 0.3 * (double)neuron_count(&c->m->population[p->input[i].wiring.source]);
    for (int ng = 1, last = 0; ng <= all->size[GROUP] && !c->status; ng++) {
        const int groups = divide_up(all->size[GROUP], ng);
        struct tile one = *tile;
        uint64_t vectors;
        if (groups == last || (groups > most[GROUP] && groups > 1))
            continue;
        last = groups;
        one.extent.size[GROUP] = groups;
        one.extent.size[ROW] = all->size[ROW] < most[ROW] ? all->size[ROW] : most[ROW];
        const int rows = most_rows(c, one, &vectors);
        if (!rows)
            continue;
        const int nr = divide_up(all->size[ROW], rows);
        const double cost = (double)vectors * nr * ng + events * (ng * tile->parts - 1) / 2 +
                            (double)TILE_CYCLES * nr * ng;
        one.extent.size[ROW] = divide_up(all->size[ROW], nr); /* tiles of a size */
        if (!holds_all(c, all, one)) {
            one.extent.size[ROW] = rows;
            if (!holds_all(c, all, one))
                continue;
        }
        if (!found || cost < best) {
            best = cost;
            tile->extent = one.extent;
        }
        found = true;
        if (nr == 1)
            break;
    }
    return found;
}

/* In as few parts as can be. Early exit looks at the answer's values where they are, so that its
 * tile is all of it. */
static int choose_tile(struct compiler *c, struct tile *tile)
{
    const struct neurons *p = &c->m->population[tile->population];
    const struct extent all = extent_of(c, tile->population);
    const bool whole = tile->population == model_answer(c->m) && c->m->iat.metric != 0;
    for (tile->parts = 1; tile->parts <= (p->kind == AF_MAXPOOL ? 1 : MOST_PARTS) && !c->status;
         tile->parts *= 2) {
        uint64_t vectors;
        tile->extent.size[GROUP] = all.size[GROUP];
        tile->extent.size[ROW] = all.size[ROW];
        if (whole ? holds(c, *tile, &vectors) : choose_size(c, &all, tile))
            return c->status;
    }
    if (c->status)
        return c->status;
    /* Says which memory is too small for the smallest of tiles. */
    struct weights weights;
    tile->parts = 1;
    if (!whole)
        tile->extent.size[GROUP] = tile->extent.size[ROW] = 1;
    c->counting = true;
    lay_out_tile(c, tile, &weights);
    c->counting = false;
    if (layout_check(c, false) == AF_UNSUPPORTED) {
        char why[256];
        snprintf(why, sizeof why, "%s", af_error());
        return af_fail(AF_UNSUPPORTED, "%s of '%.80s' is more than a build can hold at once: %s",
                       whole ? "the answer" : "the smallest tile", p->name, why);
    }
    return c->status;
}

static int add_tiles(struct tiles *t, int population)
{
    struct compiler *c = t->c;
    const struct extent all = extent_of(c, population);
    struct tile tile = {.population = population};
    const int status = choose_tile(c, &tile), *size = tile.extent.size;
    if (status)
        return status;
    for (int y = 0; y < all.size[ROW]; y += size[ROW])
        for (int g = 0; g < all.size[GROUP]; g += size[GROUP]) {
            const int rows = all.size[ROW] - y, groups = all.size[GROUP] - g;
            if (t->count == t->room) {
                const int room = t->room ? 2 * t->room : 64;
                struct tile *more = realloc(t->tile, (size_t)room * sizeof *more);
                if (!more)
                    return af_fail(AF_NO_MEMORY, "no memory for a program");
                t->tile = more;
                t->room = room;
            }
            t->tile[t->count++] =
                (struct tile){.population = population,
                              .parts = tile.parts,
                              .extent = {{g, y},
                                         {groups < size[GROUP] ? groups : size[GROUP],
                                          rows < size[ROW] ? rows : size[ROW]}}};
        }
    return AF_OK;
}

/* ---- The script ------------------------------------------------------------------------------ */

static void step(struct tiles *t, int kind, int in, uint32_t core, uint32_t one, uint32_t two,
                 uint32_t three)
{
    layout_append(t->c, &t->script, (uint32_t)kind | (uint32_t)in << 8 | core << 16);
    layout_append(t->c, &t->script, one);
    layout_append(t->c, &t->script, two);
    layout_append(t->c, &t->script, three);
}

static void put_words(struct tiles *t, const uint32_t *word, size_t words)
{
    for (size_t i = 0; i < (words + BEAT_WORDS - 1) / BEAT_WORDS * BEAT_WORDS; i++)
        layout_append(t->c, &t->script, i < words ? word[i] : 0);
}

static void put_table(struct tiles *t, uint32_t core, uint32_t memory, uint32_t address,
                      const struct memory_image *i)
{
    if (!i->count)
        return;
    step(t, STEP_LOAD, 0, core, memory << 24 | address, (uint32_t)i->count, 0);
    put_words(t, i->word, i->count);
}

static void put_tables(struct tiles *t)
{
    struct compiler *c = t->c;
    for (uint32_t k = 0; k < c->limits.cores; k++)
        for (uint32_t memory = 0; memory < MEMORIES; memory++)
            if (memory != MEMORY_WEIGHT && memory != MEMORY_CELL)
                put_table(t, k, memory, 0, &c->core[k].memory[memory]);
    put_table(t, 0, MEMORY_GATHER, GATHER_FIRST, &c->first);
    put_table(t, 0, MEMORY_GATHER, GATHER_ROWS, &c->live[0]);
    put_table(t, 0, MEMORY_GATHER, GATHER_COLUMNS, &c->live[1]);
}

/* Of each core, what a part needs. */
static void put_weights(struct tiles *t, uint32_t k, int part)
{
    const struct core *core = &t->c->core[k];
    const size_t each = t->c->limits.lanes / 4; /* words of a vector */
    const uint32_t vectors = t->weights.vectors[k][part];
    const uint32_t *word = core->memory[MEMORY_WEIGHT].word;
    for (int before = 0; before < part; before++)
        word += t->weights.vectors[k][before] * each;
    if (vectors)
        step(t, STEP_WIDE, 0, k, vectors, 0, 0);
    for (uint32_t v = 0; v < vectors && !t->c->status; v++)
        put_words(t, word + v * each, each);
}

static int store(struct tiles *t, uint32_t address, const uint32_t *word, size_t words)
{
    enum { PIECE = 1 << 20 };
    int status = AF_OK;
    for (size_t i = 0; i < words && !status; i += PIECE)
        status = program_load(t->c->p, 0, MEMORY_EXTERNAL, address * BEAT_WORDS + (uint32_t)i,
                              word + i, words - i < PIECE ? words - i : PIECE);
    return status;
}

/* What is moved to the cores before a tile begins, and where what they save goes. */
static void put_movements(struct tiles *t, const struct tile *tile, uint32_t k,
                          struct movement m[MOST_MOVEMENTS], int movements)
{
    struct compiler *c = t->c;
    const bool output = c->m->population[tile->population].kind == AF_OUTPUT;
    for (int i = 0; i < movements && !c->status; i++) {
        const uint32_t beats = cell_beats(c, m[i].cells);
        if (m[i].given && output && m[i].at == layout_place(c, tile->population, k)->v) {
            m[i].address = t->answer;
            t->answer += beats;
        } else
            m[i].address = take_beats(t, beats);
        if (!m[i].given) /* constants */
            c->status =
                store(t, m[i].address,
                      c->core[k].memory[MEMORY_CELL].word + (size_t)m[i].at * c->limits.lanes,
                      (size_t)m[i].cells * c->limits.lanes);
        if (m[i].taken)
            step(t, STEP_RESTORE, m[i].taken_in, k, m[i].address, beats, 0);
    }
}

/* Whether a row of a phase's source leads anywhere, in any core; memory and table as MEMORY_ROWS
 * and MEMORY_ROUTE_ROWS, or of channels. */
static bool leads(const struct compiler *c, int phase, int memory, int table, uint32_t mask, int at)
{
    for (uint32_t k = 0; k < c->limits.cores; k++) {
        const struct memory_image *m = c->core[k].memory;
        const uint32_t routes = m[MEMORY_PHASE].word[phase], first = routes >> 16;
        for (uint32_t r = first; r < first + (routes & 0xffff); r++)
            if (m[memory].word[m[table].word[r] + (uint32_t)at] & mask)
                return true;
    }
    return false;
}

static int long_flag(const struct neurons *p)
{
    return layout_long_rows(p) ? STEP_LONG : 0;
}

/* The lists of a tile's rows that reach something. */
static void put_replay(struct tiles *t, const struct tile *from, int phase, int in)
{
    const struct compiler *c = t->c;
    const struct extent *e = &from->extent;
    const int lanes = (int)c->limits.lanes, channels = c->m->population[from->population].shape[0];
    int first = 0, behind = e->size[ROW];
    bool some = false;
    for (int i = e->first[GROUP] * lanes;
         i < (e->first[GROUP] + e->size[GROUP]) * lanes && i < channels && !some; i++)
        some = leads(c, phase, MEMORY_CHANNEL_CELL, MEMORY_ROUTE_CHANNELS, 4095, i);
    while (first < behind &&
           !leads(c, phase, MEMORY_ROWS, MEMORY_ROUTE_ROWS, 255, e->first[ROW] + first))
        first++;
    while (first < behind &&
           !leads(c, phase, MEMORY_ROWS, MEMORY_ROUTE_ROWS, 255, e->first[ROW] + behind - 1))
        behind--;
    if (some && first < behind)
        step(t, STEP_REPLAY, in | long_flag(&c->m->population[from->population]), 0,
             from->first_list + (uint32_t)first, from->first_list + (uint32_t)behind,
             (uint32_t)(e->first[ROW] + first));
}

static int phase_of(const struct program *p, int population)
{
    int phase = 0;
    while (phase < p->phases && p->phase_of[phase] != population)
        phase++;
    return phase;
}

/* Lists for so many rows: where they go; their numbers and one more are taken. */
static uint32_t take_lists(struct tiles *t, int rows)
{
    const uint32_t first = t->lists;
    t->lists += (uint32_t)rows + 1;
    layout_fits(t->c, "lists of events", t->lists, t->c->limits.lists);

    return first;
}

/* Beats that rows of so many neurons may fill, each core's share rounded up. */
static uint64_t list_beats(const struct compiler *c, int rows, int64_t neurons)
{
    return (uint64_t)rows * ((uint64_t)(neurons + BEAT_WORDS - 1) / BEAT_WORDS + c->limits.cores);
}

/* A mark that the cores make, and whose events they add from there on. */
static void note_span(struct tiles *t, int population)
{
    struct program *p = t->c->p;
    int *more = realloc(p->span, (size_t)(p->spans + 1) * sizeof *more);
    if (!more) {
        t->c->status = af_fail(AF_NO_MEMORY, "no memory for a program");
        return;
    }
    p->span = more;
    p->span[p->spans++] = population;
}

static void put_sources(struct tiles *t, int index)
{
    const struct compiler *c = t->c;
    const struct tile *tile = &t->tile[index];
    const struct neurons *p = &c->m->population[tile->population];
    int source[256];
    const int sources = sources_of(p, source), all = sources * tile->parts;
    for (int phase = 0; phase < all; phase++) {
        const int from = source[phase % sources], in = is_analog(c->m, from) ? IN_FIRST : 0;
        if (phase && phase % sources == 0)
            for (uint32_t k = 0; k < c->limits.cores; k++)
                put_weights(t, k, phase / sources);
        for (int i = 0; i < index; i++)
            if (t->tile[i].population == from)
                put_replay(t, &t->tile[i], phase, in);
        step(t, STEP_END, 0, 0, (uint32_t)phase_of(c->p, from), 0, 0);
        note_span(t, phase + 1 < all ? source[(phase + 1) % sources] : tile->population);
    }
}

static int put_tile(struct tiles *t, int index)
{
    struct compiler *c = t->c;
    struct tile *tile = &t->tile[index];
    const struct neurons *p = &c->m->population[tile->population];
    const struct extent *e = &tile->extent;
    struct movement m[MOST_CORES][MOST_MOVEMENTS];
    int movements[MOST_CORES];
    lay_out_tile(c, tile, &t->weights);
    if (layout_check(c, false))
        return c->status;
    put_tables(t);
    step(t, STEP_TILE, 0, 0, 0, 0, 0);
    note_span(t, p->input_count ? p->input[0].wiring.source : tile->population);
    for (uint32_t k = 0; k < c->limits.cores && !c->status; k++) {
        put_weights(t, k, 0);
        movements[k] = movements_of(c, tile->population, k, m[k]);
        put_movements(t, tile, k, m[k], movements[k]);
        if (p->kind == AF_OUTPUT && !c->status)
            c->status =
                program_part(c->p, tile->population, &layout_place(c, tile->population, k)->share);
    }
    step(t, STEP_AWAIT, 0, 0, 0, 0, 0);
    if (!c->status)
        put_sources(t, index);
    if (layout_fires(p)) {
        const int lanes = (int)c->limits.lanes;
        const int64_t neurons = (int64_t)e->size[GROUP] * lanes * p->shape[2];
        tile->first_list = take_lists(t, e->size[ROW]);
        step(t, STEP_LISTS, long_flag(p), 0, take_beats(t, list_beats(c, e->size[ROW], neurons)),
             (uint32_t)e->size[ROW] << 16 | tile->first_list,
             (uint32_t)phase_of(c->p, tile->population) << 16 | (uint32_t)e->first[ROW]);
    }
    for (uint32_t k = 0; k < c->limits.cores && !c->status; k++)
        for (int i = 0; i < movements[k]; i++)
            if (m[k][i].given)
                step(t, STEP_SAVE, m[k][i].given_in, k, m[k][i].address,
                     cell_beats(c, m[k][i].cells), 0);
    step(t, STEP_CONFIRM, 0, 0, 0, 0, 0);
    return c->status;
}

/* ---- All of it ------------------------------------------------------------------------------- */

static int check(struct tiles *t)
{
    struct compiler *c = t->c;
    for (int i = 0; i < c->m->population_count; i++) {
        const struct neurons *p = &c->m->population[i];
        const bool long_rows = layout_long_rows(p);
        layout_fits(c,
                    long_rows ? "channels of a population of long rows in memory"
                              : "channels of a population in memory",
                    (size_t)p->shape[0], long_rows ? TILE_LONG_CHANNELS : TILE_MOST_CHANNELS);
        layout_fits(c, "columns of a population in memory", (size_t)p->shape[2], TILE_LONG_COLUMNS);
        layout_fits(c, "sources of a population", (size_t)p->input_count, 256);
    }
    layout_fits(c, "populations", (size_t)c->p->phases + 1, c->limits.counted);
    return c->status;
}

/* The outputs stand one behind the other in the order of their tiles and cores. */
static void take_answer(struct tiles *t)
{
    struct compiler *c = t->c;
    t->answer = t->end;
    for (int i = 0; i < t->count; i++)
        for (uint32_t k = 0;
             k < c->limits.cores && c->m->population[t->tile[i].population].kind == AF_OUTPUT;
             k++) {
            const struct share s = share_of(c, t->tile[i].population, &t->tile[i].extent, (int)k);
            take_beats(t, cell_beats(c, (uint32_t)(s.count[0] * s.count[1] * s.count[2])));
        }
    take_beats(t, (uint64_t)c->p->phases + 1);
}

static int emit(struct tiles *t, uint32_t answer)
{
    struct compiler *c = t->c;
    struct program *p = c->p;
    uint32_t output_words[MOST_CORES] = {0};
    p->tallies_word = p->answer_words;
    p->answer_words += (size_t)(p->phases + 1) * BEAT_WORDS;
    output_words[0] = (uint32_t)p->answer_words;
    const uint32_t script = take_beats(t, t->script.count / BEAT_WORDS);
    const uint32_t mover[MOVER_REGISTERS] = {
        [MOVER_SCRIPT] = script,
        [MOVER_SCRIPT_BEATS] = (uint32_t)(t->script.count / BEAT_WORDS),
        [MOVER_ANSWER] = answer,
        [MOVER_ANSWER_BEATS] = (uint32_t)(p->answer_words / BEAT_WORDS),
        [MOVER_TALLY] = answer + (uint32_t)(p->tallies_word / BEAT_WORDS),
        [MOVER_TALLIES] = (uint32_t)p->phases + 1};
    const uint32_t gather[2] = {0, c->m->format.events};
    p->memory = (uint64_t)t->end * BEAT_WORDS * sizeof(uint32_t);
    int status = c->status ? c->status : store(t, script, t->script.word, t->script.count);
    if (!status)
        status = program_load(p, 0, MEMORY_MOVER, 0, mover, MOVER_REGISTERS);
    if (!status)
        status = program_load(p, 0, MEMORY_GATHER, GATHER_PHASES, gather, 2);
    return status ? status : load_collector(c, output_words, c->m->iat.metric != 0);
}

static int compile(struct tiles *t)
{
    struct compiler *c = t->c;
    const int *input = c->m->population[0].shape;
    int status = check(t);
    if (!status) {
        t->tile = calloc(64, sizeof *t->tile);
        t->room = 64;
        if (!t->tile)
            return af_fail(AF_NO_MEMORY, "no memory for a program");
        t->tile[t->count++] = (struct tile){.population = 0, .extent = extent_of(c, 0)};
    }
    /* The answer comes last: who decides about early exit looks at nothing else behind it. */
    for (int i = 1; i < c->m->population_count && !status; i++)
        if (i != model_answer(c->m))
            status = add_tiles(t, i);
    if (!status)
        status = add_tiles(t, model_answer(c->m));
    if (status)
        return status;
    take_answer(t);
    const uint32_t answer = t->answer;
    /* A beat has the events of one channel, and of two columns where a row is wide (put_row). */
    const uint64_t beats = (uint64_t)input[0] * (uint64_t)input[1] * (uint64_t)((input[2] + 1) / 2);
    t->tile[0].first_list = take_lists(t, input[1]);
    step(t, STEP_INPUT, (c->m->format.events ? 0 : IN_FIRST) | long_flag(&c->m->population[0]), 0,
         take_beats(t, beats), (uint32_t)input[1], (uint32_t)input[2] << 16 | (uint32_t)input[0]);
    step(t, STEP_CONFIRM, 0, 0, 0, 0, 0);
    for (int i = 1; i < t->count && !status; i++)
        status = put_tile(t, i);
    step(t, STEP_AWAIT, 0, 0, 0, 0, 0);
    step(t, STEP_DECIDE, 0, 0, 0, 0, 0);
    return status ? status : emit(t, answer);
}

int tiles_compile(struct compiler *c)
{
    struct tiles t = {.c = c};
    c->p->tiles = true;
    const int status = compile(&t);
    free(t.tile);
    free(t.script.word);
    return status;
}
