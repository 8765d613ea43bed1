/* Runs into arrays of the caller's, against af_run; a model's bytes, numbers and energies; its
 * page. */
#include "test.h"

#include "base/file.h"
#include "iat.h"
#include "random_model.h"
#include "reference.h"

#include <math.h>
#include <unistd.h>

enum { SAMPLES = 9 };

/* A model of constant samples with several timesteps, from this seed on. */
static struct af_model *model_from(uint64_t seed, bool iat)
{
    for (;; seed++) {
        struct af_model *m = random_model(seed);
        if (!m->format.events && m->timesteps > 2 && (m->iat.metric != IAT_OFF) == iat)
            return m;
        af_model_free(m);
    }
}

struct run {
    struct af_model *model;
    struct af_device *device;
    int64_t length;
    int32_t *data; /* [SAMPLES][length] */
    struct af_sample sample[SAMPLES];
    struct af_result result[SAMPLES];
    struct af_arrays arrays;
};

static void open_run(struct run *r, uint64_t seed, bool iat)
{
    struct dice d = {7};
    *r = (struct run){.model = model_from(seed, iat)};
    r->length = neuron_count(&r->model->population[0]);
    r->data = calloc(SAMPLES * (size_t)r->length, sizeof *r->data);
    for (int64_t i = 0; i < SAMPLES * r->length; i++)
        r->data[i] = (int32_t)dice_roll(&d, 0, 199);
    for (int i = 0; i < SAMPLES; i++)
        r->sample[i] = (struct af_sample){
            .type = AF_I32, .data = r->data + i * r->length, .length = r->length};
    CHECK_EQ(af_device_open("cpu", NULL, r->model, &r->device), AF_OK);
    const struct af_run_options o = {.trace = true};
    CHECK_EQ(af_run(r->device, r->sample, SAMPLES, &o, r->result), AF_OK);
    const size_t n = (size_t)r->model->population_count, t = (size_t)r->model->timesteps;
    const size_t size = (size_t)r->result[0].output_size;
    r->arrays = (struct af_arrays){.type = AF_I32,
                                   .data = r->data,
                                   .length = r->length,
                                   .count = SAMPLES,
                                   .timesteps = calloc(SAMPLES, sizeof(int32_t)),
                                   .output = calloc(SAMPLES * size, sizeof(float)),
                                   .history = calloc(SAMPLES * t * size, sizeof(float)),
                                   .spikes = calloc(SAMPLES * n, sizeof(int64_t)),
                                   .events = calloc(SAMPLES * n, sizeof(int64_t)),
                                   .sops = calloc(SAMPLES * n, sizeof(int64_t)),
                                   .spike_sops = calloc(SAMPLES * n, sizeof(int64_t)),
                                   .adds = calloc(SAMPLES * n, sizeof(int64_t)),
                                   .cycles = calloc(SAMPLES, sizeof(int64_t))};
}

static void close_run(struct run *r)
{
    struct af_arrays *a = &r->arrays;
    void *const all[] = {a->timesteps,  a->output, a->history, a->spikes, a->events, a->sops,
                         a->spike_sops, a->adds,   a->cycles,  a->event,  r->data};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        free(all[i]);
    for (int i = 0; i < SAMPLES; i++)
        af_result_free(&r->result[i]);
    af_device_close(r->device);
    af_model_free(r->model);
}

static bool same(const int64_t *a, const int64_t *b, int64_t n)
{
    return memcmp(a, b, (size_t)n * sizeof *a) == 0;
}

static void compare(const struct run *r)
{
    const struct af_arrays *a = &r->arrays;
    const int64_t n = r->model->population_count;
    for (int64_t i = 0; i < SAMPLES; i++) {
        const struct af_result *x = &r->result[i];
        const int64_t size = x->output_size, steps = r->model->timesteps;
        const float *history = a->history + i * steps * size;
        CHECK_EQ(a->timesteps[i], x->timesteps);
        CHECK_EQ(a->cycles[i], 0);
        CHECK(memcmp(a->output + i * size, x->output, (size_t)size * sizeof(float)) == 0);
        CHECK(memcmp(history, x->history, (size_t)(x->timesteps * size) * sizeof(float)) == 0);
        for (int64_t k = x->timesteps * size; k < steps * size; k++)
            CHECK(isnan(history[k]));
        CHECK(same(a->spikes + i * n, x->spikes, n) && same(a->events + i * n, x->events, n));
        CHECK(same(a->sops + i * n, x->sops, n) && same(a->adds + i * n, x->adds, n));
        CHECK(same(a->spike_sops + i * n, x->spike_sops, n));
    }
}

