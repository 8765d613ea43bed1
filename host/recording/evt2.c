/* EVT2: words of 32 bits, little endian; the upper four bits are the type.
 * https://docs.prophesee.ai/stable/data/encoding_formats/evt2.html
 *
 * An event (0: darker, 1: brighter) is 6 bits of time, 11 of x and 11 of y; a word of time (8) has
 * the 28 bits above those 6. All 34 run over after 4.8 hours. */
#include "recording/prophesee.h"

#include "base/error.h"

enum { WORD = 4 };

struct evt2 {
    struct recording base;
    int64_t time; /* the upper bits, in place; -1: there was none yet */
};

static int next_evt2(struct recording *base, struct af_camera_event *out, int room, int *count)
{
    struct evt2 *r = (struct evt2 *)base;
    struct bytes *b = &base->bytes;
    int n = 0;
    while (n < room && reader_waits(base, n)) {
        int status = bytes_fill(b, WORD);
        if (status)
            return status;
        const unsigned char *p = bytes_here(b);
        const size_t words = bytes_left(b) / WORD;
        size_t i = 0;
        if (!words) {
            reader_ends(base);
            break;
        }
        for (; i < words && n < room; i++, p += WORD) {
            const uint32_t w = get_u32(p), type = w >> 28;
            if (type <= 1 && r->time >= 0)
                out[n++] =
                    (struct af_camera_event){(uint16_t)(w >> 11 & 0x7ff), (uint16_t)(w & 0x7ff),
                                             (uint16_t)type, r->time | (w >> 22 & 63)};
            else if (type == EVT2_TIME)
                r->time = prophesee_time(r->time, w);
            else if (type <= 1)
                base->untimed++;
            else if (!prophesee_knows(type))
                base->unknown++;
        }
        bytes_use(b, i * WORD);
    }
    *count = n;
    return AF_OK;
}

static const struct reader_ops evt2_ops = {.next = next_evt2};

static bool is_evt2(const struct head *h)
{
    struct prophesee_header header;
    return prophesee_parse(h->b, h->n, &header) && header.evt == 20;
}

/* Without a header: all types are known, and the words of time are there and in order. */
static bool is_bare(const struct head *h)
{
    enum { LEAST = 16, MOST = 4096 };
    const size_t words = h->n / WORD < MOST ? h->n / WORD : MOST;
    uint32_t last = 0;
    int times = 0;
    for (size_t i = 0; i < words; i++) {
        const uint32_t w = get_u32(h->b + i * WORD), type = w >> 28;
        if (!prophesee_knows(type))
            return false;
        if (type == EVT2_TIME) {
            if (times++ && w < last)
                return false;
            last = w;
        }
    }
    return words >= LEAST && times;
}

static int open_evt2(struct recording **r, const char *path, struct bytes *bytes)
{
    struct prophesee_header h;
    int status = prophesee_open(r, sizeof(struct evt2), &evt2_ops, "EVT2", WORD, path, bytes, &h);
    if (!status)
        ((struct evt2 *)*r)->time = -1;
    return status;
}

const struct format evt2_format = {is_evt2, open_evt2}, evt2_bare_format = {is_bare, open_evt2};
