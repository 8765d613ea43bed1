#include "board/cpu.h"

#include "base/error.h"
#include "base/parallel.h"
#include "device/result.h"
#include "engine/engine.h"
#include "engine/lane.h"
#include "iat.h"

#include <stdlib.h>
#include <string.h>

struct worker {
    struct lane *lane;
    int16_t *counts;
    int32_t *sums; /* of one output population, [channels][height][width] */
};

struct cpu {
    struct af_device device;
    struct engine *engine;
    int threads;
    bool kept; /* the first worker's neurons have potentials that go on */
    struct worker *worker;
};

struct job {
    struct cpu *cpu;
    const struct af_sample *samples;
    const struct af_run_options *options;
    struct af_result *results;
};

static void gather_sums(const struct cpu *cpu, struct worker *w, int population)
{
    const struct neurons *p = &cpu->device.model->population[population];
    const int32_t *v = lane_potentials(w->lane, population);
    int stride = lane_stride(cpu->engine, population);
    int64_t area = (int64_t)p->shape[1] * p->shape[2];
    for (int c = 0; c < p->shape[0]; c++)
        for (int64_t j = 0; j < area; j++)
            w->sums[c * area + j] = v[j * stride + c];
}

static void fill_outputs(const struct cpu *cpu, struct worker *w, int steps, float *to)
{
    const struct af_model *m = cpu->device.model;
    for (int i = 0; i < m->population_count; i++)
        if (m->population[i].kind == AF_OUTPUT) {
            gather_sums(cpu, w, i);
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

static bool may_stop(const struct af_model *m, const struct worker *w, int output, int step)
{
    const struct early_exit *x = &m->iat;
    const struct neurons *p = &m->population[output];
    return iat_stops(lane_potentials(w->lane, output), p->shape[0], x->multiplier, x->shift,
                     x->metric, x->limit[step]);
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
        status = model_quantise_input(m, sample->type, sample->data, w->counts);
    if (status)
        return status;
    (cpu->kept ? lane_go_on : lane_begin)(w->lane, 1, last, sample->counts ? NULL : w->counts);
    for (int t = 0; t < steps; t++) {
        if (sample->counts)
            lane_input(w->lane, sample->counts + t * inputs);
        lane_step(w->lane, 1, last);
        r->timesteps = t + 1;
        if (o->on_event)
            tell_events(job, w, index, t);
        if (o->trace)
            fill_outputs(cpu, w, t + 1, r->history + (int64_t)t * r->output_size);
        if (iat && t + 1 < steps && may_stop(m, w, output, t))
            break;
    }
    fill_outputs(cpu, w, r->timesteps, r->output);
    for (int i = 0; i <= last; i++) {
        const struct activity *a = lane_activity(w->lane, i);
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
    struct job job = {(struct cpu *)device, samples, options, results};
    int status = AF_OK;
    job.cpu->kept &= options->keep_state;
    if (!options->keep_state)
        return parallel_for(job.cpu->threads, count, run_sample, &job, NULL);
    for (int64_t i = 0; !status && i < count; i++) {
        status = run_sample(&job, 0, i);
        job.cpu->kept = true;
    }
    return status;
}

static void cpu_close(struct af_device *device)
{
    struct cpu *cpu = (struct cpu *)device;
    for (int i = 0; cpu->worker && i < cpu->threads; i++) {
        lane_free(cpu->worker[i].lane);
        free(cpu->worker[i].counts);
        free(cpu->worker[i].sums);
    }
    free(cpu->worker);
    engine_free(cpu->engine);
    free(cpu);
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
    for (int i = 0; !status && i < cpu->threads; i++) {
        struct worker *w = &cpu->worker[i];
        status = lane_make(cpu->engine, &w->lane);
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
