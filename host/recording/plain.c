/* Plain events, as programs send them to each other: 13 bytes each, little endian: 64 bits of time
 * in us, 16 of x, 16 of y, a byte of polarity (0 or 1). That is how adafire-info --events writes
 * them behind its header. Nothing tells them from other bytes, so somebody must say it. */
#include "recording/reader.h"

#include "base/error.h"

#include <stdio.h>

enum { EVENT = 13 };

static int next_plain(struct recording *r, struct af_camera_event *out, int room, int *count)
{
    struct bytes *b = &r->bytes;
    int status = bytes_fill(b, EVENT);
    if (status)
        return status;
    const size_t there = bytes_left(b) / EVENT;
    const int n = there < (size_t)room ? (int)there : room;
    const unsigned char *p = bytes_here(b);
    if (!n)
        reader_ends(r);
    for (int i = 0; i < n; i++, p += EVENT)
        out[i] = (struct af_camera_event){(uint16_t)get_u16(p + 8), (uint16_t)get_u16(p + 10),
                                          p[12] != 0, (int64_t)get_u64(p)};
    bytes_use(b, (size_t)n * EVENT);
    *count = n;
    return AF_OK;
}

static const struct reader_ops plain_ops = {.next = next_plain};

static bool is_plain(const struct head *h)
{
    (void)h;
    return false;
}

static int open_plain(struct recording **r, const char *path, struct bytes *bytes)
{
    *r = reader_make(sizeof **r, &plain_ops, path, bytes);
    if (!*r)
        return AF_NO_MEMORY;
    (*r)->about.word = EVENT;
    snprintf((*r)->about.format, sizeof(*r)->about.format, "plain events");
    return AF_OK;
}

const struct format plain_format = {is_plain, open_plain};
