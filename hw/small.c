/* The whole accelerator for devices of a few thousand cells: one process does in turn what control,
 * gather, the cores and collect do at once. One core of one lane, so a cell is a neuron and a
 * channel group a channel. All tables share one memory. A neuron that fires is at once an event:
 * its synapses are added before the next neuron is looked at. */
#include "iat.h"

/* Where the host's memories lie in the table. Up to AT_WINDOW each begins at a multiple of its
 * size, so that an index is put beside it and not added. */
enum {
    AT_ROUTE_ROWS = 0,
    AT_ROUTE_COLUMNS = AT_ROUTE_ROWS + ROUTES,
    AT_ROUTE_CHANNELS = AT_ROUTE_COLUMNS + ROUTES,
    AT_ROUTE_SHIFT = AT_ROUTE_CHANNELS + ROUTES,
    AT_COUNTERS = AT_ROUTE_SHIFT + ROUTES, /* events, spikes; operations, those of all spikes */
    AT_ROW_LIST = AT_COUNTERS + PHASES * 4,
    AT_COLUMN_LIST = AT_ROW_LIST + LIST,
    AT_ROWS = AT_COLUMN_LIST + LIST,
    AT_COLUMNS = AT_ROWS + AXIS,
    AT_LIMIT = AT_COLUMNS + AXIS,
    AT_PHASE = AT_LIMIT + TIMESTEPS,
    AT_WINDOW = AT_PHASE + PHASES,
    AT_COLLECT = AT_WINDOW + WINDOWS,
    AT_WATCHED = AT_COLLECT + 3, /* and of how many classes, and words of outputs */
    AT_GATHER = AT_WATCHED + 3,
    AT_THRESHOLD = AT_GATHER + 2,
    AT_BIAS = AT_THRESHOLD + PARAMETERS,
    AT_INITIAL = AT_BIAS + PARAMETERS,
    AT_CHANNEL_WEIGHT = AT_INITIAL + PARAMETERS,
    AT_CHANNEL_CELL = AT_CHANNEL_WEIGHT + CHANNELS,
    AT_PROGRAM = AT_CHANNEL_CELL + CHANNELS,
    TABLE = AT_PROGRAM + PROGRAM,
};
#define ALIGNED(name, size) HLS_STATIC_ASSERT(AT_##name % (size) == 0, #name)
ALIGNED(COUNTERS, PHASES * 4);
ALIGNED(ROW_LIST, LIST);
ALIGNED(COLUMN_LIST, LIST);
ALIGNED(ROWS, AXIS);
ALIGNED(COLUMNS, AXIS);
ALIGNED(LIMIT, TIMESTEPS);
ALIGNED(PHASE, PHASES);
ALIGNED(WINDOW, WINDOWS);
#define BESIDE(name, size, index) AT(table, AT_##name | ((index) & ((size) - 1)))

static uint32_t table[TABLE];
static uint32_t cell[CELLS];
static uint16_t sent[SENT_CELLS];
static int8_t weight[WEIGHTS];

/* ---- Messages -------------------------------------------------------------------------------- */

struct machine {
    uint32_t crc;  /* of the message so far (isa.h) */
    uint16_t left; /* words of its payload to come */
    uint8_t command, status, flags;
    uint16_t from, count; /* the last words of the head of its payload */
    uint16_t taken;       /* timesteps */
    uint16_t lists;       /* of events, to come */
    uint16_t owed;        /* words of the answer, likewise */
    /* Over the outputs, for early exit. */
    bool summing;     /* the largest is known */
    uint32_t most, z; /* most: ordered */
    uint64_t weighted;
};
enum { CRC_GOOD = 0xdebb20e3 /* behind a message with its checksum */ };

/* A word more: turned round, a bit at a time. */
static uint32_t digest(struct machine *m, uint32_t word)
{
#pragma HLS inline off
    for (uint8_t i = 0; i < 32; i++) {
        m->crc = m->crc >> 1 ^ ((m->crc ^ word) & 1 ? 0xedb88320 : 0);
        word = word >> 1 | word << 31;
    }
    return word;
}

static uint32_t take(hls_stream(uint32_t) in, struct machine *m)
{
#pragma HLS inline off
    m->left--;
    return digest(m, hls_read(in));
}

static void give(hls_stream(uint32_t) out, struct machine *m, uint32_t word)
{
#pragma HLS inline off
    hls_write(out, digest(m, word));
}

