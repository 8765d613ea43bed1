#include "base/texts.h"

#include "base/error.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int texts_add(struct texts *t, const char *text)
{
    char **grown = realloc(t->text, (size_t)(t->count + 1) * sizeof *grown);
    if (grown)
        t->text = grown;
    char *copy = grown ? strdup(text) : NULL;
    if (!copy)
        return af_fail(AF_NO_MEMORY, "no memory");
    t->text[t->count++] = copy;
    return AF_OK;
}

int texts_add_once(struct texts *t, const char *format, va_list args)
{
    char text[512];
    vsnprintf(text, sizeof text, format, args);
    for (int i = 0; i < t->count; i++)
        if (strcmp(t->text[i], text) == 0)
            return AF_OK;
    return texts_add(t, text);
}

void texts_free(struct texts *t)
{
    for (int i = 0; i < t->count; i++)
        free(t->text[i]);
    free(t->text);
    *t = (struct texts){0};
}
