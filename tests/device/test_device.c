/* Boards through the public API: whatever the threads and batches, the same results; and what is
 * asked wrongly is refused with a sentence. */
#include "test.h"

#include "device/device.h"
#include "iat.h"
#include "random_model.h"
#include "reference.h"

#include <math.h>
#include <pthread.h>

enum { SAMPLES = 23, MODELS = 12 };

/* ---- Samples ------------------------------------------------------------------------------- */

static void make_samples(const struct af_model *m, struct af_sample *samples)
{
    struct dice d = {5};
    for (int i = 0; i < SAMPLES; i++) {
        int16_t *counts = random_counts(m, &d);
        samples[i] = sample_of(m, counts);
    }
}

static void free_samples(struct af_sample *samples)
{
    for (int i = 0; i < SAMPLES; i++) {
        free((void *)(uintptr_t)samples[i].data);
        free((void *)(uintptr_t)samples[i].counts);
    }
}

static struct af_device *open_cpu(const struct af_model *m, int threads)
{
    struct af_device *device = NULL;
    CHECK_EQ(af_device_open("cpu", &(struct af_device_options){.threads = threads}, m, &device),
             AF_OK);
    CHECK(device != NULL);
    return device;
}

/* The first model from this seed on that stops early by itself and has several timesteps. */
static struct af_model *model_with_early_exit(uint64_t seed)
{
    for (;; seed++) {
        struct af_model *m = random_model(seed);
        if (m->iat.metric != IAT_OFF && m->timesteps > 2 && !m->format.events)
            return m;
        af_model_free(m);
    }
}

static struct af_model *model_of_input(bool events)
{
    for (uint64_t seed = 1;; seed++) {
        struct af_model *m = random_model(seed);
        if (m->format.events == events && m->timesteps > 1)
            return m;
        af_model_free(m);
    }
}

/* ---- Results ------------------------------------------------------------------------------- */

static void same_floats(const float *a, const float *b, int n)
{
    for (int i = 0; i < n; i++)
        CHECK(a[i] == b[i]);
}

static void same_results(const struct af_model *m, const struct af_result *a,
                         const struct af_result *b)
{
    CHECK_EQ(a->timesteps, b->timesteps);
    CHECK_EQ(a->output_size, b->output_size);
    CHECK(!a->history == !b->history);
    if (test_broken)
        return;
    same_floats(a->output, b->output, a->output_size);
    if (a->history)
        same_floats(a->history, b->history, a->timesteps * a->output_size);
    for (int i = 0; i < m->population_count; i++) {
        CHECK_EQ(a->spikes[i], b->spikes[i]);
        CHECK_EQ(a->events[i], b->events[i]);
        CHECK_EQ(a->sops[i], b->sops[i]);
        CHECK_EQ(a->spike_sops[i], b->spike_sops[i]);
        CHECK_EQ(a->adds[i], b->adds[i]);
    }
}

static void free_results(struct af_result *results, int count)
{
    for (int i = 0; i < count; i++)
        af_result_free(&results[i]);
}

/* Every event of every sample in the order in which it was told; one thread fills one stream. */
struct stream {
    int (*event)[4]; /* timestep, population, neuron, burst */
    int count, room;
};

static void hear(void *context, int64_t sample, int step, int population, int neuron, int burst)
{
    struct stream *s = (struct stream *)context + sample;
    if (s->count == s->room) {
        s->room = s->room ? s->room * 2 : 64;
        s->event = realloc(s->event, (size_t)s->room * sizeof *s->event);
    }
    memcpy(s->event[s->count++], (int[]){step, population, neuron, burst}, sizeof *s->event);
}

static void same_streams(const struct stream *a, const struct stream *b)
{
    for (int i = 0; i < SAMPLES; i++) {
        CHECK_EQ(a[i].count, b[i].count);
        if (a[i].count && a[i].count == b[i].count)
            CHECK(!memcmp(a[i].event, b[i].event, (size_t)a[i].count * sizeof *a[i].event));
    }
}

static void free_streams(struct stream *s)
{
    for (int i = 0; i < SAMPLES; i++)
        free(s[i].event);
}

/* ---- Threads and batches ------------------------------------------------------------------- */

static void run_batches(const struct af_model *m, int threads, int batch,
                        const struct af_sample *samples, struct af_result *results,
                        struct stream *streams)
{
    struct af_device *device = open_cpu(m, threads);
    for (int i = 0; device && i < SAMPLES; i += batch) {
        int n = SAMPLES - i < batch ? SAMPLES - i : batch;
        struct af_run_options options = {
            .trace = true, .on_event = hear, .on_event_context = streams + i};
        CHECK_EQ(af_run(device, samples + i, n, &options, results + i), AF_OK);
    }
    af_device_close(device);
}

