/* hlsc: HLS-C to Verilog. What every stage shares: errors with a place, memory, text, options.
 *
 * The stages, each in its own file:
 *   frontend.c   clang makes LLVM IR of the source; pragmas.c finds the pragmas and ties them to
 *                loops, arrays and functions; LLVM's passes inline, unroll and simplify
 *   subroutine.c functions with `inline off`: all calls become jumps to one copy
 *   build.c      one process (a function) becomes a graph of operations (graph.c): branches of a
 *                pipelined loop become guards, phis become selects; address.c finds the bank and
 *                row of an array, axi.c the bursts of a pointer
 *   widths.c     how many bits of every value matter
 *   schedule.c   each operation gets a clock cycle: modulo scheduling with chaining
 *   emit.c       the process as a Verilog module, emit_memory.c its memories, registers.c which
 *                values share a register
 *   top.c        a dataflow function: processes joined by FIFOs; the AXI shell
 *   report.c     what was decided, for people */
#ifndef HLSC_H
#define HLSC_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Where in the source; file NULL: not known. */
struct place {
    const char *file;
    int line;
};

/* Prints "FILE:LINE: error: reason" and ends with status 2. */
_Noreturn void fail(struct place where, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void warn(struct place where, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Memory and text that live until the program ends. take() gives zeroed bytes. */
void *take(size_t bytes);
char *text(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Room for one more in an array of *capacity elements of the given size. */
void *grow(void *array, int count, int *capacity, size_t size);
#define APPEND(array, count, capacity, value)                                                      \
    ((array) = grow((array), (count), &(capacity), sizeof *(array)), (array)[(count)++] = (value))

static inline int max_int(int a, int b)
{
    return a > b ? a : b;
}
static inline int min_int(int a, int b)
{
    return a < b ? a : b;
}
/* Bits needed to write a number: 0 for 0. */
static inline int bits_of(uint64_t value)
{
    return value ? 64 - __builtin_clzll(value) : 0;
}

/* Delays in nanoseconds of a target's logic, from a register's clock edge to the next one's. */
struct target {
    const char *name, *about;
    double reg;          /* clock to output plus setup */
    double ram;          /* block RAM clock to output, plus setup of what follows */
    double level;        /* one LUT and its routing */
    double add, add_bit; /* an adder: fixed part, and each bit of carry */
    double mul;          /* a multiplication in a DSP block, or in LUTs where there is none */
    double mul_bit;      /* LUT multipliers: each bit of the narrower operand */
    int dsp_a, dsp_b;    /* operand widths of a DSP block, 0: none */
    int ram_bits;        /* bits of a block RAM */
    int lut_inputs;
};
extern const struct target targets[];
const struct target *target_find(const char *name);

struct options {
    const char *source, *top, *output, *report, *ports, *dump;
    const struct target *target;
    double clock_ns;
    const char **clang_arguments;
    int clang_argument_count;
    bool break_bypass, break_schedule, break_width; /* faults that the tests must notice */
};
#endif
