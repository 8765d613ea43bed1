/* In simulation, a design in which nobody moves any more says who waits for what. */
#ifndef HLSC_DEADLOCK_H
#define HLSC_DEADLOCK_H
#include "design.h"

#include <stdio.h>

void emit_deadlock(const struct design *d, FILE *f);
#endif
