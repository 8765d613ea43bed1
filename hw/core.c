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
    static uint64_t total[PHASES][4];
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
            case MEMORY_CHANNEL_WEIGHT: channel_weight[address] = t.what; break;
            case MEMORY_CHANNEL_CELL: channel_cell[address] = t.what; break;
            case MEMORY_CHANNEL_FANOUT: channel_fanout[address] = t.what; break;
            default: pass = true;
            }
            if (pass) {
                const struct work w = {
                    .kind = TOKEN_LOAD, .cell = memory, .weight = address, .word = t.what};
                hls_write(out, w);
            }
        }
        waits_note(&waits, t.kind == TOKEN_START, t.kind == TOKEN_STOP);
        if (t.kind == TOKEN_START) {
            for (uint32_t k = 0; k < PHASES * 4; k++)
                total[k / 4][k % 4] = 0;
            now = 0;
            event_input = t.what & RUN_EVENTS;
        } else if (t.kind == TOKEN_NEXT)
            now = event_input ? 0 : 1;
        else if (t.kind == TOKEN_END) {
            AT(total, now)[0] += seen;
            AT(total, now)[1] += spikes;
            AT(total, now)[2] += operations;
            AT(total, now)[3] += spike_operations;
            now++;
        } else if (t.kind == TOKEN_EXIT)
            on = false;
        if (t.kind == TOKEN_PROFILE) {
            const struct work s = {.kind = TOKEN_VALUE, .word = waits.starved},
                              b = {.kind = TOKEN_VALUE, .word = waits.blocked};
            hls_write(out, s);
            hls_write(out, b);
        }
        if (t.kind == TOKEN_COUNTERS)
            for (uint32_t k = 0; k < t.what * 8; k++) {
                const uint64_t sum = total[k / 8][k / 2 % 4];
                const struct work w = {.kind = TOKEN_VALUE,
                                       .word = k & 1 ? (uint32_t)(sum >> 32) : (uint32_t)sum};
                hls_write(out, w);
            }
        else {
            const struct work w = {.kind = t.kind, .weight = t.where, .word = t.what};
            hls_write(out, w);
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
        uint32_t along = 0;
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
                                        .weight = (r & 0xffff) + (c & 0xffff) + w.weight + along,
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
                row_list[w.weight] = w.word;
            else if (w.cell == MEMORY_COLUMN_LIST)
                column_list[w.weight] = w.word;
            else {
                const struct operation o = {TOKEN_LOAD, w.cell, w.weight, (int32_t)w.word};
                hls_write(out, o);
            }
        }
        waits_note(&waits, w.kind == TOKEN_START, w.kind == TOKEN_STOP);
        if (w.kind == TOKEN_PROFILE) {
            const struct operation s = {.kind = TOKEN_VALUE, .factor = (int32_t)waits.starved},
                                   b = {.kind = TOKEN_VALUE, .factor = (int32_t)waits.blocked};
            hls_write(out, s);
            hls_write(out, b);
        }
        const struct operation o = {w.kind, 0, w.weight, (int32_t)w.word};
        hls_write(out, o);
        on = w.kind != TOKEN_EXIT;
    }
}

