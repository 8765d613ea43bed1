/* Searches by measured sensitivity: signed bursts, burst limits (the AdaFire search), and threshold
 * ratios (SSC, Sensitivity Spike Compression). Each population is changed alone, everything else
 * stays; the choice over all populations is a dynamic program that keeps the Pareto frontier.
 *
 * Where this departs from the paper, because it measured better: the search for burst limits starts
 * from burst_desired, near where it ends, not from burst_initial, and goes over the network twice;
 * every candidate has its own bias correction, as it will have in the end; what the choice does as
 * a whole is measured before it is kept; and sensitivity is the divergence of softened outputs. */
#include "base/error.h"
#include "convert/convert.h"
#include "convert/rehearsal.h"
#include "convert/risk.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { FRONTIER_MOST = 4096, BURST_PASSES = 2, NEAR = 2, LOSS_TURNS = 8, LOSS_PASSES = 4 };
enum { RATIOS = 14, RATIOS_A_PASS = 5 };
#define RATIO_STEP 1.2f /* 1, 1.2, 1.44 .. 10.7 */
enum { SAMPLES_LEAST = 8 };
#define SEARCH_WORK 32e9 /* to measure one candidate, in multiply-accumulates */
#define SIGNED_GAIN 0.99 /* of the sensitivity; less is not worth the cost */

struct option {
    double sensitivity, energy;
};

/* What was measured: option[population][candidate]. */
struct table {
    int populations, candidates;
    int *population; /* [populations] the network's index */
    struct option *option;
    float *ratio; /* [populations] threshold ratios to begin with */
};

static struct option *option_at(const struct table *t, int i, int candidate)
{
    return &t->option[i * t->candidates + candidate];
}

/* ---- Choosing ------------------------------------------------------------------------------ */

/* A partial choice: sums over the populations so far, the last candidate, and where it came from.
 */
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
                grown[n++] =
                    (struct state){layer[i][f].cost + cost, layer[i][f].limited + limited, k, f};
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
    t->option = calloc((size_t)net->population_count * (size_t)candidates, sizeof *t->option);
    t->ratio = calloc((size_t)net->population_count, sizeof *t->ratio);
    if (!t->population || !t->option || !t->ratio)
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
    free(t->ratio);
}

/* Puts candidate k into the population's setting; false if it has no such candidate. */
typedef bool candidate_fn(struct conversion *c, int population, int k);

struct search {
    const char *phase;
    double begin, end; /* of the phase's progress */
    candidate_fn *apply;
    double limit;    /* candidates grow worse: stop where they add more than this */
    const int *near; /* [table.populations]: only candidates this close, NULL: all */
};

/* A setting's copy, to measure others in its place. */
struct kept {
    struct setting setting;
    float *threshold;
    double *bias;
};

static int keep(const struct setting *s, int channels, struct kept *k)
{
    size_t n = (size_t)channels;
    *k = (struct kept){*s, malloc(n * sizeof *k->threshold), malloc(n * sizeof *k->bias)};
    if (!k->threshold || !k->bias)
        return af_fail(AF_NO_MEMORY, "no memory");
    memcpy(k->threshold, s->threshold, n * sizeof *k->threshold);
    memcpy(k->bias, s->bias, n * sizeof *k->bias);
    return AF_OK;
}

static void restore(struct setting *s, int channels, const struct kept *k)
{
    size_t n = (size_t)channels;
    *s = k->setting;
    memcpy(s->threshold, k->threshold, n * sizeof *k->threshold);
    memcpy(s->bias, k->bias, n * sizeof *k->bias);
}

