/* What a program may know of a model. */
#include "adafire.h"
#include "base/error.h"
#include "iat.h"
#include "model/model.h"

#include <math.h>
#include <stdlib.h>

int af_model_info(const struct af_model *m, struct af_model_info *info)
{
    if (!m || !info)
        return af_fail(AF_BAD_ARGUMENT, "a model and room for what it is are needed");
    const struct neurons *in = &m->population[0];
    *info = (struct af_model_info){
        .name = m->name,
        .channels = in->shape[0],
        .height = in->shape[1],
        .width = in->shape[2],
        .events = m->format.events,
        .timesteps = m->timesteps,
        .populations = m->population_count,
        .answer = model_answer(m),
        .outputs = model_outputs(m),
        .ann_macs = m->ann_macs,
        .first_macs = m->first_macs,
        .iat = m->iat.metric != IAT_OFF,
        .facts = m->fact_count,
    };
    info->output_size = model_output_at(m, m->population_count);
    info->classes = (int)output_values(&m->population[info->answer]);
    for (int i = 0; i < m->population_count; i++) {
        const struct neurons *p = &m->population[i];
        info->neurons += i ? neuron_count(p) : 0;
        info->projections += p->input_count;
        for (int k = 0; k < p->input_count; k++) {
            const int64_t n = p->input[k].weight ? wiring_weights(&p->input[k].wiring) : 0;
            info->synapses += n;
            for (int64_t j = 0; j < n; j++)
                info->zeros += p->input[k].weight[j] == 0;
        }
    }
    return AF_OK;
}

/* Mean synaptic operations of one event, averaged over the population's neurons. */
static int64_t mean_fanout(const struct af_model *m, int population)
{
    const struct neurons *p = &m->population[population];
    const int64_t neurons = neuron_count(p);
    int64_t *fanout = calloc((size_t)neurons, sizeof *fanout);
    double sum = 0;
    for (int i = 0; fanout && i < m->population_count; i++)
        for (int k = 0; k < m->population[i].input_count; k++) {
            const struct synapses *s = &m->population[i].input[k];
            if (s->wiring.source == population && s->weight)
                wiring_add_fanout(&s->wiring, s->weight, p->shape, fanout);
        }
    for (int64_t n = 0; fanout && n < neurons; n++)
        sum += (double)fanout[n];
    free(fanout);
    return (int64_t)(sum / (double)neurons + 0.5);
}

int af_population_info(const struct af_model *m, int i, struct af_population_info *info)
{
    if (!m || !info || i < 0 || i >= m->population_count)
        return af_fail(AF_BAD_ARGUMENT, "there is no population %d", i);
    const struct neurons *p = &m->population[i];
    *info = (struct af_population_info){
        .name = p->name,
        .kind = p->kind,
        .channels = p->shape[0],
        .height = p->shape[1],
        .width = p->shape[2],
        .burst = p->burst,
        .signed_bursts = p->signed_bursts || p->kind == AF_LINEAR,
        .ratio = (double)p->ratio,
        .fanout_mean = mean_fanout(m, i),
    };
    for (int c = 0; p->threshold && c < p->shape[0]; c++) {
        double t = model_event_value(m, i, c);
        info->threshold_min = c == 0 || t < info->threshold_min ? t : info->threshold_min;
        info->threshold_max = t > info->threshold_max ? t : info->threshold_max;
    }
    return AF_OK;
}

int af_population_values(const struct af_model *m, int i, struct af_population_values *values)
{
    if (!m || !values || i < 0 || i >= m->population_count)
        return af_fail(AF_BAD_ARGUMENT, "there is no population %d", i);
    const struct neurons *p = &m->population[i];
    *values = (struct af_population_values){.threshold = p->threshold,
                                            .scale = p->scale,
                                            .bias = p->bias,
                                            .bias_count = p->bias ? p->bias_count : 0,
                                            .initial = p->initial,
                                            .initial_count = p->initial ? p->initial_count : 0};
    if (p->kind == AF_INPUT) {
        values->unit = m->format.unit;
        values->zero = m->format.zero;
    }
    return AF_OK;
}

static void take_pair(int to[2], const int from[2])
{
    to[0] = from[0];
    to[1] = from[1];
}

