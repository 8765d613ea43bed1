/* Calls that stand for hardware: streams and counters (hw/hls.h). */
#ifndef HLSC_CALLS_H
#define HLSC_CALLS_H
#include <llvm-c/Core.h>
#include <stdbool.h>

bool called(LLVMValueRef call, const char *name);
bool called_prefix(LLVMValueRef call, const char *prefix);

/* After lowering. The read's result and the write's second operand are integers as wide as the
 * token. */
bool is_stream_read(LLVMValueRef call);
bool is_stream_write(LLVMValueRef call);
bool is_stream_empty(LLVMValueRef call);
bool is_stream_open(LLVMValueRef call);

/* Cycles since reset: all of them, waiting to read, waiting to write. */
enum counter { COUNT_CLOCK, COUNT_STARVED, COUNT_BLOCKED, COUNTERS };
extern const char *const counter_name[COUNTERS]; /* of the function, and of the register */
bool is_counter(LLVMValueRef call, enum counter *which);
#endif