TEST(threads_and_batches)
{
    static const struct {
        int threads, batch;
    } ways[] = {{2, SAMPLES}, {7, SAMPLES}, {0, SAMPLES}, {1, 1}, {2, 5}, {7, 22}};
    for (uint64_t seed = 1; seed <= MODELS; seed++) {
        struct af_model *m = random_model(seed);
        struct af_sample samples[SAMPLES];
        struct af_result expected[SAMPLES] = {0}, results[SAMPLES] = {0};
        struct stream streams[SAMPLES] = {0};
        make_samples(m, samples);
        run_batches(m, 1, SAMPLES, samples, expected, streams);
        for (size_t w = 0; w < sizeof ways / sizeof *ways; w++) {
            struct stream others[SAMPLES] = {0};
            run_batches(m, ways[w].threads, ways[w].batch, samples, results, others);
            for (int i = 0; i < SAMPLES; i++)
                same_results(m, &results[i], &expected[i]);
            same_streams(others, streams);
            free_results(results, SAMPLES);
            free_streams(others);
        }
        free_results(expected, SAMPLES);
        free_streams(streams);
        free_samples(samples);
        af_model_free(m);
    }
}

struct user {
    const struct af_model *model;
    const struct af_sample *samples;
    struct af_result results[SAMPLES];
    int status;
};

static void *use_model(void *context)
{
    struct user *u = context;
    struct af_device *device;
    u->status = af_device_open("cpu", NULL, u->model, &device);
    if (!u->status)
        u->status = af_run(device, u->samples, SAMPLES, NULL, u->results);
    af_device_close(device);
    return NULL;
}

TEST(one_model_for_many_devices)
{
    struct af_model *m = model_with_early_exit(30);
    struct af_sample samples[SAMPLES];
    make_samples(m, samples);
    static struct user users[3];
    pthread_t threads[3];
    for (int i = 0; i < 3; i++) {
        users[i] = (struct user){.model = m, .samples = samples};
        CHECK_EQ(pthread_create(&threads[i], NULL, use_model, &users[i]), 0);
    }
    for (int i = 0; i < 3; i++) {
        pthread_join(threads[i], NULL);
        CHECK_EQ(users[i].status, AF_OK);
        for (int k = 0; k < SAMPLES; k++)
            same_results(m, &users[i].results[k], &users[0].results[k]);
    }
    for (int i = 0; i < 3; i++)
        free_results(users[i].results, SAMPLES);
    free_samples(samples);
    af_model_free(m);
}

/* ---- Options ------------------------------------------------------------------------------- */

TEST(timesteps)
{
    for (uint64_t seed = 1; seed <= MODELS; seed++) {
        struct af_model *m = random_model(seed);
        struct af_device *device = open_cpu(m, 2);
        struct af_sample samples[SAMPLES];
        struct af_result full[SAMPLES], some[SAMPLES];
        make_samples(m, samples);
        struct af_run_options options = {.no_iat = true, .trace = true};
        CHECK_EQ(af_run(device, samples, SAMPLES, &options, full), AF_OK);
        for (options.timesteps = 1; options.timesteps <= m->timesteps; options.timesteps++) {
            int t = options.timesteps;
            options.trace = t % 2;
            CHECK_EQ(af_run(device, samples, SAMPLES, &options, some), AF_OK);
            for (int i = 0; i < SAMPLES; i++) {
                int n = full[i].output_size;
                CHECK_EQ(full[i].timesteps, m->timesteps);
                CHECK_EQ(some[i].timesteps, t);
                CHECK(!some[i].history == !options.trace);
                same_floats(some[i].output, full[i].history + (t - 1) * n, n);
                if (some[i].history)
                    same_floats(some[i].history, full[i].history, t * n);
                for (int p = 0; p < m->population_count; p++)
                    CHECK(some[i].events[p] <= full[i].events[p]);
            }
            free_results(some, SAMPLES);
        }
        free_results(full, SAMPLES);
        for (int wrong = -1; wrong <= 1; wrong += 2) {
            options.timesteps = wrong < 0 ? -1 : m->timesteps + 1;
            CHECK_EQ(af_run(device, samples, SAMPLES, &options, some), AF_BAD_ARGUMENT);
            CHECK_ERROR("timesteps");
        }
        free_samples(samples);
        af_device_close(device);
        af_model_free(m);
    }
}

/* Early exit is on unless it is turned off, also below the model's timesteps; the outputs are those
 * of the timestep where it stops. */
