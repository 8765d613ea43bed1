#include "onnx/graph.h"

#include "base/error.h"

#include <stdlib.h>
#include <string.h>

void node_free(struct node *n)
{
    for (int i = 0; i < n->attribute_count; i++) {
        struct attribute *a = &n->attribute[i];
        free(a->name);
        free(a->s);
        free(a->ints);
        free(a->floats);
        tensor_free(&a->tensor);
    }
    free(n->attribute);
    free(n->name);
    free(n->op);
    free(n->input);
    free(n->output);
}

bool is_op(const struct node *n, const char *const *names)
{
    for (; *names; names++)
        if (strcmp(n->op, *names) == 0)
            return true;
    return false;
}

void graph_free(struct graph *g)
{
    if (!g)
        return;
    for (int i = 0; i < g->node_count; i++)
        node_free(&g->node[i]);
    for (int i = 0; i < g->value_count; i++) {
        free(g->value[i].name);
        tensor_free(&g->value[i].tensor);
    }
    free(g->node);
    free(g->value);
    free(g->input);
    free(g->output);
    free(g->name);
    free(g);
}

static int set_producers(struct graph *g, const char *name)
{
    for (int i = 0; i < g->value_count; i++)
        g->value[i].producer = -1;
    for (int i = 0; i < g->node_count; i++) {
        const struct node *n = &g->node[i];
        for (int k = 0; k < n->output_count; k++) {
            if (n->output[k] < 0)
                continue;
            struct value *v = &g->value[n->output[k]];
            if (v->producer >= 0 || v->constant)
                return af_fail(AF_BAD_FILE, "%s: value '%.80s' is written twice", name, v->name);
            v->producer = i;
        }
    }
    return AF_OK;
}

static bool is_input(const struct graph *g, int value)
{
    for (int i = 0; i < g->input_count; i++)
        if (g->input[i] == value)
            return true;
    return false;
}

/* Depth-first over producers with an explicit stack: a hostile chain must not use up ours. */
static int visit(const struct graph *g, const char *name, int root, unsigned char *mark, int *order,
                 int *used, int *stack, int *next)
{
    int depth = 0;
    stack[0] = root;
    next[root] = 0;
    mark[root] = 1;
    while (depth >= 0) {
        int at = stack[depth];
        const struct node *n = &g->node[at];
        if (next[at] == n->input_count) {
            mark[at] = 2;
            order[(*used)++] = at;
            depth--;
            continue;
        }
        int v = n->input[next[at]++];
        if (v < 0 || g->value[v].constant)
            continue;
        int p = g->value[v].producer;
        if (p < 0) {
            if (!is_input(g, v))
                return af_fail(AF_BAD_FILE, "%s: node '%.80s' reads '%.80s', which nothing writes",
                               name, n->name, g->value[v].name);
        } else if (mark[p] == 1) {
            return af_fail(AF_BAD_FILE, "%s: the graph has a cycle through node '%.80s'", name,
                           g->node[p].name);
        } else if (mark[p] == 0) {
            mark[p] = 1;
            next[p] = 0;
            stack[++depth] = p;
        }
    }
    return AF_OK;
}

struct tensor *graph_constant(struct graph *g, int value)
{
    if (value >= 0 && g->value[value].constant)
        return &g->value[value].tensor;
    for (int i = 0; value >= 0 && i < g->node_count; i++) {
        const struct node *n = &g->node[i];
        if (!n->op || strcmp(n->op, "Constant") != 0 || n->output_count < 1 ||
            n->output[0] != value)
            continue;
        for (int k = 0; k < n->attribute_count; k++)
            if (n->attribute[k].type == ATTRIBUTE_TENSOR)
                return &n->attribute[k].tensor;
    }
    return NULL;
}

static bool is_read(const struct graph *g, int value)
{
    bool read = false;
    for (int i = 0; i < g->node_count; i++)
        for (int k = 0; k < g->node[i].input_count; k++)
            read = read || g->node[i].input[k] == value;
    return read;
}

int graph_input(const struct graph *g)
{
    int found = g->input_count == 1 ? g->input[0] : -1;
    for (int i = 0, count = 0; g->input_count > 1 && i < g->input_count; i++)
        if (is_read(g, g->input[i]))
            found = count++ ? -1 : g->input[i];
    return found;
}

