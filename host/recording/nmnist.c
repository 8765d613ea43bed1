/* The .bin files of N-MNIST and N-Caltech101: 5 bytes an event, x, y, then polarity in the top bit
 * of a 23-bit big-endian time in us; y = 240 is no event, but moves all that follow by 2^13 us
 * (Orchard et al., Front. Neurosci. 9:437, 2015, and the data set's own reader). */
#include "recording/reader.h"

#include "base/error.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { EVENT = 5, OVERFLOW_Y = 240, OVERFLOW_US = 1 << 13 };

struct nmnist {
    struct recording base;
    int64_t overflow;
};

static int64_t time_of(const unsigned char *p)
{
    return (p[2] & 0x7f) << 16 | p[3] << 8 | p[4];
}

static int next_nmnist(struct recording *base, struct af_camera_event *out, int room, int *count)
{
    struct nmnist *r = (struct nmnist *)base;
    struct bytes *b = &base->bytes;
    int n = 0;
    while (n < room) {
        int status = bytes_fill(b, EVENT);
        if (status)
            return status;
        const unsigned char *p = bytes_here(b);
        const size_t there = bytes_left(b) / EVENT;
        size_t i = 0;
        if (!there && bytes_left(b))
            return af_fail(AF_BAD_FILE, "%s: truncated, the last event is not whole", base->name);
        if (!there)
            break;
        for (; i < there && n < room; i++, p += EVENT) {
            if (p[1] == OVERFLOW_Y)
                r->overflow += OVERFLOW_US;
            else
                out[n++] =
                    (struct af_camera_event){p[0], p[1], p[2] >> 7, r->overflow + time_of(p)};
        }
        bytes_use(b, i * EVENT);
    }
    *count = n;
    return AF_OK;
}

static const struct reader_ops nmnist_ops = {.next = next_nmnist};

static bool is_named_so(const char *path)
{
    const size_t n = strlen(path);
    return n >= 4 && strcasecmp(path + n - 4, ".bin") == 0;
}

/* The format has no mark: whole events whose times are in order, or else its name. */
static bool is_nmnist(const struct head *h)
{
    enum { LEAST = 8 };
    const size_t events = h->n / EVENT;
    int64_t last = 0, overflow = 0;
    if (is_named_so(h->path) && h->n)
        return true;
    if (events < LEAST || (h->whole && h->n % EVENT))
        return false;
    for (size_t i = 0; i < events; i++) {
        const unsigned char *p = h->b + i * EVENT;
        const int64_t t = overflow + time_of(p);
        if (p[1] == OVERFLOW_Y)
            overflow += OVERFLOW_US;
        else if (t < last || p[1] > OVERFLOW_Y)
            return false;
        else
            last = t;
    }
    return true;
}

static int open_nmnist(struct recording **r, const char *path, struct bytes *bytes)
{
    struct nmnist *made = reader_make(sizeof *made, &nmnist_ops, path, bytes);
    *r = NULL;
    if (!made)
        return AF_NO_MEMORY;
    snprintf(made->base.about.format, sizeof made->base.about.format, "N-MNIST");
    *r = &made->base;
    const int64_t size = stream_size(made->base.bytes.stream);
    if (size % EVENT <= 0)
        return AF_OK;
    recording_close(*r);
    *r = NULL;
    return af_fail(AF_BAD_FILE, "%s: no N-MNIST recording: %lld bytes are not whole events", path,
                   (long long)size);
}

const struct format nmnist_format = {is_nmnist, open_nmnist};
