#include "convert/sweep.h"

#include "base/error.h"
#include "convert/bias.h"

#include <math.h>
#include <stdlib.h>

enum { NEAR = 2, SAMPLES_LEAST = 8 };
#define SEARCH_WORK 32e9 /* to measure one candidate, in multiply-accumulates */

/* The candidates of one population, each with its own bias correction. */
static int measure_population(struct rehearsal *r, const struct sweep *sweep, struct candidates *t,
                              int i)
{
    struct recipe *recipe = r->recipe;
    const int p = t->population[i];
    const struct population *population = &recipe->network->population[p];
    int worse = 0;
    struct setting kept;
    int status = setting_copy(&recipe->setting[p], population, &kept);
    for (int k = 0; !status && k < t->each; k++) {
        struct option *o = candidates_option(t, i, k);
        o->sensitivity = NAN;
        if (worse > 1 || (sweep->near && abs(k - sweep->near[i]) > NEAR) ||
            !sweep->apply(recipe, p, k))
            continue;
        status = rehearsal_apply(r, p);
        if (!status && recipe->options.bias != AF_BIAS_OFF)
            status = bias_correct_population(r, p);
        if (!status)
            status = rehearsal_probe(r, p, &o->sensitivity, &o->energy);
        worse += k && o->sensitivity > candidates_option(t, i, 0)->sensitivity + sweep->limit;
        setting_restore(&recipe->setting[p], population, &kept);
        double done = (i + (k + 1.0) / t->each) / t->populations;
        if (!status)
            status = journal_progress(sweep->journal, sweep->phase,
                                      sweep->begin + (sweep->end - sweep->begin) * done);
    }
    setting_free(&kept);
    return status ? status : rehearsal_apply(r, p);
}

/* Weights that the CPU engine multiplies with in a timestep, zeros among them. */
static double work_of(const struct af_model *m)
{
    double work = 0;
    for (int i = 0; i < m->population_count; i++)
        for (int k = 0; k < m->population[i].input_count; k++) {
            const struct synapses *s = &m->population[i].input[k];
            if (s->weight && !wiring_is_channelwise(&s->wiring))
                work +=
                    (double)wiring_weights(&s->wiring) * s->wiring.block[1] * s->wiring.block[2];
        }
    return work;
}

/* As many as wanted, but of a large network no more than keep a search within minutes. */
static int64_t search_samples(const struct recipe *recipe)
{
    double each = work_of(recipe->model) * recipe->options.timesteps;
    int64_t wanted = recipe->options.search_samples, fits = (int64_t)(SEARCH_WORK / fmax(each, 1));
    if (wanted <= 0 || wanted > recipe->reference->data.samples)
        wanted = recipe->reference->data.samples;
    fits = fits < SAMPLES_LEAST ? SAMPLES_LEAST : fits;
    return wanted < fits ? wanted : fits;
}

int sweep_measure(struct recipe *recipe, const struct sweep *sweep, struct candidates *t)
{
    struct rehearsal r;
    int status = rehearsal_begin(recipe, 0, search_samples(recipe), &r);
    if (status)
        return status;
    for (int p = 1, i = 0; !status && i < t->populations; p++) {
        if (t->population[i] == p)
            status = measure_population(&r, sweep, t, i++);
        if (!status)
            status = rehearsal_record(&r, p, NULL);
        rehearsal_forget(&r, p);
    }
    rehearsal_end(&r);
    return status;
}

int sweep_network(struct recipe *recipe, double *sensitivity)
{
    struct rehearsal r;
    double energy;
    int status = rehearsal_begin(recipe, 0, recipe->reference->data.samples, &r);
    if (status)
        return status;
    status = rehearsal_probe(&r, 1, sensitivity, &energy);
    rehearsal_end(&r);
    return status;
}
