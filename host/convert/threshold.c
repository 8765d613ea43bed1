#include "convert/threshold.h"

#include "base/error.h"
#include "base/parallel.h"
#include "engine/cpu_kernel.h"

#include <math.h>
#include <stdlib.h>

/* A channel's histogram as running sums, so that a level's squared error takes three differences:
 * entry b is over the bins before b, their middles in units of a bin. */
struct moments {
    double count[STATISTICS_BINS + 1], sum[STATISTICS_BINS + 1], squares[STATISTICS_BINS + 1];
};

static void add_up(const uint32_t *histogram, struct moments *m)
{
    m->count[0] = m->sum[0] = m->squares[0] = 0;
    for (int b = 0; b < STATISTICS_BINS; b++) {
        double n = histogram[b], x = b + 0.5;
        m->count[b + 1] = m->count[b] + n;
        m->sum[b + 1] = m->sum[b] + n * x;
        m->squares[b + 1] = m->squares[b] + n * x * x;
    }
}

/* Of a staircase: squared error in bins, and what it sends. */
struct staircase {
    double error, spikes, events, adds;
};

/* Its steps are `step` bins apart, its last one the top. */
static struct staircase fit_staircase(const struct moments *m, double step, int levels)
{
    struct staircase s = {0};
    int from = 0;
    for (int k = 0; k <= levels && from < STATISTICS_BINS; k++) {
        double end = k < levels ? ceil((k + 0.5) * step - 0.5) : STATISTICS_BINS;
        int to = end < STATISTICS_BINS ? (int)end : STATISTICS_BINS;
        double level = k * step, n = m->count[to] - m->count[from];
        s.error += m->squares[to] - m->squares[from] - 2 * level * (m->sum[to] - m->sum[from]) +
                   level * level * n;
        s.spikes += k * n;
        s.events += k ? n : 0;
        s.adds += additions_of(k) * n;
        from = to;
    }
    return s;
}

/* The same with absolute errors, in a staircase whose steps end in the middle of bins: a level's
 * share below it and above. */
static double absolute_error(const struct moments *m, double step, int levels)
{
    double error = 0;
    int from = 0;
    for (int k = 0; k <= levels && from < STATISTICS_BINS; k++) {
        double end = k < levels ? ceil((k + 0.5) * step - 0.5) : STATISTICS_BINS;
        int to = end < STATISTICS_BINS ? (int)end : STATISTICS_BINS;
        double level = k * step, split = fmin(fmax(ceil(level - 0.5), from), to);
        int at = (int)split;
        error += level * (m->count[at] - m->count[from]) - (m->sum[at] - m->sum[from]) +
                 (m->sum[to] - m->sum[at]) - level * (m->count[to] - m->count[at]);
        from = to;
    }
    return error;
}

/* A clipped ReLU is clipped by saturation: burst * theta may not exceed its ceiling where the
 * activations reach it. */
static double highest_threshold(const struct recipe *recipe, int population, int channel)
{
    const struct population *p = &recipe->network->population[population];
    const double largest = (double)recipe->reference->statistics[population].largest[channel];
    return largest >= 0.999 * (double)p->ceiling
               ? fmin(largest, (double)p->ceiling / recipe->setting[population].burst)
               : largest;
}

static double error_of(const struct moments *m, double step, int levels, enum threshold_norm norm)
{
    return norm == THRESHOLD_SQUARED ? fit_staircase(m, step, levels).error
                                     : absolute_error(m, step, levels);
}

static float best_threshold(const struct recipe *recipe, int population, int channel,
                            const struct moments *m, enum threshold_norm norm)
{
    const struct population_statistics *s = &recipe->reference->statistics[population];
    double largest = (double)s->largest[channel], best = largest, least = INFINITY;
    const int levels = recipe->setting[population].burst * recipe->options.timesteps;
    const double top = highest_threshold(recipe, population, channel);
    /* Heavy-tailed activations want thresholds far below the paper's last, 0.06 of the largest: a
     * geometric grid reaches all scales with the same relative step. */
    for (double theta = top; theta > top / 256; theta *= 0.96) {
        const double step = theta / recipe->options.timesteps / largest * STATISTICS_BINS;
        const double error = error_of(m, step, levels, norm);
        if (error < least) {
            least = error;
            best = theta;
        }
    }
    return (float)best;
}

/* A channel that never was active fires, if ever, like the population's most reluctant one. */
static void set_silent(struct recipe *recipe, int population)
{
    const float *largest = recipe->reference->statistics[population].largest;
    float *threshold = recipe->setting[population].threshold, most = 0;
    int channels = recipe->network->population[population].shape[0];
    for (int ch = 0; ch < channels; ch++)
        most = largest[ch] > 0 ? fmaxf(most, threshold[ch]) : most;
    for (int ch = 0; ch < channels; ch++)
        if (!(largest[ch] > 0))
            threshold[ch] = most > 0 ? most : 1;
}

void threshold_set(struct recipe *recipe, int population)
{
    const struct population_statistics *s = &recipe->reference->statistics[population];
    struct moments moments;
    for (int ch = 0; ch < recipe->network->population[population].shape[0]; ch++) {
        if (!(s->largest[ch] > 0))
            continue;
        add_up(s->histogram + (size_t)ch * STATISTICS_BINS, &moments);
        recipe->setting[population].threshold[ch] =
            best_threshold(recipe, population, ch, &moments, THRESHOLD_SQUARED);
    }
    set_silent(recipe, population);
}

