/* Do all boards agree, to the bit? Random networks that between them use everything that a model
 * can hold, and the digits: every event of every population in every timestep, outputs after each
 * timestep, stop timesteps, counters. The CPU engine itself is held to reference.c by test_engine.
 */
#include "test.h"

#include "base/error.h"
#include "board/table.h"
#include "device/device.h"
#include "random_model.h"

#include <stdlib.h>
#include <string.h>

struct event {
    int64_t sample;
    int step, population, neuron, burst;
};
struct events {
    struct event *event;
    size_t count, room;
};

static void keep_event(void *context, int64_t sample, int step, int population, int neuron,
                       int burst)
{
    struct events *e = context;
    if (e->count == e->room) {
        e->room = e->room ? 2 * e->room : 1024;
        e->event = realloc(e->event, e->room * sizeof *e->event);
        if (!e->event)
            abort();
    }
    e->event[e->count++] = (struct event){sample, step, population, neuron, burst};
}

static int order(const void *a, const void *b)
{
    const struct event *x = a, *y = b;
    if (x->sample != y->sample)
        return x->sample < y->sample ? -1 : 1;
    if (x->step != y->step)
        return x->step - y->step;
    if (x->population != y->population)
        return x->population - y->population;
    return x->neuron - y->neuron;
}

struct run {
    struct af_result *result;
    struct events events;
    int status;
};

/* The builds tiny and u250 spare the logic that sends events. */
static bool sends_events(const char *build)
{
    return !build || (strcmp(build, "tiny") != 0 && strcmp(build, "u250") != 0);
}

static struct run run_on(const char *board, const char *build, const struct af_model *m,
                         const struct af_sample *samples, int64_t count, bool iat)
{
    struct run r = {0};
    struct af_device *device;
    const struct af_device_options where = {.threads = 1, .build = build};
    const struct af_run_options options = {.no_iat = !iat,
                                           .trace = true,
                                           .profile = true,
                                           .on_event = sends_events(build) ? keep_event : NULL,
                                           .on_event_context = &r.events};
    r.result = calloc((size_t)count, sizeof *r.result);
    r.status = af_device_open(board, &where, m, &device);
    if (!r.status)
        r.status = af_run(device, samples, count, &options, r.result);
    af_device_close(device);
    if (r.events.event)
        qsort(r.events.event, r.events.count, sizeof *r.events.event, order);
    return r;
}

static void free_run(struct run *r, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        af_result_free(&r->result[i]);
    free(r->result);
    free(r->events.event);
}

static bool same_bytes(const void *a, const void *b, size_t bytes)
{
    return bytes == 0 || (a && b && memcmp(a, b, bytes) == 0);
}

static bool counts_cycles(const char *board, const char *build)
{
    return strcmp(board, "csim") != 0 && sends_events(build);
}

/* Every core's spans lie end to end from the beginning to the outputs, and no process waits longer
 * than there are cycles. */
static const char *profile_fault(const struct af_model *m, const struct af_result *r)
{
    const struct af_profile *p = r->profile;
    const int64_t most = r->cycles ? r->cycles : INT64_MAX; /* a card counts none but these */
    int64_t at = 0, sops = 0;
    for (int i = 0; i < p->span_count; i++) {
        const struct af_span *s = &p->span[i];
        const bool first = i == 0 || s->core != p->span[i - 1].core;
        if (first && (s->timestep != 0 || s->begin > 100 || (i && at > p->cycles)))
            return "where a core's profile begins";
        if (!first && s->begin != at)
            return "a gap in a profile";
        if (s->fired < s->begin || s->fired > s->end || s->starved < 0 || s->blocked < 0 ||
            s->starved + s->blocked > s->end - s->begin)
            return "a span of a profile";
        if (s->timestep >= r->timesteps || s->population >= m->population_count)
            return "what a span of a profile is of";
        at = s->end;
    }
    for (int i = 0; i < p->waits_count; i++)
        if (p->waits[i].starved + p->waits[i].blocked > most)
            return "cycles that a process waited";
    for (int i = 0; i < m->population_count; i++)
        sops += r->sops[i];
    if (p->cycles < 1 || p->cycles > most || sops > p->cycles * p->cores * p->lanes)
        return "cycles of a profile";
    return NULL;
}

