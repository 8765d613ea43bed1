/* Small graphs, built node by node: a test includes this once. */
#ifndef BUILD_GRAPH_H
#define BUILD_GRAPH_H

#include "onnx/graph.h"
#include "random_model.h"
#include "test.h"

#include "adafire.h"

#include <stdarg.h>

static struct graph *graph;
static struct dice dice;

static inline int add_value(const char *name)
{
    graph->value = realloc(graph->value, (size_t)(graph->value_count + 1) * sizeof *graph->value);
    graph->value[graph->value_count] =
        (struct value){.name = strdup(name), .producer = -1, .rank = -1};
    return graph->value_count++;
}

/* A graph with one input of this shape; returns its value. */
static inline int begin(int rank, const int64_t *dim)
{
    graph = calloc(1, sizeof *graph);
    graph->name = strdup("test");
    graph->opset = 13;
    int v = add_value("x");
    graph->value[v].rank = rank;
    memcpy(graph->value[v].dim, dim, (size_t)rank * sizeof *dim);
    graph->input = malloc(sizeof *graph->input);
    graph->input[graph->input_count++] = v;
    return v;
}

static inline int image(int channels, int height, int width)
{
    return begin(4, (int64_t[]){1, channels, height, width});
}

/* Random values in -1..1 around `middle`. */
static inline int constant(float middle, int rank, ...)
{
    int64_t dim[TENSOR_MAX_RANK];
    char name[32];
    va_list args;
    va_start(args, rank);
    for (int a = 0; a < rank; a++)
        dim[a] = va_arg(args, int);
    va_end(args);
    snprintf(name, sizeof name, "c%d", graph->value_count);
    int v = add_value(name);
    struct value *value = &graph->value[v];
    value->constant = true;
    CHECK_EQ(tensor_make(&value->tensor, DTYPE_F32, rank, dim), AF_OK);
    for (int64_t i = 0; i < value->tensor.count; i++)
        ((float *)value->tensor.data)[i] = middle + (float)dice_roll(&dice, -1000, 1000) / 1000;
    return v;
}

static inline int integers(int count, ...)
{
    char name[32];
    va_list args;
    snprintf(name, sizeof name, "i%d", graph->value_count);
    int v = add_value(name);
    graph->value[v].constant = true;
    CHECK_EQ(tensor_make(&graph->value[v].tensor, DTYPE_I64, 1, (int64_t[]){count}), AF_OK);
    va_start(args, count);
    for (int i = 0; i < count; i++)
        ((int64_t *)graph->value[v].tensor.data)[i] = va_arg(args, int);
    va_end(args);
    return v;
}

enum { NONE = -1, END = -2 };

/* Adds a node; its inputs end with END. Returns its output. */
static inline int op(const char *name, ...)
{
    char text[64];
    va_list args;
    graph->node = realloc(graph->node, (size_t)(graph->node_count + 1) * sizeof *graph->node);
    struct node *n = &graph->node[graph->node_count];
    snprintf(text, sizeof text, "my_%s_%d", name, graph->node_count++);
    *n = (struct node){.name = strdup(text), .op = strdup(name), .output_count = 1};
    n->input = calloc(8, sizeof *n->input);
    n->output = calloc(1, sizeof *n->output);
    va_start(args, name);
    for (int v = va_arg(args, int); v != END; v = va_arg(args, int))
        n->input[n->input_count++] = v;
    va_end(args);
    n->output[0] = add_value(text);
    graph->value[n->output[0]].producer = graph->node_count - 1;
    return n->output[0];
}

/* The last node's attributes. */
static inline struct attribute *attribute(const char *name, enum attribute_type type)
{
    struct node *n = &graph->node[graph->node_count - 1];
    n->attribute = realloc(n->attribute, (size_t)(n->attribute_count + 1) * sizeof *n->attribute);
    struct attribute *a = &n->attribute[n->attribute_count++];
    *a = (struct attribute){.name = strdup(name), .type = type};
    return a;
}

static inline void set_int(const char *name, int v)
{
    attribute(name, ATTRIBUTE_INT)->i = v;
}

static inline void set_text(const char *name, const char *v)
{
    attribute(name, ATTRIBUTE_STRING)->s = strdup(v);
}

static inline void set_ints(const char *name, int count, ...)
{
    struct attribute *a = attribute(name, ATTRIBUTE_INTS);
    va_list args;
    a->count = count;
    a->ints = calloc((size_t)count, sizeof *a->ints);
    va_start(args, count);
    for (int i = 0; i < count; i++)
        a->ints[i] = va_arg(args, int);
    va_end(args);
}

static inline void result(int value)
{
    graph->output =
        realloc(graph->output, (size_t)(graph->output_count + 1) * sizeof *graph->output);
    graph->output[graph->output_count++] = value;
}

/* Convolution with random weights, then what the caller sets. */
static inline int conv(int x, int from, int to, int ky, int kx)
{
    return op("Conv", x, constant(0, 4, to, from, ky, kx), constant(0, 1, to), END);
}

static inline int relu(int x)
{
    return op("Relu", x, END);
}

/* One number, or `count` of them. */
static inline int numbers(enum dtype type, int count, const double *values)
{
    char name[32];
    snprintf(name, sizeof name, "n%d", graph->value_count);
    int v = add_value(name);
    struct tensor *t = &graph->value[v].tensor;
    graph->value[v].constant = true;
    CHECK_EQ(tensor_make(t, type, count > 1, (int64_t[]){count}), AF_OK);
    for (int i = 0; i < count; i++)
        if (type == DTYPE_F32)
            ((float *)t->data)[i] = (float)values[i];
        else
            ((uint8_t *)t->data)[i] = (uint8_t)(int)values[i];
    return v;
}

static inline int number(enum dtype type, double value)
{
    return numbers(type, 1, &value);
}

#endif
