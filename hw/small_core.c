/* A core for devices of a few thousand cells: one process does in turn what fetch, expand, neurons
 * (core.c) and gather do at once. It has one lane, so a cell is a neuron and a channel group a
 * channel, and all tables share one memory. A neuron that fires is at once an event: its synapses
 * are added before the next neuron is looked at. */

/* Where the host's memories lie in the table. */
enum {
    AT_PHASE = 0,
    AT_ROUTE_ROWS = AT_PHASE + PHASES,
    AT_ROUTE_COLUMNS = AT_ROUTE_ROWS + ROUTES,
    AT_ROUTE_CHANNELS = AT_ROUTE_COLUMNS + ROUTES,
    AT_ROUTE_SHIFT = AT_ROUTE_CHANNELS + ROUTES,
    AT_ROWS = AT_ROUTE_SHIFT + ROUTES,
    AT_COLUMNS = AT_ROWS + AXIS,
    AT_CHANNEL_WEIGHT = AT_COLUMNS + AXIS,
    AT_CHANNEL_CELL = AT_CHANNEL_WEIGHT + CHANNELS,
    AT_CHANNEL_FANOUT = AT_CHANNEL_CELL + CHANNELS,
    AT_ROW_LIST = AT_CHANNEL_FANOUT + CHANNELS,
    AT_COLUMN_LIST = AT_ROW_LIST + LIST,
    AT_THRESHOLD = AT_COLUMN_LIST + LIST,
    AT_BIAS = AT_THRESHOLD + PARAMETERS,
    AT_INITIAL = AT_BIAS + PARAMETERS,
    AT_WINDOW = AT_INITIAL + PARAMETERS,
    AT_PROGRAM = AT_WINDOW + WINDOWS,
    AT_COUNTERS = AT_PROGRAM + PROGRAM, /* events, spikes, operations, operations of all spikes */
    TABLE = AT_COUNTERS + PHASES * 4,
};

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

/* An instruction (isa.h). One core owns whole populations, so what shares need is left out. */
struct order {
    uint8_t kind, phi, mode;
    uint16_t a, b, cells, vector, groups, columns, window, sums;
};

static inline struct order fetch_order(uint16_t counter)
{
    const uint16_t at = AT_PROGRAM + counter;
    const uint32_t kind = AT(table, at), parameters = AT(table, at + 4), widths = AT(table, at + 8);
    return (struct order){.kind = kind & 255,
                          .phi = kind >> 8 & 255,
                          .mode = kind >> 16 & 255,
                          .a = AT(table, at + 1),
                          .b = AT(table, at + 2),
                          .cells = WITHIN(CELLS, AT(table, at + 3)),
                          .vector = parameters >> 16,
                          .groups = parameters & 0xffff,
                          .columns = widths >> 16,
                          .window = widths & 0xffff,
                          .sums = AT(table, at + 9) >> 16};
}

/* As many spikes as there are thresholds in the potential, between `least` and `most`. */
static inline int32_t burst(int32_t *v, int32_t threshold, int32_t least, int32_t most)
{
    int32_t r = 0;
    for (; *v >= threshold && r < most; r++)
        *v -= threshold;
    for (; *v < 0 && r > least; r--)
        *v += threshold;
    return r;
}

static inline int32_t fire(const struct order *o, uint16_t i, uint16_t g)
{
    const int32_t threshold = AT(table, AT_THRESHOLD + o->vector + g) & 0x7fffff,
                  so_far = o->mode & FIRE_SIGNED ? AT(sent, o->b + i) : 0,
                  least = o->mode & FIRE_LINEAR ? -o->phi
                          : so_far < o->phi     ? -so_far
                                                : -o->phi;
    int32_t v = unpacked(AT(cell, o->a + i)) + unpacked(AT(table, AT_BIAS + o->vector + g));
    const int32_t r = burst(&v, threshold, least, o->phi);
    AT(cell, o->a + i) = packed(v > 0x3fffff ? 0x3fffff : v < -0x3fffff ? -0x3fffff : v);
    if (o->mode & FIRE_SIGNED)
        AT(sent, o->b + i) = (so_far + r) & SENT_MOST;
    return r;
}

