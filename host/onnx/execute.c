#include "onnx/execute.h"

#include "onnx/operator.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct operator* find_operator(const char *name)
{
    static const struct operator* const tables[] = {
        operators_move,
        operators_math,
        operators_quantise,
        operators_linear
    };
    for (size_t t = 0; t < sizeof tables / sizeof *tables; t++)
        for (const struct operator* op = tables[t]; op->name; op++)
            if (strcmp(op->name, name) == 0)
                return op;
    return NULL;
}

bool execute_supports(const char *op)
{
    return find_operator(op) != NULL;
}

/* BatchNormalization's further outputs are for training; who reads one finds no value there. */
static bool trains_only(const struct node *n)
{
    return strcmp(n->op, "BatchNormalization") == 0;
}

int execute_node(const struct node *n, int opset, const struct tensor *const *in,
                 struct tensor *out)
{
    for (int k = 0; k < n->output_count; k++)
        out[k] = (struct tensor){0};
    const struct operator* op = find_operator(n->op);
    int status = AF_OK;
    if (!op)
        status = af_fail(AF_UNSUPPORTED, "this operator is not supported");
    for (int k = 0; !status && k < op->inputs_least; k++)
        if (k >= n->input_count || !in[k])
            status = af_fail(AF_BAD_FILE, "input %d is missing", k);
    if (!status && n->output_count < 1)
        status = af_fail(AF_BAD_FILE, "has no output");
    if (!status) {
        const struct call c = {n, opset, in, out};
        status = op->run(&c);
    }
    for (int k = 0; !status && k < n->output_count; k++)
        if (n->output[k] >= 0 && !out[k].data && !(k && trains_only(n)))
            status = af_fail(AF_BAD_FILE, "output %d is one that it does not have", k);
    if (status) {
        for (int k = 0; k < n->output_count; k++)
            tensor_free(&out[k]);
        char prefix[200];
        snprintf(prefix, sizeof prefix, "%.40s node '%.100s'", n->op, n->name);
        return af_fail_in(status, prefix);
    }
    return AF_OK;
}

/* ---- Whole graphs -------------------------------------------------------------------------- */

const struct tensor *execution_value(const struct graph *g, const struct execution *x, int value)
{
    if (value < 0)
        return NULL;
    if (g->value[value].constant)
        return &g->value[value].tensor;
    return x->value[value].data ? &x->value[value] : NULL;
}

/* Shape and Size depend on shapes alone, which a conversion fixes. */
static bool node_known(const struct graph *g, const struct execution *x, const struct node *n)
{
    if (strcmp(n->op, "Shape") == 0 || strcmp(n->op, "Size") == 0)
        return true;
    for (int k = 0; k < n->input_count; k++)
        if (n->input[k] >= 0 && !x->known[n->input[k]])
            return false;
    (void)g;
    return true;
}

static int run_node(const struct graph *g, struct execution *x, const struct node *n)
{
    const struct tensor **in = calloc((size_t)n->input_count + 1, sizeof *in);
    struct tensor *out = calloc((size_t)n->output_count + 1, sizeof *out);
    int status = in && out ? AF_OK : af_fail(AF_NO_MEMORY, "no memory");
    for (int k = 0; !status && k < n->input_count; k++)
        in[k] = execution_value(g, x, n->input[k]);
    if (!status)
        status = execute_node(n, g->opset, in, out);
    bool known = node_known(g, x, n);
    for (int k = 0; !status && k < n->output_count; k++) {
        if (n->output[k] < 0 || !out[k].data) {
            tensor_free(&out[k]);
            continue;
        }
        x->value[n->output[k]] = out[k];
        x->known[n->output[k]] = known;
    }
    free(in);
    free(out);
    return status;
}

int graph_execute(const struct graph *g, const struct tensor *inputs, bool keep,
                  struct execution *x)
{
    size_t n = (size_t)g->value_count + 1;
    x->value = calloc(n, sizeof *x->value);
    x->known = calloc(n, sizeof *x->known);
    int *uses = calloc(n, sizeof *uses);
    int status = x->value && x->known && uses ? AF_OK : af_fail(AF_NO_MEMORY, "no memory");
    for (int i = 0; !status && i < g->value_count; i++)
        x->known[i] = g->value[i].constant;
    for (int i = 0; !status && i < g->input_count; i++)
        status = tensor_copy(&x->value[g->input[i]], &inputs[i]);
    for (int i = 0; !status && i < g->node_count; i++)
        for (int k = 0; k < g->node[i].input_count; k++)
            if (g->node[i].input[k] >= 0)
                uses[g->node[i].input[k]]++;
    for (int i = 0; !status && i < g->output_count; i++)
        uses[g->output[i]]++;
    for (int i = 0; !status && i < g->node_count; i++) {
        const struct node *node = &g->node[i];
        status = run_node(g, x, node);
        for (int k = 0; !status && !keep && k < node->input_count; k++)
            if (node->input[k] >= 0 && --uses[node->input[k]] == 0)
                tensor_free(&x->value[node->input[k]]);
    }
    free(uses);
    if (status)
        execution_free(g, x);
    return status;
}

void execution_free(const struct graph *g, struct execution *x)
{
    for (int i = 0; x->value && i < g->value_count; i++)
        tensor_free(&x->value[i]);
    free(x->value);
    free(x->known);
    memset(x, 0, sizeof *x);
}