static void compare_early_exit(struct af_model *m, int *stopped, int *went_on)
{
    struct af_device *device = open_cpu(m, 1);
    struct af_sample samples[SAMPLES];
    struct af_result full[SAMPLES], early[SAMPLES], shorter[SAMPLES];
    make_samples(m, samples);
    struct af_run_options all = {.no_iat = true, .trace = true};
    struct af_run_options cut = {.timesteps = m->timesteps - 1};
    CHECK_EQ(af_run(device, samples, SAMPLES, &all, full), AF_OK);
    CHECK_EQ(af_run(device, samples, SAMPLES, NULL, early), AF_OK);
    CHECK_EQ(af_run(device, samples, SAMPLES, &cut, shorter), AF_OK);
    for (int i = 0; i < SAMPLES; i++) {
        int n = full[i].output_size, t = early[i].timesteps;
        CHECK(t >= 1 && t <= m->timesteps);
        CHECK_EQ(full[i].timesteps, m->timesteps);
        CHECK_EQ(shorter[i].timesteps, t < m->timesteps ? t : t - 1);
        same_floats(early[i].output, full[i].history + (t - 1) * n, n);
        *stopped += t < m->timesteps;
        *went_on += t == m->timesteps;
    }
    free_results(full, SAMPLES);
    free_results(early, SAMPLES);
    free_results(shorter, SAMPLES);
    free_samples(samples);
    af_device_close(device);
}

TEST(early_exit)
{
    int stopped = 0, went_on = 0;
    for (uint64_t seed = 0; seed < 100; seed += 10) {
        struct af_model *m = model_with_early_exit(seed);
        compare_early_exit(m, &stopped, &went_on);
        af_model_free(m);
    }
    CHECK(stopped > 10);
    CHECK(went_on > 10);
}

TEST(events_in_order)
{
    for (int events = 0; events < 2; events++) {
        struct af_model *m = model_of_input(events);
        struct af_device *device = open_cpu(m, 3);
        struct af_sample samples[SAMPLES];
        struct af_result results[SAMPLES];
        struct stream streams[SAMPLES] = {0};
        make_samples(m, samples);
        struct af_run_options options = {.on_event = hear, .on_event_context = streams};
        CHECK_EQ(af_run(device, samples, SAMPLES, &options, results), AF_OK);
        bool heard_input = false;
        for (int i = 0; i < SAMPLES; i++) {
            int64_t count[64] = {0}, spikes[64] = {0};
            for (int k = 0; k < streams[i].count; k++) {
                const int *e = streams[i].event[k], *last = k ? streams[i].event[k - 1] : e;
                CHECK(e[0] > last[0] || (e[0] == last[0] && e[1] >= last[1]));
                CHECK(e[0] >= 0 && e[0] < results[i].timesteps && e[3] != 0);
                CHECK(e[2] >= 0 && e[2] < neuron_count(&m->population[e[1]]));
                CHECK(m->population[e[1]].kind != AF_OUTPUT);
                heard_input = heard_input || e[1] == 0;
                count[e[1]]++;
                spikes[e[1]] += abs(e[3]);
            }
            for (int p = 0; p < m->population_count; p++) {
                CHECK_EQ(count[p], results[i].events[p]);
                CHECK_EQ(spikes[p], results[i].spikes[p]);
            }
        }
        CHECK_EQ(heard_input, events); /* an analog input has no events */
        free_streams(streams);
        free_results(results, SAMPLES);
        free_samples(samples);
        af_device_close(device);
        af_model_free(m);
    }
}

/* ---- Samples of all types ------------------------------------------------------------------ */

/* q = clamp(round((raw - zero) / unit)), to even where it is half. */
static int16_t count_of(double raw, double zero, double unit)
{
    double q = (raw - zero) / unit, down = q - (q < 0 ? 1 : 0);
    int64_t n = (int64_t)down; /* floor, or one below it */
    while ((double)n + 0.5 < q || ((double)n + 0.5 == q && n % 2))
        n++;
    return (int16_t)(n > COUNT_LIMIT ? COUNT_LIMIT : n < -COUNT_LIMIT ? -COUNT_LIMIT : n);
}

static void put(void *data, enum af_type type, int64_t i, int value)
{
    switch (type) {
    case AF_F32: ((float *)data)[i] = (float)value; break;
    case AF_U8: ((uint8_t *)data)[i] = (uint8_t)value; break;
    case AF_I8: ((int8_t *)data)[i] = (int8_t)value; break;
    case AF_I16: ((int16_t *)data)[i] = (int16_t)value; break;
    case AF_I32: ((int32_t *)data)[i] = value; break;
    }
}

