/* Thresholds per channel. */
#include "base/error.h"
#include "convert/convert.h"

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
    double error, spikes, events;
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
        from = to;
    }
    return s;
}

static float best_threshold(const struct conversion *c, int population, int channel,
                            struct moments *m)
{
    const struct population_statistics *s = &c->statistics[population];
    const struct population *p = &c->network->population[population];
    double largest = (double)s->largest[channel], best = largest, least = INFINITY;
    int burst = c->setting[population].burst, steps = c->options->timesteps;
    /* A clipped ReLU is clipped by saturation: burst * theta may not exceed its ceiling where the
     * activations reach it. */
    double top = largest;
    if (largest >= 0.999 * (double)p->ceiling)
        top = fmin(top, (double)p->ceiling / burst);
    add_up(s->histogram + (size_t)channel * STATISTICS_BINS, m);
    /* Heavy-tailed activations want thresholds far below the paper's last, 0.06 of the largest: a
     * geometric grid reaches all scales with the same relative step. */
    for (double theta = top; theta > top / 256; theta *= 0.96) {
        double step = theta / steps / largest * STATISTICS_BINS;
        double error = fit_staircase(m, step, burst * steps).error;
        if (error < least) {
            least = error;
            best = theta;
        }
    }
    return (float)best;
}

/* A channel that never was active fires, if ever, like the population's most reluctant one. */
static void set_silent(struct conversion *c, int population)
{
    const float *largest = c->statistics[population].largest;
    float *threshold = c->setting[population].threshold, most = 0;
    int channels = c->network->population[population].shape[0];
    for (int ch = 0; ch < channels; ch++)
        most = largest[ch] > 0 ? fmaxf(most, threshold[ch]) : most;
    for (int ch = 0; ch < channels; ch++)
        if (!(largest[ch] > 0))
            threshold[ch] = most > 0 ? most : 1;
}

void conversion_set_thresholds(struct conversion *c, int population)
{
    struct moments moments;
    for (int ch = 0; ch < c->network->population[population].shape[0]; ch++)
        if (c->statistics[population].largest[ch] > 0)
            c->setting[population].threshold[ch] = best_threshold(c, population, ch, &moments);
    set_silent(c, population);
}

/* ---- Spreading ----------------------------------------------------------------------------- */

/* What a threshold of a channel costs and spoils. */
struct offer {
    double threshold, cost, error;
};
enum { OFFERS = 160 };
#define OFFER_MOST 2.1 /* of the largest activation: silence */

