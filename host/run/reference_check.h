/* The ANN's outputs, as a user gives them to be compared with. */
#ifndef ADAFIRE_REFERENCE_CHECK_H
#define ADAFIRE_REFERENCE_CHECK_H

#include "base/tensor.h"

/* AF_BAD_FILE if a value is not finite, or if there is not a row for each of so many samples (-1:
 * unknown). */
int reference_check(const char *path, const struct tensor *t, int64_t samples);

#endif