TEST(sample_types)
{
    static const int range[][2] = {
        {-1000, 1000}, {0, 255}, {-128, 127}, {-999, 999}, {-9999, 9999}};
    static const float units[] = {1, 0.25f, 2, 3};
    struct af_model *m = model_of_input(false);
    int64_t n = neuron_count(&m->population[0]), area = n / m->population[0].shape[0];
    struct dice d = {9};
    for (int turn = 0; turn < 40; turn++) {
        enum af_type type = (enum af_type)(turn % 5);
        int16_t *counts = calloc((size_t)n, sizeof *counts);
        void *data = calloc((size_t)n, 4);
        m->format.unit = units[turn % 4];
        for (int c = 0; c < m->population[0].shape[0]; c++)
            m->format.zero[c] = (float)dice_roll(&d, -40, 40) / 8;
        for (int64_t i = 0; i < n; i++) {
            int raw = (int)dice_roll(&d, range[type][0], range[type][1]);
            put(data, type, i, raw);
            counts[i] = count_of(raw, (double)m->format.zero[i / area], (double)m->format.unit);
        }
        struct reference r;
        struct af_result result;
        struct af_device *device = open_cpu(m, 1);
        struct af_sample sample = {.type = type, .data = data, .length = n};
        reference_run(m, counts, m->timesteps, true, &r);
        CHECK_EQ(af_run(device, &sample, 1, NULL, &result), AF_OK);
        CHECK_EQ(result.timesteps, r.steps);
        float *expected = calloc((size_t)result.output_size, sizeof *expected);
        CHECK_EQ(reference_output(&r, r.steps - 1, expected), result.output_size);
        same_floats(result.output, expected, result.output_size);
        af_result_free(&result);
        af_device_close(device);
        reference_run_free(&r);
        free(expected);
        free(counts);
        free(data);
    }
    af_model_free(m);
}

TEST(recordings)
{
    struct af_model *m = model_of_input(true);
    int64_t n = neuron_count(&m->population[0]);
    struct dice d = {4};
    struct af_device *device = open_cpu(m, 2);
    int16_t *counts = random_counts(m, &d);
    struct af_sample sample = sample_of(m, counts);
    struct af_result result;
    struct reference r;
    reference_run(m, counts, m->timesteps, true, &r);
    CHECK_EQ(af_run(device, &sample, 1, NULL, &result), AF_OK);
    CHECK_EQ(result.timesteps, r.steps);
    CHECK_EQ(result.events[0], r.events[0]);
    CHECK_EQ(result.spikes[0], r.spikes[0]);
    CHECK_EQ(result.sops[0], r.sops[0]);
    af_result_free(&result);
    reference_run_free(&r);
    for (int sign = -1; sign <= 1; sign += 2) {
        struct af_run_options options = {.no_iat = true};
        counts[n * m->timesteps - 1] = (int16_t)(sign * (COUNT_LIMIT + 1));
        CHECK_EQ(af_run(device, &sample, 1, &options, &result), AF_BAD_ARGUMENT);
        CHECK_ERROR("256");
        CHECK(!result.output);
        options.timesteps = m->timesteps - 1; /* then nobody looks at it */
        CHECK_EQ(af_run(device, &sample, 1, &options, &result), AF_OK);
        af_result_free(&result);
    }
    free(counts);
    af_device_close(device);
    af_model_free(m);
}

/* ---- What is refused ----------------------------------------------------------------------- */

TEST(open_refuses)
{
    struct af_model *m = random_model(1);
    struct af_device *device = (struct af_device *)m;
    CHECK_EQ(af_device_open("gpu", NULL, m, &device), AF_NO_DEVICE);
    CHECK_ERROR("no board 'gpu'");
    CHECK(!device);
    CHECK_EQ(af_device_open("", NULL, m, &device), AF_NO_DEVICE);
    CHECK_EQ(af_device_open(NULL, NULL, m, &device), AF_BAD_ARGUMENT);
    CHECK_ERROR("board");
    device = (struct af_device *)m;
    CHECK_EQ(af_device_open("cpu", NULL, NULL, &device), AF_BAD_ARGUMENT);
    CHECK_ERROR("model");
    CHECK(!device);
    CHECK_EQ(af_device_open("cpu", NULL, m, NULL), AF_BAD_ARGUMENT);
    CHECK(*af_error());
    af_device_close(NULL);
    af_model_free(m);
}

