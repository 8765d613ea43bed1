#include "network/lower_linear.h"

#include "base/error.h"
#include "onnx/operator.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TAKEN_MOST = 1 << 22 }; /* weights of elements that are taken one by one */

/* ---- Linear operators ---------------------------------------------------------------------- */

/* An empty value with the output's offset (moved here), for terms to be added. */
void begin_output(struct affine *out, struct tensor *offset)
{
    *out = (struct affine){.offset = *offset};
    *offset = (struct tensor){0};
    const struct tensor *t = &out->offset;
    out->shape[0] = t->rank > 1 ? (int)t->dim[1] : 1;
    out->shape[1] = t->rank > 3 ? (int)t->dim[2] : 1;
    out->shape[2] = t->rank > 2 ? (int)t->dim[t->rank - 1] : 1;
}

typedef int compose_fn(const struct projection *t, const struct affine *in, const void *context,
                       struct affine *out);

/* Composes every term; if one cannot be, the whole input becomes a linear population first. */
static int compose_terms(struct lowering *l, struct affine *in, const char *name,
                         compose_fn *compose, const void *context, struct affine *out)
{
    for (int attempt = 0;; attempt++) {
        int status = AF_OK;
        for (int i = 0; !status && i < in->term_count; i++)
            status = compose(&in->term[i], in, context, out);
        if (status != 1)
            return status;
        if (attempt)
            return af_fail(AF_UNSUPPORTED, "this geometry cannot be a projection");
        affine_drop_terms(out);
        status = populate_linear(l, in, name);
        if (status)
            return status;
    }
}

static int compose_conv(const struct projection *t, const struct affine *in, const void *context,
                        struct affine *out)
{
    const struct conv *c = context;
    return term_convolve(t, in->shape, c->kernel, c->channels, c->groups, &c->window, out);
}

int compose_conv_terms(struct lowering *l, struct affine *in, const char *name,
                       const struct conv *conv, struct affine *out)
{
    return compose_terms(l, in, name, compose_conv, conv, out);
}

int lower_conv(struct lowering *l, const struct node *n, struct affine *in, struct affine *out)
{
    const struct affine *kernel = input_of(l, n, 1);
    if (!kernel || is_live(kernel) || is_live(input_of(l, n, 2)))
        return af_fail(AF_UNSUPPORTED, "its weights are not constant");
    struct conv c = {.kernel = kernel->offset.data,
                     .channels = (int)kernel->offset.dim[0],
                     .groups = (int)node_int(n, "group", 1)};
    int status = settle(l, in, n->name);
    if (!status)
        status = window_of(n, &in->offset, kernel->offset.dim + 2, &c.window);
    return status ? status : compose_terms(l, in, n->name, compose_conv, &c, out);
}

struct dense_context {
    float *weight;
    int outputs;
};

static int compose_dense(const struct projection *t, const struct affine *in, const void *context,
                         struct affine *out)
{
    const struct dense_context *d = context;
    return term_dense(t, in, d->weight, d->outputs, out);
}

/* Neurons of their own for the elements, in their order, each times its factor (NULL: 1): a dense
 * projection with one weight for each element that is not constant. */
int take_elements(struct lowering *l, struct affine *in, const char *name, const float *factor,
                  struct affine *out)
{
    const int64_t n = in->offset.count,
                  neurons = (int64_t)in->shape[0] * in->shape[1] * in->shape[2];
    if (n * n > TAKEN_MOST || n * neurons > TAKEN_MOST)
        return af_fail(AF_UNSUPPORTED, "has %lld elements, too many to take them one by one",
                       (long long)n);
    struct dense_context d = {.weight = calloc((size_t)(n * n), sizeof *d.weight),
                              .outputs = (int)n};
    if (!d.weight)
        return af_fail(AF_NO_MEMORY, "no memory for %lld elements", (long long)n);
    for (int64_t j = 0; j < n; j++)
        d.weight[j * n + j] = factor ? factor[j] : 1;
    out->shape[0] = (int)n;
    out->shape[1] = out->shape[2] = 1;
    int status = compose_terms(l, in, name, compose_dense, &d, out);
    free(d.weight);
    return status;
}

/* The terms alone, in another shape: logical element j of it is element from[j] of the value, which
 * is taken over. */
