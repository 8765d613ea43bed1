/* AEDAT 4: a line, the size of a header and the header, then packets: stream, size, and a packed
 * table. Header and tables are FlatBuffers; they are read by hand here, every step within bounds.
 * https://docs.inivation.com/software/software-advanced-usage/file-formats/aedat-4.0.html (with its
 * schemas), https://flatbuffers.dev/internals/
 *
 * A table of events ("EVTS") has one field, a vector of 16 bytes each: 64 bits of time in us, 16 of
 * x, 16 of y, a byte of polarity. The header (XML in it) says which streams hold events. */
#include "recording/aedat.h"

#include "base/error.h"
#include "recording/unpack.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EVENT = 16, PACKET = 8, HEADER_MOST = 1 << 18, PACKET_MOST = 1 << 26 };
static const char first_line[] = "#!AER-DAT4.0\r\n";

struct aedat4 {
    struct recording base;
    struct unpacker unpacker;
    int64_t end;      /* of the packets; -1: of the file */
    int32_t stream;   /* that holds events; -1: the header does not say */
    size_t at, count; /* of events of the present packet: where, and how many are left */
    int64_t packets;
};

/* ---- FlatBuffers ----------------------------------------------------------------------------- */

struct flat {
    const unsigned char *b;
    size_t size;
};

/* Whether `n` bytes are there at `at`. */
static bool there(const struct flat *f, size_t at, size_t n)
{
    return at <= f->size && n <= f->size - at;
}

/* Where the offset at `at` points to; 0, which no offset can mean, if that is outside. */
static size_t follow(const struct flat *f, size_t at)
{
    if (!there(f, at, 4))
        return 0;
    const size_t to = at + get_u32(f->b + at);
    return there(f, to, 4) ? to : 0;
}

/* Where field k of the table at `table` is, of `n` bytes; 0: it is not there. */
static size_t field(const struct flat *f, size_t table, int k, size_t n)
{
    if (!table || !there(f, table, 4))
        return 0;
    const int64_t vtable = (int64_t)table - (int32_t)get_u32(f->b + table);
    if (vtable < 0 || !there(f, (size_t)vtable, 4))
        return 0;
    const size_t entry = (size_t)vtable + 4 + 2 * (size_t)k;
    if (entry + 2 > (size_t)vtable + get_u16(f->b + vtable) || !there(f, entry, 2))
        return 0;
    const size_t offset = get_u16(f->b + entry), at = table + offset;
    return offset && there(f, at, n) ? at : 0;
}

/* ---- The header ------------------------------------------------------------------------------ */

/* The number behind `key` between `at` and `end`; 0 if there is none. */
static int xml_number(const char *at, const char *end, const char *key)
{
    const char *found = memmem(at, (size_t)(end - at), key, strlen(key));
    const char *text = found ? memchr(found, '>', (size_t)(end - found)) : NULL;
    const long v = text ? strtol(text + 1, NULL, 10) : 0;
    return v > 0 && v <= 1 << 16 ? (int)v : 0;
}

/* Streams are nodes named by their number; the first that holds events is read. */
static int parse_streams(struct aedat4 *r, const char *xml)
{
    static const char node[] = "<node name=\"", type[] = "\"typeIdentifier\"";
    const char *const xml_end = xml + strlen(xml), *next, *at = strstr(xml, node);
    int32_t stream = -1;
    bool sized = true; /* the size stands in a node within the stream's */
    for (; at; at = next) {
        char *digits;
        const char *name = at + strlen(node);
        const long number = strtol(name, &digits, 10);
        next = strstr(name, node);
        const char *const end = next ? next : xml_end;
        if (digits > name && *digits == '"' && number >= 0 && number < 1 << 16) {
            stream = (int32_t)number;
            sized = true;
        }
        const char *mark = memmem(at, (size_t)(end - at), type, strlen(type));
        const char *text = mark ? memchr(mark, '>', (size_t)(end - mark)) : NULL;
        if (stream >= 0 && text && strncmp(text + 1, "EVTS<", 5) == 0) {
            sized = r->stream >= 0;
            int status =
                sized ? reader_note(&r->base, "stream %d of events is left out, stream %d is read",
                                    (int)stream, (int)r->stream)
                      : AF_OK;
            if (status)
                return status;
            r->stream = sized ? r->stream : stream;
        }
        if (!sized) {
            r->base.about.width = xml_number(at, end, "\"sizeX\"");
            r->base.about.height = xml_number(at, end, "\"sizeY\"");
            sized = r->base.about.width > 0;
        }
    }
    return AF_OK;
}