TEST(run_refuses)
{
    struct af_model *m = model_of_input(false);
    struct af_device *device = open_cpu(m, 2);
    struct af_sample samples[SAMPLES];
    struct af_result results[SAMPLES];
    make_samples(m, samples);
    CHECK_EQ(af_run(NULL, samples, 1, NULL, results), AF_BAD_ARGUMENT);
    CHECK_ERROR("device");
    CHECK_EQ(af_run(device, NULL, 1, NULL, results), AF_BAD_ARGUMENT);
    CHECK_ERROR("samples");
    CHECK_EQ(af_run(device, samples, 1, NULL, NULL), AF_BAD_ARGUMENT);
    CHECK_ERROR("results");
    CHECK_EQ(af_run(device, samples, -1, NULL, results), AF_BAD_ARGUMENT);
    CHECK_EQ(af_run(device, samples, 0, NULL, results), AF_OK);

    struct af_sample empty = {.type = AF_U8};
    CHECK_EQ(af_run(device, &empty, 1, NULL, results), AF_BAD_ARGUMENT);
    CHECK_ERROR("sample 0 has no data");

    /* A bad sample among good ones: no result is left, and the device goes on working. */
    samples[11].type = (enum af_type)77;
    CHECK_EQ(af_run(device, samples, SAMPLES, NULL, results), AF_BAD_ARGUMENT);
    CHECK_ERROR("77");
    for (int i = 0; i < SAMPLES; i++)
        CHECK(!results[i].output && !results[i].history && !results[i].spikes);
    samples[11].type = AF_I16;
    CHECK_EQ(af_run(device, samples, SAMPLES, NULL, results), AF_OK);
    free_results(results, SAMPLES);
    free_samples(samples);
    af_device_close(device);
    af_model_free(m);
}

TEST(result_free)
{
    struct af_model *m = random_model(2);
    struct af_device *device = open_cpu(m, 1);
    struct af_sample samples[SAMPLES];
    struct af_result result = {0};
    af_result_free(NULL);
    af_result_free(&result);
    make_samples(m, samples);
    CHECK_EQ(af_run(device, samples, 1, &(struct af_run_options){.trace = true}, &result), AF_OK);
    CHECK(result.output && result.history && result.output_size > 0);
    CHECK_EQ(result.cycles, 0);
    af_result_free(&result);
    CHECK(!result.output && !result.history && !result.spikes && !result.events && !result.sops);
    af_result_free(&result);
    free_samples(samples);
    af_device_close(device);
    af_model_free(m);
}

static void *error_of_new_thread(void *context)
{
    strcpy(context, af_error());
    return NULL;
}

TEST(errors_belong_to_threads)
{
    char text[1024] = "?";
    pthread_t thread;
    struct af_device *device;
    CHECK_EQ(af_device_open("nowhere", NULL, NULL, &device), AF_BAD_ARGUMENT);
    CHECK_EQ(pthread_create(&thread, NULL, error_of_new_thread, text), 0);
    pthread_join(thread, NULL);
    CHECK(!strcmp(text, ""));
    CHECK(*af_error());
}

TEST(energy)
{
    CHECK(af_energy_uj(0, 0) == 0);
    CHECK(af_energy_uj(1e6, 0) > 0.899999 && af_energy_uj(1e6, 0) < 0.900001);
    CHECK(af_energy_uj(0, 1e6) > 4.599999 && af_energy_uj(0, 1e6) < 4.600001);
}

struct seen {
    int last, count,
        outside; /* timestep and number of events, those of no sample or before `last` */
};

static void see_event(void *context, int64_t sample, int timestep, int population, int neuron,
                      int burst)
{
    struct seen *s = context;
    (void)population;
    (void)neuron;
    (void)burst;
    s->outside += sample != 0 || timestep < s->last;
    s->last = timestep;
    s->count++;
}

/* A recording of several frames is the frames one by one, each from rest. */
static void check_frames(struct af_model *m, struct dice *d, int frames)
{
    int64_t inputs = neuron_count(&m->population[0]), spikes = 0;
    int16_t *counts = random_counts(m, d);
    struct af_sample sample = sample_of(m, counts);
    struct seen seen = {0};
    struct af_run_options o = {
        .no_iat = true, .trace = true, .on_event = see_event, .on_event_context = &seen};
    struct af_device *device = open_cpu(m, 2);
    struct af_result whole, part;
    m->format.event_frames = frames;
    CHECK_EQ(af_run(device, &sample, 1, &o, &whole), AF_OK);
    CHECK_EQ(whole.timesteps, m->timesteps);
    m->format.event_frames = 1;
    double *sum = calloc((size_t)whole.output_size, sizeof *sum);
    o = (struct af_run_options){.no_iat = true};
    for (int f = 0, begin = 0; begin < m->timesteps; f++) {
        m->format.event_frames = frames;
        int end = model_frame_begin(m, m->timesteps, f + 1);
        m->format.event_frames = 1;
        sample.counts = counts + begin * inputs;
        sample.length = (end - begin) * inputs;
        o.timesteps = end - begin;
        CHECK_EQ(af_run(device, &sample, 1, &o, &part), AF_OK);
        for (int p = 0; p < m->population_count; p++)
            spikes += part.spikes[p];
        for (int i = 0; sum && i < part.output_size; i++) {
            sum[i] += (double)part.output[i] * (end - begin);
            double now = (double)whole.history[(int64_t)(end - 1) * whole.output_size + i];
            CHECK(fabs(now - sum[i] / end) <= 1e-5 * fabs(now) + 1e-9);
        }
        af_result_free(&part);
        begin = end;
    }
    for (int p = 0; p < m->population_count; p++)
        spikes -= whole.spikes[p];
    CHECK_EQ(spikes, 0);
    CHECK_EQ(seen.outside, 0);
    same_floats(whole.output, whole.history + (int64_t)(m->timesteps - 1) * whole.output_size,
                whole.output_size);
    af_result_free(&whole);
    free(sum);
    af_device_close(device);
    free(counts);
}

