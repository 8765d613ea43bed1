/* Looks up where the events of a population go: for every projection the rows, columns and channel
 * groups that the source's row, column and channel reach in this core.
 *
 * A projection is separable: which cell and weight vector an event meets is a sum of what its row,
 * its column and its channel contribute. The host writes these tables, so stride, padding,
 * dilation, pooling, repetition and groups cost the machine nothing.
 *
 * With PAIRS two channels' events of one place travel as one, and where both reach the same cells
 * (the host says for which projections that is so) they are added in one cycle: twice the work for
 * every access to a potential. */

/* A core's tables (isa.h: MEMORY_PHASE and those behind it). */
struct route {
    uint32_t rows, columns, channels, shift;
};
struct channel {
    uint32_t weight, cell;
};
typedef uint32_t phase_table[PHASES];
typedef struct route route_table[ROUTES];
typedef uint32_t axis_table[AXIS];
typedef struct channel channel_table[CHANNELS];

/* What this turn of an event is for: the counts of both of its channels, or of one, which is 0 in
 * the second. */
struct turn {
    uint16_t route;
    uint32_t one; /* channel << 16 | count */
    int16_t count[2];
};

#if LANEWISE
/* Of a projection that leads each channel to one lane: this one's burst in its lane. */
static inline struct lanes lanes_of(uint32_t shift, uint32_t cell, int16_t count)
{
    const uint8_t lane = cell >> 28;
    struct lanes s = {.there = shift & ROUTE_LANES, .shift = shift & 15};
    for (int l = 0; l < LANES; l++) {
#pragma HLS unroll
        s.count[l] = lane == l ? count : 0;
    }
    return s;
}

/* Whether two such bursts are of one cell and meet the same weights. */
static inline bool of_one_cell(const struct work *a, const struct work *b)
{
    bool apart = true; /* in lanes */
    for (int l = 0; l < LANES; l++) {
#pragma HLS unroll
        apart &= !(a->lanes.count[l] && b->lanes.count[l]);
    }
    return apart && a->row == b->row && a->column == b->column && a->cell == b->cell &&
           a->weight[0] == b->weight[0];
}

static inline struct work joined(const struct work *a, const struct work *b)
{
    struct work w = *a;
    for (int l = 0; l < LANES; l++) {
#pragma HLS unroll
        w.lanes.count[l] = (int16_t)(a->lanes.count[l] | b->lanes.count[l]);
    }
    return w;
}
#endif

static inline struct work meet(const struct token *t, const struct turn *turn,
                               const route_table *routes, const axis_table *rows,
                               const axis_table *columns, const channel_table *channels)
{
    const uint32_t row = AT(*rows, AT(*routes, turn->route).rows + low(t->where)),
                   column = AT(*columns, AT(*routes, turn->route).columns + high(t->what)),
                   first = AT(*routes, turn->route).channels, at = first + high(turn->one),
                   shift = AT(*routes, turn->route).shift, cell = AT(*channels, at).cell;
    const int16_t *count = turn->count;
    const struct work w = {
        .kind = TOKEN_EVENT,
        .rows = row & 255,
        .columns = column & 255,
        .groups = cell & 4095,
        .row = row >> 8,
        .column = column >> 8,
        .cell = cell >> 12,
        .weight = {AT(*channels, at).weight,
                   PAIRS ? AT(*channels, first + high(t->second)).weight : 0},
        .step = shift >> 8,
        .factor = {count[0] * (1 << (shift & 15)), count[1] * (1 << (shift & 15))},
        .size = {shift & ROUTE_RELAY ? 0 : magnitude(count[0]),
                 shift & ROUTE_RELAY ? 0 : magnitude(count[1])},
        WITH_LANES(.lanes = lanes_of(shift, cell, count[0]))};
    return w;
}

