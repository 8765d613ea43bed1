#include "network/lower_nonlinear.h"

#include "base/error.h"
#include "network/lower_linear.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LESS_THAN_ANY (-1e4F) /* what exporters pad a maximum with is below it */

int lower_relu(struct lowering *l, const struct node *n, struct affine *in, struct affine *out)
{
    float ceiling = INFINITY;
    if (strcmp(n->op, "Clip") == 0) {
        const struct affine *low = input_of(l, n, 1), *high = input_of(l, n, 2);
        float least = node_float(n, "min", -INFINITY);
        ceiling = node_float(n, "max", INFINITY);
        if (low && low->offset.count)
            least = (float)tensor_get(&low->offset, 0);
        if (high && high->offset.count)
            ceiling = (float)tensor_get(&high->offset, 0);
        /* F.relu6 comes from PyTorch as a ReLU and a Clip with a maximum alone. */
        if (least < 0 && never_negative(l->network, in))
            least = 0;
        if (least != 0 || !(ceiling > 0))
            return af_fail(AF_UNSUPPORTED, "clips to [%g, %g]; only [0, x] is a ReLU",
                           (double)least, (double)ceiling);
    }
    struct affine s;
    int status = settle_to_fire(l, in, n->name);
    if (!status)
        status = affine_copy(&s, in);
    if (status)
        return status;
    if (!(isinf(ceiling) && affine_is_plain(&s) && never_negative(l->network, &s)))
        status = populate(l, &s, AF_RELU, ceiling, n->name);
    if (status) {
        affine_free(&s);
        return status;
    }
    for (int64_t j = 0; j < s.offset.count; j++)
        if (element_of(&s, j) < 0)
            ((float *)s.offset.data)[j] = fminf(fmaxf(((float *)s.offset.data)[j], 0), ceiling);
    tensor_free(&out->offset);
    *out = s;
    return AF_OK;
}

/* Whether a relay can watch this term's source directly. */
static bool can_relay(const struct network *net, const struct projection *t, const int shape[3])
{
    const struct wiring *w = &t->wiring;
    if (!wiring_is_channelwise(w) || wiring_has_pool(w))
        return false;
    for (int i = 0; i < w->channels; i++)
        if (t->weight[i] != 1)
            return false;
    (void)net;
    for (int a = 0; a < 2; a++)
        if (w->stride[a] != 1 || w->before[a] != 0 || w->at[a + 1] != 0 || w->spread[a] != 1 ||
            w->block[a + 1] != shape[a + 1] || w->view[a] != shape[a + 1])
            return false;
    return true;
}

static bool can_relay_all(const struct network *net, const struct affine *s)
{
    int covered = 0;
    for (int i = 0; i < s->term_count; i++) {
        const struct wiring *w = &s->term[i].wiring;
        if (!can_relay(net, &s->term[i], s->shape))
            return false;
        for (int j = 0; j < i; j++) {
            const struct wiring *v = &s->term[j].wiring;
            if (w->at[0] < v->at[0] + v->block[0] && v->at[0] < w->at[0] + w->block[0])
                return false;
        }
        covered += w->block[0];
    }
    const float *offset = s->offset.data;
    for (int64_t j = 0; j < s->offset.count; j++)
        if (offset[j] != 0)
            return false;
    return covered == s->shape[0];
}

static int add_relay(struct lowering *l, const struct node *n, const struct projection *t,
                     const struct window *w, struct affine *out, int part)
{
    char name[256];
    snprintf(name, sizeof name, part ? "%.200s.%d" : "%.200s", n->name, part);
    int shape[3] = {t->wiring.block[0], w->out[0], w->out[1]}, index;
    int status = add_population(l->network, AF_MAXPOOL, name, shape, &index);
    if (status)
        return status;
    struct population *p = &l->network->population[index];
    p->projection = calloc(1, sizeof *p->projection);
    if (!p->projection)
        return af_fail(AF_NO_MEMORY, "no memory");
    status = wiring_copy(&p->projection->wiring, &t->wiring);
    if (status)
        return status;
    p->projection_count = 1;
    struct wiring *v = &p->projection->wiring;
    v->at[0] = 0;
    for (int a = 0; a < 2; a++) {
        v->kernel[a] = w->kernel[a];
        v->stride[a] = w->stride[a];
        v->dilation[a] = w->dilation[a];
        v->before[a] = w->before[a];
        v->block[a + 1] = w->out[a];
    }
    return affine_add_identity(out, index, shape, t->wiring.at[0]);
}

