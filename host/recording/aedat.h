/* What the AEDAT formats have in common: a first line that says the version, and chips by name. */
#ifndef ADAFIRE_AEDAT_H
#define ADAFIRE_AEDAT_H

#include "recording/reader.h"

/* Whether the file begins with "#!AER-DAT" and the version ('2', '3', '4'). */
bool aedat_is(const struct head *h, char version);
/* The sensor of a chip or camera by (a part of) its name, without regard to case; *davis: it sends
 * pictures as well. False if the name is not known. */
bool aedat_chip(const char *name, int *width, int *height, bool *davis);

#endif
