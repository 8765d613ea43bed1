#include "convert/rehearsal.h"

#include "base/error.h"
#include "base/parallel.h"
#include "convert/quantise.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MEMORY_LIMIT_MB = 4096 };
/* The softmax that sensitivity compares, in leads of the ANN's. Sharper, a few uncertain samples
 * decide, and the searches follow their noise; by the outputs' spread, the few that are largest. */
#define SOFTNESS 1.25

static size_t record_size(const struct rehearsal *r, int population)
{
    const struct neurons *p = &r->recipe->model->population[population];
    return (size_t)p->shape[1] * (size_t)p->shape[2] * (size_t)lane_stride(r->engine, population) *
           sizeof(int16_t);
}

/* The last population that reads this one's events. */
static int last_reader(const struct network *net, int population)
{
    int last = population;
    for (int i = population + 1; i < net->population_count; i++)
        for (int k = 0; k < net->population[i].projection_count; k++)
            if (net->population[i].projection[k].wiring.source == population)
                last = i;
    return last;
}

int64_t rehearsal_samples(const struct network *net, int timesteps, int64_t wanted)
{
    double most = 0;
    for (int at = 1; at < net->population_count; at++) {
        double live = 0;
        for (int i = 1; i <= at; i++)
            if (last_reader(net, i) >= at)
                live += (double)network_neurons(&net->population[i]) * sizeof(int16_t) * timesteps;
        most = fmax(most, live);
    }
    double fits = (double)MEMORY_LIMIT_MB * 1048576 / fmax(most, 1);
    int64_t n = fits < (double)wanted ? (int64_t)fits : wanted;
    return n < 1 ? 1 : n;
}

int rehearsal_begin(struct recipe *recipe, int64_t first, int64_t samples, struct rehearsal *r)
{
    *r = (struct rehearsal){.recipe = recipe, .first = first, .samples = samples};
    r->threads = recipe->options.threads > 0 ? recipe->options.threads : parallel_cores();
    r->lane = calloc((size_t)r->threads, sizeof *r->lane);
    r->record = calloc((size_t)recipe->model->population_count, sizeof *r->record);
    int status = r->lane && r->record ? AF_OK : af_fail(AF_NO_MEMORY, "no memory");
    if (!status)
        status = engine_make(recipe->model, &r->engine);
    if (!status)
        status = engine_count(r->engine);
    for (int i = 0; !status && i < r->threads; i++)
        status = lane_make(r->engine, &r->lane[i]);
    if (status)
        rehearsal_end(r);
    return status;
}

static void drop_record(struct rehearsal *r, int population)
{
    for (int64_t i = 0; r->record[population] && i < r->samples; i++)
        free(r->record[population][i]);
    free(r->record[population]);
    r->record[population] = NULL;
}

void rehearsal_end(struct rehearsal *r)
{
    for (int i = 0; r->lane && i < r->threads; i++)
        lane_free(r->lane[i]);
    for (int i = 0; r->record && i < r->recipe->model->population_count; i++)
        drop_record(r, i);
    engine_free(r->engine);
    free(r->lane);
    free(r->record);
    *r = (struct rehearsal){0};
}

/* Lanes size their scratch by the paths, which a burst limit may widen by a plane, never in size.
 */
static int refresh(struct rehearsal *r, int population)
{
    int status = quantise_population(r->recipe, population);
    return status ? status : engine_refresh(r->engine, population);
}

int rehearsal_apply(struct rehearsal *r, int population)
{
    const struct af_model *m = r->recipe->model;
    int status = refresh(r, population);
    bool *touched = calloc((size_t)m->population_count, sizeof *touched);
    if (!touched)
        return af_fail(AF_NO_MEMORY, "no memory");
    touched[population] = true;
    for (int i = population + 1; !status && i < m->population_count; i++) {
        bool reads = false;
        for (int k = 0; k < m->population[i].input_count; k++)
            reads = reads || touched[m->population[i].input[k].wiring.source];
        if (!reads)
            continue;
        if (m->population[i].kind == AF_MAXPOOL)
            touched[i] = true; /* its readers see the new threshold through it */
        else
            status = refresh(r, i);
    }
    free(touched);
    return status;
}

