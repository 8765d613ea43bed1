/* What every reader of samples is to input.c: a source of the samples of one path. */
#ifndef ADAFIRE_SOURCE_H
#define ADAFIRE_SOURCE_H

#include "input/sample.h"

struct source;

struct source_ops {
    /* As input_next; called `count` times at the most, with source.at from 0 on. */
    int (*next)(struct source *src, struct sample *s);
    void (*close)(struct source *src); /* frees all but the base, which source_close frees */
};

/* The base of every source, its first member. A source opens its file for a look, closes it, and
 * opens it again for the first sample: thousands may wait in a queue. */
struct source {
    const struct source_ops *ops;
    const struct input_spec *spec; /* outlives the source */
    char *path;                    /* as the user gave it */
    char *name;                    /* of the present sample */
    size_t name_size;
    int64_t count, at; /* samples, and those already given */
    char *note;        /* what was left out, a sentence; NULL: nothing */
};

/* A zeroed source of `size` bytes with its base filled in; NULL without memory (af_fail is done).
 */
void *source_make(size_t size, const struct source_ops *ops, const char *path,
                  const struct input_spec *spec);
void source_close(struct source *src); /* NULL is fine */
/* Makes "path[at]" the name. */
void source_number(struct source *src);

#endif
