/* The zip format: https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT */
#include "base/stream.h"

#include "base/error.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <zlib.h>

#define END_SIZE       22 /* bytes of the end record */
#define ENTRY_SIZE     46 /* of a central entry */
#define LOCAL_SIZE     30 /* of a local header */
#define DIRECTORY_MOST ((uint32_t)16 << 20)

struct stream {
    const char *path;
    int64_t size;
    gzFile gz;  /* a file, gzip or not */
    FILE *file; /* a zip archive, or a plain file */
    bool plain;
    stream_reads *read; /* NULL: it is one of the others */
    void *context;
    z_stream inflate;
    bool inflating;
    int64_t packed_left, left; /* of the member */
    uLong crc, crc_wanted;
    unsigned char buffer[1 << 14];
};

static uint32_t get16(const unsigned char *b)
{
    return (uint32_t)(b[0] | b[1] << 8);
}

static uint32_t get32(const unsigned char *b)
{
    return get16(b) | get16(b + 2) << 16;
}

/* ---- The directory of a zip archive --------------------------------------------------------- */

static int read_at(const char *path, FILE *f, int64_t at, void *out, size_t size)
{
    if (fseeko(f, (off_t)at, SEEK_SET) || fread(out, 1, size, f) != size)
        return af_fail(AF_BAD_FILE, "%s: the zip archive is truncated", path);
    return AF_OK;
}

/* Finds the end record in front of the comment; *directory and *size say where the entries are. */
static int find_end(const char *path, FILE *f, int64_t *directory, uint32_t *size, uint32_t *count)
{
    enum { COMMENT_MOST = 65535 };
    int64_t length = fseeko(f, 0, SEEK_END) ? -1 : (int64_t)ftello(f);
    if (length < END_SIZE)
        return af_fail(AF_BAD_FILE, "%s: the zip archive is truncated", path);
    size_t tail = length < END_SIZE + COMMENT_MOST ? (size_t)length : END_SIZE + COMMENT_MOST;
    unsigned char *bytes = malloc(tail);
    if (!bytes)
        return af_fail(AF_NO_MEMORY, "%s: no memory", path);
    int status = read_at(path, f, length - (int64_t)tail, bytes, tail);
    const unsigned char *end = NULL;
    for (size_t i = tail - END_SIZE + 1; !status && !end && i-- > 0;)
        if (memcmp(bytes + i, "PK\5\6", 4) == 0 && get16(bytes + i + 20) == tail - END_SIZE - i)
            end = bytes + i;
    if (!status && !end)
        status = af_fail(AF_BAD_FILE, "%s: not a zip archive, or its end is missing", path);
    if (!status) {
        *count = get16(end + 10);
        *size = get32(end + 12);
        *directory = get32(end + 16);
        if (*count == 0xffff || *size == 0xffffffff || *directory == 0xffffffff)
            status = af_fail(AF_UNSUPPORTED, "%s: zip64 archives are not read", path);
        else if (*directory + *size > length || *size > DIRECTORY_MOST ||
                 *count > *size / ENTRY_SIZE)
            status = af_fail(AF_BAD_FILE, "%s: the zip archive's directory is damaged", path);
    }
    free(bytes);
    return status;
}

/* Fills *m from the entry at b, of which `left` bytes are there; *used gets the entry's length. */
static int parse_entry(const char *path, const unsigned char *b, size_t left, struct zip_member *m,
                       size_t *used)
{
    if (left < ENTRY_SIZE || memcmp(b, "PK\1\2", 4) != 0)
        return af_fail(AF_BAD_FILE, "%s: the zip archive's directory is damaged", path);
    size_t name = get16(b + 28);
    *used = ENTRY_SIZE + name + get16(b + 30) + get16(b + 32);
    if (*used > left || name >= sizeof m->name)
        return af_fail(AF_BAD_FILE, "%s: the zip archive's directory is damaged", path);
    uint32_t packed = get32(b + 20), size = get32(b + 24), header = get32(b + 42);
    if (packed == 0xffffffff || size == 0xffffffff || header == 0xffffffff)
        return af_fail(AF_UNSUPPORTED, "%s: zip64 archives are not read", path);
    if (get16(b + 8) & 1)
        return af_fail(AF_UNSUPPORTED, "%s: the zip archive is encrypted", path);
    *m = (struct zip_member){.header = header,
                             .packed = packed,
                             .size = size,
                             .crc = get32(b + 16),
                             .method = (int)get16(b + 10)};
    memcpy(m->name, b + ENTRY_SIZE, name);
    return AF_OK;
}