TEST(arrays_are_what_results_are)
{
    for (int k = 0; k < 6; k++) {
        struct run r;
        open_run(&r, 20 * (uint64_t)k + 1, k % 2);
        CHECK_EQ(af_run_arrays(r.device, &r.arrays, NULL), AF_OK);
        compare(&r);
        close_run(&r);
    }
}

struct seen {
    int64_t count, at[SAMPLES];
};

static void count_event(void *context, int64_t sample, int step, int population, int neuron,
                        int burst)
{
    struct seen *s = context;
    (void)step, (void)population, (void)neuron, (void)burst;
    __atomic_add_fetch(&s->at[sample], 1, __ATOMIC_RELAXED);
    __atomic_add_fetch(&s->count, 1, __ATOMIC_RELAXED);
}

TEST(events_are_kept_in_order)
{
    struct run r;
    struct seen seen = {0};
    open_run(&r, 3, true);
    r.arrays.keep_events = true;
    CHECK_EQ(af_run_arrays(r.device, &r.arrays, NULL), AF_OK);
    compare(&r);
    int64_t counts[SAMPLES] = {0};
    for (int64_t i = 0; i < r.arrays.event_count; i++) {
        const struct af_event *e = &r.arrays.event[i], *before = i ? e - 1 : NULL;
        CHECK(!before || e->sample > before->sample ||
              (e->sample == before->sample &&
               (e->timestep > before->timestep ||
                (e->timestep == before->timestep && e->population >= before->population))));
        counts[e->sample]++;
    }
    const struct af_run_options told = {.on_event = count_event, .on_event_context = &seen};
    CHECK_EQ(af_run_arrays(r.device, &r.arrays, &told), AF_BAD_ARGUMENT);
    CHECK_ERROR("either kept or told");
    struct af_event *kept = r.arrays.event;
    const int64_t kept_count = r.arrays.event_count;
    r.arrays.keep_events = false;
    CHECK_EQ(af_run_arrays(r.device, &r.arrays, &told), AF_OK);
    CHECK_EQ(seen.count, kept_count);
    CHECK(same(seen.at, counts, SAMPLES));
    CHECK(!r.arrays.event && !r.arrays.event_count);
    af_free(kept);
    close_run(&r);
}

static int stop(void *context, int64_t done, int64_t all)
{
    int *calls = context;
    CHECK(done > 0 && done <= all && all == SAMPLES);
    return ++*calls;
}

TEST(refusals)
{
    struct run r;
    int calls = 0;
    const struct af_run_options cancelled = {.on_progress = stop, .on_progress_context = &calls};
    open_run(&r, 5, false);
    r.arrays.keep_events = true;
    CHECK_EQ(af_run_arrays(r.device, &r.arrays, &cancelled), AF_CANCELLED);
    CHECK(calls == 1 && !r.arrays.event && !r.arrays.event_count);
    CHECK_EQ(af_run_arrays(NULL, &r.arrays, NULL), AF_BAD_ARGUMENT);
    CHECK_EQ(af_run_arrays(r.device, NULL, NULL), AF_BAD_ARGUMENT);
    r.arrays.length--;
    CHECK_EQ(af_run_arrays(r.device, &r.arrays, NULL), AF_BAD_ARGUMENT);
    CHECK_ERROR("the model takes");
    r.arrays.length++;
    r.arrays.type = (enum af_type)9;
    CHECK_EQ(af_run_arrays(r.device, &r.arrays, NULL), AF_BAD_ARGUMENT);
    r.arrays.type = AF_I32;
    r.arrays.reserved[3] = 1;
    CHECK_EQ(af_run_arrays(r.device, &r.arrays, NULL), AF_BAD_ARGUMENT);
    r.arrays.reserved[3] = 0;
    r.arrays.data = NULL;
    CHECK_EQ(af_run_arrays(r.device, &r.arrays, NULL), AF_BAD_ARGUMENT);
    r.arrays.count = 0;
    CHECK_EQ(af_run_arrays(r.device, &r.arrays, NULL), AF_OK);
    close_run(&r);
}

