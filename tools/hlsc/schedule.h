/* Every operation gets a clock cycle, and memories the ports that their loops need. */
#ifndef HLSC_SCHEDULE_H
#define HLSC_SCHEDULE_H
#include "process.h"

void schedule(struct process *p);
#endif
