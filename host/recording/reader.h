/* What every format's reader is to recording_next, and a format to recording_open. */
#ifndef ADAFIRE_READER_H
#define ADAFIRE_READER_H

#include "recording/bytes.h"
#include "recording/recording.h"

struct reader_ops {
    /* As recording_next. */
    int (*next)(struct recording *r, struct af_camera_event *events, int room, int *count);
    int (*skip)(struct recording *r, int64_t rows); /* of tables alone */
    void (*close)(struct recording *r);             /* frees all but the base; NULL: nothing */
};

/* The base of every reader, its first member. */
struct recording {
    const struct reader_ops *ops;
    char *name; /* what stands in sentences */
    struct recording_about about;
    struct bytes bytes; /* of formats that are read through it */
    /* What notes tell. Readers count these: */
    int64_t untimed;   /* events before the first word of time */
    int64_t unknown;   /* words of unknown types */
    int64_t invalid;   /* events that are marked so */
    int64_t cut;       /* bytes at the end that are no whole event */
    struct texts more; /* and whatever else */
    /* recording_next counts these: */
    struct recording_totals totals;
    int64_t backwards, first_backwards, outside;
};

/* A zeroed reader of `size` bytes with its base filled in; takes over the bytes (NULL: none), also
 * on failure. NULL without memory (af_fail is done). */
void *reader_make(size_t size, const struct reader_ops *ops, const char *name, struct bytes *bytes);
/* A sentence more for recording_notes, once. */
int reader_note(struct recording *r, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* At the end of a file whose events are `size` bytes: what is left is cut off. */
static inline void reader_ends(struct recording *r)
{
    r->cut = (int64_t)bytes_left(&r->bytes);
}

/* Whether a reader that has n events waits for more: those of a live source are given at once. */
static inline bool reader_waits(const struct recording *r, int n)
{
    return !r->bytes.live || !n;
}

/* The beginning of a file, for telling its format. */
struct head {
    const char *path;
    const unsigned char *b;
    size_t n;
    bool whole; /* that is all of it */
};

/* A format: whether a file is of it, and its reader, which takes over the bytes also on failure.
 * The magic numbers of formats stand first in the table of open.c, guesses last. */
struct format {
    bool (*is)(const struct head *h);
    int (*open)(struct recording **r, const char *path, struct bytes *bytes);
};

extern const struct format aedat2_format, aedat3_format, aedat4_format, evt2_format, evt21_format,
    evt3_format, evt2_bare_format, evt3_bare_format, dat_format, es_format, nmnist_format,
    npy_format, npz_format, hdf5_format, text_format, plain_format;

#endif
