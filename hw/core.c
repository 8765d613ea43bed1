/* One core: four processes in a row. accelerator.c includes this file once for each core, with
 * IN_CORE(name) giving names of its own to what belongs to it.
 *
 *   fetch    looks up where the events of a population go: for every projection the rows, columns
 *            and channel groups that the source's row, column and channel reach in this core
 *   expand   goes through all combinations, one a cycle
 *   neurons  holds potentials and weights: adds factor * weight vector to a cell of LANES neurons,
 *            one a cycle, and lets populations fire
 *   events   takes the bursts of a cell apart into events, one a cycle
 *
 * A projection is separable: which cell and weight vector an event meets is a sum of what its row,
 * its column and its channel contribute. The host writes these tables, so stride, padding,
 * dilation, pooling, repetition and groups cost the machine nothing. */

static void IN_CORE(fetch)(hls_stream(struct token) in, hls_stream(struct work) out)
{
    static uint32_t phase[PHASES], rows[AXIS], columns[AXIS], channel_weight[CHANNELS],
        channel_cell[CHANNELS], channel_fanout[CHANNELS], route_row[ROUTES], route_column[ROUTES],
        route_channel[ROUTES], route_shift[ROUTES];
    static uint64_t total[PHASES * TOTALS];
    uint16_t now = 0;
    struct waits waits = {0};
    bool on = true, event_input = false;
    while (on) {
        const uint32_t routes = AT(phase, now);
        const uint16_t first = routes >> 16, number = WITHIN(ROUTES, routes);
        uint16_t i = 0;
        uint32_t seen = 0, spikes = 0;
        uint64_t operations = 0, spike_operations = 0;
        struct token t;
    events:
        for (;;) {
#pragma HLS pipeline II = 1
            if (i == 0)
                t = hls_read(in);
            if (t.kind != TOKEN_EVENT)
                break;
            const int16_t count = (int16_t)t.what;
            const uint16_t size = count < 0 ? -count : count;
            if (i == 0) {
                seen++;
                spikes += size;
            }
            if (number) {
                const uint16_t route = first + i;
                const uint32_t row = AT(rows, AT(route_row, route) + low(t.where)),
                               column = AT(columns, AT(route_column, route) + high(t.what)),
                               at = AT(route_channel, route) + high(t.where),
                               shift = AT(route_shift, route), cell = AT(channel_cell, at);
                const struct work w = {.kind = TOKEN_EVENT,
                                       .rows = row & 255,
                                       .columns = column & 255,
                                       .groups = cell & 4095,
                                       .row = row >> 8,
                                       .column = column >> 8,
                                       .cell = cell >> 12,
                                       .weight = AT(channel_weight, at),
                                       .step = shift >> 8,
                                       .factor = count * (1 << (shift & 15))};
                const uint32_t added = (uint32_t)w.rows * w.columns * AT(channel_fanout, at);
                operations += added;
                spike_operations += (uint64_t)added * size;
                if (w.rows && w.columns && w.groups)
                    hls_write(out, w);
            }
            i = i + 1 >= number ? 0 : i + 1;
        }
        for (; t.kind == TOKEN_LOAD; t = hls_read(in)) {
#pragma HLS pipeline
            const uint32_t address = t.where & 0xffffff;
            const uint8_t memory = t.where >> 24;
            bool pass = false;
            switch (memory) {
            case MEMORY_PHASE: phase[address] = t.what; break;
            case MEMORY_ROUTE_ROWS: route_row[address] = t.what; break;
            case MEMORY_ROUTE_COLUMNS: route_column[address] = t.what; break;
            case MEMORY_ROUTE_CHANNELS: route_channel[address] = t.what; break;
            case MEMORY_ROUTE_SHIFT: route_shift[address] = t.what; break;
            case MEMORY_ROWS: rows[address] = t.what; break;
            case MEMORY_COLUMNS: columns[address] = t.what; break;
            case MEMORY_CHANNEL_WEIGHT: channel_weight[address] = BITS_OF(WEIGHTS, t.what); break;
            case MEMORY_CHANNEL_CELL: channel_cell[address] = t.what; break;
            case MEMORY_CHANNEL_FANOUT: channel_fanout[address] = low(t.what); break;
            default: pass = true;
            }
            if (pass) {
                const struct work w = {.kind = TOKEN_LOAD,
                                       .cell = memory,
                                       .weight = address,
                                       .factor = (int32_t)t.what};
                hls_write(out, w);
            }
        }
        waits_note(&waits, t.kind == TOKEN_START, t.kind == TOKEN_STOP);
        if (t.kind == TOKEN_START) {
            for (uint32_t k = 0; k < PHASES * TOTALS; k++)
                total[k] = 0;
            now = 0;
            event_input = t.what & RUN_EVENTS;
        } else if (t.kind == TOKEN_NEXT)
            now = event_input ? 0 : 1;
        else if (t.kind == TOKEN_EXIT)
            on = false;
        if (PROFILED && t.kind == TOKEN_PROFILE) {
            const struct work s = {.kind = TOKEN_VALUE, .factor = (int32_t)waits.starved},
                              b = {.kind = TOKEN_VALUE, .factor = (int32_t)waits.blocked};
            hls_write(out, s);
            hls_write(out, b);
        }
        if (t.kind == TOKEN_COUNTERS)
            for (uint32_t k = 0; k < t.what * TOTALS * 2; k++) {
                const uint64_t sum = AT(total, k / 2);
                const struct work w = {.kind = TOKEN_VALUE,
                                       .factor = (int32_t)(k & 1 ? sum >> 32 : sum)};
                hls_write(out, w);
            }
        else {
            const struct work w = {.kind = t.kind, .weight = t.where, .factor = (int32_t)t.what};
            hls_write(out, w);
        }
        if (t.kind == TOKEN_END) {
            const uint64_t more[TOTALS] = {seen, spikes, operations, spike_operations};
            for (int k = 0; k < TOTALS; k++)
                AT(total, now * TOTALS + k) = (AT(total, now * TOTALS + k) + more[k]) & TOTAL_MOST;
            now++;
        }
    }
}