static void fail(struct machine *m, uint8_t with)
{
    m->status = m->status ? m->status : with;
}

/* Events of a list that begins here. */
static uint16_t take_list(hls_stream(uint32_t) in, struct machine *m)
{
#pragma HLS inline off
    uint16_t events = 0xffff;
    if (m->left) {
        const uint32_t word = take(in, m);
        events = high(word) ? 0xffff : word;
    }
    const uint16_t most = m->left >> 1;
    if (events <= most)
        return events;
    fail(m, MESSAGE_BAD_LENGTH);
    return most;
}

/* ---- Memories -------------------------------------------------------------------------------- */

/* First word in the table << 16 | words. */
static inline uint32_t memory_place(uint8_t memory)
{
#define PLACE(name, size) AT_##name << 16 | (size)
    static const uint32_t place[32] = {[MEMORY_PHASE] = PLACE(PHASE, PHASES),
                                       [MEMORY_ROUTE_ROWS] = PLACE(ROUTE_ROWS, ROUTES),
                                       [MEMORY_ROUTE_COLUMNS] = PLACE(ROUTE_COLUMNS, ROUTES),
                                       [MEMORY_ROUTE_CHANNELS] = PLACE(ROUTE_CHANNELS, ROUTES),
                                       [MEMORY_ROUTE_SHIFT] = PLACE(ROUTE_SHIFT, ROUTES),
                                       [MEMORY_ROWS] = PLACE(ROWS, AXIS),
                                       [MEMORY_COLUMNS] = PLACE(COLUMNS, AXIS),
                                       [MEMORY_CHANNEL_WEIGHT] = PLACE(CHANNEL_WEIGHT, CHANNELS),
                                       [MEMORY_CHANNEL_CELL] = PLACE(CHANNEL_CELL, CHANNELS),
                                       [MEMORY_ROW_LIST] = PLACE(ROW_LIST, LIST),
                                       [MEMORY_COLUMN_LIST] = PLACE(COLUMN_LIST, LIST),
                                       [MEMORY_WEIGHT] = (WEIGHTS + 3) / 4,
                                       [MEMORY_THRESHOLD] = PLACE(THRESHOLD, PARAMETERS),
                                       [MEMORY_BIAS] = PLACE(BIAS, PARAMETERS),
                                       [MEMORY_INITIAL] = PLACE(INITIAL, PARAMETERS),
                                       [MEMORY_CELL] = CELLS,
                                       [MEMORY_WINDOW] = PLACE(WINDOW, WINDOWS),
                                       [MEMORY_PROGRAM] = PLACE(PROGRAM, PROGRAM),
                                       [MEMORY_GATHER] = PLACE(GATHER, 2),
                                       [MEMORY_COLLECT] = COLLECT_LIMIT + TIMESTEPS};
#undef PLACE
    return place[memory & 31];
}

/* Where one of MEMORY_COLLECT lies. */
static inline uint16_t collect_place(uint16_t address)
{
    return address >= COLLECT_LIMIT    ? AT_LIMIT | (address & (TIMESTEPS - 1))
           : address < COLLECT_WATCHED ? AT_COLLECT + (address & 3)
                                       : AT_WATCHED - 1 + (address >> 8 & 3);
}

static inline void load_word(uint8_t memory, uint16_t address, uint32_t word)
{
    const uint16_t base = high(memory_place(memory));
    if (memory == MEMORY_WEIGHT)
        for (uint8_t i = 0; i < 4; i++, word >>= 8)
            AT(weight, 4 * address + i) = (int8_t)word;
    else if (memory == MEMORY_CELL)
        AT(cell, address) = packed((int32_t)word);
    else if (memory == MEMORY_COLLECT)
        AT(table, collect_place(address)) = word;
    else if (base || memory == MEMORY_ROUTE_ROWS)
        AT(table, base + address) = word;
}

/* ---- Early exit (iat.h) ---------------------------------------------------------------------- */

#define Z_BITS        (IAT_E_BITS + 11)
#define Z_MASK        (((uint64_t)1 << Z_BITS) - 1)
#define WEIGHTED_MASK (((uint64_t)1 << (Z_BITS + IAT_Y_BITS)) - 1)

/* A packed potential as an unsigned number that is the larger the larger it is. */
static inline uint32_t ordered(uint32_t v)
{
    return v ^ 0x800000;
}

