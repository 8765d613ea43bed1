#include "convert/loss.h"

#include "convert/risk.h"

#include <math.h>
#include <stdlib.h>

/* How much larger the ANN's output k is than that of `than`; of nearly impossible ones roughly. */
static double log_ratio(const float *chance, int k, int than)
{
    return log(fmax((double)chance[k], 1e-30)) - log(fmax((double)chance[than], 1e-30));
}

/* What accuracy is expected to lose by the answer: the chance that the ANN gives its own, less the
 * chance that it gives this one. Labels would say the same with more noise. */
static double sample_loss(const struct recipe *recipe, int64_t sample, int answer)
{
    const float *chance = recipe->reference->chance + sample * recipe->reference->ann_size;
    return (double)chance[largest_value(chance, recipe->reference->ann_size)] -
           (double)chance[answer];
}

/* What a class's output falls short of the answer's by, more than the ANN's does, over the spread
 * of the ANN's outputs: of one sample after step t. */
static double gap_error(const struct history *h, int64_t sample, int t, int answer, int k,
                        double spread)
{
    const int32_t *v = history_outputs(h, sample, t);
    const float *chance = h->recipe->reference->chance + sample * h->recipe->reference->ann_size;
    double scale = (double)h->recipe->model->population[h->output].scale[0] / (t + 1);
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
    const float *chance = h->recipe->reference->chance + sample * h->recipe->reference->ann_size;
    int answer = largest_value(chance, h->classes);
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
    const float *chance = h->recipe->reference->chance + sample * h->recipe->reference->ann_size;
    int answer = largest_value(chance, h->classes);
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
        int t = x ? history_exit_step(h, x, i) : h->steps - 1;
        pool_errors(h, i, t, &pool[t]);
    }
    for (int64_t i = 0; i < h->samples; i++)
        loss += pooled_sample_loss(h, i, &pool[x ? history_exit_step(h, x, i) : h->steps - 1]);
    return loss / (double)h->samples;
}

static double bound(const struct recipe *recipe, double loss, double squares, double most)
{
    return risk_bound(loss, squares, most, recipe->options.optimize ? 2 : 1);
}

/* Whether even no loss at all among the samples would not show that it is as small as asked. */
static bool too_few(const struct history *h)
{
    const struct convert_options *o = &h->recipe->options;
    double most = o->optimize ? (double)o->tolerance : (double)o->ssc_loss;
    return bound(h->recipe, 0, 0, h->recipe->reference->loss_most) > most * (double)h->samples;
}

/* How the network will run: loss, timesteps and operations, on all samples. */
void loss_of_exits(const struct history *h, const struct early_exit *x)
{
    struct recipe *recipe = h->recipe;
    double steps = 0, loss = 0, squares = 0, n = (double)h->samples;
    struct operations sum = {0};
    for (int64_t i = 0; i < h->samples; i++) {
        int t = x ? history_exit_step(h, x, i) : h->steps - 1;
        steps += t + 1;
        sum.sops += h->spent[i * h->steps + t].sops;
        sum.spike_sops += h->spent[i * h->steps + t].spike_sops;
        sum.adds += h->spent[i * h->steps + t].adds;
        if (recipe->reference->chance && !h->recordings) {
            double lost = sample_loss(recipe, i, largest_sum(history_outputs(h, i, t), h->classes));
            loss += lost;
            squares += lost * lost;
        } else if (recipe->reference->recorded && h->recordings) {
            loss +=
                largest_sum(history_outputs(h, i, t), h->classes) != recipe->reference->recorded[i];
        }
    }
    h->verdict->timesteps_mean = steps / n;
    h->verdict->exit_sops = sum.sops / n;
    h->verdict->exit_spike_sops = sum.spike_sops / n;
    h->verdict->exit_adds = sum.adds / n;
    if (recipe->reference->chance && !h->recordings)
        h->verdict->loss = too_few(h)
                               ? pooled_loss(h, x)
                               : bound(recipe, loss, squares, recipe->reference->loss_most) / n;
    else if (recipe->reference->recorded && h->recordings) /* too few for a bound of their own */
        h->verdict->loss = fmax(h->verdict->loss, loss / n);
}

/* The same of maps, which run all timesteps. */
void loss_of_maps(const struct history *h)
{
    struct recipe *recipe = h->recipe;
    double loss = 0, squares = 0, most = 0, n = (double)h->samples;
    struct operations sum = {0};
    for (int64_t i = 0; i < h->samples; i++) {
        const struct operations *spent = &h->spent[(i + 1) * h->steps - 1];
        loss += h->lost[i];
        squares += h->lost[i] * h->lost[i];
        most = fmax(most, h->lost[i]);
        sum.sops += spent->sops;
        sum.spike_sops += spent->spike_sops;
        sum.adds += spent->adds;
    }
    h->verdict->timesteps_mean = h->steps;
    h->verdict->exit_sops = sum.sops / n;
    h->verdict->exit_spike_sops = sum.spike_sops / n;
    h->verdict->exit_adds = sum.adds / n;
    h->verdict->loss = bound(recipe, loss, squares, most) / n;
}
