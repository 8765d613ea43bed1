#include "model/model.h"

#include "base/error.h"
#include "base/file.h"
#include "iat.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *af_kind_name(enum af_kind kind)
{
    static const char *const names[] = {"input", "relu", "linear", "maxpool", "output"};
    return kind >= AF_INPUT && kind <= AF_OUTPUT ? names[kind] : "";
}

void af_model_free(struct af_model *m)
{
    if (!m)
        return;
    for (int i = 0; m->population && i < m->population_count; i++) {
        struct neurons *p = &m->population[i];
        for (int k = 0; p->input && k < p->input_count; k++) {
            wiring_free(&p->input[k].wiring);
            free(p->input[k].weight);
        }
        free(p->input);
        free(p->name);
        free(p->scale);
        free(p->threshold);
        free(p->bias);
        free(p->initial);
        free(p->order);
    }
    for (int i = 0; m->class_name && i < m->class_count; i++)
        free(m->class_name[i]);
    for (int i = 0; m->fact && i < m->fact_count; i++) {
        free(m->fact[i].key);
        free(m->fact[i].value);
    }
    free(m->class_name);
    free(m->fact);
    free(m->population);
    free(m->format.zero);
    free(m->iat.limit);
    free(m->name);
    free(m);
}

int64_t neuron_count(const struct neurons *p)
{
    return (int64_t)p->shape[0] * p->shape[1] * p->shape[2];
}

int64_t output_values(const struct neurons *p)
{
    int64_t values = 1;
    for (int a = 0; a < p->rank; a++)
        values *= p->dim[a];
    return values;
}

int32_t model_state_limit(const struct af_model *m)
{
    return m->wide ? (STATE_LIMIT + 1) * (1 << WIDE_BITS) - 1 : STATE_LIMIT;
}

int32_t model_current_limit(const struct af_model *m)
{
    return m->wide ? CURRENT_LIMIT * (1 << WIDE_BITS) : CURRENT_LIMIT;
}

/* The population whose events a relay passes on, through others; of any other itself. */
static const struct neurons *sender_of(const struct af_model *m, int population)
{
    const struct neurons *p = &m->population[population];
    while (p->kind == AF_MAXPOOL)
        p = &m->population[p->input[0].wiring.source];
    return p;
}

int model_event_limit(const struct af_model *m, int population)
{
    const struct neurons *p = sender_of(m, population);
    return p->kind == AF_INPUT         ? COUNT_LIMIT
           : p->burst > p->burst_below ? p->burst
                                       : p->burst_below;
}

bool model_sends_negative(const struct af_model *m, int population)
{
    const struct neurons *p = sender_of(m, population);
    return p->kind != AF_RELU || p->signed_bursts;
}

double model_event_value(const struct af_model *m, int population, int channel)
{
    const struct neurons *p = &m->population[population];
    while (p->kind == AF_MAXPOOL) {
        channel = p->input[0].wiring.map[channel];
        p = &m->population[p->input[0].wiring.source];
    }
    return p->kind == AF_INPUT ? 1.0 : (double)p->threshold[channel] * (double)p->scale[channel];
}

int model_outputs(const struct af_model *m)
{
    int count = 0;
    for (int i = 0; i < m->population_count; i++)
        count += m->population[i].kind == AF_OUTPUT;
    return count;
}

int64_t model_output_at(const struct af_model *m, int population)
{
    int64_t at = 0;
    for (int i = 0; i < population; i++)
        at += m->population[i].kind == AF_OUTPUT ? output_values(&m->population[i]) : 0;
    return at;
}

const char *model_fact(const struct af_model *m, const char *key)
{
    for (int i = 0; i < m->fact_count; i++)
        if (strcmp(m->fact[i].key, key) == 0)
            return m->fact[i].value;
    return NULL;
}

static int output_named(const struct af_model *m, const char *name)
{
    for (int i = 0; i < m->population_count; i++)
        if (m->population[i].kind == AF_OUTPUT &&
            (!name || strcmp(m->population[i].name, name) == 0))
            return i;
    return -1;
}

int model_answer(const struct af_model *m)
{
    return output_named(m, model_fact(m, "answers"));
}

