#include "convert/bits.h"

#include "base/error.h"

#include <math.h>
#include <stdlib.h>

enum { LARGEST_OF_7_BITS = 32 };

/* What an output channel of a projection can add to a neuron's current in a timestep at most, ANN
 * units. */
static double reach(const struct recipe *recipe, int population, int projection, int channel)
{
    const struct projection *p = &recipe->network->population[population].projection[projection];
    const struct wiring *w = &p->wiring;
    const int64_t row = wiring_row(w);
    const int taps = w->kernel[0] * w->kernel[1];
    const int group = channel / (w->block[0] / w->groups);
    const double events =
        (double)model_event_limit(recipe->model, w->source) * w->pool[0] * (double)w->pool[1];
    double sum = 0;
    for (int64_t i = 0; i < row; i++) {
        const int from = w->map[group * wiring_fan_in(w) + i / taps];
        sum += fabs((double)p->weight[channel * row + i]) *
               model_event_value(recipe->model, w->source, from);
    }
    return sum * events;
}

/* From what on that matters: half a threshold, or the least part of the outputs that 8 bits tell.
 */
static double least_reach(const struct recipe *recipe, int population, int projection, int channel)
{
    const struct population *p = &recipe->network->population[population];
    const struct setting *s = &recipe->setting[population];
    const struct wiring *w = &p->projection[projection].wiring;
    double most = 0;
    if (p->kind != AF_OUTPUT)
        return 0.5 * (double)s->threshold[w->at[0] + channel] * (double)s->ratio;
    for (int o = 0; o < w->block[0]; o++)
        most = fmax(most, reach(recipe, population, projection, o));
    return most / INT8_MAX;
}

static int largest_of(const int8_t *weight, int64_t count)
{
    int most = 0;
    for (int64_t i = 0; i < count; i++)
        most = abs(weight[i]) > most ? abs(weight[i]) : most;
    return most;
}

static int check_projection(const struct recipe *recipe, int population, int projection,
                            struct journal *journal)
{
    const struct neurons *n = &recipe->model->population[population];
    const struct synapses *s = &n->input[projection];
    const char *source = recipe->model->population[s->wiring.source].name;
    const int64_t row = wiring_row(&s->wiring);
    const int most = largest_of(s->weight, wiring_weights(&s->wiring));
    for (int o = 0; o < s->wiring.block[0] && recipe->options.prune <= 0; o++) {
        if (largest_of(s->weight + o * row, row) > 0)
            continue;
        const double can = reach(recipe, population, projection, o);
        if (can > 0 && can >= least_reach(recipe, population, projection, o))
            return af_fail(AF_UNSUPPORTED,
                           "all weights of channel %d of '%.80s' from '%.80s' became 0: in 8 bits "
                           "they cannot be told beside what else it adds up; fewer timesteps or "
                           "smaller bursts leave more room",
                           s->wiring.at[0] + o, n->name, source);
    }
    if (most == 0 || most >= LARGEST_OF_7_BITS)
        return AF_OK;
    return journal_note(
        journal,
        "weights of '%.80s' from '%.80s' keep %d of 8 bits, so that all they add up "
        "fits; fewer timesteps or smaller bursts leave more",
        n->name, source, ilogb(most) + 2);
}

int bits_check(const struct recipe *recipe, struct journal *journal)
{
    int status = AF_OK;
    for (int i = 1; !status && i < recipe->model->population_count; i++)
        for (int k = 0; !status && k < recipe->model->population[i].input_count; k++)
            if (recipe->model->population[i].input[k].weight)
                status = check_projection(recipe, i, k, journal);
    return status;
}
