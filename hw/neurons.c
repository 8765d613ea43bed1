/* Holds potentials and weights: adds factor * weight vector to a cell of LANES neurons, one a
 * cycle, and lets populations fire. */

/* A core's memories (isa.h: MEMORY_WEIGHT and those behind it). */
typedef uint32_t potentials[CELLS][SLICES][SLICE];
typedef int8_t weights[WEIGHTS][LANES / 4][4];
typedef sent_count sent_counts[SENT_CELLS * SLICES][SLICE];
typedef uint32_t parameters[PARAMETERS * SLICES][SLICE];
typedef uint32_t window_table[WINDOWS];
typedef uint32_t instruction_list[PROGRAM];
typedef uint32_t mark_list[MARKS + !PROFILED][MARK_WORDS];

#if MEMORY
/* Synaptic operations of each source, in a run by tiles. */
typedef uint64_t tile_totals[COUNTED * TOTALS];
#endif

/* How far a core is. */
struct progress {
    uint16_t counter;                /* of instructions */
    uint16_t step_start, stop_start; /* where a timestep and where the outputs begin */
    uint16_t phase, next_phase;      /* of the events that come; with which a timestep begins */
    bool watched, first_step;
    uint16_t marks;
    struct waits waits;
    WITH_MEMORY(bool tiles, last_step;) /* the run is by tiles; of the timesteps there may be */
};

/* The lanes in which an operation adds something: a weight of 0 is none. It is looked up as where
 * it is added, so that hlsc sees one access. */
static inline uint32_t adding_lanes(const weights *weight, const struct operation *o, int k)
{
    uint32_t there = 0;
    for (int l = 0; l < LANES; l++) {
#pragma HLS unroll
        bool adds = AT(*weight, o->weight[k])[l / 4][l % 4] != 0;
        WITH_LANES(adds &= k > 0 || !o->lanes.there || o->lanes.count[l];)
        there |= (uint32_t)adds << l;
    }
    return there;
}

/* Of these, spikes; 0: none is counted. */
static inline uint32_t spikes_of(const struct operation *o, int k, uint32_t there, uint8_t number)
{
#if LANEWISE
    uint32_t sum = 0;
    for (int l = 0; l < LANES; l++) {
#pragma HLS unroll
        sum += there >> l & 1 ? magnitude(o->lanes.count[l]) : 0;
    }
    if (k == 0 && o->lanes.there)
        return o->size[0] ? sum : 0;
#else
    (void)there;
#endif
    return (uint32_t)o->size[k] * number;
}

/* What a lane's weight is multiplied with. */
static inline uint32_t factor_of(const struct operation *o, int k, int lane)
{
#if LANEWISE
    if (k == 0 && o->lanes.there)
        return (uint32_t)(int32_t)o->lanes.count[lane] << o->lanes.shift;
#else
    (void)lane;
#endif
    return (uint32_t)o->factor[k];
}

/* Adds synapses until another token comes, which is returned, and counts them: of events, of
 * spikes. */
static inline struct operation accumulate(hls_stream(struct operation) in, potentials *cell,
                                          const weights *weight, uint64_t *operations,
                                          uint64_t *spike_operations)
{
    struct operation o;
    uint16_t last = NOWHERE, before_last = NOWHERE;
    int32_t v1[LANES] = {0}, v2[LANES] = {0};
accumulate:
    for (;;) {
#pragma HLS pipeline II = 1
#pragma HLS dependence variable = cell inter distance = 3 true
        o = hls_read(in);
        if (o.kind != TOKEN_EVENT)
            break;
        const uint16_t at = o.cell & (CELLS - 1);
        for (int l = 0; l < LANES; l++) {
            int32_t v = at == last          ? v1[l]
                        : at == before_last ? v2[l]
                                            : unpacked((*cell)[at] OF_LANE(l));
            uint32_t added = 0;
            for (int k = 0; k <= PAIRS; k++)
                added += (uint32_t)AT(*weight, o.weight[k])[l / 4][l % 4] * factor_of(&o, k, l);
            v = unpacked((uint32_t)v + added);
            (*cell)[at] OF_LANE(l) = packed(v);
            v2[l] = v1[l];
            v1[l] = v;
        }
        for (int k = 0; k <= PAIRS; k++) {
            const uint32_t there = adding_lanes(weight, &o, k);
            const uint8_t number = __builtin_popcount(there);
            *operations += o.size[k] ? number : 0;
            *spike_operations += spikes_of(&o, k, there, number);
        }
        before_last = last;
        last = at;
    }
    return o;
}

