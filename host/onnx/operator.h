/* What the files that implement ONNX operators share. Reference for every operator:
 * https://github.com/onnx/onnx/blob/main/docs/Operators.md */
#ifndef ADAFIRE_OPERATOR_H
#define ADAFIRE_OPERATOR_H

#include "base/error.h"
#include "onnx/graph.h"

struct call {
    const struct node *node;
    int opset;
    const struct tensor *const *in; /* [node->input_count], NULL where left out */
    struct tensor *out;             /* [node->output_count] */
};

struct operator
{
    const char *name;
    int inputs_least; /* that must be there */
    int (*run)(const struct call *c);
};
/* Each in its own file. */
extern const struct operator operators_move[]; /* end with a NULL name */
extern const struct operator operators_math[];
extern const struct operator operators_linear[];
extern const struct operator operators_quantise[];

/* Input k, or NULL where it is left out or beyond the node's inputs. */
const struct tensor *call_input(const struct call *c, int k);
/* Integers that newer opsets give as input k and older ones as an attribute. Returns their number,
 * 0 if neither is there, negative on failure. */
int call_ints(const struct call *c, int k, const char *name, int64_t *ints, int most);
/* Makes output k, float32 unless said otherwise. */
int call_output(const struct call *c, int k, enum dtype type, int rank, const int64_t *dim);
/* Refuses a tensor that is not float32. */
int need_float(const struct tensor *t);
/* -rank..rank-1 becomes 0..rank-1; negative on failure. */
int normal_axis(int64_t axis, int rank);
/* Elements per step of each axis. */
void tensor_strides(const struct tensor *t, int64_t *stride);

/* A node's work may not exceed this many multiply-accumulates: a bound on hostile files. */
extern double execute_max_macs;

#endif
