#include "convert/convert.h"

#include "base/error.h"
#include "convert/rehearsal.h"
#include "convert/risk.h"
#include "convert/rounding.h"
#include "iat.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct convert_options convert_defaults = {
    .timesteps = 4,
    .burst_initial = 8,
    .burst_desired = 4,
    .burst_min = 1,
    .initial = 0.5f,
    .energy_ratio = 1.0f,
    .search = true,
    .signed_bursts = CHOICE_AUTO,
    .ssc_budget = 0.05f,
    .bias = BIAS_AUTO,
    .feedback = true,
    .iat = CHOICE_AUTO,
    .iat_metric = IAT_ENTROPY,
    .iat_a = 0.6f,
    .tolerance = 0.005f,
    .search_samples = 128,
};

int conversion_note(struct conversion *c, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    char **grown = realloc(c->note, (size_t)(c->note_count + 1) * sizeof *grown);
    if (grown)
        c->note = grown;
    char *copy = grown ? strdup(text) : NULL;
    if (!copy)
        return af_fail(AF_NO_MEMORY, "no memory");
    c->note[c->note_count++] = copy;
    return AF_OK;
}

void conversion_progress(const struct conversion *c, const char *phase, double fraction)
{
    if (c->options->progress)
        c->options->progress(c->options->context, phase, fraction);
}

void conversion_forget_notes(struct conversion *c)
{
    for (int i = 0; i < c->note_count; i++)
        free(c->note[i]);
    free(c->note);
    c->note = NULL;
    c->note_count = 0;
}

void conversion_unmake(struct conversion *c)
{
    conversion_forget_notes(c);
    for (int i = 0; c->setting && i < c->network->population_count; i++) {
        free(c->setting[i].threshold);
        free(c->setting[i].bias);
        free(c->setting[i].initial);
    }
    free(c->setting);
    free(c->sensitivity);
    free(c->activity);
    af_model_free(c->model);
    c->setting = NULL;
    c->sensitivity = NULL;
    c->activity = NULL;
    c->model = NULL;
}

void conversion_free(struct conversion *c)
{
    conversion_unmake(c);
    for (int i = 0; c->statistics && i < c->network->population_count; i++) {
        free(c->statistics[i].largest);
        free(c->statistics[i].histogram);
        free(c->statistics[i].mean);
        free(c->statistics[i].current);
        free(c->statistics[i].weight);
        free(c->statistics[i].fanout);
        free(c->statistics[i].neuron_mean);
        rounding_free(c->statistics[i].rounding, c->network->population[i].projection_count);
    }
    free(c->statistics);
    free(c->ann);
    free(c->chance);
    free(c->recorded);
    *c = (struct conversion){0};
}

static int begin_settings(struct conversion *c)
{
    const struct network *net = c->network;
    size_t n = (size_t)net->population_count;
    int status = AF_OK;
    c->setting = calloc(n, sizeof *c->setting);
    c->sensitivity = calloc(n, sizeof *c->sensitivity);
    if (!c->setting || !c->sensitivity)
        return af_fail(AF_NO_MEMORY, "no memory");
    for (int i = 0; !status && i < net->population_count; i++) {
        const struct population *p = &net->population[i];
        struct setting *s = &c->setting[i];
        size_t channels = (size_t)p->shape[0];
        *s = (struct setting){.burst = c->options->search ? c->options->burst_desired
                                                          : c->options->burst_initial,
                              .signed_bursts = c->options->signed_bursts == CHOICE_ON,
                              .ratio = 1};
        s->threshold = calloc(channels, sizeof *s->threshold);
        s->bias = calloc(channels, sizeof *s->bias);
        if (!s->threshold || !s->bias)
            return af_fail(AF_NO_MEMORY, "no memory");
        if (network_fires(p->kind))
            conversion_set_thresholds(c, i);
        if (network_fires(p->kind) && c->options->burst_spread)
            status = conversion_spread_thresholds(c, i);
    }
    return status;
}

