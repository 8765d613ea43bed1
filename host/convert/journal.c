#include "convert/journal.h"

#include "base/error.h"

#include <stdio.h>
#include <string.h>

int journal_note(struct journal *j, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const int status = texts_add_once(&j->notes, format, args);
    va_end(args);
    return status;
}

void journal_plan(struct journal *j, const char *phase)
{
    j->step[j->steps++] = phase;
}

int journal_progress(struct journal *j, const char *phase, double fraction)
{
    char text[PHASE_MOST];
    for (int i = j->begun; i < j->steps; i++)
        if (strcmp(j->step[i], phase) == 0)
            j->begun = i + 1;
    if (j->begun) {
        snprintf(text, sizeof text, "%d of %d: %s", j->begun, j->steps, phase);
        phase = text;
    }
    if (j->progress && !j->cancelled)
        j->cancelled = j->progress(j->context, phase, fraction) != 0;
    return j->cancelled ? af_fail(AF_CANCELLED, "the conversion was cancelled") : AF_OK;
}

void journal_forget(struct journal *j)
{
    texts_free(&j->notes);
}