static int terms_in_order(const struct affine *s, int rank, const int64_t *dim, int32_t *from,
                          struct affine *to)
{
    int status = affine_copy(to, s);
    if (!status) {
        tensor_free(&to->offset);
        status = tensor_make(&to->offset, DTYPE_F32, rank, dim);
    }
    for (int64_t j = 0; !status && j < to->offset.count; j++)
        from[j] = s->index ? s->index[from[j]] : from[j];
    free(to->index);
    to->index = from;
    if (status)
        affine_free(to);
    return status;
}

/* [1,A,K] or [1,A,B,K] times [K,N]: a 1 x 1 convolution of the value whose last axis stands for the
 * channels. */
static int dense_along_last(struct lowering *l, const struct node *n, const struct affine *in,
                            const struct tensor *w, struct affine *out)
{
    const struct tensor *t = &in->offset;
    const int inputs = (int)w->dim[0], outputs = (int)w->dim[1];
    const int64_t places = t->count / inputs;
    const int64_t dim[4] = {1, inputs, t->dim[1], t->rank == 4 ? t->dim[2] : 1};
    int32_t *from = calloc((size_t)t->count, sizeof *from);
    int32_t *index = malloc((size_t)(places * outputs) * sizeof *index);
    float *kernel = malloc((size_t)w->count * sizeof *kernel);
    struct affine turned = {0};
    int status = from && index && kernel ? AF_OK : af_fail(AF_NO_MEMORY, "no memory");
    for (int64_t j = 0; !status && j < t->count; j++)
        from[j] = (int32_t)(j % places * inputs + j / places);
    for (int64_t j = 0; !status && j < places * outputs; j++)
        index[j] = (int32_t)(j % outputs * places + j / outputs);
    for (int64_t j = 0; !status && j < w->count; j++)
        kernel[j] = ((const float *)w->data)[j % inputs * outputs + j / inputs];
    if (!status) {
        status = terms_in_order(in, t->rank, t->rank == 4 ? dim : (int64_t[]){1, inputs, places},
                                from, &turned);
        from = NULL;
    }
    if (!status)
        status = settle(l, &turned, n->name);
    const struct conv conv = {
        .kernel = kernel,
        .channels = outputs,
        .groups = 1,
        .window = {{1, 1}, {1, 1}, {1, 1}, {0, 0}, {0, 0}, {turned.shape[1], turned.shape[2]}}};
    if (!status)
        status = compose_conv_terms(l, &turned, n->name, &conv, out);
    out->shape[0] = outputs;
    out->shape[1] = turned.shape[1];
    out->shape[2] = turned.shape[2];
    out->index = index;
    affine_free(&turned);
    free(from);
    free(kernel);
    return status;
}

int lower_dense(struct lowering *l, const struct node *n, struct affine *in, struct affine *out)
{
    const struct affine *b = input_of(l, n, 1), *c = input_of(l, n, 2);
    bool gemm = strcmp(n->op, "Gemm") == 0;
    if (!b || is_live(b) || is_live(c))
        return af_fail(AF_UNSUPPORTED, "multiplies two values; only constant weights can be");
    const struct tensor *w = &b->offset;
    int64_t elements = in->offset.count;
    if (!gemm && w->rank == 2 && in->offset.rank > 2 && in->offset.rank < 5 &&
        in->offset.dim[0] == 1 && elements > 0 && w->count > 0)
        return dense_along_last(l, n, in, w, out);
    if (w->rank != 2 || in->offset.dim[in->offset.rank - 1] != elements || node_int(n, "transA", 0))
        return af_fail(AF_UNSUPPORTED, "is not a dense layer over one flat vector; express it as "
                                       "a 1 x 1 convolution");
    bool rows_are_outputs = gemm && node_int(n, "transB", 0);
    struct dense_context d = {.outputs = (int)w->dim[rows_are_outputs ? 0 : 1]};
    d.weight = malloc((size_t)w->count * sizeof *d.weight + 1);
    if (!d.weight)
        return af_fail(AF_NO_MEMORY, "no memory for %lld weights", (long long)w->count);
    float alpha = gemm ? node_float(n, "alpha", 1) : 1;
    for (int o = 0; o < d.outputs; o++)
        for (int64_t j = 0; j < elements; j++)
            d.weight[o * elements + j] =
                alpha *
                ((const float *)w->data)[rows_are_outputs ? o * elements + j : j * d.outputs + o];
    out->shape[0] = d.outputs;
    out->shape[1] = out->shape[2] = 1;
    int status = compose_terms(l, in, n->name, compose_dense, &d, out);
    free(d.weight);
    return status;
}

