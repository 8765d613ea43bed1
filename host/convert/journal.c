#include "convert/journal.h"

#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int journal_note(struct journal *j, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    for (int i = 0; i < j->note_count; i++)
        if (strcmp(j->note[i], text) == 0)
            return AF_OK;
    char **grown = realloc(j->note, (size_t)(j->note_count + 1) * sizeof *grown);
    if (grown)
        j->note = grown;
    char *copy = grown ? strdup(text) : NULL;
    if (!copy)
        return af_fail(AF_NO_MEMORY, "no memory");
    j->note[j->note_count++] = copy;
    return AF_OK;
}

int journal_progress(struct journal *j, const char *phase, double fraction)
{
    if (j->progress && !j->cancelled)
        j->cancelled = j->progress(j->context, phase, fraction) != 0;
    return j->cancelled ? af_fail(AF_CANCELLED, "the conversion was cancelled") : AF_OK;
}

void journal_forget(struct journal *j)
{
    for (int i = 0; i < j->note_count; i++)
        free(j->note[i]);
    free(j->note);
    j->note = NULL;
    j->note_count = 0;
}
