#include "network/obstacle.h"

#include "base/error.h"
#include "onnx/execute.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const of_data[] = {"LayerNormalization",
                                      "GroupNormalization",
                                      "InstanceNormalization",
                                      "RMSNormalization",
                                      "LpNormalization",
                                      "MeanVarianceNormalization",
                                      "LRN",
                                      NULL};
static const char *const curves[] = {"Erf",   "Gelu",     "Tanh",     "Elu",  "Selu",
                                     "Celu",  "Softplus", "Softsign", "Mish", "HardSwish",
                                     "Swish", "Exp",      "Log",      NULL};
static const char *const recurrent[] = {"LSTM", "GRU", "RNN", "Scan", "Loop", NULL};
static const char *const attention[] = {"Attention", "MultiHeadAttention", NULL};
/* What normalisations and GELUs are made of where they are no operators of their own. */
static const char *const parts[] = {"Pow", "Sqrt", "Reciprocal", NULL};

int obstacle_refuse(const struct node *n)
{
    if (is_op(n, of_data))
        return af_fail(AF_UNSUPPORTED,
                       "normalises each sample by its own values, which no constant "
                       "weights do; train with BatchNormalization instead");
    if (is_op(n, curves))
        return af_fail(
            AF_UNSUPPORTED,
            "its curve is no sum of ReLUs; train with ReLU instead (or LeakyRelu, PRelu, "
            "Clip, HardSigmoid)");
    if (is_op(n, recurrent))
        return af_fail(AF_UNSUPPORTED, "is recurrent: it computes with its own past");
    if (is_op(n, attention))
        return af_fail(AF_UNSUPPORTED, "multiplies two values; only constant weights can be");
    if (is_op(n, parts))
        return af_fail(
            AF_UNSUPPORTED,
            "is no sum of ReLUs (layer normalisation and GELU are made of it); train with "
            "BatchNormalization and ReLU instead");
    return af_fail(AF_UNSUPPORTED,
                   "this operator cannot be converted; AdaFire takes networks of convolutions, "
                   "dense layers, ReLU and pooling, so replace it and train again");
}

static int check(const struct node *n, const bool *live)
{
    int values = 0, first = 0;
    for (int k = 0; k < n->input_count; k++)
        if (n->input[k] >= 0 && live[n->input[k]]) {
            first = values ? first : k;
            values++;
        }
    if (!execute_supports(n->op))
        return obstacle_refuse(n);
    const bool product =
        strcmp(n->op, "MatMul") == 0 || strcmp(n->op, "Mul") == 0 || strcmp(n->op, "Gemm") == 0;
    if (product && values > 1 && n->input[0] >= 0 && live[n->input[0]] && n->input[1] >= 0 &&
        live[n->input[1]])
        return af_fail(AF_UNSUPPORTED,
                       "multiplies two values, as attention, gates and SiLU do; only constant "
                       "weights and factors can be");
    if (strcmp(n->op, "Div") == 0 && values && (first == 1 || values > 1))
        return af_fail(AF_UNSUPPORTED,
                       "divides by a value that is not constant, as layer normalisation does");
    return AF_OK;
}

int obstacle_find(const struct lowering *l)
{
    const struct graph *g = l->graph;
    bool *live = calloc((size_t)g->value_count + 1, sizeof *live);
    int status = live ? AF_OK : af_fail(AF_NO_MEMORY, "no memory");
    for (int i = 0; !status && i < g->input_count; i++)
        live[g->input[i]] = !g->value[g->input[i]].constant;
    for (int i = 0; !status && i < g->node_count; i++) {
        const struct node *n = &g->node[i];
        bool reads = false;
        for (int k = 0; k < n->input_count; k++)
            reads = reads || (n->input[k] >= 0 && live[n->input[k]]);
        reads = reads && strcmp(n->op, "Shape") != 0 && strcmp(n->op, "Size") != 0;
        for (int k = 0; k < n->output_count; k++)
            if (n->output[k] >= 0)
                live[n->output[k]] = reads;
        if (l->needed[i] && reads)
            status = check(n, live);
        if (status == AF_UNSUPPORTED) {
            char prefix[200];
            snprintf(prefix, sizeof prefix, "%.40s node '%.100s'", n->op, n->name);
            status = af_fail_in(status, prefix);
        }
    }
    free(live);
    return status;
}