int zip_list(const char *path, struct zip_member **members, int *count)
{
    *members = NULL;
    *count = 0;
    FILE *f = fopen(path, "rb");
    if (!f)
        return af_fail(AF_IO, "%s: %s", path, strerror(errno));
    unsigned char *bytes = NULL;
    int64_t directory = 0;
    uint32_t size = 0, n = 0;
    int status = find_end(path, f, &directory, &size, &n);
    if (status)
        goto out;
    bytes = malloc((size_t)size + 1);
    *members = calloc((size_t)n + 1, sizeof **members);
    if (!bytes || !*members) {
        status = af_fail(AF_NO_MEMORY, "%s: no memory", path);
        goto out;
    }
    status = read_at(path, f, directory, bytes, size);
    size_t used = 0;
    for (size_t at = 0; !status && *count < (int)n; at += used)
        status = parse_entry(path, bytes + at, size - at, &(*members)[(*count)++], &used);
out:
    if (status) {
        free(*members);
        *members = NULL;
    }
    free(bytes);
    fclose(f);
    return status;
}

/* ---- Streams -------------------------------------------------------------------------------- */

static int open_member(struct stream *s, const struct zip_member *m)
{
    unsigned char header[LOCAL_SIZE];
    s->size = s->left = m->size;
    s->packed_left = m->packed;
    s->crc = crc32(0, NULL, 0);
    s->crc_wanted = m->crc;
    if (m->method != 0 && m->method != Z_DEFLATED)
        return af_fail(AF_UNSUPPORTED, "%s:%s: packed with method %d; deflate is read", s->path,
                       m->name, m->method);
    s->file = fopen(s->path, "rb");
    if (!s->file)
        return af_fail(AF_IO, "%s: %s", s->path, strerror(errno));
    int status = read_at(s->path, s->file, m->header, header, sizeof header);
    if (status)
        return status;
    int64_t data = m->header + LOCAL_SIZE + get16(header + 26) + get16(header + 28);
    if (memcmp(header, "PK\3\4", 4) != 0 || fseeko(s->file, (off_t)data, SEEK_SET) ||
        (m->method == 0 && m->packed != m->size))
        return af_fail(AF_BAD_FILE, "%s:%s: the zip archive is damaged", s->path, m->name);
    if (m->method == 0)
        return AF_OK;
    /* Negative: neither a zlib nor a gzip header. */
    if (inflateInit2(&s->inflate, -MAX_WBITS) != Z_OK)
        return af_fail(AF_NO_MEMORY, "%s: no memory", s->path);
    s->inflating = true;
    return AF_OK;
}

static int open_file(struct stream *s)
{
    s->gz = gzopen(s->path, "rb");
    if (!s->gz)
        return af_fail(errno == ENOMEM ? AF_NO_MEMORY : AF_IO, "%s: %s", s->path, strerror(errno));
    gzbuffer(s->gz, 1 << 16);
    struct stat st;
    s->size = gzdirect(s->gz) && stat(s->path, &st) == 0 ? (int64_t)st.st_size : -1;
    return AF_OK;
}

static int open_plain(struct stream *s)
{
    struct stat st;
    s->file = fopen(s->path, "rb");
    if (!s->file)
        return af_fail(AF_IO, "%s: %s", s->path, strerror(errno));
    setvbuf(s->file, NULL, _IONBF, 0); /* who reads has a buffer of his own */
    s->plain = true;
    s->size = fstat(fileno(s->file), &st) == 0 && S_ISREG(st.st_mode) ? (int64_t)st.st_size : -1;
    return AF_OK;
}

int stream_open(struct stream **stream, const struct place *place)
{
    *stream = NULL;
    struct stream *s = calloc(1, sizeof *s);
    if (!s)
        return af_fail(AF_NO_MEMORY, "%s: no memory", place->path);
    s->path = place->path;
    int status = place->zipped  ? open_member(s, &place->member)
                 : place->plain ? open_plain(s)
                                : open_file(s);
    if (status)
        stream_close(s);
    else
        *stream = s;
    return status;
}

int stream_open_from(struct stream **stream, const char *path, stream_reads *read, void *context)
{
    struct stream *s = *stream = calloc(1, sizeof *s);
    if (!s)
        return af_fail(AF_NO_MEMORY, "%s: no memory", path);
    s->path = path;
    s->size = -1;
    s->read = read;
    s->context = context;
    return AF_OK;
}

int64_t stream_size(const struct stream *stream)
{
    return stream->size;
}

