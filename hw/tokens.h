/* What travels between the processes of the accelerator. */
#ifndef TOKENS_H
#define TOKENS_H
#include "config.h"
#include "isa.h"
#include <stdbool.h>
#include <stdint.h>

/* Whatever a host has written into tables, an index stays within its memory: sizes are powers of
 * two. For counts that may be as large as the memory, WITHIN. */
#define AT(memory, index)   (memory)[(index) & (sizeof(memory) / sizeof((memory)[0]) - 1)]
#define WITHIN(size, count) ((count) & ((size)*2 - 1))

enum token_kind {
    TOKEN_EVENT,    /* count spikes of neuron (channel, row, column) of the population that fires */
    TOKEN_END,      /* that population has fired */
    TOKEN_START,    /* an inference begins; count: 1 if early exit is on */
    TOKEN_NEXT,     /* another timestep */
    TOKEN_STOP,     /* no other one: outputs are sent */
    TOKEN_LOAD,     /* word to memory `channel`, address: row, column (high and low half) */
    TOKEN_READ,     /* word cells from address on are sent */
    TOKEN_COUNTERS, /* word phases' counters are sent */
    TOKEN_VALUE,    /* one of these, on its way */
    TOKEN_EXIT,     /* the exchange is over */
};

/* From control and gather to the cores. */
struct token {
    uint8_t kind, core; /* core: of LOAD and READ */
    int16_t count;
    uint16_t channel, row, column;
    uint32_t word;
};

/* From fetch to expand: an event meets a projection. Other tokens pass through. */
struct work {
    uint8_t kind;
    uint8_t rows, columns; /* places in the lists */
    uint16_t groups;       /* channel groups */
    uint16_t row, column;  /* where in the lists */
    uint16_t cell;
    uint32_t weight, word;
    uint16_t step; /* weight vectors from one channel group to the next */
    int32_t factor;
};

/* From expand to neurons: cell += factor * weight vector. Other tokens pass through: cell is the
 * memory, weight the address, factor the word. */
struct operation {
    uint8_t kind;
    uint16_t cell;
    uint32_t weight;
    int32_t factor;
};

/* From neurons to gather: the bursts of the lanes at one place. end: the population is done. */
struct bursts {
    bool end;
    uint16_t group, row, column;
    int16_t count[LANES];
};

/* From control to collect: an answer is due. */
struct job {
    uint8_t command, status;
    uint16_t timesteps, flags;
    uint16_t core;
    uint32_t words;
    uint32_t memory, address, word; /* LOAD of MEMORY_COLLECT */
};
enum { JOB_CRC = 100, JOB_STORE = 101 }; /* commands beside those of the ISA */

enum { NOWHERE = 0xffff };

#endif
