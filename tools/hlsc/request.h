/* Requests to memory behind a pointer. Where a pipelined loop walks through consecutive words, one
 * in front of the loop stands for all of them, and the words come as bursts. */
#ifndef HLSC_REQUEST_H
#define HLSC_REQUEST_H
#include "linear.h"
#include "process.h"

/* 64 bits of address, above them the number of beats. */
void request(struct process *p, const struct axi *a, int stream, int offset, int beats);
/* Asks in front of the loop for all words that the access will need; else says why not. */
const char *request_burst(struct process *p, const struct axi *a, const struct linear *l,
                          bool store);
#endif