/* a b >> shift: a bit at a time. */
static uint64_t scaled(uint32_t a, uint32_t b, uint8_t shift)
{
#pragma HLS inline off
    uint64_t both = b; /* the sum above what is left of b */
    for (uint8_t i = 0; i < 32; i++)
        both = (((both >> 32) + (both & 1 ? a : 0)) << 31) | (both & 0xffffffff) >> 1;
    for (; shift; shift--)
        both >>= 1;
    return both;
}

/* y, e = 2^-y, e y. */
static inline void add_exponential(struct machine *m, uint32_t value)
{
    const uint64_t more =
        scaled(m->most - value, table[AT_COLLECT + COLLECT_MULTIPLIER] & INT32_MAX,
               table[AT_COLLECT + COLLECT_SHIFT] & 63);
    const bool none = more >> (IAT_Y_BITS + 5) || (more >> IAT_Y_BITS & 31) > IAT_E_BITS;
    const uint32_t y = more & ((1 << (IAT_Y_BITS + 5)) - 1);
    const uint32_t e = none ? 0 : iat_mantissa(y) >> (y >> IAT_Y_BITS);
    m->z = (m->z + e) & Z_MASK;
    const uint64_t product = scaled(e, y, 0);
    m->weighted = (m->weighted + product) & WEIGHTED_MASK;
}

static inline void watch(struct machine *m, uint32_t value)
{
    if (m->summing)
        add_exponential(m, value);
    else if (value > m->most)
        m->most = value;
}

static inline bool is_certain(const struct machine *m)
{
    const bool confidence = table[AT_COLLECT + COLLECT_METRIC] == IAT_CONFIDENCE;
    const uint32_t limit = BESIDE(LIMIT, TIMESTEPS, m->taken) & 0xffff,
                   spare = confidence || !m->z ? limit : limit - iat_logarithm(m->z);
    const bool negative = spare >> 17 & 1; /* of less than 16 bits, minus as many */
    const uint64_t bound = scaled(m->z, negative ? 0 : spare & 0xffff, 0);
    return confidence ? m->z && !(bound >> (IAT_E_BITS + IAT_Y_BITS))
                      : bound > WEIGHTED_MASK || m->weighted < (bound & WEIGHTED_MASK);
}

/* ---- Events ---------------------------------------------------------------------------------- */

/* Adds an event's synapses along one route and counts them. Nothing is multiplied: a weight is
 * shifted and added for every bit of the count. */
static inline void add_route(uint16_t route, uint16_t channel, uint8_t row, uint8_t column,
                             int16_t count, uint16_t *operations)
{
    const uint32_t rows = BESIDE(ROWS, AXIS, BESIDE(ROUTE_ROWS, ROUTES, route) + row),
                   columns = BESIDE(COLUMNS, AXIS, BESIDE(ROUTE_COLUMNS, ROUTES, route) + column),
                   shift = BESIDE(ROUTE_SHIFT, ROUTES, route);
    const uint16_t at = BESIDE(ROUTE_CHANNELS, ROUTES, route) + channel,
                   first = AT(table, AT_CHANNEL_WEIGHT + at);
    const uint32_t to = AT(table, AT_CHANNEL_CELL + at);
    const uint16_t groups = to & (CELLS - 1);
    uint16_t y = rows >> 8;
    for (uint8_t rows_left = rows & 255; rows_left && groups; rows_left--, y++) {
        const uint32_t r = BESIDE(ROW_LIST, LIST, y);
        uint16_t x = columns >> 8;
        for (uint8_t columns_left = columns & 255; columns_left; columns_left--, x++) {
            const uint32_t c = BESIDE(COLUMN_LIST, LIST, x);
            uint8_t scale = shift & 15;
            for (uint16_t bits = count < 0 ? -count : count; bits; bits >>= 1, scale++) {
                uint16_t v = high(r) + high(c) + (to >> 12), w = low(r) + low(c) + first;
                const bool counts = bits == 1 && !(shift & ROUTE_RELAY);
                for (uint16_t g = bits & 1 ? groups : 0; g; g--) {
#pragma HLS pipeline II = 1
#pragma HLS dependence variable = cell inter false
                    const int32_t add = AT(weight, w);
                    *operations += counts && add;
                    AT(cell, v) =
                        (AT(cell, v) + ((uint32_t)(count < 0 ? -add : add) << scale)) & 0xffffff;
                    v++;
                    w += (uint8_t)(shift >> 8);
                }
            }
        }
    }
}

