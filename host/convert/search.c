#include "convert/search.h"

#include "base/error.h"
#include "convert/bias.h"
#include "convert/early_exit.h"
#include "convert/risk.h"
#include "convert/sweep.h"
#include "convert/threshold.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BURST_PASSES = 2, LOSS_TURNS = 8, LOSS_PASSES = 4 };
enum { RATIOS = 14, RATIOS_A_PASS = 5 };
#define RATIO_STEP  1.2f /* 1, 1.2, 1.44 .. 10.7 */
#define SIGNED_GAIN 0.99 /* of the sensitivity; less is not worth the cost */

/* ---- Signed bursts ------------------------------------------------------------------------- */

static bool apply_signed(struct recipe *recipe, int population, int k)
{
    if (recipe->network->population[population].kind != AF_RELU)
        return false;
    recipe->setting[population].signed_bursts = k == 1;
    return true;
}

/* Signed where it lowers the sensitivity: it costs the hardware a running sum, and some spikes. */
int search_signed(struct recipe *recipe, struct journal *journal)
{
    const struct sweep sweep = {journal, "choosing signed bursts", 0, 1, apply_signed, INFINITY,
                                NULL};
    struct candidates t;
    int status = candidates_make(recipe->network, 2, &t);
    if (!status)
        status = sweep_measure(recipe, &sweep, &t);
    for (int i = 0; !status && i < t.populations; i++) {
        const struct option *off = candidates_option(&t, i, 0), *on = candidates_option(&t, i, 1);
        bool better = on->sensitivity < SIGNED_GAIN * off->sensitivity;
        recipe->setting[t.population[i]].signed_bursts = better;
        recipe->sensitivity[t.population[i]] = better ? on->sensitivity : off->sensitivity;
    }
    if (!status)
        status = bias_correct(recipe, journal);
    candidates_free(&t);
    return status;
}

/* ---- Burst limits -------------------------------------------------------------------------- */

static bool apply_burst(struct recipe *recipe, int population, int k)
{
    int burst = recipe->options.burst_min + k;
    if (burst > recipe->options.burst_initial)
        return false;
    recipe->setting[population].burst = burst;
    threshold_set(recipe, population);
    return true;
}

static int set_bursts(struct recipe *recipe, struct journal *journal, const struct candidates *t,
                      const int *choice)
{
    for (int i = 0; i < t->populations; i++)
        apply_burst(recipe, t->population[i], choice[i]);
    return bias_correct(recipe, journal);
}

/* The dynamic program adds up what each population alone does to the network. Where the sum of the
 * changes turns out worse than what was, half the way is tried, and half of that. */
static int improve_bursts(struct recipe *recipe, struct journal *journal,
                          const struct candidates *t, int *choice, int *kept, double *sensitivity)
{
    int status = AF_OK;
    for (int turn = 0; !status && turn < 3; turn++) {
        double s = INFINITY;
        status = set_bursts(recipe, journal, t, choice);
        if (!status)
            status = sweep_network(recipe, &s);
        if (!status && s < *sensitivity) {
            *sensitivity = s;
            memcpy(kept, choice, (size_t)t->populations * sizeof *kept);
            return AF_OK;
        }
        for (int i = 0; i < t->populations; i++)
            choice[i] = kept[i] + (choice[i] - kept[i]) / 2;
    }
    return status ? status : set_bursts(recipe, journal, t, kept);
}

