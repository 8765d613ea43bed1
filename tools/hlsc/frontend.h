/* From source to simplified LLVM IR, one function per process. */
#ifndef HLSC_FRONTEND_H
#define HLSC_FRONTEND_H
#include "options.h"
#include "loops.h"
#include <llvm-c/Target.h>

struct source {
    struct options options;
    struct pragmas pragmas;
    struct loops loops;
    LLVMModuleRef module;
    LLVMTargetDataRef layout;
    LLVMValueRef top;
    bool dataflow;         /* the top joins processes; else it is the one process */
    LLVMValueRef *process; /* each function once */
    int processes;
};

/* Runs clang and LLVM's passes. Fails with file, line and reason on what hardware cannot be made
 * of: recursion, floating point, calls without a body, and so on. */
struct source frontend(const struct options *options);
void frontend_close(struct source *s);

/* Calls that stand for hardware, after lowering. The read's result and the write's second operand
 * are integers as wide as the token. */
bool is_stream_read(LLVMValueRef call);
bool is_stream_write(LLVMValueRef call);
bool is_stream_empty(LLVMValueRef call);
/* Cycles since reset: all of them, waiting to read, waiting to write (hls.h). */
enum counter { COUNT_CLOCK, COUNT_STARVED, COUNT_BLOCKED, COUNTERS };
extern const char *const counter_name[COUNTERS]; /* of the function, and of the register */
bool is_counter(LLVMValueRef call, enum counter *which);
bool is_stream_open(LLVMValueRef call);
#endif