static void IN_CORE(expand)(hls_stream(struct work) in, hls_stream(struct operation) out)
{
    static uint32_t row_list[LIST], column_list[LIST];
    struct waits waits = {0};
    bool on = true;
    while (on) {
        struct work w;
        uint8_t row = 0, column = 0;
        uint16_t group = 0;
        uint16_t along = 0;
        bool fresh = true;
    places:
        for (;;) {
#pragma HLS pipeline II = 1
            if (fresh)
                w = hls_read(in);
            if (w.kind != TOKEN_EVENT)
                break;
            const uint32_t r = AT(row_list, w.row + row), c = AT(column_list, w.column + column);
            const struct operation o = {.kind = TOKEN_EVENT,
                                        .cell = (uint16_t)((r >> 16) + (c >> 16) + w.cell + group),
                                        .weight = (word_address)(r + c + w.weight + along),
                                        .factor = w.factor};
            hls_write(out, o);
            const bool groups_done = group + 1 == w.groups, columns_done = column + 1 == w.columns,
                       rows_done = row + 1 == w.rows;
            fresh = groups_done && columns_done && rows_done;
            along = groups_done ? 0 : along + w.step;
            group = groups_done ? 0 : group + 1;
            if (groups_done)
                column = columns_done ? 0 : column + 1;
            if (groups_done && columns_done)
                row = rows_done ? 0 : row + 1;
        }
        for (; w.kind == TOKEN_LOAD; w = hls_read(in)) {
#pragma HLS pipeline
            if (w.cell == MEMORY_ROW_LIST)
                row_list[w.weight] = (uint32_t)w.factor;
            else if (w.cell == MEMORY_COLUMN_LIST)
                column_list[w.weight] = (uint32_t)w.factor;
            else {
                const struct operation o = {TOKEN_LOAD, w.cell, w.weight, w.factor};
                hls_write(out, o);
            }
        }
        waits_note(&waits, w.kind == TOKEN_START, w.kind == TOKEN_STOP);
        if (PROFILED && w.kind == TOKEN_PROFILE) {
            const struct operation s = {.kind = TOKEN_VALUE, .factor = (int32_t)waits.starved},
                                   b = {.kind = TOKEN_VALUE, .factor = (int32_t)waits.blocked};
            hls_write(out, s);
            hls_write(out, b);
        }
        const struct operation o = {w.kind, 0, w.weight, w.factor};
        hls_write(out, o);
        on = w.kind != TOKEN_EXIT;
    }
}

