/* The builds of the accelerator that a user may have. */
#ifndef ADAFIRE_BUILDS_H
#define ADAFIRE_BUILDS_H

#include "adafire.h"

struct build {
    const char *name, *what, *can; /* what it is for; what it has */
};
enum { BUILDS = 4 };
extern const struct build builds[BUILDS];

/* Whether a build holds the model: AF_OK, AF_NO_DEVICE if it is not installed, else af_error() says
 * why not. */
int build_try(const char *name, const struct af_model *model);
/* The first build besides `but` (or NULL) that holds it; NULL if none of those installed does. */
const char *build_that_fits(const struct af_model *model, const char *but);

#endif
