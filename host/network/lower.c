/* From the graph to populations and projections, node by node, as affine functions (affine.h). */
#include "base/error.h"
#include "network/codes.h"
#include "network/lower_codes.h"
#include "network/lower_linear.h"
#include "network/lower_nonlinear.h"
#include "network/lower_spread.h"
#include "network/obstacle.h"
#include "network/stage.h"
#include "onnx/operator.h"
#include "onnx/quantiser.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool reads_shape_alone(const struct node *n)
{
    static const char *const names[] = {"Shape", "Size", NULL};
    return is_op(n, names);
}

/* ---- Nodes --------------------------------------------------------------------------------- */

static int refuse(const struct node *n)
{
    if (execute_supports(n->op))
        return af_fail(AF_UNSUPPORTED, "cannot be converted where its input depends on the data");
    return obstacle_refuse(n);
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
    if (resizes_by_weights(n))
        return lower_resize(l, n, in, out);
    if (moves_data(n))
        return lower_move(l, n, in, out, k);
    if (strcmp(op, "Conv") == 0)
        return lower_conv(l, n, in, out);
    if (strcmp(op, "ConvTranspose") == 0)
        return lower_conv_transpose(l, n, in, out);
    if (strcmp(op, "Gemm") == 0 || strcmp(op, "MatMul") == 0)
        return lower_dense(l, n, in, out);
    if (strcmp(op, "BatchNormalization") == 0)
        return lower_batch_norm(l, n, in, out);
    if (strcmp(op, "AveragePool") == 0 || strcmp(op, "GlobalAveragePool") == 0 ||
        strcmp(op, "ReduceMean") == 0 || strcmp(op, "ReduceSum") == 0)
        return lower_average(l, n, in, out);
    if (strcmp(op, "Relu") == 0 || strcmp(op, "Clip") == 0)
        return lower_relu(l, n, in, out);
    if (strcmp(op, FAKE_QUANTISE) == 0)
        return lower_quantiser(l, n, in, out);
    if (strcmp(op, "MaxPool") == 0 || strcmp(op, "GlobalMaxPool") == 0 ||
        strcmp(op, "ReduceMax") == 0)
        return lower_max(l, n, in, out);
    return refuse(n);
}

