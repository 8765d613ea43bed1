#include "recording/bytes.h"

#include "base/error.h"

#include <stdlib.h>
#include <string.h>

int bytes_open(struct bytes *b, const char *path, bool plain)
{
    *b = (struct bytes){.path = path, .window = malloc(BYTES_ROOM)};
    if (!b->window)
        return af_fail(AF_NO_MEMORY, "%s: no memory", path);
    int status = stream_open(&b->stream, &(struct place){.path = path, .plain = plain});
    if (status)
        bytes_close(b);
    return status;
}

int bytes_open_live(struct bytes *b, const char *path, stream_reads *read, void *context)
{
    *b = (struct bytes){.path = path, .window = malloc(BYTES_ROOM), .live = true};
    if (!b->window)
        return af_fail(AF_NO_MEMORY, "%s: no memory", path);
    int status = stream_open_from(&b->stream, path, read, context);
    if (status)
        bytes_close(b);
    return status;
}

void bytes_close(struct bytes *b)
{
    stream_close(b->stream);
    free(b->window);
    *b = (struct bytes){0};
}

int bytes_fill(struct bytes *b, size_t want)
{
    if (bytes_left(b) >= want || b->ended)
        return AF_OK;
    size_t left = bytes_left(b), got;
    memmove(b->window, bytes_here(b), left);
    b->at = 0;
    b->end = left;
    do {
        int status = stream_read(b->stream, b->window + b->end, BYTES_ROOM - b->end, &got);
        if (status)
            return status;
        b->end += got;
        b->ended = b->live ? !got : b->end < BYTES_ROOM;
    } while (b->live && !b->ended && b->end < want);
    return AF_OK;
}

int bytes_fill_line(struct bytes *b, size_t most)
{
    int status = b->live ? AF_OK : bytes_fill(b, most);
    while (!status && b->live && !b->ended && bytes_left(b) < most &&
           !memchr(bytes_here(b), '\n', bytes_left(b)))
        status = bytes_fill(b, bytes_left(b) + 1);
    return status;
}

int bytes_skip(struct bytes *b, int64_t size)
{
    while (size > 0) {
        int status = bytes_fill(b, 1);
        size_t left = bytes_left(b), part = size < (int64_t)left ? (size_t)size : left;
        if (!status && !left)
            b->missing += size;
        if (status || !left)
            return status;
        bytes_use(b, part);
        size -= (int64_t)part;
    }
    return AF_OK;
}

int bytes_line(struct bytes *b, char mark, char *line, size_t size, bool *taken)
{
    enum { LINE_MOST = 1 << 16 };
    *taken = false;
    int status = bytes_fill(b, 1);
    if (!status && bytes_left(b) && bytes_here(b)[0] == (unsigned char)mark)
        status = bytes_fill_line(b, LINE_MOST);
    if (status)
        return status;
    const unsigned char *p = bytes_here(b);
    size_t left = bytes_left(b), n = 0;
    if (!left || p[0] != (unsigned char)mark)
        return AF_OK;
    while (n < left && n < LINE_MOST && p[n] != '\n') {
        if (p[n] < ' ' && p[n] != '\t' && p[n] != '\r')
            return AF_OK;
        n++;
    }
    if (n == LINE_MOST)
        return AF_OK;
    if (n == left)
        return af_fail(AF_BAD_FILE, "%s: cut off in its header", b->path);
    size_t length = n && p[n - 1] == '\r' ? n - 1 : n;
    if (length >= size)
        length = size - 1;
    memcpy(line, p, length);
    line[length] = 0;
    bytes_use(b, n + 1);
    *taken = true;
    return AF_OK;
}
