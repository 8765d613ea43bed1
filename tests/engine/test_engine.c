/* The CPU engine and the board "cpu" against tests/reference.c on random networks: the same events,
 * potentials, outputs, stop times and counts, whichever instruction set runs. */
#include "test.h"

#include "base/team.h"
#include "engine/cpu_kernel.h"
#include "engine/engine.h"
#include "engine/lane.h"
#include "iat.h"
#include "random_model.h"
#include "reference.h"

#include <math.h>

#if defined __SANITIZE_ADDRESS__
#define ADDRESS_SANITIZER 1
#elif defined __SANITIZE_THREAD__
#define THREAD_SANITIZER 1
#elif defined __has_feature
#define ADDRESS_SANITIZER __has_feature(address_sanitizer)
#define THREAD_SANITIZER  __has_feature(thread_sanitizer)
#endif

/* So many models are run, and of the others those that bring what was not seen twice by then. */
#if THREAD_SANITIZER
enum { MODELS = 20 };
#elif ADDRESS_SANITIZER
enum { MODELS = 150 };
#else
enum { MODELS = 1500 };
#endif
enum { MODELS_MOST = 4000, SAMPLES = 2, DIFFERENCES_MOST = 20 };

static const char *const kernels[] = {"generic", "avx2", "avx512", "neon"};
enum { KERNELS = sizeof kernels / sizeof *kernels };

/* ---- Instruction sets ---------------------------------------------------------------------- */

/* Whether this CPU runs a kernel. Tests are processes of their own: what one finds out is not known
 * to the next. */
static bool is_usable(int k)
{
    const char *kernel = kernels[k];
#ifdef __x86_64__
    bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    if (!strcmp(kernel, "avx2"))
        return avx2;
    if (!strcmp(kernel, "avx512"))
        return avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
               __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vnni");
#elif defined __aarch64__
    if (!strcmp(kernel, "neon")) /* what runs these tests is asked to have it */
        return true;
#endif
    return !strcmp(kernel, "generic");
}

/* ---- What happened while the models ran ---------------------------------------------------- */

enum happening {
    SATURATED_HIGH = MODEL_FEATURES,
    SATURATED_LOW,
    OUTPUT_SATURATED,
    TOOK_BACK,
    LINEAR_NEGATIVE,
    AT_BURST_LIMIT,
    RELAY_TOOK_BACK,
    COUNT_NEGATIVE,
    COUNT_AT_LIMIT,
    STOPPED_EARLY,
    RAN_ON,
    HAPPENINGS,
};
static const char *const happening_name[] = {
    "saturation at the top",
    "saturation at the bottom",
    "saturated output",
    "burst taken back",
    "negative linear burst",
    "burst at its limit",
    "burst of a relay taken back",
    "negative input",
    "input at its limit",
    "early exit",
    "early exit that never came",
};

static void note_population(const struct reference *r, int step, int index, bool has[HAPPENINGS])
{
    const struct neurons *p = &r->model->population[index];
    const int64_t limit = model_state_limit(r->model);
    const int64_t *v = reference_potential(r, step, index), *b = reference_burst(r, step, index);
    for (int64_t n = 0; n < neuron_count(p); n++) {
        bool output = p->kind == AF_OUTPUT, fires = p->burst > 0;
        has[OUTPUT_SATURATED] |= output && llabs(v[n]) == limit;
        has[SATURATED_HIGH] |= fires && v[n] == limit;
        has[SATURATED_LOW] |= fires && v[n] == -limit;
        has[TOOK_BACK] |= p->kind == AF_RELU && b[n] < 0;
        has[RELAY_TOOK_BACK] |= p->kind == AF_MAXPOOL && b[n] < 0;
        has[LINEAR_NEGATIVE] |= p->kind == AF_LINEAR && b[n] < 0;
        has[AT_BURST_LIMIT] |= fires && b[n] == p->burst;
        has[COUNT_NEGATIVE] |= p->kind == AF_INPUT && b[n] < 0;
        has[COUNT_AT_LIMIT] |= p->kind == AF_INPUT && llabs(b[n]) == COUNT_LIMIT;
    }
}

static void note_happenings(const struct reference *full, const struct reference *early,
                            bool has[HAPPENINGS])
{
    for (int t = 0; t < full->steps; t++)
        for (int i = 0; i < full->model->population_count; i++)
            note_population(full, t, i, has);
    has[STOPPED_EARLY] |= early->steps < full->steps;
    has[RAN_ON] |=
        full->model->iat.metric != IAT_OFF && full->steps > 1 && early->steps == full->steps;
}

/* ---- Comparing ----------------------------------------------------------------------------- */

struct place {
    uint64_t seed;
    const char *kernel, *what; /* what runs: the engine, a part of it, the board */
    int sample;
};

static void differ(const struct place *at, const char *value, int step, int population,
                   int64_t neuron, double got, double expected)
{
    static int differences;
    test_broken = 1;
    if (differences++ < DIFFERENCES_MOST)
        printf("model %llu, sample %d, %s, %s: timestep %d, population %d, neuron %lld: "
               "%s %.9g, expected %.9g\n",
               (unsigned long long)at->seed, at->sample, at->kernel, at->what, step, population,
               (long long)neuron, value, got, expected);
}

/* The lane's population after timestep `step`. */
static void compare_step(const struct place *at, const struct engine *e, struct lane *lane,
                         const struct reference *r, int step, int index)
{
    const struct neurons *p = &r->model->population[index];
    const int16_t *events = lane_events(lane, index);
    const int32_t *potentials = lane_potentials(lane, index);
    const int64_t *burst = reference_burst(r, step, index);
    const int64_t *potential = reference_potential(r, step, index);
    int64_t area = (int64_t)p->shape[1] * p->shape[2];
    int stride = lane_stride(e, index);
    for (int64_t n = 0; n < neuron_count(p); n++) {
        int64_t cell = n % area * stride + n / area;
        if (p->kind != AF_OUTPUT && events[cell] != burst[n])
            differ(at, "burst", step, index, n, events[cell], (double)burst[n]);
        if (p->kind != AF_INPUT && p->kind != AF_MAXPOOL && potentials[cell] != potential[n])
            differ(at, "potential", step, index, n, potentials[cell], (double)potential[n]);
    }
}

