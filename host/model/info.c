/* What a program may know of a model. */
#include "adafire.h"
#include "base/error.h"
#include "iat.h"
#include "model/model.h"

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