TEST(frames_of_recordings)
{
    struct dice d = {9};
    for (uint64_t seed = 1, done = 0; done < 6; seed++) {
        struct af_model *m = random_model(seed);
        if (m->format.events && m->timesteps > 1) {
            for (int frames = 2; frames <= 4; frames++)
                check_frames(m, &d, frames);
            done++;
        }
        af_model_free(m);
    }
    /* What is no recording cannot be run beside one. */
    struct af_model *m = model_of_input(true);
    int16_t *counts = random_counts(m, &d);
    struct af_sample both[2] = {
        sample_of(m, counts),
        {.type = AF_I16, .data = counts, .length = neuron_count(&m->population[0])}};
    struct af_result results[2];
    struct af_device *device = open_cpu(m, 1);
    m->format.event_frames = 3;
    CHECK_EQ(af_run(device, both, 2, NULL, results), AF_BAD_ARGUMENT);
    CHECK_ERROR("cannot be run together");
    af_device_close(device);
    free(counts);
    af_model_free(m);
}

/* ---- State ------------------------------------------------------------------------------------
 */

/* Two halves of a recording, of which the second goes on from the first, are the whole, where
 * neurons have no other state than their potentials. */
static void check_state(struct af_model *m, struct dice *d)
{
    struct af_device *device = open_cpu(m, 3);
    int16_t *counts = random_counts(m, d);
    const int half = m->timesteps / 2;
    const int64_t inputs = neuron_count(&m->population[0]);
    struct af_sample parts[2] = {{.counts = counts, .length = half * inputs},
                                 {.counts = counts + half * inputs, .length = half * inputs}};
    struct af_sample all = {.counts = counts, .length = 2 * half * inputs};
    struct af_run_options o = {.timesteps = half, .no_iat = true, .keep_state = true};
    struct af_result whole, result[2], again, rest;
    CHECK_EQ(af_run(device, &all, 1,
                    &(struct af_run_options){.timesteps = 2 * half, .no_iat = true}, &whole),
             AF_OK);
    /* In one run, and one by one. */
    for (int turn = 0; turn < 2; turn++) {
        CHECK_EQ(af_run(device, &parts[1], 1,
                        &(struct af_run_options){.timesteps = half, .no_iat = true}, &rest),
                 AF_OK);
        CHECK_EQ(af_run(device, parts, turn ? 1 : 2, &o, result), AF_OK);
        if (turn)
            CHECK_EQ(af_run(device, &parts[1], 1, &o, &result[1]), AF_OK);
        for (int p = 0; p < m->population_count; p++) {
            CHECK_EQ(result[0].spikes[p] + result[1].spikes[p], whole.spikes[p]);
            CHECK_EQ(result[0].sops[p] + result[1].sops[p], whole.sops[p]);
        }
        for (int i = 0; i < whole.output_size; i++) {
            const double sum = ((double)result[0].output[i] + (double)result[1].output[i]) / 2;
            CHECK(fabs(sum - (double)whole.output[i]) <= 1e-5 * fabs(sum) + 1e-6);
        }
        /* A run that keeps nothing ends it. */
        CHECK_EQ(af_run(device, &parts[1], 1,
                        &(struct af_run_options){.timesteps = half, .no_iat = true}, &again),
                 AF_OK);
        same_floats(again.output, rest.output, rest.output_size);
        af_result_free(&again);
        af_result_free(&rest);
        af_result_free(&result[0]);
        af_result_free(&result[1]);
    }
    af_result_free(&whole);
    af_device_close(device);
    free(counts);
}