static const int16_t *counts_of(const struct rehearsal *r, int64_t sample)
{
    return r->recipe->reference->data.counts +
           (r->first + sample) * neuron_count(&r->recipe->model->population[0]);
}

/* Points the lane's sources before `population` at their records of this timestep. */
static void show_records(struct rehearsal *r, struct lane *lane, int population, int64_t sample,
                         int step)
{
    for (int i = 1; i < population; i++)
        if (r->record[i])
            lane_set_events(
                lane, i, r->record[i][sample] + (size_t)step * record_size(r, i) / sizeof(int16_t));
}

struct recording {
    struct rehearsal *r;
    int population;
    int64_t **sum;  /* [worker][position * stride + channel] of bursts */
    int64_t **rest; /* the same of what is left in the potential; both NULL if not wanted */
};

static int record_sample(void *context, int worker, int64_t sample)
{
    struct recording *rec = context;
    struct rehearsal *r = rec->r;
    struct lane *lane = r->lane[worker];
    const struct neurons *p = &r->recipe->model->population[rec->population];
    int steps = r->recipe->model->timesteps;
    size_t bytes = record_size(r, rec->population);
    int64_t elements = (int64_t)(bytes / sizeof(int16_t));
    int64_t *sum = rec->sum ? rec->sum[worker] : NULL;
    int16_t *to = p->kind == AF_OUTPUT ? NULL : malloc(bytes * (size_t)steps);
    if (p->kind != AF_OUTPUT && !to)
        return af_fail(AF_NO_MEMORY, "no memory for the events of a population");
    lane_plan(lane, rec->rest ? 0 : steps, COUNT_NONE);
    lane_begin(lane, rec->population, rec->population, counts_of(r, sample));
    for (int t = 0; t < steps; t++) {
        show_records(r, lane, rec->population, sample, t);
        lane_step(lane, rec->population, rec->population);
        if (!to)
            continue;
        const int16_t *events = lane_events(lane, rec->population);
        memcpy((char *)to + (size_t)t * bytes, events, bytes);
        for (int64_t i = 0; sum && i < elements; i++)
            sum[i] += events[i];
    }
    const int32_t *v = lane_potentials(lane, rec->population);
    for (int64_t i = 0; p->kind == AF_OUTPUT && sum && i < elements; i++)
        sum[i] += v[i];
    for (int64_t i = 0; network_fires(p->kind) && rec->rest && i < elements; i++)
        rec->rest[worker][i] += v[i];
    r->record[rec->population][sample] = to;
    return AF_OK;
}

/* Sums over the workers of what a channel's neurons have; each[area] (NULL: not wanted) of one. */
static double sum_channel(const struct rehearsal *r, int population, int64_t *const *sum, int ch,
                          double *each, double factor)
{
    const struct neurons *p = &r->recipe->model->population[population];
    int64_t area = (int64_t)p->shape[1] * p->shape[2];
    int stride = lane_stride(r->engine, population);
    double total = 0;
    for (int64_t j = 0; j < area; j++) {
        int64_t n = 0;
        for (int w = 0; w < r->threads; w++)
            n += sum[w][j * stride + ch];
        total += (double)n * factor;
        if (each)
            each[j] = (double)n * factor;
    }
    return total / (double)area;
}

/* What a channel's neurons begin with, on average. */
static double mean_initial(const struct neurons *p, int ch)
{
    int64_t each = p->initial_count / p->shape[0];
    double sum = 0;
    for (int64_t i = 0; i < each; i++)
        sum += p->initial[ch * each + i];
    return sum / (double)each;
}

/* From sums of bursts (or of an output's potential). All that came in went out or is left. */
static void fill_means(const struct rehearsal *r, const struct recording *rec,
                       const struct means *means)
{
    const struct af_model *m = r->recipe->model;
    int at = rec->population;
    const struct neurons *p = &m->population[at];
    int64_t area = (int64_t)p->shape[1] * p->shape[2];
    double runs = (double)r->samples * m->timesteps;
    for (int ch = 0; ch < p->shape[0]; ch++) {
        double value = p->kind == AF_OUTPUT ? (double)p->scale[ch] : model_event_value(m, at, ch);
        double *each = means->neuron ? means->neuron + ch * area : NULL;
        double output = sum_channel(r, at, rec->sum, ch, each, value / runs);
        double left = 0;
        if (rec->rest && network_fires(p->kind)) {
            double rest = sum_channel(r, at, rec->rest, ch, NULL, 1 / runs);
            left = (double)p->scale[ch] * (rest - mean_initial(p, ch) / m->timesteps);
        }
        if (means->output)
            means->output[ch] = output;
        if (means->current)
            means->current[ch] = output + left;
    }
}

