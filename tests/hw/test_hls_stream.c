/* Streams and processes of HLS-C on the host. */
#include "hls.h"
#include "hls_host.h"
#include "test.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* What run(argument) says on standard error, in a process of its own; *status is how it ended. */
static const char *said_by(int (*run)(void *), void *argument, int *status)
{
    static char text[4096];
    int ends[2], ended = 0;
    size_t size = 0;
    if (pipe(ends))
        abort();
    fflush(stdout);
    const pid_t child = fork();
    if (child == 0) {
        dup2(ends[1], 2);
        close(ends[0]);
        close(ends[1]);
        exit(run(argument));
    }
    close(ends[1]);
    for (ssize_t n; (n = read(ends[0], text + size, sizeof text - 1 - size)) > 0;)
        size += (size_t)n;
    text[size] = 0;
    close(ends[0]);
    waitpid(child, &ended, 0);
    *status = WIFEXITED(ended) ? WEXITSTATUS(ended) : -1;
    return text;
}

/* ---- Streams -------------------------------------------------------------------------------- */

TEST(order)
{
    HLS_STREAM(uint32_t, s, 4);
    CHECK(hls_empty(s));
    uint32_t written = 0, expected = 0;
    for (int round = 1; round < 300; round++) { /* the ring wraps around and grows */
        for (int i = 0; i < round; i++)
            hls_write(s, written++ * 2654435761u);
        for (int i = 0; i < round - (round & 1); i++)
            CHECK(hls_read(s) == expected++ * 2654435761u);
    }
    CHECK_EQ(hls_stream_count(s), written - expected);
    CHECK_EQ(hls_stream_written(s), written);
    CHECK(hls_stream_peak(s) >= 299 && hls_stream_peak(s) < 600);
    CHECK_EQ(*(const uint32_t *)hls_stream_peek(s, 0), expected * 2654435761u);
    CHECK_EQ(*(const uint32_t *)hls_stream_peek(s, 1), (expected + 1) * 2654435761u);
    CHECK(!hls_stream_peek(s, written - expected));
    while (!hls_empty(s))
        CHECK(hls_read(s) == expected++ * 2654435761u);
    CHECK_EQ(expected, written);
}

struct wide {
    int16_t lane[67];
};

TEST(tokens)
{
    HLS_STREAM(bool, bits, 1);
    HLS_STREAM(int16_t, shorts, 1);
    HLS_STREAM(uint64_t, longs, 1);
    HLS_STREAM(struct wide, structs, 1);
    for (int i = 0; i < 200; i++) {
        struct wide w = {{0}};
        for (int l = 0; l < 67; l++)
            w.lane[l] = (int16_t)(i * l);
        hls_write(bits, i & 1);
        hls_write(shorts, (int16_t)-i);
        hls_write(longs, (uint64_t)i << 40);
        hls_write(structs, w);
    }
    for (int i = 0; i < 200; i++) {
        CHECK_EQ(hls_read(bits), i & 1);
        CHECK_EQ(hls_read(shorts), -i);
        CHECK_EQ(hls_read(longs), (uint64_t)i << 40);
        struct wide w = hls_read(structs);
        for (int l = 0; l < 67; l++)
            CHECK_EQ(w.lane[l], (int16_t)(i * l));
    }
}

static int read_empty(void *unused)
{
    (void)unused;
    HLS_STREAM(uint8_t, lonely, 2);
    return hls_read(lonely);
}

static int read_wrong_size(void *unused)
{
    (void)unused;
    HLS_STREAM(uint8_t, narrow, 2);
    uint16_t token;
    hls_stream_read(narrow, &token, sizeof token);
    return 0;
}

static int leave_tokens(void *unused)
{
    (void)unused;
    HLS_STREAM(uint8_t, heap, 2);
    hls_write(heap, 1);
    hls_write(heap, 2);
    return 0;
}

static int use_no_stream(void *unused)
{
    (void)unused;
    uint64_t not_a_stream[32] = {0};
    return hls_read(not_a_stream) != 0;
}

TEST(mistakes)
{
    int status;
    CHECK(strstr(said_by(read_empty, NULL, &status), "'lonely'"));
    CHECK_EQ(status, 3);
    CHECK(strstr(said_by(read_wrong_size, NULL, &status), "'narrow' has tokens of 1 bytes"));
    CHECK_EQ(status, 3);
    CHECK(strstr(said_by(leave_tokens, NULL, &status), "'heap' is closed with 2 unread tokens"));
    CHECK_EQ(status, 0);
    CHECK(strstr(said_by(use_no_stream, NULL, &status), "never opened"));
    CHECK_EQ(status, 3);
}

TEST(many_tokens)
{
    enum { TOKENS = 4000000 };
    HLS_STREAM(uint32_t, s, 16);
    uint32_t sum = 0;
    for (uint32_t i = 0; i < TOKENS; i += 100) {
        for (uint32_t k = 0; k < 100; k++)
            hls_write(s, i + k);
        for (uint32_t k = 0; k < 100; k++)
            sum += hls_read(s);
    }
    CHECK_EQ(sum, (uint32_t)((uint64_t)TOKENS * (TOKENS - 1) / 2));
}

/* ---- Processes ------------------------------------------------------------------------------ */

struct pair {
    hls_stream(uint32_t) in;
    hls_stream(uint32_t) out;
    int count;
};

static void pass_on(void *argument)
{
    const struct pair *p = argument;
    for (int i = 0; i < p->count; i++) {
        const uint32_t token = hls_read(p->in);
        hls_write(p->out, token + 1);
    }
}