TEST(state)
{
    struct dice d = {10};
    for (uint64_t seed = 1, done = 0; done < 12; seed++) {
        struct af_model *m = random_model(seed);
        bool good = m->format.events && m->timesteps > 1 && m->format.event_frames < 2;
        for (int p = 0; p < m->population_count; p++)
            good &= m->population[p].kind != AF_MAXPOOL && !m->population[p].signed_bursts;
        if (good) {
            check_state(m, &d);
            done++;
        }
        af_model_free(m);
    }
    /* Boards that begin from rest say so, and so do frames that do. */
    struct af_model *m = model_of_input(true);
    int16_t *counts = random_counts(m, &d);
    const struct af_sample s = sample_of(m, counts);
    const struct af_run_options o = {.keep_state = true};
    struct af_device *device;
    struct af_result r;
    m->format.event_frames = 2;
    device = open_cpu(m, 1);
    CHECK_EQ(af_run(device, &s, 1, &o, &r), m->timesteps > 1 ? AF_UNSUPPORTED : AF_OK);
    af_device_close(device);
    m->format.event_frames = 1;
    if (af_device_open("csim", NULL, m, &device) == AF_OK) {
        CHECK_EQ(af_run(device, &s, 1, &o, &r), AF_UNSUPPORTED);
        CHECK_ERROR("this board begins every sample from rest");
        af_device_close(device);
    }
    free(counts);
    af_model_free(m);
}

/* ---- Lengths --------------------------------------------------------------------------------- */

TEST(lengths)
{
    for (int events = 0; events < 2; events++) {
        struct af_model *m = model_of_input(events);
        struct af_device *device = open_cpu(m, 1);
        const int64_t inputs = neuron_count(&m->population[0]);
        struct dice d = {8};
        int16_t *counts = random_counts(m, &d);
        struct af_sample s = sample_of(m, counts);
        struct af_result r;
        const int64_t right = s.length;
        const int64_t wrong[] = {0, -1, 1, right - 1, right + 1, inputs * (m->timesteps - 1)};
        for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
            s.length = wrong[i];
            if (s.length == right)
                continue;
            CHECK_EQ(af_run(device, &s, 1, NULL, &r), AF_BAD_ARGUMENT);
            CHECK_ERROR("values; the model takes");
        }
        s.length = right;
        s.reserved[1] = 1;
        CHECK_EQ(af_run(device, &s, 1, NULL, &r), AF_BAD_ARGUMENT);
        s.reserved[1] = 0;
        CHECK_EQ(af_run(device, &s, 1, NULL, &r), AF_OK);
        af_result_free(&r);
        if (events) { /* fewer timesteps of a longer recording */
            CHECK_EQ(af_run(device, &s, 1, &(struct af_run_options){.timesteps = 1}, &r), AF_OK);
            af_result_free(&r);
        }
        free(counts);
        af_device_close(device);
        af_model_free(m);
    }
    struct af_model *m = model_of_input(false);
    struct af_device *device = open_cpu(m, 1);
    struct dice d = {8};
    int16_t *counts = random_counts(m, &d);
    const struct af_sample recording = {.counts = counts,
                                        .length = neuron_count(&m->population[0]) * m->timesteps};
    struct af_result r;
    CHECK_EQ(af_run(device, &recording, 1, NULL, &r), AF_BAD_ARGUMENT);
    CHECK_ERROR("is a recording");
    free(counts);
    af_device_close(device);
    af_model_free(m);
}

/* ---- Jobs and progress ----------------------------------------------------------------------- */

static void same_answers(const struct af_result *a, const struct af_result *b, int count)
{
    for (int i = 0; i < count; i++) {
        CHECK_EQ(a[i].timesteps, b[i].timesteps);
        CHECK_EQ(a[i].output_size, b[i].output_size);
        same_floats(a[i].output, b[i].output, a[i].output_size);
    }
}

