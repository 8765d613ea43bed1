/* EVT2.1: words of 64 bits, little endian; the upper four bits are the type.
 * https://docs.prophesee.ai/stable/data/encoding_formats/evt21.html
 *
 * Events (0: darker, 1: brighter) are 6 bits of time, 11 of the first x, 11 of y, and a bit for
 * each of 32 pixels from there; a word of time (8) has the 28 bits above those 6. Of the IMX636 the
 * upper 32 bits come first. */
#include "recording/prophesee.h"

#include "base/error.h"

enum { WORD = 8, PIXELS = 32 };

struct evt21 {
    struct recording base;
    int64_t time; /* the upper bits, in place; -1: there was none yet */
    int upper;    /* where in a word's bytes its upper half is */
};

static int next_evt21(struct recording *base, struct af_camera_event *out, int room, int *count)
{
    struct evt21 *r = (struct evt21 *)base;
    struct bytes *b = &base->bytes;
    int n = 0;
    while (n + PIXELS <= room && reader_waits(base, n)) {
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
        for (; i < words && n + PIXELS <= room; i++, p += WORD) {
            const uint32_t upper = get_u32(p + r->upper), type = upper >> 28;
            uint32_t valid = get_u32(p + 4 - r->upper);
            if (type <= 1 && r->time >= 0) {
                const uint32_t x = upper >> 11 & 0x7ff;
                const int64_t t = r->time | (upper >> 22 & 63);
                for (; valid; valid &= valid - 1)
                    out[n++] =
                        (struct af_camera_event){(uint16_t)(x + (uint32_t)__builtin_ctz(valid)),
                                                 (uint16_t)(upper & 0x7ff), (uint16_t)type, t};
            } else if (type == EVT2_TIME) {
                r->time = prophesee_time(r->time, upper);
            } else if (type <= 1) {
                base->untimed += __builtin_popcount(valid);
            } else if (!prophesee_knows(type)) {
                base->unknown++;
            }
        }
        bytes_use(b, i * WORD);
    }
    *count = n;
    return AF_OK;
}

static const struct reader_ops evt21_ops = {.next = next_evt21};

static bool is_evt21(const struct head *h)
{
    struct prophesee_header header;
    return prophesee_parse(h->b, h->n, &header) && header.evt == 21;
}

/* Where no header says it, the half that has types in all words is the upper one. */
static int upper_half(const struct bytes *b)
{
    enum { MOST = 4096 };
    const unsigned char *p = bytes_here(b);
    size_t known[2] = {0}, words = bytes_left(b) / WORD;
    for (size_t i = 0; i < words && i < MOST; i++, p += WORD)
        for (int half = 0; half < 2; half++)
            known[half] += prophesee_knows(get_u32(p + 4 * half) >> 28);
    return known[0] > known[1] ? 0 : 4;
}

/* Bytes by which the halves are told apart, of a stream whose words come one by one. */
enum { TELLING = 64 * WORD };

static int open_evt21(struct recording **r, const char *path, struct bytes *bytes)
{
    struct prophesee_header h;
    int status =
        prophesee_open(r, sizeof(struct evt21), &evt21_ops, "EVT2.1", WORD, path, bytes, &h);
    if (!status && !h.legacy)
        status = bytes_fill(&(*r)->bytes, TELLING);
    if (status) {
        recording_close(*r);
        *r = NULL;
        return status;
    }
    ((struct evt21 *)*r)->time = -1;
    ((struct evt21 *)*r)->upper = h.legacy ? 0 : upper_half(&(*r)->bytes);
    return AF_OK;
}

const struct format evt21_format = {is_evt21, open_evt21};
