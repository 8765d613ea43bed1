/* Values: making nodes, of which equal ones are one, and the wires that they are made of. */
#ifndef HLSC_VALUE_H
#define HLSC_VALUE_H
#include "process.h"

int make_const(struct process *p, uint64_t value, int width);
bool is_const(const struct process *p, int node, uint64_t *value);
int make_input(struct process *p, const char *name, int width);
int make_phi(struct process *p, int width, int block);
/* An operation that gives the same for the same operands. */
int make_pure(struct process *p, enum op op, int width, int ins, const int *in);
/* LOAD, STORE, READ, WRITE, EMPTY, COUNT: never merged. */
int make_effect(struct process *p, enum op op, int width, int ins, const int *in);

int make_wires(struct process *p, const struct wire *wire, int wires);
int make_slice(struct process *p, int node, int low, int width);
int make_extended(struct process *p, int node, int width, bool is_signed);
/* The segments of bits low.. of a node; returns how many (at most `width`). */
int segments(const struct process *p, int node, int low, int width, struct wire *out);

/* In how many bits a multiplication's operand can be written, and how it is extended to `width`. */
struct narrow {
    int width;
    bool is_signed;
};
struct narrow narrow_width(const struct process *p, int node, int width);
#endif
