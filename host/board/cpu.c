#include "board/cpu.h"

#include "base/error.h"
#include "base/parallel.h"
#include "base/team.h"
#include "device/result.h"
#include "engine/engine.h"
#include "engine/lane.h"
#include "iat.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct worker {
    struct lane *lane;
    struct lane *first; /* of the engine `first`; NULL: there is none */
    int16_t *counts;
    int32_t *sums; /* of one output population, [channels][height][width] */
};

struct cpu {
    struct af_device device;
    struct engine *engine;
    /* Of a model with signed bursts, for the first timestep alone, in which nothing can be taken
     * back: bursts are not signed, which is sooner computed. NULL: it would be the same. */
    struct engine *first;
    struct af_model unsigned_model;
    struct team *team;
    int threads;
    bool kept; /* the first worker's neurons have potentials that go on */
    struct worker *worker;
    int16_t *count; /* [channels][256] of bytes */
    double work;    /* engine_work */
    /* Samples that early exit could end after their first timestep, and that it did. */
    _Atomic int64_t could_end, ended;
};

/* A sample is a small part of this many nanoseconds of work, or is handed out alone. */
enum { GRAIN_NS = 50000, GRAIN_MOST = 64 };
/* Less than this is done before another thread is awake. */
enum { WORTH_WAKING_NS = 20000 };
/* A first timestep that keeps no potentials is tried while this many per cent end after it. */
enum { WORTH_TRYING = 60, TRIED_LEAST = 8 };

struct job {
    struct cpu *cpu;
    const struct af_sample *samples;
    const struct af_run_options *options;
    struct af_result *results;
};

static void gather_sums(const struct cpu *cpu, struct worker *w, const struct lane *lane,
                        int population)
{
    const struct neurons *p = &cpu->device.model->population[population];
    const int32_t *v = lane_potentials(lane, population);
    int stride = lane_stride(cpu->engine, population);
    int64_t area = (int64_t)p->shape[1] * p->shape[2];
    for (int c = 0; c < p->shape[0]; c++)
        for (int64_t j = 0; j < area; j++)
            w->sums[c * area + j] = v[j * stride + c];
}

static void fill_outputs(const struct cpu *cpu, struct worker *w, const struct lane *lane,
                         int steps, float *to)
{
    const struct af_model *m = cpu->device.model;
    for (int i = 0; i < m->population_count; i++)
        if (m->population[i].kind == AF_OUTPUT) {
            gather_sums(cpu, w, lane, i);
            to += result_output(m, i, w->sums, steps, to);
        }
}

static void tell_events(const struct job *job, const struct worker *w, int64_t sample, int step)
{
    const struct af_model *m = job->cpu->device.model;
    const struct af_run_options *o = job->options;
    for (int i = 0; i < m->population_count; i++) {
        const struct neurons *p = &m->population[i];
        bool analog = i == 0 && !job->samples[sample].counts;
        if (p->kind == AF_OUTPUT || analog)
            continue;
        const int16_t *events = lane_events(w->lane, i);
        int stride = lane_stride(job->cpu->engine, i);
        int64_t area = (int64_t)p->shape[1] * p->shape[2];
        for (int64_t j = 0; j < area; j++)
            for (int c = 0; c < p->shape[0]; c++)
                if (events[j * stride + c])
                    o->on_event(o->on_event_context, sample, step, i, (int)(c * area + j),
                                events[j * stride + c]);
    }
}

static bool may_stop(const struct af_model *m, const struct lane *lane, int output, int step)
{
    const struct early_exit *x = &m->iat;
    const struct neurons *p = &m->population[output];
    return iat_stops(lane_potentials(lane, output), p->shape[0], x->multiplier, x->shift, x->metric,
                     x->limit[step]);
}

/* model_check proves that nothing overflows for counts up to COUNT_LIMIT. */
static int check_counts(const int16_t *counts, int64_t n, int64_t sample)
{
    for (int64_t i = 0; i < n; i++)
        if (abs(counts[i]) > COUNT_LIMIT)
            return af_fail(AF_BAD_ARGUMENT, "sample %lld has a count of %d; the largest is %d",
                           (long long)sample, counts[i], COUNT_LIMIT);
    return AF_OK;
}

static int quantise(const struct cpu *cpu, const struct af_sample *sample, int16_t *counts)
{
    const struct af_model *m = cpu->device.model;
    const struct neurons *p = &m->population[0];
    const int64_t area = (int64_t)p->shape[1] * p->shape[2];
    const uint8_t *from = sample->data;
    if (sample->type != AF_U8)
        return model_quantise_input(m, sample->type, sample->data, counts);
    for (int c = 0; c < p->shape[0]; c++) {
        const int16_t *count = cpu->count + c * 256;
        for (int64_t j = 0; j < area; j++)
            *counts++ = count[*from++];
    }
    return AF_OK;
}

