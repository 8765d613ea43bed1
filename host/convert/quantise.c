/* Float projections to int8 weights, with a scale per destination channel and a shift per
 * projection.
 *
 * For channel o the integer unit is s[o]; projection k's weights are in units of s[o] << shift[k].
 * The shifts keep one projection's large weights (a shortcut's identity) from crushing another's
 * small ones; s[o] is the least that lets every projection fit into int8. Thresholds become
 * integers, and what a reader multiplies with is the rounded threshold, so that rounding it costs
 * nothing. */
#include "convert/quantise.h"

#include "base/error.h"
#include "convert/prune.h"
#include "convert/rounding.h"
#include "network/codes.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Of a weight's step, beyond which potentials are wide. */
static const double SQUEEZED_MOST = 1.1;
enum { WEIGHT_LIMIT = 127, WEIGHT_OF_7_BITS = 33, THRESHOLD_LEAST = 256 };

static int copy_wiring(const struct network *net, struct af_model *m)
{
    for (int i = 0; i < net->population_count; i++) {
        const struct population *from = &net->population[i];
        struct neurons *to = &m->population[i];
        size_t channels = (size_t)from->shape[0];
        to->name = strdup(from->name);
        to->kind = from->kind;
        to->ratio = 1;
        memcpy(to->shape, from->shape, sizeof to->shape);
        to->rank = from->rank;
        memcpy(to->dim, from->dim, sizeof to->dim);
        bool fires = network_fires(from->kind), adds = fires || from->kind == AF_OUTPUT;
        to->input = calloc((size_t)from->projection_count + 1, sizeof *to->input);
        if (adds)
            to->scale = calloc(channels, sizeof *to->scale);
        if (fires)
            to->threshold = calloc(channels, sizeof *to->threshold);
        if (!to->name || !to->input || (adds && !to->scale) || (fires && !to->threshold))
            return af_fail(AF_NO_MEMORY, "no memory");
        if (from->order) {
            size_t bytes = (size_t)network_neurons(from) * sizeof *to->order;
            to->order = malloc(bytes);
            if (!to->order)
                return af_fail(AF_NO_MEMORY, "no memory");
            memcpy(to->order, from->order, bytes);
        }
        for (int k = 0; k < from->projection_count; k++) {
            int status = wiring_copy(&to->input[k].wiring, &from->projection[k].wiring);
            if (status)
                return status;
            to->input_count++;
            if (!from->projection[k].weight)
                continue;
            to->input[k].weight = calloc((size_t)wiring_weights(&to->input[k].wiring), 1);
            if (!to->input[k].weight)
                return af_fail(AF_NO_MEMORY, "no memory for weights");
        }
    }
    return AF_OK;
}

int quantise_begin(struct recipe *recipe, const struct input_format *format)
{
    const struct network *net = recipe->network;
    struct af_model *m = calloc(1, sizeof *m);
    recipe->model = m;
    if (!m || !(m->population = calloc((size_t)net->population_count, sizeof *m->population)))
        return af_fail(AF_NO_MEMORY, "no memory");
    m->population_count = net->population_count;
    m->name = strdup("");
    m->timesteps = recipe->options.timesteps;
    m->wide = net->wide;
    m->ann_macs = network_macs(net, &m->first_macs);
    m->format = *format;
    size_t bytes = (size_t)net->population[0].shape[0] * sizeof *format->zero;
    m->format.zero = malloc(bytes);
    if (!m->name || !m->format.zero)
        return af_fail(AF_NO_MEMORY, "no memory");
    memcpy(m->format.zero, format->zero, bytes);
    int status = copy_wiring(net, m);
    if (!status && model_outputs(m) > 1)
        status = model_add_fact(m, "answers", "%s", net->population[network_answer(net)].name);
    if (!status)
        status = prune_choose(recipe);
    recipe->squeezed = 1;
    for (int i = 0; !status && i < net->population_count; i++)
        status = quantise_population(recipe, i);
    /* Builds that fire so much have one among them that holds more (hw/config.h). */
    if (status || m->wide || recipe->options.narrow || recipe->squeezed < SQUEEZED_MOST ||
        recipe->options.burst_initial <= NARROW_BURSTS)
        return status;
    m->wide = true;
    for (int i = 0; !status && i < net->population_count; i++)
        status = quantise_population(recipe, i);
    return status;
}

/* ---- One population ------------------------------------------------------------------------ */