static void compare_counts(const struct place *at, const struct reference *r, int index,
                           const struct activity *a)
{
    const struct {
        const char *name;
        int64_t got, expected;
    } counts[] = {
        {"spikes", a->spikes, r->spikes[index]},
        {"events", a->events, r->events[index]},
        {"SOPs", a->sops, r->sops[index]},
        {"spike SOPs", a->spike_sops, r->spike_sops[index]},
        {"adds", a->adds, r->adds[index]},
    };
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        if (counts[i].got != counts[i].expected)
            differ(at, counts[i].name, r->steps - 1, index, -1, (double)counts[i].got,
                   (double)counts[i].expected);
}

/* Events of a whole run as the engine lays them out: [timestep][population] copies. */
struct record {
    int16_t **events;
    int count;
};

static void record_free(struct record *r)
{
    for (int i = 0; i < r->count; i++)
        free(r->events[i]);
    free(r->events);
}

static int16_t *copy_events(const struct engine *e, struct lane *lane, const struct neurons *p,
                            int index)
{
    size_t bytes =
        (size_t)p->shape[1] * (size_t)p->shape[2] * (size_t)lane_stride(e, index) * sizeof(int16_t);
    int16_t *copy = malloc(bytes);
    return copy ? memcpy(copy, lane_events(lane, index), bytes) : NULL;
}

static const int16_t *counts_of(const struct af_model *m, const int16_t *counts, int step)
{
    return counts + (m->format.events ? step * neuron_count(&m->population[0]) : 0);
}

/* All populations over all timesteps. */
static void compare_engine(const struct place *at, const struct engine *e, struct lane *lane,
                           const int16_t *counts, const struct reference *r, struct record *record)
{
    const struct af_model *m = r->model;
    int n = m->population_count;
    record->count = r->steps * n;
    record->events = calloc((size_t)record->count, sizeof *record->events);
    lane_begin(lane, 1, n - 1, m->format.events ? NULL : counts);
    for (int t = 0; t < r->steps; t++) {
        if (m->format.events)
            lane_input(lane, counts_of(m, counts, t));
        lane_step(lane, 1, n - 1);
        for (int i = 0; i < n; i++) {
            compare_step(at, e, lane, r, t, i);
            record->events[t * n + i] = copy_events(e, lane, &m->population[i], i);
        }
    }
    for (int i = 0; i < n; i++)
        compare_counts(at, r, i, lane_activity(lane, i));
}

/* The populations first .. last alone, on a record of those before them. */
static void compare_part(const struct place *at, const struct engine *e, struct lane *lane,
                         const int16_t *counts, const struct reference *r,
                         const struct record *record, int first, int last)
{
    const struct af_model *m = r->model;
    lane_begin(lane, first, last, m->format.events ? NULL : counts);
    for (int t = 0; t < r->steps; t++) {
        if (m->format.events)
            lane_input(lane, counts_of(m, counts, t));
        for (int i = 1; i < first; i++)
            lane_set_events(lane, i, record->events[t * m->population_count + i]);
        lane_step(lane, first, last);
        for (int i = first; i <= last; i++)
            compare_step(at, e, lane, r, t, i);
    }
    for (int i = first; i <= last; i++)
        compare_counts(at, r, i, lane_activity(lane, i));
    for (int i = 1; i < first; i++)
        lane_set_events(lane, i, NULL);
}

/* ---- The board ----------------------------------------------------------------------------- */

struct heard {
    const struct reference *r;
    const struct place *at;
    int64_t *offset; /* [populations] of its neurons in a timestep's */
    int64_t total;
    int *burst; /* [timesteps][total] */
    int step, population;
};

static void hear(void *context, int64_t sample, int step, int population, int neuron, int burst)
{
    struct heard *h = context;
    (void)sample;
    if (step < h->step || (step == h->step && population < h->population) || !burst)
        differ(h->at, "order of events", step, population, neuron, h->step, step);
    h->step = step;
    h->population = population;
    if (step < h->r->steps)
        h->burst[step * h->total + h->offset[population] + neuron] += burst;
}

static void compare_heard(const struct heard *h)
{
    const struct af_model *m = h->r->model;
    for (int t = 0; t < h->r->steps; t++)
        for (int i = m->format.events ? 0 : 1; i < m->population_count; i++) {
            const int64_t *burst = reference_burst(h->r, t, i);
            for (int64_t n = 0; n < neuron_count(&m->population[i]); n++) {
                int got = h->burst[t * h->total + h->offset[i] + n];
                if (got != burst[n])
                    differ(h->at, "event", t, i, n, got, (double)burst[n]);
            }
        }
}

static void compare_outputs(const struct place *at, const struct reference *r, int step,
                            const float *got, int size)
{
    float *expected = calloc((size_t)size + 1, sizeof *expected);
    CHECK_EQ(reference_output(r, step, expected), size);
    for (int i = 0; i < size; i++)
        if (got[i] != expected[i])
            differ(at, "output", step, -1, i, (double)got[i], (double)expected[i]);
    free(expected);
}

static void compare_result(const struct place *at, const struct reference *r,
                           const struct af_result *result)
{
    if (result->timesteps != r->steps) {
        differ(at, "timesteps", r->steps - 1, -1, -1, result->timesteps, r->steps);
        return;
    }
    compare_outputs(at, r, r->steps - 1, result->output, result->output_size);
    for (int t = 0; t < r->steps; t++)
        compare_outputs(at, r, t, result->history + t * result->output_size, result->output_size);
    for (int i = 0; i < r->model->population_count; i++)
        compare_counts(at, r, i,
                       &(struct activity){result->spikes[i], result->events[i], result->sops[i],
                                          result->spike_sops[i], result->adds[i]});
}