struct pool_context {
    struct window window;
    bool include_pad;
};

static int compose_average(const struct projection *t, const struct affine *in, const void *context,
                           struct affine *out)
{
    const struct pool_context *p = context;
    return term_average(t, in->shape, &p->window, p->include_pad, out);
}

struct window whole_map(const int shape[3])
{
    return (struct window){{shape[1], shape[2]}, {1, 1}, {1, 1}, {0, 0}, {0, 0}, {1, 1}};
}

/* The axes of a ReduceMean or ReduceSum as bits; those of channels alone, or of a map. */
static int reduced_axes(struct lowering *l, const struct node *n, const struct affine *in,
                        unsigned *reduced)
{
    int64_t axes[TENSOR_MAX_RANK];
    const struct affine *given = input_of(l, n, 1);
    int count = node_ints(n, "axes", axes, TENSOR_MAX_RANK), rank = in->offset.rank;
    if (is_live(given))
        return af_fail(AF_UNSUPPORTED, "its axes depend on the data");
    for (count = given ? 0 : count; given && count < given->offset.count && count < TENSOR_MAX_RANK;
         count++)
        axes[count] = (int64_t)tensor_get(&given->offset, count);
    unsigned seen = 0;
    for (int i = 0; i < count && i < TENSOR_MAX_RANK; i++)
        seen |= 1u << (axes[i] < 0 ? axes[i] + rank : axes[i]);
    *reduced = seen;
    if (rank < 3 || rank > 4 || (seen != 2 && (!seen || seen & 3)))
        return af_fail(AF_UNSUPPORTED,
                       "only reductions over channels, or over axes of a map, can be converted");
    return AF_OK;
}

/* Over the channels: a 1 x 1 convolution to one. */
static int reduce_channels(struct lowering *l, const struct node *n, struct affine *in,
                           struct affine *out)
{
    const int channels = in->shape[0];
    const float each = strcmp(n->op, "ReduceSum") == 0 ? 1 : 1 / (float)channels;
    float *kernel = malloc((size_t)channels * sizeof *kernel);
    if (!kernel)
        return af_fail(AF_NO_MEMORY, "no memory");
    for (int i = 0; i < channels; i++)
        kernel[i] = each;
    const struct conv conv = {
        .kernel = kernel,
        .channels = 1,
        .groups = 1,
        .window = {{1, 1}, {1, 1}, {1, 1}, {0, 0}, {0, 0}, {in->shape[1], in->shape[2]}}};
    out->shape[0] = 1;
    out->shape[1] = in->shape[1];
    out->shape[2] = in->shape[2];
    int status = compose_conv_terms(l, in, n->name, &conv, out);
    free(kernel);
    return status;
}

/* The window over the axes that are reduced: of a map's width, its height, or both. */
static struct window reduced_window(const struct affine *in, unsigned reduced)
{
    struct window w = whole_map(in->shape);
    const int first =
        in->offset.rank == 4 ? 2 : 1; /* the axis that is the height, if there is one */
    for (int a = 0; a < 2; a++)
        if (!(reduced >> (first + a) & 1) && !(a == 0 && first == 1)) {
            w.kernel[a] = 1;
            w.out[a] = in->shape[a + 1];
        }
    return w;
}

int reduced_map(struct lowering *l, const struct node *n, const struct affine *in, struct window *w)
{
    unsigned reduced = 0;
    int status = reduced_axes(l, n, in, &reduced);
    if (!status && reduced == 2)
        status = af_fail(AF_UNSUPPORTED, "the maximum over channels cannot be converted");
    if (!status)
        *w = reduced_window(in, reduced);
    return status;
}

int lower_average(struct lowering *l, const struct node *n, struct affine *in, struct affine *out)
{
    int status = settle(l, in, n->name);
    unsigned reduced = 0;
    struct pool_context p = {.include_pad = node_int(n, "count_include_pad", 0) != 0};
    if (!status && strcmp(n->op, "AveragePool") == 0)
        status = window_of(n, &in->offset, NULL, &p.window);
    else if (!status && strncmp(n->op, "Reduce", 6) == 0)
        status = reduced_axes(l, n, in, &reduced);
    if (status)
        return status;
    if (reduced == 2)
        return reduce_channels(l, n, in, out);
    if (strcmp(n->op, "AveragePool") != 0)
        p.window = reduced ? reduced_window(in, reduced) : whole_map(in->shape);
    out->shape[0] = in->shape[0];
    out->shape[1] = p.window.out[0];
    out->shape[2] = p.window.out[1];
    status = compose_terms(l, in, n->name, compose_average, &p, out);
    if (!status && strcmp(n->op, "ReduceSum") == 0)
        for (int i = 0; i < out->term_count; i++)
            for (int64_t k = 0; k < wiring_weights(&out->term[i].wiring); k++)
                out->term[i].weight[k] *= (float)(p.window.kernel[0] * p.window.kernel[1]);
    return status;
}

