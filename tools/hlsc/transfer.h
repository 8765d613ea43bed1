/* Reads and writes of streams: what they wait for. */
#ifndef HLSC_TRANSFER_H
#define HLSC_TRANSFER_H
#include "emitter.h"
#include "process.h"

bool is_transfer(const struct node *n);
/* "There is no token" or "there is no room". */
char *lacking(const struct emitter *e, const struct node *n);
/* What may stop a stage or state: the transfers in it; NULL: nothing. */
char *stall_text(struct emitter *e, const struct region *r, int cycle);
#endif
