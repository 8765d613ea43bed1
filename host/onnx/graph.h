/* A trained network as the ONNX file states it: values, and nodes that compute them, in an order in
 * which they can run. Nothing here knows spikes. */
#ifndef ADAFIRE_GRAPH_H
#define ADAFIRE_GRAPH_H

#include "base/tensor.h"

enum attribute_type {
    ATTRIBUTE_INT,
    ATTRIBUTE_FLOAT,
    ATTRIBUTE_STRING,
    ATTRIBUTE_INTS,
    ATTRIBUTE_FLOATS,
    ATTRIBUTE_TENSOR,
    ATTRIBUTE_OTHER
};

struct attribute {
    char *name;
    enum attribute_type type;
    int64_t i;
    float f;
    char *s;
    int count; /* of ints or floats */
    int64_t *ints;
    float *floats;
    struct tensor tensor;
};

struct node {
    char *name; /* the file's, or "Conv#12" where it has none */
    char *op;
    int input_count, output_count;
    int *input;  /* value indices, -1 where an optional input is left out */
    int *output; /* likewise */
    int attribute_count;
    struct attribute *attribute;
};

struct value {
    char *name;
    bool constant;                /* an initializer: `tensor` holds it */
    struct tensor tensor;         /* of a constant */
    int producer;                 /* node index, -1 for constants and graph inputs */
    int rank;                     /* declared, of a graph input; -1 unknown */
    int64_t dim[TENSOR_MAX_RANK]; /* declared; -1 where symbolic or unknown */
};

/* The last opset whose operators were looked at; a later one is read as if nothing had changed. */
enum { OPSET_LAST = 23 };

struct graph {
    char *name;
    int opset;
    int value_count, node_count;
    struct value *value;
    struct node *node;
    int input_count, output_count;
    int *input, *output; /* value indices; initializers are not among the inputs */
    int quantisers;      /* quantisers of the data, which graph_rewrite went through */
    int64_t batch;       /* samples at a time that the exporter froze; 1: one, or any number */
};

void graph_free(struct graph *graph);
void node_free(struct node *node);
/* Whether the operator is among the names, the last of which is NULL. */
bool is_op(const struct node *node, const char *const *names);
/* The constant that a value is, of an initializer or a Constant node; NULL: it is none. */
struct tensor *graph_constant(struct graph *graph, int value);
/* The value that samples are: the only input, or the only one that a node reads; -1: there are
 * several. */
int graph_input(const struct graph *graph);
/* Whether samples have their channels behind their rows and columns, as Keras and tf2onnx write
 * them: whoever reads the input turns it to channels first (or, of one channel, reshapes it), at
 * most behind arithmetic. */
bool graph_channels_last(const struct graph *graph);
/* Puts nodes into an order in which they can run and sets value.producer. AF_BAD_FILE names a node
 * on a cycle, a value without a source or one written twice. */
int graph_sort(struct graph *graph, const char *name);

/* NULL if the node does not have it. */
const struct attribute *node_attribute(const struct node *node, const char *name);
int64_t node_int(const struct node *node, const char *name, int64_t otherwise);
float node_float(const struct node *node, const char *name, float otherwise);
const char *node_string(const struct node *node, const char *name, const char *otherwise);
/* Copies up to `most` ints; returns how many there are, 0 if the attribute is missing. */
int node_ints(const struct node *node, const char *name, int64_t *ints, int most);

#endif
