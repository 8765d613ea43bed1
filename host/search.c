/* Searches by measured sensitivity: burst limits (the AdaFire search), signed bursts, and threshold
 * ratios (SSC, Sensitivity Spike Compression). Each population is changed alone, everything else
 * stays; the choice over all populations is a dynamic program that keeps the Pareto frontier. */
#include "convert.h"

#include "error.h"
#include "rehearsal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { CANDIDATES_MOST = 32, FRONTIER_MOST = 4096, RATIOS = 19 };

struct option {
    double sensitivity, energy;
};

/* What was measured: option[population][candidate]. */
struct table {
    int populations, candidates;
    int *population; /* [populations] the network's index */
    struct option *option;
};

static struct option *option_at(const struct table *t, int i, int candidate)
{
    return &t->option[i * t->candidates + candidate];
}

/* ---- Choosing ------------------------------------------------------------------------------ */

/* A partial choice: sums over the populations so far, the last candidate, and where it came from. */
struct state {
    double cost, limited; /* to be least; to stay within the budget */
    int candidate, from;
};

static int by_limited(const void *a, const void *b)
{
    const struct state *x = a, *y = b;
    if (x->limited != y->limited)
        return x->limited < y->limited ? -1 : 1;
    if (x->cost != y->cost)
        return x->cost < y->cost ? -1 : 1;
    return x->from != y->from ? (x->from < y->from ? -1 : 1) : x->candidate - y->candidate;
}

/* Keeps what no cheaper state beats, and of a frontier that grows too long an even thinning. */
static int prune(struct state *s, int n)
{
    qsort(s, (size_t)n, sizeof *s, by_limited);
    int kept = 0;
    for (int i = 0; i < n; i++)
        if (kept == 0 || s[i].cost < s[kept - 1].cost)
            s[kept++] = s[i];
    if (kept <= FRONTIER_MOST)
        return kept;
    for (int i = 0; i < FRONTIER_MOST; i++)
        s[i] = s[(int64_t)i * (kept - 1) / (FRONTIER_MOST - 1)];
    return FRONTIER_MOST;
}

/* One candidate per population: least sum of cost with the sum of `limited` within the budget (if
 * nothing is, the least `limited`). by_energy: energy is the limited one, else sensitivity. */
static int choose(const struct table *t, bool by_energy, double budget, int *choice)
{
    size_t most = (size_t)FRONTIER_MOST * (size_t)t->candidates;
    struct state **layer = calloc((size_t)t->populations + 1, sizeof *layer);
    int *count = calloc((size_t)t->populations + 1, sizeof *count);
    struct state *grown = malloc((most + 1) * sizeof *grown);
    int status = layer && count && grown ? AF_OK : af_fail(AF_NO_MEMORY, "no memory");
    if (!status && !(layer[0] = calloc(1, sizeof **layer)))
        status = af_fail(AF_NO_MEMORY, "no memory");
    if (!status)
        count[0] = 1;
    for (int i = 0; !status && i < t->populations; i++) {
        int n = 0;
        for (int f = 0; f < count[i]; f++)
            for (int k = 0; k < t->candidates; k++) {
                const struct option *o = option_at(t, i, k);
                if (isnan(o->sensitivity))
                    continue;
                double cost = by_energy ? o->sensitivity : o->energy;
                double limited = by_energy ? o->energy : o->sensitivity;
                grown[n++] = (struct state){layer[i][f].cost + cost, layer[i][f].limited + limited,
                                            k, f};
            }
        n = prune(grown, n);
        layer[i + 1] = malloc((size_t)n * sizeof **layer);
        if (!layer[i + 1])
            status = af_fail(AF_NO_MEMORY, "no memory");
        else
            memcpy(layer[i + 1], grown, (size_t)n * sizeof *grown);
        count[i + 1] = n;
    }
    if (!status) {
        /* Ordered by `limited`, cost falls: the last within the budget is the best. */
        int at = 0;
        for (int f = 0; f < count[t->populations]; f++)
            if (layer[t->populations][f].limited <= budget)
                at = f;
        for (int i = t->populations; i > 0; i--) {
            choice[i - 1] = layer[i][at].candidate;
            at = layer[i][at].from;
        }
    }
    for (int i = 0; layer && i <= t->populations; i++)
        free(layer[i]);
    free(layer);
    free(count);
    free(grown);
    return status;
}

/* ---- Measuring ----------------------------------------------------------------------------- */

static int table_make(const struct conversion *c, int candidates, struct table *t)
{
    const struct network *net = c->network;
    *t = (struct table){.candidates = candidates};
    t->population = malloc((size_t)net->population_count * sizeof *t->population);
    t->option =
        calloc((size_t)net->population_count * (size_t)candidates, sizeof *t->option);
    if (!t->population || !t->option)
        return af_fail(AF_NO_MEMORY, "no memory");
    for (int i = 0; i < net->population_count; i++)
        if (network_fires(net->population[i].kind))
            t->population[t->populations++] = i;
    return AF_OK;
}

static void table_free(struct table *t)
{
    free(t->population);
    free(t->option);
}

/* Puts candidate k into the population's setting; false if it has no such candidate. */
typedef bool candidate_fn(struct conversion *c, int population, int k);

