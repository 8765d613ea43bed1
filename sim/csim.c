/* The accelerator's HLS-C, compiled for this computer, behind the face of a simulator (sim.h). The
 * machine's memories are static, so a copy of this object is one machine. */
#include "sim.h"

#include "hls.h"
#include "hls_host.h"
#include "memory.h"

#include <string.h>

#include <stdlib.h>

void accelerator(hls_stream(uint32_t) in, hls_stream(uint32_t) out);

struct sim {
    uint64_t patience;
    uint32_t *answer;
    size_t room;
};

/* The memory behind the machine, if its build has one (accelerator.c). */
void memory_load(uint64_t word, uint32_t *to, unsigned words);
void memory_store(uint64_t word, const uint32_t *from, unsigned words);

static struct memory *external;

void memory_load(uint64_t word, uint32_t *to, unsigned words)
{
    memset(to, 0, words * sizeof *to);
    if (external)
        memory_read(external, word * sizeof *to, to, words * sizeof *to);
}

void memory_store(uint64_t word, const uint32_t *from, unsigned words)
{
    if (external)
        memory_write(external, word * sizeof *from, from, words * sizeof *from);
}

struct sim *sim_open(const struct sim_options *options)
{
    struct sim *s = calloc(1, sizeof *s);
    if (s)
        s->patience = options->patience;
    external = s ? memory_make() : NULL;
    return s;
}

static bool make_room(struct sim *s, size_t words)
{
    if (words <= s->room)
        return true;
    free(s->answer);
    s->answer = malloc(words * sizeof *s->answer);
    s->room = s->answer ? words : 0;
    return s->answer != NULL;
}

static void empty(uint32_t *stream)
{
    uint32_t rest;
    while (!hls_stream_empty(stream))
        hls_stream_read(stream, &rest, sizeof rest);
    hls_stream_close(stream);
}

int sim_exchange(struct sim *s, const uint32_t *word, size_t words, const uint32_t **answer,
                 size_t *answers)
{
    uint32_t *in = hls_stream_open("in", sizeof *in, 0),
             *out = hls_stream_open("out", sizeof *out, 1u << 30);
    hls_deadline = s->patience;
    hls_quiet = true;
    for (size_t i = 0; i < words; i++)
        hls_stream_write(in, &word[i], sizeof *word);
    accelerator(in, out);
    const size_t count = hls_stream_count(out);
    const bool room = make_room(s, count);
    for (size_t i = 0; room && i < count; i++)
        hls_stream_read(out, &s->answer[i], sizeof *s->answer);
    *answer = s->answer;
    *answers = room ? count : 0;
    empty(in);
    empty(out);
    return room ? SIM_OK : SIM_NO_MEMORY;
}

const char *sim_stuck(const struct sim *s)
{
    (void)s;
    return "its processes wait for each other";
}

uint64_t sim_cycles(const struct sim *s)
{
    (void)s;
    return 0;
}

unsigned sim_megahertz(void)
{
    return 0;
}

void sim_close(struct sim *s)
{
    if (s)
        free(s->answer);
    free(s);
    memory_free(external);
    external = NULL;
}