/* A word of COMMAND_LOAD. */
static inline void load_memory(const struct operation *o, potentials *cell, weights *weight,
                               parameters *threshold, parameters *bias, parameters *initial,
                               window_table *window, instruction_list *program,
                               struct progress *progress)
{
    const uint32_t word = (uint32_t)o->factor[0];
    const uint32_t slice = o->weight[0] / SLICE, lane = o->weight[0] % SLICE,
                   quarter = o->weight[0] % (LANES / 4);
    switch (o->cell) {
    case MEMORY_WEIGHT:
        for (int l = 0; l < 4; l++) {
#pragma HLS unroll
            AT(*weight, o->weight[0] / (LANES / 4))[quarter][l] = (int8_t)(word >> 8 * l);
        }
        break;
    case MEMORY_THRESHOLD: AT(*threshold, slice)[lane] = word & 0x7fffff; break;
    case MEMORY_BIAS: AT(*bias, slice)[lane] = packed((int32_t)word); break;
    case MEMORY_INITIAL: AT(*initial, slice)[lane] = packed((int32_t)word); break;
    case MEMORY_CELL:
        AT(*cell, o->weight[0] / LANES) OF_LANE(o->weight[0]) = packed((int32_t)word);
        break;
    case MEMORY_WINDOW: AT(*window, o->weight[0]) = word; break;
    case MEMORY_PROGRAM: AT(*program, o->weight[0]) = word; break;
    }
    /* Where a timestep and where the outputs begin stands in the first two words. */
    if (o->cell == MEMORY_PROGRAM && o->weight[0] == 0)
        progress->step_start = word;
    if (o->cell == MEMORY_PROGRAM && o->weight[0] == 1)
        progress->stop_start = word;
}

/* The kind of instruction that a word says: none in timesteps that it is not for. */
static inline uint8_t kind_of(uint32_t word, const struct progress *progress)
{
#if MEMORY
    const uint8_t skipped =
        (progress->first_step ? IN_LATER : IN_FIRST) | (progress->last_step ? IN_ALL_BUT_LAST : 0);
    return progress->tiles && word & skipped ? DO_NOTHING : word & 31;
#else
    (void)progress;
    return word & 255;
#endif
}

static inline void start_run(struct progress *progress, uint32_t flags)
{
    progress->watched = flags & RUN_IAT;
    progress->first_step = true;
    progress->phase = 0;
    progress->next_phase = flags & RUN_EVENTS ? 0 : 1;
    progress->counter = 2;
#if MEMORY
    progress->tiles = flags & RUN_TILES;
#endif
}

#if MEMORY
/* Each has a program of its own. */
static inline void start_tile(struct progress *progress, uint32_t flags)
{
    progress->first_step = flags & TILE_FIRST;
    progress->last_step = flags & TILE_LAST;
    progress->counter = 2;
}
#endif

static inline void start_step(struct progress *progress)
{
    progress->first_step = false;
    progress->phase = progress->next_phase;
    progress->counter = progress->step_start;
}

static inline void send_totals(hls_stream(int32_t) values, const totals *total, uint32_t phases)
{
    for (uint32_t k = 0; k < phases * TOTALS * 2; k++) {
#pragma HLS pipeline II = 1
        hls_write(values, (int32_t)word_of(AT(*total, k / 2), k));
    }
}

#if MEMORY
static inline void send_tile_totals(hls_stream(int32_t) values, const tile_totals *total,
                                    uint32_t sources)
{
    for (uint32_t k = 0; k < sources * TOTALS * 2; k++) {
#pragma HLS pipeline II = 1
        hls_write(values, (int32_t)word_of(AT(*total, k / 2), k));
    }
}
#endif

static inline void send_profile(hls_stream(int32_t) values, const struct waits *waits,
                                const mark_list *mark, int32_t marks)
{
    hls_write(values, (int32_t)waits->starved);
    hls_write(values, (int32_t)waits->blocked);
    for (int32_t i = 0; i < marks * MARK_WORDS; i++)
        hls_write(values, (int32_t)AT(*mark, i / MARK_WORDS)[i % MARK_WORDS]);
}

