/* Recordings of several frames, on any board: frame by frame, each from rest.
 *
 * A network that was trained on frames of a recording answers to each of them; what neurons still
 * owe from a frame that inhibited them must not silence them in the next. So each frame's timesteps
 * are an inference of their own, and the answer is the mean over all timesteps, as the ANN's is
 * over the frames. Early exit decides after each frame, on the sums so far. */
#include "device/recording.h"

#include "base/error.h"
#include "device/result.h"
#include "iat.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct recordings {
    struct af_device *device;
    const struct af_run_options *options;
    const struct af_sample *samples; /* all have counts */
    struct af_result *results;
    int outputs;
    int begin;             /* first timestep of the present frame */
    int64_t count;         /* recordings that still run */
    int64_t *index;        /* which they are */
    struct af_sample *now; /* their present frames */
    struct af_result *answer;
};

static void on_event(void *context, int64_t sample, int step, int population, int neuron, int burst)
{
    const struct recordings *r = context;
    r->options->on_event(r->options->on_event_context, r->index[sample], r->begin + step,
                         population, neuron, burst);
}

/* The frame's means join those of the timesteps before. */
static void join_outputs(const struct recordings *r, struct af_result *all,
                         const struct af_result *one)
{
    float before = (float)all->timesteps, here = (float)one->timesteps;
    for (int s = 0; one->history && s < one->timesteps; s++)
        for (int i = 0; i < r->outputs; i++) {
            float now = (float)(s + 1);
            all->history[(int64_t)(r->begin + s) * r->outputs + i] =
                (all->output[i] * before + one->history[(int64_t)s * r->outputs + i] * now) /
                (before + now);
        }
    for (int i = 0; i < r->outputs; i++)
        all->output[i] = (all->output[i] * before + one->output[i] * here) / (before + here);
}

static void join(const struct recordings *r, struct af_result *all, const struct af_result *one)
{
    join_outputs(r, all, one);
    all->timesteps += one->timesteps;
    all->cycles += one->cycles;
    for (int p = 0; p < r->device->model->population_count; p++) {
        all->spikes[p] += one->spikes[p];
        all->events[p] += one->events[p];
        all->sops[p] += one->sops[p];
        all->spike_sops[p] += one->spike_sops[p];
        if (one->adds)
            all->adds[p] += one->adds[p];
    }
    all->adds = one->adds ? all->adds : NULL;
}

/* By the integer test of every other sample, on the sums that the means stand for. */
static bool may_stop(const struct recordings *r, const struct af_result *all)
{
    const struct af_model *m = r->device->model;
    const struct early_exit *x = &m->iat;
    int32_t v[1024] = {0};
    const struct neurons *p = &m->population[model_answer(m)];
    const float *mean = all->output + model_output_at(m, model_answer(m));
    int classes = p->shape[0];
    if (x->metric == IAT_OFF || r->options->no_iat || classes > (int)(sizeof v / sizeof *v))
        return false;
    for (int64_t k = 0; k < output_values(p); k++)
        v[p->order ? p->order[k] : k] = (int32_t)lrint(
            (double)mean[k] * all->timesteps / (double)p->scale[p->order ? p->order[k] : k]);
    return iat_stops(v, classes, x->multiplier, x->shift, x->metric, x->limit[all->timesteps - 1]);
}

static int run_frame(struct recordings *r, int end)
{
    struct af_run_options o = *r->options;
    int64_t inputs = neuron_count(&r->device->model->population[0]), left = 0;
    o.timesteps = end - r->begin;
    o.no_iat = true;
    o.profile = false; /* of one frame it would mislead */
    if (o.on_event) {
        o.on_event = on_event;
        o.on_event_context = r;
    }
    for (int64_t i = 0; i < r->count; i++)
        r->now[i] =
            (struct af_sample){.counts = r->samples[r->index[i]].counts + r->begin * inputs};
    int status = device_run(r->device, r->now, r->count, &o, r->answer);
    for (int64_t i = 0; i < r->count; i++) {
        struct af_result *all = &r->results[r->index[i]];
        if (!status)
            join(r, all, &r->answer[i]);
        af_result_free(&r->answer[i]); /* a failed run left none */
        if (!status && !may_stop(r, all))
            r->index[left++] = r->index[i];
    }
    r->count = left;
    return status;
}

int recording_run(struct af_device *device, const struct af_sample *samples, int64_t count,
                  const struct af_run_options *options, struct af_result *results)
{
    struct recordings r = {.device = device,
                           .options = options,
                           .samples = samples,
                           .results = results,
                           .count = count};
    size_t n = (size_t)count;
    r.index = calloc(n, sizeof *r.index);
    r.now = calloc(n, sizeof *r.now);
    r.answer = calloc(n, sizeof *r.answer);
    int status = r.index && r.now && r.answer ? AF_OK : af_fail(AF_NO_MEMORY, "no memory");
    memset(results, 0, n * sizeof *results);
    for (int64_t i = 0; !status && i < count; i++) {
        r.index[i] = i;
        status = result_make(device->model, options->trace ? options->timesteps : 0, &r.results[i]);
        r.outputs = r.results[i].output_size;
    }
    for (int frame = 0; !status && r.count && r.begin < options->timesteps; frame++) {
        int end = model_frame_begin(device->model, options->timesteps, frame + 1);
        status = run_frame(&r, end);
        r.begin = end;
    }
    for (int64_t i = 0; status && i < count; i++)
        af_result_free(&results[i]);
    free(r.index);
    free(r.now);
    free(r.answer);
    return status;
}