struct fitting {
    const struct recipe *recipe;
    int population;
    float *const *threshold;
};

static int fit_channel(void *context, int worker, int64_t ch)
{
    const struct fitting *f = context;
    const struct population_statistics *s = &f->recipe->reference->statistics[f->population];
    struct moments moments;
    (void)worker;
    if (!(s->largest[ch] > 0))
        return AF_OK;
    add_up(s->histogram + (size_t)ch * STATISTICS_BINS, &moments);
    for (int norm = 0; norm < THRESHOLD_NORMS; norm++)
        f->threshold[norm][ch] =
            best_threshold(f->recipe, f->population, (int)ch, &moments, (enum threshold_norm)norm);
    return AF_OK;
}

int threshold_fit(const struct recipe *recipe, int population, float *const *threshold)
{
    struct fitting f = {recipe, population, threshold};
    return parallel_for(recipe->options.threads, recipe->network->population[population].shape[0],
                        fit_channel, &f, NULL);
}

void threshold_blend(struct recipe *recipe, int population, const float *const *least,
                     double squared, double stretch)
{
    const float *largest = recipe->reference->statistics[population].largest;
    for (int ch = 0; ch < recipe->network->population[population].shape[0]; ch++) {
        if (!(largest[ch] > 0))
            continue;
        const double theta = pow((double)least[THRESHOLD_ABSOLUTE][ch], 1 - squared) *
                             pow((double)least[THRESHOLD_SQUARED][ch], squared) * stretch;
        recipe->setting[population].threshold[ch] =
            (float)fmin(theta, highest_threshold(recipe, population, ch));
    }
    set_silent(recipe, population);
}

/* ---- Spreading ----------------------------------------------------------------------------- */

/* What a threshold of a channel costs and spoils. */
struct offer {
    double threshold, cost, error;
};
enum { OFFERS = 160 };
#define OFFER_MOST 2.1 /* of the largest activation: silence */

/* After one timestep, which is where most samples stop. */
static struct offer make_offer(const struct recipe *recipe, int population, int ch,
                               const struct moments *m, double threshold, int burst)
{
    const struct population_statistics *s = &recipe->reference->statistics[population];
    double bin = (double)s->largest[ch] / STATISTICS_BINS;
    struct staircase f = fit_staircase(m, threshold / bin, burst);
    const enum af_goal goal = recipe->options.goal;
    const double sent = goal == AF_GOAL_EVENTS ? f.events
                        : goal == AF_GOAL_ADDS ? f.adds
                                               : f.spikes;
    return (struct offer){threshold, sent * s->fanout[ch], f.error * bin * bin * s->weight[ch]};
}

static const struct offer *best_offer(const struct offer *o, double price)
{
    const struct offer *best = o;
    for (int i = 1; i < OFFERS; i++)
        if (o[i].error + price * o[i].cost < best->error + price * best->cost)
            best = &o[i];
    return best;
}

static double cost_at(const struct offer *offer, int channels, double price)
{
    double cost = 0;
    for (int ch = 0; ch < channels; ch++)
        cost += best_offer(offer + ch * OFFERS, price)->cost;
    return cost;
}

/* The offers of a population's channels; returns what it sends as it is set. */
static double make_offers(const struct recipe *recipe, int population, struct offer *offer)
{
    const struct population_statistics *s = &recipe->reference->statistics[population];
    const struct setting *set = &recipe->setting[population];
    struct moments m;
    double cost = 0;
    for (int ch = 0; ch < recipe->network->population[population].shape[0]; ch++, offer += OFFERS) {
        if (!(s->largest[ch] > 0))
            continue;
        add_up(s->histogram + (size_t)ch * STATISTICS_BINS, &m);
        cost += make_offer(recipe, population, ch, &m, (double)set->threshold[ch], set->burst).cost;
        double theta = OFFER_MOST * (double)s->largest[ch];
        for (int i = 0; i < OFFERS; i++, theta *= 0.96)
            offer[i] = make_offer(recipe, population, ch, &m, theta, recipe->options.burst_spread);
    }
    return cost;
}

int threshold_spread(struct recipe *recipe, int population)
{
    struct setting *set = &recipe->setting[population];
    int channels = recipe->network->population[population].shape[0];
    double low = 1e-30, high = 1e30;
    if (isfinite(recipe->network->population[population].ceiling)) /* saturation clips it */
        return AF_OK;
    struct offer *offer = calloc((size_t)channels * OFFERS, sizeof *offer);
    if (!offer)
        return af_fail(AF_NO_MEMORY, "no memory");
    double before = make_offers(recipe, population, offer);
    while (high > 1.0001 * low) {
        double middle = sqrt(low * high);
        *(cost_at(offer, channels, middle) > before ? &low : &high) = middle;
    }
    for (int ch = 0; ch < channels; ch++)
        if (recipe->reference->statistics[population].largest[ch] > 0)
            set->threshold[ch] = (float)best_offer(offer + ch * OFFERS, high)->threshold;
    set->burst = recipe->options.burst_spread;
    set_silent(recipe, population);
    free(offer);
    return AF_OK;
}
