#include "convert/refine.h"

#include "base/error.h"
#include "convert/bias.h"
#include "convert/quantise.h"
#include "convert/threshold.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SAMPLES_LEAST = 16, SAMPLES_MOST = 256, HELD_OUT_MOST = 128, GROUPS_MOST = 16 };
#define SHARE  0.5   /* of the runs before, with an effort of 1 */
#define MOMENT 1e10  /* multiply-accumulates that nobody waits for */
#define ENOUGH 0.995 /* of the divergence; less is no gain */
#define SURE   0.95  /* of that on the other samples, which is known less well */

/* Where a group's thresholds stand. */
struct place {
    double squared, stretch;
};
static const double squares[] = {1, 0.5, 0};
static const struct place moves[] = {{0.5, 1}, {-0.5, 1}, {0, 0.85}, {0, 1.18}};
enum { SQUARES = sizeof squares / sizeof *squares, MOVES = sizeof moves / sizeof *moves };

struct refinement {
    struct recipe *recipe;
    struct journal *journal;
    int64_t samples;                  /* that it refines by; the others judge */
    float *(*least)[THRESHOLD_NORMS]; /* [population], of those that fire */
    int groups;
    int *group;          /* [population] */
    struct place *place; /* [group] */
    double *each;        /* [timesteps] */
};

/* With early exit any timestep may be the last, and the first diverge most: so by their logarithms.
 */
static double merit(const struct refinement *f)
{
    const int steps = f->recipe->model->timesteps;
    const double final = log(fmax(f->each[steps - 1], 1e-30));
    double sum = 0;
    for (int t = 0; t < steps; t++)
        sum += log(fmax(f->each[t], 1e-30));
    return exp(f->recipe->options.iat == AF_OFF ? final : (final + sum / steps) / 2);
}

static int measure(struct refinement *f, int64_t first, int64_t samples, double *divergence)
{
    struct rehearsal r;
    int status = rehearsal_begin(f->recipe, first, samples, &r);
    if (status)
        return status;
    status = rehearsal_divergence(&r, 1, f->each);
    rehearsal_end(&r);
    *divergence = merit(f);
    return status;
}

static void put(struct refinement *f, int population, struct place at)
{
    if (f->least[population][0])
        threshold_blend(f->recipe, population, (const float *const *)f->least[population],
                        at.squared, at.stretch);
}

/* ---- All together -------------------------------------------------------------------------- */

static int move_all(struct refinement *f, struct place at)
{
    for (int i = 0; i < f->recipe->network->population_count; i++)
        put(f, i, at);
    return bias_correct_by(f->recipe, f->samples);
}

static int refine_all(struct refinement *f)
{
    double least = INFINITY;
    int best = 0, at = 0, status = AF_OK;
    for (; !status && at < SQUARES; at++) {
        double divergence = 0;
        status = journal_progress(f->journal, "refining thresholds", 0.3 * at / SQUARES);
        if (!status)
            status = move_all(f, (struct place){squares[at], 1});
        if (!status)
            status = measure(f, 0, f->samples, &divergence);
        if (!status && divergence < least * ENOUGH) {
            least = divergence;
            best = at;
        }
    }
    const struct place chosen = {squares[best], 1};
    for (int g = 0; g < f->groups; g++)
        f->place[g] = chosen;
    return !status && best != at - 1 ? move_all(f, chosen) : status;
}

/* ---- Group by group ------------------------------------------------------------------------ */

/* Moves populations `begin` to `end` from what was kept of them, and measures from there on. */
static int try_group(struct refinement *f, struct rehearsal *r, int begin, int end,
                     const struct setting *kept, struct place at, double *divergence)
{
    const struct network *net = f->recipe->network;
    int status = AF_OK;
    for (int i = begin; !status && i < end; i++) {
        setting_restore(&f->recipe->setting[i], &net->population[i], &kept[i - begin]);
        put(f, i, at);
        status = rehearsal_apply(r, i);
        if (!status && net->population[i].kind != AF_MAXPOOL &&
            f->recipe->options.bias != AF_BIAS_OFF)
            status = bias_correct_population(r, i);
        if (!status)
            status = rehearsal_record(r, i, NULL);
    }
    if (!status)
        status = rehearsal_divergence(r, end < net->population_count ? end : begin, f->each);
    *divergence = merit(f);
    return status;
}

