/* Recordings in every format, made of the same few events, for tests of readers and as seeds of
 * fuzzers. */
#ifndef MADE_RECORDINGS_H
#define MADE_RECORDINGS_H

#include "adafire.h"

#include <stdbool.h>
#include <stddef.h>

enum { MADE_EVENTS = 300, MADE_WIDTH = 120, MADE_HEIGHT = 100 };

/* The events: in order of time, with pauses that make clocks of few bits run over. */
extern struct af_camera_event made_event[MADE_EVENTS];

struct made {
    unsigned char *b;
    size_t n, room;
};

/* A format and its writer; libhdf5 writes to files alone. */
struct making {
    const char *name, *format; /* the file's, and what the reader calls it */
    void (*make)(struct made *f);
    int width, height; /* what the file says of them; 0: nothing */
    bool whole;        /* a file that is cut is refused, not read as far as it goes */
};
extern const struct making makings[];
extern const int making_count;

void made_begin(void); /* fills made_event */
void made_add(struct made *f, const void *data, size_t size);
void made_number(struct made *f, unsigned long long v, int size, bool big);
void made_text(struct made *f, const char *format, ...) __attribute__((format(printf, 2, 3)));
void made_free(struct made *f);
/* An .npy file: `descr` with its quotes or brackets. */
void made_npy(struct made *f, const char *descr, bool fortran, const char *shape, const void *data,
              size_t size);
/* Members of a .zip archive, stored; ended by made_zip_end. */
struct made_zip {
    struct made *file, directory;
    int count;
};
void made_zip_add(struct made_zip *z, const char *name, const struct made *member);
void made_zip_end(struct made_zip *z);
/* AEDAT 4 packed in a way of its header's (0: not, 1: LZ4, 3: Zstd); false if this build cannot. */
bool made_aedat4(struct made *f, int packing, int streams);

#endif
