#include "convert/journal.h"

#include "base/error.h"

int journal_note(struct journal *j, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const int status = texts_add_once(&j->notes, format, args);
    va_end(args);
    return status;
}

int journal_progress(struct journal *j, const char *phase, double fraction)
{
    if (j->progress && !j->cancelled)
        j->cancelled = j->progress(j->context, phase, fraction) != 0;
    return j->cancelled ? af_fail(AF_CANCELLED, "the conversion was cancelled") : AF_OK;
}

void journal_forget(struct journal *j)
{
    texts_free(&j->notes);
}
