/* Memory for vectors. */
#ifndef ADAFIRE_MEMORY_H
#define ADAFIRE_MEMORY_H

#include <stddef.h>

/* Zeros, aligned for vectors and a little longer. NULL: there is none. */
void *engine_memory(size_t bytes);
void engine_memory_free(void *p);

#endif
