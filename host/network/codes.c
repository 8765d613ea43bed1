#include "network/codes.h"

#include "base/error.h"
#include "model/model.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Shifts of digits may go up to SHIFT_LIMIT: there are three. */
enum {
    WEIGHT_MOST = 127,
    CODE_MOST = 255, /* of a weight, less its zero point */
    DIGIT_BITS = 7,
    DIGITS_MOST = 3,
    DIGITS_LARGEST = (1 << 21) - 1
};
/* Of a code, by which the largest may be off before wide potentials are asked for. */
static const double NARROW_ERROR = 1.0 / 1024;
/* Of a code, from which on it is said. */
static const double ERROR_SAID = 0.25;
/* Of a code: what all weights of a channel add up to, where they are left out. */
static const double DROPPED_FREELY = 1e-5, DROPPED_MOST = 0.5;

static int source_of(const struct network *net, int population)
{
    while (net->population[population].kind == AF_MAXPOOL)
        population = net->population[population].projection[0].wiring.source;
    return population;
}

double codes_event_value(const struct network *net, int population)
{
    const int source = source_of(net, population);
    return source == 0 ? 1 : (double)net->population[source].step;
}

static int largest_event(const struct network *net, int population)
{
    const struct population *p = &net->population[source_of(net, population)];
    return p->kind == AF_INPUT ? COUNT_LIMIT : p->high > -p->low ? p->high : -p->low;
}

static bool sends_negative(const struct network *net, int population)
{
    return net->population[source_of(net, population)].kind != AF_RELU;
}

/* ---- Rows ----------------------------------------------------------------------------------- */

/* The weights of a channel's row, in currents of one event: whole multiples of `unit`. */
struct row {
    double unit;   /* 0: there is no row, or all its weights are 0 */
    int most;      /* multiple */
    double sum[2]; /* of the multiples' sizes, below 0 and above */
};

/* The integers of a population as they are being chosen. */
struct choice {
    const struct network *net;
    struct population *p;
    struct row *row; /* [projection][channel] */
    bool *whole;     /* [projection] keeps its weights: in no channel another one is longer */
    double *bias;    /* [channel] its largest size */
    double *unit;    /* [channel] */
    bool *dropped;   /* [channel] its weights are less than what rounding its threshold would be */
    double drop;     /* channels of so many codes at most may be dropped */
    int shift;       /* of whole projections */
    double error;    /* of a code, at the largest */
    bool lattice;    /* all weights are multiples */
};

static double weight_at(const struct choice *c, int k, int channel, int64_t i)
{
    const struct projection *t = &c->p->projection[k];
    const int64_t row = wiring_row(&t->wiring);
    return (double)t->weight[(channel - t->wiring.at[0]) * row + i] *
           codes_event_value(c->net, t->wiring.source);
}

static bool covers(const struct projection *t, int channel)
{
    return channel >= t->wiring.at[0] && channel < t->wiring.at[0] + t->wiring.block[0];
}

/* The largest number of which all weights are multiples, by trying what the largest may be. */
static void find_row(struct choice *c, int k, int channel)
{
    static const double slack = 1e-3;
    struct row *r = &c->row[k * c->p->shape[0] + channel];
    const struct projection *t = &c->p->projection[k];
    const int64_t n = covers(t, channel) ? wiring_row(&t->wiring) : 0;
    double largest = 0;
    *r = (struct row){0};
    for (int64_t i = 0; i < n; i++)
        largest = fmax(largest, fabs(weight_at(c, k, channel, i)));
    if (largest == 0)
        return;
    bool found = false;
    for (int most = 1; !found && most <= CODE_MOST; most++) {
        found = true;
        for (int64_t i = 0; found && i < n; i++) {
            const double q = weight_at(c, k, channel, i) / largest * most;
            found = fabs(q - nearbyint(q)) < slack;
        }
        r->most = most;
    }
    c->lattice = c->lattice && found;
    r->most = found ? r->most : WEIGHT_MOST;
    r->unit = largest / r->most;
    for (int64_t i = 0; i < n; i++) {
        const double weight = weight_at(c, k, channel, i);
        r->sum[weight > 0] += fabs(nearbyint(weight / r->unit));
    }
}

/* The projection of the longest row into a channel; -1: there is none. */
static int main_of(const struct choice *c, int channel)
{
    int found = -1;
    int64_t longest = 0;
    for (int k = 0; k < c->p->projection_count; k++) {
        const struct projection *t = &c->p->projection[k];
        const int64_t row = wiring_row(&t->wiring);
        if (c->row[k * c->p->shape[0] + channel].unit > 0 && row > longest) {
            found = k;
            longest = row;
        }
    }
    return found;
}