/* An instruction (isa.h). */
struct decoded {
    uint8_t kind, phi, below, mode;
    bool sends, moves; /* bursts; goes through cells slice by slice */
    uint16_t vector;   /* of parameters, the first; DO_RELAY: of windows of rows */
    uint32_t a, b, cells;
    uint32_t widths, sizes;
    struct share share;
    struct cursor first;
};

/* A READ is a VALUES of its own. */
static inline struct decoded decode(const instruction_list *program, const struct progress *now,
                                    const struct operation *o, bool read)
{
    const uint16_t counter = now->counter;
    const uint32_t w = AT(*program, counter), b = AT(*program, counter + 2),
                   vectors = AT(*program, counter + 4), rows = AT(*program, counter + 5),
                   columns = AT(*program, counter + 6), groups = AT(*program, counter + 7),
                   widths = AT(*program, counter + 8), sizes = AT(*program, counter + 9);
    const uint32_t a = read ? o->weight[0] : AT(*program, counter + 1),
                   cells = read ? (uint32_t)o->factor[0] : AT(*program, counter + 3);
    const uint8_t kind = read ? DO_VALUES : kind_of(w, now);
    const bool sends = kind == DO_FIRE || kind == DO_RELAY;
    const struct decoded i = {
        .kind = kind,
        .phi = w >> 8 & 255,
        .below = w >> 24,
        .mode = read ? 0 : w >> 16 & 255,
        .sends = sends,
        .moves = sends || kind == DO_COPY || kind == DO_ADD,
        .vector = vectors >> 16,
        .a = a,
        .b = b,
        .cells = WITHIN(CELLS, cells),
        .widths = widths,
        .sizes = sizes,
        .share = {.groups = vectors & 0xffff,
                  .columns = widths >> 16,
                  .first_group = groups >> 16,
                  .next_group = groups & 0xffff,
                  .first_column = columns >> 16,
                  .next_column = columns & 0xffff,
                  .next_row = rows & 0xffff},
        .first = {.group = groups >> 16, .column = columns >> 16, .row = rows >> 16}};
    return i;
}

#if MEMORY
/* Between memory and a core: LANES words a cell, whose sent counts are words, too; weights are a
 * beat a vector. */
enum { CELL_BEATS = LANES / BEAT_WORDS };

static inline void take(hls_stream(struct beat) wide, const struct decoded *i, potentials *cell,
                        sent_counts *sent, weights *weight)
{
    const uint32_t beats = i->kind != DO_TAKE        ? 0
                           : i->mode == MOVE_WEIGHTS ? i->cells
                                                     : i->cells * CELL_BEATS;
    const bool of_weights = i->mode == MOVE_WEIGHTS, of_sent = i->mode == MOVE_SENT;
    for (uint32_t n = 0; n < beats; n++) {
#pragma HLS pipeline
        const struct beat b = hls_read(wide);
        const uint32_t at = i->a + n / CELL_BEATS, part = n % CELL_BEATS;
        for (int l = 0; l < LANES; l++) {
#pragma HLS unroll
            const uint32_t word = b.word[l % BEAT_WORDS];
            const bool here = part == (uint32_t)l / BEAT_WORDS;
            if (of_weights)
                AT(*weight, i->a + n)[l / 4][l % 4] = (int8_t)(b.word[l / 4] >> l % 4 * 8);
            if (here && !of_weights && !of_sent)
                AT(*cell, at) OF_LANE(l) = packed((int32_t)word);
            if (here && of_sent)
                AT(*sent, at * SLICES + l / SLICE)[l % SLICE] = (sent_count)word;
        }
    }
}

