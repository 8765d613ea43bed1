/* What a recording of an event camera holds. */
#ifndef ADAFIRE_SHOW_RECORDING_H
#define ADAFIRE_SHOW_RECORDING_H

#include <stdbool.h>

/* Reads all of it, prints, and writes its events to `events` (NULL: nowhere). 0, or EXIT_ERROR with
 * the sentence told. */
int show_recording(const char *path, bool json, const char *events);

#endif
