/* The accelerator in this process: its HLS-C compiled for this computer, or its Verilog clocked by
 * Verilator. Each build is a shared object of its own (sim/sim.h), because it is large. */
#ifndef ADAFIRE_SIMULATOR_H
#define ADAFIRE_SIMULATOR_H

#include "link/link.h"

#include <stdbool.h>

struct simulator_options {
    bool compiled;     /* from HLS-C: quick to begin, and there are no cycles to count */
    const char *build; /* NULL: "sim" */
    const char *waves; /* FILE.fst or FILE.fst:FROM-TO (cycles), signals over time; NULL: none */
    uint64_t patience; /* cycles without a word, or tokens of HLS-C's streams in an exchange, that
                        * are too many; 0: chosen */
    /* Called now and then with the cycles since the last call, from the simulating thread; NULL:
     * not. */
    void (*on_cycles)(void *context, uint64_t cycles);
    void *context;
};
/* AF_NO_DEVICE names what is missing. Links are independent of each other. */
int link_open_simulator(const struct simulator_options *options, struct link **link);

/* Whether there is one of that build. */
bool link_has_simulator(bool compiled, const char *build);

#endif