/* Most inferences end after one timestep: then it is run for itself, and anew where it was not the
 * last. What comes out is the same. */
static bool worth_trying(const struct cpu *cpu)
{
    const int64_t all = atomic_load_explicit(&cpu->could_end, memory_order_relaxed);
    const int64_t ended = atomic_load_explicit(&cpu->ended, memory_order_relaxed);
    return all >= TRIED_LEAST && ended * 100 >= all * WORTH_TRYING;
}

static void begin(const struct job *job, const struct worker *w, struct lane *lane,
                  const struct af_sample *sample, int steps)
{
    const bool keeps = job->options->keep_state; /* what the last timestep leaves, too */
    lane_plan(lane, keeps ? 0 : steps, job->options->no_counts ? COUNT_NONE : COUNT_ALL);
    (job->cpu->kept ? lane_go_on : lane_begin)(
        lane, 1, job->cpu->device.model->population_count - 1, sample->counts ? NULL : w->counts);
}

static void step(struct lane *lane, const struct af_sample *sample, int64_t inputs, int t, int last)
{
    if (sample->counts)
        lane_input(lane, sample->counts + t * inputs);
    lane_step(lane, 1, last);
}

static int run_sample(void *context, int worker, int64_t index)
{
    struct job *job = context;
    struct cpu *cpu = job->cpu;
    struct worker *w = &cpu->worker[worker];
    const struct af_model *m = cpu->device.model;
    const struct af_run_options *o = job->options;
    const struct af_sample *sample = &job->samples[index];
    struct af_result *r = &job->results[index];
    int64_t inputs = neuron_count(&m->population[0]);
    const int output = model_answer(m);
    int last = m->population_count - 1, steps = o->timesteps;
    bool iat = m->iat.metric != IAT_OFF && !o->no_iat;
    int status = result_make(m, o->trace ? steps : 0, r);
    if (!status && sample->counts)
        status = check_counts(sample->counts, steps * inputs, index);
    else if (!status)
        status = quantise(cpu, sample, w->counts);
    if (status)
        return status;
    struct lane *lane = w->lane;
    bool ends = false;
    if ((steps == 1 || (iat && worth_trying(cpu))) && !o->on_event && !o->trace && !o->keep_state) {
        lane = w->first ? w->first : w->lane;
        begin(job, w, lane, sample, 1);
        step(lane, sample, inputs, 0, last);
        r->timesteps = 1;
        ends = steps == 1 || may_stop(m, lane, output, 0);
    }
    if (!ends) {
        lane = w->lane;
        begin(job, w, lane, sample, steps);
    }
    for (int t = 0; !ends && t < steps; t++) {
        step(lane, sample, inputs, t, last);
        r->timesteps = t + 1;
        if (o->on_event)
            tell_events(job, w, index, t);
        if (o->trace)
            fill_outputs(cpu, w, lane, t + 1, r->history + (int64_t)t * r->output_size);
        ends = iat && t + 1 < steps && may_stop(m, lane, output, t);
    }
    if (iat && steps > 1) {
        atomic_fetch_add_explicit(&cpu->could_end, 1, memory_order_relaxed);
        atomic_fetch_add_explicit(&cpu->ended, r->timesteps == 1, memory_order_relaxed);
    }
    fill_outputs(cpu, w, lane, r->timesteps, r->output);
    for (int i = 0; i <= last; i++) {
        const struct activity *a = lane_activity(lane, i);
        r->spikes[i] = a->spikes;
        r->events[i] = a->events;
        r->sops[i] = a->sops;
        r->spike_sops[i] = a->spike_sops;
        r->adds[i] = a->adds;
    }
    return AF_OK;
}