/* The first difference, or NULL. */
static const char *difference(const struct af_model *m, const struct run *a, const struct run *b,
                              int64_t count, bool events, bool counts)
{
    const size_t populations = (size_t)m->population_count;
    if (b->status)
        return af_error();
    for (int64_t i = 0; i < count; i++) {
        const struct af_result *x = &a->result[i], *y = &b->result[i];
        const size_t outputs = (size_t)x->output_size * sizeof *x->output;
        if (x->timesteps != y->timesteps)
            return "timesteps";
        if (!same_bytes(x->output, y->output, outputs))
            return "outputs";
        if (!same_bytes(x->history, y->history, outputs * (size_t)x->timesteps))
            return "outputs after a timestep";
        if (!same_bytes(x->events, y->events, populations * sizeof *x->events) ||
            !same_bytes(x->spikes, y->spikes, populations * sizeof *x->spikes))
            return "numbers of events or spikes";
        if (!same_bytes(x->sops, y->sops, populations * sizeof *x->sops) ||
            !same_bytes(x->spike_sops, y->spike_sops, populations * sizeof *x->spike_sops))
            return "synaptic operations";
    }
    for (int64_t i = 0; i < count; i++) {
        if (!counts != !b->result[i].profile)
            return counts ? "there is no profile" : "there is a profile without a clock";
        const char *fault = counts ? profile_fault(m, &b->result[i]) : NULL;
        if (fault)
            return fault;
    }
    if (events &&
        (a->events.count != b->events.count ||
         !same_bytes(a->events.event, b->events.event, a->events.count * sizeof *a->events.event)))
        return "events";
    return NULL;
}

/* Returns true if the model fits the build. */
static bool compare(const char *what, const char *board, const char *build,
                    const struct af_model *m, const struct af_sample *samples, int64_t count)
{
    bool fits = true;
    for (int iat = 0; iat < 2 && fits; iat++) {
        struct run cpu = run_on("cpu", NULL, m, samples, count, iat);
        struct run other = run_on(board, build, m, samples, count, iat);
        CHECK_EQ(cpu.status, AF_OK);
        if (other.status == AF_UNSUPPORTED) {
            fits = false;
        } else {
            const char *why = difference(m, &cpu, &other, count, sends_events(build),
                                         counts_cycles(board, build));
            CHECK(!why);
            if (why)
                printf("%s, %s, build %s, early exit %d: %s\n", what, board,
                       build ? build : "given", iat, why);
        }
        free_run(&cpu, count);
        free_run(&other, count);
    }
    return fits;
}

/* By all tests, each in a process of its own. */
#define seen ((bool *)(test_shared() + TEST_COUNTS))

static void test_random(const char *board, const char *build, uint64_t from, uint64_t to)
{
    int fitting = 0;
    for (uint64_t seed = from; seed < to; seed++) {
        struct af_model *m = random_model(seed);
        struct dice d = {seed};
        struct af_sample sample[2];
        char what[64];
        m->format.unit = 1;
        for (int c = 0; c < m->population[0].shape[0]; c++)
            m->format.zero[c] = 0;
        for (int i = 0; i < 2; i++) {
            int16_t *counts = random_counts(m, &d);
            sample[i] = sample_of(m, counts);
        }
        snprintf(what, sizeof what, "random network %d", (int)seed);
        if (compare(what, board, build, m, sample, 2)) {
            fitting++;
            model_features(m, seen);
        }
        for (int i = 0; i < 2; i++)
            free(m->format.events ? (void *)sample[i].counts : (void *)sample[i].data);
        af_model_free(m);
    }
    printf("%d of %d random networks fit %s, build %s\n", fitting, (int)(to - from), board,
           build ? build : "given");
    CHECK(fitting > 0);
}

