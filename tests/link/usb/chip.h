/* An FT2232H as far as AdaFire uses one, in the time of the board behind it: bytes from and to USB
 * on one side, the pins of a Verilated board (sim/board.h) on the other. */
#ifndef TESTS_USB_CHIP_H
#define TESTS_USB_CHIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CHIP_BUFFER = 4096, CHIP_PACKET = 512, CHIP_PAYLOAD = CHIP_PACKET - 2 };

/* What goes wrong, once, with the byte at which `after` others have gone that way. */
enum chip_fault {
    FAULT_NONE,
    FAULT_LOSE_OUT, /* a byte on its way to the board: lost, twice, a bit of it changed */
    FAULT_TWICE_OUT,
    FAULT_FLIP_OUT,
    FAULT_LOSE_IN, /* the same on its way to the host */
    FAULT_TWICE_IN,
    FAULT_FLIP_IN,
    FAULT_OVERRUN, /* lost, and the chip says so */
    FAULT_GLITCH,  /* the line to the board is low for a moment */
    FAULT_POWER,   /* the board begins anew */
    FAULT_SILENCE, /* from then on nothing comes from the board until it is reset */
    FAULTS_OF_LINE,
    FAULT_STALL_OUT = FAULTS_OF_LINE, /* of the USB side: emulator.c */
    FAULT_STALL_IN,
    FAULT_SHORT_OUT, /* a transfer ends early, as if all were well */
    FAULT_IO_OUT,
    FAULT_IO_IN,
    FAULT_CONTROL, /* a request is refused */
    FAULT_UNPLUG,
    FAULTS
};
extern const char *const chip_fault_names[FAULTS];

/* Shared with the program under test if it wants to (emulator.c: USB_EMULATOR_FD). */
struct control {
    volatile uint32_t fault, after; /* of bytes that way */
    volatile uint32_t seed;
    volatile uint32_t kinds;                        /* of faults that there may be, a bit each */
    volatile uint32_t happened;                     /* faults so far */
    volatile uint32_t out, in;                      /* bytes that have gone, modulo 2^32 */
    volatile uint64_t cycles;                       /* of the board's clock */
    volatile uint64_t first_out, last_out, last_in; /* cycles */
    volatile uint32_t replugged;
    volatile uint32_t clashes; /* cycles in which both chip and board drove the FIFO's data */
};

struct queue {
    uint8_t byte[CHIP_BUFFER];
    size_t begin, count;
};

struct chip;
/* library: a board's. NULL on failure, which has been told. */
struct chip *chip_open(const char *library, struct control *control);
void chip_close(struct chip *chip);
/* Lets time pass: n cycles. */
void chip_run(struct chip *chip, uint64_t n);
/* Cycles of a microsecond. */
double chip_microsecond(const struct chip *chip);
/* Bits a second that the board's design is made for. */
unsigned chip_baud(const struct chip *chip);
/* FTDI's vendor requests. */
void chip_request(struct chip *chip, int request, int value, int index);
/* Takes as many bytes from USB as there is room for. */
size_t chip_take(struct chip *chip, const uint8_t *bytes, size_t n);
/* Whether a packet is due: a full one, or whatever there is when the latency timer ends. Its
 * length, 0 if none is. */
size_t chip_packet(struct chip *chip, uint8_t packet[CHIP_PACKET]);
/* A fault of the USB side is due: it has happened with this. */
bool chip_fault_due(struct chip *chip, enum chip_fault fault);

#endif
