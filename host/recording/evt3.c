/* EVT3: words of 16 bits, little endian; the upper four bits are the type, and what they say holds
 * until another word of the type.
 * https://docs.prophesee.ai/stable/data/encoding_formats/evt3.html
 *
 * Time is 24 bits in two words, which run over after 16.8 s. A new upper half begins with a lower
 * one of 0. Some cameras repeat an upper half that is a little older; only a step back of more than
 * half the range is an overrun. */
#include "recording/prophesee.h"

#include "base/error.h"

enum { WORD = 2, VECTOR = 12 };
enum {
    ADDRESS_Y = 0x0,
    ADDRESS_X = 0x2,
    BASE_X = 0x3,
    VECTOR_12 = 0x4,
    VECTOR_8 = 0x5,
    TIME_LOW = 0x6,
    CONTINUED_4 = 0x7,
    TIME_HIGH = 0x8,
    TRIGGER = 0xa,
    OTHERS = 0xe,
    CONTINUED_12 = 0xf
};

struct evt3 {
    struct recording base;
    uint16_t x, y, polarity; /* x and polarity of vectors */
    int64_t turns;           /* upper halves run over */
    int high;                /* -1: there was none yet */
    int64_t t;
};

static bool is_known(uint32_t type)
{
    return type == ADDRESS_Y || (type >= ADDRESS_X && type <= TIME_HIGH) || type == TRIGGER ||
           type >= OTHERS;
}

static void take_time(struct evt3 *r, uint32_t v)
{
    enum { HALF = 1 << 11 };
    const int high = (int)v;
    if (high == r->high)
        return;
    if (r->high - high > HALF)
        r->turns++;
    r->high = high;
    r->t = r->turns << 24 | (int64_t)high << 12;
}

/* Goes past what comes before the first upper half of time; the number of words. */
static size_t skip_untimed(struct evt3 *r, const unsigned char *p, size_t words)
{
    size_t i = 0;
    for (; i < words && get_u16(p + i * WORD) >> 12 != TIME_HIGH; i++) {
        const uint32_t w = get_u16(p + i * WORD), type = w >> 12, v = w & 0xfff;
        r->base.untimed += type == ADDRESS_X   ? 1
                           : type == VECTOR_12 ? __builtin_popcount(v)
                           : type == VECTOR_8  ? __builtin_popcount(v & 0xff)
                                               : 0;
        r->base.unknown += !is_known(type);
        if (type == ADDRESS_Y)
            r->y = v & 0x7ff;
        else if (type == BASE_X)
            r->x = v & 0x7ff, r->polarity = (uint16_t)(v >> 11);
        else if (type == VECTOR_12 || type == VECTOR_8)
            r->x = (uint16_t)(r->x + (type == VECTOR_12 ? 12 : 8));
    }
    return i;
}

/* Decodes until all words are used up or fewer than VECTOR events have room; the number of words.
 */
static size_t decode(struct evt3 *r, const unsigned char *begin, size_t words,
                     struct af_camera_event *out, int room, int *count)
{
    const unsigned char *p = begin, *const end = begin + words * WORD;
    uint16_t x = r->x, y = r->y, polarity = r->polarity;
    int64_t t = r->t;
    int n = *count;
    for (; p < end && n + VECTOR <= room; p += WORD) {
        const uint32_t w = get_u16(p), type = w >> 12, v = w & 0xfff;
        uint32_t valid;
        switch (type) {
        case ADDRESS_X:
            out[n++] = (struct af_camera_event){v & 0x7ff, y, (uint16_t)(v >> 11), t};
            break;
        case ADDRESS_Y: y = v & 0x7ff; break;
        case TIME_LOW: t = (t & ~(int64_t)0xfff) | v; break;
        case BASE_X:
            x = v & 0x7ff;
            polarity = (uint16_t)(v >> 11);
            break;
        case VECTOR_12:
        case VECTOR_8:
            for (valid = type == VECTOR_12 ? v : v & 0xff; valid; valid &= valid - 1)
                out[n++] =
                    (struct af_camera_event){(uint16_t)(x + __builtin_ctz(valid)), y, polarity, t};
            x = (uint16_t)(x + (type == VECTOR_12 ? 12 : 8));
            break;
        case TIME_HIGH:
            r->t = t;
            take_time(r, v);
            t = r->t;
            break;
        default: r->base.unknown += !is_known(type);
        }
    }
    r->x = x;
    r->y = y;
    r->polarity = polarity;
    r->t = t;
    *count = n;
    return (size_t)(p - begin) / WORD;
}

static int next_evt3(struct recording *base, struct af_camera_event *out, int room, int *count)
{
    struct evt3 *r = (struct evt3 *)base;
    struct bytes *b = &base->bytes;
    int n = 0;
    while (n + VECTOR <= room && reader_waits(base, n)) {
        int status = bytes_fill(b, WORD);
        if (status)
            return status;
        const size_t words = bytes_left(b) / WORD;
        if (!words) {
            reader_ends(base);
            break;
        }
        const size_t skipped = r->high < 0 ? skip_untimed(r, bytes_here(b), words) : 0;
        bytes_use(b, skipped * WORD);
        bytes_use(b, decode(r, bytes_here(b), words - skipped, out, room, &n) * WORD);
    }
    *count = n;
    return AF_OK;
}

static const struct reader_ops evt3_ops = {.next = next_evt3};

static bool is_evt3(const struct head *h)
{
    struct prophesee_header header;
    return prophesee_parse(h->b, h->n, &header) && header.evt == 30;
}

/* Without a header: all types are known, and the upper halves of time are there and mostly follow
 * each other. */
static bool is_bare(const struct head *h)
{
    enum { LEAST = 64, MOST = 8192, STEP_MOST = 64 };
    const size_t words = h->n / WORD < MOST ? h->n / WORD : MOST;
    int last = -1, steps = 0, jumps = 0, events = 0;
    for (size_t i = 0; i < words; i++) {
        const uint32_t w = get_u16(h->b + i * WORD), type = w >> 12;
        if (!is_known(type))
            return false;
        events += type == ADDRESS_X || type == VECTOR_12 || type == VECTOR_8;
        if (type == TIME_HIGH) {
            const int high = (int)(w & 0xfff), step = last < 0 ? 0 : (high - last) & 0xfff;
            steps++;
            jumps += step > STEP_MOST;
            last = high;
        }
    }
    return words >= LEAST && steps && events && jumps * 4 <= steps;
}

static int open_evt3(struct recording **r, const char *path, struct bytes *bytes)
{
    struct prophesee_header h;
    int status = prophesee_open(r, sizeof(struct evt3), &evt3_ops, "EVT3", WORD, path, bytes, &h);
    if (!status)
        ((struct evt3 *)*r)->high = -1;
    return status;
}

const struct format evt3_format = {is_evt3, open_evt3}, evt3_bare_format = {is_bare, open_evt3};
