/* Input-aware Adaptive Timesteps: limits for every timestep from the calibration samples, as the
 * integers of hw/iat.h. Either the paper's (arXiv 2412.16219), from its knob `a`, or for a
 * tolerated change of answers: then each timestep has the uncertainty at which an early answer is
 * equally likely to be wrong. The paper's limits depend on a timestep's mean entropy only, and low
 * burst limits make early timesteps certain but wrong.
 *
 * A network of event recordings has its limits from recordings, for the ends of their frames
 * (recording.c): what frames show at once comes bit by bit, and unevenly. What a recording should
 * be is then its answer after all timesteps. */
#include "base/error.h"
#include "base/parallel.h"
#include "convert/convert.h"
#include "convert/rehearsal.h"
#include "convert/risk.h"
#include "engine/engine.h"
#include "iat.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { RAISES = 12 };
#define RISK_MOST    4.0
#define CHANGES_EACH 16.0 /* answers that change, for one point of accuracy: at most */

struct operations {
    double sops, spike_sops;
};

struct history {
    struct conversion *c;
    struct engine *engine;
    struct lane **lane;
    struct activity *activity; /* [worker][population] */
    int output, classes, steps;
    int64_t samples; /* the calibration's and the further ones; or its recordings */
    bool recordings;
    int32_t *v;   /* [sample][step][class]; NULL if the output is no vector of classes */
    double *lost; /* [sample]; NULL if the output is one, or nobody asks */
    struct operations *spent; /* [sample][step] so far; NULL with v and lost */
    double *uncertainty;      /* [step][sample], for risk */
};

static const int32_t *outputs_at(const struct history *h, int64_t sample, int step)
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
    const struct conversion *c = h->c;
    const float *ann = c->chance + sample * c->ann_size;
    double *mean = malloc((size_t)c->ann_size * 2 * sizeof *mean), *should = mean + c->ann_size;
    if (!mean)
        return af_fail(AF_NO_MEMORY, "no memory");
    output_means(c->model, h->engine, lane, h->output, h->steps, mean);
    for (int64_t i = 0; i < c->ann_size; i++)
        should[i] = (double)ann[i];
    h->lost[sample] = c->options->loss == LOSS_ANSWERS
                          ? answers_lost(c->model, h->output, ann, mean)
                          : relative_error(should, mean, c->ann_size);
    free(mean);
    return AF_OK;
}

static int run_sample(void *context, int worker, int64_t sample)
{
    struct history *h = context;
    struct lane *lane = h->lane[worker];
    const struct af_model *m = h->c->model;
    const struct calibration *data = h->c->data;
    int last = m->population_count - 1;
    int64_t inputs = neuron_count(&m->population[0]);
    const int32_t *before = NULL; /* sums of the frames before */
    lane_begin(lane, 1, last, h->recordings ? NULL : data->counts + sample * inputs);
    for (int t = 0, frame = 1; t < h->steps; t++) {
        bool rest = h->recordings && t == model_frame_begin(m, h->steps, frame);
        frame += rest;
        if (rest)
            lane_begin(lane, 1, last, NULL);
        before = rest ? outputs_at(h, sample, t - 1) : before;
        if (h->recordings)
            lane_input(lane, data->recording + (sample * h->steps + t) * inputs);
        lane_step(lane, 1, last);
        int32_t *v = h->v ? h->v + (sample * h->steps + t) * h->classes : NULL;
        for (int k = 0; v && k < h->classes; k++)
            v[k] = lane_potentials(lane, h->output)[k] + (before ? before[k] : 0);
        for (int i = 1; h->spent && i <= last; i++) {
            struct operations *spent = &h->spent[sample * h->steps + t];
            spent->sops += (double)lane_activity(lane, i)->sops;
            spent->spike_sops += (double)lane_activity(lane, i)->spike_sops;
        }
    }
    for (int i = 1; !h->recordings && sample < data->samples && i <= last; i++) {
        const struct activity *a = lane_activity(lane, i);
        struct activity *sum = &h->activity[worker * m->population_count + i];
        sum->spikes += a->spikes;
        sum->events += a->events;
        sum->sops += a->sops;
        sum->spike_sops += a->spike_sops;
    }
    return h->lost ? lose_sample(h, lane, sample) : AF_OK;
}

static void run_progress(void *context, int64_t done)
{
    struct history *h = context;
    conversion_progress(h->c, "running the spiking network", (double)done / (double)h->samples);
}