int model_add_fact(struct af_model *m, const char *key, const char *format, ...)
{
    char *value = NULL, *name = strdup(key);
    va_list args;
    va_start(args, format);
    int length = vasprintf(&value, format, args);
    va_end(args);
    struct fact *grown = realloc(m->fact, (size_t)(m->fact_count + 1) * sizeof *grown);
    if (grown)
        m->fact = grown;
    if (!grown || !name || length < 0) {
        free(name);
        free(length < 0 ? NULL : value);
        return af_fail(AF_NO_MEMORY, "no memory");
    }
    grown[m->fact_count++] = (struct fact){name, value};
    return AF_OK;
}

#define NEURONS_MOST 2.7e8
#define MACS_MOST    1e12
enum { EXIT_LIMIT_MOST = 1 << 20 }; /* 256 bits: more than any entropy, and Z times it fits */

/* ---- Checks -------------------------------------------------------------------------------- */

static int check_values(const struct neurons *p, const char *what, const int32_t *values,
                        int64_t count, int least, int most)
{
    for (int64_t i = 0; i < count; i++)
        if (values[i] < least || values[i] > most)
            return af_fail(AF_BAD_FILE, "population '%.80s': %s %d is out of range", p->name, what,
                           values[i]);
    return AF_OK;
}

/* One timestep's largest possible current into each channel stays within the model's limit. */
static int check_currents(const struct af_model *m, const struct neurons *p)
{
    const int64_t limit = model_current_limit(m);
    int64_t *bound = calloc((size_t)p->shape[0], sizeof *bound);
    if (!bound)
        return af_fail(AF_NO_MEMORY, "no memory");
    int64_t per_channel = (int64_t)p->shape[1] * p->shape[2];
    for (int64_t i = 0; i < p->bias_count; i++) {
        int64_t c = p->bias_count == p->shape[0] ? i : i / per_channel;
        bound[c] = llabs(p->bias[i]) > bound[c] ? llabs(p->bias[i]) : bound[c];
    }
    for (int k = 0; k < p->input_count; k++) {
        const struct synapses *s = &p->input[k];
        const struct wiring *w = &s->wiring;
        int64_t row = wiring_row(w);
        int64_t most = (int64_t)model_event_limit(m, w->source) * w->pool[0] * w->pool[1];
        const bool negative = model_sends_negative(m, w->source);
        for (int o = 0; s->weight && o < w->block[0]; o++) {
            int64_t up = 0, down = 0;
            for (int64_t i = 0; i < row; i++) {
                const int weight = s->weight[o * row + i];
                up += weight > 0 ? weight : 0;
                down += weight < 0 ? -weight : 0;
            }
            /* Of events of one sign weights of both signs take from each other. */
            int64_t sum = negative ? up + down : up > down ? up : down;
            /* row < 2^31, weight < 2^8, shift < 2^4: the product with `most` needs a check. */
            if (most > ((int64_t)1 << 40) || (sum << s->shift) > limit / most)
                sum = limit + 1;
            else
                sum = (sum << s->shift) * most;
            bound[w->at[0] + o] += sum;
        }
    }
    int status = AF_OK;
    for (int c = 0; !status && c < p->shape[0]; c++)
        if (bound[c] > limit)
            status = af_fail(AF_BAD_FILE,
                             "population '%.80s': channel %d could overflow in one timestep",
                             p->name, c);
    free(bound);
    return status;
}

static int check_synapses(const struct af_model *m, int index)
{
    const struct neurons *p = &m->population[index];
    for (int k = 0; k < p->input_count; k++) {
        const struct synapses *s = &p->input[k];
        const struct wiring *w = &s->wiring;
        bool relay = p->kind == AF_MAXPOOL;
        if (w->source < 0 || w->source >= index || m->population[w->source].kind == AF_OUTPUT)
            return af_fail(AF_BAD_FILE, "population '%.80s' reads population %d", p->name,
                           w->source);
        int status = wiring_check(w, m->population[w->source].shape, p->shape);
        if (status)
            return status;
        if (relay != !s->weight || s->shift < 0 || s->shift > SHIFT_LIMIT)
            return af_fail(AF_BAD_FILE, "population '%.80s': weights or shift are wrong", p->name);
        bool whole = memcmp(w->block, p->shape, sizeof w->block) == 0;
        if (relay && (!whole || w->groups != w->channels || w->block[0] != w->channels ||
                      wiring_has_pool(w)))
            return af_fail(AF_BAD_FILE, "relay '%.80s' has another projection's geometry", p->name);
    }
    return AF_OK;
}

static bool count_fits(int64_t count, const struct neurons *p)
{
    return count == p->shape[0] || count == neuron_count(p);
}

