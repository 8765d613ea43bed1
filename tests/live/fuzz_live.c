/* Streams of any bytes, in pieces of any size, cut into windows. The first byte says which format,
 * the second how long the pieces are, the third which windows. */
#include "adafire.h"
#include "live/window.h"
#include "recording/recording.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct pieces {
    const uint8_t *b;
    size_t n, each;
};

static int read_piece(void *context, void *out, size_t size, size_t *got)
{
    struct pieces *p = context;
    size_t n = p->n < p->each ? p->n : p->each;
    *got = n = n < size ? n : size;
    memcpy(out, p->b, n);
    p->b += n;
    p->n -= n;
    return AF_OK;
}

static int64_t given;

static int give(void *context, struct window *w)
{
    const struct window_options *o = context;
    if (!w->count || w->number < 0 || (!o->by_count && w->end != w->begin + o->span))
        abort();
    given += w->count;
    return AF_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const formats[] = {NULL,     "evt2", "evt2.1", "evt3", "aedat4", "aedat3",
                                          "aedat2", "dat",  "es",     "text", "plain"};
    static struct live_block block;
    if (size < 3)
        return 0;
    struct pieces p = {data + 3, size - 3, 1 + (size_t)data[1] * data[1]};
    struct window_options o = {.by_count = data[2] & 1,
                               .span = 1 + (data[2] >> 1 & 7) * 100,
                               .step = 1 + (data[2] >> 4) * 50,
                               .pace = 1,
                               .timed = true,
                               .give = give};
    o.context = &o;
    const int sensor[2] = {0, 0};
    struct recording *r;
    struct windower *w;
    struct texts notes = {0};
    int64_t all = 0;
    given = 0;
    if (windower_make(&w, &o))
        abort();
    int status = recording_open_live(&r, "stream", formats[data[0] % 11], read_piece, &p);
    if (!status != (r != NULL) || status > 0 || (status && !*af_error()))
        abort();
    block.count = 1;
    while (!status && block.count) {
        status = recording_next(r, block.event, LIVE_BLOCK, &block.count);
        if (block.count < 0 || block.count > LIVE_BLOCK || (status && block.count))
            abort();
        block.arrived += 1e-3;
        all += block.count;
        if (!status && windower_add(w, &block, sensor))
            abort();
        windower_idle(w, block.arrived);
    }
    if (windower_end(w))
        abort();
    const struct window_totals t = windower_totals(w);
    /* Each event is in a window, or counted, or between windows. */
    if (t.events != all || (o.step <= o.span && given + t.late + t.over < all))
        abort();
    if (r && recording_notes(r, true, &notes))
        abort();
    texts_free(&notes);
    windower_free(w);
    recording_close(r);
    return 0;
}