static int largest_int(const int32_t *v, int n)
{
    int best = 0;
    for (int i = 1; i < n; i++)
        best = v[i] > v[best] ? i : best;
    return best;
}

static int largest_float(const float *v, int64_t n)
{
    int best = 0;
    for (int i = 1; i < n; i++)
        best = v[i] > v[best] ? i : best;
    return best;
}

/* How much larger the ANN's output k is than that of `than`; of nearly impossible ones roughly. */
static double log_ratio(const float *chance, int k, int than)
{
    return log(fmax((double)chance[k], 1e-30)) - log(fmax((double)chance[than], 1e-30));
}

/* What the sample should be: its label, or the ANN's answer. */
static int64_t target_of(const struct history *h, int64_t sample)
{
    const struct conversion *c = h->c;
    if (h->recordings)
        return largest_int(outputs_at(h, sample, h->steps - 1), h->classes);
    return c->data->labels ? c->data->labels[sample]
                           : largest_float(c->ann + sample * c->ann_size, c->ann_size);
}

/* The fixed-point factor of hw/iat.h: log2(e) x scale x 2^12 = multiplier / 2^shift. */
static void set_multiplier(struct early_exit *x, double scale)
{
    double factor = scale * M_LOG2E * (1 << IAT_Y_BITS);
    int exponent;
    double mantissa = frexp(factor, &exponent); /* factor = mantissa 2^exponent, 0.5 <= m < 1 */
    x->multiplier = (int32_t)nearbyint(mantissa * 65536);
    x->shift = 16 - exponent;
    while (x->shift < 0) { /* a scale this coarse saturates: any difference decides */
        x->shift++;
        x->multiplier = x->multiplier < 1 << 29 ? x->multiplier * 2 : x->multiplier;
    }
    while (x->shift > 40) {
        x->shift--;
        x->multiplier /= 2;
    }
}

/* Mean normalised entropy of the samples that are right after step t (E_t); 1 if none is. */
static double mean_entropy(const struct history *h, const struct early_exit *x, int step)
{
    double sum = 0, full = log2(h->classes);
    int64_t right = 0;
    int64_t samples = h->recordings ? h->samples : h->c->data->samples;
    for (int64_t i = 0; i < samples; i++) {
        const int32_t *v = outputs_at(h, i, step);
        if (largest_int(v, h->classes) != target_of(h, i))
            continue;
        int64_t z, measure = iat_measure(v, h->classes, x->multiplier, x->shift, IAT_ENTROPY, &z);
        sum += (double)measure / (double)z / (1 << IAT_Y_BITS) / full;
        right++;
    }
    return right ? sum / (double)right : 1;
}

static void set_limits(struct early_exit *x, const double *entropy, int steps, int classes,
                       double a)
{
    double least = entropy[0];
    for (int t = 1; t < steps; t++)
        least = fmin(least, entropy[t]);
    x->a = (float)a;
    for (int t = 0; t < steps; t++) {
        double threshold = a + (1 - a) * exp(least - entropy[t]);
        double limit = x->metric == IAT_CONFIDENCE ? threshold : (1 - threshold) * log2(classes);
        x->limit[t] = (int32_t)nearbyint(limit * (1 << IAT_Y_BITS));
    }
}

/* Normalised entropy (or 1 - largest probability) of a sample's sums after step t, in 0..1. */
static double uncertainty(const struct history *h, const struct early_exit *x, int64_t sample,
                          int step)
{
    int64_t z, measure = iat_measure(outputs_at(h, sample, step), h->classes, x->multiplier,
                                     x->shift, x->metric, &z);
    double v = (double)measure / (double)z / (1 << IAT_Y_BITS);
    return x->metric == IAT_CONFIDENCE ? 1 - v : v / log2(h->classes);
}

static bool answer_changes(const struct history *h, int64_t sample, int step)
{
    return largest_int(outputs_at(h, sample, step), h->classes) !=
           largest_int(outputs_at(h, sample, h->steps - 1), h->classes);
}

/* A recording may stop where a frame of it ends. */
static bool ends_frame(const struct history *h, int step)
{
    if (!h->recordings)
        return true;
    int frame = 1;
    while (model_frame_begin(h->c->model, h->steps, frame) <= step)
        frame++;
    return model_frame_begin(h->c->model, h->steps, frame) == step + 1;
}