static bool output_fits(const struct neurons *p)
{
    const int64_t neurons = neuron_count(p);
    double values = 1;
    bool good = true;
    for (int a = 0; a < p->rank; a++) {
        good = good && p->dim[a] >= 1;
        values *= (double)p->dim[a];
    }
    return good && (values == (double)neurons || (values == 1 && neurons == 2 && p->order));
}

static int check_population(const struct af_model *m, int index)
{
    const struct neurons *p = &m->population[index];
    bool fires = p->kind == AF_RELU || p->kind == AF_LINEAR, adds = fires || p->kind == AF_OUTPUT;
    if ((p->kind == AF_INPUT) != (index == 0) || p->kind < AF_INPUT || p->kind > AF_OUTPUT)
        return af_fail(AF_BAD_FILE, "population %d is of the wrong kind", index);
    bool good = p->name != NULL;
    int64_t neurons = 1;
    for (int a = 0; good && a < 3; a++) {
        good = p->shape[a] >= 1 && p->shape[a] <= 1 << 16;
        neurons *= good ? p->shape[a] : 0;
    }
    good = good && neurons <= (int64_t)1 << 27 && neurons <= tensor_max_elements;
    if (!good)
        return af_fail(AF_BAD_FILE, "population %d has an impossible shape", index);
    good = fires ? p->burst >= 1 && p->burst <= BURST_LIMIT : p->burst == 0;
    good = good && (p->kind == AF_LINEAR ? p->burst_below >= 0 && p->burst_below <= BURST_LIMIT
                                         : p->burst_below == 0);
    good = good && !(p->signed_bursts && p->burst * m->timesteps > SENT_LIMIT);
    good = good && (adds == (p->bias_count > 0)) && (!adds || count_fits(p->bias_count, p));
    good = good && (fires == (p->initial_count > 0)) && (!fires || count_fits(p->initial_count, p));
    good = good && (p->kind == AF_MAXPOOL ? p->input_count == 1
                                          : p->kind != AF_INPUT || p->input_count == 0);
    good = good && isfinite(p->ratio) && (adds == (p->scale != NULL)) &&
           (fires == (p->threshold != NULL)) && (p->kind != AF_OUTPUT || output_fits(p));
    if (!good)
        return af_fail(AF_BAD_FILE, "population '%.80s' is inconsistent", p->name);
    for (int c = 0; adds && c < p->shape[0]; c++)
        if (!(p->scale[c] > 0) || !isfinite(p->scale[c]))
            return af_fail(AF_BAD_FILE, "population '%.80s': scale %g", p->name,
                           (double)p->scale[c]);
    int status = AF_OK;
    if (fires)
        status = check_values(p, "threshold", p->threshold, p->shape[0], 1, STATE_LIMIT);
    if (!status && fires)
        status = check_values(p, "initial potential", p->initial, p->initial_count,
                              -model_state_limit(m), model_state_limit(m));
    if (!status && adds)
        status = check_values(p, "bias", p->bias, p->bias_count, -model_current_limit(m),
                              model_current_limit(m));
    if (!status)
        status = check_synapses(m, index);
    if (!status && adds)
        status = check_currents(m, p);
    if (!status && p->order)
        status = check_values(p, "output order", p->order, neurons, -1, (int)neurons - 1);
    return status;
}

/* Neurons and multiply-accumulates of one timestep: a small file must not ask for hours. */
static int check_size(const struct af_model *m)
{
    double neurons = 0, macs = 0;
    for (int i = 0; i < m->population_count; i++) {
        const struct neurons *p = &m->population[i];
        neurons += (double)neuron_count(p);
        for (int k = 0; k < p->input_count; k++) {
            const struct wiring *w = &p->input[k].wiring;
            macs += (double)w->block[0] * w->block[1] * w->block[2] * (double)wiring_row(w);
        }
    }
    if (neurons > NEURONS_MOST || macs > MACS_MOST)
        return af_fail(AF_UNSUPPORTED, "%.3g neurons with %.3g operations a timestep are too many",
                       neurons, macs);
    return AF_OK;
}

static int check_early_exit(const struct af_model *m)
{
    const struct early_exit *x = &m->iat;
    const struct neurons *answer = &m->population[model_answer(m)];
    bool good = x->metric >= IAT_OFF && x->metric <= IAT_CONFIDENCE;
    if (good && x->metric != IAT_OFF)
        good = x->limit && x->multiplier >= 0 && x->shift >= 0 && x->shift <= 40 &&
               answer->shape[1] == 1 && answer->shape[2] == 1;
    for (int t = 0; good && x->metric != IAT_OFF && t < m->timesteps; t++)
        good = x->limit[t] >= 0 && x->limit[t] <= EXIT_LIMIT_MOST;
    return good ? AF_OK : af_fail(AF_BAD_FILE, "early exit is inconsistent");
}

