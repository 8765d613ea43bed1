#include "recording/recording.h"

#include "base/error.h"
#include "recording/reader.h"

#include <string.h>
#include <strings.h>

/* A header may be long; what follows it must be seen by those who guess. */
enum { HEAD = 1 << 16 };

static const struct format *const formats[] = {
    &es_format,  &aedat4_format, &aedat3_format,    &aedat2_format,    &hdf5_format,
    &npy_format, &npz_format,    &evt3_format,      &evt21_format,     &evt2_format,
    &dat_format, &text_format,   &evt2_bare_format, &evt3_bare_format, &nmnist_format,
};

static const struct format *format_of(const struct head *h)
{
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        if (formats[i]->is(h))
            return formats[i];
    return NULL;
}

/* Opens the bytes and tells their format, NULL if it is none. A file that begins like a gzip file
 * and is none that holds a recording may be one itself. */
static int recognise(const char *path, struct bytes *b, const struct format **format)
{
    int status = AF_OK;
    *format = NULL;
    for (int plain = 0; plain < 2; plain++) {
        status = bytes_open(b, path, plain);
        if (status)
            return status;
        status = bytes_fill(b, HEAD);
        const struct head h = {path, bytes_here(b), bytes_left(b), b->ended};
        *format = status ? NULL : format_of(&h);
        /* Without a size the stream unpacks. */
        if (*format || plain || (!status && stream_size(b->stream) >= 0))
            break;
        bytes_close(b);
    }
    if (status)
        bytes_close(b);
    return status;
}

bool recording_is(const char *path)
{
    struct bytes b;
    const struct format *format;
    if (recognise(path, &b, &format))
        return false;
    bytes_close(&b);
    return format != NULL;
}

int recording_open(struct recording **r, const char *path)
{
    struct bytes b;
    const struct format *format;
    *r = NULL;
    int status = recognise(path, &b, &format);
    if (status)
        return status;
    if (format)
        return format->open(r, path, &b);
    const bool empty = !bytes_left(&b);
    bytes_close(&b);
    return af_fail(
        AF_BAD_FILE,
        empty ? "%s: the file is empty"
              : "%s: not a recording that is read (AEDAT 2, 3.1 and 4, EVT2, EVT2.1, EVT3, "
                "DAT, ES, N-MNIST .bin, HDF5, npy, npz, text)",
        path);
}

/* ---- Live ------------------------------------------------------------------------------------ */

static const struct {
    const char *name;
    const struct format *format;
    bool bare; /* told by many words, not by a header */
} live_formats[] = {
    {"evt2", &evt2_format, false},     {"evt2.1", &evt21_format, false},
    {"evt3", &evt3_format, false},     {"aedat4", &aedat4_format, false},
    {"aedat3", &aedat3_format, false}, {"aedat2", &aedat2_format, false},
    {"dat", &dat_format, false},       {"es", &es_format, false},
    {"text", &text_format, false},     {"plain", &plain_format, false},
    {"evt2", &evt2_bare_format, true}, {"evt3", &evt3_bare_format, true},
};

static const struct format *live_format_of(const char *name)
{
    for (size_t i = 0; i < sizeof live_formats / sizeof *live_formats; i++)
        if (strcasecmp(name, live_formats[i].name) == 0)
            return live_formats[i].format;
    return NULL;
}

bool recording_is_live_format(const char *format)
{
    return live_format_of(format) != NULL;
}

/* Whether all lines of a text header are there, and two bytes behind them, if it begins as one. */
static bool has_whole_header(const struct head *h)
{
    size_t at = 0;
    while (h->n - at < 2 || (h->b[at] == '%' && h->b[at + 1] == ' ')) {
        const unsigned char *end = h->n - at < 2 ? NULL : memchr(h->b + at, '\n', h->n - at);
        if (!end)
            return false;
        const bool last = strncmp((const char *)h->b + at, "% end", 5) == 0;
        at = (size_t)(end - h->b) + 1;
        if (last)
            return h->n - at >= 2;
    }
    return true;
}

static const struct format *recognise_live(const struct head *h)
{
    enum { BARE_LEAST = 4096 };
    for (size_t i = 0; i < sizeof live_formats / sizeof *live_formats; i++)
        if ((!live_formats[i].bare || h->n >= BARE_LEAST || h->whole) &&
            live_formats[i].format->is(h))
            return live_formats[i].format;
    return NULL;
}

int recording_open_live(struct recording **r, const char *name, const char *format,
                        stream_reads *read, void *context)
{
    struct bytes b;
    const struct format *found = NULL;
    *r = NULL;
    int status = bytes_open_live(&b, name, read, context);
    if (status)
        return status;
    while (!status && !found) {
        const struct head h = {name, bytes_here(&b), bytes_left(&b), b.ended};
        if (has_whole_header(&h) || b.ended)
            found = format ? live_format_of(format) : recognise_live(&h);
        if (found || b.ended || bytes_left(&b) >= HEAD)
            break;
        status = bytes_fill(&b, bytes_left(&b) + 1);
    }
    if (!status && found)
        return found->open(r, name, &b);
    const bool empty = !bytes_left(&b);
    bytes_close(&b);
    if (status)
        return status;
    return af_fail(AF_BAD_FILE,
                   empty ? "%s: ended before anything came"
                         : "%s: not a stream that is read; say --format, one of " LIVE_FORMATS,
                   name);
}