enum { NETWORKS = THREADS_ONLY ? 40 : 480 };
static uint64_t first = 1, past = 1 + NETWORKS;

TEST(random_networks_on_csim)
{
    test_random("csim", "sim", first, past);
}

TEST(random_networks_on_tiny_csim)
{
    test_random("csim", "tiny", first, past);
    test_random("csim", "u250", first, past);
    test_random("csim", "check", first, past);
}

/* The hardware itself; links that rest at random change nothing. Few random networks fit tiny. */
static void test_hardware(const char *build, uint64_t part)
{
    setenv("ADAFIRE_SIM_STALL", "0", 1);
    test_random("sim", build, first, first + (past - first) / part);
    setenv("ADAFIRE_SIM_STALL", "70", 1);
    test_random("sim", build, past - (past - first) / part, past);
}

TEST(random_networks_on_sim)
{
    test_hardware("sim", 20);
}

TEST(random_networks_on_tiny_sim)
{
    test_hardware("tiny", 2);
}

/* Cells in slices. */
TEST(random_networks_on_check_sim)
{
    test_hardware("check", 30);
}

/* Networks that would stay on the chip, cut into small tiles, and those that the build check cannot
 * hold; a memory behind it that is slow, narrow and rests at random changes nothing. */
TEST(random_networks_by_tiles)
{
    const uint64_t part = (past - first) / 10;
    setenv("ADAFIRE_TILES", "2 1", 1);
    test_random("csim", "check", first, first + part);
    test_random("csim", "sim", past - part, past);
    setenv("ADAFIRE_TILES", "3 2", 1);
    test_random("csim", "check", past - part, past);
}

TEST(random_networks_by_tiles_on_check_sim)
{
    const uint64_t part = (past - first) / 240;
    setenv("ADAFIRE_SIM_STALL", "0", 1);
    setenv("ADAFIRE_TILES", "2 1", 1);
    test_random("sim", "check", first, first + part);
    setenv("ADAFIRE_SIM_STALL", "50", 1);
    setenv("ADAFIRE_SIM_MEMORY", "latency 23 width 40 stall 40 refresh 300", 1);
    test_random("sim", "check", past - part, past);
}

/* On emulated cards; `xrt-emu test_conformance` runs these alone. */
TEST(random_networks_on_u250)
{
    test_random("u250", NULL, first, first + (past - first) / 60);
}

static bool has_simulator(const char *build)
{
    struct af_model *m = random_model(2);
    struct af_device *device;
    const struct af_device_options options = {.build = build};
    int status = af_device_open("sim", &options, m, &device);
    af_device_close(device);
    af_model_free(m);
    return status != AF_NO_DEVICE;
}

TEST(everything_was_seen)
{
    for (int f = 0; f < MODEL_FEATURES; f++) {
        CHECK(seen[f]);
        if (!seen[f])
            printf("no network had: %s\n", feature_name[f]);
    }
}

/* Other random networks: test_conformance FROM TO. */
int main(int argc, char **argv)
{
    if (argc == 3) {
        first = strtoull(argv[1], NULL, 0);
        past = strtoull(argv[2], NULL, 0);
    }
    if (getenv("XCL_EMULATION_MODE")) {
        RUN(random_networks_on_u250);
        return test_end();
    }
    RUN(random_networks_on_csim);
    RUN(random_networks_on_tiny_csim);
    RUN(random_networks_by_tiles);
    if (has_simulator("sim"))
        RUN(random_networks_on_sim);
    else
        SKIP("there is no simulator of the build sim");
    if (has_simulator("tiny"))
        RUN(random_networks_on_tiny_sim);
    else
        SKIP("there is no simulator of the build tiny");
    if (has_simulator("check")) {
        RUN(random_networks_on_check_sim);
        RUN(random_networks_by_tiles_on_check_sim);
    } else
        SKIP("there is no simulator of the build check");
    if (argc != 3 && !THREADS_ONLY)
        RUN(everything_was_seen);
    return test_end();
}
