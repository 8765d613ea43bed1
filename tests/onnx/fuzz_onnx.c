/* .onnx files of any bytes: refused with a sentence, or a graph that runs and lowers or says why
 * not. */
#include "adafire.h"
#include "network/network.h"
#include "onnx/execute.h"
#include "onnx/onnx.h"
#include "onnx/operator.h"
#include "onnx/rewrite.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int status)
{
    if (status > 0 || (status && !*af_error()))
        abort();
}

/* A shape for the first input: what it declares, small numbers where it declares nothing. */
static int64_t input_shape(const struct value *in, int64_t dim[TENSOR_MAX_RANK], int *rank)
{
    int64_t count = 1;
    *rank = in->rank < 0 ? 2 : in->rank;
    for (int a = 0; a < *rank; a++) {
        dim[a] = in->rank < 0 || in->dim[a] < 0 ? 1 + a % 3 : in->dim[a];
        if (dim[a] > 4096 || (count *= dim[a]) > 1 << 16)
            return -1;
    }
    return count;
}

static void run(const struct graph *g, const int64_t *dim, int rank)
{
    struct tensor in;
    struct execution x;
    if (tensor_make(&in, DTYPE_F32, rank, dim))
        return;
    for (int64_t i = 0; i < in.count; i++)
        ((float *)in.data)[i] = (float)(i % 7) - 3;
    int status = graph_execute(g, &in, false, &x);
    check(status);
    if (!status)
        execution_free(g, &x);
    tensor_free(&in);
}

static void lower(const struct graph *g, const int64_t *dim, int rank)
{
    static const float zero[4096];
    const struct normalisation plain = {.scale = 1, .count = 1, .std = {1}};
    struct network *net = NULL;
    int shape[3] = {1, 1, 1};
    for (int a = 1; a < rank && a < 4; a++)
        shape[rank == 3 && a == 2 ? 2 : a - 1] = (int)dim[a];
    int status = network_lower(g, shape, &plain, 1, zero, &net);
    check(status);
    if (!status != (net != NULL))
        abort();
    network_free(net);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct graph *g;
    int64_t dim[TENSOR_MAX_RANK];
    int rank;
    tensor_max_elements = 1 << 20;
    execute_max_macs = 1e8;
    int status = onnx_parse("fuzz.onnx", NULL, data, size, &g);
    check(status);
    if (!status != (g != NULL))
        abort();
    const int rewritten = g ? graph_rewrite(g, "fuzz.onnx") : AF_OK;
    check(rewritten);
    if (g && !rewritten && g->input_count == 1 && g->node_count < 200 &&
        input_shape(&g->value[g->input[0]], dim, &rank) > 0) {
        run(g, dim, rank);
        lower(g, dim, rank);
    }
    graph_free(g);
    return 0;
}
