/* clang reads the source: twice, for LLVM's IR and for the pragmas. */
#ifndef HLSC_CLANG_H
#define HLSC_CLANG_H
#include "options.h"

/* Both end the program with status 2 where clang does not understand the source. */
const char *clang_bitcode(const struct options *o);      /* a file, gone when the program ends */
const char *clang_preprocessed(const struct options *o); /* the text */
#endif
