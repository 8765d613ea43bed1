#include "convert/moments.h"

#include "base/error.h"
#include "base/parallel.h"
#include "convert/rounding.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_MOST = 640, POSITIONS = 4096 };
#define DAMPING 0.01 /* of the mean square, added to each: few samples predict too well */

/* A projection to be measured. */
struct site {
    int population, projection;
};

struct moments {
    const struct reference *ref;
    struct site *site;
    int count;
    float ***value; /* [batch][population] */
    int64_t first;  /* sample of the batch */
    int batch;
};

static const struct wiring *wiring_at(const struct reference *ref, const struct site *s)
{
    return &ref->network->population[s->population].projection[s->projection].wiring;
}

/* Whole channels. */
static int block_size(const struct wiring *w)
{
    int taps = w->kernel[0] * w->kernel[1], channels = BLOCK_MOST / taps;
    int fan_in = wiring_fan_in(w);
    if (channels >= fan_in)
        return fan_in * taps;
    return channels > 0 ? channels * taps : BLOCK_MOST;
}

/* Adds x x' to the moments of a row's blocks, above the diagonal. Most inputs are 0. */
static void add_position(const struct rounding *r, int64_t row, const float *x, double *to)
{
    int active[BLOCK_MOST];
    for (int64_t from = 0; from < row; from += r->block, to += (int64_t)r->block * r->block) {
        const float *in = x + from;
        int n = row - from < r->block ? (int)(row - from) : r->block, count = 0;
        for (int i = 0; i < n; i++)
            if (in[i] != 0)
                active[count++] = i;
        for (int a = 0; a < count; a++) {
            double *line = to + active[a] * r->block;
            for (int b = a; b < count; b++)
                line[active[b]] += (double)in[active[a]] * (double)in[active[b]];
        }
    }
}

/* Positions of a sample that are looked at. */
static int64_t positions_of(const struct reference *ref, const struct wiring *w)
{
    const int64_t area = (int64_t)w->block[1] * w->block[2];
    const int64_t count = (POSITIONS + ref->data.samples - 1) / ref->data.samples;
    return count < area ? count : area;
}

/* Of one position and group: an input that is active is an event. */
static void add_events(const float *x, int64_t row, float share, float *events)
{
    for (int64_t i = 0; i < row; i++)
        events[i] += x[i] != 0 ? share : 0;
}

/* Of a sample: a pooled input has an event for each active neuron in its window. */
static void add_pooled_events(const struct reference *ref, const struct wiring *w,
                              float *const *value, float share, float *events)
{
    const int *shape = ref->network->population[w->source].shape;
    const int taps = w->kernel[0] * w->kernel[1];
    const int64_t area = (int64_t)shape[1] * shape[2];
    for (int i = 0; i < w->channels; i++) {
        const float *map = value[w->source] + w->map[i] * area;
        int64_t active = 0;
        for (int64_t j = 0; j < area; j++)
            active += map[j] != 0;
        for (int k = 0; k < taps; k++)
            events[i * taps + k] +=
                share * (float)active / (float)area * (float)(w->pool[0] * w->pool[1]);
    }
}

static int add_sample(const struct moments *m, const struct site *s, float *const *value,
                      int64_t sample)
{
    const struct wiring *w = wiring_at(m->ref, s);
    struct rounding *r = &m->ref->statistics[s->population].rounding[s->projection];
    const int64_t row = wiring_row(w), area = (int64_t)w->block[1] * w->block[2];
    const int64_t count = positions_of(m->ref, w);
    const float share = 1.0f / (float)m->ref->data.samples;
    size_t group = (size_t)rounding_blocks(r, row) * (size_t)r->block * (size_t)r->block;
    float *patch = malloc((size_t)(count * w->groups * row) * sizeof *patch);
    int64_t *at = malloc((size_t)count * sizeof *at);
    int status = patch && at ? AF_OK : af_fail(AF_NO_MEMORY, "no memory for a layer's inputs");
    for (int64_t k = 0; !status && k < count; k++)
        at[k] = (k * area / count + sample) % area; /* other ones of every sample */
    if (!status)
        status =
            network_patches(m->ref->network, s->population, s->projection, value, count, at, patch);
    for (int64_t k = 0; !status && k < count * w->groups; k++) {
        const int64_t g = k % w->groups;
        add_position(r, row, patch + k * row, r->feedback + (size_t)g * group);
        if (!wiring_has_pool(w))
            add_events(patch + k * row, row, share / (float)count, r->events + g * row);
    }
    if (!status && wiring_has_pool(w))
        add_pooled_events(m->ref, w, value, share, r->events);
    free(patch);
    free(at);
    return status;
}

static int add_batch(void *context, int worker, int64_t i)
{
    const struct moments *m = context;
    int status = AF_OK;
    (void)worker;
    for (int k = 0; !status && k < m->batch; k++)
        status = add_sample(m, &m->site[i], m->value[k], m->first + k);
    return status;
}

static int run_ann(void *context, int worker, int64_t i)
{
    const struct moments *m = context;
    int64_t inputs = network_neurons(&m->ref->network->population[0]);
    const int16_t *counts = m->ref->data.counts + (m->first + i) * inputs;
    (void)worker;
    for (int64_t k = 0; k < inputs; k++)
        m->value[i][0][k] = counts[k];
    return network_forward(m->ref->network, m->value[i]);
}

/* In place: the moments of so many positions above the diagonal to feedback, row i's j > i by how
 * much input j's share of input i is; on the diagonal R_ii^2. */
