/* One core: four processes in a row. accelerator.c includes this file once for each core, with
 * IN_CORE(name) giving names of its own to what belongs to it.
 *
 *   fetch    looks up where the events of a population go: for every projection the rows, columns
 *            and channel groups that the source's row, column and channel reach in this core
 *   expand   goes through all combinations, one a cycle
 *   neurons  holds potentials and weights: adds factor * weight vector to a cell of LANES neurons,
 *            one a cycle, and lets populations fire
 *   events   takes the bursts of a cell apart into events, one a cycle, or two with PAIRS
 *
 * A projection is separable: which cell and weight vector an event meets is a sum of what its row,
 * its column and its channel contribute. The host writes these tables, so stride, padding,
 * dilation, pooling, repetition and groups cost the machine nothing.
 *
 * With PAIRS two channels' events of one place travel as one, and where both reach the same cells
 * (the host says for which projections that is so) they are added in one cycle: twice the work for
 * every access to a potential. */

static void IN_CORE(fetch)(hls_stream(struct token) in, hls_stream(struct work) out)
{
    static uint32_t phase[PHASES], rows[AXIS], columns[AXIS], channel_weight[CHANNELS],
        channel_cell[CHANNELS], route_row[ROUTES], route_column[ROUTES], route_channel[ROUTES],
        route_shift[ROUTES];
    static uint64_t total[PHASES * TOTALS];
    uint16_t now = 0;
    struct waits waits = {0};
    bool on = true, event_input = false;
    while (on) {
        const uint32_t routes = AT(phase, now);
        const uint16_t first = routes >> 16, number = WITHIN(ROUTES, routes);
        const uint8_t last_bits = 1 << (ROUTE_BITS - 1) | 1 << (2 * ROUTE_BITS - 1);
        uint8_t live = 0;    /* routes that the event has still to take */
        uint16_t behind = 0; /* taken of those that share the last bit */
        uint32_t seen = 0, spikes = 0;
        struct token t = {0};
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
            const int16_t count[2] = {(int16_t)one, (int16_t)(both ? low(t.second) : 0)};
            if (fresh) {
                seen += 1 + (PAIRS && low(t.second));
                spikes += magnitude((int16_t)t.what) + magnitude((int16_t)(PAIRS ? t.second : 0));
            }
            if (live) {
                const uint16_t route = first + bit + behind;
                const uint32_t row = AT(rows, AT(route_row, route) + low(t.where)),
                               column = AT(columns, AT(route_column, route) + high(t.what)),
                               channels = AT(route_channel, route), at = channels + high(one),
                               shift = AT(route_shift, route), cell = AT(channel_cell, at);
                const struct work w = {
                    .kind = TOKEN_EVENT,
                    .rows = row & 255,
                    .columns = column & 255,
                    .groups = cell & 4095,
                    .row = row >> 8,
                    .column = column >> 8,
                    .cell = cell >> 12,
                    .weight = {AT(channel_weight, at),
                               PAIRS ? AT(channel_weight, channels + high(t.second)) : 0},
                    .step = shift >> 8,
                    .factor = {count[0] * (1 << (shift & 15)), count[1] * (1 << (shift & 15))},
                    .size = {shift & ROUTE_RELAY ? 0 : magnitude(count[0]),
                             shift & ROUTE_RELAY ? 0 : magnitude(count[1])}};
                if (w.rows && w.columns && w.groups)
                    hls_write(out, w);
            }
            const uint8_t others = without_lowest(live);
            const bool more = (live & ~others & last_bits) && behind + ROUTE_BITS < number;
            behind = more ? behind + 1 : 0;
            live = more ? live : others;
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
            default: pass = true;
            }
            if (pass) {
                const struct work w = passed_work(TOKEN_LOAD, memory, address, t.what);
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
            const struct work s = passed_work(TOKEN_VALUE, 0, 0, waits.starved),
                              b = passed_work(TOKEN_VALUE, 0, 0, waits.blocked);
            hls_write(out, s);
            hls_write(out, b);
        }
        if (t.kind == TOKEN_COUNTERS)
            for (uint32_t k = 0; k < t.what * TOTALS * 2; k++) {
#pragma HLS pipeline II = 1
                const struct work w = passed_work(TOKEN_VALUE, 0, 0, word_of(AT(total, k / 2), k));
                hls_write(out, w);
            }
        const struct work passed = passed_work(t.kind, 0, t.where, t.what);
        hls_write(out, passed);
        if (t.kind == TOKEN_END) {
            const uint64_t more[TOTALS] = {seen, spikes};
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
        struct work w = {0};
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
            const struct operation o = {
                .kind = TOKEN_EVENT,
                .cell = (uint16_t)((r >> 16) + (c >> 16) + w.cell + group),
                .weight = {(word_address)(r + c + w.weight[0] + along),
                           PAIRS ? (word_address)(r + c + w.weight[1] + along) : 0},
                .factor = {w.factor[0], w.factor[1]},
                .size = {w.size[0], w.size[1]}};
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
        for (; w.kind == TOKEN_LOAD || w.kind == TOKEN_VALUE; w = hls_read(in)) {
#pragma HLS pipeline
            const struct operation o = passed_operation(w.kind, w.cell, w.weight[0], w.factor[0]);
            if (w.kind == TOKEN_LOAD && o.cell == MEMORY_ROW_LIST)
                row_list[o.weight[0]] = (uint32_t)o.factor[0];
            else if (w.kind == TOKEN_LOAD && o.cell == MEMORY_COLUMN_LIST)
                column_list[o.weight[0]] = (uint32_t)o.factor[0];
            else
                hls_write(out, o);
        }
        waits_note(&waits, w.kind == TOKEN_START, w.kind == TOKEN_STOP);
        if (PROFILED && w.kind == TOKEN_PROFILE) {
            const struct operation s = passed_operation(TOKEN_VALUE, 0, 0, (int32_t)waits.starved),
                                   b = passed_operation(TOKEN_VALUE, 0, 0, (int32_t)waits.blocked);
            hls_write(out, s);
            hls_write(out, b);
        }
        const struct operation o = passed_operation(w.kind, 0, w.weight[0], w.factor[0]);
        hls_write(out, o);
        on = w.kind != TOKEN_EXIT;
    }
}

