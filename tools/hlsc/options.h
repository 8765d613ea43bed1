/* What the command line asks for. */
#ifndef HLSC_OPTIONS_H
#define HLSC_OPTIONS_H
#include "target.h"

#include <stdbool.h>

struct options {
    const char *source, *top, *output, *report, *ports, *dump; /* NULL: not asked for */
    const struct target *target;
    double clock_ns;
    const char **clang_arguments;
    int clang_argument_count;
    bool break_bypass, break_schedule, break_width; /* faults that the tests must notice */
};

/* Ends the program where it is asked for help, with status 2 where it is asked for what it cannot.
 */
struct options options_read(int argc, char **argv);
#endif
