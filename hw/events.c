/* Takes the bursts of a cell apart into events, one a cycle, or two with PAIRS: then an event that
 * is alone waits for another one at its place. */

static inline void events(hls_stream(struct bursts) fired,
                          hls_stream(struct event) out WITH_MEMORY(, hls_stream(struct event) kept))
{
    struct bursts b = {0};
    bool done = true;   /* with b */
    uint32_t lanes = 0; /* that are left of it */
    uint8_t number = 0; /* of these */
    bool waiting = false;
    uint32_t where = 0, what = 0; /* of the event that waits */
    bool keep = false;
    WITH_MEMORY(bool long_rows = false;)
    for (;;) {
#pragma HLS pipeline II = 1
        if (done) {
            b = hls_read(fired);
            lanes = b.lanes;
            number = b.number;
        }
        if (b.kind == BURSTS_EXIT && !waiting)
            break;
#if MEMORY
        keep = b.kind == BURSTS_EXIT ? keep : b.kept;
        long_rows = b.lanes ? b.long_rows : long_rows;
#endif
        const uint32_t others = without_lowest(lanes), burst = lowest_burst(&b, lanes);
        const struct event next = {.end = b.kind == BURSTS_END,
                                   .where = (burst & 0xffff0000) | b.row,
                                   .what = (uint32_t)b.column << 16 | low(burst),
                                   .second = PAIRS && others ? lowest_burst(&b, others) : 0};
        struct event e = next;
        bool send = true;
        if (PAIRS && waiting) {
            const bool here = b.kind == BURSTS_HERE;
            e.end = false;
            e.where = where;
            e.what = what;
            e.second = here ? burst : 0;
            lanes = here ? others : lanes;
            done = here && number == 1;
            number -= here;
            waiting = false;
        } else {
            const bool pair = PAIRS && number > 1;
            if (PAIRS && number == 1) {
                where = next.where;
                what = next.what;
                waiting = true;
            }
            send = !waiting;
            lanes = PAIRS ? without_lowest(others) : others;
            done = number < 2 || (pair && number == 2);
            number -= pair ? 2 : number > 0;
        }
        WITH_MEMORY(e.long_rows = long_rows;)
        WITH_LANES(e.more = b.together && !done;)
        if (send && !keep)
            hls_write(out, e);
#if MEMORY
        if (send && keep)
            hls_write(kept, e);
#endif
    }
#if MEMORY
    const struct event exit = {.exit = true};
    hls_write(kept, exit);
#endif
}

#if MEMORY
/* Four events to a beat, for memory; what a row leaves over goes with its end. */
static inline void pack(hls_stream(struct event) in, hls_stream(struct packed) out)
{
    struct event e = {0};
    struct beat b = {{0}};
    uint8_t number = 0; /* of events in it */
    bool other = false; /* the second of a pair is left */
    for (;;) {
#pragma HLS pipeline II = 1
        if (!other)
            e = hls_read(in);
        if (e.exit)
            break;
        const uint32_t where = other ? (e.second & 0xffff0000) | low(e.where) : e.where,
                       what = other ? (e.what & 0xffff0000) | low(e.second) : e.what;
        const struct beat full =
            e.end ? b : with_word(b, number, packed_event(where, what, e.long_rows));
        const bool send = e.end || number == BEAT_WORDS - 1;
        if (send) {
            const struct packed p = {.end = e.end,
                                     WITH_LANES(.more = e.more && !e.end, ).beat = full};
            hls_write(out, p);
        }
        b = send ? (struct beat){{0}} : full;
        number = send ? 0 : number + 1;
        other = PAIRS && !e.end && !other && low(e.second);
    }
}
#endif
