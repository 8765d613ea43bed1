/* An emulated card: compute units (the Verilated kernel, hw/kernel.c) on one clock, each with its
 * registers and its two ports to one memory. */
#ifndef ADAFIRE_SIM_CARD_H
#define ADAFIRE_SIM_CARD_H

#include "memory.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { CARD_MOST_UNITS = 16, CARD_UNIT_BYTES = 0x1000 };
enum { CARD_WORDS_LOW = 0x10, CARD_WORDS_HIGH = 0x14 }; /* registers: where a run's words are */

struct card_options {
    uint64_t base[CARD_MOST_UNITS]; /* address of each unit's registers */
    int units;
    unsigned latency; /* cycles from a read's address to its first word */
    unsigned stall;   /* percentage of cycles in which a channel of the memory rests, at random */
};

struct card_counts {
    uint64_t cycles;    /* in which anything went on */
    uint64_t running;   /* of these, in which a unit ran */
    uint64_t runs;      /* begun */
    uint64_t words_in;  /* read from the memory by units */
    uint64_t words_out; /* written to it */
};

struct card;
struct card *card_open(const struct card_options *options,
                       struct memory *memory); /* NULL: no memory */
void card_close(struct card *card);
/* A register, at its absolute address; false: there is none. */
bool card_write(struct card *card, uint64_t address, uint32_t value);
bool card_read(struct card *card, uint64_t address, uint32_t *value);
bool card_running(const struct card *card);
/* Something is wrong for good, and the clock stands: the kernel has deadlocked or broken a rule of
 * AXI. Standard error has said what. */
bool card_stuck(const struct card *card);
void card_clock(struct card *card, uint64_t cycles);
void card_hang(struct card *card); /* from now on the memory does not answer */
/* From now on it answers every read, or every write, with AXI's SLVERR, and does not do it. */
void card_refuse(struct card *card, bool reads, bool writes);
struct card_counts card_count(const struct card *card);

#ifdef __cplusplus
}
#endif

#endif
