/* Every operation gets a clock cycle. */
#ifndef HLSC_SCHEDULE_H
#define HLSC_SCHEDULE_H
#include "process.h"

void schedule(struct process *p);
double node_delay(const struct process *p, const struct node *n);
#endif