int search_bursts(struct recipe *recipe, struct journal *journal)
{
    const struct convert_options *o = &recipe->options;
    struct candidates t;
    int status = candidates_make(recipe->network, o->burst_initial - o->burst_min + 1, &t);
    size_t n = (size_t)recipe->network->population_count;
    int *choice = calloc(n, sizeof *choice), *kept = calloc(n, sizeof *kept);
    double budget = 0, sensitivity = INFINITY;
    if (!status && (!choice || !kept))
        status = af_fail(AF_NO_MEMORY, "no memory");
    for (int i = 0; !status && i < t.populations; i++)
        kept[i] = o->burst_desired - o->burst_min;
    /* A budget below the spikes of burst_desired has to be met first. */
    if (!status && o->energy_ratio >= 1)
        status = sweep_network(recipe, &sensitivity);
    for (int pass = 0; !status && pass < BURST_PASSES; pass++) {
        const struct sweep sweep = {journal,
                                    "searching burst limits",
                                    (double)pass / BURST_PASSES,
                                    (pass + 1.0) / BURST_PASSES,
                                    apply_burst,
                                    INFINITY,
                                    pass ? kept : NULL};
        status = sweep_measure(recipe, &sweep, &t);
        for (int i = 0; !status && pass == 0 && i < t.populations; i++)
            budget += candidates_option(&t, i, kept[i])->energy * (double)o->energy_ratio;
        if (!status)
            status = frontier_choose(&t, true, budget, choice);
        if (!status)
            status = improve_bursts(recipe, journal, &t, choice, kept, &sensitivity);
        for (int i = 0; !status && i < t.populations; i++)
            recipe->sensitivity[t.population[i]] = candidates_option(&t, i, kept[i])->sensitivity;
    }
    free(choice);
    free(kept);
    candidates_free(&t);
    return status;
}

/* ---- Threshold ratios ---------------------------------------------------------------------- */

static bool apply_ratio(struct recipe *recipe, int population, int k)
{
    recipe->setting[population].ratio *= powf(RATIO_STEP, (float)k);
    return true;
}

/* Within a budget of 0: as they were. */
static int set_ratios(struct recipe *recipe, struct journal *journal, const struct candidates *t,
                      double budget, int *choice)
{
    int status = AF_OK;
    memset(choice, 0, (size_t)t->populations * sizeof *choice);
    if (budget > 0)
        status = frontier_choose(t, false, budget, choice);
    for (int i = 0; !status && i < t->populations; i++) {
        recipe->setting[t->population[i]].ratio = t->ratio[i];
        apply_ratio(recipe, t->population[i], choice[i]);
    }
    return status ? status : bias_correct(recipe, journal);
}

/* The sums of what each population alone adds are compared with the budget; what all of them add
 * together is measured, and the budget lowered until that is within it as well. */
static int fit_to_divergence(struct recipe *recipe, struct journal *journal,
                             const struct candidates *t, double before, int *choice)
{
    double allowed = (double)recipe->options.ssc_budget * before, budget = allowed;
    int status = AF_OK;
    for (int turn = 0; !status && turn < 8; turn++) {
        double after = before;
        status = set_ratios(recipe, journal, t, turn < 7 ? budget : 0, choice);
        if (!status)
            status = sweep_network(recipe, &after);
        if (!status && after - before <= allowed)
            break;
        budget *= 0.6;
    }
    return status;
}

/* The budget with which the network, as it will run, costs least within the loss: more and more as
 * long as it is within, then half a step back and forth. */
static int fit_to_loss(struct recipe *recipe, struct journal *journal, const struct candidates *t,
                       double before, int *choice)
{
    struct verdict verdict;
    double best = 0, least = INFINITY, budget = 0, step = before / 16;
    double loss = risk_among_many(recipe->reference->data.samples + recipe->reference->data.further,
                                  (double)recipe->options.ssc_loss, recipe->reference->loss_most);
    enum af_choice iat = recipe->options.iat;
    if (!recipe->options.optimize) /* what early exit loses is its own affair */
        recipe->options.iat = AF_OFF;
    int status = AF_OK;
    bool growing = true;
    bool shows = risk_shows(recipe->reference->data.samples + recipe->reference->data.further,
                            (double)recipe->options.ssc_loss, recipe->reference->loss_most);
    /* Few samples show how far outputs move better than what is lost by it; a goal spends what
     * they do not show on early exit as well. */
    double most = shows ? INFINITY : recipe->options.optimize ? before : 2 * before;
    for (int turn = 0; !status && turn < LOSS_TURNS; turn++) {
        status = set_ratios(recipe, journal, t, budget, choice);
        if (!status)
            status = early_exit_choose(recipe, journal, &verdict);
        if (status)
            break;
        /* Too few samples to tell how much is lost still tell how much more. */
        if (turn == 0 && !shows && !recipe->options.optimize)
            loss += verdict.loss;
        bool good = verdict.loss <= loss && verdict_cost(&verdict, recipe->options.goal) < least;
        if (good) {
            least = verdict_cost(&verdict, recipe->options.goal);
            best = budget;
        }
        /* A step that saves nothing is no reason to stop: a larger one may. */
        growing = growing && (turn == 0 || verdict.loss <= loss);
        step *= growing ? 2 : 0.5;
        budget = fmin(best + step, most);
    }
    recipe->options.iat = iat;
    return status ? status : set_ratios(recipe, journal, t, best, choice);
}