/* `b` is as long as that, and one byte more, which is 0. */
static int parse_header(struct aedat4 *r, const unsigned char *b, size_t size)
{
    const struct flat f = {b, size};
    const size_t root = follow(&f, 0);
    if (!root || !there(&f, 4, 4) || memcmp(b + 4, "IOHE", 4) != 0)
        return af_fail(AF_BAD_FILE, "%s: the AEDAT 4 header is damaged", r->base.name);
    const size_t compression = field(&f, root, 0, 4), table = field(&f, root, 1, 8),
                 info = field(&f, root, 2, 4);
    const uint32_t how = compression ? get_u32(b + compression) : 0;
    r->end = table ? (int64_t)get_u64(b + table) : -1;
    if (how > 4)
        return af_fail(AF_UNSUPPORTED, "%s: AEDAT 4 packed in way %u", r->base.name, how);
    /* 1 and 3 are fast, 2 and 4 thorough; reading is the same. */
    int status = unpacker_open(&r->unpacker, r->base.name,
                               how == 0  ? PACKED_NOT
                               : how < 3 ? PACKED_LZ4
                                         : PACKED_ZSTD,
                               PACKET_MOST);
    const size_t text = info ? follow(&f, info) : 0;
    if (!status && text && there(&f, text + 4, get_u32(b + text)))
        status = parse_streams(r, (const char *)b + text + 4);
    return status;
}

static int read_header(struct aedat4 *r)
{
    struct bytes *b = &r->base.bytes;
    int status = bytes_fill(b, sizeof first_line - 1 + 4);
    if (status)
        return status;
    const size_t line = sizeof first_line - 1;
    if (bytes_left(b) < line + 4 || memcmp(bytes_here(b), first_line, line) != 0)
        return af_fail(AF_BAD_FILE, "%s: the AEDAT 4 header is damaged", r->base.name);
    const uint32_t size = get_u32(bytes_here(b) + line);
    bytes_use(b, line + 4);
    if (size > HEADER_MOST)
        return af_fail(AF_BAD_FILE, "%s: an AEDAT 4 header of %u bytes", r->base.name, size);
    status = bytes_fill(b, size);
    if (!status && bytes_left(b) < size)
        status = af_fail(AF_BAD_FILE, "%s: the AEDAT 4 header is cut off", r->base.name);
    unsigned char *copy = status ? NULL : malloc((size_t)size + 1);
    if (!status && !copy)
        status = af_fail(AF_NO_MEMORY, "%s: no memory", r->base.name);
    if (status)
        return status;
    memcpy(copy, bytes_here(b), size);
    copy[size] = 0;
    bytes_use(b, size);
    status = parse_header(r, copy, size);
    free(copy);
    return status;
}

/* ---- Packets --------------------------------------------------------------------------------- */

/* Unpacks `size` bytes; fewer if the file ends before them: *whole is false then. */
static int unpack(struct aedat4 *r, int64_t size, bool *whole)
{
    struct bytes *b = &r->base.bytes;
    unpacker_begin(&r->unpacker);
    while (size > 0) {
        int status = bytes_fill(b, 1);
        const size_t left = bytes_left(b), part = size < (int64_t)left ? (size_t)size : left;
        if (!status && !part) {
            *whole = false;
            return AF_OK;
        }
        if (!status)
            status = unpacker_add(&r->unpacker, r->base.name, bytes_here(b), part);
        if (status)
            return status;
        bytes_use(b, part);
        size -= (int64_t)part;
    }
    return AF_OK;
}

