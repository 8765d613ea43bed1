#include "base.h"

#include <stdarg.h>
#include <stdio.h>
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
struct slab {
    struct slab *next;
    size_t used, size;
    max_align_t bytes[];
};

static struct slab *slabs;

void *take(size_t bytes)
{
    bytes = (bytes + sizeof(max_align_t) - 1) / sizeof(max_align_t) * sizeof(max_align_t);
    if (!slabs || slabs->size - slabs->used < bytes) {
        size_t size = bytes > 1 << 20 ? bytes : 1 << 20;
        struct slab *s = calloc(1, sizeof *s + size);
        if (!s)
            fail((struct place){0}, "out of memory");
        s->size = size;
        s->next = slabs;
        slabs = s;
    }
    void *p = (char *)slabs->bytes + slabs->used;
    slabs->used += bytes;
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