/* Measures every candidate of every population, the others as they are set. */
static int measure(struct conversion *c, const char *phase, candidate_fn *apply, struct table *t)
{
    struct rehearsal r;
    const struct network *net = c->network;
    int64_t samples = c->options->search_samples > 0 &&
                              c->options->search_samples < c->data->samples
                          ? c->options->search_samples
                          : c->data->samples;
    int status = rehearsal_begin(c, samples, &r);
    if (status)
        return status;
    for (int p = 1, i = 0; !status && i < t->populations; p++) {
        bool fires = t->population[i] == p;
        struct setting *s = &c->setting[p], kept = *s;
        size_t bytes = (size_t)net->population[p].shape[0] * sizeof *s->threshold;
        float *threshold = fires ? malloc(bytes) : NULL;
        if (fires && !threshold)
            status = af_fail(AF_NO_MEMORY, "no memory");
        if (threshold)
            memcpy(threshold, s->threshold, bytes);
        for (int k = 0; !status && fires && k < t->candidates; k++) {
            struct option *o = option_at(t, i, k);
            o->sensitivity = NAN;
            if (apply(c, p, k))
                status = rehearsal_apply(&r, p);
            else
                continue;
            if (!status)
                status = rehearsal_probe(&r, p, &o->sensitivity, &o->energy, NULL);
            s->burst = kept.burst;
            s->signed_bursts = kept.signed_bursts;
            s->ratio = kept.ratio;
            memcpy(s->threshold, threshold, bytes);
            conversion_progress(c, phase,
                                (i + (k + 1.0) / t->candidates) / t->populations);
        }
        free(threshold);
        if (!status && fires)
            status = rehearsal_apply(&r, p);
        if (!status)
            status = rehearsal_record(&r, p, NULL, NULL);
        rehearsal_forget(&r, p);
        i += fires;
    }
    rehearsal_end(&r);
    return status;
}

static int requantise(struct conversion *c)
{
    int status = AF_OK;
    for (int i = 1; !status && i < c->network->population_count; i++)
        status = quantise_population(c, i);
    return status;
}

/* ---- Burst limits -------------------------------------------------------------------------- */

static bool apply_burst(struct conversion *c, int population, int k)
{
    int burst = c->options->burst_min + k;
    if (burst > c->options->burst_initial)
        return false;
    c->setting[population].burst = burst;
    conversion_set_thresholds(c, population);
    return true;
}

int conversion_search_bursts(struct conversion *c)
{
    const struct convert_options *o = c->options;
    struct table t;
    int candidates = o->burst_initial - o->burst_min + 1;
    int status = table_make(c, candidates, &t);
    int *choice = calloc((size_t)c->network->population_count, sizeof *choice);
    if (!status && !choice)
        status = af_fail(AF_NO_MEMORY, "no memory");
    if (!status)
        status = measure(c, "searching burst limits", apply_burst, &t);
    double budget = 0;
    for (int i = 0; !status && i < t.populations; i++)
        budget += option_at(&t, i, o->burst_desired - o->burst_min)->energy;
    if (!status)
        status = choose(&t, true, budget * (double)o->energy_ratio, choice);
    for (int i = 0; !status && i < t.populations; i++) {
        int p = t.population[i];
        c->setting[p].burst = o->burst_min + choice[i];
        c->sensitivity[p] = option_at(&t, i, choice[i])->sensitivity;
        conversion_set_thresholds(c, p);
    }
    if (!status)
        status = requantise(c);
    free(choice);
    table_free(&t);
    return status;
}

/* ---- Signed bursts ------------------------------------------------------------------------- */

static bool apply_signed(struct conversion *c, int population, int k)
{
    if (c->network->population[population].kind != AF_RELU)
        return false;
    c->setting[population].signed_bursts = k == 1;
    return true;
}

/* Signed where it lowers the sensitivity by a tenth at least: it costs the hardware a running sum. */
int conversion_search_signed(struct conversion *c)
{
    struct table t;
    int status = table_make(c, 2, &t);
    if (!status)
        status = measure(c, "choosing signed bursts", apply_signed, &t);
    for (int i = 0; !status && i < t.populations; i++) {
        double off = option_at(&t, i, 0)->sensitivity, on = option_at(&t, i, 1)->sensitivity;
        if (!isnan(off))
            c->setting[t.population[i]].signed_bursts = on < 0.9 * off;
    }
    if (!status)
        status = requantise(c);
    table_free(&t);
    return status;
}

/* ---- Threshold ratios ---------------------------------------------------------------------- */

static bool apply_ratio(struct conversion *c, int population, int k)
{
    c->setting[population].ratio = 1 + 0.5f * (float)k;
    return true;
}

int conversion_search_ratios(struct conversion *c)
{
    struct table t;
    int status = table_make(c, RATIOS, &t);
    int *choice = calloc((size_t)c->network->population_count, sizeof *choice);
    if (!status && !choice)
        status = af_fail(AF_NO_MEMORY, "no memory");
    if (!status)
        status = measure(c, "compressing spikes", apply_ratio, &t);
    /* The budget is for what compression adds, so that rho = 1 everywhere is always within it. */
    for (int i = 0; !status && i < t.populations; i++) {
        double base = option_at(&t, i, 0)->sensitivity;
        for (int k = 0; k < RATIOS; k++) {
            struct option *o = option_at(&t, i, k);
            o->sensitivity = fmax(o->sensitivity - base, 0);
        }
    }
    if (!status)
        status = choose(&t, false, (double)c->options->ssc_budget, choice);
    for (int i = 0; !status && i < t.populations; i++) {
        c->setting[t.population[i]].ratio = 1 + 0.5f * (float)choice[i];
        c->sensitivity[t.population[i]] += option_at(&t, i, choice[i])->sensitivity;
    }
    if (!status)
        status = requantise(c);
    free(choice);
    table_free(&t);
    return status;
}