/* The value times what each of its elements is multiplied by, if that is one for each channel of
 * the populations behind it. */
static int scale_channels(const struct affine *in, const float *factor, struct affine *out)
{
    const int64_t area = (int64_t)in->shape[1] * in->shape[2];
    float *each = malloc((size_t)in->shape[0] * sizeof *each);
    int status = each ? AF_OK : af_fail(AF_NO_MEMORY, "no memory");
    for (int c = 0; each && c < in->shape[0]; c++)
        each[c] = NAN;
    for (int64_t j = 0; !status && j < in->offset.count; j++) {
        const int64_t at = element_of(in, j);
        if (at >= 0 && !isnan(each[at / area]) && each[at / area] != factor[j])
            status = af_fail(AF_UNSUPPORTED, "the factor differs within a channel");
        else if (at >= 0)
            each[at / area] = factor[j];
    }
    for (int c = 0; each && c < in->shape[0]; c++)
        each[c] = isnan(each[c]) ? 1 : each[c]; /* nothing is left of it */
    memcpy(out->shape, in->shape, sizeof out->shape);
    for (int i = 0; !status && i < in->term_count; i++)
        status = affine_add(out, &in->term[i]);
    if (!status)
        status = affine_copy_index(out, in);
    if (!status)
        affine_scale(out, each);
    free(each);
    return status;
}

/* The same, element by element where a flat value needs it: a map that was flattened. */
static int scale_into(struct lowering *l, const struct node *n, struct affine *in,
                      const float *factor, struct affine *out)
{
    int status = scale_channels(in, factor, out);
    if (status == AF_UNSUPPORTED && in->offset.rank == 2 && in->offset.dim[0] == 1)
        status = take_elements(l, in, n->name, factor, out);
    return status;
}

int lower_batch_norm(struct lowering *l, const struct node *n, struct affine *in,
                     struct affine *out)
{
    int status = settle_if_possible(l, in, n->name);
    if (status)
        return status;
    if (n->output_count > 1 && node_int(n, "training_mode", 0) == 0)
        status = network_note(l->network,
                              "%s node '%s' was exported in training mode; it runs with its "
                              "stored mean and variance",
                              n->op, n->name);
    if (status)
        return status;
    const float *parameter[5] = {NULL};
    for (int k = 1; k < 5; k++) {
        const struct affine *s = input_of(l, n, k);
        if (!s || is_live(s))
            return af_fail(AF_UNSUPPORTED, "its parameters are not constant");
        parameter[k] = s->offset.data;
    }
    const int64_t count = in->offset.count, channels = in->offset.dim[1];
    float *factor = malloc((size_t)count * sizeof *factor);
    if (!factor)
        return af_fail(AF_NO_MEMORY, "no memory");
    for (int64_t j = 0; j < count; j++) {
        const int64_t c = j / (count / in->offset.dim[0] / channels) % channels;
        factor[j] = parameter[1][c] / sqrtf(parameter[4][c] + node_float(n, "epsilon", 1e-5f));
    }
    status = scale_into(l, n, in, factor, out);
    free(factor);
    return status;
}

/* x * constant, x / constant, -x: what the node makes of ones is the factor, if it is one per
 * channel. */