static struct af_projection_info projection_info(const struct synapses *s, int destination)
{
    const struct wiring *w = &s->wiring;
    struct af_projection_info info = {.source = w->source,
                                      .destination = destination,
                                      .channels = w->channels,
                                      .map = w->map,
                                      .groups = w->groups,
                                      .shift = s->shift,
                                      .weight = s->weight,
                                      .weights = s->weight ? wiring_weights(w) : 0};
    take_pair(info.up, w->up);
    take_pair(info.pool, w->pool);
    take_pair(info.pool_stride, w->pool_stride);
    take_pair(info.pool_before, w->pool_before);
    take_pair(info.view, w->view);
    take_pair(info.kernel, w->kernel);
    take_pair(info.stride, w->stride);
    take_pair(info.dilation, w->dilation);
    take_pair(info.before, w->before);
    take_pair(info.spread, w->spread);
    for (int a = 0; a < 3; a++) {
        info.block[a] = w->block[a];
        info.at[a] = w->at[a];
    }
    return info;
}

int af_projection_info(const struct af_model *m, int i, struct af_projection_info *info)
{
    int left = i;
    for (int p = 0; m && info && left >= 0 && p < m->population_count; p++) {
        if (left < m->population[p].input_count) {
            *info = projection_info(&m->population[p].input[left], p);
            return AF_OK;
        }
        left -= m->population[p].input_count;
    }
    return af_fail(AF_BAD_ARGUMENT, "there is no projection %d", i);
}

const char *af_class_name(const struct af_model *m, int label)
{
    return m && label >= 0 && label < m->class_count ? m->class_name[label] : NULL;
}

int af_model_fact(const struct af_model *m, int i, const char **key, const char **value)
{
    if (!m || !key || !value || i < 0 || i >= m->fact_count)
        return af_fail(AF_BAD_ARGUMENT, "there is no fact %d", i);
    *key = m->fact[i].key;
    *value = m->fact[i].value;
    return AF_OK;
}

double af_energy_uj(double accumulates, double macs)
{
    return (0.9 * accumulates + 4.6 * macs) * 1e-6;
}

double af_integer_energy_uj(double adds, double macs, int bits, bool memory)
{
    const double add = 0.1, multiply_8 = 0.2, byte = 10.0 / 8; /* pJ; a word of 8 KB: 10 */
    const double an_add = add + (memory ? (1 + 2 * 4) * byte : 0);
    const double a_mac = add + multiply_8 * bits / 8 + (memory ? (1 + bits / 8.0) * byte : 0);
    return (adds * an_add + macs * a_mac) * 1e-6;
}

static double sum_of(const struct af_model *m, const double *values)
{
    double sum = 0;
    for (int i = 0; i < m->population_count; i++)
        sum += values[i];
    return sum;
}

/* Bits of an activation that a population sends as fine over all timesteps. */
static int bits_like(const struct af_model *m)
{
    int most = 1, bits = 0;
    for (int i = 0; i < m->population_count; i++)
        most = m->population[i].burst > most ? m->population[i].burst : most;
    while (1 << bits < most * m->timesteps + 1)
        bits++;
    return bits;
}

int af_energy_of(const struct af_model *m, double samples, const double *events, const double *sops,
                 const double *spike_sops, const double *adds, struct af_energy *energy)
{
    if (energy)
        *energy = (struct af_energy){0};
    if (!m || !events || !sops || !spike_sops || !energy || !(samples > 0))
        return af_fail(AF_BAD_ARGUMENT, "a model, what samples did, and room are needed");
    /* Multiply-accumulates of a constant input, done once. */
    const double first = m->format.events && events[0] > 0 ? 0 : (double)m->first_macs;
    const double added = adds ? sum_of(m, adds) / samples : NAN, macs = (double)m->ann_macs;
    const int bits = bits_like(m);
    *energy = (struct af_energy){
        .ann = af_energy_uj(0, macs),
        .event = af_energy_uj(sum_of(m, sops) / samples, first),
        .spike = af_energy_uj(sum_of(m, spike_sops) / samples, first),
        .add = af_energy_uj(added, first),
        .integer = af_integer_energy_uj(added, first, 8, false),
        .integer_ann = af_integer_energy_uj(0, macs, bits, false),
        .integer_memory = af_integer_energy_uj(added, first, 8, true),
        .integer_memory_ann = af_integer_energy_uj(0, macs, bits, true),
        .bits = bits,
    };
    return AF_OK;
}
