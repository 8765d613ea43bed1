/* --optimize: timesteps, burst limits, initial potentials, weights to leave out and threshold
 * ratios for what the user asks, within the loss that he tolerates. First quick conversions over
 * all but the last; then the best of them again, compressed as far as the tolerance goes. */
#include "convert/optimize.h"

#include "base/error.h"
#include "convert/make.h"
#include "convert/risk.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { FINALISTS = 3, TRIALS_MOST = 96 };
/* Where no loss can be counted it is estimated, and was up to six times as much on test samples
 * (tests/RESULTS.md): so much of the tolerance is then taken for all of it. */
#define UNSEEN        0.1
#define INITIAL_STEP  0.1f
#define INITIAL_LEAST 0.3f
#define PRUNE_STEP    0.1f
#define PRUNE_FEW     0.2f

struct trial {
    int timesteps, burst;
    float initial, prune;
    double loss, cost;
    bool good;            /* within the tolerance */
    struct recipe recipe; /* how it was made; without its model */
};

struct scan {
    const struct reference *reference;
    const struct convert_options *asked;
    const struct input_format *format;
    struct journal *journal;
    double tolerance; /* what is asked for, or less of it where the samples cannot show that */
    struct convert_options options; /* of the trial under way */
    struct trial trial[TRIALS_MOST];
    int count;
};

static const char *const goal_names[] = {"", "latency", "spikes", "events", "adds"};

/* Within the tolerance, then the cheaper one; outside, the more accurate one, which is what most
 * timesteps and the largest bursts are where the samples show no difference. */
static int by_merit(const void *a, const void *b)
{
    const struct trial *x = a, *y = b;
    if (x->good != y->good)
        return x->good ? -1 : 1;
    if (x->good && x->cost != y->cost)
        return x->cost < y->cost ? -1 : 1;
    if (x->good)
        return x->timesteps - y->timesteps;
    if (x->loss != y->loss)
        return x->loss < y->loss ? -1 : 1;
    return x->timesteps != y->timesteps ? y->timesteps - x->timesteps : y->burst - x->burst;
}

static int show(void *context, const char *phase, double fraction)
{
    const struct scan *s = context;
    char text[128];
    snprintf(text, sizeof text, "%s, T = %d, phi = %d: %s", goal_names[s->options.goal],
             s->options.timesteps, s->options.burst_initial, phase);
    return journal_progress(s->journal, text, fraction);
}

static void set_options(struct scan *s, const struct trial *t)
{
    s->options = *s->asked;
    s->options.timesteps = t->timesteps;
    s->options.burst_initial = s->options.burst_desired = t->burst;
    s->options.search = false;
    s->options.effort = 0;
    s->options.burst_spread = s->asked->goal == AF_GOAL_LATENCY ? 0 : NARROW_BURSTS;
    s->options.initial = t->initial;
    s->options.prune = t->prune;
    s->options.tolerance = (float)s->tolerance;
    s->options.ssc_budget = 0;
    s->options.ssc_loss = 0;
    s->options.iat = t->timesteps > 1 && s->asked->iat != AF_OFF ? AF_AUTO : AF_OFF;
}

static void judge(const struct scan *s, struct trial *t, const struct verdict *verdict)
{
    t->loss = verdict->loss;
    t->cost = verdict_cost(verdict, s->asked->goal);
    t->good = t->loss <= s->tolerance;
}

static int note_trial(struct scan *s, const struct trial *t, const struct verdict *verdict,
                      bool compressed)
{
    char pruned[32] = "";
    if (t->prune > 0)
        snprintf(pruned, sizeof pruned, ", pruned by %.2g", (double)t->prune);
    return journal_note(
        s->journal,
        "T = %d, phi = %d, initial potential %.2g%s%s: %.2f timesteps, %.4g operations by events, "
        "%.4g by spikes, %.4g by shifted adds, expected loss %.2f points",
        t->timesteps, t->burst, (double)t->initial, pruned, compressed ? ", compressed" : "",
        verdict->timesteps_mean, verdict->exit_sops, verdict->exit_spike_sops, verdict->exit_adds,
        100 * verdict->loss);
}

/* Its own notes are of no use. */
static int scan_trial(struct scan *s, const struct trial *what)
{
    struct trial *t = &s->trial[s->count];
    struct journal journal = {.progress = show, .context = s};
    struct verdict verdict;
    *t = *what;
    set_options(s, t);
    int status = recipe_make(s->reference, &s->options, s->format, &journal, &t->recipe, &verdict);
    journal_forget(&journal);
    if (status)
        return status;
    s->count++;
    af_model_free(t->recipe.model);
    t->recipe.model = NULL;
    judge(s, t, &verdict);
    return note_trial(s, t, &verdict, false);
}

static int scan_timesteps(struct scan *s, int burst)
{
    static const int steps[] = {1, 2, 3, 4, 6, 8};
    int status = AF_OK, first = s->count;
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        const struct trial t = {.timesteps = steps[i],
                                .burst = burst,
                                .initial = s->asked->initial,
                                .prune = s->asked->prune};
        if (t.timesteps > s->asked->timesteps)
            break;
        /* A frame of a recording has at least one of its own. */
        if (s->format->events && t.timesteps < s->format->event_frames)
            continue;
        status = scan_trial(s, &t);
        if (status)
            break;
        const struct trial *last = &s->trial[s->count - 1];
        if (s->count > first + 1 && last[-1].good && by_merit(last, last - 1) >= 0)
            break;
    }
    return status;
}