int lower_scale(struct lowering *l, const struct node *n, int live, struct affine *out)
{
    struct affine *in = input_of(l, n, live);
    if (strcmp(n->op, "Div") == 0 && live == 1)
        return af_fail(AF_UNSUPPORTED, "divides by a value that is not constant");
    if (n->input_count > 1 && is_live(input_of(l, n, !live)))
        return af_fail(AF_UNSUPPORTED, "multiplies two values; only constant factors can be");
    int status = settle_if_possible(l, in, n->name);
    struct tensor ones = {0}, factors = {0};
    if (!status)
        status = tensor_make(&ones, DTYPE_F32, in->offset.rank, in->offset.dim);
    for (int64_t i = 0; !status && i < ones.count; i++)
        ((float *)ones.data)[i] = 1;
    const struct tensor *args[2] = {&ones, &ones};
    if (n->input_count > 1)
        args[!live] = &input_of(l, n, !live)->offset;
    if (!status)
        status = execute_node(n, l->graph->opset, args, &factors);
    if (!status && !tensor_same_shape(&ones, &factors))
        status = af_fail(AF_UNSUPPORTED, "the factor widens its input");
    if (!status)
        status = scale_into(l, n, in, factors.data, out);
    tensor_free(&ones);
    tensor_free(&factors);
    return status;
}

/* Whether their elements are the same neurons of populations of one shape. */
static bool same_movement(const struct affine *a, const struct affine *b)
{
    return a->index && b->index && a->offset.count == b->offset.count &&
           memcmp(a->shape, b->shape, sizeof a->shape) == 0 &&
           memcmp(a->index, b->index, (size_t)a->offset.count * sizeof *a->index) == 0;
}

/* The terms of an operand that is repeated along some axes to be of the sum's shape. */
static int widen(struct lowering *l, const struct node *n, const struct affine *s,
                 const struct tensor *shape, struct affine *part)
{
    const struct tensor *t = &s->offset;
    int64_t stride[TENSOR_MAX_RANK];
    int32_t *from = calloc((size_t)shape->count + 1, sizeof *from);
    if (!from)
        return af_fail(AF_NO_MEMORY, "no memory");
    tensor_strides(t, stride);
    for (int64_t j = 0; j < shape->count; j++) {
        int64_t at = 0, rest = j;
        for (int a = shape->rank - 1, b = t->rank - 1; b >= 0; a--, b--) {
            const int64_t p = rest % shape->dim[a];
            rest /= shape->dim[a];
            at += t->dim[b] == 1 ? 0 : p * stride[b];
        }
        from[j] = (int32_t)at;
    }
    int status = terms_in_order(s, shape->rank, shape->dim, from, part);
    if (!status && (status = settle(l, part, n->name)))
        affine_free(part);
    return status;
}

/* a + b, a - b, of two values or of one and a constant. */
int lower_sum(struct lowering *l, const struct node *n, struct affine *out)
{
    int status = AF_OK;
    const struct tensor *shape = &out->offset;
    const struct affine *a = input_of(l, n, 0), *b = input_of(l, n, 1);
    const bool stays = !is_live(a) || !is_live(b) || same_movement(a, b); /* as it was moved */
    for (int k = 0; !status && k < 2; k++) {
        struct affine *s = input_of(l, n, k);
        if (!is_live(s))
            continue;
        const bool widened = s->offset.count != shape->count || s->offset.rank != shape->rank;
        status = stays || widened ? AF_OK : settle(l, s, n->name);
        struct affine part;
        if (!status)
            status = widened ? widen(l, n, s, shape, &part) : affine_copy(&part, s);
        if (status)
            break;
        memcpy(out->shape, part.shape, sizeof out->shape);
        for (int i = 0; k == 1 && strcmp(n->op, "Sub") == 0 && i < part.term_count; i++)
            for (int64_t w = 0; w < wiring_weights(&part.term[i].wiring); w++)
                part.term[i].weight[w] = -part.term[i].weight[w];
        for (int i = 0; !status && i < part.term_count; i++)
            status = affine_add(out, &part.term[i]);
        if (!status && !out->index && part.index)
            status = affine_copy_index(out, &part);
        affine_free(&part);
    }
    return status;
}

int lower_concat(struct lowering *l, const struct node *n, struct affine *out)
{
    int status = AF_OK, rank = out->offset.rank;
    int axis = normal_axis(node_int(n, "axis", 1), rank), at = 0;
    if (axis < 0)
        return axis;
    /* The axis of the physical layout: channels, height, width. */
    int physical = axis == 1 ? 0 : rank == 4 ? axis - 1 : 2;
    if (axis == 0)
        return af_fail(AF_UNSUPPORTED, "joins along the batch axis");
    for (int k = 0; !status && k < n->input_count; k++) {
        struct affine *s = input_of(l, n, k);
        if (is_live(s))
            status = settle(l, s, n->name);
        for (int i = 0; !status && is_live(s) && i < s->term_count; i++) {
            status = affine_add(out, &s->term[i]);
            if (!status)
                out->term[out->term_count - 1].wiring.at[physical] += at;
        }
        at += (int)s->offset.dim[axis];
    }
    return status;
}