/* The candidates of one population, each with its own bias correction. */
static int measure_population(struct rehearsal *r, const struct search *search, struct table *t,
                              int i)
{
    struct conversion *c = r->c;
    int p = t->population[i], channels = c->network->population[p].shape[0], worse = 0;
    struct kept kept;
    int status = keep(&c->setting[p], channels, &kept);
    for (int k = 0; !status && k < t->candidates; k++) {
        struct option *o = option_at(t, i, k);
        o->sensitivity = NAN;
        if (worse > 1 || (search->near && abs(k - search->near[i]) > NEAR) ||
            !search->apply(c, p, k))
            continue;
        status = rehearsal_apply(r, p);
        if (!status && c->options->bias != BIAS_OFF)
            status = rehearsal_correct(r, p);
        if (!status)
            status = rehearsal_probe(r, p, &o->sensitivity, &o->energy);
        worse += k && o->sensitivity > option_at(t, i, 0)->sensitivity + search->limit;
        restore(&c->setting[p], channels, &kept);
        double done = (i + (k + 1.0) / t->candidates) / t->populations;
        conversion_progress(c, search->phase, search->begin + (search->end - search->begin) * done);
    }
    free(kept.threshold);
    free(kept.bias);
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
static int64_t search_samples(const struct conversion *c)
{
    double each = work_of(c->model) * c->options->timesteps;
    int64_t wanted = c->options->search_samples, fits = (int64_t)(SEARCH_WORK / fmax(each, 1));
    if (wanted <= 0 || wanted > c->data->samples)
        wanted = c->data->samples;
    fits = fits < SAMPLES_LEAST ? SAMPLES_LEAST : fits;
    return wanted < fits ? wanted : fits;
}

/* Measures every candidate of every population, the others as they are set. */
static int measure(struct conversion *c, const struct search *search, struct table *t)
{
    struct rehearsal r;
    int status = rehearsal_begin(c, search_samples(c), &r);
    if (status)
        return status;
    for (int p = 1, i = 0; !status && i < t->populations; p++) {
        if (t->population[i] == p)
            status = measure_population(&r, search, t, i++);
        if (!status)
            status = rehearsal_record(&r, p, NULL);
        rehearsal_forget(&r, p);
    }
    rehearsal_end(&r);
    return status;
}

/* The sensitivity of the network as it is set, on all calibration samples. */
static int measure_network(struct conversion *c, double *sensitivity)
{
    struct rehearsal r;
    double energy;
    int status = rehearsal_begin(c, c->data->samples, &r);
    if (status)
        return status;
    status = rehearsal_probe(&r, 1, sensitivity, &energy);
    rehearsal_end(&r);
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

/* Signed where it lowers the sensitivity: it costs the hardware a running sum, and some spikes. */
int conversion_search_signed(struct conversion *c)
{
    const struct search search = {"choosing signed bursts", 0, 1, apply_signed, INFINITY, NULL};
    struct table t;
    int status = table_make(c, 2, &t);
    if (!status)
        status = measure(c, &search, &t);
    for (int i = 0; !status && i < t.populations; i++) {
        const struct option *off = option_at(&t, i, 0), *on = option_at(&t, i, 1);
        bool better = on->sensitivity < SIGNED_GAIN * off->sensitivity;
        c->setting[t.population[i]].signed_bursts = better;
        c->sensitivity[t.population[i]] = better ? on->sensitivity : off->sensitivity;
    }
    if (!status)
        status = conversion_correct_bias(c);
    table_free(&t);
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

static int set_bursts(struct conversion *c, const struct table *t, const int *choice)
{
    for (int i = 0; i < t->populations; i++)
        apply_burst(c, t->population[i], choice[i]);
    return conversion_correct_bias(c);
}

/* The dynamic program adds up what each population alone does to the network. Where the sum of the
 * changes turns out worse than what was, half the way is tried, and half of that. */
static int improve_bursts(struct conversion *c, const struct table *t, int *choice, int *kept,
                          double *sensitivity)
{
    int status = AF_OK;
    for (int turn = 0; !status && turn < 3; turn++) {
        double s = INFINITY;
        status = set_bursts(c, t, choice);
        if (!status)
            status = measure_network(c, &s);
        if (!status && s < *sensitivity) {
            *sensitivity = s;
            memcpy(kept, choice, (size_t)t->populations * sizeof *kept);
            return AF_OK;
        }
        for (int i = 0; i < t->populations; i++)
            choice[i] = kept[i] + (choice[i] - kept[i]) / 2;
    }
    return status ? status : set_bursts(c, t, kept);
}

int conversion_search_bursts(struct conversion *c)
{
    const struct convert_options *o = c->options;
    struct table t;
    int status = table_make(c, o->burst_initial - o->burst_min + 1, &t);
    size_t n = (size_t)c->network->population_count;
    int *choice = calloc(n, sizeof *choice), *kept = calloc(n, sizeof *kept);
    double budget = 0, sensitivity = INFINITY;
    if (!status && (!choice || !kept))
        status = af_fail(AF_NO_MEMORY, "no memory");
    for (int i = 0; !status && i < t.populations; i++)
        kept[i] = o->burst_desired - o->burst_min;
    /* A budget below the spikes of burst_desired has to be met first. */
    if (!status && o->energy_ratio >= 1)
        status = measure_network(c, &sensitivity);
    for (int pass = 0; !status && pass < BURST_PASSES; pass++) {
        const struct search search = {"searching burst limits",
                                      (double)pass / BURST_PASSES,
                                      (pass + 1.0) / BURST_PASSES,
                                      apply_burst,
                                      INFINITY,
                                      pass ? kept : NULL};
        status = measure(c, &search, &t);
        for (int i = 0; !status && pass == 0 && i < t.populations; i++)
            budget += option_at(&t, i, kept[i])->energy * (double)o->energy_ratio;
        if (!status)
            status = choose(&t, true, budget, choice);
        if (!status)
            status = improve_bursts(c, &t, choice, kept, &sensitivity);
        for (int i = 0; !status && i < t.populations; i++)
            c->sensitivity[t.population[i]] = option_at(&t, i, kept[i])->sensitivity;
    }
    free(choice);
    free(kept);
    table_free(&t);
    return status;
}

/* ---- Threshold ratios ---------------------------------------------------------------------- */

static bool apply_ratio(struct conversion *c, int population, int k)
{
    c->setting[population].ratio *= powf(RATIO_STEP, (float)k);
    return true;
}

/* Within a budget of 0: as they were. */
static int set_ratios(struct conversion *c, const struct table *t, double budget, int *choice)
{
    int status = AF_OK;
    memset(choice, 0, (size_t)t->populations * sizeof *choice);
    if (budget > 0)
        status = choose(t, false, budget, choice);
    for (int i = 0; !status && i < t->populations; i++) {
        c->setting[t->population[i]].ratio = t->ratio[i];
        apply_ratio(c, t->population[i], choice[i]);
    }
    return status ? status : conversion_correct_bias(c);
}

/* The sums of what each population alone adds are compared with the budget; what all of them add
 * together is measured, and the budget lowered until that is within it as well. */
static int fit_to_divergence(struct conversion *c, const struct table *t, double before,
                             int *choice)
{
    double allowed = (double)c->options->ssc_budget * before, budget = allowed;
    int status = AF_OK;
    for (int turn = 0; !status && turn < 8; turn++) {
        double after = before;
        status = set_ratios(c, t, turn < 7 ? budget : 0, choice);
        if (!status)
            status = measure_network(c, &after);
        if (!status && after - before <= allowed)
            break;
        budget *= 0.6;
    }
    return status;
}

/* The budget with which the network, as it will run, costs least within the loss: more and more as
 * long as it is within, then half a step back and forth. */
static int fit_to_loss(struct conversion *c, const struct table *t, double before, int *choice)
{
    double best = 0, least = INFINITY, budget = 0, step = before / 16;
    double loss = risk_among_many(c->data->samples + c->data->further, (double)c->options->ssc_loss,
                                  c->loss_most);
    enum choice iat = c->chosen.iat;
    if (!c->options->optimize) /* what early exit loses is its own affair */
        c->chosen.iat = CHOICE_OFF;
    int status = AF_OK;
    bool growing = true;
    bool shows =
        risk_shows(c->data->samples + c->data->further, (double)c->options->ssc_loss, c->loss_most);
    /* Few samples show how far outputs move better than what is lost by it; a goal spends what
     * they do not show on early exit as well. */
    double most = shows ? INFINITY : c->options->optimize ? before : 2 * before;
    for (int turn = 0; !status && turn < LOSS_TURNS; turn++) {
        status = set_ratios(c, t, budget, choice);
        if (!status)
            status = conversion_finish(c);
        if (status)
            break;
        /* Too few samples to tell how much is lost still tell how much more. */
        if (turn == 0 && !shows && !c->options->optimize)
            loss += c->loss;
        bool good = c->loss <= loss && conversion_cost(c) < least;
        if (good) {
            least = conversion_cost(c);
            best = budget;
        }
        /* A step that saves nothing is no reason to stop: a larger one may. */
        growing = growing && (turn == 0 || c->loss <= loss);
        step *= growing ? 2 : 0.5;
        budget = fmin(best + step, most);
    }
    c->chosen.iat = iat;
    return status ? status : set_ratios(c, t, best, choice);
}

/* What candidate k adds, never less than what a smaller ratio adds: a dip is noise, and to choose
 * among dips is to choose noise. Of a goal's many passes even the dip counts as what it may be. */
static void take_added(const struct table *t, bool by_loss)
{
    for (int i = 0; i < t->populations; i++) {
        double none = option_at(t, i, 0)->sensitivity, most = 0;
        for (int k = 0; k < t->candidates; k++) {
            struct option *o = option_at(t, i, k);
            if (isnan(o->sensitivity)) /* was not measured */
                continue;
            double added = o->sensitivity - none;
            o->sensitivity = most = fmax(most, by_loss ? fabs(added) : added);
        }
    }
}

/* One pass over the populations; *moved: whether it changed any. */
static int search_ratios(struct conversion *c, const char *phase, bool *moved)
{
    struct search search = {phase, 0, 1, apply_ratio, INFINITY, NULL};
    struct table t;
    double before = 0;
    bool by_loss = c->options->ssc_loss > 0;
    int status = table_make(c, by_loss ? RATIOS_A_PASS : RATIOS, &t);
    int *choice = calloc((size_t)c->network->population_count, sizeof *choice);
    if (!status && !choice)
        status = af_fail(AF_NO_MEMORY, "no memory");
    for (int i = 0; !status && i < t.populations; i++)
        t.ratio[i] = c->setting[t.population[i]].ratio;
    if (!status)
        status = measure_network(c, &before);
    if (!by_loss)
        search.limit = (double)c->options->ssc_budget * before;
    if (!status)
        status = measure(c, &search, &t);
    if (!status)
        take_added(&t, by_loss);
    if (!status)
        status =
            by_loss ? fit_to_loss(c, &t, before, choice) : fit_to_divergence(c, &t, before, choice);
    *moved = false;
    for (int i = 0; !status && i < t.populations; i++) {
        c->sensitivity[t.population[i]] = before + option_at(&t, i, choice[i])->sensitivity;
        *moved = *moved || choice[i];
    }
    free(choice);
    table_free(&t);
    return status;
}

/* What is compressed already changes what more of it does: for a loss it goes by small steps, and
 * measures again after each. */
int conversion_search_ratios(struct conversion *c)
{
    static const char *const phases[LOSS_PASSES] = {
        "compressing spikes", "compressing spikes again", "compressing spikes, third pass",
        "compressing spikes, last pass"};
    double loss = (double)c->options->ssc_loss;
    int passes =
        risk_shows(c->data->samples + c->data->further, loss, c->loss_most) ? LOSS_PASSES : 1;
    bool moved = true;
    int status = AF_OK;
    for (int pass = 0; !status && moved && pass < passes; pass++)
        status = search_ratios(c, phases[pass], &moved);
    return status;
}
