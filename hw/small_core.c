/* A core for devices of a few thousand cells: one process does in turn what fetch, expand, neurons
 * (core.c) and gather do at once. It has one lane, so a cell is a neuron and a channel group a
 * channel, and all tables share one memory. A neuron that fires is at once an event: its synapses
 * are added before the next neuron is looked at. */

/* Where the host's memories lie in the table. Up to AT_WINDOW each begins at a multiple of its
 * size, so that an index is put beside it and not added. */
enum {
    AT_ROUTE_ROWS = 0,
    AT_ROUTE_COLUMNS = AT_ROUTE_ROWS + ROUTES,
    AT_ROUTE_CHANNELS = AT_ROUTE_COLUMNS + ROUTES,
    AT_ROUTE_SHIFT = AT_ROUTE_CHANNELS + ROUTES,
    AT_COUNTERS = AT_ROUTE_SHIFT + ROUTES, /* events, spikes, operations, those of all spikes */
    AT_ROW_LIST = AT_COUNTERS + PHASES * 4,
    AT_COLUMN_LIST = AT_ROW_LIST + LIST,
    AT_ROWS = AT_COLUMN_LIST + LIST,
    AT_COLUMNS = AT_ROWS + AXIS,
    AT_PHASE = AT_COLUMNS + AXIS,
    AT_WINDOW = AT_PHASE + PHASES,
    AT_THRESHOLD = AT_WINDOW + WINDOWS,
    AT_BIAS = AT_THRESHOLD + PARAMETERS,
    AT_INITIAL = AT_BIAS + PARAMETERS,
    AT_CHANNEL_WEIGHT = AT_INITIAL + PARAMETERS,
    AT_CHANNEL_CELL = AT_CHANNEL_WEIGHT + CHANNELS,
    AT_CHANNEL_FANOUT = AT_CHANNEL_CELL + CHANNELS,
    AT_PROGRAM = AT_CHANNEL_FANOUT + CHANNELS,
    TABLE = AT_PROGRAM + PROGRAM,
};
#define ALIGNED(name, size) _Static_assert(AT_##name % (size) == 0, #name)
ALIGNED(COUNTERS, PHASES * 4);
ALIGNED(ROW_LIST, LIST);
ALIGNED(COLUMN_LIST, LIST);
ALIGNED(ROWS, AXIS);
ALIGNED(COLUMNS, AXIS);
ALIGNED(PHASE, PHASES);
ALIGNED(WINDOW, WINDOWS);
#define BESIDE(name, size, index) AT(table, AT_##name | ((index) & ((size)-1)))

static inline uint16_t table_base(uint8_t memory)
{
    static const uint16_t base[32] = {[MEMORY_PHASE] = AT_PHASE,
                                      [MEMORY_ROUTE_ROWS] = AT_ROUTE_ROWS,
                                      [MEMORY_ROUTE_COLUMNS] = AT_ROUTE_COLUMNS,
                                      [MEMORY_ROUTE_CHANNELS] = AT_ROUTE_CHANNELS,
                                      [MEMORY_ROUTE_SHIFT] = AT_ROUTE_SHIFT,
                                      [MEMORY_ROWS] = AT_ROWS,
                                      [MEMORY_COLUMNS] = AT_COLUMNS,
                                      [MEMORY_CHANNEL_WEIGHT] = AT_CHANNEL_WEIGHT,
                                      [MEMORY_CHANNEL_CELL] = AT_CHANNEL_CELL,
                                      [MEMORY_CHANNEL_FANOUT] = AT_CHANNEL_FANOUT,
                                      [MEMORY_ROW_LIST] = AT_ROW_LIST,
                                      [MEMORY_COLUMN_LIST] = AT_COLUMN_LIST,
                                      [MEMORY_THRESHOLD] = AT_THRESHOLD,
                                      [MEMORY_BIAS] = AT_BIAS,
                                      [MEMORY_INITIAL] = AT_INITIAL,
                                      [MEMORY_WINDOW] = AT_WINDOW,
                                      [MEMORY_PROGRAM] = AT_PROGRAM};
    return base[memory & 31];
}

static uint32_t table[TABLE];
static uint32_t cell[CELLS];
static uint16_t sent[SENT_CELLS];
static int8_t weight[WEIGHTS];

static inline void load(uint8_t memory, uint16_t address, uint32_t word)
{
    if (memory == MEMORY_WEIGHT)
        for (uint8_t i = 0; i < 4; i++, word >>= 8)
            AT(weight, 4 * address + i) = (int8_t)word;
    else if (memory == MEMORY_CELL)
        AT(cell, address) = packed((int32_t)word);
    else if (memory != MEMORY_GATHER)
        AT(table, table_base(memory) + address) = word;
}

/* Of 25 bits: a potential and a bias. */
static inline int32_t sum_of(uint32_t word)
{
    return (int32_t)(word << 7) >> 7;
}

