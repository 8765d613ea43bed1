#include "convert/weigh.h"

#include "base/error.h"

#include <stdlib.h>

/* Backwards through one projection: an error of a source neuron is added up, times a weight each,
 * by neurons of which only the active ones pass it on. Errors are taken for independent. */
static void weigh_source(struct reference *ref, int population, const struct projection *from,
                         const double *through)
{
    const struct wiring *w = &from->wiring;
    const struct population *source = &ref->network->population[w->source];
    const struct population_statistics *to = &ref->statistics[population];
    struct population_statistics *s = &ref->statistics[w->source];
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

double weigh_passes(const struct reference *ref, int population, int channel)
{
    const struct population_statistics *s = &ref->statistics[population];
    bool relu = ref->network->population[population].kind == AF_RELU;
    return s->weight[channel] * (relu ? active_share(s, channel) : 1);
}

int reference_weigh(struct reference *ref)
{
    const struct network *net = ref->network;
    int status = AF_OK;
    for (int p = 0; p < net->population_count; p++) {
        size_t channels = (size_t)net->population[p].shape[0];
        struct population_statistics *s = &ref->statistics[p];
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
            through[ch] = weigh_passes(ref, p, ch);
        for (int k = 0; k < pop->projection_count; k++)
            weigh_source(ref, p, &pop->projection[k], through);
        free(through);
    }
    return status;
}