static int cpu_run(struct af_device *device, const struct af_sample *samples, int64_t count,
                   const struct af_run_options *options, struct af_result *results)
{
    struct cpu *cpu = (struct cpu *)device;
    struct job job = {cpu, samples, options, results};
    int status = options->no_counts ? AF_OK : engine_count(cpu->engine);
    if (!status && !options->no_counts && cpu->first)
        status = engine_count(cpu->first);
    if (status)
        return status;
    /* Few samples: all threads do one together, if it is long enough for that. */
    const bool together =
        (count < team_size(cpu->team) || options->keep_state) && cpu->work > WORTH_WAKING_NS;
    status = lane_share(cpu->worker[0].lane, together ? cpu->team : NULL);
    if (!status && cpu->first)
        status = lane_share(cpu->worker[0].first, together ? cpu->team : NULL);
    if (status)
        return status;
    cpu->kept &= options->keep_state;
    for (int64_t i = 0; options->keep_state && i < count; i++) {
        status = run_sample(&job, 0, i);
        if (status)
            return status;
        cpu->kept = true;
    }
    if (options->keep_state)
        return AF_OK;
    int64_t grain = (int64_t)(GRAIN_NS / (cpu->work * options->timesteps + 1)) + 1;
    if (grain > GRAIN_MOST)
        grain = GRAIN_MOST;
    const bool alone = together || (double)count * cpu->work < WORTH_WAKING_NS;
    return team_for(cpu->team, count, alone ? count : grain, run_sample, &job);
}

static void cpu_close(struct af_device *device)
{
    struct cpu *cpu = (struct cpu *)device;
    for (int i = 0; cpu->worker && i < cpu->threads; i++) {
        lane_free(cpu->worker[i].lane);
        lane_free(cpu->worker[i].first);
        free(cpu->worker[i].counts);
        free(cpu->worker[i].sums);
    }
    free(cpu->worker);
    free(cpu->count);
    team_free(cpu->team);
    engine_free(cpu->engine);
    engine_free(cpu->first);
    free(cpu->unsigned_model.population);
    free(cpu);
}

static int make_first(struct cpu *cpu)
{
    const struct af_model *m = cpu->device.model;
    struct af_model *u = &cpu->unsigned_model;
    const size_t bytes = (size_t)m->population_count * sizeof *m->population;
    bool any = false;
    for (int i = 0; i < m->population_count; i++)
        any = any || (m->population[i].signed_bursts && m->population[i].kind == AF_RELU);
    if (!any || (m->timesteps > 1 && m->iat.metric == IAT_OFF))
        return AF_OK;
    *u = *m;
    if (!(u->population = malloc(bytes)))
        return af_fail(AF_NO_MEMORY, "no memory");
    memcpy(u->population, m->population, bytes);
    for (int i = 0; i < m->population_count; i++)
        u->population[i].signed_bursts = false;
    return engine_make(u, &cpu->first);
}

int cpu_open(const struct board *board, const struct af_device_options *options,
             const struct af_model *model, struct af_device **device)
{
    static const struct device_operations operations = {cpu_run, cpu_close};
    (void)board;
    *device = NULL;
    struct cpu *cpu = calloc(1, sizeof *cpu);
    if (!cpu)
        return af_fail(AF_NO_MEMORY, "no memory");
    cpu->device = (struct af_device){
        .operations = &operations, .model = model, .sends_events = true, .keeps_state = true};
    cpu->threads = options->threads > 0 ? options->threads : parallel_cores();
    int64_t largest = 0;
    for (int i = 0; i < model->population_count; i++)
        if (model->population[i].kind == AF_OUTPUT && neuron_count(&model->population[i]) > largest)
            largest = neuron_count(&model->population[i]);
    cpu->worker = calloc((size_t)cpu->threads, sizeof *cpu->worker);
    int status =
        cpu->worker ? engine_make(model, &cpu->engine) : af_fail(AF_NO_MEMORY, "no memory");
    if (!status)
        status = make_first(cpu);
    if (!status)
        status = team_make(cpu->threads, &cpu->team);
    if (!status &&
        !(cpu->count = malloc((size_t)model->population[0].shape[0] * 256 * sizeof *cpu->count)))
        status = af_fail(AF_NO_MEMORY, "no memory");
    for (int c = 0; !status && c < model->population[0].shape[0]; c++)
        model_count_bytes(model, c, cpu->count + c * 256);
    if (!status)
        cpu->work = engine_work(cpu->engine);
    for (int i = 0; !status && i < cpu->threads; i++) {
        struct worker *w = &cpu->worker[i];
        status = lane_make(cpu->engine, &w->lane);
        if (!status && cpu->first)
            status = lane_make(cpu->first, &w->first);
        w->counts = calloc((size_t)neuron_count(&model->population[0]), sizeof *w->counts);
        w->sums = calloc((size_t)largest, sizeof *w->sums);
        if (!status && (!w->counts || !w->sums))
            status = af_fail(AF_NO_MEMORY, "no memory");
    }
    if (status)
        cpu_close(&cpu->device);
    else
        *device = &cpu->device;
    return status;
}
