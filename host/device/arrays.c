/* Runs of samples that lie one behind the other, with results in arrays of the caller's. */
#include "adafire.h"
#include "base/error.h"
#include "device/device.h"
#include "model/range.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK = 4096, CHECKED = 1024 }; /* samples at a time; whose values are looked at */
/* Of outputs at a time, but for some samples: memory that is there already is soonest had. */
enum { OUTPUT_BYTES = 64 << 20, CHUNK_LEAST = 32 };

/* Events of one sample, which come from one thread. */
struct list {
    struct af_event *event;
    int64_t count, room;
    bool failed;
};

struct arrays_run {
    struct af_arrays *arrays;
    const struct af_run_options *asked;
    const struct af_model *model;
    int64_t first;     /* sample of the chunk */
    struct list *list; /* [CHUNK], or NULL */
    int64_t event_room;
};

static void keep_event(void *context, int64_t sample, int step, int population, int neuron,
                       int burst)
{
    struct arrays_run *r = context;
    struct list *list = &r->list[sample];
    if (list->count == list->room) {
        const int64_t room = list->room ? list->room * 2 : 256;
        struct af_event *grown = realloc(list->event, (size_t)room * sizeof *grown);
        if (!grown) {
            list->failed = true;
            return;
        }
        list->event = grown;
        list->room = room;
    }
    list->event[list->count++] =
        (struct af_event){r->first + sample, step, population, neuron, burst};
}

static void pass_event(void *context, int64_t sample, int step, int population, int neuron,
                       int burst)
{
    const struct arrays_run *r = context;
    r->asked->on_event(r->asked->on_event_context, r->first + sample, step, population, neuron,
                       burst);
}

static int pass_progress(void *context, int64_t done, int64_t all)
{
    const struct arrays_run *r = context;
    (void)all;
    return r->asked->on_progress(r->asked->on_progress_context, r->first + done, r->arrays->count);
}

static size_t type_size(enum af_type type)
{
    return type == AF_U8 || type == AF_I8 ? 1 : type == AF_I16 ? 2 : 4;
}

static int check(const struct af_arrays *a)
{
    if (!a || a->count < 0 || a->length < 0)
        return af_fail(AF_BAD_ARGUMENT, "arrays of samples are needed");
    if (a->count && !a->data && !a->counts)
        return af_fail(AF_BAD_ARGUMENT, "the samples have no data");
    if ((unsigned)a->type > AF_I32)
        return af_fail(AF_BAD_ARGUMENT, "samples of type %d", (int)a->type);
    return af_check_reserved("af_arrays", a);
}

static struct af_sample sample_at(const struct af_arrays *a, int64_t i)
{
    if (a->counts)
        return (struct af_sample){.counts = a->counts + i * a->length, .length = a->length};
    return (struct af_sample){.type = a->type,
                              .data = (const char *)a->data +
                                      (size_t)(i * a->length) * type_size(a->type),
                              .length = a->length};
}

static void copy_counter(int64_t *to, const int64_t *from, int64_t at, int64_t n)
{
    if (to && from)
        memcpy(to + at * n, from, (size_t)n * sizeof *to);
    for (int64_t p = 0; to && !from && p < n; p++)
        to[at * n + p] = -1;
}

static void take_result(struct arrays_run *r, int64_t at, struct af_result *result, int steps)
{
    struct af_arrays *a = r->arrays;
    const int64_t n = r->model->population_count, size = result->output_size;
    if (a->timesteps)
        a->timesteps[at] = result->timesteps;
    if (a->cycles)
        a->cycles[at] = result->cycles;
    if (a->output)
        memcpy(a->output + at * size, result->output, (size_t)size * sizeof *a->output);
    if (a->history) {
        float *to = a->history + at * steps * size;
        const int64_t had = result->history ? result->timesteps * size : 0;
        if (had)
            memcpy(to, result->history, (size_t)had * sizeof *to);
        for (int64_t i = had; i < steps * size; i++)
            to[i] = NAN;
    }
    copy_counter(a->spikes, result->spikes, at, n);
    copy_counter(a->events, result->events, at, n);
    copy_counter(a->sops, result->sops, at, n);
    copy_counter(a->spike_sops, result->spike_sops, at, n);
    copy_counter(a->adds, result->adds, at, n);
    if (a->profile) {
        a->profile[at] = result->profile;
        result->profile = NULL;
    }
}

/* The lists of a chunk behind those of the chunks before. */
static int take_events(struct arrays_run *r, int64_t count)
{
    struct af_arrays *a = r->arrays;
    int64_t more = 0;
    for (int64_t i = 0; i < count; i++) {
        more += r->list[i].count;
        if (r->list[i].failed)
            return af_fail(AF_NO_MEMORY, "no memory for the events");
    }
    if (a->event_count + more > r->event_room) {
        int64_t room = 2 * r->event_room;
        room = room < a->event_count + more ? a->event_count + more : room;
        struct af_event *grown = realloc(a->event, (size_t)room * sizeof *grown);
        if (!grown)
            return af_fail(AF_NO_MEMORY, "no memory for %lld events", (long long)room);
        a->event = grown;
        r->event_room = room;
    }
    for (int64_t i = 0; i < count; i++) {
        if (r->list[i].count)
            memcpy(a->event + a->event_count, r->list[i].event,
                   (size_t)r->list[i].count * sizeof *a->event);
        a->event_count += r->list[i].count;
        r->list[i].count = 0;
    }
    return AF_OK;
}