static int check_options(const struct convert_options *o)
{
    if (o->timesteps < 1 || o->timesteps > TIMESTEPS_LIMIT)
        return af_fail(AF_BAD_ARGUMENT, "timesteps must be 1..%d, not %d", TIMESTEPS_LIMIT,
                       o->timesteps);
    if (o->burst_min < 1 || o->burst_desired < o->burst_min ||
        o->burst_initial < o->burst_desired || o->burst_initial > BURST_LIMIT)
        return af_fail(AF_BAD_ARGUMENT,
                       "burst limits must satisfy 1 <= min %d <= desired %d <= initial %d <= %d",
                       o->burst_min, o->burst_desired, o->burst_initial, BURST_LIMIT);
    if (!(o->energy_ratio > 0) || !(o->ssc_budget >= 0) || !(o->tolerance >= 0) ||
        !(o->iat_a >= 0 && o->iat_a <= 1) || !(o->ssc_loss >= 0) ||
        !(o->initial >= 0 && o->initial <= 1) || !(o->prune >= 0 && o->prune < 1))
        return af_fail(AF_BAD_ARGUMENT,
                       "energy ratio, initial potential, SSC budget, tolerance, share to prune "
                       "or a is out of range");
    if (o->prune > 0 && !o->feedback)
        return af_fail(AF_BAD_ARGUMENT, "pruning needs rounding with feedback");
    return AF_OK;
}

static int check_labels(const struct conversion *c)
{
    for (int64_t i = 0; c->data->labels && i < c->data->samples; i++)
        if (c->data->labels[i] < 0 || c->data->labels[i] >= c->ann_size)
            return af_fail(AF_BAD_FILE, "calibration sample %lld has label %lld of %lld classes",
                           (long long)i, (long long)c->data->labels[i], (long long)c->ann_size);
    return AF_OK;
}

static int make(struct conversion *c, const struct input_format *format)
{
    const struct convert_options *o = c->options;
    int status = begin_settings(c);
    if (!status)
        status = quantise_begin(c, format);
    if (!status)
        status = conversion_correct_bias(c);
    if (!status && o->signed_bursts == CHOICE_AUTO && o->timesteps > 1)
        status = conversion_search_signed(c);
    if (!status && o->search && o->burst_min < o->burst_initial)
        status = conversion_search_bursts(c);
    if (!status && (o->ssc_budget > 0 || o->ssc_loss > 0))
        status = conversion_search_ratios(c);
    if (!status)
        status = conversion_finish(c);
    return status ? status : model_check(c->model);
}

int conversion_make(struct conversion *c, const struct input_format *format)
{
    const struct calibration *all = c->data;
    struct calibration data = *all;
    int status = data.record ? data.record(data.record_context, c->options->timesteps, &data) : 0;
    c->data = &data;
    if (!status)
        status = make(c, format);
    c->data = all;
    if (data.record)
        free(data.recording);
    return status;
}

int convert(const struct network *net, const struct input_format *format,
            const struct calibration *data, const struct convert_options *o, struct conversion *c)
{
    struct calibration used = *data;
    *c = (struct conversion){.network = net, .data = &used, .chosen = *o};
    c->options = &c->chosen;
    if (o->bias == BIAS_AUTO)
        c->chosen.bias = o->optimize && o->goal == GOAL_SPIKES ? BIAS_CURRENTS : BIAS_LIGHT;
    const int *shape = net->population[network_output(net)].shape;
    if (shape[0] < 2)
        c->chosen.loss = LOSS_ERROR;
    c->loss_most = c->chosen.loss == LOSS_ANSWERS && shape[1] * shape[2] == 1;
    int status = check_options(o);
    if (!status && data->samples < 1)
        status = af_fail(AF_BAD_ARGUMENT, "the calibration set is empty");
    if (status)
        return status;
    used.samples = rehearsal_samples(net, o->timesteps, data->samples);
    used.further += data->samples - used.samples;
    if (used.samples < data->samples)
        status = conversion_note(c,
                                 "only %lld of %lld calibration samples were used: the events "
                                 "of more would not fit into memory",
                                 (long long)used.samples, (long long)data->samples);
    if (!status)
        status = conversion_measure(c);
    if (!status && o->feedback)
        status = rounding_measure(c);
    if (!status)
        status = check_labels(c);
    if (!status && data->record && c->chance)
        status = conversion_answer_recordings(c, format->event_frames);
    double most = o->optimize ? (double)o->tolerance : (double)o->ssc_loss;
    if (!status && (o->optimize || o->ssc_loss > 0) &&
        !risk_shows(used.samples + used.further, most, c->loss_most))
        status =
            conversion_note(c,
                            "%lld samples cannot tell a loss of %.2f points from none: more may "
                            "be lost than they show; give more of them, if there are",
                            (long long)(used.samples + used.further), 100 * most);
    if (!status && format->events && o->signed_bursts == CHOICE_ON)
        status =
            conversion_note(c, "signed bursts add up a recording over all timesteps; a network "
                               "trained on single frames may lose by that (--signed auto "
                               "measures it)");
    if (!status)
        status = o->optimize ? conversion_optimize(c, format) : conversion_make(c, format);
    c->data = NULL;
    c->samples = used.samples;
    if (status)
        conversion_free(c);
    return status;
}
