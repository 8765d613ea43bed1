/* What a value of the graph is while it is being lowered: an affine function of populations.
 *
 *     value = offset + sum of the terms
 *
 * The offset is what the graph computes there when every population is silent; it is found by
 * running the node itself (execute_node), and so are shapes and constants: a value without terms is
 * one. The terms are projections into an imagined destination of `shape`, its physical layout.
 * Operators that only move data do not touch the terms but the index: logical element j is physical
 * element index[j]
 * (-1: always zero), until a consumer needs the two to agree (affine_settle). */
#ifndef ADAFIRE_AFFINE_H
#define ADAFIRE_AFFINE_H

#include "network/network.h"
#include "onnx/execute.h"
#include "onnx/window.h"

struct affine {
    struct tensor offset; /* in the logical layout; float32 if there are terms */
    int shape[3];         /* physical: channels, height, width */
    int term_count;
    struct projection *term;
    int32_t *index; /* [offset.count]; NULL: logical = physical order */
    bool tail;      /* behind a Softmax or the like that was dropped */
    bool unshaped;  /* behind an ArgMax, whose output has another shape than what stands here */
    const struct node *joined; /* a Concat of maps of different sizes, as only outputs can be: its
                                * inputs one after the other. The terms are not all of it. */
};

void affine_free(struct affine *s);
int affine_copy(struct affine *to, const struct affine *from);
/* Of the index alone, if there is one. */
int affine_copy_index(struct affine *to, const struct affine *from);
void affine_drop_terms(struct affine *s);
/* Appends a copy of the term. */
int affine_add(struct affine *s, const struct projection *term);
/* The population as it is, as the only term, `at` channels into the destination. */
int affine_add_identity(struct affine *s, int source, const int shape[3], int at);

/* Makes physical and logical layout agree: [1,C,H,W], [1,C,L] (height 1) or [1,F], each term one
 * term. AF_UNSUPPORTED if the movement is none that a projection can make (see the definition in
 * wiring.h). A positive return: it could if the value were a population. */
int affine_settle(struct affine *s);
/* The same, and where that is none each term may become several, which make it together. */
int affine_settle_in_pieces(struct affine *s);
/* Settled, and every term one destination channel per source channel with a 1 x 1 kernel. */
bool affine_is_plain(const struct affine *s);
/* Multiplies physical channel c of every term by factor[c]. */
void affine_scale(struct affine *s, const float *factor);

/* The three linear maps that compose with a term. Each returns 0 with the new terms appended to
 * `out`, 1 if this term first has to become a population, negative on failure. */
int term_convolve(const struct projection *t, const int shape[3], const float *kernel, int channels,
                  int groups, const struct window *w, struct affine *out);
int term_average(const struct projection *t, const int shape[3], const struct window *w,
                 bool include_pad, struct affine *out);
/* weight[o][logical element]; elements = logical elements of s. */
int term_dense(const struct projection *t, const struct affine *s, const float *weight, int outputs,
               struct affine *out);

#endif
