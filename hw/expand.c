/* Goes through all combinations of the rows, columns and channel groups that an event reaches, one
 * a cycle. */

/* A core's lists of destinations (isa.h: MEMORY_ROW_LIST). */
typedef uint32_t place_list[LIST];

/* Which row, column and channel group of an event's is next. */
struct combination {
    uint8_t row, column;
    uint16_t group;
    uint16_t along; /* weight vectors to this group */
};

/* Was it the last one? */
static inline bool next_combination(struct combination *at, const struct work *w)
{
    const bool groups_done = at->group + 1 == w->groups,
               columns_done = at->column + 1 == w->columns, rows_done = at->row + 1 == w->rows;
    at->along = groups_done ? 0 : at->along + w->step;
    at->group = groups_done ? 0 : at->group + 1;
    if (groups_done)
        at->column = columns_done ? 0 : at->column + 1;
    if (groups_done && columns_done)
        at->row = rows_done ? 0 : at->row + 1;
    return groups_done && columns_done && rows_done;
}

static inline struct operation combine(const struct work *w, const struct combination *at,
                                       uint32_t row, uint32_t column)
{
    const struct operation o = {
        .kind = TOKEN_EVENT,
        .cell = (uint16_t)((row >> 16) + (column >> 16) + w->cell + at->group),
        .weight = {(word_address)(row + column + w->weight[0] + at->along),
                   PAIRS ? (word_address)(row + column + w->weight[1] + at->along) : 0},
        .factor = {w->factor[0], w->factor[1]},
        .size = {w->size[0], w->size[1]},
        WITH_LANES(.lanes = w->lanes)};
    return o;
}

static inline void send_waited(hls_stream(struct operation) out, uint32_t cycles)
{
    const struct operation o = passed_operation(TOKEN_VALUE, 0, 0, (int32_t)cycles);
    hls_write(out, o);
}

static inline void expand(hls_stream(struct work) in, hls_stream(struct operation) out,
                          place_list *row_list, place_list *column_list)
{
    struct waits waits = {0};
    bool on = true;
    while (on) {
        struct work w = {0};
        struct combination at = {0};
        bool fresh = true;
    places:
        for (;;) {
#pragma HLS pipeline II = 1
            if (fresh)
                w = hls_read(in);
            if (w.kind != TOKEN_EVENT)
                break;
            const struct operation o = combine(&w, &at, AT(*row_list, w.row + at.row),
                                               AT(*column_list, w.column + at.column));
            hls_write(out, o);
            fresh = next_combination(&at, &w);
        }
        for (; w.kind == TOKEN_LOAD || w.kind == TOKEN_VALUE; w = hls_read(in)) {
#pragma HLS pipeline
            const struct operation o = passed_operation(w.kind, w.cell, w.weight[0], w.factor[0]);
            if (w.kind == TOKEN_LOAD && o.cell == MEMORY_ROW_LIST)
                (*row_list)[o.weight[0]] = (uint32_t)o.factor[0];
            else if (w.kind == TOKEN_LOAD && o.cell == MEMORY_COLUMN_LIST)
                (*column_list)[o.weight[0]] = (uint32_t)o.factor[0];
            else
                hls_write(out, o);
        }
        waits_note(&waits, w.kind == TOKEN_START, w.kind == TOKEN_STOP);
        if (PROFILED && w.kind == TOKEN_PROFILE) {
            send_waited(out, waits.starved);
            send_waited(out, waits.blocked);
        }
        const struct operation o = passed_operation(w.kind, 0, w.weight[0], w.factor[0]);
        hls_write(out, o);
        on = w.kind != TOKEN_EXIT;
    }
}
