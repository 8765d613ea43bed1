/* Follows the script of a network that is larger than the chip (isa.h): brings tables, weights and
 * potentials of a tile from memory, replays the events that reach it, and tells `keep` where its
 * own go. What is no run by tiles passes through. */

typedef uint32_t list_table[LISTS]; /* beats where lists begin */

/* What a run by tiles needs to know. */
struct script {
    uint32_t first, beats, answer, answer_beats, tally, tallies;
};

#define WIDE_OUT(k) hls_stream(struct beat) wide##k,
#define WIDE(k)     wide##k,
#define SEND_BEAT(k)                                                                               \
    if (core == k)                                                                                 \
        hls_write(wide##k, b);

static inline void send_beat(EACH_CORE(WIDE_OUT) uint8_t core, const struct beat b)
{
    EACH_CORE(SEND_BEAT)
}

static inline void ask_for(hls_stream(struct ask) port, uint32_t address, uint32_t beats)
{
    const struct ask a = {.address = address, .beats = beats};
    if (beats)
        hls_write(port, a);
}

/* Everything up to the beginning of a run by tiles, or the end of the exchange, which is returned.
 */
static inline struct token pass_tokens(hls_stream(struct token) in, hls_stream(struct token) out,
                                       hls_stream(struct plan) plans, struct script *script)
{
    struct token t = {0};
    struct beat b = {{0}};
    for (bool more = true; more;) {
#pragma HLS pipeline II = 1
        t = hls_read(in);
        const bool mine = t.kind == TOKEN_LOAD && t.where >> 24 == MEMORY_MOVER,
                   store = t.kind == TOKEN_STORE;
        const uint32_t part = t.where % BEAT_WORDS;
        b = store ? with_word(b, part, t.what) : b;
        b = store && t.live ? with_word(b, part + 1, t.second) : b;
        if (store && part + t.live == BEAT_WORDS - 1) {
            const struct plan p = {.kind = PLAN_STORE, .address = t.where / BEAT_WORDS, .beat = b};
            hls_write(plans, p);
        }
        if (!mine && !store)
            hls_write(out, t);
        const uint32_t at = low(t.where);
        script->first = mine && at == MOVER_SCRIPT ? t.what : script->first;
        script->beats = mine && at == MOVER_SCRIPT_BEATS ? t.what : script->beats;
        script->answer = mine && at == MOVER_ANSWER ? t.what : script->answer;
        script->answer_beats = mine && at == MOVER_ANSWER_BEATS ? t.what : script->answer_beats;
        script->tally = mine && at == MOVER_TALLY ? t.what : script->tally;
        script->tallies = mine && at == MOVER_TALLIES ? t.what : script->tallies;
        more = t.kind != TOKEN_EXIT && !(t.kind == TOKEN_START && t.what & RUN_TILES);
    }
    return t;
}

/* The input's events of a timestep (isa.h) become lists, a row each; returns whether an END came
 * before all was there. */
static inline bool take_input(hls_stream(struct token) in, hls_stream(struct plan) plans,
                              list_table *lists, uint32_t address, uint32_t rows, uint32_t sizes,
                              bool long_rows, bool traced)
{
    const uint32_t columns = high(sizes), channels = low(sizes);
    uint32_t row = 0, channel = 0, column = 0, at = address;
    int32_t base = 0;
    bool head = true, wide = false, ended = false, other = false;
    struct token t = {0};
    AT(*lists, 0) = address;
    while (row < rows && !ended) {
#pragma HLS pipeline II = 1
        if (!other)
            t = hls_read(in);
        ended = t.kind == TOKEN_END;
        const uint32_t word = other ? t.second : t.what;
        other = !other && t.live;
        struct beat b = {{0}};
        uint32_t some = 0;
        for (uint32_t i = 0; i < BEAT_WORDS; i++) {
#pragma HLS unroll
            const uint32_t value = wide ? word >> (i & 1) * 16 & 0xffff : word >> i * 8 & 0xff;
            const bool there = column + i < columns && (i < 2 || !wide);
            const uint32_t count = there ? (uint32_t)(base + (int32_t)value) & 511 : 0;
            b.word[i] =
                count ? packed_event(channel << 16, (column + i) << 16 | count, long_rows) : 0;
            some |= count;
        }
        const bool write = !head && some && !ended;
        if (write) {
            const struct plan p = {.kind = PLAN_STORE,
                                   .traced = traced,
                                   .long_rows = long_rows,
                                   .row = (uint16_t)row,
                                   .address = at,
                                   .number = BEAT_WORDS,
                                   .beat = b};
            hls_write(plans, p);
        }
        at += write;
        if (head) {
            base = (int32_t)word >> 16;
            wide = word & INPUT_WIDE;
            column = 0;
            head = false;
        } else {
            column += wide ? 2 : 4;
            if (column >= columns) {
                const bool row_done = channel + 1 >= channels;
                head = true;
                channel = row_done ? 0 : channel + 1;
                row += row_done;
                if (row_done)
                    AT(*lists, row) = at;
            }
        }
    }
    return ended;
}

static inline void skip_input(hls_stream(struct token) in)
{
    for (bool more = true; more;) {
#pragma HLS pipeline II = 1
        const struct token t = hls_read(in);
        more = t.kind != TOKEN_END;
    }
}

/* Words for a table. */
static inline void load_words(hls_stream(struct beat) script, hls_stream(struct token) out,
                              uint8_t core, uint32_t where, uint32_t words)
{
    struct beat b = {{0}};
    for (uint32_t n = 0; n < words; n++) {
#pragma HLS pipeline II = 1
        if (n % BEAT_WORDS == 0)
            b = hls_read(script);
        const struct token t = {
            .kind = TOKEN_LOAD, .core = core, .where = where + n, .what = b.word[0]};
        hls_write(out, t);
        b = shifted(b);
    }
}

static inline void move(hls_stream(struct beat) from, EACH_CORE(WIDE_OUT) uint8_t core,
                        uint32_t beats)
{
    for (uint32_t n = 0; n < beats; n++) {
#pragma HLS pipeline II = 1
        const struct beat b = hls_read(from);
        send_beat(EACH_CORE(WIDE) core, b);
    }
}

static inline void replay_list(hls_stream(struct beat) data, hls_stream(struct token) out,
                               uint32_t beats, uint16_t row, bool long_rows)
{
    struct beat b = {{0}};
    for (uint32_t n = 0; n < beats * BEAT_WORDS; n++) {
#pragma HLS pipeline II = 1
        if (n % BEAT_WORDS == 0)
            b = hls_read(data);
        const struct token t = unpacked_event(b.word[0], row, 0, long_rows);
        if (low(t.what))
            hls_write(out, t);
        b = shifted(b);
    }
}

static inline void replay(hls_stream(struct ask) ask, hls_stream(struct beat) data,
                          hls_stream(struct token) out, const list_table *lists, uint32_t first,
                          uint32_t behind, uint16_t row, bool long_rows)
{
    ask_for(ask, AT(*lists, first), AT(*lists, behind) - AT(*lists, first));
    for (uint32_t list = first; list < behind; list++, row++)
        replay_list(data, out, AT(*lists, list + 1) - AT(*lists, list), row, long_rows);
}

/* Words of the answer, by way of core 0. */
static inline void send_answer(hls_stream(struct beat) data, hls_stream(struct token) out,
                               uint32_t beats)
{
    struct beat b = {{0}};
    for (uint32_t n = 0; n < beats * BEAT_WORDS; n++) {
#pragma HLS pipeline II = 1
        if (n % BEAT_WORDS == 0)
            b = hls_read(data);
        const struct token t = {.kind = TOKEN_VALUE, .what = b.word[0]};
        hls_write(out, t);
        b = shifted(b);
    }
}

static inline void send_plan(hls_stream(struct plan) plans, uint8_t kind, uint8_t core,
                             uint32_t address, uint32_t number, uint32_t place, bool long_rows,
                             bool traced)
{
    const struct plan p = {.kind = kind,
                           .core = core,
                           .traced = traced,
                           .long_rows = long_rows,
                           .phase = (uint16_t)(place >> 16),
                           .row = (uint16_t)place,
                           .address = address,
                           .number = number};
    hls_write(plans, p);
}

/* Where the lists that have been written begin, one of them behind the other. */
static inline void note_lists(hls_stream(uint32_t) written, list_table *lists, uint32_t first,
                              uint32_t number)
{
    for (uint32_t n = 1; n <= number; n++)
        AT(*lists, first + n) = hls_read(written);
}

static void mover(hls_stream(struct token) in, hls_stream(bool) decided,
                  hls_stream(uint32_t) written, hls_stream(struct beat) script,
                  hls_stream(struct beat) data, hls_stream(bool) stored,
                  hls_stream(struct token) out, EACH_CORE(WIDE_OUT) hls_stream(struct plan) plans,
                  hls_stream(struct ask) script_ask, hls_stream(struct ask) data_ask)
{
    static struct script s;
    static list_table lists;
    for (;;) {
        const struct token start = pass_tokens(in, out, plans, &s);
        if (start.kind == TOKEN_EXIT)
            break;
        const bool traced = start.what & RUN_TRACE, event_input = start.what & RUN_EVENTS;
        uint16_t step = 0, inputs = 0; /* timesteps, of the input's lists taken */
        bool stop = false;
        /* The script has been stored by now. */
        send_plan(plans, PLAN_CLEAR, 0, 0, 0, 0, false, false);
        send_plan(plans, PLAN_CONFIRM, 0, 0, 0, 0, false, false);
        (void)hls_read(stored);
        while (!stop) {
            const uint8_t skipped = (step ? IN_FIRST : IN_LATER) |
                                    (step + 1u == low(start.where) ? IN_ALL_BUT_LAST : 0);
            uint32_t first = 0, number = 0; /* of the lists that are under way */
            bool awaited = true, over = false;
            ask_for(script_ask, s.first, s.beats);
            for (uint32_t left = s.beats; left && !over; left--) {
                const struct beat b = hls_read(script);
                const uint8_t kind = b.word[0] & 255, core = b.word[0] >> 16 & 255;
                const bool skip = b.word[0] >> 8 & skipped, long_rows = b.word[0] >> 8 & STEP_LONG;
                const uint32_t one = b.word[1], two = b.word[2], three = b.word[3];
                switch (kind) {
                case STEP_LOAD:
                    load_words(script, out, core, one, two);
                    left -= (two + BEAT_WORDS - 1) / BEAT_WORDS;
                    break;
                case STEP_WIDE:
                    move(script, EACH_CORE(WIDE) core, one);
                    left -= one;
                    break;
                case STEP_RESTORE:
                    if (!skip) {
                        ask_for(data_ask, one, two);
                        move(data, EACH_CORE(WIDE) core, two);
                    }
                    break;
                case STEP_INPUT:
                    if (!skip) {
                        if (!take_input(in, plans, &lists, one, two, three, long_rows,
                                        traced && event_input))
                            skip_input(in);
                        inputs++;
                    }
                    break;
                case STEP_AWAIT:
                    if (!awaited) {
                        note_lists(written, &lists, first, number);
                        (void)hls_read(stored);
                    }
                    awaited = true;
                    number = 0;
                    break;
                case STEP_TILE: {
                    const struct token t = {.kind = TOKEN_TILE,
                                            .what = (step ? 0 : TILE_FIRST) |
                                                    (skipped & IN_ALL_BUT_LAST ? TILE_LAST : 0)};
                    hls_write(out, t);
                    break;
                }
                case STEP_REPLAY:
                    if (!skip)
                        replay(data_ask, data, out, &lists, one, two, (uint16_t)three, long_rows);
                    break;
                case STEP_END: {
                    const struct token t = {.kind = TOKEN_END, .what = one};
                    hls_write(out, t);
                    break;
                }
                case STEP_LISTS:
                    first = low(two);
                    number = high(two);
                    AT(lists, first) = one;
                    send_plan(plans, PLAN_LISTS, 0, one, number, three, long_rows, traced);
                    break;
                case STEP_SAVE:
                    if (!skip)
                        send_plan(plans, PLAN_SAVE, core, one, two, 0, false, false);
                    break;
                case STEP_CONFIRM:
                    send_plan(plans, PLAN_CONFIRM, 0, 0, 0, 0, false, false);
                    awaited = false;
                    break;
                default: over = true; /* STEP_DECIDE */
                }
            }
            send_plan(plans, PLAN_STEP, 0, 0, 0, 0, false, traced);
            stop = hls_read(decided);
            step++;
        }
        /* What an early exit leaves of the input, before the answer: that begins when the request
         * has been read. */
        for (; event_input && inputs < low(start.where); inputs++)
            skip_input(in);
        const struct token end = {.kind = TOKEN_STOP};
        hls_write(out, end);
        send_plan(plans, PLAN_TALLY, 0, s.tally, s.tallies, 0, false, false);
        send_plan(plans, PLAN_CONFIRM, 0, 0, 0, 0, false, false);
        (void)hls_read(stored);
        ask_for(data_ask, s.answer, s.answer_beats);
        send_answer(data, out, s.answer_beats);
    }
    const struct ask none = {0};
    hls_write(script_ask, none);
    hls_write(data_ask, none);
    send_plan(plans, PLAN_EXIT, 0, 0, 0, 0, false, false);
}