static inline void give(hls_stream(struct beat) saved, const struct decoded *i,
                        const potentials *cell, const sent_counts *sent)
{
    const uint32_t beats = i->kind == DO_GIVE ? i->cells * CELL_BEATS : 0;
    for (uint32_t n = 0; n < beats; n++) {
#pragma HLS pipeline
        const uint32_t at = i->a + n / CELL_BEATS, part = n % CELL_BEATS;
        struct beat b = {{0}};
        for (int l = 0; l < LANES; l++) {
#pragma HLS unroll
            const uint32_t v = (uint32_t)unpacked(AT(*cell, at) OF_LANE(l)),
                           s = AT(*sent, at * SLICES + l / SLICE)[l % SLICE],
                           word = i->mode == MOVE_SENT ? s : v;
            b.word[l % BEAT_WORDS] |= part == (uint32_t)l / BEAT_WORDS ? word : 0;
        }
        hls_write(saved, b);
    }
}
#endif

/* It is asked in here what the instruction is: outside it would take a cycle more. */
static inline void fill(const struct decoded *i, potentials *cell, const parameters *initial)
{
    if (i->kind != DO_FILL)
        return;
    for (uint16_t g = 0; g < i->share.groups; g++) {
        uint32_t beginning[SLICES][SLICE];
        for (int slice = 0; slice < SLICES; slice++) {
#pragma HLS pipeline II = 1
            for (int l = 0; l < SLICE; l++)
                beginning[slice][l] = AT(*initial, (i->vector + g) * SLICES + slice)[l];
        }
        for (uint32_t c = g; c < i->cells; c += i->share.groups) {
#pragma HLS pipeline II = 1
            for (int l = 0; l < LANES; l++)
                AT(*cell, i->a + c) OF_LANE(l) = beginning OF_LANE(l);
        }
    }
}

/* What an instruction looks at in front of a slice: so many cells, in rows of so many; RELAY at the
 * window's sums, ADD at the slice of b. */
struct front {
    uint16_t first, width, number;
};
/* A RELAY's windows: of rows from `vector` on, of columns from widths & 0xffff. */
static inline struct front window_of(const struct decoded *i, const struct cursor *at,
                                     const window_table *window)
{
    const uint32_t up = AT(*window, i->vector + at->y),
                   across = AT(*window, (i->widths & 0xffff) + at->x);
    const uint16_t width = across & 0xffff;
    const struct front f = {.first = (uint16_t)((up >> 16) + (across >> 16) + at->g),
                            .width = width,
                            .number = (uint16_t)WITHIN(CELLS, (up & 0xffff) * width)};
    return f;
}

/* A slice on its way through the shared logic. */
struct slice {
    uint32_t number;    /* of the instruction's */
    uint8_t of_cell;    /* of its cell's */
    uint16_t cell;      /* that is read */
    uint32_t parameter; /* vector */
    bool front;         /* something stands in front of it */
    bool first, done;   /* the first read for it; the last, which is the slice itself */
};

/* Reads it, keeps the largest of what is in front, and writes what becomes of the slice itself; the
 * bursts that it sends. */
static inline struct bursts treat(const struct decoded *i, const struct slice *s,
                                  const struct cursor *at, const struct progress *progress,
                                  int32_t most[SLICE], potentials *cell, sent_counts *sent,
                                  const parameters *threshold, const parameters *bias)
{
    struct bursts out = {
        .slice = (uint16_t)(at->group * SLICES + s->of_cell), .row = at->row, .column = at->column};
    for (int l = 0; l < SLICE; l++) {
#pragma HLS unroll
        const int32_t v = unpacked(AT(*cell, s->cell)[s->of_cell][l]), largest = most[l],
                      top = s->front ? largest : v, theta = AT(*threshold, s->parameter)[l],
                      so_far = i->mode & FIRE_SIGNED && !progress->first_step
                                   ? AT(*sent, i->b * SLICES + s->number)[l]
                                   : 0,
                      least = i->mode & FIRE_LINEAR ? -i->below
                              : so_far < i->phi     ? -so_far
                                                    : -i->phi;
        int32_t fired_v = v;
        const int32_t r = fire(&fired_v, unpacked(AT(*bias, s->parameter)[l]), theta, least, i->phi,
                               i->mode & FIRE_WIDE),
                      count = i->kind == DO_RELAY ? top - v : r;
        most[l] = !s->first && largest > v ? largest : v;
        const int32_t rest = i->kind == DO_FIRE ? fired_v : i->kind == DO_ADD ? v + largest : top;
        if (s->done)
            AT(*cell, i->a + s->number / SLICES)[s->of_cell][l] = packed(rest);
        if (i->mode & FIRE_SIGNED)
            AT(*sent, i->b * SLICES + s->number)[l] = (sent_count)(so_far + r);
        out.count[l] = (int16_t)count;
        out.lanes |= (uint32_t)(count != 0) << l;
        out.number += count != 0;
    }
    return out;
}