int model_check(const struct af_model *m)
{
    const struct input_format *f = &m->format;
    if (m->timesteps < 1 || m->timesteps > TIMESTEPS_LIMIT)
        return af_fail(AF_BAD_FILE, "%d timesteps", m->timesteps);
    if (m->population_count < 2)
        return af_fail(AF_BAD_FILE, "has no populations");
    for (int i = 0; i < m->population_count; i++) {
        int status = check_population(m, i);
        if (status)
            return status;
    }
    for (int c = 0; c < m->population[0].shape[0]; c++)
        if (!isfinite(f->zero[c]))
            return af_fail(AF_BAD_FILE, "the input's zero is not a number");
    if (!(f->unit > 0) || !isfinite(f->unit) || f->resize < 0 || f->resize > 1 << 14 ||
        f->event_frames < 0 || f->event_frames > TIMESTEPS_LIMIT || f->low < -COUNT_LIMIT ||
        f->low > 0 || f->high < 0 || f->high > COUNT_LIMIT)
        return af_fail(AF_BAD_FILE, "the input format is out of range");
    if (!model_outputs(m))
        return af_fail(AF_BAD_FILE, "has no output");
    if (model_answer(m) < 0)
        return af_fail(AF_BAD_FILE, "has no output '%.80s', which should answer",
                       model_fact(m, "answers"));
    int status = check_early_exit(m);
    return status ? status : check_size(m);
}

/* ---- Input --------------------------------------------------------------------------------- */

struct range {
    double low, high;
};

static struct range counts_of(const struct input_format *f)
{
    return f->low || f->high ? (struct range){f->low, f->high}
                             : (struct range){-COUNT_LIMIT, COUNT_LIMIT};
}

static int16_t to_count(double raw, double zero, double unit, const struct range *r)
{
    double q = nearbyint((raw - zero) / unit);
    return (int16_t)(q > r->high ? r->high : q < r->low ? r->low : q);
}

int model_frame_begin(const struct af_model *m, int steps, int frame)
{
    int frames = m->format.event_frames > 1 ? m->format.event_frames : 1;
    int parts = frames < steps ? frames : steps;
    return frame < parts ? frame * steps / parts : steps;
}

int model_quantise_input(const struct af_model *m, enum af_type type, const void *data,
                         int16_t *counts)
{
    const struct neurons *p = &m->population[0];
    int64_t area = (int64_t)p->shape[1] * p->shape[2];
    double unit = (double)m->format.unit;
    const struct range r = counts_of(&m->format);
    for (int c = 0; c < p->shape[0]; c++) {
        double zero = (double)m->format.zero[c];
        int64_t from = c * area, to = from + area;
        switch (type) {
        case AF_U8:
            for (int64_t i = from; i < to; i++)
                counts[i] = to_count(((const uint8_t *)data)[i], zero, unit, &r);
            break;
        case AF_I8:
            for (int64_t i = from; i < to; i++)
                counts[i] = to_count(((const int8_t *)data)[i], zero, unit, &r);
            break;
        case AF_I16:
            for (int64_t i = from; i < to; i++)
                counts[i] = to_count(((const int16_t *)data)[i], zero, unit, &r);
            break;
        case AF_I32:
            for (int64_t i = from; i < to; i++)
                counts[i] = to_count(((const int32_t *)data)[i], zero, unit, &r);
            break;
        case AF_F32:
            for (int64_t i = from; i < to; i++) {
                float raw = ((const float *)data)[i];
                if (isnan(raw))
                    return af_fail(AF_BAD_ARGUMENT, "value %lld of the sample is not a number",
                                   (long long)i);
                counts[i] = to_count((double)raw, zero, unit, &r);
            }
            break;
        default: return af_fail(AF_BAD_ARGUMENT, "unknown sample type %d", (int)type);
        }
    }
    return AF_OK;
}

void model_count_bytes(const struct af_model *m, int channel, int16_t *counts)
{
    const struct range r = counts_of(&m->format);
    for (int i = 0; i < 256; i++)
        counts[i] = to_count(i, (double)m->format.zero[channel], (double)m->format.unit, &r);
}

/* ---- Public information -------------------------------------------------------------------- */
