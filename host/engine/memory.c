#include "engine/memory.h"

#include <stdlib.h>
#include <string.h>

void *engine_memory(size_t bytes)
{
    size_t size = (bytes + 127) / 64 * 64;
    void *p = aligned_alloc(64, size);
    if (p)
        memset(p, 0, size);
    return p;
}