/* What lifts or lowers the largest sum of a window. */
static inline int32_t relay(const struct order *o, uint16_t i, uint16_t g, uint16_t x, uint16_t y)
{
    const uint32_t up = AT(table, AT_WINDOW + o->vector + y),
                   across = AT(table, AT_WINDOW + o->window + x);
    const uint8_t height = up & 255, width = across & 255;
    const int32_t before = unpacked(AT(cell, o->a + i));
    int32_t most = height && width ? INT32_MIN : before;
    for (uint8_t ky = 0; ky < height; ky++)
        for (uint8_t kx = 0; kx < width; kx++) {
            const int32_t v = unpacked(AT(cell, o->b + ((up >> 16) + ky) * o->sums +
                                                    ((across >> 16) + kx) * o->groups + g));
            most = v > most ? v : most;
        }
    AT(cell, o->a + i) = packed(most);
    return most - before;
}

/* Adds an event's synapses along one route; how many there are. */
static inline uint32_t add_route(uint16_t route, uint32_t where, uint32_t what)
{
    const uint32_t rows = AT(table, AT_ROWS + AT(table, AT_ROUTE_ROWS + route) + low(where)),
                   columns =
                       AT(table, AT_COLUMNS + AT(table, AT_ROUTE_COLUMNS + route) + high(what)),
                   at = AT(table, AT_ROUTE_CHANNELS + route) + high(where),
                   shift = AT(table, AT_ROUTE_SHIFT + route),
                   to = AT(table, AT_CHANNEL_CELL + at),
                   first = AT(table, AT_CHANNEL_WEIGHT + at),
                   fanout = AT(table, AT_CHANNEL_FANOUT + at);
    const uint16_t groups = to & (CELLS - 1), step = shift >> 8;
    const int32_t factor = (int16_t)what * (1 << (shift & 15));
    uint32_t operations = 0;
    for (uint8_t y = 0; y < (rows & 255) && groups; y++) {
        const uint32_t r = AT(table, AT_ROW_LIST + (rows >> 8) + y);
        for (uint8_t x = 0; x < (columns & 255); x++) {
            const uint32_t c = AT(table, AT_COLUMN_LIST + (columns >> 8) + x);
            uint16_t v = high(r) + high(c) + (to >> 12), w = low(r) + low(c) + first;
            operations += fanout;
            for (uint16_t g = 0; g < groups; g++) {
#pragma HLS pipeline II = 1
#pragma HLS dependence variable = cell inter false
                AT(cell, v) = packed((int32_t)((uint32_t)unpacked(AT(cell, v)) +
                                               (uint32_t)AT(weight, w) * (uint32_t)factor));
                v++;
                w += step;
            }
        }
    }
    return operations;
}

/* Adds an event's synapses and counts it. */
static inline void add_event(uint16_t phase, uint32_t where, uint32_t what)
{
    const uint32_t routes = AT(table, AT_PHASE + phase);
    uint32_t amount[4] = {1, 0, 0, 0};
    for (uint16_t i = 0; i < WITHIN(ROUTES, low(routes)); i++)
        amount[2] += add_route(high(routes) + i, where, what);
    const int16_t count = (int16_t)what;
    amount[1] = count < 0 ? -count : count;
    for (uint32_t size = amount[1], times = amount[2]; size; size >>= 1, times <<= 1)
        amount[3] += size & 1 ? times : 0;
    for (uint8_t k = 0; k < 4; k++)
        AT(table, AT_COUNTERS + 4 * phase + k) += amount[k];
}