static int read_gz(struct stream *s, void *out, size_t size, size_t *got)
{
    const size_t most = (size_t)1 << 30; /* gzread returns an int */
    while (*got < size) {
        size_t part = size - *got < most ? size - *got : most;
        int n = gzread(s->gz, (char *)out + *got, (unsigned)part);
        if (n > 0)
            *got += (size_t)n;
        if (n > 0 && (size_t)n == part)
            continue;
        int code;
        const char *why = gzerror(s->gz, &code);
        if (code == Z_ERRNO)
            return af_fail(AF_IO, "%s: %s", s->path, strerror(errno));
        if (code == Z_MEM_ERROR)
            return af_fail(AF_NO_MEMORY, "%s: no memory", s->path);
        if (code == Z_BUF_ERROR)
            return af_fail(AF_BAD_FILE, "%s: the gzip data are truncated", s->path);
        if (code != Z_OK && code != Z_STREAM_END)
            return af_fail(AF_BAD_FILE, "%s: the gzip data are damaged (%s)", s->path, why);
        break;
    }
    return AF_OK;
}

static int refill(struct stream *s, void *into, size_t room, size_t *got)
{
    size_t want = s->packed_left < (int64_t)room ? (size_t)s->packed_left : room;
    *got = fread(into, 1, want, s->file);
    s->packed_left -= (int64_t)*got;
    if (*got == 0 && want > 0)
        return ferror(s->file) ? af_fail(AF_IO, "%s: %s", s->path, strerror(errno))
                               : af_fail(AF_BAD_FILE, "%s: the zip archive is truncated", s->path);
    return AF_OK;
}

static int inflate_some(struct stream *s, void *out, size_t size, size_t *got)
{
    size_t most = size < 1 << 30 ? size : 1 << 30;
    s->inflate.next_out = out;
    s->inflate.avail_out = (uInt)most;
    while (s->inflate.avail_out == most) {
        if (s->inflate.avail_in == 0) {
            size_t n;
            int status = refill(s, s->buffer, sizeof s->buffer, &n);
            if (status)
                return status;
            s->inflate.next_in = s->buffer;
            s->inflate.avail_in = (uInt)n;
        }
        int code = inflate(&s->inflate, Z_NO_FLUSH);
        if (code == Z_MEM_ERROR)
            return af_fail(AF_NO_MEMORY, "%s: no memory", s->path);
        if (s->inflate.avail_out == most && code != Z_OK)
            return af_fail(AF_BAD_FILE, "%s: the zip archive's data are damaged", s->path);
    }
    *got = most - s->inflate.avail_out;
    return AF_OK;
}

static int read_member(struct stream *s, void *out, size_t size, size_t *got)
{
    if ((int64_t)size > s->left)
        size = (size_t)s->left;
    while (*got < size) {
        unsigned char *to = (unsigned char *)out + *got;
        size_t n;
        int status =
            s->inflating ? inflate_some(s, to, size - *got, &n) : refill(s, to, size - *got, &n);
        if (status)
            return status;
        s->crc = crc32_z(s->crc, to, n);
        *got += n;
        s->left -= (int64_t)n;
    }
    if (s->left == 0 && s->crc != s->crc_wanted)
        return af_fail(AF_BAD_FILE, "%s: the zip archive's data are damaged", s->path);
    return AF_OK;
}

static int read_plain(struct stream *s, void *out, size_t size, size_t *got)
{
    *got = fread(out, 1, size, s->file);
    return ferror(s->file) ? af_fail(AF_IO, "%s: %s", s->path, strerror(errno)) : AF_OK;
}

int stream_read(struct stream *stream, void *out, size_t size, size_t *got)
{
    *got = 0;
    if (stream->read)
        return stream->read(stream->context, out, size, got);
    if (stream->plain)
        return read_plain(stream, out, size, got);
    return stream->gz ? read_gz(stream, out, size, got) : read_member(stream, out, size, got);
}

int stream_skip(struct stream *stream, int64_t size)
{
    char waste[4096];
    while (size > 0) {
        size_t got, part = size < (int64_t)sizeof waste ? (size_t)size : sizeof waste;
        int status = stream_read(stream, waste, part, &got);
        if (status)
            return status;
        if (got < part)
            return af_fail(AF_BAD_FILE, "%s: truncated", stream->path);
        size -= (int64_t)got;
    }
    return AF_OK;
}

int stream_end(struct stream *stream)
{
    char more;
    size_t got;
    return stream->gz ? stream_read(stream, &more, 1, &got) : AF_OK;
}

void stream_close(struct stream *stream)
{
    if (!stream)
        return;
    if (stream->gz)
        gzclose(stream->gz);
    if (stream->file)
        fclose(stream->file);
    if (stream->inflating)
        inflateEnd(&stream->inflate);
    free(stream);
}