static struct trial best_since(const struct scan *s, int first)
{
    struct trial best = s->trial[first];
    for (int i = first + 1; i < s->count; i++)
        best = by_merit(&s->trial[i], &best) < 0 ? s->trial[i] : best;
    return best;
}

/* Neurons that begin further from their threshold send fewer events, with what small activations
 * add up to left out: from the best of the trials since `first`, as far as that pays. */
static int scan_initial(struct scan *s, int first)
{
    struct trial best = best_since(s, first);
    int status = AF_OK;
    while (!status && best.good && best.initial > INITIAL_LEAST + INITIAL_STEP / 2) {
        struct trial t = best;
        t.initial -= INITIAL_STEP;
        status = scan_trial(s, &t);
        if (status || by_merit(&s->trial[s->count - 1], &best) >= 0)
            break;
        best = s->trial[s->count - 1];
    }
    return status;
}

/* Weights left out, likewise. With fewer of them early exit may need more timesteps, so that one
 * step that saves nothing is no reason to stop. */
static int scan_prune(struct scan *s, int first)
{
    const struct calibration *data = &s->reference->data;
    const bool shows = risk_shows(data->samples + data->further, (double)s->asked->tolerance,
                                  s->reference->loss_most);
    const float most = (shows ? 0.9f : PRUNE_FEW) - PRUNE_STEP / 2;
    struct trial best = best_since(s, first), t = best;
    int status = AF_OK, worse = 0;
    while (!status && best.good && worse < 2 && t.prune < most) {
        t.prune += PRUNE_STEP;
        status = scan_trial(s, &t);
        if (status)
            break;
        if (by_merit(&s->trial[s->count - 1], &best) < 0) {
            best = s->trial[s->count - 1];
            worse = 0;
        } else {
            worse++;
        }
    }
    return status;
}

static int scan(struct scan *s)
{
    /* Large bursts cost spikes, some events, and no time. */
    static const int bursts[][3] = {[AF_GOAL_LATENCY] = {63},
                                    [AF_GOAL_SPIKES] = {10, 7, 5},
                                    [AF_GOAL_EVENTS] = {15, 10, 8},
                                    [AF_GOAL_ADDS] = {15, 10, 7}};
    enum af_goal goal = s->asked->goal;
    int status = AF_OK;
    for (int b = 0; !status && b < 3 && bursts[goal][b]; b++) {
        int first = s->count;
        status = scan_timesteps(s, bursts[goal][b]);
        if (!status && goal != AF_GOAL_LATENCY && s->count > first)
            status = scan_initial(s, first);
        if (!status && goal != AF_GOAL_LATENCY && s->count > first && s->options.feedback)
            status = scan_prune(s, first);
    }
    return status;
}

/* The trial again, compressed as far as the tolerance goes; for least timesteps as it was. */
static int finish_trial(struct scan *s, struct trial *t, struct journal *journal,
                        struct recipe *made, struct verdict *verdict)
{
    const bool compress = s->asked->goal != AF_GOAL_LATENCY;
    set_options(s, t);
    if (compress)
        s->options.ssc_loss = (float)s->tolerance;
    int status = recipe_compress(&t->recipe, &s->options, s->format, journal, made, verdict);
    if (status)
        return status;
    judge(s, t, verdict);
    return note_trial(s, t, verdict, compress);
}

/* Compresses the trials of least cost, and keeps the best, with its notes. */
static int finish(struct scan *s, struct recipe *best, struct verdict *verdict)
{
    struct trial winner = {.loss = INFINITY};
    struct journal notes = {0};
    int status = AF_OK, good = 0;
    qsort(s->trial, (size_t)s->count, sizeof *s->trial, by_merit);
    while (good < s->count && s->trial[good].good)
        good++;
    const bool several = s->asked->goal != AF_GOAL_LATENCY && good > 1;
    const int most = !several ? 1 : good < FINALISTS ? good : FINALISTS;
    for (int i = 0; !status && i < most; i++) {
        struct journal journal = {.progress = show, .context = s};
        struct recipe made = {0};
        struct verdict its = {0};
        struct trial t = s->trial[i];
        status = finish_trial(s, &t, &journal, &made, &its);
        const bool better = !status && by_merit(&t, &winner) < 0;
        if (better) {
            recipe_free(best);
            journal_forget(&notes);
            *best = made;
            *verdict = its;
            notes = journal;
            winner = t;
        } else {
            recipe_free(&made);
            journal_forget(&journal);
        }
    }
    for (int i = 0; !status && i < notes.notes.count; i++)
        status = journal_note(s->journal, "%s", notes.notes.text[i]);
    journal_forget(&notes);
    if (status)
        recipe_free(best);
    return status;
}

int recipe_optimize(const struct reference *reference, const struct convert_options *options,
                    const struct input_format *format, struct journal *journal,
                    struct recipe *recipe, struct verdict *verdict)
{
    struct scan *s = calloc(1, sizeof *s);
    *recipe = (struct recipe){0};
    if (!s)
        return af_fail(AF_NO_MEMORY, "no memory");
    s->reference = reference;
    s->asked = options;
    s->tolerance = (double)options->tolerance;
    if (!risk_shows(reference->data.samples + reference->data.further, s->tolerance,
                    reference->loss_most))
        s->tolerance *= UNSEEN;
    s->format = format;
    s->journal = journal;
    int status = scan(s);
    if (!status)
        status = finish(s, recipe, verdict);
    for (int i = 0; i < s->count; i++)
        recipe_free(&s->trial[i].recipe);
    free(s);
    return status;
}