static int search_group(struct refinement *f, struct rehearsal *r, int begin, int end,
                        const struct setting *kept)
{
    struct place *place = &f->place[f->group[begin]];
    double least = INFINITY, divergence = 0;
    int status = try_group(f, r, begin, end, kept, *place, &least);
    for (int k = 0; !status && k < MOVES; k++) {
        const struct place to = {place->squared + moves[k].squared,
                                 place->stretch * moves[k].stretch};
        status = try_group(f, r, begin, end, kept, to, &divergence);
        if (status || !(divergence < least * ENOUGH))
            continue;
        least = divergence;
        *place = to;
        /* Further the same way, as long as that helps. */
        if (moves[k].stretch != 1)
            k--;
    }
    return status ? status : try_group(f, r, begin, end, kept, *place, &divergence);
}

static int refine_group(struct refinement *f, struct rehearsal *r, int begin, int end)
{
    struct setting *kept = calloc((size_t)(end - begin), sizeof *kept);
    int status = kept ? AF_OK : af_fail(AF_NO_MEMORY, "no memory");
    for (int i = begin; !status && i < end; i++)
        status = setting_copy(&f->recipe->setting[i], &f->recipe->network->population[i],
                              &kept[i - begin]);
    if (!status)
        status = search_group(f, r, begin, end, kept);
    for (int i = begin; kept && i < end; i++)
        setting_free(&kept[i - begin]);
    free(kept);
    return status;
}

static int refine_groups(struct refinement *f)
{
    const int n = f->recipe->network->population_count;
    struct rehearsal r;
    int status = rehearsal_begin(f->recipe, 0, f->samples, &r);
    if (status)
        return status;
    for (int begin = 1, end; !status && begin < n; begin = end) {
        for (end = begin + 1; end < n && f->group[end] == f->group[begin]; end++)
            ;
        status = journal_progress(f->journal, "refining thresholds", 0.3 + 0.7 * begin / n);
        if (!status && f->group[begin] >= 0)
            status = refine_group(f, &r, begin, end);
        for (int i = begin; !status && f->group[begin] < 0 && i < end; i++)
            status = rehearsal_record(&r, i, NULL);
        for (int i = begin; i < end; i++)
            rehearsal_forget(&r, i);
    }
    rehearsal_end(&r);
    return status;
}

/* ---- The whole ----------------------------------------------------------------------------- */

/* Weights that are multiplied with, of populations from this one on. */
static double work_from(const struct network *net, int population)
{
    double work = 0;
    for (int i = population; i < net->population_count; i++)
        for (int k = 0; k < net->population[i].projection_count; k++) {
            const struct wiring *w = &net->population[i].projection[k].wiring;
            work += (double)wiring_weights(w) * w->block[1] * w->block[2];
        }
    return work;
}

/* Runs of the whole network, for each sample, that refining the groups takes. */
static double runs_of(const struct refinement *f)
{
    const struct network *net = f->recipe->network;
    const double all = fmax(work_from(net, 1), 1);
    double runs = 2 * (SQUARES + 1);
    for (int i = 1; i < net->population_count; i++)
        if (f->group[i] >= 0 && f->group[i] != f->group[i - 1])
            runs += (MOVES + 2) * work_from(net, i) / all;
    return runs;
}

/* Neighbours that fire make groups of about one size. */
static void divide(struct refinement *f, int groups)
{
    const struct network *net = f->recipe->network;
    int fire = 0, at = 0;
    for (int i = 0; i < net->population_count; i++)
        fire += network_fires(net->population[i].kind);
    f->groups = fire < groups ? fire : groups;
    for (int i = 0; i < net->population_count; i++) {
        f->group[i] = i && f->groups && at < fire ? (int)((int64_t)at * f->groups / fire) : -1;
        at += network_fires(net->population[i].kind);
    }
    for (int i = net->population_count - 1; i >= 0 && !network_fires(net->population[i].kind); i--)
        f->group[i] = -1; /* outputs move with nobody */
}

