#include "convert/history.h"

#include "base/error.h"
#include "base/parallel.h"
#include "convert/rehearsal.h"
#include "iat.h"

#include <math.h>
#include <stdlib.h>

enum { STATE_MOST = 1 << 30 };

const int32_t *history_outputs(const struct history *h, int64_t sample, int step)
{
    return h->v + (sample * h->steps + step) * h->classes;
}

static double answers_lost(const struct af_model *m, int output, const float *chance,
                           const double *mean)
{
    const int *shape = m->population[output].shape;
    int64_t area = (int64_t)shape[1] * shape[2], n = shape[0] * area;
    double lost = 0;
    for (int64_t at = 0; at < area; at++) {
        int64_t should = at, does = at;
        for (int64_t k = at; k < n; k += area) {
            should = chance[k] > chance[should] ? k : should;
            does = mean[k] > mean[does] ? k : does;
        }
        lost += (double)chance[should] - (double)chance[does];
    }
    return lost / (double)area;
}

/* What a sample loses whose output is no vector of classes. */
static int lose_sample(const struct history *h, const struct lane *lane, int64_t sample)
{
    const struct recipe *recipe = h->recipe;
    const float *ann = recipe->reference->chance + sample * recipe->reference->ann_size;
    double *mean = malloc((size_t)recipe->reference->ann_size * 2 * sizeof *mean),
           *should = mean + recipe->reference->ann_size;
    if (!mean)
        return af_fail(AF_NO_MEMORY, "no memory");
    output_means(recipe->model, h->engine, lane, h->output, h->steps, mean);
    for (int64_t i = 0; i < recipe->reference->ann_size; i++)
        should[i] = (double)ann[i];
    h->lost[sample] = recipe->reference->loss == LOSS_ANSWERS
                          ? answers_lost(recipe->model, h->output, ann, mean)
                          : relative_error(should, mean, recipe->reference->ann_size);
    free(mean);
    return AF_OK;
}

/* Outputs of a network of codes count in a unit for each channel. */
static int32_t in_unit_of_first(const struct neurons *output, int channel, int32_t v)
{
    const float *scale = output->scale;
    if (scale[channel] == scale[0])
        return v;
    const double same = (double)v * (double)scale[channel] / (double)scale[0];
    return (int32_t)lrint(fmin(fmax(same, -STATE_MOST), STATE_MOST));
}

static int run_sample(void *context, int worker, int64_t sample)
{
    struct history *h = context;
    struct lane *lane = h->lane[worker];
    const struct af_model *m = h->recipe->model;
    const struct calibration *data = &h->recipe->reference->data;
    int last = m->population_count - 1;
    int64_t inputs = neuron_count(&m->population[0]);
    const int32_t *before = NULL; /* sums of the frames before */
    lane_begin(lane, 1, last, h->recordings ? NULL : data->counts + sample * inputs);
    for (int t = 0, frame = 1; t < h->steps; t++) {
        bool rest = h->recordings && t == model_frame_begin(m, h->steps, frame);
        frame += rest;
        if (rest)
            lane_begin(lane, 1, last, NULL);
        before = rest ? history_outputs(h, sample, t - 1) : before;
        if (h->recordings)
            lane_input(lane, h->recipe->recording + (sample * h->steps + t) * inputs);
        lane_step(lane, 1, last);
        int32_t *v = h->v ? h->v + (sample * h->steps + t) * h->classes : NULL;
        for (int k = 0; v && k < h->classes; k++)
            v[k] = in_unit_of_first(&m->population[h->output], k,
                                    lane_potentials(lane, h->output)[k]) +
                   (before ? before[k] : 0);
        for (int i = 1; h->spent && i <= last; i++) {
            struct operations *spent = &h->spent[sample * h->steps + t];
            spent->sops += (double)lane_activity(lane, i)->sops;
            spent->spike_sops += (double)lane_activity(lane, i)->spike_sops;
            spent->adds += (double)lane_activity(lane, i)->adds;
        }
    }
    for (int i = 1; !h->recordings && sample < data->samples && i <= last; i++) {
        const struct activity *a = lane_activity(lane, i);
        struct activity *sum = &h->activity[worker * m->population_count + i];
        sum->spikes += a->spikes;
        sum->events += a->events;
        sum->sops += a->sops;
        sum->spike_sops += a->spike_sops;
        sum->adds += a->adds;
    }
    return h->lost ? lose_sample(h, lane, sample) : AF_OK;
}

