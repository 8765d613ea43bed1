#include "convert/statistics.h"

#include "base/error.h"
#include "base/parallel.h"
#include "convert/weigh.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Sums are kept in fixed point: integer addition makes them independent of the threads' order. The
 * channel's largest value takes 40 bits, which leaves room for as many samples as are ever read. */
static double fixed_point(float largest)
{
    return largest > 0 ? ldexp(1, 39 - ilogbf(largest)) : 1;
}

struct worker {
    float **value;   /* [population] activations of one sample */
    float **largest; /* [population][channel] */
    uint32_t **histogram;
    int64_t **sum; /* [population][neuron] */
};

struct measure {
    struct reference *ref;
    struct journal *journal;
    struct worker *worker;
    int64_t samples; /* of this pass */
    bool histograms; /* the second pass */
    int answer;
};

static void take_largest(const struct population *p, const float *v, float *largest)
{
    int64_t area = (int64_t)p->shape[1] * p->shape[2];
    for (int ch = 0; ch < p->shape[0]; ch++)
        for (int64_t i = 0; i < area; i++)
            largest[ch] =
                isfinite(v[ch * area + i]) ? fmaxf(largest[ch], fabsf(v[ch * area + i])) : INFINITY;
}

static void take_histogram(const struct population *p, const float *v, const float *largest,
                           uint32_t *histogram, int64_t *sum)
{
    int64_t area = (int64_t)p->shape[1] * p->shape[2];
    for (int ch = 0; ch < p->shape[0]; ch++) {
        float scale = largest[ch] > 0 ? STATISTICS_BINS / largest[ch] : 0;
        scale = isfinite(scale) ? scale : 0; /* of a subnormal number */
        double unit = fixed_point(largest[ch]);
        uint32_t *bins = histogram ? histogram + (size_t)ch * STATISTICS_BINS : NULL;
        for (int64_t i = ch * area; i < (ch + 1) * area; i++) {
            sum[i] += (int64_t)nearbyint((double)v[i] * unit);
            int bin = (int)(fabsf(v[i]) * scale);
            if (bins)
                bins[bin < STATISTICS_BINS ? bin : STATISTICS_BINS - 1]++;
        }
    }
}

/* A softmax over the channels of every position. */
static void take_chances(const struct reference *ref, int64_t area, int64_t sample,
                         const float *out)
{
    float *to = ref->chance + sample * ref->ann_size;
    memcpy(to, out, (size_t)ref->ann_size * sizeof *to);
    for (int64_t at = 0; ref->loss == LOSS_ANSWERS && at < area; at++) {
        float most = out[at], sum = 0;
        for (int64_t k = at; k < ref->ann_size; k += area)
            most = fmaxf(most, out[k]);
        for (int64_t k = at; k < ref->ann_size; k += area)
            sum += to[k] = expf(out[k] - most);
        for (int64_t k = at; k < ref->ann_size; k += area)
            to[k] /= sum;
    }
}

static int measure_sample(void *context, int worker, int64_t sample)
{
    struct measure *m = context;
    struct worker *w = &m->worker[worker];
    const struct network *net = m->ref->network;
    int64_t inputs = network_neurons(&net->population[0]);
    const int16_t *counts = m->ref->data.counts + sample * inputs;
    for (int64_t i = 0; i < inputs; i++)
        w->value[0][i] = counts[i];
    int status = network_forward(net, w->value);
    if (status)
        return status;
    const float *out = w->value[m->answer];
    if (m->ref->chance && !m->histograms)
        take_chances(m->ref, m->ref->ann_size / net->population[m->answer].shape[0], sample, out);
    if (sample >= m->ref->data.samples)
        return AF_OK;
    for (int p = 0; p < net->population_count; p++) {
        const struct population *pop = &net->population[p];
        if (m->histograms)
            take_histogram(pop, w->value[p], m->ref->statistics[p].largest, w->histogram[p],
                           w->sum[p]);
        else
            take_largest(pop, w->value[p], w->largest[p]);
    }
    if (!m->histograms)
        memcpy(m->ref->ann + sample * m->ref->ann_size, out,
               (size_t)m->ref->ann_size * sizeof *out);
    return AF_OK;
}

/* A cancelled one is noticed when the loop ends. */
static void report_progress(void *context, int64_t done)
{
    struct measure *m = context;
    double half = (double)done / (double)m->samples / 2;
    (void)journal_progress(m->journal, "running the ANN", m->histograms ? 0.5 + half : half);
}

static void worker_free(const struct network *net, struct worker *w)
{
    for (int p = 0; p < net->population_count; p++) {
        if (w->largest)
            free(w->largest[p]);
        if (w->histogram)
            free(w->histogram[p]);
        if (w->sum)
            free(w->sum[p]);
    }
    network_values_free(net, w->value);
    free(w->largest);
    free(w->histogram);
    free(w->sum);
}