static void IN_CORE(neurons)(hls_stream(struct operation) in, hls_stream(struct bursts) fired,
                             hls_stream(int32_t) values)
{
    static uint32_t cell[CELLS][LANES];
    static uint16_t sent[SENT_CELLS][LANES];
    static int8_t weight[WEIGHTS][LANES];
    static int32_t threshold[PARAMETERS][LANES], bias[PARAMETERS][LANES],
        initial[PARAMETERS][LANES];
    static uint32_t window[WINDOWS], program[PROGRAM];
    static uint16_t counter, step_start, stop_start;
    static bool watched;
    static uint32_t mark[MARKS][MARK_WORDS];
    static uint16_t marks;
    static struct waits waits;
#pragma HLS array_partition variable = cell complete dim = 2
#pragma HLS array_partition variable = sent complete dim = 2
#pragma HLS array_partition variable = weight complete dim = 2
#pragma HLS array_partition variable = threshold complete dim = 2
#pragma HLS array_partition variable = bias complete dim = 2
#pragma HLS array_partition variable = initial complete dim = 2
#pragma HLS array_partition variable = mark complete dim = 2
    uint32_t loaded[LANES] = {0};
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
                int32_t v = at == last ? v1[l] : at == before_last ? v2[l] : unpacked(cell[at][l]);
                v = unpacked((uint32_t)v + (uint32_t)AT(weight, o.weight)[l] * (uint32_t)o.factor);
                cell[at][l] = packed(v);
                v2[l] = v1[l];
                v1[l] = v;
            }
            before_last = last;
            last = at;
        }

        for (; o.kind == TOKEN_LOAD; o = hls_read(in)) {
#pragma HLS pipeline
            const uint32_t word = (uint32_t)o.factor;
            const bool weights = o.cell == MEMORY_WEIGHT;
            const uint32_t at = weights ? o.weight / (LANES / 4) : o.weight / LANES;
            const bool whole =
                weights ? o.weight % (LANES / 4) == LANES / 4 - 1 : o.weight % LANES == LANES - 1;
            /* The lanes of a vector gather from the right. */
            for (int l = 0; l < LANES; l++)
                if (weights)
                    loaded[l] = l < LANES - 4 ? loaded[l + 4] : word >> 8 * (l % 4) & 255;
                else
                    loaded[l] = l < LANES - 1 ? loaded[l + 1] : word;
            if (o.cell == MEMORY_WINDOW)
                window[o.weight] = word;
            if (o.cell == MEMORY_PROGRAM)
                program[o.weight] = word;
            /* Where a timestep and where the outputs begin stands in the first two words. */
            if (o.cell == MEMORY_PROGRAM && o.weight == 0)
                step_start = word;
            if (o.cell == MEMORY_PROGRAM && o.weight == 1)
                stop_start = word;
            for (int l = 0; l < LANES && whole; l++) {
                if (weights)
                    weight[at][l] = (int8_t)loaded[l];
                if (o.cell == MEMORY_THRESHOLD)
                    threshold[at][l] = loaded[l] & 0x7fffff;
                if (o.cell == MEMORY_BIAS)
                    bias[at][l] = unpacked(loaded[l]);
                if (o.cell == MEMORY_INITIAL)
                    initial[at][l] = (int32_t)loaded[l];
                if (o.cell == MEMORY_CELL)
                    cell[at][l] = packed((int32_t)loaded[l]);
            }
        }
        /* What is no part of a run overwrites the mark that is next. */
        const struct waits now = waits_note(&waits, o.kind == TOKEN_START, o.kind == TOKEN_STOP);
        marks = o.kind == TOKEN_START ? 0 : marks;
        mark[marks][0] = hls_clock();
        mark[marks][2] = now.starved;
        mark[marks][3] = now.blocked;
        bool run = false;
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
        case TOKEN_READ:
            for (int32_t i = 0; i < o.factor * LANES; i++)
                hls_write(values, unpacked(AT(cell, o.weight + i / LANES)[i % LANES]));
            break;
        case TOKEN_PROFILE:
            hls_write(values, (int32_t)waits.starved);
            hls_write(values, (int32_t)waits.blocked);
            for (int32_t i = 0; i < o.factor * MARK_WORDS; i++)
                hls_write(values, (int32_t)AT(mark, i / MARK_WORDS)[i % MARK_WORDS]);
            break;
        default: {
            const struct bursts exit = {.kind = BURSTS_EXIT};
            hls_write(fired, exit);
            on = false;
        }
        }
        const bool ran = run;

        /* A program that never waits ends all the same. */
        for (uint16_t left = PROGRAM / INSTRUCTION_WORDS; run && left; left--) {
            const uint32_t w = AT(program, counter), a = AT(program, counter + 1),
                           b = AT(program, counter + 2),
                           cells = WITHIN(CELLS, AT(program, counter + 3)),
                           parameters = AT(program, counter + 4), rows = AT(program, counter + 5),
                           columns = AT(program, counter + 6), groups = AT(program, counter + 7),
                           widths = AT(program, counter + 8), sizes = AT(program, counter + 9);
            const uint8_t kind = w & 255, phi = w >> 8 & 255, mode = w >> 16 & 255;
            const uint16_t vector = parameters >> 16;
            const struct share share = {.groups = parameters & 0xffff,
                                        .columns = widths >> 16,
                                        .first_group = groups >> 16,
                                        .next_group = groups & 0xffff,
                                        .first_column = columns >> 16,
                                        .next_column = columns & 0xffff,
                                        .next_row = rows & 0xffff};
            struct cursor at = {.group = groups >> 16, .column = columns >> 16, .row = rows >> 16};
            counter += INSTRUCTION_WORDS;
            switch (kind) {
            case DO_FILL:
                for (uint32_t i = 0; i < cells; i++) {
#pragma HLS pipeline II = 1
                    for (int l = 0; l < LANES; l++) {
                        AT(cell, a + i)[l] = packed(AT(initial, vector + at.g)[l]);
                        if (b != NOWHERE)
                            AT(sent, b + i)[l] = 0;
                    }
                    at.g = at.g + 1 == share.groups ? 0 : at.g + 1;
                }
                break;
            case DO_COPY:
            case DO_ADD:
                for (uint32_t i = 0; i < cells; i++) {
#pragma HLS pipeline II = 2
#pragma HLS dependence variable = cell inter false
                    for (int l = 0; l < LANES; l++) {
                        const int32_t add = unpacked(AT(cell, b + i)[l]);
                        const int32_t v = kind == DO_ADD ? unpacked(AT(cell, a + i)[l]) : 0;
                        AT(cell, a + i)[l] = packed(v + add);
                    }
                }
                break;
            case DO_FIRE:
                for (uint32_t i = 0; i < cells; i++) {
#pragma HLS pipeline II = 1
#pragma HLS dependence variable = cell inter false
#pragma HLS dependence variable = sent inter false
                    struct bursts out = {.group = at.group, .row = at.row, .column = at.column};
                    for (int l = 0; l < LANES; l++) {
                        const int32_t theta = AT(threshold, vector + at.g)[l];
                        int32_t v = unpacked(AT(cell, a + i)[l]) + AT(bias, vector + at.g)[l];
                        const int32_t so_far = mode & FIRE_SIGNED ? AT(sent, b + i)[l] : 0;
                        int32_t r = quotient(v, theta);
                        const int32_t least = mode & FIRE_LINEAR ? -phi
                                              : so_far < phi     ? -so_far
                                                                 : -phi;
                        r = r > phi ? phi : r < least ? least : r;
                        v -= r * theta;
                        v = v > 0x3fffff ? 0x3fffff : v < -0x3fffff ? -0x3fffff : v;
                        AT(cell, a + i)[l] = packed(v);
                        if (mode & FIRE_SIGNED)
                            AT(sent, b + i)[l] = (uint16_t)(so_far + r);
                        out.count[l] = (int16_t)r;
                        out.lanes |= (uint32_t)(r != 0) << l;
                    }
                    if (out.lanes)
                        hls_write(fired, out);
                    advance(&at, &share);
                }
                break;
            case DO_RELAY: {
                /* parameters: windows of rows from `vector` on, of columns from widths & 0xffff;
                 * sizes: cells of a row of sums << 16 | groups. */
                for (uint32_t i = 0; i < cells; i++) {
                    const uint32_t up = AT(window, vector + at.y),
                                   across = AT(window, (widths & 0xffff) + at.x);
                    const uint16_t height = up & 0xffff, width = across & 0xffff,
                                   slots = WITHIN(CELLS, (uint32_t)height * width);
                    int32_t most[LANES];
                    for (int l = 0; l < LANES; l++) {
#pragma HLS unroll
                        most[l] = INT32_MIN;
                    }
                    uint16_t down = 0, right = 0, kx = 0;
                    for (uint16_t k = 0; k < slots; k++) {
#pragma HLS pipeline II = 1
                        const uint16_t slot =
                            (uint16_t)(b + (up >> 16) + down + (across >> 16) + right + at.g);
                        for (int l = 0; l < LANES; l++) {
                            const int32_t v = unpacked(AT(cell, slot)[l]);
                            most[l] = v > most[l] ? v : most[l];
                        }
                        const bool row_done = kx + 1 == width;
                        down += row_done ? sizes >> 16 : 0;
                        right = row_done ? 0 : right + share.groups;
                        kx = row_done ? 0 : kx + 1;
                    }
                    struct bursts out = {.group = at.group, .row = at.row, .column = at.column};
                    for (int l = 0; l < LANES; l++) {
#pragma HLS unroll
                        const int32_t v = unpacked(AT(cell, a + i)[l]);
                        const int32_t top = slots ? most[l] : v;
                        AT(cell, a + i)[l] = packed(top);
                        out.count[l] = (int16_t)(top - v);
                        out.lanes |= (uint32_t)(top != v) << l;
                    }
                    if (out.lanes)
                        hls_write(fired, out);
                    advance(&at, &share);
                }
                break;
            }
            case DO_VALUES:
                if (!(mode & VALUES_WATCHED) || watched)
                    for (uint32_t i = 0; i < cells * LANES; i++) {
#pragma HLS pipeline II = 1
                        hls_write(values, unpacked(AT(cell, a + i / LANES)[i % LANES]));
                    }
                break;
            default: run = false;
            }
            if ((kind == DO_FIRE || kind == DO_RELAY) && !(mode & FIRE_SILENT)) {
                const struct bursts end = {.kind = BURSTS_END};
                hls_write(fired, end);
                run = false;
            }
        }
        mark[marks][1] = hls_clock();
        marks += ran && marks < MARKS - 1;
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
        for (int l = 0; l < LANES; l++)
            count = lane == l ? b.count[l] : count;
        const struct event e = {.end = b.kind == BURSTS_END,
                                .where = (uint32_t)(b.group * LANES + lane) << 16 | b.row,
                                .what = (uint32_t)b.column << 16 | (uint16_t)count};
        hls_write(out, e);
        lanes &= lanes - 1;
    }
}
