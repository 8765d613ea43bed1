/* The recording, a text file named by the environment variable COSIM_RECORDING. Lines, in this
 * order; numbers are hexadecimal with the highest digit first, counts are decimal:
 *
 *     stream in|out NAME BITS MASK      for each stream
 *     memory NAME BITS WORDS            for each memory
 *
 * and for each run
 *
 *     run
 *     before NAME                       a memory, its words on the lines that follow
 *     scalar NAME VALUE
 *     return VALUE
 *     tokens NAME COUNT                 what this run read from a stream or wrote to it, likewise
 *     after NAME                        a memory again
 *     work COUNT                        basic blocks that this run executed: how long it is
 *
 * and at last
 *
 *     finish */
#include "cosim.h"

#include <stdio.h>
#include <stdlib.h>

enum { MOST_STREAMS = 64, MOST_MEMORIES = 16 };

struct recorded {
    char name[64];
    bool input;
    unsigned bytes;
    void *stream;
    uint64_t written;    /* tokens ever written when the run began */
    size_t count;        /* tokens in it when the run began */
    unsigned char *copy; /* of those, if it is an input */
};

struct memory {
    char name[64];
    unsigned bytes;
    size_t words;
    unsigned char *contents;
};

static struct recorded streams[MOST_STREAMS];
static int stream_count;
static struct memory memories[MOST_MEMORIES];
static int memory_count;
static FILE *recording;
static uint64_t work, work_before;
static uint64_t random_state = 1;

/* -fsanitize-coverage=trace-pc calls this at every basic block of the kernel. */
void __sanitizer_cov_trace_pc(void);
void __sanitizer_cov_trace_pc(void)
{
    work++;
}

static void fail(const char *sentence, const char *name)
{
    fprintf(stderr, "cosim: %s%s\n", name, sentence);
    exit(3);
}

static FILE *file(void)
{
    const char *path = getenv("COSIM_RECORDING");
    if (!recording && !(recording = fopen(path ? path : "/dev/null", "w")))
        fail(" cannot be written", path);
    return recording;
}

static void put_number(const unsigned char *bytes, unsigned count)
{
    static const char digits[] = "0123456789abcdef";
    while (count-- > 0) {
        fputc(digits[bytes[count] >> 4], file());
        fputc(digits[bytes[count] & 15], file());
    }
    fputc('\n', file());
}

void *cosim_stream(const char *name, bool input, unsigned token_bytes, const unsigned char *mask)
{
    if (stream_count == MOST_STREAMS)
        fail(" is one stream too many", name);
    struct recorded *r = &streams[stream_count++];
    snprintf(r->name, sizeof r->name, "%s", name);
    r->input = input;
    r->bytes = token_bytes;
    r->stream = hls_stream_open(name, token_bytes, 0);
    fprintf(file(), "stream %s %s %u ", input ? "in" : "out", name, 8 * token_bytes);
    put_number(mask, token_bytes);
    return r->stream;
}

void *cosim_open_memory(const char *name, unsigned word_bytes, size_t words)
{
    if (memory_count == MOST_MEMORIES)
        fail(" is one memory too many", name);
    struct memory *m = &memories[memory_count++];
    snprintf(m->name, sizeof m->name, "%s", name);
    m->bytes = word_bytes;
    m->words = words;
    m->contents = calloc(words, word_bytes);
    if (!m->contents)
        fail(": out of memory", name);
    fprintf(file(), "memory %s %u %zu\n", name, 8 * word_bytes, words);
    return m->contents;
}

static void put_memories(const char *when)
{
    for (const struct memory *m = memories; m < memories + memory_count; m++) {
        fprintf(file(), "%s %s\n", when, m->name);
        for (size_t i = 0; i < m->words; i++)
            put_number(m->contents + i * m->bytes, m->bytes);
    }
}

/* The tokens that wait in an input: the run may read them, and then they are gone. */
static void copy_tokens(struct recorded *r)
{
    r->copy = malloc(r->count * r->bytes + 1);
    if (!r->copy)
        fail(": out of memory", r->name);
    for (size_t i = 0; i < r->count; i++)
        memcpy(r->copy + i * r->bytes, hls_stream_peek(r->stream, i), r->bytes);
}

void cosim_begin(void)
{
    fprintf(file(), "run\n");
    for (struct recorded *r = streams; r < streams + stream_count; r++) {
        r->written = hls_stream_written(r->stream);
        r->count = hls_stream_count(r->stream);
        if (r->input)
            copy_tokens(r);
    }
    put_memories("before");
    work_before = work;
}

void cosim_record_scalar(const char *name, uint64_t value)
{
    fprintf(file(), "scalar %s %llx\n", name, (unsigned long long)value);
}

void cosim_record_return(uint64_t value)
{
    fprintf(file(), "return %llx\n", (unsigned long long)value);
}

static void put_input(struct recorded *r)
{
    if (hls_stream_written(r->stream) != r->written)
        fail(" is an input and was written", r->name);
    const size_t read = r->count - hls_stream_count(r->stream);
    fprintf(file(), "tokens %s %zu\n", r->name, read);
    for (size_t i = 0; i < read; i++)
        put_number(r->copy + i * r->bytes, r->bytes);
    free(r->copy);
    r->copy = NULL;
}

static void put_output(const struct recorded *r)
{
    const size_t now = hls_stream_count(r->stream);
    const size_t written = (size_t)(hls_stream_written(r->stream) - r->written);
    if (now != r->count + written)
        fail(" is an output and was read", r->name);
    fprintf(file(), "tokens %s %zu\n", r->name, written);
    for (size_t i = r->count; i < now; i++)
        put_number(hls_stream_peek(r->stream, i), r->bytes);
}

void cosim_end(void)
{
    const uint64_t worked = work - work_before;
    for (struct recorded *r = streams; r < streams + stream_count; r++)
        if (r->input)
            put_input(r);
        else
            put_output(r);
    put_memories("after");
    fprintf(file(), "work %llu\n", (unsigned long long)worked);
}

int cosim_finish(void)
{
    fprintf(file(), "finish\n");
    for (struct recorded *r = streams; r < streams + stream_count; r++) {
        unsigned char token[r->bytes];
        while (!hls_stream_empty(r->stream))
            hls_stream_read(r->stream, token, r->bytes);
        hls_stream_close(r->stream);
    }
    for (struct memory *m = memories; m < memories + memory_count; m++)
        free(m->contents);
    const bool bad = fflush(file()) || ferror(file());
    fclose(file());
    return bad ? 3 : 0;
}

void cosim_seed(uint64_t seed)
{
    random_state = seed * 2 + 1;
}

static uint64_t next_random(void)
{
    uint64_t z = random_state += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

uint64_t cosim_random(void)
{
    const uint64_t kind = next_random(), bits = next_random();
    switch (kind % 8) {
    case 0: return bits % 16;
    case 1: return bits % 300;
    case 2: return 0 - bits % 300;
    case 3: return bits >> 48;
    case 4: return (uint64_t)(int64_t)(int32_t)bits;
    case 5: return (UINT64_C(1) << bits % 64) - (bits >> 63);
    default: return bits;
    }
}