struct scaling {
    int channels, projections;
    float **weight;  /* [projection][its weights] times the source's event value */
    double **value;  /* [projection][channel of its view] that event value */
    double *largest; /* [projection][channel] of |weight| */
    double *unit;    /* [channel] s */
    int *shift;      /* [projection] */
};

static int find_weights(const struct recipe *recipe, int index, struct scaling *s)
{
    const struct population *p = &recipe->network->population[index];
    for (int i = 0; i < p->projection_count; i++) {
        const struct wiring *w = &p->projection[i].wiring;
        const float *from = p->projection[i].weight;
        int taps = w->kernel[0] * w->kernel[1], fan_in = wiring_fan_in(w);
        int per = w->block[0] / w->groups;
        double *value = s->value[i] = malloc((size_t)w->channels * sizeof *value);
        float *to = s->weight[i] = malloc((size_t)wiring_weights(w) * sizeof *to);
        if (!value || !to)
            return af_fail(AF_NO_MEMORY, "no memory for weights");
        for (int j = 0; j < w->channels; j++)
            value[j] = recipe->network->coded
                           ? codes_event_value(recipe->network, w->source)
                           : model_event_value(recipe->model, w->source, w->map[j]);
        for (int o = 0; o < w->block[0]; o++) {
            double *most = &s->largest[i * s->channels + w->at[0] + o];
            for (int j = 0; j < fan_in; j++)
                for (int k = 0; k < taps; k++) {
                    *to = (float)((double)*from++ * value[o / per * fan_in + j]);
                    *most = fmax(*most, fabs((double)*to++));
                }
        }
    }
    return AF_OK;
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The shift that suits the median channel of each projection, or the largest one where all have the
 * same unit. `wish` is the finest unit per channel that is of use. */
static int choose_shifts(struct scaling *s, const double *wish, bool one_unit)
{
    double *ratio = malloc((size_t)s->channels * sizeof *ratio);
    if (!ratio)
        return af_fail(AF_NO_MEMORY, "no memory");
    for (int i = 0; i < s->projections; i++) {
        int n = 0;
        for (int o = 0; o < s->channels; o++) {
            double most = s->largest[i * s->channels + o];
            if (most > 0 && wish[o] > 0)
                ratio[n++] = log2(most / WEIGHT_LIMIT / wish[o]);
        }
        qsort(ratio, (size_t)n, sizeof *ratio, compare_doubles);
        double suits = n ? ceil(ratio[one_unit ? n - 1 : n / 2] - 1e-9) : 0;
        s->shift[i] = (int)fmin(fmax(suits, 0), SHIFT_LIMIT);
    }
    free(ratio);
    return AF_OK;
}

/* The bias of a channel: one number where its neurons agree as far as it matters. */
static bool bias_is_uniform(const struct population *p, int channel, double tolerance)
{
    int64_t area = (int64_t)p->shape[1] * p->shape[2];
    const float *b = p->bias + channel * area;
    float middle = b[area / 2];
    for (int64_t i = 0; i < area; i++)
        if (fabs((double)(b[i] - middle)) > tolerance)
            return false;
    return true;
}

/* Largest |bias| of a channel with its correction. */
static double bias_size(const struct recipe *recipe, int index, int channel)
{
    const struct population *p = &recipe->network->population[index];
    int64_t area = (int64_t)p->shape[1] * p->shape[2];
    double most = 0, correction = recipe->setting[index].bias[channel];
    for (int64_t i = 0; i < area; i++)
        most = fmax(most, fabs((double)p->bias[channel * area + i] + correction));
    return most;
}

/* The most that weights of one sign (of both, if events have both) can add up to, in units of s, as
 * model_check bounds it. */
static double current_bound(const struct recipe *recipe, int index, const struct scaling *s, int o)
{
    const struct population *p = &recipe->network->population[index];
    double sum = bias_size(recipe, index, o) / s->unit[o] + 1;
    for (int i = 0; i < p->projection_count; i++) {
        const struct wiring *w = &p->projection[i].wiring;
        int at = o - w->at[0];
        if (at < 0 || at >= w->block[0])
            continue;
        int64_t row = wiring_row(w);
        double step = s->unit[o] * (1 << s->shift[i]), up = 0, down = 0;
        double most = (double)model_event_limit(recipe->model, w->source) * w->pool[0] * w->pool[1];
        const bool negative = model_sends_negative(recipe->model, w->source);
        for (int64_t k = 0; k < row; k++) {
            const double weight = (double)s->weight[i][at * row + k],
                         size = fmin(nearbyint(fabs(weight) / step), WEIGHT_LIMIT);
            *(weight < 0 ? &down : &up) += size;
        }
        sum += (negative ? up + down : fmax(up, down)) * (1 << s->shift[i]) * most;
    }
    return sum;
}

static double wanted_threshold(const struct recipe *recipe, int index, int channel)
{
    const struct setting *s = &recipe->setting[index];
    return (double)s->threshold[channel] * (double)s->ratio;
}

/* Outputs are compared with each other, so that all their channels share one unit. Those that are
 * always 0 have none to say. */
static void share_unit(struct scaling *s)
{
    double most = 0;
    for (int o = 0; o < s->channels; o++)
        most = fmax(most, s->unit[o]);
    for (int o = 0; o < s->channels; o++)
        s->unit[o] = most > 0 ? most : 1;
}

/* The finest unit of an output with which the sums of all timesteps stay far from the clamp: eight
 * times what the ANN showed. */
static double output_room(const struct recipe *recipe, int index)
{
    const struct population_statistics *st = recipe->reference->statistics;
    double most = 0;
    st = st ? st + index : NULL;
    for (int o = 0; st && st->largest && o < recipe->network->population[index].shape[0]; o++)
        most = fmax(most, (double)st->largest[o]);
    return 8 * most * recipe->options.timesteps / model_state_limit(recipe->model);
}

/* One unit for all channels of an output has to suit the projection with the finest weights, and
 * shifts the others; by what is rounded up, so that twice the room leaves the room itself. */
static void share_wish(const struct scaling *s, double *wish, double room)
{
    double least = INFINITY;
    for (int i = 0; i < s->projections; i++) {
        double most = 0;
        for (int o = 0; o < s->channels; o++)
            most = fmax(most, s->largest[i * s->channels + o]);
        if (most > 0)
            least = fmin(least, most / WEIGHT_LIMIT);
    }
    for (int o = 0; o < s->channels; o++)
        wish[o] = isinf(least) ? 0 : fmax(least, 2 * room);
}

/* As little as a quarter of that room, where it leaves weights 7 bits. */
static double room_for_weights(const struct scaling *s, double room)
{
    double largest = 0;
    for (int i = 0; i < s->projections; i++)
        for (int o = 0; o < s->channels; o++)
            largest = fmax(largest, s->largest[i * s->channels + o] / (1 << s->shift[i]));
    return fmin(room, fmax(room / 4, largest / WEIGHT_OF_7_BITS));
}

static int choose_units(struct recipe *recipe, int index, struct scaling *s)
{
    const struct population *p = &recipe->network->population[index];
    const double limit = model_current_limit(recipe->model);
    bool fires = network_fires(p->kind);
    double *wish = calloc((size_t)s->channels, sizeof *wish);
    if (!wish)
        return af_fail(AF_NO_MEMORY, "no memory");
    for (int o = 0; o < s->channels; o++) {
        double least = fires ? wanted_threshold(recipe, index, o) / THRESHOLD_LEAST : INFINITY;
        for (int i = 0; i < s->projections; i++) {
            double most = s->largest[i * s->channels + o];
            if (most > 0)
                least = fmin(least, most / WEIGHT_LIMIT);
        }
        wish[o] = isinf(least) ? 0 : least;
    }
    const bool one_unit = p->kind == AF_OUTPUT;
    const double room = one_unit ? output_room(recipe, index) : 0;
    if (one_unit)
        share_wish(s, wish, room);
    int status = choose_shifts(s, wish, one_unit);
    for (int o = 0; !status && o < s->channels; o++) {
        double unit = 0;
        for (int i = 0; i < s->projections; i++)
            unit = fmax(unit, s->largest[i * s->channels + o] / WEIGHT_LIMIT / (1 << s->shift[i]));
        /* Thresholds and biases have to fit as well; a channel without weights takes its wish. */
        if (fires)
            unit = fmax(unit, wanted_threshold(recipe, index, o) / (STATE_LIMIT / 4));
        unit = fmax(unit, bias_size(recipe, index, o) / (limit / 4));
        unit = unit > 0 ? unit : wish[o];
        s->unit[o] = unit > 0 || one_unit ? unit : 1;
    }
    free(wish);
    if (!status && one_unit) {
        share_unit(s);
        const double least = room_for_weights(s, room);
        for (int o = 0; o < s->channels; o++)
            s->unit[o] = fmax(s->unit[o], least);
    }
    /* One timestep's current must not overflow: coarser weights are the price. */
    for (int turn = 0; !status && turn < 8; turn++) {
        bool good = true;
        for (int o = 0; o < s->channels; o++) {
            double bound = current_bound(recipe, index, s, o);
            if (bound > limit) {
                s->unit[o] *= bound / limit * 1.02;
                recipe->squeezed = fmax(recipe->squeezed, bound / limit);
                good = false;
            }
        }
        if (one_unit)
            share_unit(s);
        if (good)
            return AF_OK;
    }
    return status ? status
                  : af_fail(AF_UNSUPPORTED, "population '%s': its currents do not fit 24 bits",
                            p->name);
}

/* A network of codes has chosen them. */
static void take_units(const struct population *p, struct scaling *s)
{
    memcpy(s->unit, p->unit, (size_t)s->channels * sizeof *s->unit);
    for (int i = 0; i < s->projections; i++)
        s->shift[i] = p->projection[i].shift;
}

static int fill_bias(struct recipe *recipe, int index, const struct scaling *s)
{
    const struct population *p = &recipe->network->population[index];
    struct neurons *n = &recipe->model->population[index];
    int64_t area = (int64_t)p->shape[1] * p->shape[2];
    bool uniform = true;
    for (int o = 0; uniform && o < s->channels; o++) {
        double slack = p->unit ? 0.5 : n->threshold ? n->threshold[o] / 32.0 : 4;
        uniform = bias_is_uniform(p, o, slack * s->unit[o]);
    }
    n->bias_count = uniform ? s->channels : s->channels * area;
    free(n->bias);
    n->bias = malloc((size_t)n->bias_count * sizeof *n->bias);
    if (!n->bias)
        return af_fail(AF_NO_MEMORY, "no memory");
    for (int64_t i = 0; i < n->bias_count; i++) {
        int64_t o = uniform ? i : i / area;
        int64_t from = uniform ? o * area + area / 2 : i;
        double b = (double)p->bias[from] + recipe->setting[index].bias[o];
        n->bias[i] = (int32_t)nearbyint(b / s->unit[o]);
    }
    return AF_OK;
}

static int fill_initial(struct recipe *recipe, int index, const struct scaling *s)
{
    const struct population *p = &recipe->network->population[index];
    const float *extra = recipe->setting[index].initial;
    struct neurons *n = &recipe->model->population[index];
    int64_t area = (int64_t)p->shape[1] * p->shape[2];
    /* A linear neuron rounds to either side. */
    double share = p->kind == AF_RELU && !p->unit ? (double)recipe->options.initial : 0.5;
    n->initial_count = extra ? s->channels * area : s->channels;
    free(n->initial);
    n->initial = malloc((size_t)n->initial_count * sizeof *n->initial);
    if (!n->initial)
        return af_fail(AF_NO_MEMORY, "no memory");
    for (int64_t i = 0; i < n->initial_count; i++) {
        int64_t o = extra ? i / area : i;
        double v = floor(n->threshold[o] * share) + (extra ? (double)extra[i] / s->unit[o] : 0);
        const double limit = model_state_limit(recipe->model);
        n->initial[i] = (int32_t)fmax(fmin(nearbyint(v), limit), -limit);
    }
    return AF_OK;
}

/* What a row's rounding needs; [row] each. */
struct row {
    double *step, *scratch;
    int8_t *near, *fed;
};

/* By how much the sum of |weights| grew. */
static int64_t growth(const int8_t *from, const int8_t *to, int64_t n)
{
    int64_t sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += abs(to[i]) - abs(from[i]);
    return sum;
}

/* The weights of output channel o of projection k, each for itself or with error feedback, which
 * may not take more current than choose_units has left room for. */
static void fill_row(const struct recipe *recipe, int index, int k, const struct scaling *s, int o,
                     struct row *r, int8_t *to)
{
    const struct projection *p = &recipe->network->population[index].projection[k];
    const struct wiring *w = &p->wiring;
    const struct rounding *rounding =
        recipe->options.feedback ? recipe->reference->statistics[index].rounding : NULL;
    int64_t row = wiring_row(w);
    int taps = w->kernel[0] * w->kernel[1], group = o / (w->block[0] / w->groups);
    double grid = s->unit[w->at[0] + o] * (1 << s->shift[k]);
    for (int64_t i = 0; i < row; i++) {
        double v = nearbyint((double)s->weight[k][o * row + i] / grid);
        r->near[i] = (int8_t)fmax(fmin(v, WEIGHT_LIMIT), -WEIGHT_LIMIT);
        r->step[i] = grid / s->value[k][group * wiring_fan_in(w) + i / taps];
    }
    memcpy(to, r->near, (size_t)row);
    if (!rounding || !rounding[k].block)
        return;
    const double prune = prune_row_limit(recipe, index, k, o);
    rounding_row(&rounding[k], group, row, p->weight + o * row, r->step, WEIGHT_LIMIT, prune,
                 r->scratch, r->fed);
    double room =
        model_current_limit(recipe->model) - current_bound(recipe, index, s, w->at[0] + o);
    double each = (double)model_event_limit(recipe->model, w->source) * w->pool[0] * w->pool[1] *
                  (1 << s->shift[k]);
    const bool fits = (double)growth(r->near, r->fed, row) * each <= room / s->projections;
    for (int64_t i = 0; i < row; i++)
        if (fits || (prune > 0 && r->fed[i] == 0)) /* what is left out is less current */
            to[i] = r->fed[i];
}

static int fill_weights(struct recipe *recipe, int index, const struct scaling *s)
{
    const struct population *p = &recipe->network->population[index];
    struct neurons *n = &recipe->model->population[index];
    int status = AF_OK;
    for (int k = 0; !status && k < p->projection_count; k++) {
        const struct wiring *w = &p->projection[k].wiring;
        size_t row = (size_t)wiring_row(w);
        struct row r = {malloc(row * sizeof(double)), malloc(row * sizeof(double)), malloc(row),
                        malloc(row)};
        n->input[k].shift = s->shift[k];
        if (!r.step || !r.scratch || !r.near || !r.fed)
            status = af_fail(AF_NO_MEMORY, "no memory for weights");
        for (int o = 0; !status && o < w->block[0]; o++)
            fill_row(recipe, index, k, s, o, &r, n->input[k].weight + (size_t)o * row);
        free(r.step);
        free(r.scratch);
        free(r.near);
        free(r.fed);
    }
    return status;
}

int quantise_population(struct recipe *recipe, int index)
{
    const struct population *p = &recipe->network->population[index];
    struct neurons *n = &recipe->model->population[index];
    bool fires = network_fires(p->kind);
    if (!fires && p->kind != AF_OUTPUT)
        return AF_OK;
    struct scaling s = {.channels = p->shape[0], .projections = p->projection_count};
    s.weight = calloc((size_t)s.projections + 1, sizeof *s.weight);
    s.value = calloc((size_t)s.projections + 1, sizeof *s.value);
    s.largest = calloc((size_t)s.channels * (size_t)(s.projections + 1), sizeof *s.largest);
    s.unit = calloc((size_t)s.channels, sizeof *s.unit);
    s.shift = calloc((size_t)s.projections + 1, sizeof *s.shift);
    int status = s.weight && s.value && s.largest && s.unit && s.shift
                     ? AF_OK
                     : af_fail(AF_NO_MEMORY, "no memory");
    if (!status)
        status = find_weights(recipe, index, &s);
    if (!status && p->unit)
        take_units(p, &s);
    else if (!status)
        status = choose_units(recipe, index, &s);
    if (!status) {
        const struct setting *set = &recipe->setting[index];
        n->burst = fires ? set->burst : 0;
        n->burst_below = p->kind != AF_LINEAR ? 0 : p->unit ? -p->low : set->burst;
        n->signed_bursts = p->kind == AF_RELU && set->signed_bursts;
        n->ratio = fires ? set->ratio : 1;
        for (int o = 0; o < s.channels; o++) {
            n->scale[o] = (float)s.unit[o];
            if (!p->unit)
                s.unit[o] = (double)n->scale[o]; /* what readers will multiply with */
            if (fires)
                n->threshold[o] =
                    (int32_t)fmax(1, nearbyint(wanted_threshold(recipe, index, o) / s.unit[o]));
        }
        status = fill_weights(recipe, index, &s);
        if (!status)
            status = fill_bias(recipe, index, &s);
    }
    if (!status && fires)
        status = fill_initial(recipe, index, &s);
    for (int i = 0; s.weight && i < s.projections; i++)
        free(s.weight[i]);
    for (int i = 0; s.value && i < s.projections; i++)
        free(s.value[i]);
    free(s.weight);
    free(s.value);
    free(s.largest);
    free(s.unit);
    free(s.shift);
    return status;
}
