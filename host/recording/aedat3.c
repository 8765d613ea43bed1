/* AEDAT 3.1: lines of text that begin with #, then packets, little endian: a header of 28 bytes and
 * events of one type.
 * https://docs.inivation.com/software/software-advanced-usage/file-formats/aedat-3.1.html
 *
 * A polarity event (type 1) is 32 bits of data (bit 0 valid, 1 polarity, 2 to 16 y, 17 to 31 x) and
 * 31 bits of time in us; the header has the bits above. */
#include "recording/aedat.h"

#include "base/error.h"

#include <stdio.h>
#include <string.h>

enum { HEADER = 28, EVENT = 8, TIME_AT = 4, POLARITY = 1, LINE = 256 };

struct aedat3 {
    struct recording base;
    int64_t above;  /* upper bits of time, in place */
    int64_t events; /* left in the packet */
    int64_t behind; /* bytes behind those */
    int64_t packets;
};

/* Goes on to the next packet; *more is false at the end of the file. */
static int next_packet(struct aedat3 *r, bool *more)
{
    struct bytes *b = &r->base.bytes;
    int status = bytes_skip(b, r->behind);
    r->behind = 0;
    if (!status)
        status = bytes_fill(b, HEADER);
    *more = !status && bytes_left(b) >= HEADER;
    if (status || !*more) {
        reader_ends(&r->base);
        return status;
    }
    const unsigned char *p = bytes_here(b);
    const int type = (int16_t)get_u16(p);
    const int32_t size = (int32_t)get_u32(p + 4), at = (int32_t)get_u32(p + 8),
                  over = (int32_t)get_u32(p + 12), capacity = (int32_t)get_u32(p + 16),
                  number = (int32_t)get_u32(p + 20);
    if (size <= 0 || over < 0 || capacity < 0 || number < 0 || number > capacity ||
        (type == POLARITY && (size != EVENT || at != TIME_AT)))
        return af_fail(AF_BAD_FILE, "%s: the header of packet %lld is damaged", r->base.name,
                       (long long)r->packets);
    bytes_use(b, HEADER);
    r->packets++;
    r->above = (int64_t)over << 31;
    r->events = type == POLARITY ? number : 0;
    r->behind = (int64_t)size * capacity - r->events * EVENT;
    return AF_OK;
}

static int next_aedat3(struct recording *base, struct af_camera_event *out, int room, int *count)
{
    struct aedat3 *r = (struct aedat3 *)base;
    struct bytes *b = &base->bytes;
    bool more = true;
    int n = 0, status = AF_OK;
    while (n < room && reader_waits(base, n)) {
        while (!status && more && !r->events)
            status = next_packet(r, &more);
        if (!status && more)
            status = bytes_fill(b, EVENT);
        if (status)
            return status;
        if (!more)
            break;
        const unsigned char *p = bytes_here(b);
        const int64_t here = (int64_t)(bytes_left(b) / EVENT),
                      there = here < r->events ? here : r->events;
        int64_t i = 0;
        if (!there) {
            b->missing += r->events * EVENT - (int64_t)bytes_left(b) + r->behind;
            bytes_use(b, bytes_left(b));
            r->events = r->behind = 0;
            break;
        }
        for (; i < there && n < room; i++, p += EVENT) {
            const uint32_t d = get_u32(p), t = get_u32(p + TIME_AT) & 0x7fffffff;
            out[n] = (struct af_camera_event){(uint16_t)(d >> 17), d >> 2 & 0x7fff, d >> 1 & 1,
                                              r->above | t};
            n += (int)(d & 1);
            base->invalid += !(d & 1);
        }
        r->events -= i;
        bytes_use(b, (size_t)i * EVENT);
    }
    *count = n;
    return AF_OK;
}

static const struct reader_ops aedat3_ops = {.next = next_aedat3};

static bool is_aedat3(const struct head *h)
{
    return aedat_is(h, '3');
}

static int read_header(struct aedat3 *r)
{
    char line[LINE];
    bool taken, davis;
    struct recording_about *about = &r->base.about;
    for (;;) {
        int status = bytes_line(&r->base.bytes, '#', line, sizeof line, &taken);
        if (status)
            return status;
        if (!taken)
            return af_fail(AF_BAD_FILE, "%s: the AEDAT 3.1 header has no end", r->base.name);
        if (strncmp(line, "#!END-HEADER", 12) == 0)
            return AF_OK;
        if (strncmp(line, "#Format:", 8) == 0 && !strstr(line, "RAW"))
            return af_fail(AF_UNSUPPORTED, "%s: AEDAT 3.1 of the format%s; RAW is read",
                           r->base.name, line + 8);
        if (strncmp(line, "#Source ", 8) == 0 && !about->width)
            aedat_chip(line, &about->width, &about->height, &davis);
    }
}

static int open_aedat3(struct recording **r, const char *path, struct bytes *bytes)
{
    struct aedat3 *made = reader_make(sizeof *made, &aedat3_ops, path, bytes);
    *r = NULL;
    if (!made)
        return AF_NO_MEMORY;
    int status = read_header(made);
    if (status) {
        recording_close(&made->base);
        return status;
    }
    snprintf(made->base.about.format, sizeof made->base.about.format, "AEDAT 3.1");
    *r = &made->base;
    return AF_OK;
}

const struct format aedat3_format = {is_aedat3, open_aedat3};
