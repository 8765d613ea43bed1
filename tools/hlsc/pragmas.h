/* The `#pragma HLS` lines of a source, and what they are tied to. */
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
    PRAGMA_IGNORED,
};

struct pragma {
    enum pragma_kind kind;
    struct place where;
    struct {
        char *key, *value; /* value NULL: a word by itself */
    } word[12];
    int words;
};

/* What the pragmas of one loop ask for. */
struct loop_wishes {
    struct place first, last; /* the loop's lines */
    bool pipeline, unroll;
    int ii;     /* 0: the least that works */
    int factor; /* of unrolling; 0: completely */
    struct place pipeline_where;
    struct dependence_promise {
        const char *variable;
        bool inter;   /* between iterations, else within one */
        int distance; /* iterations apart at least; 0: never */
        struct place where;
    } promise[8];
    int promises;
};

/* How an array is divided into banks: for each dimension. */
struct partition {
    int dim;    /* from 1; 0: all dimensions, completely */
    int factor; /* 0: completely */
    bool block; /* consecutive elements stay together, else cyclic */
};

struct pragmas {
    struct pragma *pragma;
    int count;
    struct loop_wishes *loop;
    int loops;
};

/* Reads clang's preprocessed text (line markers and #defines kept). Malformed pragmas fail. */
struct pragmas pragmas_read(const char *preprocessed);
const char *pragma_value(const struct pragma *p, const char *key); /* NULL: not there */
bool pragma_has(const struct pragma *p, const char *word);

/* Ties the pragmas to loops (as loop metadata that survives the passes), arrays and functions. */
void pragmas_attach(struct pragmas *all, LLVMModuleRef module);
/* The wishes of the loop whose latch ends in this branch, or NULL. */
const struct loop_wishes *pragmas_of_loop(const struct pragmas *all, LLVMValueRef latch);
/* The pragmas that stand in a function. */
bool pragma_in_function(const struct pragma *p, LLVMValueRef function);
/* The array's divisions (at most 8); returns how many. An alloca carries them, a global is looked
 * up. */
int pragmas_of_array(const struct pragmas *all, LLVMValueRef array, struct partition *out);
/* The name an array has in the source. */
const char *source_name(LLVMValueRef value);

/* Of an instruction or a function. */
struct place place_of(LLVMValueRef value);
#endif
