/* From the graph to populations and projections, node by node, as affine functions (affine.h). */
#include "base/error.h"
#include "network/affine.h"
#include "network/stage.h"
#include "onnx/operator.h"
#include "onnx/window.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LESS_THAN_ANY (-1e4F)  /* what exporters pad a maximum with is below it */
enum { TAKEN_MOST = 1 << 22 }; /* weights of elements that are taken one by one */

struct lowering {
    const struct graph *graph;
    struct network *network;
    struct affine *value; /* [value_count]; empty until lowered */
    int *uses;            /* [value_count] needed nodes and outputs that read it, Shape left out */
    bool *needed;         /* [node_count] */
};

/* ---- Small helpers ------------------------------------------------------------------------- */

static bool is_op(const struct node *n, const char *const *names)
{
    for (; *names; names++)
        if (strcmp(n->op, *names) == 0)
            return true;
    return false;
}

static bool reads_shape_alone(const struct node *n)
{
    static const char *const names[] = {"Shape", "Size", NULL};
    return is_op(n, names);
}

static bool moves_data(const struct node *n)
{
    static const char *const names[] = {"Identity", "Dropout",   "Reshape",   "Flatten", "Squeeze",
                                        "Slice",    "Unsqueeze", "Transpose", "Gather",  "Pad",
                                        "Split",    "Resize",    "Upsample",  "Expand",  NULL};
    return is_op(n, names);
}

static bool keeps_order(const struct node *n)
{
    static const char *const names[] = {"Identity", "Dropout",   "Reshape", "Flatten",
                                        "Squeeze",  "Unsqueeze", NULL};
    return is_op(n, names);
}

static bool ends_network(const struct node *n)
{
    static const char *const names[] = {"Softmax", "LogSoftmax", "Sigmoid", "ArgMax", NULL};
    return is_op(n, names);
}

static struct affine *input_of(const struct lowering *l, const struct node *n, int k)
{
    return k < n->input_count && n->input[k] >= 0 ? &l->value[n->input[k]] : NULL;
}

static bool is_live(const struct affine *s)
{
    return s && s->term_count > 0;
}

/* ---- Populations --------------------------------------------------------------------------- */

static int add_population(struct network *net, enum af_kind kind, const char *name,
                          const int shape[3], int *index)
{
    if (net->population_count == net->room) {
        int room = net->room ? net->room * 2 : 32;
        struct population *grown = realloc(net->population, (size_t)room * sizeof *grown);
        if (!grown)
            return af_fail(AF_NO_MEMORY, "no memory for %d populations", room);
        net->population = grown;
        net->room = room;
    }
    struct population *p = &net->population[net->population_count];
    *p = (struct population){.kind = kind, .ceiling = INFINITY};
    memcpy(p->shape, shape, sizeof p->shape);
    p->name = strdup(name);
    if (!p->name)
        return af_fail(AF_NO_MEMORY, "no memory");
    *index = net->population_count++;
    return AF_OK;
}

/* The physical element of a logical one; -1: it has none, it is constant. */
static int64_t element_of(const struct affine *s, int64_t j)
{
    const int64_t n = (int64_t)s->shape[0] * s->shape[1] * s->shape[2];
    const int64_t at = s->index ? s->index[j] : j;
    return at < n ? at : -1;
}

/* The bias of a population in its physical layout. */
static int physical_bias(const struct affine *s, float **bias)
{
    int64_t n = (int64_t)s->shape[0] * s->shape[1] * s->shape[2];
    *bias = calloc((size_t)n, sizeof **bias);
    if (!*bias)
        return af_fail(AF_NO_MEMORY, "no memory for %lld neurons", (long long)n);
    const float *offset = s->offset.data;
    for (int64_t j = 0; j < s->offset.count; j++)
        if (element_of(s, j) >= 0)
            (*bias)[element_of(s, j)] = offset[j];
    return AF_OK;
}

/* What the population's bias does not say stays an offset: elements that are in no neuron (what a
 * Pad fills in), and of those that share a neuron what tells them apart. */
