/* What lowering a graph keeps at hand (lower.c), and how values become populations. */
#ifndef ADAFIRE_LOWERING_H
#define ADAFIRE_LOWERING_H

#include "network/affine.h"

struct lowering {
    const struct graph *graph;
    struct network *network;
    struct affine *value; /* [value_count]; empty until lowered */
    int *uses;            /* [value_count] needed nodes and outputs that read it, Shape left out */
    bool *needed;         /* [node_count] */
    int count_low, count_high; /* of the input; 0 and 0: not known */
    bool to_the_code; /* quantisers are populations of their codes; else what they cut off */
};

/* ---- Nodes --------------------------------------------------------------------------------- */

bool ends_network(const struct node *n); /* Softmax and the like */
bool keeps_order(const struct node *n);  /* of elements, whatever their shape */
bool moves_data(const struct node *n);
/* The value of input k; NULL: there is none. */
struct affine *input_of(const struct lowering *l, const struct node *n, int k);
bool is_live(const struct affine *s); /* depends on the data */
/* Every reader of a value is a ReLU (through Identity and Dropout). */
bool feeds_relu_alone(const struct lowering *l, int value);

/* ---- Populations --------------------------------------------------------------------------- */

int add_population(struct network *net, enum af_kind kind, const char *name, const int shape[3],
                   int *index);
/* The physical element of a logical one; -1: it has none, it is constant. */
int64_t element_of(const struct affine *s, int64_t j);
/* The bias of a population in its physical layout, malloc'd. */
int physical_bias(const struct affine *s, float **bias);
/* Whether neurons with biases say all of the value but its constant elements. */
bool is_bias_alone(const struct affine *s);
bool never_negative(const struct network *net, const struct affine *s);
/* Makes the value a population of this kind, which it then reads; up to `ceiling`. */
int populate(struct lowering *l, struct affine *s, enum af_kind kind, float ceiling,
             const char *name);
int populate_linear(struct lowering *l, struct affine *s, const char *name);
/* Settles the value (affine.h), as a population if nothing else helps. */
int settle(struct lowering *l, struct affine *s, const char *name);
/* The same in front of neurons: where it cannot be they fire as they are, and are moved afterwards.
 */
int settle_to_fire(struct lowering *l, struct affine *s, const char *name);
/* The same where an operator works on each element alone, which does not need it. */
int settle_if_possible(struct lowering *l, struct affine *s, const char *name);

#endif