/* Slice by slice: COPY, ADD, FIRE and RELAY. */
static inline void go_through(hls_stream(struct bursts) fired, const struct decoded *i,
                              const struct progress *progress, potentials *cell, sent_counts *sent,
                              const parameters *threshold, const parameters *bias,
                              const window_table *window)
{
    struct cursor at = i->first;
    bool moved = true; /* to another place since bursts were sent */
    for (uint32_t n = 0; i->moves && n < i->cells * SLICES;) {
        struct front front = {.first = 0, .width = 1, .number = i->kind == DO_ADD};
        uint32_t steps = i->cells * SLICES << front.number;
        if (i->kind == DO_RELAY) {
            front = window_of(i, &at, window);
            steps = front.number + 1;
        }
        uint16_t k = 0, kx = 0, row = front.first, slot = front.first;
        int32_t most[SLICE] = {0};
        for (; steps; steps--) {
#pragma HLS pipeline II = 1
#pragma HLS dependence variable = cell inter false
#pragma HLS dependence variable = sent inter false
            const bool done = k == front.number, row_done = kx + 1 == front.width;
            const uint16_t own = i->a + n / SLICES,
                           other = i->b + (i->kind == DO_RELAY ? slot : n / SLICES);
            const struct slice s = {.number = n,
                                    .of_cell = n % SLICES,
                                    .cell = done && i->kind != DO_COPY ? own : other,
                                    .parameter =
                                        (uint32_t)((i->vector + at.g) * SLICES + n % SLICES),
                                    .front = front.number > 0,
                                    .first = k == 0,
                                    .done = done};
            struct bursts out = treat(i, &s, &at, progress, most, cell, sent, threshold, bias);
            out.kind = moved ? BURSTS : BURSTS_HERE;
#if MEMORY
            out.kept = progress->tiles;
            out.long_rows = i->mode & FIRE_LONG;
#endif
            WITH_LANES(out.together = i->mode & FIRE_TOGETHER;)
            if (i->sends && done && out.lanes) {
                hls_write(fired, out);
                moved = false;
            }
            row += row_done ? i->sizes >> 16 : 0;
            slot = row_done ? row : slot + i->share.groups;
            kx = row_done ? 0 : kx + 1;
            k = done ? 0 : k + 1;
            n += done;
            if (done && s.of_cell == SLICES - 1) {
                moved |= at.g + 1 == i->share.groups;
                advance(&at, &i->share);
            }
        }
    }
}

static inline void send_values(hls_stream(int32_t) values, const struct decoded *i,
                               const potentials *cell)
{
    for (uint32_t n = 0; n < i->cells * LANES; n++) {
#pragma HLS pipeline II = 1
        hls_write(values, unpacked(AT(*cell, i->a + n / LANES) OF_LANE(n)));
    }
}

/* Follows the instructions up to one that waits, or sends cells that are asked for. A program that
 * never waits ends all the same. */
static inline void follow(WITH_MEMORY(hls_stream(struct beat) wide, hls_stream(struct beat) saved,
                                      weights *weight, ) hls_stream(struct bursts) fired,
                          hls_stream(int32_t) values, const struct operation *o, bool run,
                          bool read, struct progress *progress, potentials *cell, sent_counts *sent,
                          const parameters *threshold, const parameters *bias,
                          const parameters *initial, const window_table *window,
                          const instruction_list *program)
{
    for (uint16_t left = PROGRAM / INSTRUCTION_WORDS; (run || read) && left; left--) {
        const struct decoded i = decode(program, progress, o, read);
        progress->counter += INSTRUCTION_WORDS;
        fill(&i, cell, initial);
#if MEMORY
        take(wide, &i, cell, sent, weight);
#endif
        go_through(fired, &i, progress, cell, sent, threshold, bias, window);
        if (i.kind == DO_VALUES && (!(i.mode & VALUES_WATCHED) || progress->watched))
            send_values(values, &i, cell);
#if MEMORY
        give(saved, &i, cell, sent);
#endif
        if (i.sends && !(i.mode & FIRE_SILENT)) {
            const struct bursts end = {.kind = BURSTS_END WITH_MEMORY(, .kept = progress->tiles)};
            hls_write(fired, end);
            run &= MEMORY && i.mode & FIRE_GOES_ON;
        }
        read = false;
        run &= i.kind > DO_WAIT && i.kind <= (MEMORY ? DO_NOTHING : DO_VALUES);
    }
}

