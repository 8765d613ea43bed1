/* A loop spread over threads. */
#ifndef ADAFIRE_PARALLEL_H
#define ADAFIRE_PARALLEL_H

#include <stdint.h>

enum { THREADS_MOST = 1024 };

/* Cores that this process may use. */
int parallel_cores(void);

/* Calls body(context, worker, i) for every i in 0 .. count-1, each once, on `threads` workers (0:
 * all cores); worker is 0 .. threads-1 and names the calling thread. Stops handing out after a
 * failure; of several failures the one with the smallest i is returned, with its sentence in the
 * caller's af_error. progress (may be NULL) is called from the caller's thread now and then. */
int parallel_for(int threads, int64_t count, int (*body)(void *context, int worker, int64_t i),
                 void *context, void (*progress)(void *context, int64_t done));

#endif