TEST(jobs)
{
    enum { JOBS = 5 };
    struct af_model *m = model_of_input(false);
    struct af_device *device = open_cpu(m, 2);
    struct af_sample samples[SAMPLES], bad[1] = {{.type = AF_U8}};
    struct af_result right[SAMPLES], got[JOBS][SAMPLES];
    struct af_job *job[JOBS], *none = (struct af_job *)m;
    make_samples(m, samples);
    CHECK_EQ(af_run(device, samples, SAMPLES, NULL, right), AF_OK);
    for (int i = 0; i < JOBS; i++)
        CHECK_EQ(af_submit(device, samples, SAMPLES, NULL, got[i], &job[i]), AF_OK);
    for (int i = JOBS - 1; i >= 0; i--) { /* whatever the order in which they are waited for */
        CHECK_EQ(af_wait(job[i]), AF_OK);
        same_answers(got[i], right, SAMPLES);
        free_results(got[i], SAMPLES);
    }
    /* What is wrong with the samples is told at once, what goes wrong with them afterwards. */
    CHECK_EQ(af_submit(device, bad, 1, NULL, got[0], &none), AF_BAD_ARGUMENT);
    CHECK(!none);
    samples[3].type = (enum af_type)77;
    CHECK_EQ(af_submit(device, samples, SAMPLES, NULL, got[0], &job[0]), AF_OK);
    CHECK_EQ(af_wait(job[0]), AF_BAD_ARGUMENT);
    CHECK_ERROR("77");
    samples[3].type = AF_I16;
    CHECK_EQ(af_wait(NULL), AF_OK);
    CHECK_EQ(af_submit(NULL, samples, 1, NULL, got[0], &none), AF_BAD_ARGUMENT);
    CHECK_EQ(af_submit(device, samples, 1, NULL, got[0], NULL), AF_BAD_ARGUMENT);
    CHECK_EQ(af_submit(device, samples, 0, NULL, NULL, &job[0]), AF_OK);
    CHECK_EQ(af_wait(job[0]), AF_OK);
    /* A run of one's own comes after what was submitted; closing waits. */
    CHECK_EQ(af_submit(device, samples, SAMPLES, NULL, got[0], &job[0]), AF_OK);
    CHECK_EQ(af_run(device, samples, SAMPLES, NULL, got[1]), AF_OK);
    same_answers(got[0], right, SAMPLES);
    same_answers(got[1], right, SAMPLES);
    CHECK_EQ(af_wait(job[0]), AF_OK);
    free_results(got[0], SAMPLES);
    free_results(got[1], SAMPLES);
    free_results(right, SAMPLES);
    af_device_close(device);
    free_samples(samples);
    af_model_free(m);
}

struct told {
    int64_t calls, done, stop;
};
static int tell(void *context, int64_t done, int64_t all)
{
    struct told *t = context;
    t->calls++;
    CHECK(done > t->done && done <= all);
    t->done = done;
    return t->calls == t->stop;
}

struct heard {
    int64_t last;
    bool backwards;
};
static void hear_sample(void *context, int64_t sample, int step, int population, int neuron,
                        int burst)
{
    struct heard *h = context;
    (void)step, (void)population, (void)neuron, (void)burst;
    h->backwards = h->backwards || sample < h->last;
    h->last = sample;
}

TEST(progress)
{
    enum { MANY = 200 };
    struct af_model *m = model_of_input(false);
    struct af_device *device = open_cpu(m, 2);
    struct af_sample few[SAMPLES], samples[MANY];
    struct af_result right[MANY], got[MANY];
    struct told told = {0};
    struct heard heard = {0};
    make_samples(m, few);
    for (int i = 0; i < MANY; i++)
        samples[i] = few[i % SAMPLES];
    struct af_run_options o = {.on_progress = tell, .on_progress_context = &told};
    CHECK_EQ(af_run(device, samples, MANY, NULL, right), AF_OK);
    CHECK_EQ(af_run(device, samples, MANY, &o, got), AF_OK);
    CHECK_EQ(told.done, MANY);
    CHECK(told.calls > 2);
    same_answers(got, right, MANY);
    free_results(got, MANY);
    told = (struct told){.stop = 2};
    CHECK_EQ(af_run(device, samples, MANY, &o, got), AF_CANCELLED);
    CHECK_EQ(told.calls, 2);
    for (int i = 0; i < MANY; i++)
        CHECK(!got[i].output || i >= (int)told.done);
    told = (struct told){0};
    o.on_event = hear_sample;
    o.on_event_context = &heard;
    struct af_device *one = open_cpu(m, 1);
    CHECK_EQ(af_run(one, samples, MANY, &o, got), AF_OK);
    CHECK(heard.last >= MANY - SAMPLES && !heard.backwards);
    free_results(got, MANY);
    free_results(right, MANY);
    free_samples(few);
    af_device_close(one);
    af_device_close(device);
    af_model_free(m);
}

int main(void)
{
    RUN(threads_and_batches);
    RUN(one_model_for_many_devices);
    RUN(timesteps);
    RUN(early_exit);
    RUN(events_in_order);
    RUN(sample_types);
    RUN(recordings);
    RUN(open_refuses);
    RUN(run_refuses);
    RUN(result_free);
    RUN(errors_belong_to_threads);
    RUN(energy);
    RUN(frames_of_recordings);
    RUN(state);
    RUN(lengths);
    RUN(jobs);
    RUN(progress);
    return test_end();
}
