/* Threads that stay: for work that takes less than it takes to start a thread. */
#ifndef ADAFIRE_TEAM_H
#define ADAFIRE_TEAM_H

#include <stdint.h>

struct team;

/* The caller and threads - 1 others, which wait; fewer if they cannot be had. AF_NO_MEMORY. */
int team_make(int threads, struct team **team);
void team_free(struct team *team);
int team_size(const struct team *team);

/* Calls body(context, worker) once in every thread, worker 0 .. team_size - 1 (0: the caller), and
 * returns when all are done. One such call at a time. Of a process that was forked, the caller
 * alone does it: `workers` says how many take part. */
void team_run(struct team *team, void (*body)(void *context, int worker, int workers),
              void *context);

/* As parallel_for without progress, `grain` neighbouring i at a time. */
int team_for(struct team *team, int64_t count, int64_t grain,
             int (*body)(void *context, int worker, int64_t i), void *context);

#endif
