/* From source to simplified LLVM IR, one function per process. */
#ifndef HLSC_FRONTEND_H
#define HLSC_FRONTEND_H
#include "options.h"
#include "source.h"

/* Fails with file, line and reason on what hardware cannot be made of. */
struct source frontend(const struct options *options);
void frontend_close(struct source *s);
#endif