static int lower_maximum(struct lowering *l, const struct node *n, const struct window *w,
                         struct affine *in, struct affine *out)
{
    int status = AF_OK;
    if (n->output_count > 1 && n->output[1] >= 0 && l->uses[n->output[1]])
        return af_fail(AF_UNSUPPORTED, "its indices are used");
    /* The ReLU and the maximum commute, and bursts are cheaper before the relay than signed ones;
     * but others may read what comes in. */
    if (!can_relay_all(l->network, in)) {
        bool relu = l->uses[n->input[0]] == 1 && feeds_relu_alone(l, n->output[0]);
        status = populate(l, in, relu ? AF_RELU : AF_LINEAR, INFINITY, n->name);
    }
    out->shape[0] = in->shape[0];
    out->shape[1] = w->out[0];
    out->shape[2] = w->out[1];
    for (int i = 0; !status && i < in->term_count; i++)
        status = add_relay(l, n, &in->term[i], w, out, i);
    for (int64_t i = 0; !status && i < out->offset.count; i++)
        ((float *)out->offset.data)[i] = 0;
    return status;
}

/* Where a map lies in one that was padded by less than any value is, which no maximum takes
 * (exporters write MaxPool's own padding so): rows and columns from first to before last. */
static bool find_inside(const struct affine *s, int64_t first[2], int64_t last[2])
{
    const struct tensor *t = &s->offset;
    const float *offset = t->data;
    const bool far = s->index && t->rank == 4;
    bool any = false, good = far;
    first[0] = first[1] = INT64_MAX;
    last[0] = last[1] = 0;
    for (int64_t j = 0; far && j < t->count; j++) {
        const int64_t at[2] = {j / t->dim[3] % t->dim[2], j % t->dim[3]};
        for (int a = 0; a < 2 && element_of(s, j) >= 0; a++) {
            first[a] = at[a] < first[a] ? at[a] : first[a];
            last[a] = at[a] + 1 > last[a] ? at[a] + 1 : last[a];
        }
    }
    for (int64_t j = 0; good && j < t->count; j++) {
        const int64_t y = j / t->dim[3] % t->dim[2], x = j % t->dim[3];
        const bool inside = y >= first[0] && y < last[0] && x >= first[1] && x < last[1];
        good = inside ? element_of(s, j) >= 0 : element_of(s, j) < 0 && offset[j] <= LESS_THAN_ANY;
        any = any || !inside;
    }
    return good && any;
}

/* Whether every window sees something of what is inside. */
static bool all_reach(const struct window *w, const int64_t first[2], const int64_t last[2])
{
    for (int a = 0; a < 2; a++)
        for (int i = 0; i < w->out[a]; i++) {
            bool reaches = false;
            for (int k = 0; k < w->kernel[a]; k++) {
                const int64_t at =
                    (int64_t)i * w->stride[a] - w->before[a] + (int64_t)k * w->dilation[a];
                reaches = reaches || (at >= first[a] && at < last[a]);
            }
            if (!reaches)
                return false;
        }
    return true;
}

static int take_inside(const struct affine *s, const int64_t first[2], const int64_t last[2],
                       struct affine *inside)
{
    const struct tensor *t = &s->offset;
    const int64_t h = last[0] - first[0], w = last[1] - first[1];
    int status = affine_copy(inside, s);
    tensor_free(&inside->offset);
    if (!status)
        status =
            tensor_make(&inside->offset, DTYPE_F32, 4, (int64_t[]){t->dim[0], t->dim[1], h, w});
    for (int64_t j = 0; !status && j < inside->offset.count; j++) {
        const int64_t map = j / (h * w), y = first[0] + j / w % h, x = first[1] + j % w;
        const int64_t from = (map * t->dim[2] + y) * t->dim[3] + x;
        ((float *)inside->offset.data)[j] = ((const float *)t->data)[from];
        inside->index[j] = s->index[from];
    }
    return status;
}

int lower_max(struct lowering *l, const struct node *n, struct affine *in, struct affine *out)
{
    struct window w;
    int status = AF_OK;
    const bool pool = strcmp(n->op, "MaxPool") == 0;
    int64_t first[2], last[2];
    struct affine inside = {0};
    if (pool)
        status = window_of(n, &in->offset, NULL, &w);
    if (!status && pool && find_inside(in, first, last) && all_reach(&w, first, last)) {
        status = take_inside(in, first, last, &inside);
        for (int a = 0; a < 2; a++)
            w.before[a] += (int)first[a];
        in = &inside;
    }
    if (!status)
        status = settle(l, in, n->name);
    if (!status && strcmp(n->op, "ReduceMax") == 0)
        status = reduced_map(l, n, in, &w);
    else if (!status && !pool)
        w = whole_map(in->shape);
    if (!status)
        status = lower_maximum(l, n, &w, in, out);
    affine_free(&inside);
    return status;
}

int lower_tail(struct lowering *l, const struct node *n, const struct affine *in,
               struct affine *out)
{
    struct affine s;
    int status = affine_copy(&s, in);
    if (status)
        return status;
    tensor_free(&out->offset);
    *out = s;
    out->tail = true;
    out->unshaped |= strcmp(n->op, "ArgMax") == 0;
    return ends_network(n)
               ? network_note(l->network,
                              "%s node '%s' at the end was dropped: the outputs are what it "
                              "would read",
                              n->op, n->name)
               : AF_OK;
}