static void compare_board(const struct place *at, struct af_device *device, const int16_t *counts,
                          const struct reference *r, bool early_exit)
{
    const struct af_model *m = r->model;
    struct heard h = {.r = r, .at = at};
    h.offset = calloc((size_t)m->population_count, sizeof *h.offset);
    for (int i = 0; i < m->population_count; i++) {
        h.offset[i] = h.total;
        h.total += neuron_count(&m->population[i]);
    }
    h.burst = calloc((size_t)(r->steps * h.total), sizeof *h.burst);
    struct af_sample sample = sample_of(m, counts); /* the models' unit is 1 and their zero 0 */
    struct af_run_options options = {
        .no_iat = !early_exit, .trace = true, .on_event = hear, .on_event_context = &h};
    struct af_result result;
    int status = af_run(device, &sample, 1, &options, &result);
    CHECK_EQ(status, AF_OK);
    if (!status) {
        compare_result(at, r, &result);
        compare_heard(&h);
        af_result_free(&result);
    }
    free(h.offset);
    free(h.burst);
}

/* Many samples at once, of which nothing but answers and counters is asked: how the board goes
 * about it (timesteps alone, threads, batches) must not show. */
static void compare_batch(const struct place *at, struct af_device *device, int16_t *const *counts,
                          const struct reference *r, bool early_exit, bool counting)
{
    enum { BATCH = 12 };
    const struct af_model *m = r->model;
    struct af_sample sample[BATCH];
    struct af_result result[BATCH];
    struct af_run_options options = {.no_iat = !early_exit, .no_counts = !counting};
    for (int i = 0; i < BATCH; i++)
        sample[i] = sample_of(m, counts[i * 5 % 3 % SAMPLES]);
    const int status = af_run(device, sample, BATCH, &options, result);
    CHECK_EQ(status, AF_OK);
    for (int i = 0; !status && i < BATCH; i++) {
        const struct reference *of = &r[i * 5 % 3 % SAMPLES];
        if (result[i].timesteps != of->steps)
            differ(at, "timesteps", of->steps - 1, -1, -1, result[i].timesteps, of->steps);
        compare_outputs(at, of, of->steps - 1, result[i].output, result[i].output_size);
        for (int p = 0; counting && p < m->population_count; p++)
            compare_counts(at, of, p,
                           &(struct activity){result[i].spikes[p], result[i].events[p],
                                              result[i].sops[p], result[i].spike_sops[p],
                                              result[i].adds[p]});
        af_result_free(&result[i]);
    }
}

/* ---- Random networks ----------------------------------------------------------------------- */

static void compare_kernel(struct place *at, const struct af_model *m, int16_t *const *counts,
                           const struct reference *full, const struct reference *early)
{
    struct engine *engine;
    struct lane *lane;
    struct af_device *device;
    const struct af_device_options one_thread = {.threads = 1};
    struct dice d = {at->seed};
    if (engine_make(m, &engine) || engine_count(engine) || lane_make(engine, &lane) ||
        af_device_open("cpu", &one_thread, m, &device)) {
        printf("model %llu: %s\n", (unsigned long long)at->seed, af_error());
        test_broken = 1;
        return;
    }
    CHECK(lane_size(engine) > 0);
    for (at->sample = 0; at->sample < SAMPLES; at->sample++) {
        struct record record;
        int last = m->population_count - 1, first = (int)dice_roll(&d, 1, last);
        const int16_t *c = counts[at->sample];
        at->what = "engine";
        compare_engine(at, engine, lane, c, &full[at->sample], &record);
        at->what = "part";
        compare_part(at, engine, lane, c, &full[at->sample], &record, first, last);
        compare_part(at, engine, lane, c, &full[at->sample], &record, 1, first);
        compare_part(at, engine, lane, c, &full[at->sample], &record, first, first);
        at->what = "board";
        compare_board(at, device, c, &early[at->sample], true);
        compare_board(at, device, c, &full[at->sample], false);
        record_free(&record);
    }
    at->sample = 0;
    at->what = "board, many samples";
    compare_batch(at, device, counts, full, false, false);
    for (int turn = 0; turn < 4; turn++) /* it learns how early they end */
        compare_batch(at, device, counts, early, true, turn % 2);
    compare_batch(at, device, counts, full, false, true);
    af_device_close(device);
    const struct af_device_options threads = {.threads = 3};
    CHECK_EQ(af_device_open("cpu", &threads, m, &device), AF_OK);
    at->what = "board, many samples and threads";
    compare_batch(at, device, counts, early, true, false);
    compare_batch(at, device, counts, early, true, at->seed % 2);
    af_device_close(device);
    lane_free(lane);
    engine_free(engine);
}

static void compare_model(uint64_t seed, const struct af_model *m, bool has[HAPPENINGS])
{
    struct dice d = {seed};
    int16_t *counts[SAMPLES];
    struct reference full[SAMPLES], early[SAMPLES];
    for (int i = 0; i < SAMPLES; i++) {
        counts[i] = random_counts(m, &d);
        reference_run(m, counts[i], m->timesteps, false, &full[i]);
        reference_run(m, counts[i], m->timesteps, true, &early[i]);
        note_happenings(&full[i], &early[i], has);
    }
    for (int k = 0; k < KERNELS; k++) {
        if (!is_usable(k))
            continue;
        setenv("ADAFIRE_CPU", kernels[k], 1);
        compare_kernel(&(struct place){.seed = seed, .kernel = kernels[k]}, m, counts, full, early);
    }
    unsetenv("ADAFIRE_CPU");
    for (int i = 0; i < SAMPLES; i++) {
        reference_run_free(&full[i]);
        reference_run_free(&early[i]);
        free(counts[i]);
    }
}

