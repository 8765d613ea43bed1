#include "hlsc.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static void tell(struct place where, const char *kind, const char *format, va_list arguments)
{
    fflush(stdout);
    if (where.file && where.line)
        fprintf(stderr, "%s:%d: %s: ", where.file, where.line, kind);
    else if (where.file)
        fprintf(stderr, "%s: %s: ", where.file, kind);
    else
        fprintf(stderr, "hlsc: %s: ", kind);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
}

void fail(struct place where, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    tell(where, "error", format, arguments);
    va_end(arguments);
    exit(2);
}

void warn(struct place where, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    tell(where, "warning", format, arguments);
    va_end(arguments);
}

/* Blocks in a list, so that leak checkers see them as reachable. */
struct block {
    struct block *next;
    size_t used, size;
    max_align_t bytes[];
};
static struct block *blocks;

void *take(size_t bytes)
{
    bytes = (bytes + sizeof(max_align_t) - 1) / sizeof(max_align_t) * sizeof(max_align_t);
    if (!blocks || blocks->size - blocks->used < bytes) {
        size_t size = bytes > 1 << 20 ? bytes : 1 << 20;
        struct block *b = calloc(1, sizeof *b + size);
        if (!b)
            fail((struct place){0}, "out of memory");
        b->size = size;
        b->next = blocks;
        blocks = b;
    }
    void *p = (char *)blocks->bytes + blocks->used;
    blocks->used += bytes;
    return p;
}

char *text(const char *format, ...)
{
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    char none[1];
    int n = vsnprintf(none, 0, format, arguments);
    va_end(arguments);
    char *s = take((size_t)n + 1);
    vsnprintf(s, (size_t)n + 1, format, again);
    va_end(again);
    return s;
}

void *grow(void *array, int count, int *capacity, size_t size)
{
    if (count < *capacity)
        return array;
    int more = *capacity ? 2 * *capacity : 8;
    void *p = take((size_t)more * size);
    if (count)
        memcpy(p, array, (size_t)count * size);
    *capacity = more;
    return p;
}

/* Estimates; hw/README.md states what place and route measured. */
const struct target targets[] = {
    {"generic", "no device in particular (the default)", 0.6, 2.2, 0.5, 0.8, 0.05, 3.6, 0.12, 18,
     18, 18432, 6},
    {"ice40", "Lattice iCE40 HX (UP5K is about half as fast)", 1.1, 3.2, 1.1, 1.6, 0.13, 6.0, 0.9,
     0, 0, 4096, 4},
    {"ecp5", "Lattice ECP5", 1.2, 6.0, 1.0, 1.6, 0.05, 6.0, 0.3, 18, 18, 18432, 4},
    {"xcup", "AMD UltraScale+ (Alveo U250)", 0.25, 1.1, 0.35, 0.45, 0.012, 1.6, 0.08, 27, 18, 36864,
     6},
    {0},
};

const struct target *target_find(const char *name)
{
    for (const struct target *t = targets; t->name; t++)
        if (!strcmp(t->name, name))
            return t;
    return NULL;
}