static int begin(struct choice *c)
{
    const struct population *p = c->p;
    const size_t channels = (size_t)p->shape[0], projections = (size_t)p->projection_count;
    const int64_t area = (int64_t)p->shape[1] * p->shape[2];
    c->row = calloc(channels * (projections + 1), sizeof *c->row);
    c->whole = calloc(projections + 1, sizeof *c->whole);
    c->bias = calloc(channels, sizeof *c->bias);
    c->unit = calloc(channels, sizeof *c->unit);
    c->dropped = calloc(channels, sizeof *c->dropped);
    if (!c->row || !c->whole || !c->bias || !c->unit || !c->dropped)
        return af_fail(AF_NO_MEMORY, "no memory");
    c->lattice = true;
    for (int o = 0; o < p->shape[0]; o++) {
        for (int k = 0; k < p->projection_count; k++)
            find_row(c, k, o);
        for (int64_t i = 0; i < area; i++)
            c->bias[o] = fmax(c->bias[o], fabs((double)p->bias[o * area + i]));
    }
    for (int k = 0; k < p->projection_count; k++) {
        c->whole[k] = true;
        for (int o = 0; o < p->shape[0]; o++)
            if (c->row[k * p->shape[0] + o].unit > 0)
                c->whole[k] = c->whole[k] && main_of(c, o) == k &&
                              c->row[k * p->shape[0] + o].most <= WEIGHT_MOST;
    }
    return AF_OK;
}

static void end(struct choice *c)
{
    free(c->row);
    free(c->whole);
    free(c->bias);
    free(c->unit);
    free(c->dropped);
}

/* ---- Units ---------------------------------------------------------------------------------- */

/* The multiple of a channel's unit that a row's own is, rounded. */
static double multiple_of(const struct row *r, double unit)
{
    return nearbyint(r->unit / unit);
}

/* The most that a row adds up to, in codes (of an output: in its multiples). */
static double row_codes(const struct choice *c, int k, int o)
{
    const struct row *r = &c->row[k * c->p->shape[0] + o];
    const struct wiring *w = &c->p->projection[k].wiring;
    const double most = (double)largest_event(c->net, w->source) * w->pool[0] * w->pool[1],
                 sum = sends_negative(c->net, w->source) ? r->sum[0] + r->sum[1]
                                                         : fmax(r->sum[0], r->sum[1]);
    return most * sum * (c->p->step > 0 ? r->unit / (double)c->p->step : 1);
}

/* By how much of a code the largest is off in this unit; INFINITY: something does not fit. */
static double channel_error(const struct choice *c, int o, double unit, double limit)
{
    const struct population *p = c->p;
    double bound = c->bias[o] / unit + 1, error = 0;
    const double code = p->high > -p->low ? p->high : -p->low;
    for (int k = 0; k < p->projection_count; k++) {
        const struct row *r = &c->row[k * p->shape[0] + o];
        const struct wiring *w = &p->projection[k].wiring;
        if (r->unit == 0)
            continue;
        const double n = multiple_of(r, unit),
                     most = (double)largest_event(c->net, w->source) * w->pool[0] * w->pool[1];
        if (n < 1 || (!c->whole[k] && n * r->most > DIGITS_LARGEST))
            return INFINITY;
        bound += n * most *
                 (sends_negative(c->net, w->source) ? r->sum[0] + r->sum[1]
                                                    : fmax(r->sum[0], r->sum[1]));
        const double codes = row_codes(c, k, o);
        error += fabs(n * unit / r->unit - 1) * (p->step > 0 ? fmin(codes, code) : most);
    }
    if (bound > limit)
        return INFINITY;
    if (p->kind == AF_OUTPUT)
        return error;
    const double theta = (double)p->step / unit;
    if (theta < 1 || theta > STATE_LIMIT)
        return INFINITY;
    return error + fabs(nearbyint(theta) / theta - 1) * code;
}

/* The unit of a channel that adds its bias alone. */
static double unit_of_bias(const struct choice *c, int o, double limit)
{
    enum { FINE = 1 << 16 };
    const double step = c->p->step > 0 ? (double)c->p->step : fmax(c->bias[o], 1);
    return fmax(step / FINE, c->bias[o] / (limit / 2));
}

/* The unit of a channel for this shift: the main row's, or a fraction of it that rounds the
 * threshold least. */