/* Events, until another token comes, which is returned. seen, spikes: of the events. */
static inline struct token pass_events(hls_stream(struct token) in, hls_stream(struct work) out,
                                       uint32_t phase, const route_table *routes,
                                       const axis_table *rows, const axis_table *columns,
                                       const channel_table *channels, uint32_t *seen,
                                       uint32_t *spikes)
{
    const uint16_t first = phase >> 16, number = WITHIN(ROUTES, phase);
    const uint8_t last_bits = 1 << (ROUTE_BITS - 1) | 1 << (2 * ROUTE_BITS - 1);
    uint8_t live = 0;    /* routes that the event has still to take */
    uint16_t behind = 0; /* taken of those that share the last bit */
    struct token t = {0};
#if LANEWISE
    struct work held = {0}; /* bursts of a cell, whose others may follow */
    bool holds = false;
#endif
events:
    for (;;) {
#pragma HLS pipeline II = 1
        const bool fresh = !live;
        if (fresh) {
            t = hls_read(in);
            live = t.live;
        }
        if (t.kind != TOKEN_EVENT)
            break;
        const uint8_t lowest = live ? __builtin_ctz(live) : 0, bit = lowest % ROUTE_BITS;
        const bool others_turn = PAIRS && lowest >= ROUTE_BITS,
                   both = PAIRS && low(t.second) && !(live >> (ROUTE_BITS + bit) & 1);
        const uint32_t one = others_turn ? t.second : (t.where & 0xffff0000) | low(t.what);
        const struct turn turn = {.route = (uint16_t)(first + bit + behind),
                                  .one = one,
                                  .count = {(int16_t)one, (int16_t)(both ? low(t.second) : 0)}};
        if (fresh) {
            *seen += 1 + (PAIRS && low(t.second));
            *spikes += magnitude((int16_t)t.what) + magnitude((int16_t)(PAIRS ? t.second : 0));
        }
        if (live) {
            const struct work w = meet(&t, &turn, routes, rows, columns, channels);
            const bool reaches = w.rows && w.columns && w.groups;
#if LANEWISE
            const bool lanewise = w.lanes.there, joins = holds && of_one_cell(&held, &w);
            const struct work sent = lanewise ? held : w;
            if (reaches && (!lanewise || (holds && !joins)))
                hls_write(out, sent);
            if (reaches && lanewise) {
                held = joins ? joined(&held, &w) : w;
                holds = true;
            }
#else
            if (reaches)
                hls_write(out, w);
#endif
        }
        const uint8_t others = without_lowest(live);
        const bool more = (live & ~others & last_bits) && behind + ROUTE_BITS < number;
        behind = more ? behind + 1 : 0;
        live = more ? live : others;
    }
#if LANEWISE
    if (holds)
        hls_write(out, held);
#endif
    return t;
}

/* Words for the tables, and what is for others; returns the token behind them. */
static inline struct token load_tables(hls_stream(struct token) in, hls_stream(struct work) out,
                                       struct token t, phase_table *phases, route_table *routes,
                                       axis_table *rows, axis_table *columns,
                                       channel_table *channels)
{
    for (; t.kind == TOKEN_LOAD || t.kind == TOKEN_VALUE; t = hls_read(in)) {
#pragma HLS pipeline
        const uint32_t address = t.where & 0xffffff;
        const uint8_t memory = t.where >> 24;
        bool pass = t.kind == TOKEN_VALUE;
        switch (pass ? MEMORIES : memory) {
        case MEMORY_PHASE: (*phases)[address] = t.what; break;
        case MEMORY_ROUTE_ROWS: (*routes)[address].rows = t.what; break;
        case MEMORY_ROUTE_COLUMNS: (*routes)[address].columns = t.what; break;
        case MEMORY_ROUTE_CHANNELS: (*routes)[address].channels = t.what; break;
        case MEMORY_ROUTE_SHIFT: (*routes)[address].shift = t.what; break;
        case MEMORY_ROWS: (*rows)[address] = t.what; break;
        case MEMORY_COLUMNS: (*columns)[address] = t.what; break;
        case MEMORY_CHANNEL_WEIGHT: (*channels)[address].weight = BITS_OF(WEIGHTS, t.what); break;
        case MEMORY_CHANNEL_CELL: (*channels)[address].cell = t.what; break;
        default: pass = true;
        }
        if (pass) {
            const struct work w = passed_work(t.kind, memory, address, t.what);
            hls_write(out, w);
        }
    }
    return t;
}

static inline void send_value(hls_stream(struct work) out, uint32_t value)
{
    const struct work w = passed_work(TOKEN_VALUE, 0, 0, value);
    hls_write(out, w);
}

static inline void fetch(hls_stream(struct token) in, hls_stream(struct work) out,
                         phase_table *phases, route_table *routes, axis_table *rows,
                         axis_table *columns, channel_table *channels, totals *total)
{
    uint16_t now = 0;
    struct waits waits = {0};
    bool on = true, event_input = false;
    while (on) {
        uint32_t seen = 0, spikes = 0;
        struct token t =
            pass_events(in, out, AT(*phases, now), routes, rows, columns, channels, &seen, &spikes);
        t = load_tables(in, out, t, phases, routes, rows, columns, channels);
        waits_note(&waits, t.kind == TOKEN_START, t.kind == TOKEN_STOP);
        if (t.kind == TOKEN_START) {
            for (uint32_t k = 0; k < PHASES * TOTALS; k++)
                (*total)[k] = 0;
            now = 0;
            event_input = t.what & RUN_EVENTS;
        } else if (t.kind == TOKEN_NEXT)
            now = event_input ? 0 : 1;
        else if (MEMORY && t.kind == TOKEN_TILE)
            now = 0;
        else if (t.kind == TOKEN_EXIT)
            on = false;
        if (PROFILED && t.kind == TOKEN_PROFILE) {
            send_value(out, waits.starved);
            send_value(out, waits.blocked);
        }
        if (t.kind == TOKEN_COUNTERS)
            for (uint32_t k = 0; k < t.what * TOTALS * 2; k++) {
#pragma HLS pipeline II = 1
                send_value(out, word_of(AT(*total, k / 2), k));
            }
        const struct work passed = passed_work(t.kind, 0, t.where, t.what);
        hls_write(out, passed);
        if (t.kind == TOKEN_END) {
            const uint64_t more[TOTALS] = {seen, spikes};
            add_totals(total, now, more, false);
            now++;
        }
    }
}
