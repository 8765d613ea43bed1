/* A folder of files that are one sample each; the folders in it are classes. */
#ifndef ADAFIRE_SOURCE_FOLDER_H
#define ADAFIRE_SOURCE_FOLDER_H

#include "input/source.h"

/* Makes the source of one path or says why it cannot; *src is NULL on failure. */
int source_folder(struct source **src, const char *path, const struct input_spec *spec);

#endif