/* After one timestep, which is where most samples stop. */
static struct offer make_offer(const struct conversion *c, int population, int ch,
                               const struct moments *m, double threshold, int burst)
{
    const struct population_statistics *s = &c->statistics[population];
    double bin = (double)s->largest[ch] / STATISTICS_BINS;
    struct staircase f = fit_staircase(m, threshold / bin, burst);
    double sent = c->options->goal == GOAL_EVENTS ? f.events : f.spikes;
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
static double make_offers(const struct conversion *c, int population, struct offer *offer)
{
    const struct population_statistics *s = &c->statistics[population];
    const struct setting *set = &c->setting[population];
    struct moments m;
    double cost = 0;
    for (int ch = 0; ch < c->network->population[population].shape[0]; ch++, offer += OFFERS) {
        if (!(s->largest[ch] > 0))
            continue;
        add_up(s->histogram + (size_t)ch * STATISTICS_BINS, &m);
        cost += make_offer(c, population, ch, &m, (double)set->threshold[ch], set->burst).cost;
        double theta = OFFER_MOST * (double)s->largest[ch];
        for (int i = 0; i < OFFERS; i++, theta *= 0.96)
            offer[i] = make_offer(c, population, ch, &m, theta, c->options->burst_spread);
    }
    return cost;
}

int conversion_spread_thresholds(struct conversion *c, int population)
{
    struct setting *set = &c->setting[population];
    int channels = c->network->population[population].shape[0];
    double low = 1e-30, high = 1e30;
    if (isfinite(c->network->population[population].ceiling)) /* saturation clips it */
        return AF_OK;
    struct offer *offer = calloc((size_t)channels * OFFERS, sizeof *offer);
    if (!offer)
        return af_fail(AF_NO_MEMORY, "no memory");
    double before = make_offers(c, population, offer);
    while (high > 1.0001 * low) {
        double middle = sqrt(low * high);
        *(cost_at(offer, channels, middle) > before ? &low : &high) = middle;
    }
    for (int ch = 0; ch < channels; ch++)
        if (c->statistics[population].largest[ch] > 0)
            set->threshold[ch] = (float)best_offer(offer + ch * OFFERS, high)->threshold;
    set->burst = c->options->burst_spread;
    set_silent(c, population);
    free(offer);
    return AF_OK;
}

/* Backwards through one projection: an error of a source neuron is added up, times a weight each,
 * by neurons of which only the active ones pass it on. Errors are taken for independent. */
static void weigh_source(struct conversion *c, int population, const struct projection *from,
                         const double *through)
{
    const struct wiring *w = &from->wiring;
    const struct population *source = &c->network->population[w->source];
    const struct population_statistics *to = &c->statistics[population];
    struct population_statistics *s = &c->statistics[w->source];
    int64_t area = (int64_t)source->shape[1] * source->shape[2];
    int taps = w->kernel[0] * w->kernel[1], fan_in = wiring_fan_in(w);
    int per = w->block[0] / w->groups;
    const double reached = wiring_mean_meetings(w, source->shape);
    if (!from->weight) { /* the relay's largest is one of its window */
        double share = (double)w->block[1] * w->block[2] / (double)area;
        for (int i = 0; i < w->channels; i++) {
            s->weight[w->map[i]] += through[i] * share;
            s->fanout[w->map[i]] += to->fanout[i] * share;
        }
        return;
    }
    const float *weight = from->weight;
    for (int o = 0; o < w->block[0]; o++)
        for (int j = 0; j < fan_in; j++) {
            int at = w->map[o / per * fan_in + j];
            for (int k = 0; k < taps; k++, weight++) {
                s->weight[at] +=
                    reached / taps * through[w->at[0] + o] * (double)*weight * (double)*weight;
                s->fanout[at] += *weight != 0 ? reached / taps : 0;
            }
        }
}

/* How many of a channel's neurons are active, on average. */
static double active_share(const struct population_statistics *s, int ch)
{
    double all = 0;
    const uint32_t *bins = s->histogram + (size_t)ch * STATISTICS_BINS;
    for (int b = 0; b < STATISTICS_BINS; b++)
        all += bins[b];
    return all > 0 ? 1 - bins[0] / all : 0;
}

double threshold_passes(const struct conversion *c, int population, int channel)
{
    const struct population_statistics *s = &c->statistics[population];
    bool relu = c->network->population[population].kind == AF_RELU;
    return s->weight[channel] * (relu ? active_share(s, channel) : 1);
}

int threshold_weigh(struct conversion *c)
{
    const struct network *net = c->network;
    int status = AF_OK;
    for (int p = 0; p < net->population_count; p++) {
        size_t channels = (size_t)net->population[p].shape[0];
        struct population_statistics *s = &c->statistics[p];
        s->weight = calloc(channels, sizeof *s->weight);
        s->fanout = calloc(channels, sizeof *s->fanout);
        if (!s->weight || !s->fanout)
            return af_fail(AF_NO_MEMORY, "no memory");
        for (size_t ch = 0; net->population[p].kind == AF_OUTPUT && ch < channels; ch++)
            s->weight[ch] = 1;
    }
    for (int p = net->population_count - 1; !status && p > 0; p--) {
        const struct population *pop = &net->population[p];
        double *through = malloc((size_t)pop->shape[0] * sizeof *through);
        if (!through)
            return af_fail(AF_NO_MEMORY, "no memory");
        for (int ch = 0; ch < pop->shape[0]; ch++)
            through[ch] = threshold_passes(c, p, ch);
        for (int k = 0; k < pop->projection_count; k++)
            weigh_source(c, p, &pop->projection[k], through);
        free(through);
    }
    return status;
}
