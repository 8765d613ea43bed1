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
    static phase_table phases;
    static route_table routes;
    static axis_table rows, columns;
    static channel_table channels;
    static totals total;
    fetch(in, out, &phases, &routes, &rows, &columns, &channels, &total);
}

static void IN_CORE(expand)(hls_stream(struct work) in, hls_stream(struct operation) out)
{
    static place_list row_list, column_list;
    expand(in, out, &row_list, &column_list);
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
    events(fired, out);
}
