/* A reader in a process of its own, for formats whose library does not survive every damaged file:
 * if it falls, there is a sentence, and nothing else is lost. */
#ifndef ADAFIRE_APART_H
#define ADAFIRE_APART_H

#include "recording/reader.h"

/* *r gives what the reader gives that `open` makes of `path` in another process. `library` stands
 * in sentences. Takes long pauses (a minute) for the end. */
int apart_open(struct recording **r, const char *path, const char *library,
               int (*open)(struct recording **r, const char *path));

#endif