static void count_up(uint8_t counter, uint32_t by)
{
#pragma HLS inline off
    BESIDE(COUNTERS, PHASES * 4, counter) += by;
}

/* Adds an event's synapses and counts it. */
static inline void add_event(uint8_t phase, uint16_t channel, uint8_t row, uint8_t column,
                             int16_t count)
{
    const uint32_t routes = BESIDE(PHASE, PHASES, phase);
    uint16_t operations = 0, route = high(routes);
    for (uint8_t left_over = routes & (2 * ROUTES - 1); left_over; left_over--, route++)
        add_route(route, channel, row, column, count, &operations);
    const uint16_t size = count < 0 ? -count : count;
    count_up(phase << 1, 1);
    count_up(phase << 1 | 1, size);
    count_up(PHASES * 2 | phase << 1, operations);
    count_up(PHASES * 2 | phase << 1 | 1, scaled(operations, size, 0));
}

/* ---- Instructions ---------------------------------------------------------------------------- */

/* A potential and a bias, of 25 bits, as an unsigned number: ZERO more than it is. */
enum { ZERO = 1 << 24, SUM_MASK = 2 * ZERO - 1 };

/* As many spikes as there are thresholds in the potential, between `least` and `most`. */
static inline int8_t burst(uint32_t *v, uint32_t threshold, int8_t least, int8_t most)
{
    for (int8_t r = 0;;) {
        const bool more = *v >= (ZERO | threshold) && r < most, fewer = *v < ZERO && r > least;
        if (!more && !fewer)
            return r;
        *v = (*v + (more ? -threshold : threshold)) & SUM_MASK;
        r += more ? 1 : -1;
    }
}

/* What a relay sends: how much its window's largest sum has risen. */
static inline int16_t relay(uint16_t a, uint16_t slots, uint32_t up, uint32_t across,
                            uint16_t groups, uint16_t sums)
{
    const uint32_t before = AT(cell, a);
    uint32_t most = low(up) && low(across) ? 0 : ordered(before);
    slots += high(up) + high(across);
    for (uint8_t ky = up & 255; ky; ky--, slots += sums) {
        uint16_t slot = slots;
        for (uint8_t kx = across & 255; kx; kx--, slot += groups) {
            const uint32_t v = ordered(AT(cell, slot));
            most = v > most ? v : most;
        }
    }
    AT(cell, a) = ordered(most);
    return ordered(most) - before;
}

/* Follows the instructions from one place to where they wait for anything but input. One core
 * owns whole populations, so what shares need is left out. A program that never waits ends all
 * the same. */
