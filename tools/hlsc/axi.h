/* Pointer parameters: AXI masters. A load or store is a request and a word, through streams that
 * the top joins to the master. */
#ifndef HLSC_AXI_H
#define HLSC_AXI_H
#include "linear.h"
#include "process.h"

/* An access through a pointer parameter; value NONE: a load, whose node it returns. */
int build_axi(struct process *p, const struct linear *l, LLVMTypeRef type, int value);
/* Once all accesses are known: which requests to read wait until what was written has arrived. */
void order_axi(struct process *p);
#endif
