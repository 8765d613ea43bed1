/* ES, Event Stream 2: 12 letters, three bytes of version, a type, the sensor's size, and events of
 * five bytes, each 7 bits of time since the one before, polarity, and x and y of two bytes.
 * https://github.com/neuromorphic-paris/event_stream (version 2.0) */
#include "recording/reader.h"

#include "base/error.h"

#include <stdio.h>
#include <string.h>

enum { HEADER = 20, EVENT = 5, OVERFLOW = 0xff, OVERFLOW_US = 127, RESET = 0xfe, TYPE_DVS = 1 };
static const char letters[12] = "Event Stream";

struct es {
    struct recording base;
    int64_t t;
};

static int next_es(struct recording *base, struct af_camera_event *out, int room, int *count)
{
    struct es *r = (struct es *)base;
    struct bytes *b = &base->bytes;
    int n = 0;
    while (n < room && reader_waits(base, n)) {
        int status = bytes_fill(b, EVENT);
        if (status)
            return status;
        const unsigned char *p = bytes_here(b), *const end = p + bytes_left(b), *const begin = p;
        bool short_of = false;
        while (p < end && n < room && !short_of) {
            if (*p == OVERFLOW) {
                r->t += OVERFLOW_US;
                p++;
            } else if (*p == RESET) {
                p++;
            } else if (end - p < EVENT) {
                short_of = true;
            } else {
                r->t += *p >> 1;
                out[n++] = (struct af_camera_event){(uint16_t)get_u16(p + 1),
                                                    (uint16_t)get_u16(p + 3), *p & 1, r->t};
                p += EVENT;
            }
        }
        bytes_use(b, (size_t)(p - begin));
        if (b->ended && (short_of || p == end)) {
            reader_ends(base);
            break;
        }
    }
    *count = n;
    return AF_OK;
}

static const struct reader_ops es_ops = {.next = next_es};

static bool is_es(const struct head *h)
{
    return h->n >= sizeof letters && memcmp(h->b, letters, sizeof letters) == 0;
}

static int open_es(struct recording **r, const char *path, struct bytes *bytes)
{
    struct es *made = reader_make(sizeof *made, &es_ops, path, bytes);
    int status = AF_OK;
    *r = NULL;
    if (!made)
        return AF_NO_MEMORY;
    struct bytes *b = &made->base.bytes;
    status = bytes_fill(b, HEADER);
    const unsigned char *h = bytes_here(b);
    if (!status && bytes_left(b) < HEADER)
        status = af_fail(AF_BAD_FILE, "%s: the ES header is cut off", path);
    else if (!status && h[12] != 2)
        status = af_fail(AF_UNSUPPORTED, "%s: ES version %d.%d; 2 is read", path, h[12], h[13]);
    else if (!status && h[15] != TYPE_DVS)
        status = af_fail(AF_UNSUPPORTED, "%s: an ES file of type %d; DVS events (1) are read", path,
                         h[15]);
    if (status) {
        recording_close(&made->base);
        return status;
    }
    snprintf(made->base.about.format, sizeof made->base.about.format, "ES");
    made->base.about.width = (int)get_u16(h + 16);
    made->base.about.height = (int)get_u16(h + 18);
    bytes_use(b, HEADER);
    *r = &made->base;
    return AF_OK;
}

const struct format es_format = {is_es, open_es};
