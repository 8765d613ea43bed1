#include "input/source.h"

#include "base/error.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *source_make(size_t size, const struct source_ops *ops, const char *path,
                  const struct input_spec *spec)
{
    struct source *src = calloc(1, size);
    size_t name_size = strlen(path) + 24;
    char *text = malloc(2 * name_size);
    if (!src || !text) {
        free(src);
        free(text);
        af_fail(AF_NO_MEMORY, "%s: no memory", path);
        return NULL;
    }
    src->ops = ops;
    src->spec = spec;
    src->path = text;
    src->name = text + name_size;
    src->name_size = name_size;
    strcpy(src->path, path);
    strcpy(src->name, path);
    return src;
}

void source_close(struct source *src)
{
    if (!src)
        return;
    src->ops->close(src);
    free(src->path);
    free(src->note);
    free(src);
}

void source_number(struct source *src)
{
    snprintf(src->name, src->name_size, "%s[%lld]", src->path, (long long)src->at);
}
