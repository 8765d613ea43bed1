#include "convert/early_exit.h"

#include "base/error.h"
#include "convert/history.h"
#include "convert/loss.h"
#include "convert/risk.h"
#include "iat.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { RAISES = 12 };
#define PAPER_LEAD   4.0 /* nats, of the median answer, where the paper's knob sets the limits */
#define RISK_MOST    4.0
#define CHANGES_EACH 16.0 /* answers that change, for one point of accuracy: at most */

/* What the sample should be: its label, or the ANN's answer. */
static int64_t target_of(const struct history *h, int64_t sample)
{
    const struct recipe *recipe = h->recipe;
    if (h->recordings)
        return largest_sum(history_outputs(h, sample, h->steps - 1), h->classes);
    return recipe->reference->data.labels
               ? recipe->reference->data.labels[sample]
               : largest_value(recipe->reference->ann + sample * recipe->reference->ann_size,
                               recipe->reference->ann_size);
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
    int64_t samples = h->recordings ? h->samples : h->recipe->reference->data.samples;
    for (int64_t i = 0; i < samples; i++) {
        const int32_t *v = history_outputs(h, i, step);
        if (largest_sum(v, h->classes) != target_of(h, i))
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
    int64_t z, measure = iat_measure(history_outputs(h, sample, step), h->classes, x->multiplier,
                                     x->shift, x->metric, &z);
    double v = (double)measure / (double)z / (1 << IAT_Y_BITS);
    return x->metric == IAT_CONFIDENCE ? 1 - v : v / log2(h->classes);
}

static bool answer_changes(const struct history *h, int64_t sample, int step)
{
    return largest_sum(history_outputs(h, sample, step), h->classes) !=
           largest_sum(history_outputs(h, sample, h->steps - 1), h->classes);
}

/* The share of answers that early exit changes, at most. */
static double most_changes(const struct history *h, const struct early_exit *x,
                           const struct risk *risk)
{
    struct risk_sum sum[TIMESTEPS_LIMIT] = {0};
    double changed = 0, variance = 0;
    for (int64_t i = 0; i < h->samples; i++) {
        int t = history_exit_step(h, x, i);
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
        double u = history_ends_frame(h, t) ? risk_limit(&risk[t], most) : 0;
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
    free(h->uncertainty); /* of another scale of the outputs */
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
    loss_of_exits(h, x);
    for (int t = 0; t < h->steps - 1; t++) {
        double cost = verdict_cost(h->verdict, h->recipe->options.goal);
        int32_t kept = x->limit[t];
        for (int turn = 0; history_ends_frame(h, t) && turn < RAISES && raise_limit(h, x, t);
             turn++) {
            loss_of_exits(h, x);
            if (h->verdict->loss > tolerance)
                break;
            if (verdict_cost(h->verdict, h->recipe->options.goal) < cost) {
                cost = verdict_cost(h->verdict, h->recipe->options.goal);
                kept = x->limit[t];
            }
        }
        x->limit[t] = kept;
        loss_of_exits(h, x);
    }
}

/* Where all that is lost is to stay within the tolerance, early exit takes what is left of it, as
 * far as the samples show it. Answers that change lose less than a point each: it begins with more
 * of them than that. */
static int choose_within_tolerance(struct history *h, struct early_exit *x)
{
    double most = (double)h->recipe->options.tolerance;
    double changes = CHANGES_EACH * most;
    struct risk risk[TIMESTEPS_LIMIT];
    int status = measure_risk(h, x, risk);
    if (status)
        return status;
    if (!h->recipe->options.optimize || h->recordings) {
        choose_limits(h, x, risk, most);
        return AF_OK;
    }
    most = risk_among_many(h->samples, most, 1);
    for (int turn = 0; turn < 32; turn++, changes *= 0.8) {
        choose_limits(h, x, risk, changes);
        loss_of_exits(h, x);
        if (h->verdict->loss <= most)
            break;
    }
    if (h->verdict->loss <= most && risk_shows(h->samples, (double)h->recipe->options.tolerance, 1))
        spend_tolerance(h, x, most);
    return AF_OK;
}

static void report_agreement(const struct history *h)
{
    struct recipe *recipe = h->recipe;
    int64_t agree = 0, right = 0, ann_right = 0;
    for (int64_t i = 0; i < recipe->reference->data.samples; i++) {
        int answer = largest_sum(history_outputs(h, i, h->steps - 1), h->classes);
        int ann = largest_value(recipe->reference->ann + i * recipe->reference->ann_size,
                                recipe->reference->ann_size);
        agree += answer == ann;
        right += recipe->reference->data.labels && answer == recipe->reference->data.labels[i];
        ann_right += recipe->reference->data.labels && ann == recipe->reference->data.labels[i];
    }
    double n = (double)recipe->reference->data.samples;
    h->verdict->agreement = (double)agree / n;
    h->verdict->accuracy = recipe->reference->data.labels ? (double)right / n : NAN;
    h->verdict->ann_accuracy = recipe->reference->data.labels ? (double)ann_right / n : NAN;
}

static int set_paper_limits(const struct history *h, struct early_exit *x)
{
    double *entropy = malloc((size_t)h->steps * sizeof *entropy);
    if (!entropy)
        return af_fail(AF_NO_MEMORY, "no memory");
    for (int t = 0; t < h->steps; t++)
        entropy[t] = mean_entropy(h, x, t);
    set_limits(x, entropy, h->steps, h->classes, (double)h->recipe->options.iat_a);
    free(entropy);
    return AF_OK;
}

/* How far ahead the median answer is, in nats, that tells best who may stop is a matter of the
 * network: the limits for some, of which the cheapest are kept. */
static int choose_sharpness(struct history *h, struct early_exit *x, double unit)
{
    static const double leads[] = {2, 4, 8, 12, 16};
    struct early_exit best = {0};
    double least = INFINITY;
    int status = AF_OK;
    int32_t *limit = calloc((size_t)h->steps, sizeof *limit);
    if (!limit)
        return af_fail(AF_NO_MEMORY, "no memory");
    for (size_t i = 0; !status && i < sizeof leads / sizeof *leads; i++) {
        set_multiplier(x, unit * leads[i]);
        status = choose_within_tolerance(h, x);
        if (status)
            break;
        loss_of_exits(h, x);
        if (h->verdict->timesteps_mean >= least)
            continue;
        least = h->verdict->timesteps_mean;
        best = *x;
        memcpy(limit, x->limit, (size_t)h->steps * sizeof *limit);
    }
    if (!status) {
        best.limit = x->limit;
        memcpy(best.limit, limit, (size_t)h->steps * sizeof *limit);
        *x = best;
        loss_of_exits(h, x);
    }
    free(limit);
    return status;
}

static int fill_early_exit(struct history *h)
{
    struct recipe *recipe = h->recipe;
    struct early_exit *x = &recipe->model->iat;
    x->metric = recipe->options.iat_metric;
    free(x->limit);
    x->limit = calloc((size_t)h->steps, sizeof *x->limit);
    if (!x->limit)
        return af_fail(AF_NO_MEMORY, "no memory");
    const double scale = (double)recipe->model->population[h->output].scale[0];
    const bool paper = recipe->options.iat != AF_AUTO;
    /* Outputs are divided by a part of the ANN's lead before the softmax that early exit looks at,
     * so that rescaling a network's last layer changes nothing. */
    const double lead = recipe->reference->lead;
    if (!paper && !recipe->options.optimize)
        return choose_sharpness(h, x, scale / lead);
    /* A goal raises each timestep's limit by what it measures, at the outputs' own scale. */
    set_multiplier(x, paper ? scale / lead * PAPER_LEAD : scale);
    int status = paper ? set_paper_limits(h, x) : choose_within_tolerance(h, x);
    if (!status)
        loss_of_exits(h, x);
    return status;
}

static int fill_from_recordings(const struct history *frames)
{
    struct history h = {.recipe = frames->recipe,
                        .journal = frames->journal,
                        .verdict = frames->verdict,
                        .steps = frames->steps,
                        .output = frames->output,
                        .classes = frames->classes,
                        .recordings = true,
                        .samples = frames->recipe->recordings};
    if (!h.samples)
        return journal_note(h.journal, "early exit is off: frames of events cannot tell when a "
                                       "recording may stop; recordings can (--exit-recordings)");
    int status = history_run(&h, true);
    if (!status)
        status = fill_early_exit(&h);
    history_free(&h);
    return status;
}

int early_exit_choose(struct recipe *recipe, struct journal *journal, struct verdict *verdict)
{
    struct history h = {.recipe = recipe,
                        .journal = journal,
                        .verdict = verdict,
                        .steps = recipe->model->timesteps};
    h.samples = recipe->reference->data.samples;
    h.samples += recipe->options.iat == AF_AUTO || recipe->reference->chance
                     ? recipe->reference->data.further
                     : 0;
    h.output = model_answer(recipe->model);
    const struct neurons *out = &recipe->model->population[h.output];
    h.classes = (int)neuron_count(out);
    bool vector = out->shape[1] == 1 && out->shape[2] == 1 && h.classes > 1 &&
                  recipe->reference->loss == LOSS_ANSWERS;
    *verdict = (struct verdict){NAN, NAN, NAN, NAN, NAN, 0, 0, 0, verdict->gain};
    int status = history_run(&h, vector);
    if (!status && vector) {
        report_agreement(&h);
        loss_of_exits(&h, NULL);
    } else if (!status && h.lost) {
        loss_of_maps(&h);
    }
    if (!status && recipe->options.iat != AF_OFF) {
        if (!vector)
            status =
                journal_note(journal, "early exit is off: the output is not one vector of classes");
        else
            status = recipe->model->format.events ? fill_from_recordings(&h) : fill_early_exit(&h);
    }
    history_free(&h);
    return status;
}