static int stop_late(void *context, int64_t done, int64_t all)
{
    (void)context;
    CHECK_EQ(all, 4200);
    return done > 4096;
}

/* What earlier samples left is not left behind. */
TEST(cancelled_late)
{
    const struct af_run_options o = {.timesteps = 1, .on_progress = stop_late};
    struct run r;
    open_run(&r, 1, false);
    uint8_t *data = calloc(4200, (size_t)r.length);
    struct af_arrays a = {
        .data = data, .type = AF_U8, .length = r.length, .count = 4200, .keep_events = true};
    memset(data, 99, 4200 * (size_t)r.length);
    CHECK_EQ(af_run_arrays(r.device, &a, &(struct af_run_options){.timesteps = 1}), AF_OK);
    CHECK(a.event_count > 0 && a.event[a.event_count - 1].sample == 4199);
    CHECK_EQ(a.event_count % 4200, 0);
    af_free(a.event);
    CHECK_EQ(af_run_arrays(r.device, &a, &o), AF_CANCELLED);
    CHECK(!a.event && !a.event_count);
    free(data);
    close_run(&r);
}

TEST(bytes_are_the_file)
{
    char path[] = "/tmp/adafire-arrays-XXXXXX";
    struct af_model *m = model_from(9, true), *again = NULL;
    void *bytes, *read = NULL;
    size_t size, got = 0;
    close(mkstemp(path));
    CHECK_EQ(af_model_bytes(m, &bytes, &size), AF_OK);
    CHECK_EQ(af_model_save(m, path), AF_OK);
    CHECK_EQ(file_read(path, 1 << 28, &read, &got), AF_OK);
    CHECK(read && got == size && memcmp(read, bytes, size) == 0);
    CHECK_EQ(af_model_parse("bytes", bytes, size, &again), AF_OK);
    af_free(bytes);
    CHECK_EQ(af_model_bytes(NULL, &bytes, &size), AF_BAD_ARGUMENT);
    CHECK(!bytes && !size);
    unlink(path);
    free(read);
    af_model_free(again);
    af_model_free(m);
}

TEST(numbers_are_the_models)
{
    struct af_model *m = model_from(11, false);
    struct af_population_values v;
    struct af_projection_info p;
    int at = 0;
    for (int i = 0; i < m->population_count; i++) {
        const struct neurons *x = &m->population[i];
        CHECK_EQ(af_population_values(m, i, &v), AF_OK);
        CHECK(v.threshold == x->threshold && v.scale == x->scale && v.bias == x->bias);
        CHECK(v.initial == x->initial && !v.zero == (i != 0));
        CHECK_EQ(v.initial_count, x->initial ? x->initial_count : 0);
        for (int k = 0; k < x->input_count; k++, at++) {
            CHECK_EQ(af_projection_info(m, at, &p), AF_OK);
            CHECK(p.destination == i && p.source == x->input[k].wiring.source);
            CHECK(p.weight == x->input[k].weight && p.shift == x->input[k].shift);
            CHECK_EQ(p.weights, p.weight ? (int64_t)p.block[0] * (p.channels / p.groups) *
                                               p.kernel[0] * p.kernel[1]
                                         : 0);
        }
    }
    CHECK_EQ(af_projection_info(m, at, &p), AF_BAD_ARGUMENT);
    CHECK_EQ(af_projection_info(m, -1, &p), AF_BAD_ARGUMENT);
    CHECK_EQ(af_population_values(m, m->population_count, &v), AF_BAD_ARGUMENT);
    af_model_free(m);
}

