/* Operators that are linear or only move elements: what they make of affine functions. `in` is the
 * node's live input, `out` has the shape already. AF_UNSUPPORTED says what cannot be. */
#ifndef ADAFIRE_LOWER_LINEAR_H
#define ADAFIRE_LOWER_LINEAR_H

#include "network/lowering.h"
#include "onnx/window.h"

/* Takes over the offset that the node makes of its inputs' offsets. */
void begin_output(struct affine *out, struct tensor *offset);
/* kernel: [channels][inputs of a group][rows][columns]. */
struct conv {
    const float *kernel;
    int channels, groups;
    struct window window; /* `before` may be negative: it crops */
};
/* Of an input that is settled. It becomes a population where its terms do not compose. */
int compose_conv_terms(struct lowering *l, struct affine *in, const char *name,
                       const struct conv *conv, struct affine *out);
int lower_conv(struct lowering *l, const struct node *n, struct affine *in, struct affine *out);
int lower_dense(struct lowering *l, const struct node *n, struct affine *in, struct affine *out);
int lower_average(struct lowering *l, const struct node *n, struct affine *in, struct affine *out);
int lower_batch_norm(struct lowering *l, const struct node *n, struct affine *in,
                     struct affine *out);
int lower_scale(struct lowering *l, const struct node *n, int live, struct affine *out);
int lower_sum(struct lowering *l, const struct node *n, struct affine *out);
int lower_concat(struct lowering *l, const struct node *n, struct affine *out);
/* k: which output of the node. */
int lower_move(struct lowering *l, const struct node *n, const struct affine *in,
               struct affine *out, int k);

/* A Concat of rows, as detectors end with: it stays a list of values. */
bool is_list(const struct lowering *l, const struct node *n, const struct affine *out);
int join_list(struct lowering *l, const struct node *n, struct affine *out);

/* A dense projection of single elements, times `factor` (NULL: 1). */
int take_elements(struct lowering *l, struct affine *in, const char *name, const float *factor,
                  struct affine *out);
/* The window of a reduction over a map, or one of its axes. */
int reduced_map(struct lowering *l, const struct node *n, const struct affine *in,
                struct window *w);
/* One window over all of a map. */
struct window whole_map(const int shape[3]);

#endif