static double choose_unit(struct choice *c, int o, int shift, double limit, double *error)
{
    const int k = main_of(c, o);
    double best = unit_of_bias(c, o, limit);
    *error = c->p->step > 0 && best > (double)c->p->step ? (double)INFINITY : 0;
    c->dropped[o] = k >= 0;
    if (k < 0)
        return best;
    for (int i = 0; i < c->p->projection_count; i++)
        *error += row_codes(c, i, o);
    if (*error > c->drop || !(c->p->step > 0))
        *error = INFINITY;
    const struct row *r = &c->row[k * c->p->shape[0] + o];
    for (int by = 1; by == 1 || by * r->most <= WEIGHT_MOST; by++) {
        const double unit = r->unit / by / (1 << shift), off = channel_error(c, o, unit, limit);
        if (off < *error) {
            *error = off;
            best = unit;
            c->dropped[o] = false;
        }
    }
    return best;
}

static bool choose(struct choice *c, int shift, double limit)
{
    c->shift = shift;
    c->error = 0;
    for (int o = 0; o < c->p->shape[0]; o++) {
        double error;
        c->unit[o] = choose_unit(c, o, shift, limit, &error);
        c->error = fmax(c->error, error);
    }
    return !isinf(c->error);
}

/* The largest shift that fits; if that is not good, in wide potentials the one by which the largest
 * error is least. */
static bool choose_shift(struct choice *c, bool wide, double limit)
{
    int best = SHIFT_LIMIT;
    double least = INFINITY;
    c->drop = DROPPED_FREELY;
    while (best >= 0 && !choose(c, best, limit))
        best--;
    if (!wide || (best >= 0 && c->error <= NARROW_ERROR))
        return best >= 0;
    c->drop = DROPPED_MOST;
    best = -1;
    for (int shift = SHIFT_LIMIT; shift >= 0; shift--)
        if (choose(c, shift, limit) && c->error < least) {
            least = c->error;
            best = shift;
        }
    return best >= 0 && choose(c, best, limit);
}

/* ---- Digits --------------------------------------------------------------------------------- */

/* Integer i of a row in its channel's unit. */
static int64_t integer_at(const struct choice *c, int k, int channel, int64_t i)
{
    const struct row *r = &c->row[k * c->p->shape[0] + channel];
    if (r->unit == 0 || c->dropped[channel])
        return 0;
    return (int64_t)(nearbyint(weight_at(c, k, channel, i) / r->unit) *
                     multiple_of(r, c->unit[channel]));
}

/* A projection's integers as digits, the lowest of which is shifted by so much. */
struct digits {
    int shift, count;
};

static int digits_of(uint64_t largest)
{
    int digits = 1;
    while (largest >> DIGIT_BITS * digits)
        digits++;
    return digits;
}

/* As few as can be: bits that are 0 in all integers need none. */
static struct digits count_digits(const struct choice *c, int k)
{
    const struct wiring *w = &c->p->projection[k].wiring;
    uint64_t any = 0, most = 0;
    for (int o = w->at[0]; o < w->at[0] + w->block[0]; o++)
        for (int64_t i = 0; i < wiring_row(w); i++) {
            const uint64_t size = (uint64_t)llabs(integer_at(c, k, o, i));
            any |= size;
            most = size > most ? size : most;
        }
    struct digits d = {.shift = any ? __builtin_ctzll(any) : 0};
    for (;; d.shift--) {
        d.count = digits_of(most >> d.shift);
        if (d.shift + DIGIT_BITS * (d.count - 1) <= SHIFT_LIMIT || d.shift == 0)
            return d;
    }
}

/* Of one sign all, so that together they are no larger than what they make up. */
static int digit_at(int64_t integer, int shift, int digit)
{
    const int size = (int)(llabs(integer) >> (shift + DIGIT_BITS * digit) & WEIGHT_MOST);
    return integer < 0 ? -size : size;
}

static void drop_rows(const struct choice *c, const struct projection *t)
{
    const int64_t row = wiring_row(&t->wiring);
    for (int o = 0; o < t->wiring.block[0]; o++)
        if (c->dropped[t->wiring.at[0] + o])
            memset(t->weight + o * row, 0, (size_t)row * sizeof *t->weight);
}

