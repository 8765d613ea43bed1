/* Streams and processes of HLS-C on the host. A stream is a ring that grows; a process is a
 * coroutine. */
#include "hls.h"
#include "hls_host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) && !defined(__SANITIZE_ADDRESS__)
#define __SANITIZE_ADDRESS__
#endif
#if __has_feature(thread_sanitizer) && !defined(__SANITIZE_THREAD__)
#define __SANITIZE_THREAD__
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#ifdef __SANITIZE_THREAD__
#include <sanitizer/tsan_interface.h>
#endif

#define MAGIC          0x4d525453u /* "STRM" */
#define FIRST_CAPACITY 64
#define STACK_BYTES    ((size_t)8 << 20)
/* Rounds in which processes only ask hls_empty and no token moves, until that counts as a deadlock.
 */
#define IDLE_ROUNDS 1000000

struct stream {
    unsigned magic;
    unsigned token_bytes;
    size_t head, tail; /* ever read, ever written; the ring is indexed modulo its capacity */
    size_t mask;       /* capacity - 1, or 0 before the first write */
    size_t limit;      /* tokens it may hold while depth is honoured */
    size_t peak;
    unsigned char *ring;
    char *name;
    struct stream *next, **link; /* among the streams opened by the same process */
};

enum wait { RUNNING, WAIT_TOKEN, WAIT_ROOM, ASKED, DONE };

struct process {
    const char *name;
    void (*run)(void *);
    void *argument;
    enum wait wait;
    struct stream *on;   /* what it waits for */
    struct stream *mine; /* opened by it and not yet closed */
    ucontext_t context;
    void *stack;
    void *fake_stack, *fiber; /* for the sanitizers */
    struct process *next;
};

static _Thread_local struct process *registered, **registered_end, *current;
static _Thread_local ucontext_t scheduler;
static _Thread_local bool honour_depth;
static _Thread_local uint64_t moved; /* tokens, since hls_run began */
_Thread_local uint64_t hls_deadline;
_Thread_local bool hls_quiet;
#ifdef __SANITIZE_ADDRESS__
static _Thread_local void *scheduler_fake_stack;
static _Thread_local const void *scheduler_stack;
static _Thread_local size_t scheduler_stack_bytes;
#endif
#ifdef __SANITIZE_THREAD__
static _Thread_local void *scheduler_fiber;
#endif

/* ---- Switching ------------------------------------------------------------------------------- */

static void leave_for_scheduler(bool for_ever)
{
    struct process *p = current;
#ifdef __SANITIZE_ADDRESS__
    __sanitizer_start_switch_fiber(for_ever ? NULL : &p->fake_stack, scheduler_stack,
                                   scheduler_stack_bytes);
#endif
#ifdef __SANITIZE_THREAD__
    __tsan_switch_to_fiber(scheduler_fiber, 0);
#endif
    (void)for_ever;
    swapcontext(&p->context, &scheduler);
#ifdef __SANITIZE_ADDRESS__
    __sanitizer_finish_switch_fiber(p->fake_stack, &scheduler_stack, &scheduler_stack_bytes);
#endif
}

static void enter_process(struct process *p)
{
    current = p;
#ifdef __SANITIZE_ADDRESS__
    __sanitizer_start_switch_fiber(&scheduler_fake_stack, p->stack, STACK_BYTES);
#endif
#ifdef __SANITIZE_THREAD__
    __tsan_switch_to_fiber(p->fiber, 0);
#endif
    swapcontext(&scheduler, &p->context);
#ifdef __SANITIZE_ADDRESS__
    __sanitizer_finish_switch_fiber(scheduler_fake_stack, NULL, NULL);
#endif
    current = NULL;
}

static void process_begins(void)
{
#ifdef __SANITIZE_ADDRESS__
    __sanitizer_finish_switch_fiber(NULL, &scheduler_stack, &scheduler_stack_bytes);
#endif
    current->run(current->argument);
    current->wait = DONE;
    leave_for_scheduler(true);
}

static void yield(enum wait why, struct stream *on)
{
    current->wait = why;
    current->on = on;
    leave_for_scheduler(false);
    current->wait = RUNNING;
}

/* ---- Streams --------------------------------------------------------------------------------- */

static void out_of_memory(void)
{
    fprintf(stderr, "hls: out of memory\n");
    exit(3);
}

static struct stream *check(const void *pointer, unsigned token_bytes)
{
    struct stream *s = (struct stream *)pointer;
    if (__builtin_expect(!s || s->magic != MAGIC, 0)) {
        fprintf(stderr, "hls: a stream is used that was never opened\n");
        exit(3);
    }
    if (__builtin_expect(token_bytes && s->token_bytes != token_bytes, 0)) {
        fprintf(stderr, "hls: stream '%s' has tokens of %u bytes, not of %u\n", s->name,
                s->token_bytes, token_bytes);
        exit(3);
    }
    return s;
}