static bool turns_to_channels_first(const struct node *n)
{
    int64_t perm[4];
    return strcmp(n->op, "Transpose") == 0 && node_ints(n, "perm", perm, 4) == 4 && perm[0] == 0 &&
           perm[1] == 3 && perm[2] == 1 && perm[3] == 2;
}

/* A Reshape of [N,H,W,1] to [N,1,H,W]. */
static bool reshapes_to_channels_first(const struct graph *g, const struct node *n,
                                       const int64_t dim[4])
{
    if (strcmp(n->op, "Reshape") != 0 || n->input_count < 2 || dim[3] != 1)
        return false;
    const struct tensor *to = graph_constant((struct graph *)(uintptr_t)g, n->input[1]);
    return to && to->count == 4 && tensor_get(to, 1) == 1 && tensor_get(to, 2) == (double)dim[1] &&
           tensor_get(to, 3) == (double)dim[2];
}

enum { ARITHMETIC_MOST = 6 };

/* Every reader of the value, or of what arithmetic makes of it, turns it. */
static bool is_turned(const struct graph *g, int value, const int64_t dim[4], int depth)
{
    static const char *const arithmetic[] = {"Identity", "Cast", "Mul", "Div", "Add", "Sub", NULL};
    bool read = false;
    for (int i = 0; i < g->node_count; i++)
        for (int k = 0; k < g->node[i].input_count; k++) {
            const struct node *n = &g->node[i];
            if (n->input[k] != value)
                continue;
            read = true;
            if (!turns_to_channels_first(n) && !reshapes_to_channels_first(g, n, dim) &&
                !(is_op(n, arithmetic) && n->output_count == 1 && depth < ARITHMETIC_MOST &&
                  is_turned(g, n->output[0], dim, depth + 1)))
                return false;
        }
    return read;
}

bool graph_channels_last(const struct graph *g)
{
    const int input = graph_input(g);
    return input >= 0 && g->value[input].rank == 4 && is_turned(g, input, g->value[input].dim, 0);
}

int graph_sort(struct graph *g, const char *name)
{
    int status = set_producers(g, name);
    size_t n = (size_t)g->node_count + 1;
    unsigned char *mark = calloc(n, 1);
    int *order = malloc(n * sizeof *order), *stack = malloc(n * sizeof *stack);
    int *next = malloc(n * sizeof *next);
    struct node *sorted = malloc(n * sizeof *sorted);
    if (!status && (!mark || !order || !stack || !next || !sorted))
        status = af_fail(AF_NO_MEMORY, "%s: no memory for %d nodes", name, g->node_count);
    int used = 0;
    for (int i = 0; !status && i < g->node_count; i++)
        if (mark[i] == 0)
            status = visit(g, name, i, mark, order, &used, stack, next);
    if (!status && g->node_count) {
        for (int i = 0; i < g->node_count; i++)
            sorted[i] = g->node[order[i]];
        memcpy(g->node, sorted, (size_t)g->node_count * sizeof *sorted);
        status = set_producers(g, name);
    }
    free(mark);
    free(order);
    free(stack);
    free(next);
    free(sorted);
    return status;
}

const struct attribute *node_attribute(const struct node *n, const char *name)
{
    for (int i = 0; i < n->attribute_count; i++)
        if (strcmp(n->attribute[i].name, name) == 0)
            return &n->attribute[i];
    return NULL;
}

int64_t node_int(const struct node *n, const char *name, int64_t otherwise)
{
    const struct attribute *a = node_attribute(n, name);
    return a && a->type == ATTRIBUTE_INT ? a->i : otherwise;
}

float node_float(const struct node *n, const char *name, float otherwise)
{
    const struct attribute *a = node_attribute(n, name);
    return a && a->type == ATTRIBUTE_FLOAT ? a->f : otherwise;
}

const char *node_string(const struct node *n, const char *name, const char *otherwise)
{
    const struct attribute *a = node_attribute(n, name);
    return a && a->type == ATTRIBUTE_STRING ? a->s : otherwise;
}

int node_ints(const struct node *n, const char *name, int64_t *ints, int most)
{
    const struct attribute *a = node_attribute(n, name);
    if (!a || a->type != ATTRIBUTE_INTS)
        return 0;
    for (int i = 0; i < a->count && i < most; i++)
        ints[i] = a->ints[i];
    return a->count;
}
