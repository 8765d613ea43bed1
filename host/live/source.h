/* Events as they come: from a stream that may be closed and opened again, or from a recording in
 * its own time. */
#ifndef ADAFIRE_LIVE_SOURCE_H
#define ADAFIRE_LIVE_SOURCE_H

#include "adafire.h"

enum { LIVE_BLOCK = 4096 };

struct live_source_options {
    const char *from;   /* see address.h; outlives the source */
    const char *format; /* of LIVE_FORMATS; NULL: told by content */
    double speed;       /* a file in its own time, so many times as fast; 0: as fast as it goes */
    bool loop;          /* a file again and again, its times going on */
    int stop_fd;        /* nobody waits any more once this can be read */
    /* Called while nothing comes: all that was there at `now` (seconds()) was given; returns when
     * it wants to be called again (INFINITY: not before something came). NULL: not. */
    double (*idle)(void *context, double now);
    void (*note)(void *context, const char *note); /* what the user ought to know; NULL: not */
    void *context;
};

struct live_block {
    struct af_camera_event event[LIVE_BLOCK];
    int count;      /* 0: it is over, or: */
    bool lost;      /* the stream ended; what comes next is another one */
    double arrived; /* the last of them, by seconds() */
};

struct live_source;

/* The first opening: a stream that is not there is AF_IO. */
int live_source_open(struct live_source **made, const struct live_source_options *o);
/* Waits for events. A stream that ends or is damaged is `lost` and opened again for as long as it
 * takes; standard input and files then are over, or fail. */
int live_source_next(struct live_source *s, struct live_block *b);
/* Nothing may be left out: who falls behind keeps the source waiting. Files that are read as fast
 * as it goes. */
bool live_source_waits(const struct live_source *s);
/* Seconds of the source's time that pass in a second. */
double live_source_pace(const struct live_source *s);
/* Width and height that the present stream says; 0: it does not. */
void live_source_sensor(const struct live_source *s, int sensor[2]);
const char *live_source_format(const struct live_source *s); /* "" before it is known */
int64_t live_source_losses(const struct live_source *s);     /* how often it was lost */
/* Datagrams that the system had no room for, or that were cut. */
int64_t live_source_missed(const struct live_source *s);
void live_source_close(struct live_source *s); /* NULL is fine */

#endif