/* As many samples, and groups, as cost a share of what has been spent before. */
static void choose_samples(struct refinement *f)
{
    const struct calibration *data = &f->recipe->reference->data;
    const int effort = f->recipe->options.effort;
    const double spent = 2.0 * (double)data->samples + (double)data->further;
    const int64_t half = data->samples / 2;
    const double work = work_from(f->recipe->network, 1) * f->recipe->model->timesteps;
    const double budget = fmax(SHARE * spent * effort * effort, MOMENT / fmax(work, 1));
    divide(f, GROUPS_MOST << 2 * (effort - 1));
    while (f->groups && budget / runs_of(f) < SAMPLES_LEAST)
        divide(f, f->groups - 1);
    f->samples = (int64_t)fmin(fmax(budget / runs_of(f), SAMPLES_LEAST), 1e9);
    if (f->samples > SAMPLES_MOST * effort)
        f->samples = SAMPLES_MOST * effort;
    if (f->samples > half)
        f->samples = half;
}

static int begin(struct recipe *recipe, struct journal *journal, struct refinement *f)
{
    const struct network *net = recipe->network;
    const size_t n = (size_t)net->population_count;
    *f = (struct refinement){.recipe = recipe, .journal = journal};
    f->least = calloc(n, sizeof *f->least);
    f->group = calloc(n, sizeof *f->group);
    f->place = calloc(n, sizeof *f->place);
    f->each = calloc((size_t)recipe->model->timesteps, sizeof *f->each);
    if (!f->least || !f->group || !f->place || !f->each)
        return af_fail(AF_NO_MEMORY, "no memory");
    choose_samples(f);
    for (int i = 0; i < net->population_count; i++) {
        if (!network_fires(net->population[i].kind))
            continue;
        for (int norm = 0; norm < THRESHOLD_NORMS; norm++) {
            f->least[i][norm] =
                calloc((size_t)net->population[i].shape[0], sizeof *f->least[i][norm]);
            if (!f->least[i][norm])
                return af_fail(AF_NO_MEMORY, "no memory");
        }
        int status = threshold_fit(recipe, i, f->least[i]);
        if (status)
            return status;
    }
    return AF_OK;
}

static void end(struct refinement *f)
{
    for (int i = 0; f->least && i < f->recipe->network->population_count; i++)
        for (int norm = 0; norm < THRESHOLD_NORMS; norm++)
            free(f->least[i][norm]);
    free(f->least);
    free(f->group);
    free(f->place);
    free(f->each);
}

/* Takes over the kept potentials that neurons begin with. */
static int restore(struct recipe *recipe, struct recipe *kept)
{
    int status = AF_OK;
    for (int i = 0; i < recipe->network->population_count; i++) {
        struct setting *s = &recipe->setting[i], *was = &kept->setting[i];
        setting_restore(s, &recipe->network->population[i], was);
        free(s->initial);
        s->initial = was->initial;
        was->initial = NULL;
    }
    for (int i = 1; !status && i < recipe->network->population_count; i++)
        status = quantise_population(recipe, i);
    return status;
}

int refine_thresholds(struct recipe *recipe, struct journal *journal, struct gain *gain)
{
    const int64_t all = recipe->reference->data.samples;
    struct refinement f;
    struct recipe kept = {0};
    double before = 0, after = 0;
    int status = begin(recipe, journal, &f);
    const int64_t others = all - f.samples,
                  judges = others < HELD_OUT_MOST ? others : HELD_OUT_MOST;
    if (!status && f.samples < SAMPLES_LEAST / 2) {
        end(&f);
        return AF_OK;
    }
    if (!status)
        status = recipe_clone(recipe, &kept);
    if (!status)
        status = measure(&f, f.samples, judges, &before);
    if (!status)
        status = refine_all(&f);
    if (!status)
        status = f.groups ? refine_groups(&f) : AF_OK;
    if (!status)
        status = bias_correct(recipe, journal);
    if (!status)
        status = measure(&f, f.samples, judges, &after);
    const bool better = after < SURE * before;
    if (!status && !better)
        status = restore(recipe, &kept);
    if (!status)
        *gain =
            (struct gain){.samples = judges, .plain = before, .refined = better ? after : before};
    if (kept.network)
        recipe_free(&kept);
    end(&f);
    return status;
}