/* The step after which a sample stops. */
static int exit_step(const struct history *h, const struct early_exit *x, int64_t sample)
{
    int t = 0;
    while (t < h->steps - 1 &&
           !(ends_frame(h, t) && iat_stops(outputs_at(h, sample, t), h->classes, x->multiplier,
                                           x->shift, x->metric, x->limit[t])))
        t++;
    return t;
}

/* The share of answers that early exit changes, at most. */
static double most_changes(const struct history *h, const struct early_exit *x,
                           const struct risk *risk)
{
    struct risk_sum sum[TIMESTEPS_LIMIT] = {0};
    double changed = 0, variance = 0;
    for (int64_t i = 0; i < h->samples; i++) {
        int t = exit_step(h, x, i);
        if (t < h->steps - 1)
            risk_add(&sum[t], &risk[t], h->uncertainty[t * h->samples + i]);
    }
    for (int t = 0; t < h->steps - 1; t++) {
        changed += sum[t].expected;
        variance += risk_variance(&sum[t], &risk[t]);
    }
    return (changed + sqrt(variance)) / (double)h->samples;
}

/* Every timestep stops where its chance of a change is the same. */
static void set_risk_limits(const struct history *h, struct early_exit *x, const struct risk *risk,
                            double most)
{
    for (int t = 0; t < h->steps - 1; t++) {
        double u = ends_frame(h, t) ? risk_limit(&risk[t], most) : 0;
        double limit = x->metric == IAT_CONFIDENCE ? 1 - u : u * log2(h->classes);
        x->limit[t] = (int32_t)nearbyint(limit * (1 << IAT_Y_BITS));
    }
}

/* The largest chance with which the changes stay within the tolerance; never more than RISK_MOST
 * times the tolerance, lest samples that are all easy vouch for hard ones. */
static void choose_limits(const struct history *h, struct early_exit *x, const struct risk *risk,
                          double tolerance)
{
    double most = fmax(fmin(0.5, RISK_MOST * tolerance), 1e-9);
    set_risk_limits(h, x, risk, most);
    while (most > 1e-9 && most_changes(h, x, risk) > tolerance) {
        most *= 0.8;
        set_risk_limits(h, x, risk, most);
    }
}

static int measure_risk(struct history *h, const struct early_exit *x, struct risk *risk)
{
    bool *changes = malloc((size_t)h->samples * sizeof *changes);
    h->uncertainty = malloc((size_t)h->samples * (size_t)h->steps * sizeof *h->uncertainty);
    int status = changes && h->uncertainty ? AF_OK : af_fail(AF_NO_MEMORY, "no memory");
    for (int t = 0; !status && t < h->steps - 1; t++) {
        double *u = h->uncertainty + t * h->samples;
        for (int64_t i = 0; i < h->samples; i++) {
            u[i] = uncertainty(h, x, i, t);
            changes[i] = answer_changes(h, i, t);
        }
        risk[t] = risk_fit(u, changes, h->samples);
    }
    free(changes);
    return status;
}

/* What accuracy is expected to lose by the answer: the chance that the ANN gives its own, less the
 * chance that it gives this one. Labels would say the same with more noise. */
static double sample_loss(const struct conversion *c, int64_t sample, int answer)
{
    const float *chance = c->chance + sample * c->ann_size;
    return (double)chance[largest_float(chance, c->ann_size)] - (double)chance[answer];
}

/* What a class's output falls short of the answer's by, more than the ANN's does, over the spread
 * of the ANN's outputs: of one sample after step t. */
static double gap_error(const struct history *h, int64_t sample, int t, int answer, int k,
                        double spread)
{
    const int32_t *v = outputs_at(h, sample, t);
    const float *chance = h->c->chance + sample * h->c->ann_size;
    double scale = (double)h->c->model->population[h->output].scale[0] / (t + 1);
    return ((v[k] - v[answer]) * scale - log_ratio(chance, k, answer)) / spread;
}

/* Of the ANN's outputs, by their softmax. */
static double spread_of(const float *chance, int classes)
{
    double sum = 0, squares = 0;
    for (int k = 0; k < classes; k++) {
        double v = log_ratio(chance, k, 0);
        sum += v;
        squares += v * v;
    }
    double variance = (squares - sum * sum / classes) / classes;
    return variance > 0 ? sqrt(variance) : 1;
}

/* Mean square of gap errors, each by how likely its class is the answer. */
struct pool {
    double squares, weight;
};

