#include "network/lowering.h"

#include "base/error.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- Nodes --------------------------------------------------------------------------------- */

bool moves_data(const struct node *n)
{
    static const char *const names[] = {
        "Identity",  "Dropout",   "Reshape",      "Flatten",      "Squeeze", "Slice",
        "Unsqueeze", "Transpose", "Gather",       "Pad",          "Split",   "Resize",
        "Upsample",  "Expand",    "DepthToSpace", "SpaceToDepth", NULL};
    return is_op(n, names);
}

bool keeps_order(const struct node *n)
{
    static const char *const names[] = {"Identity", "Dropout",   "Reshape", "Flatten",
                                        "Squeeze",  "Unsqueeze", NULL};
    return is_op(n, names);
}

bool ends_network(const struct node *n)
{
    static const char *const names[] = {"Softmax", "LogSoftmax", "Sigmoid", "ArgMax", NULL};
    return is_op(n, names);
}

struct affine *input_of(const struct lowering *l, const struct node *n, int k)
{
    return k < n->input_count && n->input[k] >= 0 ? &l->value[n->input[k]] : NULL;
}

bool is_live(const struct affine *s)
{
    return s && s->term_count > 0;
}

/* ---- Populations --------------------------------------------------------------------------- */

int add_population(struct network *net, enum af_kind kind, const char *name, const int shape[3],
                   int *index)
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

int64_t element_of(const struct affine *s, int64_t j)
{
    const int64_t n = (int64_t)s->shape[0] * s->shape[1] * s->shape[2];
    const int64_t at = s->index ? s->index[j] : j;
    return at < n ? at : -1;
}

int physical_bias(const struct affine *s, float **bias)
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

bool is_bias_alone(const struct affine *s)
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
int populate(struct lowering *l, struct affine *s, enum af_kind kind, float ceiling,
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
int populate_linear(struct lowering *l, struct affine *s, const char *name)
{
    return populate(l, s, AF_LINEAR, INFINITY, name);
}

typedef int settle_fn(struct affine *s);

static int settle_by(settle_fn *how, struct lowering *l, struct affine *s, const char *name)
{
    int status = how(s);
    if (status == 1) {
        status = populate_linear(l, s, name);
        if (!status)
            status = how(s);
        if (status == 1)
            status = af_fail(AF_UNSUPPORTED, "the movement of its input cannot be a projection");
    }
    return status;
}

/* The elements of one position of the settled map, each taken from where it stands. */
static int take_position(const struct affine *s, const int to[3], int y, int x, float *weight,
                         struct affine *out)
{
    const int64_t n = s->offset.count, area = (int64_t)to[1] * to[2];
    const int before = out->term_count;
    int status = AF_OK;
    memset(weight, 0, (size_t)(to[0] * n) * sizeof *weight);
    for (int c = 0; c < to[0]; c++)
        weight[c * n + c * area + y * to[2] + x] = 1;
    for (int i = 0; !status && i < s->term_count; i++)
        status = term_dense(&s->term[i], s, weight, to[0], out);
    for (int i = before; i < out->term_count; i++) {
        out->term[i].wiring.at[1] = y;
        out->term[i].wiring.at[2] = x;
    }
    return status;
}

/* Any order at all, of few elements: a dense projection into each position. */
static int settle_by_elements(struct lowering *l, struct affine *s, const char *name)
{
    enum { POSITIONS_MOST = 256, WEIGHTS_TAKEN = 1 << 22 };
    const struct tensor *t = &s->offset;
    const int64_t n = t->count, neurons = (int64_t)s->shape[0] * s->shape[1] * s->shape[2];
    const int to[3] = {(int)t->dim[1], t->rank > 3 ? (int)t->dim[2] : 1,
                       t->rank > 2 ? (int)t->dim[t->rank - 1] : 1};
    struct affine out = {0};
    if (t->rank < 2 || t->rank > 4 || t->dim[0] != 1 || n < 1 || to[1] * to[2] > POSITIONS_MOST ||
        n * neurons > WEIGHTS_TAKEN)
        return AF_UNSUPPORTED; /* as affine_settle has said */
    int status = populate_linear(l, s, name);
    float *weight = malloc((size_t)(to[0] * n) * sizeof *weight);
    if (!status && !weight)
        status = af_fail(AF_NO_MEMORY, "no memory");
    for (int p = 0; !status && p < to[1] * to[2]; p++)
        status = take_position(s, to, p / to[2], p % to[2], weight, &out);
    free(weight);
    if (!status) {
        struct tensor offset = s->offset;
        s->offset = (struct tensor){0};
        affine_free(s);
        *s = out;
        s->offset = offset;
        memcpy(s->shape, to, sizeof to);
    } else {
        affine_free(&out);
    }
    return status;
}

int settle(struct lowering *l, struct affine *s, const char *name)
{
    const int status = settle_by(affine_settle_in_pieces, l, s, name);
    return status == AF_UNSUPPORTED && !s->tail ? settle_by_elements(l, s, name) : status;
}

int settle_to_fire(struct lowering *l, struct affine *s, const char *name)
{
    const int status = s->index ? settle(l, s, name) : AF_OK;
    return status == AF_UNSUPPORTED && is_bias_alone(s) ? AF_OK : status;
}

int settle_if_possible(struct lowering *l, struct affine *s, const char *name)
{
    const int status = settle_by(affine_settle, l, s, name);
    return status == AF_UNSUPPORTED ? AF_OK : status;
}

bool never_negative(const struct network *net, const struct affine *s)
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

bool feeds_relu_alone(const struct lowering *l, int value)
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
