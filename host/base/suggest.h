/* What somebody may have meant. */
#ifndef ADAFIRE_SUGGEST_H
#define ADAFIRE_SUGGEST_H

/* The word nearest to `text` by letters to change, to add, to leave out or to exchange with the
 * next; NULL if none is near. word(of, i): the words, NULL behind the last. */
const char *suggest(const char *text, const char *(*word)(const void *of, int i), const void *of);

#endif