static void pool_errors(const struct history *h, int64_t sample, int t, struct pool *pool)
{
    const float *chance = h->c->chance + sample * h->c->ann_size;
    int answer = largest_float(chance, h->classes);
    double spread = spread_of(chance, h->classes);
    for (int k = 0; k < h->classes; k++) {
        double error = gap_error(h, sample, t, answer, k, spread);
        if (k == answer)
            continue;
        pool->squares += (double)chance[k] * error * error;
        pool->weight += (double)chance[k];
    }
}

static double pooled_sample_loss(const struct history *h, int64_t sample, const struct pool *pool)
{
    const float *chance = h->c->chance + sample * h->c->ann_size;
    int answer = largest_float(chance, h->classes);
    double spread = spread_of(chance, h->classes), loss = 0;
    for (int k = 0; pool->squares > 0 && k < h->classes; k++) {
        double gap = log_ratio(chance, answer, k) / spread;
        double overtakes = 0.5 * erfc(gap / sqrt(2 * pool->squares / pool->weight));
        if (k != answer)
            loss += overtakes * ((double)chance[answer] - (double)chance[k]);
    }
    return loss;
}

/* Expected loss where answers that change are too few to count: the outputs' errors, which all
 * samples that stop at the same timestep share, and each sample's distances between the ANN's
 * answer and the others. Errors are taken for normal. */
static double pooled_loss(const struct history *h, const struct early_exit *x)
{
    struct pool pool[TIMESTEPS_LIMIT] = {0};
    double loss = 0;
    for (int64_t i = 0; i < h->samples; i++) {
        int t = x ? exit_step(h, x, i) : h->steps - 1;
        pool_errors(h, i, t, &pool[t]);
    }
    for (int64_t i = 0; i < h->samples; i++)
        loss += pooled_sample_loss(h, i, &pool[x ? exit_step(h, x, i) : h->steps - 1]);
    return loss / (double)h->samples;
}

static double bound(const struct conversion *c, double loss, double squares)
{
    return risk_bound(loss, squares, c->loss_most, c->options->optimize ? 2 : 1);
}

/* Whether even no loss at all among the samples would not show that it is as small as asked. */
static bool too_few(const struct history *h)
{
    const struct convert_options *o = h->c->options;
    double most = o->optimize ? (double)o->tolerance : (double)o->ssc_loss;
    return bound(h->c, 0, 0) > most * (double)h->samples;
}

/* How the network will run: loss, timesteps and operations, on all samples. */
static void report_exits(const struct history *h, const struct early_exit *x)
{
    struct conversion *c = h->c;
    double steps = 0, loss = 0, squares = 0, n = (double)h->samples;
    struct operations sum = {0};
    for (int64_t i = 0; i < h->samples; i++) {
        int t = x ? exit_step(h, x, i) : h->steps - 1;
        steps += t + 1;
        sum.sops += h->spent[i * h->steps + t].sops;
        sum.spike_sops += h->spent[i * h->steps + t].spike_sops;
        if (c->chance && !h->recordings) {
            double lost = sample_loss(c, i, largest_int(outputs_at(h, i, t), h->classes));
            loss += lost;
            squares += lost * lost;
        } else if (c->recorded && h->recordings) {
            loss += largest_int(outputs_at(h, i, t), h->classes) != c->recorded[i];
        }
    }
    c->timesteps_mean = steps / n;
    c->exit_sops = sum.sops / n;
    c->exit_spike_sops = sum.spike_sops / n;
    if (c->chance && !h->recordings)
        c->loss = too_few(h) ? pooled_loss(h, x) : bound(c, loss, squares) / n;
    else if (c->recorded && h->recordings) /* too few for a bound of their own */
        c->loss = fmax(c->loss, loss / n);
}

/* The same of maps, which run all timesteps. */
static void report_maps(const struct history *h)
{
    struct conversion *c = h->c;
    double loss = 0, squares = 0, most = 0, n = (double)h->samples;
    struct operations sum = {0};
    for (int64_t i = 0; i < h->samples; i++) {
        const struct operations *spent = &h->spent[(i + 1) * h->steps - 1];
        loss += h->lost[i];
        squares += h->lost[i] * h->lost[i];
        most = fmax(most, h->lost[i]);
        sum.sops += spent->sops;
        sum.spike_sops += spent->spike_sops;
    }
    c->timesteps_mean = h->steps;
    c->exit_sops = sum.sops / n;
    c->exit_spike_sops = sum.spike_sops / n;
    c->loss_most = most;
    c->loss = bound(c, loss, squares) / n;
}

