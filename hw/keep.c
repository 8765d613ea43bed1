/* Writes to memory what the cores fire and what they save of a tile, and what the host stores
 * there. */

#define PACKED_IN(k) hls_stream(struct packed) packed##k,
#define SAVED_IN(k)  hls_stream(struct beat) saved##k,
#define PACKED(k)    packed##k,
#define SAVED(k)     saved##k,
#define TAKE_PACKED(k)                                                                             \
    if (core == k) {                                                                               \
        p = hls_read(packed##k);                                                                   \
        *own = 1u << k;                                                                            \
    }
#define TAKE_SAVED(k)                                                                              \
    if (core == k)                                                                                 \
        b = hls_read(saved##k);

static inline struct packed take_packed(EACH_CORE(PACKED_IN) uint8_t core, uint32_t *own)
{
    struct packed p = {0};
    EACH_CORE(TAKE_PACKED)
    return p;
}
static inline struct beat take_saved(EACH_CORE(SAVED_IN) uint8_t core)
{
    struct beat b = {{0}};
    EACH_CORE(TAKE_SAVED)
    return b;
}

/* Events and spikes of a tile; of every phase. */
struct tally {
    uint32_t events, spikes;
};
typedef uint64_t tallies[COUNTED * TOTALS];
static inline void count_events(struct tally *tally, const struct beat *b)
{
    uint32_t events = 0, spikes = 0;
    for (int i = 0; i < BEAT_WORDS; i++) {
#pragma HLS unroll
        const int16_t count = packed_count(b->word[i]);
        events += count != 0;
        spikes += magnitude(count);
    }
    tally->events += events;
    tally->spikes += spikes;
}

/* The list of one row, beats of one core after the other; where the next one begins. */
static inline uint32_t keep_list(EACH_CORE(PACKED_IN) hls_stream(struct store) store,
                                 hls_stream(struct token) trace, uint32_t address,
                                 const struct plan *plan, uint16_t row, struct tally *tally)
{
    struct packed p = {0};
    uint32_t ended = 0, own = 0; /* a bit for each core */
    uint8_t core = 0, slot = 0;
    for (bool more = true; more;) {
#pragma HLS pipeline II = 1
        const bool fresh = slot == 0;
        if (fresh)
            p = take_packed(EACH_CORE(PACKED) core, &own);
        const struct token t =
            unpacked_event(p.beat.word[0], row, (uint8_t)plan->phase, plan->long_rows);
        const bool some = low(t.what);
        if (fresh && some) {
            const struct store s = {.address = address, .beat = p.beat};
            hls_write(store, s);
        }
        if (plan->traced && some)
            hls_write(trace, t);
        address += fresh && some;
        if (fresh)
            count_events(tally, &p.beat);
        p.beat = shifted(p.beat);
        slot = plan->traced ? (slot + 1) % BEAT_WORDS : 0;
        if (slot == 0) {
            uint8_t next = core_after(core, ended);
#if LANEWISE
            next = p.more ? core : next;
#endif
            more = !p.end || next != core;
            ended |= p.end ? own : 0;
            core = next;
        }
    }
    return address;
}

static inline void keep_lists(EACH_CORE(PACKED_IN) hls_stream(struct store) store,
                              hls_stream(struct token) trace, hls_stream(uint32_t) written,
                              const struct plan *plan, tallies *total)
{
    uint32_t address = plan->address;
    struct tally tally = {0};
    for (uint32_t n = 0; n < plan->number; n++) {
        address = keep_list(EACH_CORE(PACKED) store, trace, address, plan, plan->row + n, &tally);
        hls_write(written, address);
    }
    AT(*total, plan->phase * TOTALS) += tally.events;
    AT(*total, plan->phase * TOTALS + 1) += tally.spikes;
}

static inline void write_tallies(hls_stream(struct store) store, const struct plan *plan,
                                 const tallies *total)
{
    for (uint32_t n = 0; n < plan->number; n++) {
        const uint64_t events = AT(*total, n * TOTALS), spikes = AT(*total, n * TOTALS + 1);
        const struct store s = {.address = plan->address + n,
                                .beat = {{(uint32_t)events, (uint32_t)(events >> 32),
                                          (uint32_t)spikes, (uint32_t)(spikes >> 32)}}};
        hls_write(store, s);
    }
}

static inline void save(EACH_CORE(SAVED_IN) hls_stream(struct store) store, const struct plan *plan)
{
    for (uint32_t n = 0; n < plan->number; n++) {
#pragma HLS pipeline II = 1
        const struct store s = {.address = plan->address + n,
                                .beat = take_saved(EACH_CORE(SAVED) plan->core)};
        hls_write(store, s);
    }
}

/* Beats for memory, until another plan comes, which is returned. */
static inline struct plan store_beats(hls_stream(struct plan) plans, hls_stream(struct store) store)
{
    struct plan p = {0};
    for (bool more = true; more;) {
#pragma HLS pipeline II = 1
        p = hls_read(plans);
        more = p.kind == PLAN_STORE && !p.traced;
        const struct store s = {.address = p.address, .beat = p.beat};
        if (more)
            hls_write(store, s);
    }
    return p;
}

/* Events of the input. */
static inline void trace_beat(hls_stream(struct token) trace, const struct plan *plan)
{
    struct beat b = plan->beat;
    for (uint32_t n = 0; n < plan->number; n++) {
        const struct token t = unpacked_event(b.word[0], plan->row, 0, plan->long_rows);
        if (low(t.what))
            hls_write(trace, t);
        b = shifted(b);
    }
}

static void keep(hls_stream(struct plan) plans,
                 EACH_CORE(PACKED_IN) EACH_CORE(SAVED_IN) hls_stream(struct store) store,
                 hls_stream(uint32_t) written, hls_stream(struct token) trace)
{
    static tallies total;
    for (bool on = true; on;) {
        const struct plan p = store_beats(plans, store);
        struct store s = {.address = p.address, .beat = p.beat};
        bool write = p.kind == PLAN_STORE;
        switch (p.kind) {
        case PLAN_STORE: trace_beat(trace, &p); break;
        case PLAN_LISTS: keep_lists(EACH_CORE(PACKED) store, trace, written, &p, &total); break;
        case PLAN_CLEAR:
            for (int k = 0; k < COUNTED * TOTALS; k++)
                total[k] = 0;
            break;
        case PLAN_TALLY: write_tallies(store, &p, &total); break;
        case PLAN_SAVE: save(EACH_CORE(SAVED) store, &p); break;
        case PLAN_CONFIRM: s.confirm = write = true; break;
        case PLAN_STEP:
            if (p.traced) {
                const struct token end = {.kind = TOKEN_END};
                hls_write(trace, end);
            }
            break;
        default: s.exit = write = true; on = false;
        }
        if (write)
            hls_write(store, s);
    }
}
