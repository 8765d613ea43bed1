/* A program: a model laid out for the accelerator's cores and memories, as the words to send. A
 * model that does not fit the chip at once is cut into tiles, which a machine with a memory behind
 * it runs by a script (tiles.h). */
#ifndef ADAFIRE_PROGRAM_H
#define ADAFIRE_PROGRAM_H

#include "accelerator/layout.h"

/* From the answer to COMMAND_IDENTIFY; false if it is of another version. */
bool limits_from(const uint32_t *payload, size_t words, struct limits *limits);
/* AF_UNSUPPORTED, with the memory's name, what is needed and what there is, if the model does not
 * fit the machine. */
int program_make(const struct af_model *m, const struct limits *limits, struct program **program);
void program_free(struct program *p);

#endif
