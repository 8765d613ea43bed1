/* Brings the events that the cores fire into one row, and sends each to all cores with what it may
 * reach: of the routes of its population those that lead its row and its column anywhere, so that
 * no core looks up the others. */

HLS_STATIC_ASSERT(AXIS <= 4096, "GATHER_FIRST says in 12 bits where a population's entries begin");

/* What the host says of populations, and of their rows and columns (isa.h: MEMORY_GATHER). */
typedef uint32_t first_table[PHASES];
typedef uint8_t live_table[AXIS];

/* An event's routes; `tables`: what GATHER_FIRST says of its population. */
static inline uint8_t live_routes(uint32_t tables, const struct token *event,
                                  const live_table *rows, const live_table *columns)
{
    const uint8_t live = AT(*rows, (tables >> 20) + low(event->where)) &
                         AT(*columns, (tables >> 8 & 4095) + high(event->what)),
                  there = live & tables >> ROUTE_BITS & ((1 << ROUTE_BITS) - 1);
    return there | (PAIRS && low(event->second) ? (there & tables) << ROUTE_BITS : 0);
}

/* The next core after this one that has not ended; if there is none, this one. */
static inline uint8_t core_after(uint8_t core, uint32_t ended)
{
    uint8_t next = 0;
    for (int from = 0; from < CORES; from++) {
#pragma HLS unroll
        uint8_t first = from;
        for (int by = CORES - 1; by > 0; by--) {
#pragma HLS unroll
            first = ended >> (from + by) % CORES & 1 ? first : (from + by) % CORES;
        }
        next = core == from ? first : next;
    }
    return next;
}

#define SEND(k) hls_write(to##k, t);
static inline void send_all(EACH_CORE(TOKENS_OUT) const struct token t)
{
    EACH_CORE(SEND)
}

