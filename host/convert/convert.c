#include "convert/convert.h"

#include "base/error.h"
#include "base/parallel.h"
#include "convert/make.h"
#include "convert/moments.h"
#include "convert/optimize.h"
#include "convert/rehearsal.h"
#include "convert/risk.h"
#include "convert/statistics.h"

#include <math.h>

static const double AGREEMENT_LEAST = 0.95;

void conversion_free(struct conversion *c)
{
    recipe_free(&c->recipe);
    reference_free(&c->reference);
    journal_forget(&c->journal);
    *c = (struct conversion){0};
}

static int check_labels(const struct reference *ref)
{
    for (int64_t i = 0; ref->data.labels && i < ref->data.samples; i++)
        if (ref->data.labels[i] < 0 || ref->data.labels[i] >= ref->ann_size)
            return af_fail(AF_BAD_FILE, "calibration sample %lld has label %lld of %lld classes",
                           (long long)i, (long long)ref->data.labels[i], (long long)ref->ann_size);
    return AF_OK;
}

/* No more samples than fit into memory; the others serve early exit. */
static int take_samples(struct reference *ref, int timesteps, struct journal *journal)
{
    struct calibration *data = &ref->data;
    const int64_t all = data->samples;
    data->samples = rehearsal_samples(ref->network, timesteps, all);
    data->further += all - data->samples;
    if (data->samples == all)
        return AF_OK;
    return journal_note(journal,
                        "only %lld of %lld calibration samples were used: the events of more would "
                        "not fit into memory",
                        (long long)data->samples, (long long)all);
}

static int measure(struct reference *ref, const struct convert_options *o,
                   const struct input_format *format, struct journal *journal)
{
    const int threads = o->threads > 0 ? o->threads : parallel_cores();
    int status = reference_measure(ref, o->optimize || o->ssc_loss > 0, threads, journal);
    if (!status && o->feedback)
        status = reference_measure_inputs(ref, threads, journal);
    if (!status)
        status = check_labels(ref);
    if (!status && ref->data.record && ref->chance)
        status = reference_answer_recordings(ref, format->event_frames);
    return status;
}

static int note_risks(const struct reference *ref, const struct convert_options *o,
                      const struct input_format *format, struct journal *journal)
{
    const int64_t samples = ref->data.samples + ref->data.further;
    const double most = o->optimize ? (double)o->tolerance : (double)o->ssc_loss;
    int status = AF_OK;
    if ((o->optimize || o->ssc_loss > 0) && !risk_shows(samples, most, ref->loss_most))
        status = journal_note(journal,
                              "%lld samples cannot tell a loss of %.2f points from none: %smore "
                              "may be lost than they show; give more of them, if there are",
                              (long long)samples, 100 * most,
                              o->optimize ? "the search keeps to a tenth of that, and still " : "");
    if (!status && format->events && o->signed_bursts == AF_ON)
        status = journal_note(journal,
                              "signed bursts add up a recording over all timesteps; a network "
                              "trained on single frames may lose by that (--signed auto measures "
                              "it)");
    return status;
}

/* A network of codes is what it is: nothing about it is chosen. */
static int take_coded(struct convert_options *o, struct journal *journal)
{
    const bool asked = o->optimize || o->search || o->ssc_budget > 0 || o->ssc_loss > 0 ||
                       o->prune > 0 || o->bias != AF_BIAS_AUTO;
    o->timesteps = o->timesteps ? o->timesteps : 1;
    o->optimize = o->search = o->feedback = false;
    o->effort = o->burst_spread = 0;
    o->signed_bursts = AF_OFF;
    o->iat = AF_OFF; /* outputs count each in a unit of its own */
    o->bias = AF_BIAS_OFF;
    o->ssc_budget = o->ssc_loss = o->prune = 0;
    int status = journal_note(journal, "a quantised network: a burst is a code, and its integers "
                                       "are computed as they are, but that half a code is rounded "
                                       "up and not to even");
    if (!status && o->timesteps > 1)
        status = journal_note(journal,
                              "in %d timesteps each sends codes anew, with what rounding "
                              "left of those before: the outputs are means, and not those "
                              "of the quantised network, which one timestep has",
                              o->timesteps);
    if (!status && asked)
        status = journal_note(journal, "goals, searches, pruning and bias correction were left "
                                       "out: they would change its codes");
    return status;
}

