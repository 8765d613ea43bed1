/* The link to the accelerator's own source, compiled by the C compiler. The machine's memories are
 * static, so there is one of each build, and one exchange at a time. */
#include "link.h"

#include "error.h"
#include "hls.h"
#include "hls_host.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

void accelerator_check(uint32_t *in, uint32_t *out);
void accelerator_tiny(uint32_t *in, uint32_t *out);
void accelerator_sim(uint32_t *in, uint32_t *out);
void accelerator_u250(uint32_t *in, uint32_t *out);

static const struct machine {
    const char *name;
    void (*run)(uint32_t *in, uint32_t *out);
} machines[] = {{"sim", accelerator_sim},
                {"tiny", accelerator_tiny},
                {"u250", accelerator_u250},
                {"check", accelerator_check},
                {NULL, NULL}};

static pthread_mutex_t busy = PTHREAD_MUTEX_INITIALIZER;

struct csim {
    struct link link;
    const struct machine *machine;
    uint32_t *answer;
    size_t room;
};

static int csim_exchange(struct link *link, const uint32_t *word, size_t words,
                         const uint32_t **answer, size_t *answers)
{
    struct csim *c = (struct csim *)link;
    pthread_mutex_lock(&busy);
    uint32_t *in = hls_stream_open("in", sizeof *in, 0),
             *out = hls_stream_open("out", sizeof *out, 1u << 30);
    for (size_t i = 0; i < words; i++)
        hls_stream_write(in, &word[i], sizeof *word);
    c->machine->run(in, out);
    size_t count = hls_stream_count(out);
    int status = AF_OK;
    if (count > c->room) {
        free(c->answer);
        c->answer = malloc(count * sizeof *c->answer);
        c->room = c->answer ? count : 0;
        if (!c->answer)
            status = af_fail(AF_NO_MEMORY, "no memory for an answer of %zu words", count);
    }
    for (size_t i = 0; i < count && !status; i++)
        hls_stream_read(out, &c->answer[i], sizeof *c->answer);
    uint32_t rest;
    while (!hls_stream_empty(in))
        hls_stream_read(in, &rest, sizeof rest);
    while (!hls_stream_empty(out))
        hls_stream_read(out, &rest, sizeof rest);
    hls_stream_close(in);
    hls_stream_close(out);
    pthread_mutex_unlock(&busy);
    *answer = c->answer;
    *answers = count;
    return status;
}

static uint64_t csim_cycles(const struct link *link)
{
    (void)link;
    return 0;
}

static void csim_close(struct link *link)
{
    struct csim *c = (struct csim *)link;
    free(c->answer);
    free(c);
}

int link_open_csim(const char *build, struct link **link)
{
    static const struct link_operations operations = {
        .exchange = csim_exchange, .cycles = csim_cycles, .close = csim_close};
    *link = NULL;
    const struct machine *m = machines;
    while (m->name && build && strcmp(m->name, build) != 0)
        m++;
    if (!m->name)
        return af_fail(AF_NO_DEVICE, "no build '%.40s'; there are sim, tiny and u250", build);
    struct csim *c = calloc(1, sizeof *c);
    if (!c)
        return af_fail(AF_NO_MEMORY, "no memory");
    c->link.operations = &operations;
    c->machine = m;
    *link = &c->link;
    return AF_OK;
}