static int worker_make(const struct network *net, struct worker *w)
{
    size_t n = (size_t)net->population_count;
    w->value = network_values(net);
    w->largest = calloc(n, sizeof *w->largest);
    w->histogram = calloc(n, sizeof *w->histogram);
    w->sum = calloc(n, sizeof *w->sum);
    bool good = w->value && w->largest && w->histogram && w->sum;
    for (int p = 0; good && p < net->population_count; p++) {
        const struct population *pop = &net->population[p];
        size_t neurons = (size_t)network_neurons(pop), channels = (size_t)pop->shape[0];
        good = (w->largest[p] = calloc(channels, sizeof(float))) &&
               (w->sum[p] = calloc(neurons, sizeof(int64_t)));
        if (good && network_fires(pop->kind))
            good = (w->histogram[p] = calloc(channels * STATISTICS_BINS, sizeof(uint32_t))) != NULL;
    }
    return good ? AF_OK : af_fail(AF_NO_MEMORY, "no memory for the network's activations");
}

static int merge_largest(struct reference *ref, const struct worker *w, int workers)
{
    for (int p = 0; p < ref->network->population_count; p++) {
        const struct population *pop = &ref->network->population[p];
        struct population_statistics *s = &ref->statistics[p];
        s->largest = calloc((size_t)pop->shape[0], sizeof *s->largest);
        if (!s->largest)
            return af_fail(AF_NO_MEMORY, "no memory");
        for (int i = 0; i < workers; i++)
            for (int ch = 0; ch < pop->shape[0]; ch++)
                s->largest[ch] = fmaxf(s->largest[ch], w[i].largest[p][ch]);
        for (int ch = 0; ch < pop->shape[0]; ch++)
            if (!isfinite(s->largest[ch]))
                return af_fail(AF_BAD_FILE,
                               "'%.80s': the network computes a value that is not finite",
                               pop->name);
    }
    return AF_OK;
}

static int merge_sums(struct reference *ref, const struct worker *w, int workers)
{
    for (int p = 0; p < ref->network->population_count; p++) {
        const struct population *pop = &ref->network->population[p];
        struct population_statistics *s = &ref->statistics[p];
        int64_t neurons = network_neurons(pop), area = neurons / pop->shape[0];
        size_t bins = (size_t)pop->shape[0] * STATISTICS_BINS;
        s->mean = calloc((size_t)pop->shape[0], sizeof *s->mean);
        s->neuron_mean = calloc((size_t)neurons, sizeof *s->neuron_mean);
        s->histogram = network_fires(pop->kind) ? calloc(bins, sizeof *s->histogram) : NULL;
        if (!s->mean || !s->neuron_mean || (network_fires(pop->kind) && !s->histogram))
            return af_fail(AF_NO_MEMORY, "no memory");
        for (int64_t n = 0; n < neurons; n++) {
            int64_t sum = 0;
            for (int i = 0; i < workers; i++)
                sum += w[i].sum[p][n];
            s->neuron_mean[n] =
                (double)sum / fixed_point(s->largest[n / area]) / (double)ref->data.samples;
            s->mean[n / area] += s->neuron_mean[n] / (double)area;
        }
        for (int i = 0; s->histogram && i < workers; i++)
            for (size_t b = 0; b < bins; b++)
                s->histogram[b] += w[i].histogram[p][b];
    }
    return AF_OK;
}

/* A mean current is that of the mean outputs before it. */
static int take_currents(struct reference *ref)
{
    const struct network *net = ref->network;
    size_t n = (size_t)net->population_count;
    float **value = calloc(n, sizeof *value), *current = NULL;
    int status = value ? AF_OK : af_fail(AF_NO_MEMORY, "no memory");
    for (int p = 0; !status && p < net->population_count; p++) {
        const struct population *pop = &net->population[p];
        struct population_statistics *s = &ref->statistics[p];
        int64_t neurons = network_neurons(pop), area = neurons / pop->shape[0];
        free(current);
        current = malloc((size_t)neurons * sizeof *current);
        value[p] = malloc((size_t)neurons * sizeof **value);
        s->current = calloc((size_t)pop->shape[0], sizeof *s->current);
        if (!current || !value[p] || !s->current)
            status = af_fail(AF_NO_MEMORY, "no memory");
        for (int64_t i = 0; !status && i < neurons; i++)
            value[p][i] = (float)s->neuron_mean[i];
        if (status || !(network_fires(pop->kind) || pop->kind == AF_OUTPUT))
            continue;
        status = network_current(net, p, value, current);
        for (int64_t i = 0; !status && i < neurons; i++)
            s->current[i / area] += (double)current[i] / (double)area;
    }
    for (size_t p = 0; value && p < n; p++)
        free(value[p]);
    free(value);
    free(current);
    return status;
}

