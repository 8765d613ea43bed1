#include "convert/make.h"

#include "base/error.h"
#include "convert/bias.h"
#include "convert/bits.h"
#include "convert/early_exit.h"
#include "convert/quantise.h"
#include "convert/refine.h"
#include "convert/search.h"
#include "convert/threshold.h"

#include <math.h>
#include <stdlib.h>

static int read_recordings(struct recipe *recipe)
{
    struct calibration data = recipe->reference->data;
    if (!data.record)
        return AF_OK;
    int status = data.record(data.record_context, recipe->options.timesteps, &data);
    recipe->recordings = data.recordings;
    recipe->recording = recipe->recording_owned = data.recording;
    return status;
}

/* A spike is a code. */
static void take_codes(struct recipe *recipe, int population)
{
    const struct population *p = &recipe->network->population[population];
    struct setting *s = &recipe->setting[population];
    for (int c = 0; s->threshold && c < p->shape[0]; c++)
        s->threshold[c] = p->step;
    s->burst = p->high;
    s->signed_bursts = false;
}

static int set_thresholds(struct recipe *recipe)
{
    int status = AF_OK;
    for (int i = 0; !status && i < recipe->network->population_count; i++) {
        if (!network_fires(recipe->network->population[i].kind))
            continue;
        if (recipe->network->coded) {
            take_codes(recipe, i);
            continue;
        }
        threshold_set(recipe, i);
        if (recipe->options.burst_spread)
            status = threshold_spread(recipe, i);
    }
    return status;
}

/* Up to the burst limits. */
static int settle(struct recipe *recipe, const struct input_format *format, struct journal *journal,
                  struct gain *gain)
{
    const struct convert_options *o = &recipe->options;
    int status = set_thresholds(recipe);
    if (!status)
        status = quantise_begin(recipe, format);
    if (!status)
        status = bias_correct(recipe, journal);
    if (!status && o->signed_bursts == AF_AUTO && o->timesteps > 1 &&
        (o->optimize || format->events))
        status = search_signed(recipe, journal);
    if (!status && o->effort && !o->search && !o->burst_spread)
        status = refine_thresholds(recipe, journal, gain);
    if (!status && o->search && o->burst_min < o->burst_initial)
        status = search_bursts(recipe, journal);
    return status;
}

static int finish(struct recipe *recipe, struct journal *journal, struct verdict *verdict)
{
    const struct convert_options *o = &recipe->options;
    int status = AF_OK;
    if (o->ssc_budget > 0 || o->ssc_loss > 0)
        status = search_ratios(recipe, journal);
    if (!status)
        status = early_exit_choose(recipe, journal, verdict);
    if (!status)
        status = recipe->network->coded ? AF_OK : bits_check(recipe, journal);
    return status ? status : model_check(recipe->model);
}

int recipe_make(const struct reference *reference, const struct convert_options *options,
                const struct input_format *format, struct journal *journal, struct recipe *recipe,
                struct verdict *verdict)
{
    int status = recipe_begin(reference, options, recipe);
    *verdict = (struct verdict){0};
    if (status)
        return status;
    status = read_recordings(recipe);
    if (!status)
        status = settle(recipe, format, journal, &verdict->gain);
    if (!status)
        status = finish(recipe, journal, verdict);
    if (status)
        recipe_free(recipe);
    return status;
}

static void make_up(struct setting *s, const struct population *p)
{
    for (int c = 0; s->threshold && c < p->shape[0]; c++)
        s->threshold[c] = 1;
}

int recipe_transcribe(const struct reference *reference, const struct convert_options *options,
                      const struct input_format *format, struct recipe *recipe,
                      struct verdict *verdict)
{
    int status = recipe_begin(reference, options, recipe);
    *verdict = (struct verdict){
        .agreement = NAN, .ann_accuracy = NAN, .accuracy = NAN, .timesteps_mean = NAN, .loss = NAN};
    if (status)
        return status;
    for (int i = 0; !recipe->network->coded && i < recipe->network->population_count; i++)
        make_up(&recipe->setting[i], &recipe->network->population[i]);
    if (recipe->network->coded)
        status = set_thresholds(recipe);
    if (!status)
        status = quantise_begin(recipe, format);
    if (!status)
        status = model_check(recipe->model);
    if (status)
        recipe_free(recipe);
    return status;
}

int recipe_compress(const struct recipe *from, const struct convert_options *options,
                    const struct input_format *format, struct journal *journal,
                    struct recipe *recipe, struct verdict *verdict)
{
    int status = recipe_clone(from, recipe);
    *verdict = (struct verdict){0};
    if (status)
        return status;
    recipe->options = *options;
    status = read_recordings(recipe);
    if (!status)
        status = quantise_begin(recipe, format);
    if (!status)
        status = finish(recipe, journal, verdict);
    if (status)
        recipe_free(recipe);
    return status;
}
