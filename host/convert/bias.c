/* Bias correction on the integer network: the paper's light and advanced calibration, or by
 * currents. The paper's makes a population send on average what the ANN's does, and where large
 * thresholds swallow small activations it makes others fire for them. By currents it is the readers
 * that are compensated for what does not come, and nobody fires more: mean currents are as the
 * ANN's. Under compression that costs fewer spikes and loses less. */
#include "base/error.h"
#include "convert/convert.h"
#include "convert/rehearsal.h"

#include <stdlib.h>
#include <string.h>

/* b -= mean(spiking) - mean(ANN), per channel. */
static void correct_channels(struct conversion *c, int population, const double *mean,
                             const double *ann)
{
    const struct population *p = &c->network->population[population];
    for (int ch = 0; ch < p->shape[0]; ch++)
        c->setting[population].bias[ch] -= mean[ch] - ann[ch];
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
        s->initial[i] +=
            (float)(c->options->timesteps * (c->statistics[population].neuron_mean[i] - mean[i]));
    return AF_OK;
}

int rehearsal_correct(struct rehearsal *r, int population)
{
    double *mean = calloc((size_t)r->c->network->population[population].shape[0], sizeof *mean);
    const struct population_statistics *ann = &r->c->statistics[population];
    bool currents = r->c->options->bias == BIAS_CURRENTS;
    int status = mean ? AF_OK : af_fail(AF_NO_MEMORY, "no memory");
    if (!status)
        status = rehearsal_record(r, population,
                                  currents ? &(struct means){.current = mean}
                                           : &(struct means){.output = mean});
    if (!status) {
        correct_channels(r->c, population, mean, currents ? ann->current : ann->mean);
        status = rehearsal_apply(r, population);
    }
    free(mean);
    return status;
}

static int correct_initial(struct rehearsal *r, int population)
{
    size_t n = (size_t)network_neurons(&r->c->network->population[population]);
    double *mean = calloc(n, sizeof *mean);
    int status = mean ? AF_OK : af_fail(AF_NO_MEMORY, "no memory");
    if (!status)
        status = rehearsal_record(r, population, &(struct means){.neuron = mean});
    if (!status)
        status = correct_neurons(r->c, population, mean);
    if (!status)
        status = rehearsal_apply(r, population);
    free(mean);
    return status;
}

static int correct_population(struct rehearsal *r, int population)
{
    struct conversion *c = r->c;
    enum af_kind kind = c->network->population[population].kind;
    int status = kind == AF_MAXPOOL ? AF_OK : rehearsal_correct(r, population);
    if (!status && c->options->bias == BIAS_ADVANCED && network_fires(kind))
        status = correct_initial(r, population);
    if (!status && kind != AF_OUTPUT)
        status = rehearsal_record(r, population, NULL);
    return status;
}

static int forget_corrections(struct conversion *c)
{
    int status = AF_OK;
    for (int i = 1; !status && i < c->network->population_count; i++) {
        struct setting *s = &c->setting[i];
        memset(s->bias, 0, (size_t)c->network->population[i].shape[0] * sizeof *s->bias);
        free(s->initial);
        s->initial = NULL;
        status = quantise_population(c, i);
    }
    return status;
}

int conversion_correct_bias(struct conversion *c)
{
    struct rehearsal r;
    int n = c->network->population_count;
    int status = forget_corrections(c);
    if (status || c->options->bias == BIAS_OFF)
        return status;
    status = rehearsal_begin(c, c->data->samples, &r);
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
