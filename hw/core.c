/* One core: what it has of its own, for four processes in a row, of which each stands in a file of
 * its name. accelerator.c includes this file once for each core, with IN_CORE(name) giving names of
 * its own to what belongs to it. */

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

static void IN_CORE(neurons)(hls_stream(struct operation) in,
                             WITH_MEMORY(hls_stream(struct beat) wide,
                                         hls_stream(struct beat) saved, ) hls_stream(struct bursts)
                                 fired,
                             hls_stream(int32_t) values)
{
    static potentials cell;
    static weights weight;
    static sent_counts sent;
    static parameters threshold, bias, initial;
    static window_table window;
    static instruction_list program;
    static totals total;
    static mark_list mark;
    static struct progress progress;
    WITH_MEMORY(static tile_totals of_tiles;)
#ifdef ULTRA_RAM
#pragma HLS bind_storage variable = cell type = ram_s2p impl = uram
#pragma HLS bind_storage variable = weight type = ram_t2p impl = uram
#endif
#pragma HLS array_partition variable = cell complete dim = 2
#pragma HLS array_partition variable = cell complete dim = 3
#pragma HLS array_partition variable = weight complete dim = 2
#pragma HLS array_partition variable = weight complete dim = 3
#pragma HLS array_partition variable = sent complete dim = 2
#pragma HLS array_partition variable = threshold complete dim = 2
#pragma HLS array_partition variable = bias complete dim = 2
#pragma HLS array_partition variable = initial complete dim = 2
#pragma HLS array_partition variable = mark complete dim = 2
    neurons(in, WITH_MEMORY(wide, saved, &of_tiles, ) fired, values, &cell, &weight, &sent,
            &threshold, &bias, &initial, &window, &program, &total, &mark, &progress);
}

static void IN_CORE(events)(hls_stream(struct bursts) fired,
                            hls_stream(struct event)
                                out WITH_MEMORY(, hls_stream(struct event) kept))
{
    events(fired, out WITH_MEMORY(, kept));
}

#if MEMORY
static void IN_CORE(pack)(hls_stream(struct event) in, hls_stream(struct packed) out)
{
    pack(in, out);
}
#endif
