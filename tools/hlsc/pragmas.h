/* The `#pragma HLS` lines of a source. */
#ifndef HLSC_PRAGMAS_H
#define HLSC_PRAGMAS_H
#include "base.h"

#include <llvm-c/Core.h>

enum pragma_kind {
    PRAGMA_PIPELINE,
    PRAGMA_UNROLL,
    PRAGMA_ARRAY_PARTITION,
    PRAGMA_DEPENDENCE,
    PRAGMA_INTERFACE,
    PRAGMA_DATAFLOW,
    PRAGMA_STREAM,
    PRAGMA_INLINE,
    PRAGMA_BIND_STORAGE,
};

struct pragma {
    enum pragma_kind kind;
    struct place where;
    struct {
        char *key, *value; /* value NULL: a word by itself */
    } word[12];
    int words;
};

struct pragmas {
    struct pragma *pragma;
    int count;
};

/* Reads clang's preprocessed text (line markers and #defines kept). Malformed pragmas fail. */
struct pragmas pragmas_read(const char *preprocessed);
const char *pragma_name(enum pragma_kind kind);
const char *pragma_value(const struct pragma *p, const char *key); /* NULL: not there */
int pragma_number(const struct pragma *p, const char *key, int otherwise);
bool pragma_has(const struct pragma *p, const char *word);
bool pragma_in_function(const struct pragma *p, LLVMValueRef function);
/* Does one of this kind stand in the function, with this word if one is given? */
bool pragmas_ask(const struct pragmas *all, enum pragma_kind kind, LLVMValueRef function,
                 const char *word);
#endif