TEST(random_networks)
{
    int seen[HAPPENINGS] = {0}, models = 0;
    const char *asked = getenv("ADAFIRE_TEST_MODELS");
    int wanted = asked ? atoi(asked) : MODELS;
    for (uint64_t seed = 1; seed <= MODELS_MOST || seed <= (uint64_t)wanted; seed++) {
        bool has[HAPPENINGS] = {false}, news = seed <= (uint64_t)wanted;
        struct af_model *m = random_model(seed);
        model_features(m, has);
        for (int f = 0; f < MODEL_FEATURES; f++)
            news = news || (has[f] && seen[f] < 2);
        if (news) {
            compare_model(seed, m, has);
            models++;
            for (int f = 0; f < HAPPENINGS; f++)
                seen[f] += has[f];
        }
        af_model_free(m);
    }
    printf("%d models; so many of them with\n", models);
    for (int f = 0; f < HAPPENINGS; f++) {
        const char *name =
            f < MODEL_FEATURES ? feature_name[f] : happening_name[f - MODEL_FEATURES];
        printf("  %5d %s\n", seen[f], name);
        if (!seen[f]) {
            printf("no model with: %s\n", name);
            test_broken = 1;
        }
    }
}

/* ---- Changes ------------------------------------------------------------------------------- */

/* Everything that engine_refresh takes over, within what model_check allowed before. */
static void change_population(struct neurons *p, struct dice *d)
{
    if (p->kind == AF_RELU || p->kind == AF_LINEAR) {
        p->burst = (int)dice_roll(d, 1, p->burst);
        p->signed_bursts = p->kind == AF_RELU && dice_chance(d, 50);
        for (int c = 0; c < p->shape[0]; c++)
            p->threshold[c] = 1 + p->threshold[c] / 3;
        for (int64_t i = 0; i < p->initial_count; i++)
            p->initial[i] = -p->initial[i];
    }
    for (int64_t i = 0; i < p->bias_count; i++)
        p->bias[i] = -p->bias[i];
    if (p->bias_count == neuron_count(p) && dice_chance(d, 50))
        p->bias_count = p->shape[0];
    for (int k = 0; k < p->input_count && p->kind != AF_MAXPOOL; k++) {
        struct synapses *s = &p->input[k];
        for (int64_t i = 0; i < wiring_weights(&s->wiring); i++)
            s->weight[i] = dice_chance(d, 20)     ? 0
                           : s->weight[i] == -128 ? 127
                                                  : (int8_t)-s->weight[i];
        s->shift = (int)dice_roll(d, 0, s->shift);
    }
}

TEST(refresh)
{
    for (uint64_t seed = 1; seed <= MODELS / 4; seed++) {
        struct af_model *m = random_model(seed);
        struct dice d = {seed};
        struct place at = {.seed = seed, .kernel = kernel_choose()->name, .what = "refreshed"};
        int16_t *counts = random_counts(m, &d);
        struct engine *engine = NULL;
        struct lane *lane = NULL;
        struct reference r;
        struct record record;
        CHECK_EQ(engine_make(m, &engine), AF_OK);
        CHECK_EQ(engine_count(engine), AF_OK);
        CHECK_EQ(lane_make(engine, &lane), AF_OK);
        reference_run(m, counts, m->timesteps, false, &r);
        compare_engine(&at, engine, lane, counts, &r, &record); /* which leaves what it was */
        record_free(&record);
        reference_run_free(&r);
        for (int i = 1; i < m->population_count; i++)
            change_population(&m->population[i], &d);
        CHECK_EQ(model_check(m), AF_OK);
        for (int i = 1; i < m->population_count; i++)
            CHECK_EQ(engine_refresh(engine, i), AF_OK);
        reference_run(m, counts, m->timesteps, false, &r);
        compare_engine(&at, engine, lane, counts, &r, &record);
        record_free(&record);
        reference_run_free(&r);
        lane_free(lane);
        engine_free(engine);
        af_model_free(m);
        free(counts);
    }
}

/* ---- Geometry at the limits of wiring_check ------------------------------------------------ */

enum { EXTREME = 1 << 16 };

/* A model whose population 1 reads the input through an otherwise plain wiring. */
static struct af_model *plain_model(enum af_kind kind, int channels, int size)
{
    struct af_model *m = calloc(1, sizeof *m);
    m->name = strdup("plain");
    m->timesteps = 2;
    m->population_count = 3;
    m->population = calloc(3, sizeof *m->population);
    m->format = (struct input_format){.unit = 1, .zero = calloc((size_t)channels, sizeof(float))};
    for (int i = 0; i < 3; i++) {
        struct neurons *p = &m->population[i];
        *p = (struct neurons){.name = strdup("p"),
                              .kind = i == 0   ? AF_INPUT
                                      : i == 1 ? kind
                                               : AF_OUTPUT,
                              .shape = {channels, size, 1},
                              .ratio = 1};
        p->input = calloc(1, sizeof *p->input);
        p->input_count = i > 0;
        if (i)
            CHECK_EQ(wiring_identity(&p->input->wiring, i - 1, p->shape), AF_OK);
        if (i == 0 || p->kind == AF_MAXPOOL)
            continue;
        p->bias_count = channels;
        p->bias = calloc((size_t)channels, sizeof *p->bias);
        p->scale = calloc((size_t)channels, sizeof *p->scale);
        for (int c = 0; c < channels; c++)
            p->scale[c] = 1;
        p->input->weight = calloc((size_t)wiring_weights(&p->input->wiring), 1);
        memset(p->input->weight, 1, (size_t)wiring_weights(&p->input->wiring));
        if (p->kind == AF_OUTPUT)
            continue;
        p->burst = 15;
        p->threshold = calloc((size_t)channels, sizeof *p->threshold);
        p->initial_count = channels;
        p->initial = calloc((size_t)channels, sizeof *p->initial);
        for (int c = 0; c < channels; c++)
            p->threshold[c] = 3;
    }
    return m;
}

/* One row of extreme geometry, seen through padding that a 32-bit product would wrap around. */
static void far_stride(struct wiring *w)
{
    w->kernel[0] = 2;
    w->stride[0] = w->dilation[0] = EXTREME;
}