static inline void copy_token(void *to, const void *from, unsigned bytes)
{
    switch (bytes) {
    case 1: memcpy(to, from, 1); break;
    case 2: memcpy(to, from, 2); break;
    case 4: memcpy(to, from, 4); break;
    case 8: memcpy(to, from, 8); break;
    case 16: memcpy(to, from, 16); break;
    default: memcpy(to, from, bytes);
    }
}

static inline void *slot(const struct stream *s, size_t index)
{
    return s->ring + (index & s->mask) * s->token_bytes;
}

/* Doubles a full ring. */
static void grow(struct stream *s)
{
    const size_t old = s->ring ? s->mask + 1 : 0, capacity = old ? 2 * old : FIRST_CAPACITY;
    unsigned char *ring = malloc(capacity * s->token_bytes);
    if (!ring)
        out_of_memory();
    for (size_t i = s->head; i != s->tail; i++)
        memcpy(ring + (i & (capacity - 1)) * s->token_bytes, slot(s, i), s->token_bytes);
    free(s->ring);
    s->ring = ring;
    s->mask = capacity - 1;
}

void *hls_stream_open(const char *name, unsigned token_bytes, unsigned depth)
{
    struct stream *s = calloc(1, sizeof *s);
    if (!s || !(s->name = strdup(name)))
        out_of_memory();
    s->magic = MAGIC;
    s->token_bytes = token_bytes;
    s->limit = depth ? depth : SIZE_MAX;
    if (current) {
        s->link = &current->mine;
        s->next = current->mine;
        if (s->next)
            s->next->link = &s->next;
        current->mine = s;
    }
    return s;
}

static void destroy(struct stream *s)
{
    s->magic = 0;
    free(s->ring);
    free(s->name);
    free(s);
}

void hls_stream_close(void *stream)
{
    if (!stream)
        return;
    struct stream *s = check(stream, 0);
    if (s->tail != s->head && !hls_quiet)
        fprintf(stderr, "hls: stream '%s' is closed with %zu unread tokens\n", s->name,
                s->tail - s->head);
    if (s->link)
        *s->link = s->next;
    if (s->next)
        s->next->link = s->link;
    destroy(s);
}

/* Away from the fast path. */
static __attribute__((noinline)) void wait_for_token(struct stream *s)
{
    if (!current) {
        fprintf(stderr,
                "hls: stream '%s' is read while it is empty, and nothing else could fill it\n",
                s->name);
        exit(3);
    }
    while (s->head == s->tail)
        yield(WAIT_TOKEN, s);
}

static __attribute__((noinline)) void wait_for_room(struct stream *s)
{
    while (s->tail - s->head >= s->limit)
        yield(WAIT_ROOM, s);
}

void hls_stream_read(void *stream, void *token, unsigned token_bytes)
{
    struct stream *s = check(stream, token_bytes);
    if (__builtin_expect(s->head == s->tail, 0))
        wait_for_token(s);
    copy_token(token, slot(s, s->head++), token_bytes);
    moved++;
}

void hls_stream_write(void *stream, const void *token, unsigned token_bytes)
{
    struct stream *s = check(stream, token_bytes);
    if (__builtin_expect(current && honour_depth && s->tail - s->head >= s->limit, 0))
        wait_for_room(s);
    size_t count = s->tail - s->head;
    if (__builtin_expect(!s->ring || count > s->mask, 0))
        grow(s);
    copy_token(slot(s, s->tail++), token, token_bytes);
    if (++count > s->peak)
        s->peak = count;
    moved++;
}

bool hls_stream_empty(void *stream)
{
    struct stream *s = check(stream, 0);
    if (current && s->head == s->tail)
        yield(ASKED, s); /* or whoever asks in a loop would never let the writer write */
    return s->head == s->tail;
}

size_t hls_stream_peak(const void *stream)
{
    return check(stream, 0)->peak;
}

size_t hls_stream_count(const void *stream)
{
    const struct stream *s = check(stream, 0);
    return s->tail - s->head;
}

uint64_t hls_stream_written(const void *stream)
{
    return check(stream, 0)->tail;
}

const void *hls_stream_peek(const void *stream, size_t index)
{
    const struct stream *s = check(stream, 0);
    return index < s->tail - s->head ? slot(s, s->head + index) : NULL;
}

/* ---- Processes ------------------------------------------------------------------------------- */

void hls_process_named(const char *name, void (*run)(void *argument), void *argument)
{
    struct process *p = calloc(1, sizeof *p);
    if (!p)
        out_of_memory();
    p->name = name;
    p->run = run;
    p->argument = argument;
    if (!registered)
        registered_end = &registered;
    *registered_end = p;
    registered_end = &p->next;
}

/* ---- Processes with streams for parameters ----------------------------------------------------
 */

enum { MOST_CALL_STREAMS = 16 };
struct call {
    void (*process)(void);
    void *stream[MOST_CALL_STREAMS];
};

