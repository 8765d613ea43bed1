/* Windows on their way from the thread that reads to the one that runs the network. */
#ifndef ADAFIRE_QUEUE_H
#define ADAFIRE_QUEUE_H

#include "live/window.h"

enum { QUEUE_MOST = 256, QUEUE_EVENTS = 1 << 25 };

struct queue;

/* `room` windows wait at the most, and QUEUE_EVENTS of events in them. One more: the oldest of them
 * is dropped and counted, or, with `waits`, who gives it waits. */
int queue_make(struct queue **made, int room, bool waits);
/* Takes over a window's events, and leaves memory of one that was used up. AF_CANCELLED after
 * queue_stop. */
int queue_give(struct queue *q, struct window *w);
/* No window comes any more: `status` says why, with its sentence in af_error. */
void queue_end(struct queue *q, int status);
/* Takes up to `most` windows that wait, oldest first, for up to `patience` seconds; w[i] holds
 * memory that was used up, or zeros. *ended: there were none, and none will come; then its status
 * comes back. */
int queue_take(struct queue *q, struct window *w, int most, double patience, int *count,
               bool *ended);
/* Nobody takes any more. */
void queue_stop(struct queue *q);
/* Windows that wait, and those that were dropped, with their events. */
void queue_totals(struct queue *q, int *waiting, int64_t *dropped, int64_t *dropped_events);
void queue_free(struct queue *q); /* NULL is fine */

#endif
