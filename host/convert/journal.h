/* What a conversion has to say: how far it is, and what the user ought to know. */
#ifndef ADAFIRE_JOURNAL_H
#define ADAFIRE_JOURNAL_H

#include "base/texts.h"

#include <stdbool.h>

enum { STEPS_MOST = 8, PHASE_MOST = 96 };

struct journal {
    struct texts notes; /* a sentence each, without a full stop */
    int (*progress)(void *context, const char *phase, double fraction); /* or NULL */
    void *context;
    /* Phases that are planned, in order, and how many have begun: progress then says which it is of
     * how many. A phase that is not among those to come belongs to the present one. */
    const char *step[STEPS_MOST];
    int steps, begun;
    bool cancelled; /* progress has returned other than 0 */
};

/* What was noted already is not noted again. AF_NO_MEMORY. */
int journal_note(struct journal *j, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* One more step, named as its phase will be. */
void journal_plan(struct journal *j, const char *phase);
/* AF_CANCELLED from when the user says so. */
int journal_progress(struct journal *j, const char *phase, double fraction);
void journal_forget(struct journal *j);

#endif