/* Whether the Concat is one of lists of rows [1,N,K] or [1,M], as detectors end with, that no
 * projection can make: from maps of different sizes, or behind a Softmax. Elements of such a list
 * are those of its inputs one after the other, so the inputs can be outputs in its place. */
bool is_list(const struct lowering *l, const struct node *n, const struct affine *out)
{
    int rank = out->offset.rank;
    bool needed = false;
    if (rank > 3 || rank < 2 || out->offset.dim[0] != 1 ||
        normal_axis(node_int(n, "axis", 1), rank) != 1)
        return false;
    for (int k = 0; k < n->input_count; k++) {
        const struct affine *s = input_of(l, n, k);
        struct affine copy;
        if (!is_live(s) || s->joined)
            return false;
        if (affine_copy(&copy, s))
            return false;
        needed = needed || s->tail || (s->index && affine_settle(&copy) < 0);
        affine_free(&copy);
    }
    return needed;
}

int join_list(struct lowering *l, const struct node *n, struct affine *out)
{
    out->joined = n;
    out->tail = true;
    memcpy(out->shape, input_of(l, n, 0)->shape, sizeof out->shape);
    int status = affine_add(out, &input_of(l, n, 0)->term[0]); /* it depends on the data */
    return status ? status
                  : network_note(
                        l->network,
                        "Concat node '%s' at the end was dropped: its %d inputs are outputs, one "
                        "after the other",
                        n->name, n->input_count);
}

/* ---- Movement ------------------------------------------------------------------------------ */

/* Runs the node on element numbers to see where everything goes. */
int lower_move(struct lowering *l, const struct node *n, const struct affine *in,
               struct affine *out, int k)
{
    struct tensor numbers = {0}, *moved = calloc((size_t)n->output_count, sizeof *moved);
    const struct tensor **args = calloc((size_t)n->input_count + 1, sizeof *args);
    struct attribute *attributes = calloc((size_t)n->attribute_count + 1, sizeof *attributes);
    int status = moved && args && attributes ? AF_OK : af_fail(AF_NO_MEMORY, "no memory");
    struct node copy = *n;
    copy.attribute = attributes;
    copy.attribute_count = 0;
    bool pad = strcmp(n->op, "Pad") == 0; /* whose fill value is part of the offset */
    for (int i = 0; !status && i < n->attribute_count; i++)
        if (!pad || strcmp(n->attribute[i].name, "value") != 0)
            attributes[copy.attribute_count++] = n->attribute[i];
    if (!status)
        status = tensor_make(&numbers, DTYPE_I32, in->offset.rank, in->offset.dim);
    for (int64_t j = 0; !status && j < numbers.count; j++)
        ((int32_t *)numbers.data)[j] = (int32_t)(j + 1);
    for (int i = 1; !status && i < copy.input_count; i++) {
        const struct affine *s = input_of(l, n, i);
        if (is_live(s))
            status = af_fail(AF_UNSUPPORTED, "what it moves depends on the data");
        args[i] = s && !(pad && i == 2) ? &s->offset : NULL;
    }
    if (!status) {
        args[0] = &numbers;
        status = execute_node(&copy, l->graph->opset, args, moved);
    }
    int64_t count = status ? 0 : moved[k].count;
    bool same = !status && count == numbers.count;
    int32_t *index = status ? NULL : malloc((size_t)count * sizeof *index + 1);
    if (!status && !index)
        status = af_fail(AF_NO_MEMORY, "no memory");
    for (int64_t j = 0; !status && j < count; j++) {
        int32_t from = ((const int32_t *)moved[k].data)[j] - 1;
        index[j] = from >= 0 && in->index ? in->index[from] : from;
        same = same && index[j] == j;
    }
    memcpy(out->shape, in->shape, sizeof out->shape);
    int64_t neurons = (int64_t)in->shape[0] * in->shape[1] * in->shape[2];
    out->index = same && count == neurons ? NULL : index;
    if (!out->index)
        free(index);
    for (int i = 0; !status && i < in->term_count; i++)
        status = affine_add(out, &in->term[i]);
    tensor_free(&numbers);
    for (int i = 0; moved && i < n->output_count; i++)
        tensor_free(&moved[i]);
    free(moved);
    free(args);
    free(attributes);
    return status;
}