static int by_value(const void *a, const void *b)
{
    const float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

/* By how much a sample's largest output is ahead of the next. */
static float lead_of(const float *v, int64_t n)
{
    float most = -INFINITY, next = -INFINITY;
    for (int64_t k = 0; k < n; k++) {
        next = v[k] > most ? most : fmaxf(next, v[k]);
        most = fmaxf(most, v[k]);
    }
    return most - next;
}

static int find_lead(struct reference *ref)
{
    const int64_t samples = ref->data.samples;
    float *ahead = malloc((size_t)samples * sizeof *ahead);
    if (!ahead)
        return af_fail(AF_NO_MEMORY, "no memory");
    for (int64_t i = 0; i < samples; i++)
        ahead[i] = lead_of(ref->ann + i * ref->ann_size, ref->ann_size);
    qsort(ahead, (size_t)samples, sizeof *ahead, by_value);
    const double median = (double)ahead[samples / 2];
    ref->lead = median > 0 && isfinite(median) ? median : 1;
    free(ahead);
    return AF_OK;
}

int reference_measure(struct reference *ref, bool chances, int threads, struct journal *journal)
{
    const struct network *net = ref->network;
    struct measure m = {.ref = ref, .journal = journal, .answer = network_answer(net)};
    ref->ann_size = network_neurons(&net->population[m.answer]);
    ref->statistics = calloc((size_t)net->population_count, sizeof *ref->statistics);
    ref->ann = malloc((size_t)(ref->data.samples * ref->ann_size) * sizeof *ref->ann);
    m.samples = ref->data.samples + (chances ? ref->data.further : 0);
    if (chances)
        ref->chance = malloc((size_t)(m.samples * ref->ann_size) * sizeof *ref->chance);
    m.worker = calloc((size_t)threads, sizeof *m.worker);
    int status = ref->statistics && ref->ann && m.worker && (ref->chance || !chances)
                     ? AF_OK
                     : af_fail(AF_NO_MEMORY, "no memory");
    for (int i = 0; !status && i < threads; i++)
        status = worker_make(net, &m.worker[i]);
    if (!status)
        status = parallel_for(threads, m.samples, measure_sample, &m, report_progress);
    if (!status)
        status = journal_progress(journal, "running the ANN", 0.5);
    if (!status)
        status = merge_largest(ref, m.worker, threads);
    m.histograms = true;
    m.samples = ref->data.samples;
    if (!status)
        status = parallel_for(threads, ref->data.samples, measure_sample, &m, report_progress);
    if (!status)
        status = journal_progress(journal, "running the ANN", 1);
    if (!status)
        status = merge_sums(ref, m.worker, threads);
    if (!status)
        status = take_currents(ref);
    if (!status)
        status = reference_weigh(ref);
    if (!status)
        status = find_lead(ref);
    for (int i = 0; m.worker && i < threads; i++)
        worker_free(net, &m.worker[i]);
    free(m.worker);
    return status;
}

int reference_answer_recordings(struct reference *ref, int frames)
{
    const struct network *net = ref->network;
    struct calibration data = ref->data;
    struct worker w = {0};
    int64_t inputs = network_neurons(&net->population[0]);
    int output = network_answer(net), steps = frames > 1 ? frames : 1;
    int status = data.record(data.record_context, steps, &data);
    float *sum = malloc((size_t)ref->ann_size * sizeof *sum);
    ref->recorded = calloc((size_t)data.recordings + 1, sizeof *ref->recorded);
    if (!status)
        status = sum && ref->recorded ? worker_make(net, &w) : af_fail(AF_NO_MEMORY, "no memory");
    const int16_t *counts = data.recording;
    float *input = status ? NULL : w.value[0];
    for (int64_t i = 0; input && !status && i < data.recordings; i++) {
        memset(sum, 0, (size_t)ref->ann_size * sizeof *sum);
        for (int step = 0; !status && step < steps; step++) {
            for (int64_t k = 0; k < inputs; k++)
                input[k] = *counts++;
            status = network_forward(net, w.value);
            for (int64_t k = 0; k < ref->ann_size; k++)
                sum[k] += w.value[output][k];
        }
        for (int k = 1; k < ref->ann_size; k++)
            ref->recorded[i] = sum[k] > sum[ref->recorded[i]] ? k : ref->recorded[i];
    }
    worker_free(net, &w);
    free(data.recording);
    free(sum);
    return status;
}