/* One timestep's limit raised by a quarter of its uncertainty; false at the end of the scale. */
static bool raise_limit(const struct history *h, struct early_exit *x, int step)
{
    int one = 1 << IAT_Y_BITS, most = (int)(log2(h->classes) * one);
    int at = x->metric == IAT_CONFIDENCE ? one - x->limit[step] : x->limit[step];
    int to = at + at / 4 + 1;
    if (to > (x->metric == IAT_CONFIDENCE ? one : most))
        return false;
    x->limit[step] = x->metric == IAT_CONFIDENCE ? one - to : to;
    return true;
}

/* The same chance of a change in every timestep is good, not best: each timestep's limit goes up as
 * long as what is lost stays within the tolerance and it saves what the goal counts. */
static void spend_tolerance(const struct history *h, struct early_exit *x, double tolerance)
{
    report_exits(h, x);
    for (int t = 0; t < h->steps - 1; t++) {
        double cost = conversion_cost(h->c);
        int32_t kept = x->limit[t];
        for (int turn = 0; ends_frame(h, t) && turn < RAISES && raise_limit(h, x, t); turn++) {
            report_exits(h, x);
            if (h->c->loss > tolerance)
                break;
            if (conversion_cost(h->c) < cost) {
                cost = conversion_cost(h->c);
                kept = x->limit[t];
            }
        }
        x->limit[t] = kept;
        report_exits(h, x);
    }
}

/* Where all that is lost is to stay within the tolerance, early exit takes what is left of it, as
 * far as the samples show it. Answers that change lose less than a point each: it begins with more
 * of them than that. */
static int choose_within_tolerance(struct history *h, struct early_exit *x)
{
    double most = (double)h->c->options->tolerance;
    double changes = CHANGES_EACH * most;
    struct risk risk[TIMESTEPS_LIMIT];
    int status = measure_risk(h, x, risk);
    if (status)
        return status;
    if (!h->c->options->optimize || h->recordings) {
        choose_limits(h, x, risk, most);
        return AF_OK;
    }
    most = risk_among_many(h->samples, most, 1);
    for (int turn = 0; turn < 32; turn++, changes *= 0.8) {
        choose_limits(h, x, risk, changes);
        report_exits(h, x);
        if (h->c->loss <= most)
            break;
    }
    if (h->c->loss <= most && risk_shows(h->samples, (double)h->c->options->tolerance, 1))
        spend_tolerance(h, x, most);
    return AF_OK;
}

static int report_agreement(struct history *h)
{
    struct conversion *c = h->c;
    int64_t agree = 0, right = 0, ann_right = 0;
    for (int64_t i = 0; i < c->data->samples; i++) {
        int answer = largest_int(outputs_at(h, i, h->steps - 1), h->classes);
        int ann = largest_float(c->ann + i * c->ann_size, c->ann_size);
        agree += answer == ann;
        right += c->data->labels && answer == c->data->labels[i];
        ann_right += c->data->labels && ann == c->data->labels[i];
    }
    double n = (double)c->data->samples;
    c->agreement = (double)agree / n;
    c->accuracy = c->data->labels ? (double)right / n : NAN;
    c->ann_accuracy = c->data->labels ? (double)ann_right / n : NAN;
    return AF_OK;
}

static int set_paper_limits(const struct history *h, struct early_exit *x)
{
    double *entropy = malloc((size_t)h->steps * sizeof *entropy);
    if (!entropy)
        return af_fail(AF_NO_MEMORY, "no memory");
    for (int t = 0; t < h->steps; t++)
        entropy[t] = mean_entropy(h, x, t);
    set_limits(x, entropy, h->steps, h->classes, (double)h->c->options->iat_a);
    free(entropy);
    return AF_OK;
}

static int fill_early_exit(struct history *h)
{
    struct conversion *c = h->c;
    struct early_exit *x = &c->model->iat;
    x->metric = c->options->iat_metric;
    free(x->limit);
    x->limit = calloc((size_t)h->steps, sizeof *x->limit);
    if (!x->limit)
        return af_fail(AF_NO_MEMORY, "no memory");
    set_multiplier(x, (double)c->model->population[h->output].scale[0]);
    int status = AF_OK;
    if (c->options->iat == CHOICE_AUTO)
        status = choose_within_tolerance(h, x);
    else
        status = set_paper_limits(h, x);
    if (!status)
        report_exits(h, x);
    return status;
}