static bool fires(const struct node *n)
{
    static const char *const names[] = {"Relu",      "Clip",        "MaxPool", "GlobalMaxPool",
                                        "ReduceMax", FAKE_QUANTISE, NULL};
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
    const int input = graph_input(g);
    if (input < 0)
        return af_fail(AF_UNSUPPORTED, "the graph has %d inputs; AdaFire takes one",
                       g->input_count);
    const struct value *v = &g->value[input];
    int rank = v->rank > 0 ? v->rank : shape[1] * shape[2] > 1 ? 4 : 2;
    const bool last = graph_channels_last(g);
    int64_t dim[4] = {1, last ? shape[1] : shape[0], last ? shape[2] : shape[1],
                      last ? shape[0] : shape[2]};
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
    struct affine *s = &l->value[input];
    int index, status = add_population(l->network, AF_INPUT, v->name, shape, &index);
    if (!status)
        status = tensor_make(&s->offset, DTYPE_F32, rank, dim);
    if (!status)
        status = affine_add_identity(s, index, shape, 0);
    if (status)
        return status;
    memcpy(s->shape, shape, sizeof s->shape);
    int64_t area = (int64_t)shape[1] * shape[2];
    if (last) {
        s->index = malloc((size_t)count * sizeof *s->index);
        if (!s->index)
            return af_fail(AF_NO_MEMORY, "no memory");
        for (int64_t j = 0; j < count; j++)
            s->index[j] = (int32_t)(j % shape[0] * area + j / shape[0]);
        status = network_note(l->network,
                              "the input '%.80s' has its channels last; samples are taken in "
                              "either order",
                              v->name);
    }
    if (status)
        return status;
    for (int c = 0; c < shape[0]; c++) {
        int from = n->bgr && shape[0] == 3 ? 2 - c : c;
        int at = n->count == 1 ? 0 : from;
        s->term[0].wiring.map[c] = from;
        s->term[0].weight[c] = unit * n->scale / n->std[at];
        float rest = (zero[from] * n->scale - n->mean[at]) / n->std[at];
        for (int64_t i = 0; i < area; i++)
            ((float *)s->offset.data)[last ? i * shape[0] + c : c * area + i] = rest;
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

/* ---- What comes behind a network ----------------------------------------------------------- */

/* Nodes behind a Softmax, Sigmoid or ArgMax that compute no network any more (boxes, masks, counts)
 * are cut off, and what they read are outputs. */
struct cut {
    bool *off;   /* [value_count] made by a node that is cut off */
    int *output; /* [value_count] what stands in their place */
    int output_count, nodes;
    const struct node *first;
};

static bool reads(const struct node *n, const bool *value)
{
    bool found = false;
    for (int k = 0; k < n->input_count; k++)
        found = found || (n->input[k] >= 0 && value[n->input[k]]);
    return found;
}

static bool reads_tail(const struct lowering *l, const struct node *n)
{
    bool tail = false;
    for (int k = 0; k < n->input_count; k++)
        tail = tail || (input_of(l, n, k) && input_of(l, n, k)->tail);
    return tail;
}

static void cut_off(const struct lowering *l, const struct node *n, struct cut *c)
{
    c->first = c->first ? c->first : n;
    c->nodes++;
    for (int k = 0; k < n->output_count; k++)
        if (n->output[k] >= 0)
            c->off[n->output[k]] = true;
    for (int k = 0; k < n->input_count; k++) {
        const struct affine *s = input_of(l, n, k);
        bool known = !s || !s->tail || !is_live(s);
        for (int i = 0; !known && i < c->output_count; i++)
            known = c->output[i] == n->input[k];
        if (!known)
            c->output[c->output_count++] = n->input[k];
    }
}

/* Whether nothing with weights, or that fires, comes from this node on. */
static bool is_behind_all(const struct lowering *l, int node)
{
    static const char *const layers[] = {
        "Conv",        "ConvTranspose",      "Gemm", "MatMul", "Relu", "Clip", "MaxPool",
        "AveragePool", "BatchNormalization", "LSTM", "GRU",    NULL};
    const struct graph *g = l->graph;
    bool *behind = calloc((size_t)g->value_count + 1, sizeof *behind);
    bool none = behind != NULL;
    for (int i = node; none && i < g->node_count; i++) {
        const struct node *n = &g->node[i];
        if (i != node && !reads(n, behind))
            continue;
        none = !is_op(n, layers);
        for (int k = 0; k < n->output_count; k++)
            if (n->output[k] >= 0)
                behind[n->output[k]] = true;
    }
    free(behind);
    return none;
}

static int lower_nodes(struct lowering *l, struct cut *c)
{
    const struct graph *g = l->graph;
    int status = AF_OK;
    for (int i = 0; !status && i < g->node_count; i++) {
        const struct node *n = &g->node[i];
        if (!l->needed[i])
            continue;
        if (reads(n, c->off)) {
            cut_off(l, n, c);
            continue;
        }
        status = lower_node(l, n);
        if (status == AF_UNSUPPORTED && (c->first || reads_tail(l, n)) && is_behind_all(l, i)) {
            cut_off(l, n, c);
            status = AF_OK;
        }
    }
    return status;
}

static int lower_outputs(struct lowering *l, const struct cut *c)
{
    const struct graph *g = l->graph;
    int status = AF_OK;
    bool replaced = false;
    for (int i = 0; !status && i < g->output_count; i++) {
        if (!c->off[g->output[i]]) {
            status = lower_output(l, g->output[i]);
            continue;
        }
        for (int k = 0; !replaced && !status && k < c->output_count; k++)
            status = lower_output(l, c->output[k]);
        replaced = true;
    }
    if (!status && c->first)
        status = network_note(l->network,
                              "what comes behind the network was cut off: %d nodes, the first "
                              "of them %.40s '%.80s'; outputs are what these read",
                              c->nodes, c->first->op, c->first->name);
    return status;
}

static int lower_graph(struct lowering *l, const int shape[3], const struct normalisation *n,
                       float unit, const float *zero)
{
    const struct graph *g = l->graph;
    find_needed(l);
    int status = g->opset <= OPSET_LAST
                     ? AF_OK
                     : network_note(l->network,
                                    "opset %d is newer than %d, the last that this version knows: "
                                    "its operators are taken to mean what they meant then",
                                    g->opset, OPSET_LAST);
    for (int i = 0; !status && i < g->value_count; i++)
        if (g->value[i].constant)
            status = tensor_copy(&l->value[i].offset, &g->value[i].tensor);
    if (!status)
        status = lower_input(l, shape, n, unit, zero);
    struct cut c = {.off = calloc((size_t)g->value_count + 1, sizeof *c.off),
                    .output = calloc((size_t)g->value_count + 1, sizeof *c.output)};
    if (!status && (!c.off || !c.output))
        status = af_fail(AF_NO_MEMORY, "no memory");
    if (!status)
        status = lower_nodes(l, &c);
    if (!status)
        status = lower_outputs(l, &c);
    free(c.off);
    free(c.output);
    return status ? status : check_folded(l->network);
}

/* AF_UNSUPPORTED also where a network is wanted to the code and not all of it is in codes. */
static int lower_whole(struct lowering *l, const int shape[3], const struct normalisation *n,
                       float unit, const float *zero)
{
    int status = check_weights(l->graph);
    if (!status)
        status = lower_graph(l, shape, n, unit, zero);
    if (!status && l->to_the_code)
        return codes_settle(l->network);
    if (status == AF_UNSUPPORTED && !l->to_the_code) {
        char first[1024];
        snprintf(first, sizeof first, "%s", af_error());
        if (!obstacle_find(l))
            status = af_fail(status, "%s", first);
    }
    return status ? status : network_stage_means(l->network);
}

static int lower_once(const struct graph *g, bool to_the_code, const int shape[3],
                      const struct normalisation *n, float unit, const float *zero,
                      struct network **network)
{
    struct lowering l = {.graph = g,
                         .network = calloc(1, sizeof *l.network),
                         .count_low = n->low,
                         .count_high = n->high,
                         .to_the_code = to_the_code};
    l.value = calloc((size_t)g->value_count + 1, sizeof *l.value);
    l.uses = calloc((size_t)g->value_count + 1, sizeof *l.uses);
    l.needed = calloc((size_t)g->node_count + 1, sizeof *l.needed);
    int status = AF_OK;
    if (!l.network || !l.value || !l.uses || !l.needed)
        status = af_fail(AF_NO_MEMORY, "no memory");
    if (!status)
        status = lower_whole(&l, shape, n, unit, zero);
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

int network_lower(const struct graph *g, const int shape[3], const struct normalisation *n,
                  float unit, const float *zero, struct network **network)
{
    *network = NULL;
    int status =
        g->quantisers ? lower_once(g, true, shape, n, unit, zero, network) : AF_UNSUPPORTED;
    if (status != AF_UNSUPPORTED)
        return status;
    char why[512] = "";
    if (g->quantisers)
        snprintf(why, sizeof why, "%s", af_error());
    status = lower_once(g, false, shape, n, unit, zero, network);
    if (!status && g->quantisers)
        status = network_note(*network,
                              "a quantised network, but not to the code (%s): what its %d "
                              "quantisers round, and what those of numbers below 0 cut off, is "
                              "taken as it is before, so that outputs differ by that",
                              why, g->quantisers);
    return status;
}
