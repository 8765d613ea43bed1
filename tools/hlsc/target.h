/* What is assumed of the devices that hardware is made for. */
#ifndef HLSC_TARGET_H
#define HLSC_TARGET_H
#include <stdbool.h>

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
    bool xilinx; /* memories are counted in RAMB36 and URAM */
};
extern const struct target targets[]; /* the last has no name; the first is taken unless asked */
const struct target *target_find(const char *name); /* NULL: not known */
#endif
