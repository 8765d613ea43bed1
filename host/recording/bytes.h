/* A file's bytes through a window of fixed size. */
#ifndef ADAFIRE_BYTES_H
#define ADAFIRE_BYTES_H

#include "base/stream.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { BYTES_ROOM = 1 << 18 };

struct bytes {
    const char *path; /* for sentences; outlives this */
    struct stream *stream;
    unsigned char *window;
    size_t at, end;  /* of what is there and not yet used */
    int64_t passed;  /* used so far: where in the file window[at] is */
    int64_t missing; /* that were to be skipped and are not there */
    bool ended;      /* there are no more behind the window */
    bool live;       /* they come as they please: who waits for more first gives what there is */
};

/* `plain`: as it is, even if it begins as a gzip file does. */
int bytes_open(struct bytes *b, const char *path, bool plain);
/* Bytes as they come, see stream_open_from. */
int bytes_open_live(struct bytes *b, const char *path, stream_reads *read, void *context);
/* Sees that at least `want` (BYTES_ROOM at most) bytes are there, or all that the file has. */
int bytes_fill(struct bytes *b, size_t want);
/* Sees that a whole line is there, or `most` bytes, or all that the file has. */
int bytes_fill_line(struct bytes *b, size_t most);
/* Uses up `size` bytes; counts those that the file does not have. */
int bytes_skip(struct bytes *b, int64_t size);
/* Takes a line of text that begins with `mark`, without its end and cut to size - 1 characters, and
 * sets *taken; a line of anything but text is data and stays. AF_BAD_FILE if the file ends in it.
 */
int bytes_line(struct bytes *b, char mark, char *line, size_t size, bool *taken);
void bytes_close(struct bytes *b);

static inline const unsigned char *bytes_here(const struct bytes *b)
{
    return b->window + b->at;
}
static inline size_t bytes_left(const struct bytes *b)
{
    return b->end - b->at;
}
static inline void bytes_use(struct bytes *b, size_t size)
{
    b->at += size;
    b->passed += (int64_t)size;
}

/* Little endian unless the name says otherwise. */
static inline uint32_t get_u16(const unsigned char *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8;
}
static inline uint32_t get_u32(const unsigned char *p)
{
    return get_u16(p) | get_u16(p + 2) << 16;
}
static inline uint64_t get_u64(const unsigned char *p)
{
    return get_u32(p) | (uint64_t)get_u32(p + 4) << 32;
}
static inline uint32_t get_u32_big(const unsigned char *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

#endif
