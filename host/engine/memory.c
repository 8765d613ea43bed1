#include "engine/memory.h"

#include <stdint.h>
#include <stdlib.h>

enum { ALIGNMENT = 64, BEYOND = 64 };

void *engine_memory(size_t bytes)
{
    /* Pages that nobody touches are never made. */
    char *all = calloc(1, bytes + sizeof(void *) + ALIGNMENT + BEYOND);
    if (!all)
        return NULL;
    char *p = all + sizeof(void *);
    p += -(uintptr_t)p % ALIGNMENT;
    ((void **)(void *)p)[-1] = all;
    return p;
}

void engine_memory_free(void *p)
{
    if (p)
        free(((void **)p)[-1]);
}
