#include "convert/bias.h"

#include "base/error.h"
#include "convert/quantise.h"

#include <stdlib.h>
#include <string.h>

/* b -= mean(spiking) - mean(ANN), per channel. */
static void correct_channels(struct recipe *recipe, int population, const double *mean,
                             const double *ann)
{
    const struct population *p = &recipe->network->population[population];
    for (int ch = 0; ch < p->shape[0]; ch++)
        recipe->setting[population].bias[ch] -= mean[ch] - ann[ch];
}

/* The initial potential of each neuron += T (mean ANN output - mean spiking output). */
static int correct_neurons(struct recipe *recipe, int population, const double *mean)
{
    const struct population *p = &recipe->network->population[population];
    struct setting *s = &recipe->setting[population];
    int64_t n = network_neurons(p);
    if (!s->initial)
        s->initial = calloc((size_t)n, sizeof *s->initial);
    if (!s->initial)
        return af_fail(AF_NO_MEMORY, "no memory");
    for (int64_t i = 0; i < n; i++)
        s->initial[i] +=
            (float)(recipe->options.timesteps *
                    (recipe->reference->statistics[population].neuron_mean[i] - mean[i]));
    return AF_OK;
}

int bias_correct_population(struct rehearsal *r, int population)
{
    double *mean =
        calloc((size_t)r->recipe->network->population[population].shape[0], sizeof *mean);
    const struct population_statistics *ann = &r->recipe->reference->statistics[population];
    bool currents = r->recipe->options.bias == AF_BIAS_CURRENTS;
    int status = mean ? AF_OK : af_fail(AF_NO_MEMORY, "no memory");
    if (!status)
        status = rehearsal_record(r, population,
                                  currents ? &(struct means){.current = mean}
                                           : &(struct means){.output = mean});
    if (!status) {
        correct_channels(r->recipe, population, mean, currents ? ann->current : ann->mean);
        status = rehearsal_apply(r, population);
    }
    free(mean);
    return status;
}

static int correct_initial(struct rehearsal *r, int population)
{
    size_t n = (size_t)network_neurons(&r->recipe->network->population[population]);
    double *mean = calloc(n, sizeof *mean);
    int status = mean ? AF_OK : af_fail(AF_NO_MEMORY, "no memory");
    if (!status)
        status = rehearsal_record(r, population, &(struct means){.neuron = mean});
    if (!status)
        status = correct_neurons(r->recipe, population, mean);
    if (!status)
        status = rehearsal_apply(r, population);
    free(mean);
    return status;
}

static int correct_population(struct rehearsal *r, int population)
{
    struct recipe *recipe = r->recipe;
    enum af_kind kind = recipe->network->population[population].kind;
    int status = kind == AF_MAXPOOL ? AF_OK : bias_correct_population(r, population);
    if (!status && recipe->options.bias == AF_BIAS_ADVANCED && network_fires(kind))
        status = correct_initial(r, population);
    if (!status && kind != AF_OUTPUT)
        status = rehearsal_record(r, population, NULL);
    return status;
}

static int forget_corrections(struct recipe *recipe)
{
    int status = AF_OK;
    for (int i = 1; !status && i < recipe->network->population_count; i++) {
        struct setting *s = &recipe->setting[i];
        memset(s->bias, 0, (size_t)recipe->network->population[i].shape[0] * sizeof *s->bias);
        free(s->initial);
        s->initial = NULL;
        status = quantise_population(recipe, i);
    }
    return status;
}

static int correct_all(struct recipe *recipe, int64_t samples, struct journal *journal)
{
    struct rehearsal r;
    int n = recipe->network->population_count;
    int status = forget_corrections(recipe);
    if (status || recipe->options.bias == AF_BIAS_OFF)
        return status;
    status = rehearsal_begin(recipe, 0, samples, &r);
    if (status)
        return status;
    for (int i = 1; !status && i < n; i++) {
        if (journal)
            status = journal_progress(journal, "correcting biases", (double)i / n);
        if (!status)
            status = correct_population(&r, i);
        rehearsal_forget(&r, i);
    }
    rehearsal_end(&r);
    return status;
}

int bias_correct(struct recipe *recipe, struct journal *journal)
{
    return correct_all(recipe, recipe->reference->data.samples, journal);
}

int bias_correct_by(struct recipe *recipe, int64_t samples)
{
    return correct_all(recipe, samples, NULL);
}