/* The engine of a model made by hand against the reference; `status` is what model_check says. */
static void try_model(struct af_model *m, const int16_t *counts, int status)
{
    struct reference r;
    struct neurons *out = &m->population[m->population_count - 1];
    out->rank = 1;
    out->dim[0] = neuron_count(out);
    CHECK_EQ(model_check(m), status);
    if (status)
        return;
    reference_run(m, counts, m->timesteps, false, &r);
    for (int k = 0; k < KERNELS; k++) {
        struct engine *engine;
        struct lane *lane;
        if (!is_usable(k))
            continue;
        setenv("ADAFIRE_CPU", kernels[k], 1);
        CHECK_EQ(engine_make(m, &engine), AF_OK);
        CHECK_EQ(engine_count(engine), AF_OK);
        if (engine && !lane_make(engine, &lane)) {
            struct place at = {.kernel = kernels[k], .what = "made by hand"};
            struct record record;
            compare_engine(&at, engine, lane, counts, &r, &record);
            record_free(&record);
            lane_free(lane);
        }
        engine_free(engine);
    }
    unsetenv("ADAFIRE_CPU");
    reference_run_free(&r);
}

static void try_extreme(struct af_model *m, int status)
{
    struct dice d = {1};
    int16_t *counts = random_counts(m, &d);
    try_model(m, counts, status);
    free(counts);
    af_model_free(m);
}

TEST(extreme_geometry)
{
    struct af_model *m = plain_model(AF_RELU, 2, EXTREME); /* a product */
    struct wiring *w = &m->population[1].input->wiring;
    far_stride(w);
    w->groups = 1;
    free(m->population[1].input->weight);
    m->population[1].input->weight = calloc(8, 1);
    try_extreme(m, AF_UNSUPPORTED);
    CHECK_ERROR("too large");

    m = plain_model(AF_RELU, 1, EXTREME); /* channelwise */
    far_stride(&m->population[1].input->wiring);
    free(m->population[1].input->weight);
    m->population[1].input->weight = calloc(2, 1);
    try_extreme(m, AF_UNSUPPORTED);
    CHECK_ERROR("too large");

    m = plain_model(AF_MAXPOOL, 1, EXTREME);
    far_stride(&m->population[1].input->wiring);
    try_extreme(m, AF_UNSUPPORTED);

    m = plain_model(AF_RELU, 2, 8); /* its cells lie 2^32 behind the source */
    w = &m->population[1].input->wiring;
    w->pool[0] = 3;
    w->pool_stride[0] = w->view[0] = EXTREME;
    w->before[0] = -(EXTREME - 8);
    try_extreme(m, AF_OK);
}

/* Pools so wide that the sums of the largest counts fill one, two and three bytes. */
TEST(wide_views)
{
    static const int sizes[] = {1, 2, 128, 129, 257, 300};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct af_model *m = plain_model(AF_RELU, 2, sizes[i]);
        struct synapses *s = m->population[1].input;
        struct wiring *w = &s->wiring;
        w->groups = 1;
        w->pool[0] = sizes[i];
        w->pool_before[0] = sizes[i] - 1;
        free(s->weight);
        s->weight = malloc(4);
        memcpy(s->weight, (int8_t[]){3, 5, -7, 2}, 4);
        for (int style = 0; style < 3; style++) {
            int16_t *counts = calloc((size_t)sizes[i] * 2, sizeof *counts);
            for (int n = 0; n < sizes[i] * 2; n++)
                counts[n] = style == 0 || (style == 1 && n % 2) ? COUNT_LIMIT : -COUNT_LIMIT;
            try_model(m, counts, AF_OK);
            free(counts);
        }
        af_model_free(m);
    }
}

/* A population that is worth it is computed by all threads of a team. */
TEST(shared_rows)
{
    static const enum af_kind kinds[] = {AF_RELU, AF_LINEAR, AF_MAXPOOL};
    enum { CHANNELS = 64, SIZE = 512 };
    struct team *team;
    CHECK_EQ(team_make(3, &team), AF_OK);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        struct af_model *m = plain_model(kinds[i], CHANNELS, SIZE);
        struct neurons *n = &m->population[1], *out = &m->population[2];
        struct dice d = {i};
        out->rank = 1;
        out->dim[0] = neuron_count(out);
        if (kinds[i] == AF_MAXPOOL) {
            n->input->wiring.kernel[0] = 3;
            n->input->wiring.before[0] = 1;
        } else {
            n->burst_below = kinds[i] == AF_LINEAR ? 7 : 0;
            n->input->wiring.groups = 1;
            free(n->input->weight);
            n->input->weight = malloc((size_t)wiring_weights(&n->input->wiring));
            for (int64_t k = 0; k < wiring_weights(&n->input->wiring); k++)
                n->input->weight[k] = (int8_t)dice_roll(&d, -20, 20);
            for (int c = 0; c < CHANNELS; c++)
                n->threshold[c] = 1 + 200 * c;
        }
        CHECK_EQ(model_check(m), AF_OK);
        int16_t *counts = random_counts(m, &d);
        struct reference r;
        struct engine *engine;
        struct lane *lane;
        struct record record;
        reference_run(m, counts, m->timesteps, false, &r);
        CHECK_EQ(engine_make(m, &engine), AF_OK);
        CHECK_EQ(engine_count(engine), AF_OK);
        CHECK(engine_work(engine) > 10000);
        CHECK_EQ(lane_make(engine, &lane), AF_OK);
        CHECK_EQ(lane_share(lane, team), AF_OK);
        for (int turn = 0; turn < 20; turn++) {
            const struct place at = {.seed = i, .kernel = "team", .what = "shared"};
            compare_engine(&at, engine, lane, counts, &r, &record);
            record_free(&record);
        }
        lane_free(lane);
        engine_free(engine);
        reference_run_free(&r);
        free(counts);
        af_model_free(m);
    }
    team_free(team);
}

