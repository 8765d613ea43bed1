/* Tokens of streams and small copies of memory become integers. */
#ifndef HLSC_LOWER_H
#define HLSC_LOWER_H
#include "source.h"

void lower(const struct source *s);
#endif