#define SEND_ONE(k)                                                                                \
    if (t.core == k) {                                                                             \
        if (t.kind == TOKEN_PROFILE) {                                                             \
            hls_write(to##k, s);                                                                   \
            hls_write(to##k, b);                                                                   \
        }                                                                                          \
        hls_write(to##k, t);                                                                       \
    }
/* What is meant for one core; before it, if it asks for a profile, how long gather has waited. */
static inline void send_one(EACH_CORE(TOKENS_OUT) const struct token t, const struct waits *waits)
{
    const struct token s = {.kind = TOKEN_VALUE, .what = waits->starved},
                       b = {.kind = TOKEN_VALUE, .what = waits->blocked};
    EACH_CORE(SEND_ONE)
}

/* The input's events of a timestep, if there are any to come. */
static inline void pass_input(hls_stream(struct token) in,
                              EACH_CORE(TOKENS_OUT) hls_stream(struct token) trace, uint32_t tables,
                              const live_table *rows, const live_table *columns, bool there,
                              bool traced)
{
    for (bool more = there; more;) {
#pragma HLS pipeline II = 1
        struct token event = hls_read(in);
        event.core = 0;
        event.live = live_routes(tables, &event, rows, columns);
        send_all(EACH_CORE(TO) event);
        if (traced && event.kind == TOKEN_EVENT)
            hls_write(trace, event);
        more = event.kind != TOKEN_END;
    }
}

#define TAKE_EVENT(k)                                                                              \
    if (core == k) {                                                                               \
        e = hls_read(fired##k);                                                                    \
        *own = 1u << k;                                                                            \
    }
/* own: the core's bit. */
static inline struct event take_event(EACH_CORE(EVENTS_IN) uint8_t core, uint32_t *own)
{
    struct event e = {0};
    EACH_CORE(TAKE_EVENT)
    return e;
}

/* The events of a population, of one core after the other. */
static inline void pass_population(EACH_CORE(EVENTS_IN) EACH_CORE(TOKENS_OUT)
                                       hls_stream(struct token) trace,
                                   uint8_t phase, uint32_t tables, const live_table *rows,
                                   const live_table *columns, bool traced)
{
    uint32_t ended = 0; /* a bit for each core */
    uint8_t core = 0;
    for (bool more = true; more;) {
#pragma HLS pipeline II = 1
        uint32_t own = 0;
        const struct event e = take_event(EACH_CORE(FIRED) core, &own);
        struct token event = {.kind = TOKEN_EVENT,
                              .core = phase,
                              .where = e.where,
                              .what = e.what,
                              .second = PAIRS ? e.second : 0};
        event.live = live_routes(tables, &event, rows, columns);
        if (!e.end) {
            send_all(EACH_CORE(TO) event);
            if (traced)
                hls_write(trace, event);
        }
        uint8_t next = core_after(core, ended);
#if LANEWISE
        next = e.more ? core : next;
#endif
        more = !e.end || next != core; /* with another core's turn next, it has not ended */
        ended |= e.end ? own : 0;
        core = next;
    }
    const struct token end = {.kind = TOKEN_END};
    send_all(EACH_CORE(TO) end);
}

static inline void skip_list(hls_stream(struct token) in)
{
    for (bool more = true; more;) {
#pragma HLS pipeline II = 1
        const struct token event = hls_read(in);
        more = event.kind != TOKEN_END;
    }
}

static inline void note_table(const struct token *t, uint16_t *phases, first_table *first,
                              live_table *rows, live_table *columns)
{
    const uint32_t at = low(t->where);
    if (at == GATHER_PHASES)
        *phases = t->what & (PHASES - 1);
    else if (at >= GATHER_COLUMNS)
        AT(*columns, at) = (uint8_t)t->what;
    else if (at >= GATHER_ROWS)
        AT(*rows, at) = (uint8_t)t->what;
    else if (at >= GATHER_FIRST)
        AT(*first, at) = t->what;
}

#define SEND_WORD(k)                                                                               \
    if (t.core == k)                                                                               \
        hls_write(to##k, t);
/* Words for tables and answers, until another token comes, which is returned. */
static inline struct token pass_words(hls_stream(struct token) in,
                                      EACH_CORE(TOKENS_OUT) struct token t, uint16_t *phases,
                                      first_table *first, live_table *rows, live_table *columns)
{
    for (; t.kind == TOKEN_LOAD || t.kind == TOKEN_VALUE; t = hls_read(in)) {
#pragma HLS pipeline
        if (t.kind == TOKEN_LOAD && t.where >> 24 == MEMORY_GATHER)
            note_table(&t, phases, first, rows, columns);
        else {
            EACH_CORE(SEND_WORD)
        }
    }
    return t;
}

#if MEMORY
/* In a run by tiles: the events of a tile's sources, of which each ends; returns the token behind
 * them. */
static inline struct token pass_sources(hls_stream(struct token) in,
                                        EACH_CORE(TOKENS_OUT) struct token t,
                                        const first_table *first, const live_table *rows,
                                        const live_table *columns)
{
    uint8_t source = 0;
    bool fresh = true;
    for (bool more = true; more; fresh = false) {
#pragma HLS pipeline II = 1
        /* First, for what is sent here brings about what comes next. */
        if (!fresh)
            t = hls_read(in);
        more = t.kind == TOKEN_EVENT || t.kind == TOKEN_END || t.kind == TOKEN_TILE;
        struct token event = t;
        event.live = live_routes(AT(*first, source), &event, rows, columns);
        if (more)
            send_all(EACH_CORE(TO) event);
        source = t.kind == TOKEN_TILE ? 0 : source + (t.kind == TOKEN_END);
    }
    return t;
}
#endif

static void gather(hls_stream(struct token) in, EACH_CORE(EVENTS_IN) hls_stream(bool) decisions,
                   EACH_CORE(TOKENS_OUT) hls_stream(struct token) trace)
{
    static uint16_t phases;
    static first_table first;
    static live_table rows, columns;
    struct waits waits = {0};
    struct token t = hls_read(in);
    while (t.kind != TOKEN_EXIT) {
        t = pass_words(in, EACH_CORE(TO) t, &phases, &first, &rows, &columns);
#if MEMORY
        t = pass_sources(in, EACH_CORE(TO) t, &first, &rows, &columns);
#endif
        if (t.kind == TOKEN_LOAD || t.kind == TOKEN_VALUE || t.kind == TOKEN_EXIT)
            continue;
        if (t.kind == TOKEN_START)
            waits_note(&waits, true, false);
        if (t.kind == TOKEN_START || t.kind == TOKEN_STOP)
            send_all(EACH_CORE(TO) t);
        else
            send_one(EACH_CORE(TO) t, &waits);
        const bool run = t.kind == TOKEN_START && !(t.what & (MEMORY ? RUN_TILES : 0));
        const bool traced = t.what & RUN_TRACE, event_input = t.what & RUN_EVENTS;
        const uint16_t timesteps = t.where;
        uint16_t step = 0;
        bool stop = !run, input = true;
        while (!stop) {
            pass_input(in, EACH_CORE(TO) trace, AT(first, 0), &rows, &columns, input,
                       traced && event_input);
            for (uint16_t phase = 1; phase <= phases; phase++)
                pass_population(EACH_CORE(FIRED) EACH_CORE(TO) trace, phase, AT(first, phase),
                                &rows, &columns, traced);
            const struct token done = {.kind = TOKEN_END};
            if (traced)
                hls_write(trace, done);
            stop = hls_read(decisions);
            const struct token decision = {.kind = stop ? TOKEN_STOP : TOKEN_NEXT};
            send_all(EACH_CORE(TO) decision);
            input = event_input;
            step++;
        }
        if (run || t.kind == TOKEN_STOP)
            waits_note(&waits, false, true);
        /* What an early exit leaves of the input. */
        for (; run && event_input && step < timesteps; step++)
            skip_list(in);
        t = hls_read(in);
    }
    send_all(EACH_CORE(TO) t);
}
