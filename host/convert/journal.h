/* What a conversion has to say: how far it is, and what the user ought to know. */
#ifndef ADAFIRE_JOURNAL_H
#define ADAFIRE_JOURNAL_H

struct journal {
    char **note; /* [note_count] one sentence each, without a full stop */
    int note_count;
    void (*progress)(void *context, const char *phase, double fraction); /* or NULL */
    void *context;
};

/* What was noted already is not noted again. AF_NO_MEMORY. */
int journal_note(struct journal *j, const char *format, ...) __attribute__((format(printf, 2, 3)));
void journal_progress(const struct journal *j, const char *phase, double fraction);
void journal_forget(struct journal *j);

#endif
