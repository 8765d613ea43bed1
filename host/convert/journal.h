/* What a conversion has to say: how far it is, and what the user ought to know. */
#ifndef ADAFIRE_JOURNAL_H
#define ADAFIRE_JOURNAL_H

#include "base/texts.h"

#include <stdbool.h>

struct journal {
    struct texts notes; /* a sentence each, without a full stop */
    int (*progress)(void *context, const char *phase, double fraction); /* or NULL */
    void *context;
    bool cancelled; /* progress has returned other than 0 */
};

/* What was noted already is not noted again. AF_NO_MEMORY. */
int journal_note(struct journal *j, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* AF_CANCELLED from when the user says so. */
int journal_progress(struct journal *j, const char *phase, double fraction);
void journal_forget(struct journal *j);

#endif
