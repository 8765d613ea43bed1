#include "base/parallel.h"

#include "base/error.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct loop {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int64_t next, count, done;
    int running;
    int (*body)(void *context, int worker, int64_t i);
    void *context;
    int status;
    int64_t failed_at;
    char sentence[1024];
};

struct worker {
    struct loop *loop;
    int index;
    pthread_t thread;
};

int parallel_cores(void)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    int n = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
    return n > 0 ? n : 1;
}

static void *work(void *argument)
{
    struct worker *w = argument;
    struct loop *l = w->loop;
    pthread_mutex_lock(&l->lock);
    while (l->next < l->count && !l->status) {
        int64_t i = l->next++;
        pthread_mutex_unlock(&l->lock);
        int status = l->body(l->context, w->index, i);
        pthread_mutex_lock(&l->lock);
        l->done++;
        if (status && (!l->status || i < l->failed_at)) {
            l->status = status;
            l->failed_at = i;
            strncpy(l->sentence, af_error(), sizeof l->sentence - 1);
        }
        pthread_cond_signal(&l->changed);
    }
    l->running--;
    pthread_cond_signal(&l->changed);
    pthread_mutex_unlock(&l->lock);
    return NULL;
}

static void wait_for_workers(struct loop *l, void (*progress)(void *, int64_t))
{
    pthread_mutex_lock(&l->lock);
    int64_t shown = -1;
    while (l->running) {
        pthread_cond_wait(&l->changed, &l->lock);
        if (progress && l->done != shown) {
            shown = l->done;
            pthread_mutex_unlock(&l->lock);
            progress(l->context, shown);
            pthread_mutex_lock(&l->lock);
        }
    }
    pthread_mutex_unlock(&l->lock);
}

int parallel_for(int threads, int64_t count, int (*body)(void *, int, int64_t), void *context,
                 void (*progress)(void *, int64_t))
{
    if (threads <= 0)
        threads = parallel_cores();
    if (threads > count)
        threads = count > 0 ? (int)count : 1;
    struct loop l = {.count = count, .body = body, .context = context, .running = threads};
    struct worker *workers = calloc((size_t)threads, sizeof *workers);
    if (!workers)
        return af_fail(AF_NO_MEMORY, "no memory for %d threads", threads);
    pthread_mutex_init(&l.lock, NULL);
    pthread_cond_init(&l.changed, NULL);
    int started = 0;
    for (; started < threads; started++) {
        workers[started] = (struct worker){.loop = &l, .index = started};
        if (pthread_create(&workers[started].thread, NULL, work, &workers[started]))
            break;
    }
    pthread_mutex_lock(&l.lock);
    l.running -= threads - started;
    pthread_mutex_unlock(&l.lock);
    if (!started) { /* no thread could be had: do it here */
        l.running = 1;
        work(&workers[0]);
    }
    wait_for_workers(&l, progress);
    for (int i = 0; i < started; i++)
        pthread_join(workers[i].thread, NULL);
    pthread_mutex_destroy(&l.lock);
    pthread_cond_destroy(&l.changed);
    free(workers);
    return l.status ? af_fail(l.status, "%s", l.sentence) : AF_OK;
}