static int run_chunk(struct af_device *device, struct arrays_run *r, int64_t count,
                     const struct af_run_options *o, struct af_sample *samples,
                     struct af_result *results)
{
    for (int64_t i = 0; i < count; i++)
        samples[i] = sample_at(r->arrays, r->first + i);
    int status = af_run(device, samples, count, o, results);
    if (status)
        return status;
    const int steps = o->timesteps ? o->timesteps : r->model->timesteps;
    for (int64_t i = 0; i < count; i++) {
        take_result(r, r->first + i, &results[i], steps);
        af_result_free(&results[i]);
    }
    return r->list ? take_events(r, count) : AF_OK;
}

static void lists_free(struct list *list)
{
    for (int64_t i = 0; list && i < CHUNK; i++)
        free(list[i].event);
    free(list);
}

static void discard(struct af_arrays *a)
{
    for (int64_t i = 0; a->profile && i < a->count; i++) {
        af_profile_free(a->profile[i]);
        a->profile[i] = NULL;
    }
    free(a->event);
    a->event = NULL;
    a->event_count = 0;
}

/* Samples that are run at a time. */
static int64_t chunk_of(const struct af_model *m)
{
    const int64_t each = model_output_at(m, m->population_count) * (int64_t)sizeof(float);
    const int64_t fit = OUTPUT_BYTES / (each + 1);
    return fit > CHUNK ? CHUNK : fit < CHUNK_LEAST ? CHUNK_LEAST : fit;
}

int af_run_arrays(struct af_device *device, struct af_arrays *a,
                  const struct af_run_options *options)
{
    struct af_run_options asked = {0};
    if (options)
        asked = *options;
    int status = check(a);
    if (!status && !device)
        status = af_fail(AF_BAD_ARGUMENT, "a device is needed");
    if (!status && a->keep_events && asked.on_event)
        status = af_fail(AF_BAD_ARGUMENT, "events are either kept or told");
    if (status)
        return status;
    a->event = NULL;
    a->event_count = 0;
    if (a->profile)
        memset((void *)a->profile, 0, (size_t)a->count * sizeof(struct af_profile *));
    struct arrays_run r = {.arrays = a, .asked = &asked, .model = device->model};
    struct af_run_options o = asked;
    o.trace = a->history != NULL;
    o.profile = a->profile != NULL;
    o.no_counts = !a->spikes && !a->events && !a->sops && !a->spike_sops && !a->adds;
    if (a->keep_events || asked.on_event) {
        o.on_event = a->keep_events ? keep_event : pass_event;
        o.on_event_context = &r;
    }
    if (asked.on_progress) {
        o.on_progress = pass_progress;
        o.on_progress_context = &r;
    }
    const size_t most = a->count < CHUNK ? (size_t)a->count + 1 : CHUNK;
    struct af_sample *samples = calloc(most, sizeof *samples);
    struct af_result *results = calloc(most, sizeof *results);
    r.list = a->keep_events ? calloc(CHUNK, sizeof *r.list) : NULL;
    if (!samples || !results || (a->keep_events && !r.list))
        status = af_fail(AF_NO_MEMORY, "no memory for a run");
    const int64_t chunk = chunk_of(device->model);
    for (; !status && r.first < a->count; r.first += chunk) {
        const int64_t left = a->count - r.first;
        status = run_chunk(device, &r, left < chunk ? left : chunk, &o, samples, results);
    }
    if (status)
        discard(a);
    lists_free(r.list);
    free(samples);
    free(results);
    return status;
}

int af_arrays_check(const struct af_model *m, const struct af_arrays *a,
                    void (*on_note)(void *context, const char *note), void *context)
{
    char sentence[300];
    struct value_range range = {0};
    if (!m || !on_note)
        return af_fail(AF_BAD_ARGUMENT, "a model and somebody to be told are needed");
    const int status = check(a);
    if (status || a->counts)
        return status;
    if (a->count && a->length != neuron_count(&m->population[0]))
        return af_fail(AF_BAD_ARGUMENT, "samples of %lld values; the model takes %lld",
                       (long long)a->length, (long long)neuron_count(&m->population[0]));
    for (int64_t i = 0; i < a->count && i < CHECKED; i++) {
        const struct af_sample s = sample_at(a, i);
        range_add(&range, s.type, s.data, s.length);
    }
    range_compare(&range, m, sizeof sentence, sentence);
    if (*sentence)
        on_note(context, sentence);
    return AF_OK;
}