/* More operations in one timestep than 32 bits can count in a lane. */
TEST(many_operations)
{
    enum { SIZE = 160, VIEW = 2 * SIZE - 1, FROM = 16, TO = 32 };
    struct af_model *m = plain_model(AF_RELU, FROM, SIZE);
    struct neurons *out = &m->population[2];
    struct synapses *s = out->input;
    struct wiring *w = &s->wiring;
    m->timesteps = 1;
    for (int c = 0; c < FROM; c++)
        m->population[1].bias[c] = 1000; /* every neuron sends 15 */
    out->shape[0] = w->block[0] = TO;
    out->shape[1] = w->block[1] = w->view[0] = w->kernel[0] = VIEW;
    w->groups = 1;
    w->pool[0] = SIZE;
    w->pool_before[0] = w->before[0] = SIZE - 1;
    out->bias_count = TO;
    free(out->bias);
    free(out->scale);
    free(s->weight);
    out->bias = calloc(TO, sizeof *out->bias);
    out->scale = calloc(TO, sizeof *out->scale);
    for (int c = 0; c < TO; c++)
        out->scale[c] = 1;
    s->weight = calloc((size_t)wiring_weights(w), 1);
    int16_t *counts = calloc(FROM * SIZE, sizeof *counts);
    try_model(m, counts, AF_OK);
    free(counts);
    af_model_free(m);
}

TEST(kernels)
{
    for (int k = 0; k < KERNELS; k++) {
        setenv("ADAFIRE_CPU", kernels[k], 1);
        if (is_usable(k))
            CHECK(!strcmp(kernel_choose()->name, kernels[k]));
        else
            printf("this CPU cannot run the %s kernel\n", kernels[k]);
    }
    unsetenv("ADAFIRE_CPU");
}

/* ---- Firing -------------------------------------------------------------------------------- */

enum { LINES = 4, POSITIONS = 40, WIDTH = 2 * LANES, NEURONS = POSITIONS * WIDTH };
enum { LINE = POSITIONS / LINES * WIDTH + 24, BLANK = 77 }; /* bytes of a line, between cells */

struct neurons_under_test {
    int32_t potential[NEURONS], base[WIDTH], threshold[WIDTH], fanout[NEURONS], row[POSITIONS];
    float inverse[WIDTH];
    int16_t sent[NEURONS], events[NEURONS];
    uint8_t bytes[LINES * LINE];
};

/* Potentials at and beside the multiples of their thresholds, where a division goes wrong first. */
static void roll_neurons(struct dice *d, struct neurons_under_test *u, int64_t most, int burst)
{
    static const int thresholds[] = {1, 2, 3, 7, 255, 4097, 1 << 18, STATE_LIMIT - 1, STATE_LIMIT};
    for (int c = 0; c < WIDTH; c++) {
        bool odd = dice_chance(d, 50);
        u->base[c] = (int32_t)dice_roll(d, -5, 5);
        u->threshold[c] = odd ? (int32_t)dice_roll(d, 1, STATE_LIMIT >> dice_roll(d, 0, 20))
                              : thresholds[dice_roll(d, 0, 8)];
        u->inverse[c] = 1.0f / (float)u->threshold[c];
    }
    for (int n = 0; n < NEURONS; n++) {
        int64_t v =
            u->threshold[n % WIDTH] * dice_roll(d, -burst - 2, burst + 2) + dice_roll(d, -2, 2);
        if (dice_chance(d, 10))
            v = dice_roll(d, -most, most) * 2;
        int64_t limit = 2 * most + 1;
        v = v > limit ? limit : v < -limit ? -limit : v;
        u->potential[n] = (int32_t)v - u->base[n % WIDTH];
        u->sent[n] = (int16_t)(dice_roll(d, 0, 4000) >> dice_roll(d, 0, 12));
        u->fanout[n] = (int32_t)dice_roll(d, 0, 3000);
    }
    for (int p = 0; p < POSITIONS; p++)
        u->row[p] = p && dice_chance(d, 70) ? u->row[p - 1] : p;
}

static int64_t floor_of(int64_t v, int64_t by)
{
    int64_t q = v / by;
    return v - q * by < 0 ? q - 1 : q;
}

/* The bytes of the first `cell` neurons of each position, and nothing beside them. */
static void compare_bytes(const char *kernel, const struct firing *f, const int16_t *events)
{
    int wrong = 0;
    for (int l = 0; l < LINES; l++)
        for (int i = 0; i < LINE; i++) {
            const int position = i / f->cell, c = i % f->cell;
            const int n = (l * f->positions + position) * WIDTH + c;
            const uint8_t expected =
                position < f->positions ? (uint8_t)(events[n] + f->offset) : BLANK;
            wrong += f->bytes[l * f->bytes_line + i] != expected;
        }
    if (wrong)
        printf("%s: %d bytes of cells of %d are wrong\n", kernel, wrong, f->cell);
    CHECK_EQ(wrong, 0);
}

static void compare_count(const struct kernel *kernel, const struct neurons_under_test *u)
{
    struct tally t = {.positions = POSITIONS,
                      .width = WIDTH,
                      .events = u->events,
                      .fanout = u->fanout,
                      .fanout_row = u->row,
                      .flush_after = 3};
    int64_t spikes = 0, events = 0, sops = 0, spike_sops = 0, adds = 0;
    kernel->count(&t);
    for (int n = 0; n < NEURONS; n++) {
        const int64_t fanout = u->fanout[u->row[n / WIDTH] * WIDTH + n % WIDTH];
        const int r = abs(u->events[n]);
        events += r != 0;
        spikes += r;
        sops += r ? fanout : 0;
        spike_sops += r * fanout;
        adds += additions_of(r) * fanout;
    }
    CHECK_EQ(t.spikes, spikes);
    CHECK_EQ(t.event_count, events);
    CHECK_EQ(t.sops, sops);
    CHECK_EQ(t.spike_sops, spike_sops);
    CHECK_EQ(t.adds, adds);
}