/* As many spikes as there are thresholds in the potential, between `least` and `most`. */
static inline int8_t burst(uint32_t *v, int32_t threshold, int8_t least, int8_t most)
{
    for (int8_t r = 0;;) {
        const bool more = sum_of(*v) >= threshold && r < most, fewer = sum_of(*v) < 0 && r > least;
        if (!more && !fewer)
            return r;
        *v += (uint32_t)(more ? -threshold : threshold);
        r += more ? 1 : -1;
    }
}

/* Adds an event's synapses along one route; how many there are. Nothing is multiplied: a weight is
 * shifted and added for every bit of the count. */
static inline uint16_t add_route(uint16_t route, uint16_t channel, uint8_t row, uint8_t column,
                                 int16_t count)
{
    uint16_t operations = 0;
    const uint32_t rows = BESIDE(ROWS, AXIS, BESIDE(ROUTE_ROWS, ROUTES, route) + row),
                   columns = BESIDE(COLUMNS, AXIS, BESIDE(ROUTE_COLUMNS, ROUTES, route) + column),
                   shift = BESIDE(ROUTE_SHIFT, ROUTES, route);
    const uint16_t at = BESIDE(ROUTE_CHANNELS, ROUTES, route) + channel,
                   first = AT(table, AT_CHANNEL_WEIGHT + at),
                   fanout = AT(table, AT_CHANNEL_FANOUT + at);
    const uint32_t to = AT(table, AT_CHANNEL_CELL + at);
    const uint16_t groups = to & (CELLS - 1);
    uint16_t y = rows >> 8;
    for (uint8_t rows_left = rows & 255; rows_left && groups; rows_left--, y++) {
        const uint32_t r = BESIDE(ROW_LIST, LIST, y);
        uint16_t x = columns >> 8;
        for (uint8_t columns_left = columns & 255; columns_left; columns_left--, x++) {
            const uint32_t c = BESIDE(COLUMN_LIST, LIST, x);
            operations += fanout;
            uint8_t scale = shift & 15;
            for (uint16_t bits = count < 0 ? -count : count; bits; bits >>= 1, scale++) {
                uint16_t v = high(r) + high(c) + (to >> 12), w = low(r) + low(c) + first;
                for (uint16_t g = bits & 1 ? groups : 0; g; g--) {
#pragma HLS pipeline II = 1
#pragma HLS dependence variable = cell inter false
                    const uint32_t add = (uint32_t)AT(weight, w) << scale;
                    AT(cell, v) = packed((int32_t)(AT(cell, v) + (count < 0 ? -add : add)));
                    v++;
                    w += (uint8_t)(shift >> 8);
                }
            }
        }
    }
    return operations;
}

/* Adds an event's synapses and counts it. */
static inline void add_event(uint8_t phase, uint16_t channel, uint8_t row, uint8_t column,
                             int16_t count)
{
    const uint32_t routes = BESIDE(PHASE, PHASES, phase);
    uint16_t operations = 0, route = high(routes);
    for (uint8_t left = routes & (2 * ROUTES - 1); left; left--, route++)
        operations += add_route(route, channel, row, column, count);
    const uint16_t size = count < 0 ? -count : count;
    uint32_t amount = 1;
    for (uint8_t k = 0; k < 3; k++) {
        BESIDE(COUNTERS, PHASES * 4, phase << 2 | k) += amount;
        amount = k == 0 ? size : operations;
    }
    for (uint16_t bits = size; bits; bits >>= 1, amount <<= 1)
        if (bits & 1)
            BESIDE(COUNTERS, PHASES * 4, phase << 2 | 3) += amount;
}