static void follow(hls_stream(uint32_t) in, hls_stream(uint32_t) out, struct machine *m,
                   uint16_t counter, bool answers)
{
#pragma HLS inline off
    uint8_t phase = 1;
    for (uint8_t instructions = PROGRAM / INSTRUCTION_WORDS; instructions; instructions--) {
        uint16_t a = 0, b = 0, cells = 0, vector = 0, groups = 0, columns = 0, sums = 0;
        uint8_t kind = 0, mode = 0, window = 0;
        int8_t phi = 0;
        bool clears = false; /* of DO_FILL: sent counts too */
        for (uint8_t i = 0; i < INSTRUCTION_WORDS; i++, counter++) {
            const uint32_t word = AT(table, counter);
            kind = i == 0 ? word & 7 : kind;
            mode = i == 0 ? word >> 16 & 7 : mode;
            phi = i == 0 ? word >> 8 & 15 : phi;
            a = i == 1 ? word : a;
            b = i == 2 ? word : b;
            clears = i == 2 ? low(word) != NOWHERE : clears;
            cells = i == 3 ? WITHIN(CELLS, word) : cells;
            vector = i == 4 ? high(word) : vector;
            groups = i == 4 ? WITHIN(CELLS, word) : groups;
            columns = i == 8 ? high(word) & 511 : columns;
            window = i == 8 ? word & (WINDOWS - 1) : window;
            sums = i == 9 ? high(word) : sums;
        }
        const bool input = kind == DO_WAIT && mode == WAIT_INPUT,
                   watches = kind == DO_VALUES && mode & VALUES_WATCHED;
        if (kind == DO_WAIT && !input)
            break;
        if (input) {
            cells = m->lists ? take_list(in, m) : 0;
            m->lists -= m->lists > 0;
            phase = 0;
        }
        if (watches)
            cells = m->flags & RUN_IAT && !answers ? table[AT_WATCHED + 1] : 0;
        uint16_t channel = 0;
        uint8_t column = 0, row = 0;
        for (; cells; cells--) {
            int16_t spikes = 0;
            if (input) {
                const uint32_t where = take(in, m);
                channel = high(where);
                row = where & 255;
                const uint32_t what = take(in, m);
                column = what >> 16 & 255;
                spikes = (int16_t)what;
            } else if (kind == DO_FILL) {
                AT(cell, a) = packed((int32_t)AT(table, AT_INITIAL + vector + channel));
                if (clears)
                    AT(sent, b) = 0;
            } else if (kind == DO_RELAY)
                spikes = relay(a, b + channel, BESIDE(WINDOW, WINDOWS, vector + row),
                               BESIDE(WINDOW, WINDOWS, window + column), groups, sums);
            else {
                uint32_t v = AT(cell, a);
                if (watches)
                    watch(m, ordered(v));
                else if (kind == DO_VALUES) {
                    if (answers && m->owed) {
                        give(out, m, (uint32_t)unpacked(v));
                        m->owed--;
                    }
                } else if (kind == DO_FIRE) {
                    const uint32_t threshold =
                                       AT(table, AT_THRESHOLD + vector + channel) & 0x7fffff,
                                   bias = AT(table, AT_BIAS + vector + channel);
                    int16_t so_far = mode & FIRE_SIGNED ? AT(sent, b) : 0;
                    const int8_t least = mode & FIRE_LINEAR || so_far >= phi ? -phi : -so_far;
                    v = (uint32_t)(unpacked(v) + unpacked(bias) + ZERO) & SUM_MASK;
                    spikes = burst(&v, threshold, least, phi);
                    v = v > ZERO + 0x3fffff   ? ZERO + 0x3fffff
                        : v < ZERO - 0x3fffff ? ZERO - 0x3fffff
                                              : v;
                    if (mode & FIRE_SIGNED)
                        AT(sent, b) = (so_far + spikes) & SENT_MOST;
                } else {
                    const uint32_t add = AT(cell, b);
                    v = kind == DO_ADD ? v + add : add;
                }
                AT(cell, a) = v & 0xffffff;
            }
            if (spikes)
                add_event(phase, channel, row, column, spikes);
            const bool groups_done = (uint16_t)(channel + 1) == groups,
                       row_done = column + 1 == columns;
            a++;
            b += kind != DO_RELAY;
            channel = groups_done ? 0 : channel + 1;
            if (groups_done) {
                column = row_done ? 0 : column + 1;
                row += row_done;
            }
        }
        m->summing |= watches;
        phase += input || ((kind == DO_FIRE || kind == DO_RELAY) && !(mode & FIRE_SILENT));
    }
}

/* Timesteps until the last one or until the outputs are certain. */
static inline void infer(hls_stream(uint32_t) in, hls_stream(uint32_t) out, struct machine *m)
{
    uint16_t counter = AT_PROGRAM + 2;
    for (uint16_t i = 0; i < PHASES * 4; i++)
        table[AT_COUNTERS + i] = 0;
    m->lists = m->flags & RUN_EVENTS ? m->count : 1;
    m->taken = 0;
    for (bool stop = false; !stop; m->taken++) {
        m->summing = false;
        m->most = 0;
        m->z = 0;
        m->weighted = 0;
        follow(in, out, m, counter, false);
        stop = (uint16_t)(m->taken + 1) == m->count || (m->flags & RUN_IAT && is_certain(m));
        counter = AT_PROGRAM + table[AT_PROGRAM];
    }
    /* What an early exit leaves of the input. */
    for (; m->lists; m->lists--)
        for (m->owed = take_list(in, m); m->owed; m->owed--) {
            take(in, m);
            take(in, m);
        }
    if (m->left)
        fail(m, MESSAGE_BAD_LENGTH);
}

/* ---- Requests -------------------------------------------------------------------------------- */