static void take_bias(struct affine *s, const float *bias)
{
    float *offset = s->offset.data;
    for (int64_t j = 0; j < s->offset.count; j++)
        if (element_of(s, j) >= 0)
            offset[j] -= bias[element_of(s, j)];
}

/* Whether neurons with biases say all of the value but its constant elements. */
static bool is_bias_alone(const struct affine *s)
{
    float *bias;
    if (physical_bias(s, &bias))
        return false;
    bool good = true;
    for (int64_t j = 0; j < s->offset.count; j++)
        good = good &&
               (element_of(s, j) < 0 || ((float *)s->offset.data)[j] == bias[element_of(s, j)]);
    free(bias);
    return good;
}

/* A 1 x 1 convolution that gives each output channel at most one input channel is a shortcut in
 * disguise: it becomes channelwise over the channels that have a weight at all. */
static int thin_out(struct projection *t)
{
    struct wiring *w = &t->wiring;
    if (w->groups != 1 || w->channels == 1 || w->kernel[0] != 1 || w->kernel[1] != 1)
        return AF_OK;
    int low = -1, high = -1;
    for (int o = 0; o < w->block[0]; o++) {
        int used = 0;
        for (int j = 0; j < w->channels; j++)
            used += t->weight[(int64_t)o * w->channels + j] != 0;
        if (used > 1)
            return AF_OK;
        if (used) {
            low = low < 0 ? o : low;
            high = o;
        }
    }
    if (low < 0)
        return AF_OK;
    int n = high - low + 1;
    int32_t *map = calloc((size_t)n, sizeof *map);
    float *weight = calloc((size_t)n, sizeof *weight);
    if (!map || !weight) {
        free(map);
        free(weight);
        return af_fail(AF_NO_MEMORY, "no memory");
    }
    for (int o = 0; o < n; o++)
        for (int j = 0; j < w->channels; j++)
            if (t->weight[(int64_t)(low + o) * w->channels + j] != 0) {
                map[o] = w->map[j];
                weight[o] = t->weight[(int64_t)(low + o) * w->channels + j];
            }
    free(w->map);
    free(t->weight);
    w->map = map;
    t->weight = weight;
    w->channels = w->groups = w->block[0] = n;
    w->at[0] += low;
    return AF_OK;
}

/* The value becomes a population of its own; *s is then that population as it is. */
static int populate(struct lowering *l, struct affine *s, enum af_kind kind, float ceiling,
                    const char *name)
{
    int index, status = add_population(l->network, kind, name, s->shape, &index);
    if (status)
        return status;
    struct population *p = &l->network->population[index];
    p->ceiling = ceiling;
    for (int i = 0; !status && i < s->term_count; i++)
        status = thin_out(&s->term[i]);
    p->projection = s->term;
    p->projection_count = s->term_count;
    s->term = NULL;
    s->term_count = 0;
    if (!status)
        status = physical_bias(s, &p->bias);
    if (!status)
        status = affine_add_identity(s, index, s->shape, 0);
    if (!status)
        take_bias(s, p->bias);
    return status;
}

/* A value without a ReLU that has to be sent on becomes a linear population: signed bursts without
 * a limit from what was sent before, so that its mean output is the value, be it negative. */
static int populate_linear(struct lowering *l, struct affine *s, const char *name)
{
    return populate(l, s, AF_LINEAR, INFINITY, name);
}

static int settle(struct lowering *l, struct affine *s, const char *name)
{
    int status = affine_settle(s);
    if (status == 1) {
        status = populate_linear(l, s, name);
        if (!status)
            status = affine_settle(s);
        if (status == 1)
            status = af_fail(AF_UNSUPPORTED, "the movement of its input cannot be a projection");
    }
    return status;
}

/* The same where an operator works on each element alone, which does not need it. */
static int settle_if_possible(struct lowering *l, struct affine *s, const char *name)
{
    const int status = settle(l, s, name);
    return status == AF_UNSUPPORTED ? AF_OK : status;
}