static inline void neurons(hls_stream(struct operation) in,
                           WITH_MEMORY(hls_stream(struct beat) wide, hls_stream(struct beat) saved,
                                       tile_totals *of_tiles, ) hls_stream(struct bursts) fired,
                           hls_stream(int32_t) values, potentials *cell, weights *weight,
                           sent_counts *sent, parameters *threshold, parameters *bias,
                           parameters *initial, window_table *window, instruction_list *program,
                           totals *total, mark_list *mark, struct progress *progress)
{
    bool on = true;
    while (on) {
        uint64_t operations = 0, spike_operations = 0;
        struct operation o = accumulate(in, cell, weight, &operations, &spike_operations);
        for (; o.kind == TOKEN_LOAD || o.kind == TOKEN_VALUE; o = hls_read(in)) {
#pragma HLS pipeline
            if (o.kind == TOKEN_VALUE)
                hls_write(values, o.factor[0]);
            else
                load_memory(&o, cell, weight, threshold, bias, initial, window, program, progress);
        }
        /* What is no part of a run overwrites the mark that is next. */
        const struct waits now =
            waits_note(&progress->waits, o.kind == TOKEN_START, o.kind == TOKEN_STOP);
        progress->marks = o.kind == TOKEN_START ? 0 : progress->marks;
        if (PROFILED) {
            (*mark)[progress->marks][0] = hls_clock();
            (*mark)[progress->marks][2] = now.starved;
            (*mark)[progress->marks][3] = now.blocked;
        }
        bool run = false, read = false;
        const bool tile_mark = MEMORY && (o.kind == TOKEN_START || o.kind == TOKEN_STOP);
        switch (o.kind) {
        case TOKEN_START:
            start_run(progress, o.factor[0]);
            run = !(o.factor[0] & (MEMORY ? RUN_TILES : 0));
#if MEMORY
            for (uint32_t k = 0; !run && k < COUNTED * TOTALS; k++)
                (*of_tiles)[k] = 0;
#endif
            break;
        case TOKEN_NEXT:
            start_step(progress);
            run = true;
            break;
        case TOKEN_STOP: progress->counter = progress->stop_start;
#if MEMORY
            run = !progress->tiles;
#else
            run = true;
#endif
            break;
#if MEMORY
        case TOKEN_TILE:
            start_tile(progress, o.factor[0]);
            run = true;
            break;
#endif
        case TOKEN_END: {
            const uint64_t more[TOTALS] = {operations, spike_operations};
#if MEMORY
            if (progress->tiles) {
                for (int k = 0; k < TOTALS; k++)
                    AT(*of_tiles, o.factor[0] * TOTALS + k) =
                        (AT(*of_tiles, o.factor[0] * TOTALS + k) + more[k]) & TOTAL_MOST;
            } else
#endif
                add_totals(total, progress->phase, more, progress->first_step);
            progress->phase++;
            run = true;
            break;
        }
        case TOKEN_COUNTERS:
#if MEMORY
            if (progress->tiles)
                send_tile_totals(values, of_tiles, o.factor[0]);
            else
#endif
                send_totals(values, total, o.factor[0]);
            break;
        case TOKEN_READ: read = true; break;
        case TOKEN_PROFILE:
            if (PROFILED)
                send_profile(values, &progress->waits, mark, o.factor[0]);
            break;
        default: {
            const struct bursts exit = {.kind = BURSTS_EXIT};
            hls_write(fired, exit);
            on = false;
        }
        }
        follow(WITH_MEMORY(wide, saved, weight, ) fired, values, &o, run, read, progress, cell,
               sent, threshold, bias, initial, window, program);
        if (PROFILED) {
            (*mark)[progress->marks][1] = hls_clock();
            progress->marks += (run || tile_mark) && progress->marks < MARKS - 1;
        }
    }
}