/* What candidate k adds, never less than what a smaller ratio adds: a dip is noise, and to choose
 * among dips is to choose noise. Of a goal's many passes even the dip counts as what it may be. */
static void take_added(const struct candidates *t, bool by_loss)
{
    for (int i = 0; i < t->populations; i++) {
        double none = candidates_option(t, i, 0)->sensitivity, most = 0;
        for (int k = 0; k < t->each; k++) {
            struct option *o = candidates_option(t, i, k);
            if (isnan(o->sensitivity)) /* was not measured */
                continue;
            double added = o->sensitivity - none;
            o->sensitivity = most = fmax(most, by_loss ? fabs(added) : added);
        }
    }
}

/* One pass over the populations; *moved: whether it changed any. */
static int compress(struct recipe *recipe, struct journal *journal, const char *phase, bool *moved)
{
    struct sweep sweep = {journal, phase, 0, 1, apply_ratio, INFINITY, NULL};
    struct candidates t;
    double before = 0;
    bool by_loss = recipe->options.ssc_loss > 0;
    int status = candidates_make(recipe->network, by_loss ? RATIOS_A_PASS : RATIOS, &t);
    int *choice = calloc((size_t)recipe->network->population_count, sizeof *choice);
    if (!status && !choice)
        status = af_fail(AF_NO_MEMORY, "no memory");
    for (int i = 0; !status && i < t.populations; i++)
        t.ratio[i] = recipe->setting[t.population[i]].ratio;
    if (!status)
        status = sweep_network(recipe, &before);
    if (!by_loss)
        sweep.limit = (double)recipe->options.ssc_budget * before;
    if (!status)
        status = sweep_measure(recipe, &sweep, &t);
    if (!status)
        take_added(&t, by_loss);
    if (!status)
        status = by_loss ? fit_to_loss(recipe, journal, &t, before, choice)
                         : fit_to_divergence(recipe, journal, &t, before, choice);
    *moved = false;
    for (int i = 0; !status && i < t.populations; i++) {
        recipe->sensitivity[t.population[i]] =
            before + candidates_option(&t, i, choice[i])->sensitivity;
        *moved = *moved || choice[i];
    }
    free(choice);
    candidates_free(&t);
    return status;
}

/* What is compressed already changes what more of it does: for a loss it goes by small steps, and
 * measures again after each. */
int search_ratios(struct recipe *recipe, struct journal *journal)
{
    static const char *const phases[LOSS_PASSES] = {
        "compressing spikes", "compressing spikes again", "compressing spikes, third pass",
        "compressing spikes, last pass"};
    double loss = (double)recipe->options.ssc_loss;
    int passes = risk_shows(recipe->reference->data.samples + recipe->reference->data.further, loss,
                            recipe->reference->loss_most)
                     ? LOSS_PASSES
                     : 1;
    bool moved = true;
    int status = AF_OK;
    for (int pass = 0; !status && moved && pass < passes; pass++)
        status = compress(recipe, journal, phases[pass], &moved);
    return status;
}