static int merge_activity(struct history *h, int workers)
{
    struct conversion *c = h->c;
    size_t n = (size_t)c->model->population_count;
    free(c->activity);
    c->activity = calloc(n, sizeof *c->activity);
    if (!c->activity)
        return af_fail(AF_NO_MEMORY, "no memory");
    for (size_t i = 0; i < n * (size_t)workers; i++) {
        struct activity *sum = &c->activity[i % n];
        sum->spikes += h->activity[i].spikes;
        sum->events += h->activity[i].events;
        sum->sops += h->activity[i].sops;
        sum->spike_sops += h->activity[i].spike_sops;
    }
    return AF_OK;
}

static int run_all(struct history *h, int threads)
{
    h->lane = calloc((size_t)threads, sizeof *h->lane);
    h->activity =
        calloc((size_t)threads * (size_t)h->c->model->population_count, sizeof *h->activity);
    int status = h->lane && h->activity ? engine_make(h->c->model, &h->engine)
                                        : af_fail(AF_NO_MEMORY, "no memory");
    for (int i = 0; !status && i < threads; i++)
        status = lane_make(h->engine, &h->lane[i]);
    if (!status)
        status = parallel_for(threads, h->samples, run_sample, h, run_progress);
    if (!status && !h->recordings)
        status = merge_activity(h, threads);
    for (int i = 0; h->lane && i < threads; i++)
        lane_free(h->lane[i]);
    free(h->lane);
    free(h->activity);
    engine_free(h->engine);
    return status;
}

static void history_free(struct history *h)
{
    free(h->v);
    free(h->lost);
    free(h->spent);
    free(h->uncertainty);
}

static int run_history(struct history *h, bool vector)
{
    const struct convert_options *o = h->c->options;
    int status = AF_OK;
    if (vector) {
        size_t size = (size_t)h->samples * (size_t)h->steps * (size_t)h->classes;
        h->v = malloc(size * sizeof *h->v);
    } else if (h->c->chance) {
        h->lost = calloc((size_t)h->samples, sizeof *h->lost);
    }
    if (vector || h->c->chance) {
        h->spent = calloc((size_t)h->samples * (size_t)h->steps, sizeof *h->spent);
        status = (h->v || h->lost) && h->spent ? AF_OK : af_fail(AF_NO_MEMORY, "no memory");
    }
    return status ? status : run_all(h, o->threads > 0 ? o->threads : parallel_cores());
}

static int fill_from_recordings(const struct history *frames)
{
    struct history h = {.c = frames->c,
                        .steps = frames->steps,
                        .output = frames->output,
                        .classes = frames->classes,
                        .recordings = true,
                        .samples = frames->c->data->recordings};
    if (!h.samples)
        return conversion_note(h.c, "early termination is off: frames of events cannot tell when a "
                                    "recording may stop; recordings can (--exit-recordings)");
    int status = run_history(&h, true);
    if (!status)
        status = fill_early_exit(&h);
    history_free(&h);
    return status;
}

int conversion_finish(struct conversion *c)
{
    struct history h = {.c = c, .steps = c->model->timesteps};
    h.samples = c->data->samples;
    h.samples += c->options->iat == CHOICE_AUTO || c->chance ? c->data->further : 0;
    model_outputs(c->model, &h.output);
    const struct neurons *out = &c->model->population[h.output];
    h.classes = (int)neuron_count(out);
    bool vector = out->shape[1] == 1 && out->shape[2] == 1 && h.classes > 1 &&
                  c->options->loss == LOSS_ANSWERS;
    c->agreement = c->accuracy = c->ann_accuracy = c->timesteps_mean = c->loss = NAN;
    int status = run_history(&h, vector);
    if (!status && vector)
        status = report_agreement(&h);
    if (!status && vector)
        report_exits(&h, NULL);
    else if (!status && h.lost)
        report_maps(&h);
    if (!status && c->options->iat != CHOICE_OFF) {
        if (!vector)
            status = conversion_note(
                c, "early termination is off: the output is not one vector of classes");
        else
            status = c->model->format.events ? fill_from_recordings(&h) : fill_early_exit(&h);
    }
    history_free(&h);
    return status;
}