static int make_sums(const struct rehearsal *r, int population, int64_t ***sum)
{
    size_t elements = record_size(r, population) / sizeof(int16_t);
    *sum = calloc((size_t)r->threads, sizeof **sum);
    for (int i = 0; *sum && i < r->threads; i++)
        if (!((*sum)[i] = calloc(elements, sizeof ***sum)))
            return af_fail(AF_NO_MEMORY, "no memory");
    return *sum ? AF_OK : af_fail(AF_NO_MEMORY, "no memory");
}

static void free_sums(const struct rehearsal *r, int64_t **sum)
{
    for (int i = 0; sum && i < r->threads; i++)
        free(sum[i]);
    free(sum);
}

int rehearsal_record(struct rehearsal *r, int population, const struct means *means)
{
    struct recording rec = {.r = r, .population = population};
    int status = AF_OK;
    if (population == 0)
        return AF_OK;
    drop_record(r, population);
    r->record[population] = calloc((size_t)r->samples, sizeof **r->record);
    if (!r->record[population])
        status = af_fail(AF_NO_MEMORY, "no memory");
    if (!status && means)
        status = make_sums(r, population, &rec.sum);
    if (!status && means && means->current)
        status = make_sums(r, population, &rec.rest);
    if (!status)
        status = parallel_for(r->threads, r->samples, record_sample, &rec, NULL);
    if (!status && means)
        fill_means(r, &rec, means);
    free_sums(r, rec.sum);
    free_sums(r, rec.rest);
    return status;
}

void rehearsal_forget(struct rehearsal *r, int population)
{
    for (int i = 1; i <= population; i++)
        if (last_reader(r->recipe->network, i) <= population)
            drop_record(r, i);
}

/* ---- Probes -------------------------------------------------------------------------------- */

struct probe {
    struct rehearsal *r;
    int population, output;
    double *divergence; /* [sample][timestep], summed up in order afterwards */
    int64_t *energy;    /* [sample] */
};

/* In place. */
static void softmax(double *x, int n, double temperature)
{
    double most = x[0], sum = 0;
    for (int i = 1; i < n; i++)
        most = fmax(most, x[i]);
    for (int i = 0; i < n; i++)
        sum += x[i] = exp((x[i] - most) / temperature);
    for (int i = 0; i < n; i++)
        x[i] /= sum;
}

/* KL(p||q) + KL(q||p) = sum (p - q)(log p - log q), p and q softmax of a and b; overwrites both. */
static double symmetric_kl(double *a, double *b, int n, double temperature)
{
    double sum = 0;
    softmax(a, n, temperature);
    softmax(b, n, temperature);
    for (int i = 0; i < n; i++)
        sum += (a[i] - b[i]) * (log(fmax(a[i], 1e-12)) - log(fmax(b[i], 1e-12)));
    return sum;
}

double relative_error(const double *ann, const double *out, int64_t n)
{
    double error = 0, size = 0;
    for (int64_t i = 0; i < n; i++) {
        error += (out[i] - ann[i]) * (out[i] - ann[i]);
        size += ann[i] * ann[i];
    }
    return size > 0 ? error / size : error;
}

void output_means(const struct af_model *m, const struct engine *engine, const struct lane *lane,
                  int output, int steps, double *mean)
{
    const struct neurons *out = &m->population[output];
    int stride = lane_stride(engine, output);
    int64_t area = (int64_t)out->shape[1] * out->shape[2];
    const int32_t *v = lane_potentials(lane, output);
    for (int ch = 0; ch < out->shape[0]; ch++)
        for (int64_t j = 0; j < area; j++)
            mean[ch * area + j] = (double)v[j * stride + ch] * (double)out->scale[ch] / steps;
}