static void compare_fire(const struct kernel *kernel, const struct neurons_under_test *before,
                         int64_t limit, int burst, int below, bool is_signed, int cell)
{
    struct neurons_under_test u = *before;
    const bool linear = below >= 0;
    struct firing f = {
        .lines = LINES,
        .positions = POSITIONS / LINES,
        .width = WIDTH,
        .burst = burst,
        .linear = linear,
        .below = below,
        .limit = (int32_t)limit,
        .base = u.base,
        .threshold = u.threshold,
        .inverse = u.inverse,
        .before = u.potential,
        .after = u.potential,
        .sent = is_signed ? u.sent : NULL,
        .events = u.events,
        .bytes = u.bytes,
        .bytes_line = LINE,
        .cell = cell,
        .offset = linear      ? below
                  : is_signed ? burst
                              : 0,
    };
    memset(u.bytes, BLANK, sizeof u.bytes);
    kernel->fire(&f);
    for (int n = 0; n < NEURONS; n++) {
        int64_t v = before->potential[n] + before->base[n % WIDTH];
        int64_t threshold = before->threshold[n % WIDTH], sent = before->sent[n];
        int64_t low = linear ? -below : is_signed ? -(sent < burst ? sent : burst) : 0;
        int64_t r = floor_of(v, threshold);
        r = r < low ? low : r > burst ? burst : r;
        v -= r * threshold;
        v = v > limit ? limit : v < -limit ? -limit : v;
        if (u.events[n] != r || u.potential[n] != v || (is_signed && u.sent[n] != sent + r)) {
            printf(
                "%s: burst limit %d, threshold %lld, potential %d: r %d v %d, expected %lld %lld\n",
                kernel->name, burst, (long long)threshold, before->potential[n], u.events[n],
                u.potential[n], (long long)r, (long long)v);
            test_broken = 1;
            return;
        }
    }
    compare_bytes(kernel->name, &f, u.events);
    compare_count(kernel, &u);
    /* Potentials as currents, and nothing wanted but bytes. */
    memcpy(u.potential, before->potential, sizeof u.potential);
    memcpy(u.sent, before->sent, sizeof u.sent);
    memset(u.bytes, BLANK, sizeof u.bytes);
    f.current = u.potential;
    f.before = f.after = NULL;
    f.events = NULL;
    kernel->fire(&f);
    compare_bytes(kernel->name, &f, u.events);
}

TEST(fire_at_multiples)
{
    struct dice d = {3};
    for (int turn = 0; turn < (MODELS < 1000 ? 20 : 300); turn++) {
        struct neurons_under_test u;
        const int64_t limit = turn % 2 ? STATE_LIMIT : (1 << 30) - 1;
        const int burst = (int)dice_roll(&d, 1, turn % 4 < 2 ? NARROW_BURSTS : BURST_LIMIT),
                  below = (int)dice_roll(&d, 0, BURST_LIMIT);
        static const int cells[] = {1, 2, 4, 8, 12, 16, 20, 24, 28, 32};
        const int cell = cells[turn % (int)(sizeof cells / sizeof *cells)];
        roll_neurons(&d, &u, limit, burst);
        for (int k = 0; k < KERNELS; k++) {
            if (!is_usable(k))
                continue;
            setenv("ADAFIRE_CPU", kernels[k], 1);
            compare_fire(kernel_choose(), &u, limit, burst, -1, false, cell);
            compare_fire(kernel_choose(), &u, limit, burst, -1, true, cell);
            compare_fire(kernel_choose(), &u, limit, burst, below, false, cell);
        }
    }
    unsetenv("ADAFIRE_CPU");
}

/* ---- Products and merging ------------------------------------------------------------------ */

/* Every number of rows, blocks and lines that a tile may have to leave off at, by plain loops. */
TEST(products)
{
    enum { A = 4096, B = 9 * 3 * 12 * LANES, C = 2 * 40 * 9 * LANES };
    static uint8_t a[A];
    static int8_t b[B];
    static int32_t c[C], expected[C];
    const ptrdiff_t segment[] = {0, 100, 37};
    struct dice d = {11};
    int64_t silent = 0, looked = 0;
    for (int turn = 0; turn < (MODELS < 1000 ? 50 : 400); turn++) {
        struct product p = {.lines = (int)dice_roll(&d, 1, 2),
                            .rows = (int)dice_roll(&d, 1, dice_chance(&d, 40) ? 1 : 40),
                            .blocks = (int)dice_roll(&d, 1, 9),
                            .segments = (int)dice_roll(&d, 1, 3),
                            .length = 4 * (int)dice_roll(&d, 1, 3),
                            .shift = (int)dice_roll(&d, 0, 3),
                            .add = dice_chance(&d, 50),
                            .a = a,
                            .a_line = 1500,
                            .a_step = dice_chance(&d, 50) ? 16 : 4 * (int)dice_roll(&d, 1, 8),
                            .segment = segment,
                            .b = b,
                            .c = c};
        p.c_step = p.blocks * LANES;
        p.c_line = p.c_step * p.rows;
        for (int i = 0; i < B; i++)
            b[i] = (int8_t)dice_roll(&d, -128, 127);
        for (int k = 0; k < KERNELS; k++) {
            if (!is_usable(k))
                continue;
            setenv("ADAFIRE_CPU", kernels[k], 1);
            struct silence silence = {0};
            const int quiet = (int)dice_roll(&d, 1, 200);
            p.most = (1 << kernel_choose()->value_bits) - 1;
            p.silence = turn % 2 ? &silence : NULL;
            for (int i = 0; i < A; i++)
                a[i] =
                    (uint8_t)(p.silence && i / 200 % 2 && i % 200 < quiet ? 0
                                                                          : i * 89 % 255 & p.most);
            for (int i = 0; i < C; i++)
                c[i] = expected[i] = i;
            for (int l = 0; l < p.lines; l++)
                for (int r = 0; r < p.rows; r++)
                    for (int n = 0; n < p.blocks * LANES; n++) {
                        int32_t sum = 0;
                        for (int s = 0; s < p.segments; s++)
                            for (int i = 0; i < p.length; i++)
                                sum += a[l * p.a_line + r * p.a_step + segment[s] + i] *
                                       b[(((n / LANES * p.segments + s) * p.length / 4 + i / 4) *
                                              LANES +
                                          n % LANES) *
                                             4 +
                                         i % 4];
                        int32_t *to = &expected[l * p.c_line + r * p.c_step + n];
                        *to = (p.add ? *to : 0) + sum * (1 << p.shift);
                    }
            kernel_choose()->multiply(&p);
            CHECK(!memcmp(c, expected, sizeof c));
            silent += silence.silent;
            looked += silence.looked;
        }
    }
    CHECK(silent > 0 && silent < looked);
    unsetenv("ADAFIRE_CPU");
}