/* Reads the head of the payload and judges it. */
static inline void take_request(hls_stream(uint32_t) in, struct machine *m)
{
    const bool load = m->command == COMMAND_LOAD, run = m->command == COMMAND_RUN,
               read = m->command == COMMAND_READ;
    const uint8_t heads = head_words(m->command);
    bool bad = false;
    if (m->left < heads || (m->left > heads && !has_data(m->command)))
        fail(m, MESSAGE_BAD_LENGTH);
    for (uint8_t i = heads; i && !m->status; i--) {
        m->from = m->count;
        const uint32_t word = take(in, m);
        m->count = word;
        m->flags = high(word) & 7;
        bad |= high(word) && !run;
    }
    if (run)
        bad = !m->count || (m->flags & RUN_EVENTS) != (table[AT_GATHER + 1] ? RUN_EVENTS : 0);
    else {
        const uint16_t first = load   ? m->count
                               : read ? m->from
                                      : 0,
                       words = load ? m->left : m->count,
                       room = load   ? low(memory_place(m->from))
                              : read ? CELLS
                                     : PHASES;
        bad |=
            first > room || words > (uint16_t)(room - first) || (load && (!room || m->from >= 32));
    }
    if (bad && heads)
        fail(m, MESSAGE_BAD_VALUE);
}

/* The rest of a request and its checksum. */
static inline void finish(hls_stream(uint32_t) in, struct machine *m)
{
    while (m->left)
        take(in, m);
    take(in, m);
    if (m->crc != CRC_GOOD)
        fail(m, MESSAGE_BAD_CRC);
}

static const uint16_t identity[] = IDENTITY;

static inline void give_data(hls_stream(uint32_t) in, hls_stream(uint32_t) out, struct machine *m)
{

    const bool run = m->command == COMMAND_RUN;
    if (run && m->owed) {
        give(out, m, m->taken);
        m->owed--;
        follow(in, out, m, AT_PROGRAM + table[AT_PROGRAM + 1], true);
    }
    for (; m->owed; m->owed--, m->from++) {
        if (m->command == COMMAND_COUNTERS && m->owed == m->count << 2)
            m->from = PHASES * 4;
        give(out, m,
             run                              ? 0
             : m->command == COMMAND_READ     ? (uint32_t)unpacked(AT(cell, m->from))
             : m->command == COMMAND_IDENTIFY ? identity[m->from]
             : m->from & 1                    ? 0
                                              : BESIDE(COUNTERS, PHASES * 4, m->from >> 1));
    }
}

/* What a good request asks for; words of its answer. */
static inline uint16_t obey(hls_stream(uint32_t) in, hls_stream(uint32_t) out, struct machine *m)
{
    switch (m->command) {
    case COMMAND_IDENTIFY: return sizeof identity / sizeof *identity;
    case COMMAND_LOAD:
        for (; m->left; m->count++) {
            const uint32_t word = take(in, m);
            load_word(m->from, m->count, word);
        }
        return 0;
    case COMMAND_RUN: infer(in, out, m); return table[AT_WATCHED + 2] + 1;
    case COMMAND_READ: return m->count;
    case COMMAND_COUNTERS: m->from = 0; return m->count << 3;
    default: return 0;
    }
}

static void small_machine(hls_stream(uint32_t) in, hls_stream(uint32_t) out)
{
    struct machine machine, *const m = &machine;
    bool on = true, lost = false;
    while (on) {
        machine = (struct machine){.crc = 0xffffffff};
        const uint32_t head = take(in, m);
        const bool was_lost = lost;
        m->command = head;
        m->status = low(head) > COMMAND_END ? MESSAGE_BAD_COMMAND : MESSAGE_OK;
        lost = high(head) != MESSAGE_MAGIC;
        if (lost && was_lost)
            continue;
        if (!lost) {
            const uint32_t length = take(in, m);
            m->left = length;
            lost = length > MOST_WORDS;
        }
        if (lost)
            m->status = MESSAGE_BAD_MAGIC;
        else {
            take_request(in, m);
            on = m->status || m->command != COMMAND_END;
            if (!m->status)
                m->owed = obey(in, out, m);
            finish(in, m);
        }
        m->crc = 0xffffffff;
        give(out, m, (uint32_t)MESSAGE_MAGIC << 16 | (uint32_t)m->status << 8 | m->command);
        give(out, m, m->owed);
        give_data(in, out, m);
        give(out, m, ~m->crc);
    }
}
