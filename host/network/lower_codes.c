#include "network/lower_codes.h"

#include "base/error.h"
#include "network/lower_nonlinear.h"
#include "onnx/quantiser.h"

#include <math.h>

/* Whether counts of the input differ from codes by a constant for each channel, and none is cut
 * off. */
static bool counts_are_codes(const struct lowering *l, const struct affine *in,
                             const struct codes *c)
{
    static const double slack = 1e-3; /* of a code, at the largest count */
    const int low = l->count_low, high = l->count_high, most = high > -low ? high : -low;
    const float *offset = in->offset.data;
    bool good = most > 0 && in->term_count == 1 && in->term[0].wiring.source == 0 &&
                affine_is_plain(in) && !in->index;
    for (int i = 0; good && i < in->term[0].wiring.channels; i++)
        good = fabs((double)(in->term[0].weight[i] / c->step) - 1) * most < slack;
    for (int64_t j = 0; good && j < in->offset.count; j++) {
        const double first = rint((double)(offset[j] / c->step));
        good = first + low >= c->low && first + high <= c->high;
    }
    return good;
}

static int keep_counts(const struct affine *in, const struct codes *c, struct affine *out)
{
    int status = affine_copy(out, in);
    for (int i = 0; !status && i < out->term[0].wiring.channels; i++)
        out->term[0].weight[i] = c->step;
    float *offset = out->offset.data;
    for (int64_t j = 0; !status && j < out->offset.count; j++)
        offset[j] = (float)(rint((double)(offset[j] / c->step)) * (double)c->step);
    return status;
}

static int populate_codes(struct lowering *l, const struct node *n, const struct codes *c,
                          struct affine *s)
{
    const enum af_kind kind = c->low < 0 ? AF_LINEAR : AF_RELU;
    const int index = l->network->population_count;
    const int status = populate(l, s, kind, INFINITY, n->name);
    if (status)
        return status;
    struct population *p = &l->network->population[index];
    p->step = c->step;
    p->low = c->low;
    p->high = c->high;
    for (int64_t j = 0; j < s->offset.count; j++)
        if (element_of(s, j) < 0)
            ((float *)s->offset.data)[j] =
                fake_quantise(((float *)s->offset.data)[j], c->step, c->low, c->high);
    return AF_OK;
}

/* As far as a network computes with numbers: a ReLU cut off at the largest code, or nothing. */
static int cut_alone(struct lowering *l, const struct node *n, const struct codes *c,
                     struct affine *s)
{
    if (c->low < 0)
        return AF_OK;
    const int status = populate(l, s, AF_RELU, (float)c->high * c->step, n->name);
    for (int64_t j = 0; !status && j < s->offset.count; j++)
        if (element_of(s, j) < 0) {
            float *v = (float *)s->offset.data + j;
            *v = fminf(fmaxf(*v, 0), (float)c->high * c->step);
        }
    return status;
}

int lower_quantiser(struct lowering *l, const struct node *n, struct affine *in, struct affine *out)
{
    struct codes c = {0};
    struct affine s = {0};
    int status = quantiser_codes(n, &c);
    if (!status)
        status = settle_to_fire(l, in, n->name);
    const bool same = !status && l->to_the_code && counts_are_codes(l, in, &c);
    if (!status)
        status = same ? keep_counts(in, &c, &s) : affine_copy(&s, in);
    if (!status && !same)
        status = l->to_the_code ? populate_codes(l, n, &c, &s) : cut_alone(l, n, &c, &s);
    if (status) {
        affine_free(&s);
        return status;
    }
    tensor_free(&out->offset);
    *out = s;
    return AF_OK;
}
