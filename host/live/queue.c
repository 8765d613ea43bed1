#include "live/queue.h"

#include "base/clock.h"
#include "base/error.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct queue {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int room, count, first;
    bool waits, stopped, ended;
    int status;
    char sentence[1024]; /* af_error of the thread that ended it */
    int64_t dropped, dropped_events;
    int64_t held, spare_room; /* events that wait; that spares have memory for */
    int spares;
    struct window spare[QUEUE_MOST], window[QUEUE_MOST]; /* memory alone; those that wait, a ring */
};

int queue_make(struct queue **made, int room, bool waits)
{
    struct queue *q = *made = calloc(1, sizeof *q);
    pthread_condattr_t attributes;
    if (!q)
        return af_fail(AF_NO_MEMORY, "no memory for windows");
    q->room = room;
    q->waits = waits;
    pthread_mutex_init(&q->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&q->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    return AF_OK;
}

void queue_free(struct queue *q)
{
    if (!q)
        return;
    for (int i = 0; i < q->count; i++)
        free(q->window[(q->first + i) % q->room].event);
    for (int i = 0; i < q->spares; i++)
        free(q->spare[i].event);
    pthread_cond_destroy(&q->changed);
    pthread_mutex_destroy(&q->lock);
    free(q);
}

/* Keeps a window's memory for another one. */
static void keep(struct queue *q, struct window *w)
{
    if (w->event && q->spares < QUEUE_MOST && q->spare_room + w->room <= QUEUE_EVENTS) {
        q->spare_room += w->room;
        q->spare[q->spares++] = *w;
    } else {
        free(w->event);
    }
    *w = (struct window){0};
}

static struct window take_spare(struct queue *q)
{
    if (!q->spares)
        return (struct window){0};
    q->spare_room -= q->spare[--q->spares].room;
    return q->spare[q->spares];
}

/* The window that waits longest, which waits no more. */
static struct window take_oldest(struct queue *q)
{
    const struct window w = q->window[q->first];
    q->first = (q->first + 1) % q->room;
    q->count--;
    q->held -= w.count;
    return w;
}

static bool is_full(const struct queue *q, const struct window *more)
{
    return q->count == q->room || (q->count && q->held + more->count > QUEUE_EVENTS);
}

int queue_give(struct queue *q, struct window *w)
{
    pthread_mutex_lock(&q->lock);
    while (q->waits && is_full(q, w) && !q->stopped)
        pthread_cond_wait(&q->changed, &q->lock);
    const bool stopped = q->stopped;
    while (is_full(q, w) && !stopped) {
        struct window oldest = take_oldest(q);
        q->dropped++;
        q->dropped_events += oldest.count;
        keep(q, &oldest);
    }
    if (!stopped) {
        q->window[(q->first + q->count++) % q->room] = *w;
        q->held += w->count;
        *w = take_spare(q);
        pthread_cond_broadcast(&q->changed);
    }
    pthread_mutex_unlock(&q->lock);
    return stopped ? af_fail(AF_CANCELLED, "the run has ended") : AF_OK;
}

void queue_end(struct queue *q, int status)
{
    pthread_mutex_lock(&q->lock);
    q->ended = true;
    q->status = status;
    if (status)
        strncpy(q->sentence, af_error(), sizeof q->sentence - 1);
    pthread_cond_broadcast(&q->changed);
    pthread_mutex_unlock(&q->lock);
}

int queue_take(struct queue *q, struct window *w, int most, double patience, int *count,
               bool *ended)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    const double at = (double)until.tv_nsec * 1e-9 + patience;
    until.tv_sec += (time_t)floor(at);
    until.tv_nsec = (long)((at - floor(at)) * 1e9);
    int n = 0, code = 0;
    pthread_mutex_lock(&q->lock);
    while (!q->count && !q->ended && code == 0)
        code = pthread_cond_timedwait(&q->changed, &q->lock, &until);
    for (; n < most && q->count; n++) {
        keep(q, &w[n]);
        w[n] = take_oldest(q);
    }
    *ended = !n && q->ended;
    const int status = *ended ? q->status : AF_OK;
    if (status)
        af_tell("%s", q->sentence);
    pthread_cond_broadcast(&q->changed);
    pthread_mutex_unlock(&q->lock);
    *count = n;
    return status;
}

void queue_stop(struct queue *q)
{
    pthread_mutex_lock(&q->lock);
    q->stopped = true;
    pthread_cond_broadcast(&q->changed);
    pthread_mutex_unlock(&q->lock);
}

void queue_totals(struct queue *q, int *waiting, int64_t *dropped, int64_t *dropped_events)
{
    pthread_mutex_lock(&q->lock);
    *waiting = q->count;
    *dropped = q->dropped;
    *dropped_events = q->dropped_events;
    pthread_mutex_unlock(&q->lock);
}