/* Pointers of all types are passed alike, and whoever calls cleans up: parameters too many do not
 * matter. */
static void run_call(void *argument)
{
    struct call c = *(struct call *)argument;
    free(argument);
    void **s = c.stream;
    ((void (*)(void *, void *, void *, void *, void *, void *, void *, void *, void *, void *,
               void *, void *, void *, void *, void *, void *))c.process)(
        s[0], s[1], s[2], s[3], s[4], s[5], s[6], s[7], s[8], s[9], s[10], s[11], s[12], s[13],
        s[14], s[15]);
}

void hls_call(const char *name, void (*process)(void), int streams, void *const *stream)
{
    struct call *c = calloc(1, sizeof *c);
    if (!c)
        out_of_memory();
    if (streams > MOST_CALL_STREAMS) {
        fprintf(stderr, "hls: process %s has %d streams, at most %d are possible\n", name, streams,
                MOST_CALL_STREAMS);
        exit(3);
    }
    c->process = process;
    memcpy(c->stream, stream, (size_t)streams * sizeof *stream);
    hls_process_named(name, run_call, c);
}

/* ---- Running them -----------------------------------------------------------------------------
 */

/* Memory for the stack is taken as it is touched; the lowest page catches what runs over. */
static void prepare(struct process *p)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    p->stack = mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
    if (p->stack == MAP_FAILED || mprotect(p->stack, page, PROT_NONE) || getcontext(&p->context))
        out_of_memory();
    p->context.uc_stack.ss_sp = p->stack;
    p->context.uc_stack.ss_size = STACK_BYTES;
    p->context.uc_link = NULL;
    makecontext(&p->context, process_begins, 0);
#ifdef __SANITIZE_THREAD__
    p->fiber = __tsan_create_fiber(0);
#endif
}

static void dispose(struct process *p)
{
    for (struct stream *next, *s = p->mine; s; s = next) {
        next = s->next;
        s->next = NULL;
        s->link = NULL;
        if (p->wait != DONE)
            destroy(s); /* it can never close it */
    }
#ifdef __SANITIZE_ADDRESS__
    __asan_unpoison_memory_region(p->stack, STACK_BYTES);
#endif
#ifdef __SANITIZE_THREAD__
    __tsan_destroy_fiber(p->fiber);
#endif
    munmap(p->stack, STACK_BYTES);
    free(p);
}

static bool can_go_on(const struct process *p)
{
    switch (p->wait) {
    case WAIT_TOKEN: return p->on->head != p->on->tail;
    case WAIT_ROOM: return p->on->tail - p->on->head < p->on->limit;
    case DONE: return false;
    default: return true;
    }
}

static int report_deadlock(const struct process *list)
{
    static const char *const why[] = {
        [RUNNING] = "runs",
        [WAIT_TOKEN] = "waits for a token of",
        [WAIT_ROOM] = "waits for room in",
        [ASKED] = "keeps asking for a token of",
    };
    int waiting = 0;
    for (const struct process *p = list; p; p = p->next)
        waiting += p->wait != DONE;
    if (!waiting || hls_quiet)
        return waiting;
    fprintf(stderr, "hls: deadlock, %d process%s for ever\n", waiting,
            waiting == 1 ? " waits" : "es wait");
    for (const struct process *p = list; p; p = p->next) {
        if (p->wait == DONE)
            continue;
        fprintf(stderr, "hls:   %s %s stream '%s', which holds %zu tokens", p->name, why[p->wait],
                p->on->name, p->on->tail - p->on->head);
        if (p->wait == WAIT_ROOM)
            fprintf(stderr, " of %zu", p->on->limit);
        fputc('\n', stderr);
    }
    return waiting;
}

int hls_run(unsigned flags)
{
    struct process *list = registered;
    if (current) {
        fprintf(stderr, "hls: hls_run inside of process %s\n", current->name);
        exit(3);
    }
    registered = NULL;
    honour_depth = flags & HLS_HONOUR_DEPTH;
    moved = 0;
#ifdef __SANITIZE_THREAD__
    scheduler_fiber = __tsan_get_current_fiber();
#endif
    for (struct process *p = list; p; p = p->next)
        prepare(p);
    int idle = 0;
    for (bool went = true; went && idle < IDLE_ROUNDS && (!hls_deadline || moved < hls_deadline);) {
        const uint64_t before = moved;
        bool only_asked = true;
        went = false;
        for (struct process *p = list; p; p = p->next)
            if (can_go_on(p)) {
                enter_process(p);
                went = true;
                only_asked = only_asked && p->wait == ASKED;
            }
        idle = moved == before && only_asked ? idle + 1 : 0;
    }
    const int waiting = report_deadlock(list);
    honour_depth = false;
    for (struct process *next; list; list = next) {
        next = list->next;
        dispose(list);
    }
    return waiting;
}
