/* Bias correction (the paper's light and advanced calibration), on the integer network. */
#include "convert.h"
#include "error.h"
#include "rehearsal.h"

#include <stdlib.h>

/* b -= mean(spiking output) - mean(ANN output), per channel. */
static void correct_channels(struct conversion *c, int population, const double *mean)
{
    const struct population *p = &c->network->population[population];
    for (int ch = 0; ch < p->shape[0]; ch++)
        c->setting[population].bias[ch] -= mean[ch] - c->statistics[population].mean[ch];
}

/* The initial potential of each neuron += T (mean ANN output - mean spiking output). */
static int correct_neurons(struct conversion *c, int population, const double *mean)
{
    const struct population *p = &c->network->population[population];
    struct setting *s = &c->setting[population];
    int64_t n = network_neurons(p);
    if (!s->initial)
        s->initial = calloc((size_t)n, sizeof *s->initial);
    if (!s->initial)
        return af_fail(AF_NO_MEMORY, "no memory");
    for (int64_t i = 0; i < n; i++)
        s->initial[i] += (float)(c->options->timesteps *
                                 (c->statistics[population].neuron_mean[i] - mean[i]));
    return AF_OK;
}

static int correct_population(struct rehearsal *r, int population)
{
    struct conversion *c = r->c;
    const struct population *p = &c->network->population[population];
    bool fires = network_fires(p->kind);
    if (p->kind == AF_MAXPOOL)
        return rehearsal_record(r, population, NULL, NULL);
    bool advanced = c->options->bias == BIAS_ADVANCED && fires;
    double *mean = calloc((size_t)p->shape[0], sizeof *mean);
    double *neurons =
        advanced ? calloc((size_t)network_neurons(p), sizeof *neurons) : NULL;
    int status = mean && (neurons || !advanced) ? AF_OK : af_fail(AF_NO_MEMORY, "no memory");
    if (!status)
        status = rehearsal_record(r, population, mean, NULL);
    if (!status) {
        correct_channels(c, population, mean);
        status = rehearsal_apply(r, population);
    }
    if (!status && advanced) {
        status = rehearsal_record(r, population, NULL, neurons);
        if (!status)
            status = correct_neurons(c, population, neurons);
        if (!status)
            status = rehearsal_apply(r, population);
    }
    if (!status && fires)
        status = rehearsal_record(r, population, NULL, NULL);
    free(mean);
    free(neurons);
    return status;
}

int conversion_correct_bias(struct conversion *c)
{
    struct rehearsal r;
    int n = c->network->population_count;
    int status = rehearsal_begin(c, c->data->samples, &r);
    if (status)
        return status;
    for (int i = 1; !status && i < n; i++) {
        conversion_progress(c, "correcting biases", (double)i / n);
        status = correct_population(&r, i);
        rehearsal_forget(&r, i);
    }
    rehearsal_end(&r);
    return status;
}