static void IN_CORE(neurons)(hls_stream(struct operation) in, hls_stream(struct bursts) fired,
                             hls_stream(int32_t) values)
{
    static uint32_t cell[CELLS][SLICES][SLICE];
    static int8_t weight[WEIGHTS][LANES / 4][4];
    static sent_count sent[SENT_CELLS * SLICES][SLICE];
    static uint32_t threshold[PARAMETERS * SLICES][SLICE], bias[PARAMETERS * SLICES][SLICE],
        initial[PARAMETERS * SLICES][SLICE];
    static uint32_t window[WINDOWS], program[PROGRAM];
    static uint64_t total[PHASES * TOTALS];
    static uint16_t counter, step_start, stop_start, phase, next_phase;
    static bool watched, first_step;
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
        uint64_t operations = 0, spike_operations = 0;
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
                uint32_t added = 0;
                for (int k = 0; k <= PAIRS; k++)
                    added +=
                        (uint32_t)AT(weight, o.weight[k])[l / 4][l % 4] * (uint32_t)o.factor[k];
                v = unpacked((uint32_t)v + added);
                cell[at] OF_LANE(l) = packed(v);
                v2[l] = v1[l];
                v1[l] = v;
            }
            for (int k = 0; k <= PAIRS; k++) {
                uint32_t there = 0; /* lanes: a weight of 0 is no operation */
                for (int l = 0; l < LANES; l++)
                    there |= (uint32_t)(AT(weight, o.weight[k])[l / 4][l % 4] != 0) << l;
                const uint8_t number = __builtin_popcount(there);
                operations += o.size[k] ? number : 0;
                spike_operations += (uint32_t)o.size[k] * number;
            }
            before_last = last;
            last = at;
        }

        for (; o.kind == TOKEN_LOAD || o.kind == TOKEN_VALUE; o = hls_read(in)) {
#pragma HLS pipeline
            if (o.kind == TOKEN_VALUE) {
                hls_write(values, o.factor[0]);
                continue;
            }
            const uint32_t word = (uint32_t)o.factor[0];
            const uint32_t slice = o.weight[0] / SLICE, lane = o.weight[0] % SLICE,
                           quarter = o.weight[0] % (LANES / 4);
            switch (o.cell) {
            case MEMORY_WEIGHT:
                for (int l = 0; l < 4; l++)
                    AT(weight, o.weight[0] / (LANES / 4))[quarter][l] = (int8_t)(word >> 8 * l);
                break;
            case MEMORY_THRESHOLD: AT(threshold, slice)[lane] = word & 0x7fffff; break;
            case MEMORY_BIAS: AT(bias, slice)[lane] = packed((int32_t)word); break;
            case MEMORY_INITIAL: AT(initial, slice)[lane] = packed((int32_t)word); break;
            case MEMORY_CELL:
                AT(cell, o.weight[0] / LANES) OF_LANE(o.weight[0]) = packed((int32_t)word);
                break;
            case MEMORY_WINDOW: AT(window, o.weight[0]) = word; break;
            case MEMORY_PROGRAM: AT(program, o.weight[0]) = word; break;
            }
            /* Where a timestep and where the outputs begin stands in the first two words. */
            if (o.cell == MEMORY_PROGRAM && o.weight[0] == 0)
                step_start = word;
            if (o.cell == MEMORY_PROGRAM && o.weight[0] == 1)
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
            watched = o.factor[0] & RUN_IAT;
            first_step = true;
            phase = 0;
            next_phase = o.factor[0] & RUN_EVENTS ? 0 : 1;
            counter = 2;
            run = true;
            break;
        case TOKEN_NEXT:
            first_step = false;
            phase = next_phase;
            counter = step_start;
            run = true;
            break;
        case TOKEN_STOP:
            counter = stop_start;
            run = true;
            break;
        case TOKEN_END: {
            const uint64_t more[TOTALS] = {operations, spike_operations};
            for (int k = 0; k < TOTALS; k++) {
                const uint64_t before = first_step ? 0 : AT(total, phase * TOTALS + k);
                AT(total, phase * TOTALS + k) = (before + more[k]) & TOTAL_MOST;
            }
            phase++;
            run = true;
            break;
        }
        case TOKEN_COUNTERS:
            for (uint32_t k = 0; k < (uint32_t)o.factor[0] * TOTALS * 2; k++) {
#pragma HLS pipeline II = 1
                hls_write(values, (int32_t)word_of(AT(total, k / 2), k));
            }
            break;
        case TOKEN_READ: read = true; break;
        case TOKEN_PROFILE:
            if (PROFILED) {
                hls_write(values, (int32_t)waits.starved);
                hls_write(values, (int32_t)waits.blocked);
                for (int32_t i = 0; i < o.factor[0] * MARK_WORDS; i++)
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
            const uint32_t a = read ? o.weight[0] : AT(program, counter + 1),
                           cells = WITHIN(CELLS,
                                          read ? (uint32_t)o.factor[0] : AT(program, counter + 3));
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
            }

            /* Slice by slice. In front of each a RELAY looks at the window's sums, ADD at the slice
             * of b, and keep the largest. A RELAY's windows: of rows from `vector` on, of columns
             * from widths & 0xffff; sizes: cells of a row of sums << 16. */
            bool moved = true; /* to another place since bursts were sent */
            for (uint32_t i = 0; moves && i < cells * SLICES;) {
                uint16_t first = 0, width = 1, before = kind == DO_ADD;
                uint32_t steps = cells * SLICES << before;
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
                        const int32_t v = unpacked(AT(
                                          cell, done && kind != DO_COPY ? own : other)[slice][l]),
                                      largest = most[l], top = before ? largest : v,
                                      theta = AT(threshold, parameter)[l],
                                      so_far = mode & FIRE_SIGNED && !first_step
                                                   ? AT(sent, b * SLICES + i)[l]
                                                   : 0,
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
                            AT(sent, b * SLICES + i)[l] = (sent_count)(so_far + r);
                        out.count[l] = (int16_t)count;
                        out.lanes |= (uint32_t)(count != 0) << l;
                        out.number += count != 0;
                    }
                    out.kind = moved ? BURSTS : BURSTS_HERE;
                    if (sends && done && out.lanes) {
                        hls_write(fired, out);
                        moved = false;
                    }
                    row += row_done ? sizes >> 16 : 0;
                    slot = row_done ? row : slot + share.groups;
                    kx = row_done ? 0 : kx + 1;
                    k = done ? 0 : k + 1;
                    i += done;
                    if (done && slice == SLICES - 1) {
                        moved |= at.g + 1 == share.groups;
                        advance(&at, &share);
                    }
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
    struct event alone = {0};
    bool waiting = false; /* alone, for another event at its place */
    uint8_t number = 0;   /* of lanes that are left */
    bool done = true;     /* with b */
    uint32_t lanes = 0;
    for (;;) {
#pragma HLS pipeline II = 1
        if (done) {
            b = hls_read(fired);
            lanes = b.lanes;
            number = b.number;
        }
        if (b.kind == BURSTS_EXIT && !waiting)
            break;
        const uint32_t others = without_lowest(lanes), burst = lowest_burst(&b, lanes);
        const struct event next = {.end = b.kind == BURSTS_END,
                                   .where = (burst & 0xffff0000) | b.row,
                                   .what = (uint32_t)b.column << 16 | low(burst),
                                   .second = PAIRS && others ? lowest_burst(&b, others) : 0};
        struct event e = next;
        bool send = true;
        if (PAIRS && waiting) {
            const bool here = b.kind == BURSTS_HERE;
            e = alone;
            e.second = here ? burst : 0;
            lanes = here ? others : lanes;
            done = here && number == 1;
            number -= here;
            waiting = false;
        } else {
            const bool pair = PAIRS && number > 1;
            if (PAIRS && number == 1) {
                alone = next;
                waiting = true;
            }
            send = !waiting;
            lanes = PAIRS ? without_lowest(others) : others;
            done = number < 2 || (pair && number == 2);
            number -= pair ? 2 : number > 0;
        }
        if (send)
            hls_write(out, e);
    }
}
