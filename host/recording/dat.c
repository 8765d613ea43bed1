/* DAT: decoded events of 8 bytes, little endian, behind a text header and two bytes, their type and
 * size. https://docs.prophesee.ai/stable/data/file_formats/dat.html
 *
 * An event is 32 bits of time in us, which run over after 72 minutes, and 14 bits of x, 14 of y and
 * 4 of polarity. Files of version 1, of the older ATIS cameras, have 9 bits of x, 8 of y and one
 * polarity instead (the reader that came with N-Cars: http://www.prophesee.ai/dataset-n-cars/). */
#include "recording/prophesee.h"

#include "base/error.h"

enum { EVENT = 8 };
enum { EVENT_2D = 0x00, EVENT_CD = 0x0c };

struct dat {
    struct recording base;
    bool old; /* version 1 */
    int64_t turns;
    uint32_t last;
};

/* Made once for each layout, whose numbers are then known. */
static inline __attribute__((always_inline)) void decode(struct dat *r, const unsigned char *p,
                                                         int n, int x_bits, int y_bits,
                                                         uint32_t polarity,
                                                         struct af_camera_event *out)
{
    const uint32_t x_mask = (1u << x_bits) - 1, y_mask = (1u << y_bits) - 1;
    uint32_t last = r->last;
    int64_t turns = r->turns;
    for (int i = 0; i < n; i++, p += EVENT) {
        const uint32_t t = get_u32(p), d = get_u32(p + 4);
        turns += t < last && last - t > 1u << 31;
        last = t;
        out[i] = (struct af_camera_event){(uint16_t)(d & x_mask), (uint16_t)(d >> x_bits & y_mask),
                                          (d & polarity) != 0, turns << 32 | t};
    }
    r->last = last;
    r->turns = turns;
}

static int next_dat(struct recording *base, struct af_camera_event *out, int room, int *count)
{
    struct dat *r = (struct dat *)base;
    struct bytes *b = &base->bytes;
    int status = bytes_fill(b, EVENT);
    if (status)
        return status;
    const size_t there = bytes_left(b) / EVENT;
    const int n = there < (size_t)room ? (int)there : room;
    if (!n)
        reader_ends(base);
    if (r->old)
        decode(r, bytes_here(b), n, 9, 8, 1u << 17, out);
    else
        decode(r, bytes_here(b), n, 14, 14, 15u << 28, out);
    bytes_use(b, (size_t)n * EVENT);
    *count = n;
    return AF_OK;
}

static const struct reader_ops dat_ops = {.next = next_dat};

static bool is_dat(const struct head *h)
{
    struct prophesee_header header;
    return prophesee_parse(h->b, h->n, &header) && !header.evt && h->n >= header.size + 2 &&
           h->b[header.size] <= 64 && h->b[header.size + 1] == EVENT;
}

static int open_dat(struct recording **r, const char *path, struct bytes *bytes)
{
    struct prophesee_header h;
    int status = prophesee_open(r, sizeof(struct dat), &dat_ops, "DAT", EVENT, path, bytes, &h);
    if (status)
        return status;
    if (bytes_left(&(*r)->bytes) < 2) {
        recording_close(*r);
        *r = NULL;
        return af_fail(AF_BAD_FILE, "%s: the DAT header is cut off", path);
    }
    const int type = bytes_here(&(*r)->bytes)[0];
    bytes_use(&(*r)->bytes, 2);
    ((struct dat *)*r)->old = h.version == 1;
    if (type == EVENT_2D || type == EVENT_CD)
        return AF_OK;
    recording_close(*r);
    *r = NULL;
    return af_fail(AF_UNSUPPORTED, "%s: the DAT file holds no pixels' events, but those of type %d",
                   path, type);
}

const struct format dat_format = {is_dat, open_dat};