static bool never_negative(const struct network *net, const struct affine *s)
{
    for (int i = 0; i < s->term_count; i++) {
        const struct projection *t = &s->term[i];
        const struct population *p = &net->population[t->wiring.source];
        while (p->kind == AF_MAXPOOL)
            p = &net->population[p->projection[0].wiring.source];
        if (p->kind != AF_RELU)
            return false;
        for (int64_t k = 0; k < wiring_weights(&t->wiring); k++)
            if (t->weight[k] < 0)
                return false;
    }
    const float *offset = s->offset.data;
    for (int64_t j = 0; j < s->offset.count; j++)
        if (offset[j] < 0)
            return false;
    return true;
}

/* Every reader of the node's first output is a ReLU (through Identity and Dropout). */
static bool feeds_relu_alone(const struct lowering *l, int value)
{
    int relus = 0;
    for (int i = 0; i < l->graph->output_count; i++)
        if (l->graph->output[i] == value)
            return false;
    for (int i = 0; i < l->graph->node_count; i++) {
        const struct node *n = &l->graph->node[i];
        for (int k = 0; l->needed[i] && k < n->input_count; k++) {
            if (n->input[k] != value)
                continue;
            if (strcmp(n->op, "Relu") == 0)
                relus++;
            else if (strcmp(n->op, "Identity") != 0 || !feeds_relu_alone(l, n->output[0]))
                return false;
            else
                relus++;
        }
    }
    return relus > 0;
}

/* ---- Linear operators ---------------------------------------------------------------------- */

/* An empty value with the output's offset (moved here), for terms to be added. */
static void begin_output(struct affine *out, struct tensor *offset)
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
        for (int i = 0; i < out->term_count; i++) {
            wiring_free(&out->term[i].wiring);
            free(out->term[i].weight);
        }
        free(out->term);
        out->term = NULL;
        out->term_count = 0;
        status = populate_linear(l, in, name);
        if (status)
            return status;
    }
}

struct conv_context {
    const float *kernel;
    int channels, groups;
    struct window window;
};

static int compose_conv(const struct projection *t, const struct affine *in, const void *context,
                        struct affine *out)
{
    const struct conv_context *c = context;
    return term_convolve(t, in->shape, c->kernel, c->channels, c->groups, &c->window, out);
}

