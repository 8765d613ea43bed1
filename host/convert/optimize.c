/* --optimize: timesteps, burst limits, initial potentials, weights to leave out and threshold
 * ratios for what the user asks, within the loss that he tolerates. First quick conversions over
 * all but the last; then the best of them again, compressed as far as the tolerance goes. */
#include "base/error.h"
#include "convert/convert.h"
#include "convert/risk.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FINALISTS = 3, TRIALS_MOST = 96 };
#define INITIAL_STEP  0.1f
#define INITIAL_LEAST 0.3f
#define PRUNE_STEP    0.1f
#define PRUNE_FEW     0.2f

struct trial {
    int timesteps, burst;
    float initial, prune;
    double loss, cost;
    bool good; /* within the tolerance */
};

struct search {
    struct conversion *c;
    const struct input_format *format;
    struct convert_options options; /* of the trial under way */
    const char *phase;
    struct trial trial[TRIALS_MOST];
    int count;
};

static const char *const goal_names[] = {"", "latency", "spikes", "events"};

double conversion_cost(const struct conversion *c)
{
    switch (c->options->goal) {
    case GOAL_LATENCY: return c->timesteps_mean;
    case GOAL_EVENTS: return c->exit_sops;
    default: return c->exit_spike_sops;
    }
}

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

static void show(void *context, const char *phase, double fraction)
{
    const struct search *s = context;
    char text[128];
    snprintf(text, sizeof text, "%s, T = %d, phi = %d: %s", goal_names[s->options.goal],
             s->options.timesteps, s->options.burst_initial, phase);
    if (s->c->options->progress)
        s->c->options->progress(s->c->options->context, text, fraction);
}

/* A conversion of its own beside what it shares with c. */
static int try(struct search *s, struct trial *t, bool compress, struct conversion *made)
{
    const struct convert_options *asked = s->c->options;
    s->options = *asked;
    s->options.timesteps = t->timesteps;
    s->options.burst_initial = s->options.burst_desired = t->burst;
    s->options.search = false;
    s->options.burst_spread = asked->goal == GOAL_LATENCY ? 0 : BURST_LIMIT;
    s->options.initial = t->initial;
    s->options.prune = t->prune;
    s->options.ssc_budget = 0;
    s->options.ssc_loss = 0;
    if (compress)
        s->options.ssc_loss = asked->tolerance;
    s->options.iat = t->timesteps > 1 && asked->iat != CHOICE_OFF ? CHOICE_AUTO : CHOICE_OFF;
    s->options.progress = show;
    s->options.context = s;
    *made = *s->c;
    made->chosen = s->options;
    made->options = &made->chosen;
    made->note = NULL;
    made->note_count = 0;
    int status = conversion_make(made, s->format);
    if (status) {
        conversion_unmake(made);
        return status;
    }
    t->loss = made->loss;
    t->cost = conversion_cost(made);
    t->good = t->loss <= (double)asked->tolerance;
    return AF_OK;
}

static int note_trial(struct search *s, const struct trial *t, const struct conversion *made,
                      bool compressed)
{
    char pruned[32] = "";
    if (t->prune > 0)
        snprintf(pruned, sizeof pruned, ", pruned by %.2g", (double)t->prune);
    return conversion_note(
        s->c,
        "T = %d, phi = %d, initial potential %.2g%s%s: %.2f timesteps, %.4g operations by events, "
        "%.4g by spikes, expected loss %.2f points",
        t->timesteps, t->burst, (double)t->initial, pruned, compressed ? ", compressed" : "",
        made->timesteps_mean, made->exit_sops, made->exit_spike_sops, 100 * made->loss);
}

static int scan_trial(struct search *s, const struct trial *what)
{
    struct trial *t = &s->trial[s->count];
    struct conversion made;
    *t = *what;
    int status = try(s, t, false, &made);
    if (status)
        return status;
    status = note_trial(s, t, &made, false);
    conversion_unmake(&made);
    s->count++;
    return status;
}

static int scan_timesteps(struct search *s, int burst)
{
    static const int steps[] = {1, 2, 3, 4, 6, 8};
    int status = AF_OK, first = s->count;
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        const struct trial t = {.timesteps = steps[i],
                                .burst = burst,
                                .initial = s->c->options->initial,
                                .prune = s->c->options->prune};
        if (t.timesteps > s->c->options->timesteps)
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

static struct trial best_since(const struct search *s, int first)
{
    struct trial best = s->trial[first];
    for (int i = first + 1; i < s->count; i++)
        best = by_merit(&s->trial[i], &best) < 0 ? s->trial[i] : best;
    return best;
}

/* Neurons that begin further from their threshold send fewer events, with what small activations
 * add up to left out: from the best of the trials since `first`, as far as that pays. */
static int scan_initial(struct search *s, int first)
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
static int scan_prune(struct search *s, int first)
{
    const struct calibration *data = s->c->data;
    const bool shows = risk_shows(data->samples + data->further, (double)s->c->options->tolerance,
                                  s->c->loss_most);
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

static int scan(struct search *s)
{
    /* Large bursts cost spikes, some events, and no time. */
    static const int bursts[][3] = {
        [GOAL_LATENCY] = {15}, [GOAL_SPIKES] = {10, 7, 5}, [GOAL_EVENTS] = {15, 10, 8}};
    enum goal goal = s->c->options->goal;
    int status = AF_OK;
    for (int b = 0; !status && b < 3 && bursts[goal][b]; b++) {
        int first = s->count;
        status = scan_timesteps(s, bursts[goal][b]);
        if (!status && goal != GOAL_LATENCY && s->count > first)
            status = scan_initial(s, first);
        if (!status && goal != GOAL_LATENCY && s->count > first && s->options.feedback)
            status = scan_prune(s, first);
    }
    return status;
}

/* Compresses the trials of least cost, and keeps the best. */
static int finish(struct search *s, struct conversion *best)
{
    struct trial winner = {.loss = INFINITY};
    int status = AF_OK, good = 0;
    bool compress = s->c->options->goal != GOAL_LATENCY;
    qsort(s->trial, (size_t)s->count, sizeof *s->trial, by_merit);
    while (good < s->count && s->trial[good].good)
        good++;
    int most = compress && good > 1 ? good < FINALISTS ? good : FINALISTS : 1;
    for (int i = 0; !status && i < most; i++) {
        struct conversion made;
        struct trial t = s->trial[i];
        status = try(s, &t, compress, &made);
        if (status)
            break;
        status = note_trial(s, &t, &made, compress);
        if (by_merit(&t, &winner) < 0) {
            conversion_unmake(best);
            *best = made;
            winner = t;
        } else {
            conversion_unmake(&made);
        }
    }
    return status;
}

int conversion_optimize(struct conversion *c, const struct input_format *format)
{
    struct search s = {.c = c, .format = format};
    struct conversion best = {.network = c->network};
    int status = scan(&s);
    if (!status)
        status = finish(&s, &best);
    for (int i = 0; !status && i < best.note_count; i++)
        status = conversion_note(c, "%s", best.note[i]);
    if (status) {
        conversion_unmake(&best);
        return status;
    }
    /* What c shares with it and the notes stay c's. */
    conversion_forget_notes(&best);
    best.note = c->note;
    best.note_count = c->note_count;
    best.chosen.progress = c->options->progress;
    best.chosen.context = c->options->context;
    *c = best;
    c->options = &c->chosen;
    return AF_OK;
}