/* What came out, where the user might take it for better than it is. */
static int note_outcome(const struct conversion *c, struct journal *journal)
{
    const struct reference *ref = &c->reference;
    const struct verdict *v = &c->verdict;
    const double guessing = 1.0 / (double)ref->ann_size;
    const double error =
        sqrt(guessing * (1 - guessing) / (double)(ref->data.samples ? ref->data.samples : 1));
    int status = AF_OK;
    if (ref->data.samples == 1)
        status = journal_note(journal, "one calibration sample: thresholds and figures are of that "
                                       "one; give a few hundred of what the network will see");
    if (!status && ref->data.samples > 1 && v->ann_accuracy <= guessing + 2 * error)
        status = journal_note(journal,
                              "the ANN itself is right for %.1f %% of the calibration samples, "
                              "and a guess for %.1f %%: labels, scale, mean, std or the order of "
                              "channels may not be those it was trained with",
                              100 * v->ann_accuracy, 100 * guessing);
    if (!status && v->agreement < AGREEMENT_LEAST)
        status = journal_note(journal,
                              "the spiking network agrees with the ANN on %.1f %% of the "
                              "calibration samples only; more timesteps (-t) bring it closer",
                              100 * v->agreement);
    return status;
}

/* What recipe_make goes through; a goal tries as many recipes as it takes. */
static void plan_steps(const struct convert_options *o, const struct input_format *format,
                       struct journal *j)
{
    if (o->optimize)
        return;
    journal_plan(j, "running the ANN");
    if (o->feedback)
        journal_plan(j, "measuring layers' inputs");
    if (o->bias != AF_BIAS_OFF)
        journal_plan(j, "correcting biases");
    if (o->signed_bursts == AF_AUTO && o->timesteps > 1 && format->events)
        journal_plan(j, "choosing signed bursts");
    if (o->effort && !o->search && !o->burst_spread)
        journal_plan(j, "refining thresholds");
    if (o->search && o->burst_min < o->burst_initial)
        journal_plan(j, "searching burst limits");
    if (o->ssc_budget > 0 || o->ssc_loss > 0)
        journal_plan(j, "compressing spikes");
    journal_plan(j, "running the spiking network");
}

/* The options that stand for others are settled. */
static int begin(const struct network *net, const struct calibration *data,
                 const struct convert_options *options, struct conversion *c,
                 struct convert_options *o)
{
    *o = *options;
    *c = (struct conversion){.reference = {.network = net, .data = *data},
                             .journal = {.progress = o->progress, .context = o->context}};
    const int status = net->coded ? take_coded(o, &c->journal) : AF_OK;
    o->timesteps = o->timesteps ? o->timesteps : TIMESTEPS_DEFAULT;
    if (o->signed_bursts == AF_AUTO && (int64_t)o->burst_initial * o->timesteps > SENT_LIMIT)
        o->signed_bursts = AF_OFF;
    return status ? status : options_check(o);
}

int convert(const struct network *net, const struct input_format *format,
            const struct calibration *data, const struct convert_options *options,
            struct conversion *c)
{
    const int *shape = net->population[network_answer(net)].shape;
    struct convert_options o;
    struct reference *ref = &c->reference;
    if (data->samples < 1 && net->coded)
        return convert_outline(net, format, options, c);
    int status = begin(net, data, options, c, &o);
    if (!status && data->samples < 1)
        status = af_fail(AF_BAD_ARGUMENT, "the calibration set is empty");
    if (status) {
        conversion_free(c);
        return status;
    }
    if (o.bias == AF_BIAS_AUTO)
        o.bias = o.optimize && o.goal == AF_GOAL_SPIKES ? AF_BIAS_CURRENTS : AF_BIAS_LIGHT;
    if (shape[0] < 2)
        o.loss = LOSS_ERROR;
    ref->loss = o.loss;
    ref->loss_most = o.loss == LOSS_ANSWERS && shape[1] * shape[2] == 1;
    plan_steps(&o, format, &c->journal);
    status = take_samples(ref, o.timesteps, &c->journal);
    c->samples = ref->data.samples;
    if (!status)
        status = measure(ref, &o, format, &c->journal);
    if (!status)
        status = note_risks(ref, &o, format, &c->journal);
    if (!status)
        status = o.optimize ? recipe_optimize(ref, &o, format, &c->journal, &c->recipe, &c->verdict)
                            : recipe_make(ref, &o, format, &c->journal, &c->recipe, &c->verdict);
    if (!status)
        status = note_outcome(c, &c->journal);
    if (status)
        conversion_free(c);
    return status;
}

int convert_outline(const struct network *net, const struct input_format *format,
                    const struct convert_options *options, struct conversion *c)
{
    struct convert_options o;
    int status = begin(net, &(struct calibration){0}, options, c, &o);
    o.feedback = false;
    o.prune = 0;
    o.narrow = true; /* thresholds that are made up do not tell */
    if (!status)
        status = recipe_transcribe(&c->reference, &o, format, &c->recipe, &c->verdict);
    if (status)
        conversion_free(c);
    return status;
}
