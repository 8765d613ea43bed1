/* The text header of RAW and DAT files, and the guess at words without one.
 * https://docs.prophesee.ai/stable/data/file_formats/raw.html (and dat.html) */
#ifndef ADAFIRE_PROPHESEE_H
#define ADAFIRE_PROPHESEE_H

#include "recording/reader.h"

struct prophesee_header {
    int evt;           /* 20, 21, 30 of RAW files; 0: it does not say */
    bool legacy;       /* EVT2.1: of each 64-bit word the upper half comes first */
    bool big;          /* big endian */
    int version;       /* of DAT files; 0: it does not say */
    int width, height; /* of the sensor; 0: it does not say, nor names a camera that is known */
    size_t size;       /* bytes of the header */
};

/* False if the bytes begin with no whole header. */
bool prophesee_parse(const unsigned char *b, size_t n, struct prophesee_header *h);
/* Makes a reader of a file with or without header, and goes past the header. `word`: bytes of one.
 * *r is NULL on failure, and the bytes are closed. */
int prophesee_open(struct recording **r, size_t size, const struct reader_ops *ops,
                   const char *format, int word, const char *path, struct bytes *bytes,
                   struct prophesee_header *h);

/* Of EVT2 and EVT2.1: types of words, in their upper four bits; up to 1 they are events. */
enum { EVT2_TIME = 0x8, EVT2_TRIGGER = 0xa, EVT2_OTHERS = 0xe, EVT2_CONTINUED = 0xf };
static inline bool prophesee_knows(uint32_t type)
{
    return type <= 1 || type == EVT2_TIME || type == EVT2_TRIGGER || type == EVT2_OTHERS ||
           type == EVT2_CONTINUED;
}

/* Of EVT2 and EVT2.1: the time whose 28 upper bits of 34 are in the word, in place, after `before`
 * (-1: there was none yet); a step back of more than half the range is an overrun. */
int64_t prophesee_time(int64_t before, uint32_t word);

#endif