/* Divergence of the mean output after `steps` timesteps from the ANN's; scratch: 2 ann_size. */
static double divergence(const struct probe *p, const struct lane *lane, int64_t sample, int steps,
                         double *scratch)
{
    const struct recipe *recipe = p->r->recipe;
    int64_t n = recipe->reference->ann_size,
            area = n / recipe->model->population[p->output].shape[0];
    double *ann = scratch, *mean = scratch + n;
    for (int64_t i = 0; i < n; i++)
        ann[i] = (double)recipe->reference->ann[(p->r->first + sample) * n + i];
    output_means(recipe->model, p->r->engine, lane, p->output, steps, mean);
    const bool classes = area == 1 && n > 1 && recipe->reference->loss == LOSS_ANSWERS;
    return classes ? symmetric_kl(ann, mean, (int)n, SOFTNESS * recipe->reference->lead)
                   : relative_error(ann, mean, n);
}

/* What the goal wants less of. */
static int64_t spent(const struct activity *a, enum af_goal goal)
{
    switch (goal) {
    case AF_GOAL_NONE: return a->spikes;
    case AF_GOAL_SPIKES: return a->spike_sops;
    case AF_GOAL_ADDS: return a->adds;
    default: return a->sops;
    }
}

static int probe_sample(void *context, int worker, int64_t sample)
{
    struct probe *p = context;
    struct rehearsal *r = p->r;
    struct lane *lane = r->lane[worker];
    int last = r->recipe->model->population_count - 1, steps = r->recipe->model->timesteps;
    bool any_step = r->recipe->options.iat != AF_OFF;
    double *scratch = malloc((size_t)r->recipe->reference->ann_size * 2 * sizeof *scratch);
    if (!scratch)
        return af_fail(AF_NO_MEMORY, "no memory");
    lane_plan(lane, steps, COUNT_FIRST);
    lane_begin(lane, p->population, last, counts_of(r, sample));
    for (int t = 0; t < steps; t++) {
        show_records(r, lane, p->population, sample, t);
        lane_step(lane, p->population, last);
        if (any_step || t == steps - 1)
            p->divergence[sample * steps + t] = divergence(p, lane, sample, t + 1, scratch);
    }
    p->energy[sample] = spent(lane_activity(lane, p->population), r->recipe->options.goal);
    free(scratch);
    return AF_OK;
}

static int probe_begin(struct rehearsal *r, int population, struct probe *p)
{
    const size_t n = (size_t)r->samples, steps = (size_t)r->recipe->model->timesteps;
    *p = (struct probe){.r = r, .population = population};
    p->output = model_answer(r->recipe->model);
    p->divergence = calloc(n * steps, sizeof *p->divergence);
    p->energy = calloc(n, sizeof *p->energy);
    return p->divergence && p->energy ? parallel_for(r->threads, r->samples, probe_sample, p, NULL)
                                      : af_fail(AF_NO_MEMORY, "no memory");
}

static void probe_end(struct probe *p)
{
    free(p->divergence);
    free(p->energy);
}

int rehearsal_divergence(struct rehearsal *r, int population, double *each)
{
    const int steps = r->recipe->model->timesteps;
    struct probe p;
    int status = probe_begin(r, population, &p);
    for (int t = 0; !status && t < steps; t++) {
        each[t] = 0;
        for (int64_t i = 0; i < r->samples; i++)
            each[t] += sqrt(fmax(p.divergence[i * steps + t], 0));
        each[t] = pow(each[t] / (double)r->samples, 2);
    }
    probe_end(&p);
    return status;
}

int rehearsal_probe(struct rehearsal *r, int population, double *sensitivity, double *energy)
{
    const int steps = r->recipe->model->timesteps;
    const bool any_step = r->recipe->options.iat != AF_OFF;
    struct probe p;
    int status = probe_begin(r, population, &p);
    double s = 0, e = 0;
    for (int64_t i = 0; !status && i < r->samples; i++) {
        const double *each = p.divergence + i * steps;
        double sum = 0;
        for (int t = 0; t < steps; t++)
            sum += each[t];
        s += any_step ? (each[steps - 1] + sum / steps) / 2 : each[steps - 1];
        e += (double)p.energy[i];
    }
    *sensitivity = s / (double)r->samples;
    *energy = e / (double)r->samples;
    probe_end(&p);
    return status;
}