/* The formulas of adafire.h, on sums over two samples. */
TEST(energies)
{
    struct af_model *m = model_from(13, false);
    const size_t n = (size_t)m->population_count;
    double *ones = calloc(n, sizeof *ones);
    struct af_energy e;
    for (size_t i = 0; i < n; i++)
        ones[i] = 2e6;
    CHECK_EQ(af_energy_of(m, 2, ones, ones, ones, ones, &e), AF_OK);
    const double sops = 1e6 * (double)n, first = (double)m->first_macs;
    CHECK(e.event == af_energy_uj(sops, first) && e.spike == e.event && e.add == e.event);
    CHECK(e.ann == af_energy_uj(0, (double)m->ann_macs));
    CHECK(e.integer == af_integer_energy_uj(sops, first, 8, false));
    CHECK(e.integer_memory_ann == af_integer_energy_uj(0, (double)m->ann_macs, e.bits, true));
    CHECK_EQ(af_energy_of(m, 2, ones, ones, ones, NULL, &e), AF_OK);
    CHECK(isnan(e.add) && isnan(e.integer) && e.event > 0);
    CHECK_EQ(af_energy_of(m, 0, ones, ones, ones, ones, &e), AF_BAD_ARGUMENT);
    free(ones);
    af_model_free(m);
}

TEST(a_page_in_memory_is_the_file)
{
    char path[] = "/tmp/adafire-page-XXXXXX";
    struct af_model *m = model_from(17, true);
    double *sums = calloc((size_t)m->population_count, sizeof *sums);
    int64_t *exits = calloc((size_t)m->timesteps, sizeof *exits);
    struct af_report r;
    char *text;
    void *read = NULL;
    size_t size = 0;
    close(mkstemp(path));
    exits[0] = 3;
    af_report_defaults(&r);
    CHECK_EQ(af_report_text(m, &r, &text), AF_BAD_ARGUMENT);
    CHECK(!text);
    r.board = "cpu";
    r.samples = 3;
    r.timesteps = m->timesteps;
    r.exits = exits;
    r.spikes = r.events = r.sops = r.spike_sops = sums;
    CHECK_EQ(af_report_text(m, &r, &text), AF_OK);
    CHECK_EQ(af_report_write(m, &r, path), AF_OK);
    CHECK_EQ(file_read(path, 1 << 24, &read, &size), AF_OK);
    CHECK(text && read && strlen(text) == size && memcmp(text, read, size) == 0);
    CHECK(text && strstr(text, "3 samples"));
    af_free(text);
    r.raster_count = 1;
    CHECK_EQ(af_report_write(m, &r, path), AF_BAD_ARGUMENT);
    unlink(path);
    free(read);
    free(sums);
    free(exits);
    af_model_free(m);
}

/* Values unlike those that the model was made with. */
static void take_note(void *context, const char *note)
{
    *(int *)context += strstr(note, "scale, mean or type") != NULL;
}

TEST(samples_of_another_scale)
{
    struct run r;
    int notes = 0;
    open_run(&r, 19, false);
    CHECK_EQ(model_add_fact(r.model, "input values", "0 to 199, mean 100, deviation 60"), AF_OK);
    CHECK_EQ(af_arrays_check(r.model, &r.arrays, take_note, &notes), AF_OK);
    CHECK_EQ(notes, 0);
    memset(r.data, 0, SAMPLES * (size_t)r.length * sizeof *r.data);
    CHECK_EQ(af_arrays_check(r.model, &r.arrays, take_note, &notes), AF_OK);
    CHECK_EQ(notes, 1);
    r.arrays.length++;
    CHECK_EQ(af_arrays_check(r.model, &r.arrays, take_note, &notes), AF_BAD_ARGUMENT);
    CHECK_EQ(af_arrays_check(NULL, &r.arrays, take_note, &notes), AF_BAD_ARGUMENT);
    close_run(&r);
}

int main(void)
{
    RUN(arrays_are_what_results_are);
    RUN(events_are_kept_in_order);
    RUN(refusals);
    RUN(cancelled_late);
    RUN(bytes_are_the_file);
    RUN(numbers_are_the_models);
    RUN(energies);
    RUN(a_page_in_memory_is_the_file);
    RUN(samples_of_another_scale);
    return test_end();
}
