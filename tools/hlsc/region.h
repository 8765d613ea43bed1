/* A process is divided into regions: pipelined loops, and blocks outside of them. */
#ifndef HLSC_REGION_H
#define HLSC_REGION_H
#include "process.h"

void find_regions(struct process *p);
/* Once the guards are known: the ways out of pipelined loops. */
void find_exits(struct process *p);
#endif