static void small_core(hls_stream(struct token) in, hls_stream(int32_t) values,
                       hls_stream(struct token) trace, hls_stream(bool) decisions)
{
    uint16_t counter = 0, phase = 0, lists = 0, flags = 0, left = 0;
    bool on = true, running = false, stopped = true;
    while (on) {
        struct order o = {.kind = DO_WAIT, .mode = WAIT_START};
        if (running) {
            o = fetch_order(counter);
            counter += INSTRUCTION_WORDS;
            /* A program that never waits ends all the same. */
            if (o.kind == DO_WAIT)
                left = PROGRAM / INSTRUCTION_WORDS;
            else if (--left == 0)
                o = (struct order){.kind = DO_WAIT, .mode = WAIT_START};
        }
        const bool input = o.kind == DO_WAIT && o.mode == WAIT_INPUT;
        if (o.kind == DO_WAIT && !input && !stopped) {
            stopped = hls_read(decisions);
            counter = AT(table, AT_PROGRAM + stopped);
            phase = 1;
            /* What an early exit leaves of the input. */
            while (stopped && lists) {
                const struct token t = hls_read(in);
                lists -= t.kind == TOKEN_END;
            }
        } else if (o.kind == DO_WAIT && !input) {
            const struct token t = hls_read(in);
            running = false;
            switch (t.kind) {
            case TOKEN_LOAD: load(t.where >> 24, t.where & 0xffff, t.what); break;
            case TOKEN_READ:
                for (uint16_t i = 0; i < WITHIN(CELLS, t.what); i++)
                    hls_write(values, unpacked(AT(cell, t.where + i)));
                break;
            case TOKEN_COUNTERS:
                for (uint16_t i = 0; i < t.what * 8; i++)
                    hls_write(values,
                              i & 1 ? 0 : (int32_t)AT(table, AT_COUNTERS + (i >> 1)));
                break;
            case TOKEN_START:
                for (uint16_t i = 0; i < PHASES * 4; i++)
                    table[AT_COUNTERS + i] = 0;
                counter = 2;
                left = PROGRAM / INSTRUCTION_WORDS;
                flags = t.what;
                lists = flags & RUN_EVENTS ? t.where : 1;
                running = true;
                stopped = false;
                break;
            default: on = false;
            }
        }
        if (o.kind == DO_WAIT && !input)
            continue;
        if (input)
            phase = 0;
        if (o.kind == DO_VALUES && o.mode & VALUES_STEP_ENDS && flags & RUN_TRACE) {
            const struct token end = {.kind = TOKEN_END};
            hls_write(trace, end);
        }
        if (o.kind == DO_VALUES && o.mode & VALUES_WATCHED && !(flags & RUN_IAT))
            o.cells = 0;
        uint16_t i = 0, g = 0, x = 0, y = 0;
        for (bool more = input || o.cells; more;) {
            struct token event = {.kind = TOKEN_EVENT};
            if (input) {
                event = hls_read(in);
                more = event.kind == TOKEN_EVENT;
            } else {
                const uint16_t a = o.a + i, b = o.b + i;
                int32_t count = 0;
                if (o.kind == DO_FIRE)
                    count = fire(&o, i, g);
                else if (o.kind == DO_RELAY)
                    count = relay(&o, i, g, x, y);
                else if (o.kind == DO_VALUES)
                    hls_write(values, unpacked(AT(cell, a)));
                else if (o.kind == DO_FILL) {
                    AT(cell, a) = packed((int32_t)AT(table, AT_INITIAL + o.vector + g));
                    if (o.b != NOWHERE)
                        AT(sent, b) = 0;
                } else {
                    uint32_t v = AT(cell, b);
                    if (o.kind == DO_ADD)
                        v += AT(cell, a);
                    AT(cell, a) = packed((int32_t)v);
                }
                event.where = (uint32_t)g << 16 | y;
                event.what = (uint32_t)x << 16 | (uint16_t)count;
                i++;
                g = g + 1 == o.groups ? 0 : g + 1;
                x = g ? x : x + 1 == o.columns ? 0 : x + 1;
                y += !g && !x;
                more = i < o.cells;
            }
            if ((int16_t)event.what) {
                event.core = phase;
                if (flags & RUN_TRACE && (phase || flags & RUN_EVENTS))
                    hls_write(trace, event);
                add_event(phase, event.where, event.what);
            }
        }
        lists -= input;
        phase += input || ((o.kind == DO_FIRE || o.kind == DO_RELAY) && !(o.mode & FIRE_SILENT));
    }
}