static int predict(double *h, int n, int stride, double positions)
{
    double *v = calloc((size_t)n * (size_t)n, sizeof *v); /* the inverse of R, transposed */
    double mean = 0;
    if (!v)
        return af_fail(AF_NO_MEMORY, "no memory");
    for (int i = 0; i < n; i++)
        mean += h[i * stride + i] / n;
    for (int i = 0; i < n; i++)
        h[i * stride + i] += mean > 0 ? DAMPING * mean : 1;
    /* R over H, from the last column. */
    for (int j = n - 1; j >= 0; j--) {
        const double *rj = h + j * stride;
        for (int i = j; i >= 0; i--) {
            double *ri = h + i * stride, sum = ri[j];
            for (int k = j + 1; k < n; k++)
                sum -= ri[k] * rj[k];
            ri[j] = i == j ? sqrt(sum) : sum / rj[j];
        }
    }
    for (int j = 0; j < n; j++) {
        double *vj = v + (size_t)j * (size_t)n;
        vj[j] = 1 / h[j * stride + j];
        for (int i = j - 1; i >= 0; i--) {
            const double *ri = h + i * stride;
            double sum = 0;
            for (int k = i + 1; k <= j; k++)
                sum += ri[k] * vj[k];
            vj[i] = -sum / ri[i];
        }
    }
    for (int i = 0; i < n; i++) {
        double ri = h[i * stride + i];
        for (int j = i + 1; j < n; j++)
            h[i * stride + j] = v[(size_t)j * (size_t)n + (size_t)i] * ri;
        h[i * stride + i] = ri * ri / positions;
    }
    free(v);
    return AF_OK;
}

static int predict_site(void *context, int worker, int64_t i)
{
    const struct moments *m = context;
    const struct wiring *w = wiring_at(m->ref, &m->site[i]);
    struct rounding *r = &m->ref->statistics[m->site[i].population].rounding[m->site[i].projection];
    int64_t row = wiring_row(w);
    const double positions = (double)(positions_of(m->ref, w) * m->ref->data.samples);
    double *h = r->feedback;
    int status = AF_OK;
    (void)worker;
    for (int g = 0; g < w->groups; g++)
        for (int64_t from = 0; !status && from < row; from += r->block) {
            int n = row - from < r->block ? (int)(row - from) : r->block;
            status = predict(h, n, r->block, positions);
            h += (int64_t)r->block * r->block;
        }
    return status;
}

static int find_sites(struct moments *m)
{
    const struct network *net = m->ref->network;
    int most = 0;
    for (int p = 0; p < net->population_count; p++)
        most += net->population[p].projection_count;
    m->site = calloc((size_t)most + 1, sizeof *m->site);
    if (!m->site)
        return af_fail(AF_NO_MEMORY, "no memory");
    for (int p = 0; p < net->population_count; p++) {
        const struct population *pop = &net->population[p];
        struct population_statistics *s = &m->ref->statistics[p];
        s->rounding = calloc((size_t)pop->projection_count + 1, sizeof *s->rounding);
        if (!s->rounding)
            return af_fail(AF_NO_MEMORY, "no memory");
        for (int k = 0; k < pop->projection_count; k++) {
            const struct wiring *w = &pop->projection[k].wiring;
            struct rounding *r = &s->rounding[k];
            int64_t row = wiring_row(w);
            if (!pop->projection[k].weight || row < 2)
                continue; /* nothing to make up with */
            r->block = block_size(w);
            size_t blocks = (size_t)w->groups * (size_t)rounding_blocks(r, row);
            r->feedback = calloc(blocks * (size_t)r->block * (size_t)r->block, sizeof(double));
            r->events = calloc((size_t)(w->groups * row), sizeof *r->events);
            if (!r->feedback || !r->events)
                return af_fail(AF_NO_MEMORY, "no memory for a layer's moments");
            m->site[m->count++] = (struct site){p, k};
        }
    }
    return AF_OK;
}

static int make_values(struct moments *m)
{
    m->value = calloc((size_t)m->batch, sizeof *m->value);
    for (int i = 0; m->value && i < m->batch; i++)
        if (!(m->value[i] = network_values(m->ref->network)))
            return af_fail(AF_NO_MEMORY, "no memory for the network's activations");
    return m->value ? AF_OK : af_fail(AF_NO_MEMORY, "no memory");
}

static void free_values(struct moments *m, int batch)
{
    for (int i = 0; m->value && i < batch; i++)
        network_values_free(m->ref->network, m->value[i]);
    free(m->value);
}

int reference_measure_inputs(struct reference *ref, int threads, struct journal *journal)
{
    int64_t samples = ref->data.samples;
    struct moments m = {.ref = ref, .batch = threads};
    int status = find_sites(&m);
    if (!status)
        status = make_values(&m);
    for (; !status && m.first < samples; m.first += threads) {
        m.batch = samples - m.first < threads ? (int)(samples - m.first) : threads;
        status = journal_progress(journal, "measuring layers' inputs",
                                  (double)m.first / (double)samples);
        if (!status)
            status = parallel_for(threads, m.batch, run_ann, &m, NULL);
        if (!status)
            status = parallel_for(threads, m.count, add_batch, &m, NULL);
    }
    if (!status)
        status = parallel_for(threads, m.count, predict_site, &m, NULL);
    free_values(&m, threads);
    free(m.site);
    return status;
}