static void IN_CORE(neurons)(hls_stream(struct operation) in, hls_stream(struct bursts) fired,
                             hls_stream(int32_t) values)
{
    static uint32_t cell[CELLS][SLICES][SLICE];
    static int8_t weight[WEIGHTS][LANES / 4][4];
    static uint16_t sent[SENT_CELLS * SLICES][SLICE];
    static uint32_t threshold[PARAMETERS * SLICES][SLICE], bias[PARAMETERS * SLICES][SLICE],
        initial[PARAMETERS * SLICES][SLICE];
    static uint32_t window[WINDOWS], program[PROGRAM];
    static uint16_t counter, step_start, stop_start;
    static bool watched;
    static uint32_t mark[MARKS + !PROFILED][MARK_WORDS];
    static uint16_t marks;
    static struct waits waits;
#pragma HLS array_partition variable = cell complete dim = 2
#pragma HLS array_partition variable = cell complete dim = 3
#pragma HLS array_partition variable = weight complete dim = 2
#pragma HLS array_partition variable = weight complete dim = 3
#pragma HLS array_partition variable = sent complete dim = 2
#pragma HLS array_partition variable = threshold complete dim = 2
#pragma HLS array_partition variable = bias complete dim = 2
#pragma HLS array_partition variable = initial complete dim = 2
#pragma HLS array_partition variable = mark complete dim = 2
    bool on = true;
    while (on) {
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
                                                : unpacked(cell[at] OF_LANE(l));
                v = unpacked((uint32_t)v +
                             (uint32_t)AT(weight, o.weight)[l / 4][l % 4] * (uint32_t)o.factor);
                cell[at] OF_LANE(l) = packed(v);
                v2[l] = v1[l];
                v1[l] = v;
            }
            before_last = last;
            last = at;
        }

        for (; o.kind == TOKEN_LOAD; o = hls_read(in)) {
#pragma HLS pipeline
            const uint32_t word = (uint32_t)o.factor;
            const uint32_t slice = o.weight / SLICE, lane = o.weight % SLICE,
                           quarter = o.weight % (LANES / 4);
            switch (o.cell) {
            case MEMORY_WEIGHT:
                for (int l = 0; l < 4; l++)
                    AT(weight, o.weight / (LANES / 4))[quarter][l] = (int8_t)(word >> 8 * l);
                break;
            case MEMORY_THRESHOLD: AT(threshold, slice)[lane] = word & 0x7fffff; break;
            case MEMORY_BIAS: AT(bias, slice)[lane] = packed((int32_t)word); break;
            case MEMORY_INITIAL: AT(initial, slice)[lane] = packed((int32_t)word); break;
            case MEMORY_CELL:
                AT(cell, o.weight / LANES) OF_LANE(o.weight) = packed((int32_t)word);
                break;
            case MEMORY_WINDOW: AT(window, o.weight) = word; break;
            case MEMORY_PROGRAM: AT(program, o.weight) = word; break;
            }
            /* Where a timestep and where the outputs begin stands in the first two words. */
            if (o.cell == MEMORY_PROGRAM && o.weight == 0)
                step_start = word;
            if (o.cell == MEMORY_PROGRAM && o.weight == 1)
                stop_start = word;
        }
        /* What is no part of a run overwrites the mark that is next. */
        const struct waits now = waits_note(&waits, o.kind == TOKEN_START, o.kind == TOKEN_STOP);
        marks = o.kind == TOKEN_START ? 0 : marks;
        if (PROFILED) {
            mark[marks][0] = hls_clock();
            mark[marks][2] = now.starved;
            mark[marks][3] = now.blocked;
        }
        bool run = false, read = false;
        switch (o.kind) {
        case TOKEN_START:
            watched = o.factor & RUN_IAT;
            counter = 2;
            run = true;
            break;
        case TOKEN_NEXT:
            counter = step_start;
            run = true;
            break;
        case TOKEN_STOP:
            counter = stop_start;
            run = true;
            break;
        case TOKEN_END: run = true; break;
        case TOKEN_VALUE: hls_write(values, o.factor); break;
        case TOKEN_READ: read = true; break;
        case TOKEN_PROFILE:
            if (PROFILED) {
                hls_write(values, (int32_t)waits.starved);
                hls_write(values, (int32_t)waits.blocked);
                for (int32_t i = 0; i < o.factor * MARK_WORDS; i++)
                    hls_write(values, (int32_t)AT(mark, i / MARK_WORDS)[i % MARK_WORDS]);
            }
            break;
        default: {
            const struct bursts exit = {.kind = BURSTS_EXIT};
            hls_write(fired, exit);
            on = false;
        }
        }
        const bool ran = run;

        /* A program that never waits ends all the same. */
        for (uint16_t left = PROGRAM / INSTRUCTION_WORDS; (run || read) && left; left--) {
            const uint32_t w = AT(program, counter), b = AT(program, counter + 2),
                           parameters = AT(program, counter + 4), rows = AT(program, counter + 5),
                           columns = AT(program, counter + 6), groups = AT(program, counter + 7),
                           widths = AT(program, counter + 8), sizes = AT(program, counter + 9);
            /* A READ is a VALUES of its own. */
            const uint32_t a = read ? o.weight : AT(program, counter + 1),
                           cells =
                               WITHIN(CELLS, read ? (uint32_t)o.factor : AT(program, counter + 3));
            const uint8_t kind = read ? DO_VALUES : w & 255, phi = w >> 8 & 255,
                          mode = read ? 0 : w >> 16 & 255;
            const uint16_t vector = parameters >> 16;
            const struct share share = {.groups = parameters & 0xffff,
                                        .columns = widths >> 16,
                                        .first_group = groups >> 16,
                                        .next_group = groups & 0xffff,
                                        .first_column = columns >> 16,
                                        .next_column = columns & 0xffff,
                                        .next_row = rows & 0xffff};
            const bool sends = kind == DO_FIRE || kind == DO_RELAY,
                       moves = sends || kind == DO_COPY || kind == DO_ADD;
            struct cursor at = {.group = groups >> 16, .column = columns >> 16, .row = rows >> 16};
            counter += INSTRUCTION_WORDS;

            if (kind == DO_FILL) {
                for (uint16_t g = 0; g < share.groups; g++) {
                    uint32_t beginning[SLICES][SLICE];
                    for (int slice = 0; slice < SLICES; slice++) {
#pragma HLS pipeline II = 1
                        for (int l = 0; l < SLICE; l++)
                            beginning[slice][l] = AT(initial, (vector + g) * SLICES + slice)[l];
                    }
                    for (uint32_t i = g; i < cells; i += share.groups) {
#pragma HLS pipeline II = 1
                        for (int l = 0; l < LANES; l++)
                            AT(cell, a + i) OF_LANE(l) = beginning OF_LANE(l);
                    }
                }
                if (b != NOWHERE)
                    for (uint32_t i = 0; i < cells * SLICES; i++) {
#pragma HLS pipeline II = 1
                        for (int l = 0; l < SLICE; l++)
                            AT(sent, b * SLICES + i)[l] = 0;
                    }
            }

            /* Slice by slice. In front of each a RELAY looks at the window's sums, COPY and ADD at
             * the slice of b, and keep the largest. A RELAY's windows: of rows from `vector` on, of
             * columns from widths & 0xffff; sizes: cells of a row of sums << 16. */
            for (uint32_t i = 0; moves && i < cells * SLICES;) {
                uint16_t first = 0, width = 1, before = kind != DO_FIRE;
                uint32_t steps = cells * SLICES << (kind != DO_FIRE);
                if (kind == DO_RELAY) {
                    const uint32_t up = AT(window, vector + at.y),
                                   across = AT(window, (widths & 0xffff) + at.x);
                    first = (uint16_t)((up >> 16) + (across >> 16) + at.g);
                    width = across & 0xffff;
                    before = WITHIN(CELLS, (up & 0xffff) * width);
                    steps = before + 1;
                }
                uint16_t k = 0, kx = 0, row = first, slot = first;
                int32_t most[SLICE] = {0};
                for (; steps; steps--) {
#pragma HLS pipeline II = 1
#pragma HLS dependence variable = cell inter false
#pragma HLS dependence variable = sent inter false
                    const uint8_t slice = i % SLICES;
                    const bool done = k == before, row_done = kx + 1 == width;
                    const uint16_t own = a + i / SLICES,
                                   other = b + (kind == DO_RELAY ? slot : i / SLICES);
                    const uint32_t parameter = (vector + at.g) * SLICES + slice;
                    struct bursts out = {
                        .slice = at.group * SLICES + slice, .row = at.row, .column = at.column};
                    for (int l = 0; l < SLICE; l++) {
                        const int32_t v = unpacked(AT(cell, done ? own : other)[slice][l]),
                                      largest = most[l], top = before ? largest : v,
                                      theta = AT(threshold, parameter)[l],
                                      so_far = mode & FIRE_SIGNED ? AT(sent, b * SLICES + i)[l] : 0,
                                      least = mode & FIRE_LINEAR ? -phi
                                              : so_far < phi     ? -so_far
                                                                 : -phi;
                        int32_t fired_v = v + unpacked(AT(bias, parameter)[l]);
                        int32_t r = quotient(fired_v, theta);
                        r = r > phi ? phi : r < least ? least : r;
                        fired_v = limited(fired_v + (int8_t)-r * theta);
                        const int32_t count = kind == DO_RELAY ? top - v : r;
                        most[l] = k && largest > v ? largest : v;
                        const int32_t rest = kind == DO_FIRE  ? fired_v
                                             : kind == DO_ADD ? v + largest
                                                              : top;
                        if (done)
                            AT(cell, own)[slice][l] = packed(rest);
                        if (mode & FIRE_SIGNED)
                            AT(sent, b * SLICES + i)[l] = (uint16_t)(so_far + r);
                        out.count[l] = (int16_t)count;
                        out.lanes |= (uint32_t)(count != 0) << l;
                    }
                    if (sends && done && out.lanes)
                        hls_write(fired, out);
                    row += row_done ? sizes >> 16 : 0;
                    slot = row_done ? row : slot + share.groups;
                    kx = row_done ? 0 : kx + 1;
                    k = done ? 0 : k + 1;
                    i += done;
                    if (done && slice == SLICES - 1)
                        advance(&at, &share);
                }
            }

            if (kind == DO_VALUES && (!(mode & VALUES_WATCHED) || watched))
                for (uint32_t i = 0; i < cells * LANES; i++) {
#pragma HLS pipeline II = 1
                    hls_write(values, unpacked(AT(cell, a + i / LANES) OF_LANE(i)));
                }
            if (sends && !(mode & FIRE_SILENT)) {
                const struct bursts end = {.kind = BURSTS_END};
                hls_write(fired, end);
                run = false;
            }
            read = false;
            run &= kind > DO_WAIT && kind <= DO_VALUES;
        }
        if (PROFILED) {
            mark[marks][1] = hls_clock();
            marks += ran && marks < MARKS - 1;
        }
    }
}

static void IN_CORE(events)(hls_stream(struct bursts) fired, hls_stream(struct event) out)
{
    struct bursts b = {0};
    uint32_t lanes = 0;
    for (;;) {
#pragma HLS pipeline II = 1
        if (!lanes) {
            b = hls_read(fired);
            lanes = b.lanes;
        }
        if (b.kind == BURSTS_EXIT)
            break;
        const uint8_t lane = lanes ? __builtin_ctz(lanes) : 0;
        int16_t count = 0;
        for (int l = 0; l < SLICE; l++)
            count = lane == l ? b.count[l] : count;
        const struct event e = {.end = b.kind == BURSTS_END,
                                .where = (uint32_t)(b.slice * SLICE + lane) << 16 | b.row,
                                .what = (uint32_t)b.column << 16 | (uint16_t)count};
        hls_write(out, e);
        lanes &= lanes - 1;
    }
}
