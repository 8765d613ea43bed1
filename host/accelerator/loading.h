/* The messages of a program that load what has been laid out, and what its answer consists of. */
#ifndef ADAFIRE_LOADING_H
#define ADAFIRE_LOADING_H

#include "accelerator/layout.h"

/* Adds the message that loads a memory. */
int program_load(struct program *p, uint32_t core, uint32_t memory, uint32_t address,
                 const uint32_t *data, size_t count);
/* The collector's tables: output_words are what each core sends for the answer; watches: the
 * answer's population stands in its place and sends its values for early exit. */
int load_collector(struct compiler *c, const uint32_t *output_words, bool watches);
/* The next words of the answer are these cells. */
int program_part(struct program *p, int population, const struct share *share);

#endif
