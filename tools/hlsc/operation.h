/* Operations on values; each simplifies what it can. */
#ifndef HLSC_OPERATION_H
#define HLSC_OPERATION_H
#include "process.h"

int make_not(struct process *p, int a);
/* Of two values of equal width (shifts: of any); 1 bit from comparisons. */
int make_binary(struct process *p, enum op op, int a, int b);
int make_select(struct process *p, int condition, int a, int b);
#endif
