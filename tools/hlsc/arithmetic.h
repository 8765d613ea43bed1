/* What no single operation of hardware does, made of several. */
#ifndef HLSC_ARITHMETIC_H
#define HLSC_ARITHMETIC_H
#include "process.h"

int make_division(struct process *p, int a, int b, bool is_signed, bool remainder);
int make_population_count(struct process *p, int a);
/* Zeros before the first one, from the top or from the bottom. */
int make_count_zeros(struct process *p, int a, bool leading);
/* In units of so many bits. */
int make_reverse(struct process *p, int a, int unit);
int make_saturated(struct process *p, int a, int b, bool add, bool is_signed);
/* The upper (left) or lower half of both side by side, shifted. */
int make_funnel(struct process *p, int high, int low, int by, bool left);
int make_absolute(struct process *p, int a);
#endif