TEST(merging)
{
    enum { STEP = 150, CELLS = 5, SIZE = 2000 };
    static uint8_t from[SIZE], to[SIZE], expected[SIZE];
    struct dice d = {13};
    for (int turn = 0; turn < 400; turn++) {
        struct merging m = {.to = to,
                            .from = from,
                            .cells = (int)dice_roll(&d, 1, CELLS),
                            .count = (int)dice_roll(&d, 1, 8),
                            .n = dice_chance(&d, 30) ? 8 : (int)dice_roll(&d, 1, STEP),
                            .sum = turn % 2,
                            .step = dice_roll(&d, 1, STEP),
                            .from_step = dice_roll(&d, 0, STEP)};
        m.to_step = m.n + dice_roll(&d, 0, 20);
        for (size_t i = 0; i < SIZE; i++)
            from[i] = (uint8_t)dice_roll(&d, 0, m.sum ? 255 / m.count : 255);
        memset(expected, BLANK, sizeof expected);
        for (int c = 0; c < m.cells; c++)
            for (int i = 0; i < m.n; i++) {
                int all = 0;
                for (int k = 0; k < m.count; k++) {
                    const int one = from[c * m.from_step + k * m.step + i];
                    all = m.sum ? all + one : all > one ? all : one;
                }
                expected[c * m.to_step + i] = (uint8_t)all;
            }
        for (int k = 0; k < KERNELS; k++) {
            if (!is_usable(k))
                continue;
            setenv("ADAFIRE_CPU", kernels[k], 1);
            memset(to, BLANK, sizeof to);
            kernel_choose()->merge(&m);
            CHECK(!memcmp(to, expected, sizeof to));
        }
    }
    unsetenv("ADAFIRE_CPU");
}

/* ---- Early exit ---------------------------------------------------------------------------- */

/* Entropy in bits and largest probability of the outputs, in floating point. */
static void measure_exactly(const int32_t *v, int classes, double unit, double *entropy,
                            double *confidence)
{
    double most = v[0], z = 0, sum = 0;
    for (int k = 1; k < classes; k++)
        most = fmax(most, v[k]);
    for (int k = 0; k < classes; k++)
        z += exp2((v[k] - most) * unit);
    for (int k = 0; k < classes; k++) {
        double p = exp2((v[k] - most) * unit) / z;
        sum -= p > 0 ? p * log2(p) : 0;
    }
    *entropy = sum;
    *confidence = 1 / z;
}

TEST(early_exit_measures)
{
    struct dice d = {7};
    double worst_entropy = 0, worst_confidence = 0;
    for (int turn = 0; turn < 20000; turn++) {
        int32_t v[100] = {0};
        int classes = (int)dice_roll(&d, 1, turn % 4 ? 10 : 100);
        int multiplier = (int)dice_roll(&d, 1 << 15, 1 << 16), shift = (int)dice_roll(&d, 8, 24);
        int spread = 1 << dice_roll(&d, 0, 22);
        for (int k = 0; k < classes; k++)
            v[k] = (int32_t)dice_roll(&d, -spread, spread - 1);
        double unit = ldexp(multiplier, -shift - IAT_Y_BITS), entropy, confidence;
        measure_exactly(v, classes, unit, &entropy, &confidence);
        int64_t z, one = 1 << IAT_Y_BITS;
        int64_t measure = iat_measure(v, classes, multiplier, shift, IAT_ENTROPY, &z);
        double got = (double)measure / (double)z / (double)one;
        worst_entropy = fmax(worst_entropy, fabs(got - entropy));
        measure = iat_measure(v, classes, multiplier, shift, IAT_CONFIDENCE, &z);
        got = (double)measure / (double)z / (double)one;
        worst_confidence = fmax(worst_confidence, fabs(got - confidence));
        /* Limits that far to either side of the exact value decide as it does. */
        int64_t at = (int64_t)(entropy * (double)one), margin = 40;
        if (at > margin)
            CHECK(!iat_stops(v, classes, multiplier, shift, IAT_ENTROPY, (int32_t)(at - margin)));
        CHECK(iat_stops(v, classes, multiplier, shift, IAT_ENTROPY, (int32_t)(at + margin)));
        at = (int64_t)(confidence * (double)one);
        CHECK(iat_stops(v, classes, multiplier, shift, IAT_CONFIDENCE, (int32_t)(at - margin)));
        CHECK(!iat_stops(v, classes, multiplier, shift, IAT_CONFIDENCE, (int32_t)(at + margin)));
    }
    printf("early exit in integers is off by at most %.5f bits, %.5f of confidence\n",
           worst_entropy, worst_confidence);
    CHECK(worst_entropy < 0.003);
    CHECK(worst_confidence < 0.0005);
}

int main(void)
{
    RUN(kernels);
    RUN(fire_at_multiples);
    RUN(products);
    RUN(merging);
    RUN(early_exit_measures);
    RUN(random_networks);
    RUN(refresh);
    RUN(extreme_geometry);
    RUN(wide_views);
    RUN(shared_rows);
    RUN(many_operations);
    return test_end();
}
