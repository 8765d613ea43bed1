/* Recordings of an event camera as samples. */
#ifndef ADAFIRE_SOURCE_RECORDINGS_H
#define ADAFIRE_SOURCE_RECORDINGS_H

#include "base/stream.h"
#include "input/source.h"

/* Each makes the source of one path or says why it cannot; *src is NULL on failure. */
/* A file in any format of recording.h: one sample. Beside FILE.aedat there may be FILE_labels.csv
 * as DVS128 Gesture has it (a class from 1 on, and its begin and end in us): then a sample a line.
 */
int source_recording(struct source **src, const char *path, const struct input_spec *spec);
/* A table in an .npy file or in a member of an archive; `offsets`: the file with the row where each
 * recording starts (NULL: it is one). */
int source_table(struct source **src, const char *path, const struct place *place,
                 const char *offsets, const struct input_spec *spec);

#endif