static void in_a_circle(void *argument)
{
    const struct pair *p = argument;
    uint32_t token = 0;
    for (int i = 0; i < p->count; i++) {
        hls_write(p->out, token);
        token = hls_read(p->in);
    }
    HLS_STREAM(uint32_t, own, 1); /* opened and closed inside of a process */
    hls_write(own, token + 1000);
    token = hls_read(own);
    hls_write(p->out, token);
}

TEST(circle)
{
    HLS_STREAM(uint32_t, there, 2);
    HLS_STREAM(uint32_t, back, 2);
    for (int round = 0; round < 3; round++) {
        struct pair a = {there, back, 1000}, b = {back, there, 1000};
        hls_process(pass_on, &a); /* finds nothing to read at first */
        hls_process(in_a_circle, &b);
        CHECK_EQ(hls_run(round == 2 ? HLS_HONOUR_DEPTH : 0), 0);
        CHECK_EQ(hls_read(there), 2000);
        CHECK(hls_empty(there) && hls_empty(back));
    }
    CHECK_EQ(hls_run(0), 0); /* they are forgotten */
}

static void fill(void *argument)
{
    const struct pair *p = argument;
    for (int i = 0; i < p->count; i++)
        hls_write(p->out, (uint32_t)i);
}

static void take(void *argument)
{
    const struct pair *p = argument;
    for (int i = 0; i < p->count; i++)
        CHECK(hls_read(p->in) == (uint32_t)i);
}

TEST(depth)
{
    for (int honour = 0; honour < 2; honour++) {
        HLS_STREAM(uint32_t, s, 3);
        struct pair a = {NULL, s, 5000}, b = {s, NULL, 5000};
        hls_process(fill, &a);
        hls_process(take, &b);
        CHECK_EQ(hls_run(honour ? HLS_HONOUR_DEPTH : 0), 0);
        CHECK_EQ(hls_stream_peak(s), honour ? 3 : 5000);
    }
}

/* Writes all of one stream, then all of the other; its partner takes turns, so the first must hold
 * all. */
struct fork {
    hls_stream(uint32_t) first;
    hls_stream(uint32_t) second;
    int count;
};

static void one_after_the_other(void *argument)
{
    const struct fork *f = argument;
    HLS_STREAM(uint32_t, abandoned, 4);
    hls_write(abandoned, 1);
    for (int i = 0; i < f->count; i++)
        hls_write(f->first, 1);
    for (int i = 0; i < f->count; i++)
        hls_write(f->second, 2);
    (void)hls_read(abandoned);
}

static void in_turns(void *argument)
{
    const struct fork *f = argument;
    for (int i = 0; i < f->count; i++)
        CHECK(hls_read(f->second) + hls_read(f->first) == 3);
}

static int run_fork(void *argument)
{
    struct fork *f = argument;
    hls_process(one_after_the_other, f);
    hls_process(in_turns, f);
    const int waiting = hls_run(HLS_HONOUR_DEPTH);
    while (!hls_empty(f->first))
        (void)hls_read(f->first);
    return waiting;
}

TEST(deadlock)
{
    HLS_STREAM(uint32_t, shallow, 8);
    HLS_STREAM(uint32_t, other, 8);
    struct fork f = {shallow, other, 8};
    CHECK_EQ(run_fork(&f), 0);
    f.count = 9;
    int status;
    const char *said = said_by(run_fork, &f, &status);
    CHECK_EQ(status, 2);
    CHECK(strstr(
        said, "one_after_the_other waits for room in stream 'shallow', which holds 8 tokens of 8"));
    CHECK(strstr(said, "in_turns waits for a token of stream 'other', which holds 0 tokens"));
}

/* Two that would go on for ever. */
static void passes_on(void *argument)
{
    const struct pair *p = argument;
    for (;;)
        hls_write(p->out, hls_read(p->in));
}

static int run_for_ever(void *argument)
{
    struct pair *there = argument, back = {there->out, there->in, 0};
    hls_process(passes_on, there);
    hls_process(passes_on, &back);
    return hls_run(HLS_HONOUR_DEPTH);
}

TEST(deadline)
{
    HLS_STREAM(uint32_t, there, 4);
    HLS_STREAM(uint32_t, back, 4);
    struct pair p = {there, back, 0};
    int status;
    hls_write(there, 1);
    hls_deadline = 1000;
    hls_quiet = true;
    const char *said = said_by(run_for_ever, &p, &status);
    CHECK_EQ(status, 2);
    CHECK(!strstr(said, "waits for"));
    hls_deadline = 0;
    hls_quiet = false;
    (void)hls_read(there);
}

static void polls(void *argument)
{
    const struct pair *p = argument;
    for (int got = 0; got < p->count;)
        if (!hls_empty(p->in)) {
            CHECK(hls_read(p->in) == (uint32_t)got);
            got++;
        }
}

static int run_polls(void *argument)
{
    struct pair *p = argument;
    hls_process(polls, p);
    struct pair hundred = {NULL, p->in, 100};
    hls_process(fill, &hundred);
    return hls_run(HLS_HONOUR_DEPTH);
}

TEST(asking)
{
    HLS_STREAM(uint32_t, asked, 4);
    struct pair p = {asked, NULL, 100};
    CHECK_EQ(run_polls(&p), 0);
    p.count = 101;
    int status;
    CHECK(strstr(said_by(run_polls, &p, &status),
                 "polls keeps asking for a token of stream 'asked'"));
    CHECK_EQ(status, 1);
}

int main(void)
{
    RUN(order);
    RUN(tokens);
    RUN(mistakes);
    RUN(many_tokens);
    RUN(circle);
    RUN(depth);
    RUN(deadlock);
    RUN(deadline);
    RUN(asking);
    return test_end();
}