static void small_core(hls_stream(struct token) in, hls_stream(int32_t) values,
                       hls_stream(bool) decisions)
{
    bool on = true;
    while (on) {
        const struct token t = hls_read(in);
        on = t.kind != TOKEN_EXIT;
        if (t.kind == TOKEN_LOAD)
            load(t.where >> 24, t.where & 0xffff, t.what);
        if (t.kind == TOKEN_READ)
            for (uint16_t i = 0, at = t.where; i < WITHIN(CELLS, t.what); i++, at++)
                hls_write(values, unpacked(AT(cell, at)));
        if (t.kind == TOKEN_COUNTERS)
            for (uint8_t i = 0; i < WITHIN(PHASES, t.what) * 4; i++) {
                hls_write(values, (int32_t)BESIDE(COUNTERS, PHASES * 4, i));
                hls_write(values, 0);
            }
        if (t.kind != TOKEN_START)
            continue;
        for (uint16_t i = 0; i < PHASES * 4; i++)
            table[AT_COUNTERS + i] = 0;
        const bool iat = t.what & RUN_IAT, event_input = t.what & RUN_EVENTS;
        uint16_t lists = event_input ? t.where : 1;
        uint16_t counter = AT_PROGRAM + 2;
        uint8_t left = PROGRAM / INSTRUCTION_WORDS, phase = 0;
        bool stopped = false;
        for (;;) {
            /* An instruction (isa.h). One core owns whole populations, so what shares need is left
             * out. A program that never waits ends all the same. */
            uint32_t head = 0, parameters = 0, widths = 0;
            uint16_t a = 0, b = 0, cells = 0, sums = 0;
            for (uint8_t i = 0; i < INSTRUCTION_WORDS; i++, counter++) {
                const uint32_t word = AT(table, counter);
                head = i == 0 ? word : head;
                a = i == 1 ? word : a;
                b = i == 2 ? word : b;
                cells = i == 3 ? WITHIN(CELLS, word) : cells;
                parameters = i == 4 ? word : parameters;
                widths = i == 8 ? word : widths;
                sums = i == 9 ? high(word) : sums;
            }
            const uint8_t kind = head & 7, mode = head >> 16 & 7;
            const int8_t phi = head >> 8 & 15;
            const uint16_t vector = high(parameters), groups = low(parameters),
                           columns = high(widths), window = low(widths);
            const bool waits = kind == DO_WAIT, input = waits && mode == WAIT_INPUT,
                       clears = kind == DO_FILL && b != NOWHERE;
            left = waits ? PROGRAM / INSTRUCTION_WORDS : left - 1;
            if (!left || (waits && !input)) {
                if (stopped)
                    break;
                stopped = hls_read(decisions);
                counter = AT_PROGRAM + AT(table, AT_PROGRAM + stopped);
                left = PROGRAM / INSTRUCTION_WORDS;
                phase = 1;
                /* What an early exit leaves of the input. */
                while (stopped && lists) {
                    const struct token spare = hls_read(in);
                    lists -= spare.kind == TOKEN_END;
                }
                continue;
            }
            if (input)
                phase = 0;
            if (kind == DO_VALUES && mode & VALUES_WATCHED && !iat)
                cells = 0;
            uint16_t channel = 0;
            uint8_t column = 0, row = 0;
            for (bool more = input || cells; more;) {
                int16_t count = 0;
                if (input) {
                    const struct token event = hls_read(in);
                    more = event.kind == TOKEN_EVENT;
                    channel = high(event.where);
                    row = event.where & 255;
                    column = event.what >> 16 & 255;
                    count = more ? (int16_t)event.what : 0;
                } else if (kind == DO_FILL) {
                    AT(cell, a) = packed((int32_t)AT(table, AT_INITIAL + vector + channel));
                    if (clears)
                        AT(sent, b) = 0;
                } else if (kind == DO_RELAY) {
                    const uint32_t up = BESIDE(WINDOW, WINDOWS, vector + row),
                                   across = BESIDE(WINDOW, WINDOWS, window + column);
                    const int32_t before = unpacked(AT(cell, a));
                    int32_t most = low(up) && low(across) ? INT32_MIN : before;
                    uint16_t slots = b + high(up) + high(across) + channel;
                    for (uint8_t ky = up & 255; ky; ky--, slots += sums) {
                        uint16_t slot = slots;
                        for (uint8_t kx = across & 255; kx; kx--, slot += groups) {
                            const int32_t v = unpacked(AT(cell, slot));
                            most = v > most ? v : most;
                        }
                    }
                    AT(cell, a) = packed(most);
                    count = most - before;
                } else {
                    uint32_t v = (uint32_t)unpacked(AT(cell, a));
                    if (kind == DO_VALUES)
                        hls_write(values, (int32_t)v);
                    else if (kind == DO_FIRE) {
                        const int32_t threshold =
                            AT(table, AT_THRESHOLD + vector + channel) & 0x7fffff;
                        int16_t so_far = mode & FIRE_SIGNED ? AT(sent, b) : 0;
                        const int8_t least = mode & FIRE_LINEAR || so_far >= phi ? -phi : -so_far;
                        v += (uint32_t)unpacked(AT(table, AT_BIAS + vector + channel));
                        count = burst(&v, threshold, least, phi);
                        v = sum_of(v) > 0x3fffff    ? 0x3fffff
                            : sum_of(v) < -0x3fffff ? (uint32_t)-0x3fffff
                                                    : v;
                        if (mode & FIRE_SIGNED)
                            AT(sent, b) = (so_far + count) & SENT_MOST;
                    } else {
                        const uint32_t add = AT(cell, b);
                        v = kind == DO_ADD ? v + add : add;
                    }
                    AT(cell, a) = packed((int32_t)v);
                }
                if (count)
                    add_event(phase, channel, row, column, count);
                if (!input) {
                    const bool groups_done = channel + 1 == groups,
                               row_done = column + 1 == columns;
                    a++;
                    b += kind != DO_RELAY;
                    cells--;
                    channel = groups_done ? 0 : channel + 1;
                    if (groups_done) {
                        column = row_done ? 0 : column + 1;
                        row += row_done;
                    }
                    more = cells > 0;
                }
            }
            lists -= input;
            phase += input || ((kind == DO_FIRE || kind == DO_RELAY) && !(mode & FIRE_SILENT));
        }
    }
}
