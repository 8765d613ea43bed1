/* A weight of 0 causes no synaptic operation, and is a weight that was rounded by a large step:
 * others of its row make up for it (rounding.c), as Frantar and Alistarh do it (SparseGPT, arXiv
 * 2301.00774).
 *
 * Leaving out w costs w^2 R_ii^2, of its input what the others cannot predict, in the current of a
 * neuron, times what a squared error of that does to the outputs (weigh.h); it saves an
 * operation for each of the input's events. The one over the other is a price that is the same
 * measure in all layers, and the cheapest go. */
#include "convert/prune.h"

#include "base/error.h"
#include "convert/rounding.h"
#include "convert/weigh.h"

#include <math.h>
#include <stdlib.h>

enum { OCTAVE = 64, OCTAVES = 256, BINS = OCTAVES * OCTAVE }; /* of prices: from 2^-128 on */

static const struct wiring *wiring_at(const struct recipe *recipe, int population, int projection)
{
    return &recipe->network->population[population].projection[projection].wiring;
}

/* Whether its events cause operations and others can make up for its weights. */
static bool can_lose(const struct recipe *recipe, int population, int projection)
{
    const struct rounding *r = recipe->reference->statistics[population].rounding;
    const bool constant = wiring_at(recipe, population, projection)->source == 0;
    return r && r[projection].block && (!constant || recipe->model->format.events);
}

/* Adds a projection's operations to the bins of their prices. */
static void add_prices(const struct recipe *recipe, int population, int projection, double *bin)
{
    const struct rounding *r = &recipe->reference->statistics[population].rounding[projection];
    const struct wiring *w = wiring_at(recipe, population, projection);
    const float *weight = recipe->network->population[population].projection[projection].weight;
    const int64_t row = wiring_row(w);
    const double area = (double)w->block[1] * w->block[2];
    for (int o = 0; o < w->block[0]; o++) {
        const int group = o / (w->block[0] / w->groups);
        const double error = weigh_passes(recipe->reference, population, w->at[0] + o);
        for (int64_t i = 0; i < row; i++, weight++) {
            const double saved = (double)r->events[group * row + i], v = (double)*weight;
            if (v == 0 || saved == 0)
                continue;
            const double price = error * v * v * rounding_unpredicted(r, group, row, i) / saved;
            const double at = price > 0 ? (log2(price) + OCTAVES / 2.0) * OCTAVE : 0;
            bin[(int)fmax(fmin(at, BINS - 1), 0)] += saved * area;
        }
    }
}

int prune_choose(struct recipe *recipe)
{
    const double share = (double)recipe->options.prune;
    double *bin = calloc(BINS, sizeof *bin), all = 0, gone = 0;
    int at = 0;
    recipe->prune_limit = 0;
    if (!bin)
        return af_fail(AF_NO_MEMORY, "no memory");
    for (int p = 0; share > 0 && p < recipe->network->population_count; p++)
        for (int k = 0; k < recipe->network->population[p].projection_count; k++)
            if (can_lose(recipe, p, k))
                add_prices(recipe, p, k, bin);
    for (int b = 0; b < BINS; b++)
        all += bin[b];
    while (all > 0 && at < BINS && gone + bin[at] <= share * all)
        gone += bin[at++];
    if (all > 0)
        recipe->prune_limit = exp2((double)at / OCTAVE - OCTAVES / 2.0);
    free(bin);
    return AF_OK;
}

double prune_row_limit(const struct recipe *recipe, int population, int projection, int channel)
{
    const struct wiring *w = wiring_at(recipe, population, projection);
    if (recipe->prune_limit == 0 || !can_lose(recipe, population, projection))
        return 0;
    const double error = weigh_passes(recipe->reference, population, w->at[0] + channel);
    return error > 0 ? recipe->prune_limit / error : INFINITY;
}