static int fill_digit(const struct choice *c, int k, int shift, int digit, struct projection *to)
{
    const struct wiring *w = &c->p->projection[k].wiring;
    const int64_t row = wiring_row(w);
    const double value = codes_event_value(c->net, w->source);
    int status = wiring_copy(&to->wiring, w);
    to->shift = shift + DIGIT_BITS * digit;
    to->rest = digit > 0;
    to->weight = malloc((size_t)wiring_weights(w) * sizeof *to->weight);
    if (status || !to->weight)
        return status ? status : af_fail(AF_NO_MEMORY, "no memory for weights");
    for (int o = 0; o < w->block[0]; o++)
        for (int64_t i = 0; i < row; i++)
            to->weight[o * row + i] =
                (float)ldexp(digit_at(integer_at(c, k, w->at[0] + o, i), shift, digit) *
                                 c->unit[w->at[0] + o] / value,
                             to->shift);
    return AF_OK;
}

/* A population's projections in its units. */
static int settle(struct choice *c)
{
    struct population *p = c->p;
    const int count = p->projection_count;
    struct projection *made = calloc((size_t)count * DIGITS_MOST + 1, sizeof *made);
    int n = 0, status = made ? AF_OK : af_fail(AF_NO_MEMORY, "no memory");
    for (int k = 0; !status && k < count; k++) {
        if (c->whole[k]) {
            p->projection[k].shift = c->shift;
            status = wiring_copy(&made[n].wiring, &p->projection[k].wiring);
            made[n].shift = c->shift;
            made[n++].weight = p->projection[k].weight;
            p->projection[k].weight = NULL;
            drop_rows(c, &made[n - 1]);
            continue;
        }
        const struct digits d = count_digits(c, k);
        if (d.count > DIGITS_MOST)
            status = af_fail(AF_UNSUPPORTED, "'%.80s': scales that are too far apart", p->name);
        for (int digit = d.count - 1; !status && digit >= 0; digit--)
            status = fill_digit(c, k, d.shift, digit, &made[n++]);
    }
    for (int k = 0; k < (status ? n : count); k++) {
        struct projection *gone = status ? &made[k] : &p->projection[k];
        wiring_free(&gone->wiring);
        free(gone->weight);
    }
    if (status) {
        free(made);
        return status;
    }
    free(p->projection);
    p->projection = made;
    p->projection_count = n;
    p->unit = c->unit;
    c->unit = NULL;
    return AF_OK;
}

/* ---- The network ---------------------------------------------------------------------------- */

/* Units of one population, if it is `wide` and settle them, or whether it need not be. */
static int settle_population(struct network *net, int index, bool wide, bool *good, bool *lattice)
{
    const double limit = wide ? (double)CURRENT_LIMIT * (1 << WIDE_BITS) : CURRENT_LIMIT;
    struct choice c = {.net = net, .p = &net->population[index]};
    int status = begin(&c);
    const bool fits = !status && choose_shift(&c, wide, limit);
    *good = fits && (wide || c.error <= NARROW_ERROR);
    *lattice = *lattice && c.lattice;
    if (!status && wide && fits && c.error > ERROR_SAID && c.p->step > 0)
        status = network_note(net,
                              "'%.80s' may be off by up to %.2g codes: finer integers do not "
                              "fit 31 bits",
                              c.p->name, c.error);
    if (!status && wide == net->wide && *good)
        status = settle(&c);
    else if (!status && wide)
        status = af_fail(AF_UNSUPPORTED, "'%.80s': integers do not fit", c.p->name);
    end(&c);
    return status;
}

static bool adds(const struct population *p)
{
    return p->kind == AF_RELU || p->kind == AF_LINEAR || p->kind == AF_OUTPUT;
}

int codes_settle(struct network *net)
{
    int status = AF_OK;
    bool lattice = true;
    for (int i = 0; i < net->population_count; i++) {
        const struct population *p = &net->population[i];
        if ((p->kind == AF_RELU || p->kind == AF_LINEAR) && !(p->step > 0))
            return af_fail(AF_UNSUPPORTED, "'%.80s' is not quantised", p->name);
    }
    net->coded = true;
    net->wide = true; /* until it is known that nobody needs it: nothing is settled before */
    bool narrow = true;
    for (int i = 0; !status && narrow && i < net->population_count; i++)
        if (adds(&net->population[i]))
            status = settle_population(net, i, false, &narrow, &lattice);
    net->wide = !narrow;
    for (int i = 0; !status && i < net->population_count; i++) {
        bool good = true;
        if (adds(&net->population[i]))
            status = settle_population(net, i, net->wide, &good, &lattice);
    }
    if (!status && !lattice)
        status = network_note(net, "not all weights are codes of up to 8 bits: what is rounded to "
                                   "8 bits of them differs from the quantised network");
    return status;
}