static void run_progress(void *context, int64_t done)
{
    struct history *h = context;
    (void)journal_progress(h->journal, "running the spiking network",
                           (double)done / (double)h->samples);
}

int largest_sum(const int32_t *v, int n)
{
    int best = 0;
    for (int i = 1; i < n; i++)
        best = v[i] > v[best] ? i : best;
    return best;
}

int largest_value(const float *v, int64_t n)
{
    int best = 0;
    for (int i = 1; i < n; i++)
        best = v[i] > v[best] ? i : best;
    return best;
}

/* A recording may stop where a frame of it ends. */
bool history_ends_frame(const struct history *h, int step)
{
    if (!h->recordings)
        return true;
    int frame = 1;
    while (model_frame_begin(h->recipe->model, h->steps, frame) <= step)
        frame++;
    return model_frame_begin(h->recipe->model, h->steps, frame) == step + 1;
}

/* The step after which a sample stops. */
int history_exit_step(const struct history *h, const struct early_exit *x, int64_t sample)
{
    int t = 0;
    while (t < h->steps - 1 && !(history_ends_frame(h, t) &&
                                 iat_stops(history_outputs(h, sample, t), h->classes, x->multiplier,
                                           x->shift, x->metric, x->limit[t])))
        t++;
    return t;
}

static int merge_activity(struct history *h, int workers)
{
    struct recipe *recipe = h->recipe;
    size_t n = (size_t)recipe->model->population_count;
    free(recipe->activity);
    recipe->activity = calloc(n, sizeof *recipe->activity);
    if (!recipe->activity)
        return af_fail(AF_NO_MEMORY, "no memory");
    for (size_t i = 0; i < n * (size_t)workers; i++) {
        struct activity *sum = &recipe->activity[i % n];
        sum->spikes += h->activity[i].spikes;
        sum->events += h->activity[i].events;
        sum->sops += h->activity[i].sops;
        sum->spike_sops += h->activity[i].spike_sops;
        sum->adds += h->activity[i].adds;
    }
    return AF_OK;
}

static int run_all(struct history *h, int threads)
{
    h->lane = calloc((size_t)threads, sizeof *h->lane);
    h->activity =
        calloc((size_t)threads * (size_t)h->recipe->model->population_count, sizeof *h->activity);
    int status = h->lane && h->activity ? engine_make(h->recipe->model, &h->engine)
                                        : af_fail(AF_NO_MEMORY, "no memory");
    if (!status)
        status = engine_count(h->engine);
    for (int i = 0; !status && i < threads; i++)
        status = lane_make(h->engine, &h->lane[i]);
    if (!status)
        status = parallel_for(threads, h->samples, run_sample, h, run_progress);
    if (!status)
        status = journal_progress(h->journal, "running the spiking network", 1);
    if (!status && !h->recordings)
        status = merge_activity(h, threads);
    for (int i = 0; h->lane && i < threads; i++)
        lane_free(h->lane[i]);
    free(h->lane);
    free(h->activity);
    engine_free(h->engine);
    return status;
}

void history_free(struct history *h)
{
    free(h->v);
    free(h->lost);
    free(h->spent);
    free(h->uncertainty);
}

int history_run(struct history *h, bool vector)
{
    const struct convert_options *o = &h->recipe->options;
    int status = AF_OK;
    if (vector) {
        size_t size = (size_t)h->samples * (size_t)h->steps * (size_t)h->classes;
        h->v = malloc(size * sizeof *h->v);
    } else if (h->recipe->reference->chance) {
        h->lost = calloc((size_t)h->samples, sizeof *h->lost);
    }
    if (vector || h->recipe->reference->chance) {
        h->spent = calloc((size_t)h->samples * (size_t)h->steps, sizeof *h->spent);
        status = (h->v || h->lost) && h->spent ? AF_OK : af_fail(AF_NO_MEMORY, "no memory");
    }
    return status ? status : run_all(h, o->threads > 0 ? o->threads : parallel_cores());
}
