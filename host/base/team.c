#include "base/team.h"

#include "base/error.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* How long is waited awake: about what it costs to be woken. Then whoever waits lets others run. */
enum { AWAKE_NS = 50000, LOOKS = 64 };

struct member {
    struct team *team;
    int index;
    pthread_t thread;
};

/* A call's number and, in the low bits, the places that members have not taken in it. */
enum { PLACE_BITS = 16 };

struct team {
    int size;
    pid_t process;
    struct member *member;
    void (*body)(void *context, int worker, int workers);
    void *context;
    _Atomic uint64_t call;
    _Atomic uint64_t done; /* members that took a place and gave it back */
    _Atomic bool over;
    pthread_mutex_t lock; /* for those who sleep */
    pthread_cond_t begun, ended;
    int asleep;
    bool caller_asleep;
};

static void pause_briefly(void)
{
#if defined __x86_64__
    __builtin_ia32_pause();
#elif defined __aarch64__
    __asm__ volatile("yield");
#endif
}

static int64_t now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * (int64_t)1000000000 + t.tv_nsec;
}

static bool is_call(struct team *t, uint64_t number)
{
    return atomic_load_explicit(&t->call, memory_order_acquire) >> PLACE_BITS == number;
}

static bool is_done(struct team *t, uint64_t members)
{
    return atomic_load_explicit(&t->done, memory_order_acquire) == members;
}

/* Whether is(team, value) became `wanted` while we stayed awake. */
static bool soon(struct team *t, bool (*is)(struct team *, uint64_t), uint64_t value, bool wanted)
{
    const int64_t until = now() + AWAKE_NS;
    do
        for (int i = 0; i < LOOKS; i++) {
            if (is(t, value) == wanted)
                return true;
            pause_briefly();
        }
    while (now() < until);
    return false;
}

/* Takes a place in the present call. Whoever comes too late for one is not waited for. */
static bool take_place(struct team *t, uint64_t *number)
{
    uint64_t call = atomic_load(&t->call);
    bool taken = false;
    while (!taken && call & ((1 << PLACE_BITS) - 1))
        taken = atomic_compare_exchange_weak(&t->call, &call, call - 1);
    *number = call >> PLACE_BITS;
    return taken;
}

static void *work(void *argument)
{
    const struct member *m = argument;
    struct team *t = m->team;
    for (uint64_t number = 0;;) {
        if (!soon(t, is_call, number, false)) {
            pthread_mutex_lock(&t->lock);
            t->asleep++;
            while (is_call(t, number))
                pthread_cond_wait(&t->begun, &t->lock);
            t->asleep--;
            pthread_mutex_unlock(&t->lock);
        }
        if (atomic_load(&t->over))
            return NULL;
        if (!take_place(t, &number))
            continue;
        t->body(t->context, m->index, t->size);
        pthread_mutex_lock(&t->lock);
        atomic_fetch_add(&t->done, 1);
        if (t->caller_asleep)
            pthread_cond_signal(&t->ended);
        pthread_mutex_unlock(&t->lock);
    }
}

static void begin(struct team *t, int places)
{
    atomic_store(&t->done, 0);
    pthread_mutex_lock(&t->lock);
    const uint64_t number = (atomic_load(&t->call) >> PLACE_BITS) + 1;
    atomic_store(&t->call, number << PLACE_BITS | (uint64_t)places);
    if (t->asleep)
        pthread_cond_broadcast(&t->begun);
    pthread_mutex_unlock(&t->lock);
}

int team_make(int threads, struct team **team)
{
    *team = NULL;
    struct team *t = calloc(1, sizeof *t);
    if (!t || !(t->member = calloc((size_t)threads, sizeof *t->member))) {
        free(t);
        return af_fail(AF_NO_MEMORY, "no memory for %d threads", threads);
    }
    pthread_mutex_init(&t->lock, NULL);
    pthread_cond_init(&t->begun, NULL);
    pthread_cond_init(&t->ended, NULL);
    t->process = getpid();
    for (t->size = 1; t->size < threads; t->size++) {
        struct member *m = &t->member[t->size];
        *m = (struct member){.team = t, .index = t->size};
        if (pthread_create(&m->thread, NULL, work, m))
            break;
    }
    *team = t;
    return AF_OK;
}

void team_free(struct team *t)
{
    if (!t)
        return;
    if (getpid() == t->process) {
        atomic_store(&t->over, true);
        begin(t, 0);
        for (int i = 1; i < t->size; i++)
            pthread_join(t->member[i].thread, NULL);
        pthread_mutex_destroy(&t->lock);
        pthread_cond_destroy(&t->begun);
        pthread_cond_destroy(&t->ended);
    }
    free(t->member);
    free(t);
}

int team_size(const struct team *t)
{
    return t->size;
}

void team_run(struct team *t, void (*body)(void *context, int worker, int workers), void *context)
{
    if (t->size == 1 || getpid() != t->process) {
        body(context, 0, 1);
        return;
    }
    t->body = body;
    t->context = context;
    begin(t, t->size - 1);
    body(context, 0, t->size);
    const uint64_t call = atomic_fetch_and(&t->call, ~(uint64_t)((1 << PLACE_BITS) - 1));
    const uint64_t taken = (uint64_t)t->size - 1 - (call & ((1 << PLACE_BITS) - 1));
    if (soon(t, is_done, taken, true))
        return;
    pthread_mutex_lock(&t->lock);
    t->caller_asleep = true;
    while (!is_done(t, taken))
        pthread_cond_wait(&t->ended, &t->lock);
    t->caller_asleep = false;
    pthread_mutex_unlock(&t->lock);
}

/* ---- Loops ---------------------------------------------------------------------------------- */

struct loop {
    _Atomic int64_t next;
    int64_t count, grain;
    int (*body)(void *context, int worker, int64_t i);
    void *context;
    pthread_mutex_t lock; /* of what follows */
    _Atomic int status;
    int64_t failed_at;
    char sentence[1024];
};

static void note_failure(struct loop *l, int status, int64_t i)
{
    pthread_mutex_lock(&l->lock);
    if (!l->status || i < l->failed_at) {
        l->status = status;
        l->failed_at = i;
        strncpy(l->sentence, af_error(), sizeof l->sentence - 1);
    }
    pthread_mutex_unlock(&l->lock);
}

static void take_part(void *context, int worker, int workers)
{
    struct loop *l = context;
    (void)workers;
    for (;;) {
        const int64_t from = atomic_fetch_add(&l->next, l->grain);
        const int64_t to = from + l->grain < l->count ? from + l->grain : l->count;
        if (from >= l->count || atomic_load(&l->status))
            return;
        for (int64_t i = from; i < to; i++) {
            const int status = l->body(l->context, worker, i);
            if (status) {
                note_failure(l, status, i);
                return;
            }
        }
    }
}

int team_for(struct team *t, int64_t count, int64_t grain,
             int (*body)(void *context, int worker, int64_t i), void *context)
{
    struct loop l = {.count = count, .grain = grain, .body = body, .context = context};
    pthread_mutex_init(&l.lock, NULL);
    if (count <= grain)
        take_part(&l, 0, 1);
    else
        team_run(t, take_part, &l);
    pthread_mutex_destroy(&l.lock);
    return l.status ? af_fail(l.status, "%s", l.sentence) : AF_OK;
}
