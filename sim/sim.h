/* A Verilated accelerator behind a C face: one shared object for each build (adafire-sim-BUILD.so).
 */
#ifndef ADAFIRE_SIM_H
#define ADAFIRE_SIM_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum sim_status { SIM_OK, SIM_NO_MEMORY, SIM_STUCK };

struct sim_options {
    unsigned stall;    /* percentage of cycles in which the links do nothing, at random */
    uint64_t patience; /* cycles without a word in or out that are too many */
    const char *trace; /* a waveform file (FST) or NULL */
    uint64_t trace_from, trace_to; /* cycles */
    const char *memory; /* how quick the memory behind the machine is (sim/README.md), or NULL */
    /* Called now and then with the cycles since the last call, NULL: not. */
    void (*tick)(void *context, uint64_t cycles);
    void *context;
};

struct sim;
struct sim *sim_open(const struct sim_options *options); /* NULL: no memory */
/* One exchange (hw/isa.h): one run of the machine from ap_start to ap_done. *answer belongs to the
 * simulator until the next exchange. */
int sim_exchange(struct sim *sim, const uint32_t *word, size_t words, const uint32_t **answer,
                 size_t *answers);
/* After SIM_STUCK: who waits for what, as a clause without a full stop. */
const char *sim_stuck(const struct sim *sim);
uint64_t sim_cycles(const struct sim *sim); /* since it was opened */
unsigned sim_megahertz(void);               /* of the clock that the build is meant for */
void sim_close(struct sim *sim);

#ifdef __cplusplus
}
#endif

#endif
