/* The float executor: runs a graph as it stands, node by node, without spikes. It is the ANN's own
 * answer, and through it the converter learns shapes, folds constants and moves data. */
#ifndef ADAFIRE_EXECUTE_H
#define ADAFIRE_EXECUTE_H

#include "onnx/graph.h"

/* Runs one node. in[k] is NULL where the optional input is left out. out[k] is made here, owned by
 * the caller. AF_UNSUPPORTED names an operator or a mode that is not there. */
int execute_node(const struct node *node, int opset, const struct tensor *const *in,
                 struct tensor *out);
bool execute_supports(const char *op);

/* Every value of one run of a graph. */
struct execution {
    struct tensor *value; /* [graph->value_count]; constants are not copied but stay empty */
    bool *known;          /* [graph->value_count] computed, and independent of the graph's inputs */
};
/* inputs[i] feeds graph->input[i]. keep: keep every value, not the outputs alone. */
int graph_execute(const struct graph *graph, const struct tensor *inputs, bool keep,
                  struct execution *x);
void execution_free(const struct graph *graph, struct execution *x);
/* The value, be it a constant of the graph or computed; NULL if it was not kept. */
const struct tensor *execution_value(const struct graph *graph, const struct execution *x,
                                     int value);

#endif