static int damaged(const struct aedat4 *r)
{
    return af_fail(AF_BAD_FILE, "%s: packet %lld is damaged", r->base.name,
                   (long long)r->packets - 1);
}

/* Finds the events in what was unpacked: a size, then the table. */
static int parse_packet(struct aedat4 *r)
{
    const struct unpacker *u = &r->unpacker;
    if (u->size < 12)
        return damaged(r);
    const struct flat f = {u->out + 4, u->size - 4};
    if (memcmp(f.b + 4, "EVTS", 4) != 0)
        return AF_OK;
    const size_t root = follow(&f, 0);
    if (!root)
        return damaged(r);
    const size_t events = field(&f, root, 0, 4);
    if (!events) /* none */
        return AF_OK;
    const size_t vector = follow(&f, events);
    const size_t count = vector ? get_u32(f.b + vector) : 0;
    if (!vector || count > (f.size - vector - 4) / EVENT)
        return damaged(r);
    r->at = vector + 8; /* past the packet's size and the vector's */
    r->count = count;
    return AF_OK;
}

/* Goes on to the next packet; *more is false at the end. */
static int next_packet(struct aedat4 *r, bool *more)
{
    struct bytes *b = &r->base.bytes;
    *more = r->end < 0 || b->passed < r->end;
    int status = *more ? bytes_fill(b, PACKET) : AF_OK;
    if (status || !*more)
        return status;
    if (bytes_left(b) < PACKET) {
        reader_ends(&r->base);
        *more = false;
        return AF_OK;
    }
    const int32_t stream = (int32_t)get_u32(bytes_here(b)),
                  size = (int32_t)get_u32(bytes_here(b) + 4);
    r->packets++;
    if (size <= 0)
        return damaged(r);
    bytes_use(b, PACKET);
    if (r->stream >= 0 && stream != r->stream)
        return bytes_skip(b, size);
    bool whole = true;
    status = unpack(r, size, &whole);
    if (status || whole)
        return status ? status : parse_packet(r);
    *more = false;
    return reader_note(&r->base, "cut off: packet %lld is not whole and is left out",
                       (long long)r->packets - 1);
}

static int next_aedat4(struct recording *base, struct af_camera_event *out, int room, int *count)
{
    struct aedat4 *r = (struct aedat4 *)base;
    bool more = true;
    int n = 0, status = AF_OK;
    while (n < room && reader_waits(base, n)) {
        while (!status && more && !r->count)
            status = next_packet(r, &more);
        if (status)
            return status;
        if (!more)
            break;
        const unsigned char *p = r->unpacker.out + r->at;
        const int begin = n;
        for (; n < room && (size_t)(n - begin) < r->count; n++, p += EVENT)
            out[n] = (struct af_camera_event){(uint16_t)get_u16(p + 8), (uint16_t)get_u16(p + 10),
                                              p[12] != 0, (int64_t)get_u64(p)};
        r->count -= (size_t)(n - begin);
        r->at += (size_t)(n - begin) * EVENT;
    }
    *count = n;
    return AF_OK;
}

static void close_aedat4(struct recording *base)
{
    unpacker_close(&((struct aedat4 *)base)->unpacker);
}

static const struct reader_ops aedat4_ops = {.next = next_aedat4, .close = close_aedat4};

static bool is_aedat4(const struct head *h)
{
    return aedat_is(h, '4');
}

static int open_aedat4(struct recording **r, const char *path, struct bytes *bytes)
{
    struct aedat4 *made = reader_make(sizeof *made, &aedat4_ops, path, bytes);
    *r = NULL;
    if (!made)
        return AF_NO_MEMORY;
    made->stream = -1;
    int status = read_header(made);
    if (status) {
        recording_close(&made->base);
        return status;
    }
    snprintf(made->base.about.format, sizeof made->base.about.format, "AEDAT 4");
    *r = &made->base;
    return AF_OK;
}

const struct format aedat4_format = {is_aedat4, open_aedat4};