static int lower_conv(struct lowering *l, const struct node *n, struct affine *in,
                      struct affine *out)
{
    const struct affine *kernel = input_of(l, n, 1);
    if (!kernel || is_live(kernel) || is_live(input_of(l, n, 2)))
        return af_fail(AF_UNSUPPORTED, "its weights are not constant");
    struct conv_context c = {.kernel = kernel->offset.data,
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
static int take_elements(struct lowering *l, struct affine *in, const char *name,
                         const float *factor, struct affine *out)
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

static int lower_dense(struct lowering *l, const struct node *n, struct affine *in,
                       struct affine *out)
{
    const struct affine *b = input_of(l, n, 1), *c = input_of(l, n, 2);
    bool gemm = strcmp(n->op, "Gemm") == 0;
    if (!b || is_live(b) || is_live(c))
        return af_fail(AF_UNSUPPORTED, "multiplies two values; only constant weights can be");
    const struct tensor *w = &b->offset;
    int64_t elements = in->offset.count;
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

static struct window whole_map(const int shape[3])
{
    return (struct window){{shape[1], shape[2]}, {1, 1}, {1, 1}, {0, 0}, {0, 0}, {1, 1}};
}

/* ReduceMean over all spatial axes is a global average. */
static int check_reduce_mean(struct lowering *l, const struct node *n, const struct affine *in)
{
    int64_t axes[TENSOR_MAX_RANK];
    const struct affine *given = input_of(l, n, 1);
    int count = node_ints(n, "axes", axes, TENSOR_MAX_RANK), rank = in->offset.rank;
    if (given)
        return af_fail(AF_UNSUPPORTED, "axes as an input");
    unsigned seen = 0;
    for (int i = 0; i < count && i < TENSOR_MAX_RANK; i++)
        seen |= 1u << (axes[i] < 0 ? axes[i] + rank : axes[i]);
    if (rank < 3 || seen != (1u << rank) - 4)
        return af_fail(AF_UNSUPPORTED, "only the mean over all spatial axes can be converted");
    return AF_OK;
}

static int lower_average(struct lowering *l, const struct node *n, struct affine *in,
                         struct affine *out)
{
    int status = settle(l, in, n->name);
    struct pool_context p = {.include_pad = node_int(n, "count_include_pad", 0) != 0};
    if (!status && strcmp(n->op, "AveragePool") == 0)
        status = window_of(n, &in->offset, NULL, &p.window);
    else if (!status && strcmp(n->op, "ReduceMean") == 0)
        status = check_reduce_mean(l, n, in);
    if (status)
        return status;
    if (strcmp(n->op, "AveragePool") != 0)
        p.window = whole_map(in->shape);
    out->shape[0] = in->shape[0];
    out->shape[1] = p.window.out[0];
    out->shape[2] = p.window.out[1];
    return compose_terms(l, in, n->name, compose_average, &p, out);
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

static int lower_batch_norm(struct lowering *l, const struct node *n, struct affine *in,
                            struct affine *out)
{
    int status = settle_if_possible(l, in, n->name);
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
static int lower_scale(struct lowering *l, const struct node *n, int live, struct affine *out)
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

/* a + b, a - b, of two values or of one and a constant. */
static int lower_sum(struct lowering *l, const struct node *n, struct affine *out)
{
    int status = AF_OK;
    const struct tensor *shape = &out->offset;
    const struct affine *a = input_of(l, n, 0), *b = input_of(l, n, 1);
    const bool stays = !is_live(a) || !is_live(b) || same_movement(a, b); /* as it was moved */
    for (int k = 0; !status && k < 2; k++) {
        struct affine *s = input_of(l, n, k);
        if (!is_live(s))
            continue;
        status = stays ? AF_OK : settle(l, s, n->name);
        if (!status && (s->offset.count != shape->count || s->offset.rank != shape->rank))
            status = af_fail(AF_UNSUPPORTED, "one operand is widened to the other's shape");
        struct affine part;
        if (!status)
            status = affine_copy(&part, s);
        if (status)
            break;
        memcpy(out->shape, s->shape, sizeof out->shape);
        for (int i = 0; k == 1 && strcmp(n->op, "Sub") == 0 && i < part.term_count; i++)
            for (int64_t w = 0; w < wiring_weights(&part.term[i].wiring); w++)
                part.term[i].weight[w] = -part.term[i].weight[w];
        for (int i = 0; !status && i < part.term_count; i++)
            status = affine_add(out, &part.term[i]);
        if (!status && !out->index)
            status = affine_copy_index(out, s);
        affine_free(&part);
    }
    return status;
}

static int lower_concat(struct lowering *l, const struct node *n, struct affine *out)
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
static bool is_list(const struct lowering *l, const struct node *n, const struct affine *out)
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

static int join_list(struct lowering *l, const struct node *n, struct affine *out)
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
static int lower_move(struct lowering *l, const struct node *n, const struct affine *in,
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
    if (pad && copy.input_count > 2)
        copy.input_count = 2;
    if (!status)
        status = tensor_make(&numbers, DTYPE_I32, in->offset.rank, in->offset.dim);
    for (int64_t j = 0; !status && j < numbers.count; j++)
        ((int32_t *)numbers.data)[j] = (int32_t)(j + 1);
    for (int i = 1; !status && i < copy.input_count; i++) {
        const struct affine *s = input_of(l, n, i);
        if (is_live(s))
            status = af_fail(AF_UNSUPPORTED, "what it moves depends on the data");
        args[i] = s ? &s->offset : NULL;
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

/* ---- Nonlinear operators ------------------------------------------------------------------- */

static int lower_relu(struct lowering *l, const struct node *n, struct affine *in,
                      struct affine *out)
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
    int status = AF_OK;
    struct affine s;
    if (in->index)
        status = settle(l, in, n->name);
    if (status == AF_UNSUPPORTED && is_bias_alone(in))
        status = AF_OK; /* neurons fire as they are, and are moved afterwards */
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
        if (w->stride[a] != 1 || w->before[a] != 0 || w->at[a + 1] != 0 ||
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

static int lower_max(struct lowering *l, const struct node *n, struct affine *in,
                     struct affine *out)
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
    if (!status && !pool)
        w = whole_map(in->shape);
    if (!status)
        status = lower_maximum(l, n, &w, in, out);
    affine_free(&inside);
    return status;
}

static int lower_tail(struct lowering *l, const struct node *n, const struct affine *in,
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

/* ---- Nodes --------------------------------------------------------------------------------- */

static int refuse(const struct node *n)
{
    if (execute_supports(n->op))
        return af_fail(AF_UNSUPPORTED, "cannot be converted where its input depends on the data");
    return af_fail(AF_UNSUPPORTED,
                   "this operator cannot be converted; AdaFire takes networks of convolutions, "
                   "dense layers, ReLU and pooling, so replace it and train again");
}

/* Movements behind an ArgMax go with it; behind a Softmax they still order the outputs. */
static bool is_dropped(const struct node *n, const struct affine *in)
{
    return ends_network(n) || in->unshaped;
}

/* The list behind a Reshape, whose shape `out` has already. */
static int copy_list(const struct affine *in, struct affine *out)
{
    out->joined = in->joined;
    out->tail = true;
    memcpy(out->shape, in->shape, sizeof out->shape);
    return affine_add(out, &in->term[0]);
}

static int lower_live(struct lowering *l, const struct node *n, int live, struct affine *out, int k)
{
    struct affine *in = input_of(l, n, live);
    const char *op = n->op;
    if (strcmp(op, "Concat") == 0 && is_list(l, n, out))
        return join_list(l, n, out);
    if (in->joined && !is_dropped(n, in) && !keeps_order(n))
        return af_fail(AF_UNSUPPORTED, "computes with what was joined from maps of different "
                                       "sizes, which can only end a network");
    if (in->tail && !moves_data(n) && !ends_network(n))
        return af_fail(AF_UNSUPPORTED, "computes with the result of a Softmax, Sigmoid or "
                                       "ArgMax, which can only end a network");
    if (is_dropped(n, in))
        return lower_tail(l, n, in, out);
    if (in->joined)
        return copy_list(in, out);
    out->tail = in->tail;
    if (strcmp(op, "Concat") == 0)
        return lower_concat(l, n, out);
    if (strcmp(op, "Add") == 0 || strcmp(op, "Sub") == 0)
        return lower_sum(l, n, out);
    if (strcmp(op, "Mul") == 0 || strcmp(op, "Div") == 0 || strcmp(op, "Neg") == 0)
        return lower_scale(l, n, live, out);
    if (live != 0)
        return af_fail(AF_UNSUPPORTED, "its input %d depends on the data", live);
    if (moves_data(n))
        return lower_move(l, n, in, out, k);
    if (strcmp(op, "Conv") == 0)
        return lower_conv(l, n, in, out);
    if (strcmp(op, "Gemm") == 0 || strcmp(op, "MatMul") == 0)
        return lower_dense(l, n, in, out);
    if (strcmp(op, "BatchNormalization") == 0)
        return lower_batch_norm(l, n, in, out);
    if (strcmp(op, "AveragePool") == 0 || strcmp(op, "GlobalAveragePool") == 0 ||
        strcmp(op, "ReduceMean") == 0)
        return lower_average(l, n, in, out);
    if (strcmp(op, "Relu") == 0 || strcmp(op, "Clip") == 0)
        return lower_relu(l, n, in, out);
    if (strcmp(op, "MaxPool") == 0 || strcmp(op, "GlobalMaxPool") == 0)
        return lower_max(l, n, in, out);
    return refuse(n);
}

static bool fires(const struct node *n)
{
    static const char *const names[] = {"Relu", "Clip", "MaxPool", "GlobalMaxPool", NULL};
    return is_op(n, names);
}

/* The offset of an input that became a population on the way is that population's bias now, but for
 * what take_bias leaves; so is that of what the node makes of it. */
static int rerun_offset(struct lowering *l, const struct node *n, const struct tensor *const *args,
                        int k, struct affine *out)
{
    struct tensor *outs = calloc((size_t)n->output_count, sizeof *outs);
    if (!outs)
        return af_fail(AF_NO_MEMORY, "no memory");
    int status = execute_node(n, l->graph->opset, args, outs);
    if (!status) {
        tensor_free(&out->offset);
        out->offset = outs[k];
        outs[k] = (struct tensor){0};
    }
    for (int i = 0; i < n->output_count; i++)
        tensor_free(&outs[i]);
    free(outs);
    return status;
}

/* A value with a convolution in it that several nodes read would be computed once for each. */
static int share(struct lowering *l, const struct node *n, int value)
{
    struct affine *s = &l->value[value];
    if (l->uses[value] < 2 || s->tail)
        return AF_OK;
    for (int i = 0; i < s->term_count; i++)
        if (!wiring_is_channelwise(&s->term[i].wiring))
            return populate_linear(l, s, n->name);
    return AF_OK;
}

static int lower_node(struct lowering *l, const struct node *n)
{
    const struct tensor **args = calloc((size_t)n->input_count + 1, sizeof *args);
    struct tensor *outs = calloc((size_t)n->output_count + 1, sizeof *outs);
    int status = args && outs ? AF_OK : af_fail(AF_NO_MEMORY, "no memory"), live = -1;
    for (int k = n->input_count - 1; !status && k >= 0; k--) {
        struct affine *s = input_of(l, n, k);
        args[k] = s ? &s->offset : NULL;
        if (is_live(s))
            live = k;
    }
    bool dropped = live >= 0 && is_dropped(n, input_of(l, n, live));
    bool known = execute_supports(n->op);
    if (!status && !known)
        status = refuse(n);
    else if (!status && !dropped) {
        status = execute_node(n, l->graph->opset, args, outs);
        if (status) {
            free(args);
            free(outs);
            return status; /* it names the node already */
        }
    }
    for (int k = 0; !status && k < n->output_count; k++) {
        int value = n->output[k];
        if (value < 0 || (k > 0 && !l->uses[value]))
            continue;
        struct affine made;
        begin_output(&made, &outs[k]);
        int populations = l->network->population_count;
        if (live >= 0 && !reads_shape_alone(n))
            status = lower_live(l, n, live, &made, k);
        if (!status && !dropped && l->network->population_count != populations && !fires(n))
            status = rerun_offset(l, n, args, k, &made);
        l->value[value] = made;
        if (!status)
            status = share(l, n, value);
    }
    for (int k = 0; outs && k < n->output_count; k++)
        tensor_free(&outs[k]);
    free(args);
    free(outs);
    if (status) {
        char prefix[200];
        snprintf(prefix, sizeof prefix, "%.40s node '%.100s'", n->op, n->name);
        return af_fail_in(status, prefix);
    }
    return AF_OK;
}

/* ---- The whole graph ----------------------------------------------------------------------- */

static void find_needed(struct lowering *l)
{
    const struct graph *g = l->graph;
    for (int i = 0; i < g->output_count; i++)
        l->uses[g->output[i]]++;
    for (int i = g->node_count - 1; i >= 0; i--) {
        const struct node *n = &g->node[i];
        for (int k = 0; k < n->output_count; k++)
            if (n->output[k] >= 0 && l->uses[n->output[k]])
                l->needed[i] = true;
        for (int k = 0; l->needed[i] && k < n->input_count; k++)
            if (n->input[k] >= 0)
                l->uses[n->input[k]]++;
    }
    for (int i = 0; i < g->node_count; i++) /* counted to be needed, but no reader of the data */
        if (l->needed[i] && reads_shape_alone(&g->node[i]) && g->node[i].input_count &&
            g->node[i].input[0] >= 0)
            l->uses[g->node[i].input[0]]--;
}

static int check_weights(const struct graph *g)
{
    for (int i = 0; i < g->value_count; i++) {
        const struct tensor *t = &g->value[i].tensor;
        if (!g->value[i].constant || t->type != DTYPE_F32 || t->count < 2) /* Clip to infinity */
            continue;
        for (int64_t j = 0; j < t->count; j++)
            if (!isfinite(((const float *)t->data)[j]))
                return af_fail(AF_BAD_FILE, "constant '%.80s' holds a value that is not finite",
                               g->value[i].name);
    }
    return AF_OK;
}

/* Folding can divide by the root of a negative variance, or leave the range of float. */
static int check_folded(const struct network *net)
{
    for (int i = 0; i < net->population_count; i++) {
        const struct population *p = &net->population[i];
        bool finite = true;
        int64_t neurons = (int64_t)p->shape[0] * p->shape[1] * p->shape[2];
        for (int64_t j = 0; p->bias && j < neurons; j++)
            finite = finite && isfinite(p->bias[j]);
        for (int k = 0; k < p->projection_count; k++)
            for (int64_t w = 0;
                 p->projection[k].weight && w < wiring_weights(&p->projection[k].wiring); w++)
                finite = finite && isfinite(p->projection[k].weight[w]);
        if (!finite)
            return af_fail(AF_BAD_FILE,
                           "'%.80s': folding BatchNormalization and scales into its weights makes "
                           "a value that is not finite",
                           p->name);
    }
    return AF_OK;
}

static int lower_input(struct lowering *l, const int shape[3], const struct normalisation *n,
                       float unit, const float *zero)
{
    const struct graph *g = l->graph;
    if (g->input_count != 1)
        return af_fail(AF_UNSUPPORTED, "the graph has %d inputs; AdaFire takes one",
                       g->input_count);
    const struct value *v = &g->value[g->input[0]];
    int rank = v->rank > 0 ? v->rank : shape[1] * shape[2] > 1 ? 4 : 2;
    int64_t dim[4] = {1, shape[0], shape[1], shape[2]};
    if (rank == 3)
        dim[2] = shape[2];
    int64_t count = (int64_t)shape[0] * shape[1] * shape[2];
    if (rank < 2 || rank > 4 || (rank == 3 && shape[1] != 1) || (rank == 2 && count != shape[0]))
        return af_fail(AF_UNSUPPORTED, "the input '%.80s' has rank %d, samples are %dx%dx%d",
                       v->name, rank, shape[0], shape[1], shape[2]);
    for (int a = 1; v->rank > 0 && a < rank; a++)
        if (v->dim[a] > 0 && v->dim[a] != dim[a])
            return af_fail(AF_BAD_FILE,
                           "the network's input '%.80s' is %lld along axis %d, the samples are "
                           "%dx%dx%d",
                           v->name, (long long)v->dim[a], a, shape[0], shape[1], shape[2]);
    struct affine *s = &l->value[g->input[0]];
    int index, status = add_population(l->network, AF_INPUT, v->name, shape, &index);
    if (!status)
        status = tensor_make(&s->offset, DTYPE_F32, rank, dim);
    if (!status)
        status = affine_add_identity(s, index, shape, 0);
    if (status)
        return status;
    memcpy(s->shape, shape, sizeof s->shape);
    int64_t area = (int64_t)shape[1] * shape[2];
    for (int c = 0; c < shape[0]; c++) {
        int from = n->bgr && shape[0] == 3 ? 2 - c : c;
        int at = n->count == 1 ? 0 : from;
        s->term[0].wiring.map[c] = from;
        s->term[0].weight[c] = unit * n->scale / n->std[at];
        float rest = (zero[from] * n->scale - n->mean[at]) / n->std[at];
        for (int64_t i = 0; i < area; i++)
            ((float *)s->offset.data)[c * area + i] = rest;
    }
    return AF_OK;
}

/* Whether every neuron is one element, in whatever order. */
static bool is_permutation(const struct affine *s)
{
    const int64_t neurons = (int64_t)s->shape[0] * s->shape[1] * s->shape[2];
    bool *seen = s->offset.count == neurons ? calloc((size_t)neurons, sizeof *seen) : NULL;
    bool good = seen != NULL;
    for (int64_t j = 0; good && j < neurons; j++) {
        const int64_t at = element_of(s, j);
        good = at >= 0 && !seen[at];
        if (good)
            seen[at] = true;
    }
    free(seen);
    return good;
}

/* The same value, whose neurons are its elements in their order. */
static int select_elements(struct lowering *l, struct affine *s, const char *name)
{
    struct affine out = {0};
    int status = take_elements(l, s, name, NULL, &out);
    if (!status)
        status = tensor_copy(&out.offset, &s->offset);
    affine_free(s);
    *s = out;
    return status;
}

/* `rank` and `dim`: of the output as the graph has it. */
static int add_output(struct lowering *l, const struct affine *s, const char *name, int rank,
                      const int64_t *dim)
{
    struct affine out;
    int index, status = affine_copy(&out, s);
    if (status)
        return status;
    bool ordered = out.index && affine_settle(&out) != AF_OK; /* by the host */
    if (ordered && !is_permutation(&out)) {
        char prefix[120];
        snprintf(prefix, sizeof prefix, "the output '%.80s'", name);
        status = select_elements(l, &out, name);
        if (status)
            status = af_fail_in(status, prefix);
        ordered = false;
    }
    if (!status)
        status = add_population(l->network, AF_OUTPUT, name, out.shape, &index);
    if (!status) {
        struct population *p = &l->network->population[index];
        p->projection = out.term;
        p->projection_count = out.term_count;
        out.term = NULL;
        out.term_count = 0;
        p->rank = rank;
        memcpy(p->dim, dim, (size_t)rank * sizeof *dim);
        status = physical_bias(&out, &p->bias);
        if (ordered) {
            p->order = out.index;
            out.index = NULL;
        }
    }
    affine_free(&out);
    return status;
}

/* Every input of the list is an output: [1,N,K] like the whole if its rows are whole, else [1,M].
 */
static int lower_list(struct lowering *l, const struct affine *list, const char *name)
{
    int64_t last = list->offset.rank == 3 ? list->offset.dim[2] : 1;
    int status = AF_OK;
    for (int k = 0; !status && k < list->joined->input_count; k++) {
        const struct affine *s = input_of(l, list->joined, k);
        int64_t count = s->offset.count;
        char text[200];
        snprintf(text, sizeof text, "%.150s[%d]", name, k);
        bool rows = last > 1 && count % last == 0;
        status =
            add_output(l, s, text, rows ? 3 : 2, (int64_t[]){1, rows ? count / last : count, last});
    }
    return status;
}

static int lower_output(struct lowering *l, int value)
{
    const struct graph *g = l->graph;
    const struct affine *s = &l->value[value];
    if (!is_live(s))
        return af_fail(AF_UNSUPPORTED, "the output '%.80s' does not depend on the input",
                       g->value[value].name);
    if (s->joined)
        return lower_list(l, s, g->value[value].name);
    return add_output(l, s, g->value[value].name, s->offset.rank, s->offset.dim);
}

static int lower_graph(struct lowering *l, const int shape[3], const struct normalisation *n,
                       float unit, const float *zero)
{
    const struct graph *g = l->graph;
    find_needed(l);
    int status = AF_OK;
    for (int i = 0; !status && i < g->value_count; i++)
        if (g->value[i].constant)
            status = tensor_copy(&l->value[i].offset, &g->value[i].tensor);
    if (!status)
        status = lower_input(l, shape, n, unit, zero);
    for (int i = 0; !status && i < g->node_count; i++)
        if (l->needed[i])
            status = lower_node(l, &g->node[i]);
    for (int i = 0; !status && i < g->output_count; i++)
        status = lower_output(l, g->output[i]);
    return status ? status : check_folded(l->network);
}

int network_lower(const struct graph *g, const int shape[3], const struct normalisation *n,
                  float unit, const float *zero, struct network **network)
{
    *network = NULL;
    struct lowering l = {.graph = g, .network = calloc(1, sizeof *l.network)};
    l.value = calloc((size_t)g->value_count + 1, sizeof *l.value);
    l.uses = calloc((size_t)g->value_count + 1, sizeof *l.uses);
    l.needed = calloc((size_t)g->node_count + 1, sizeof *l.needed);
    int status = AF_OK;
    if (!l.network || !l.value || !l.uses || !l.needed)
        status = af_fail(AF_NO_MEMORY, "no memory");
    if (!status)
        status = check_weights(g);
    if (!status)
        status = lower_graph(&l, shape, n, unit, zero);
    if (!status)
        status = network_stage_means(l.network);
    for (int i = 0; l.value && i < g->value_count; i++)
        affine_free(&l.value[i]);
    free(l.value);
    free(l.uses);
    free(l.needed);
    if (status)
        network_free(l.network);
    else
        *network = l.network;
    return status;
}
