/* What a value of the graph is while it is being lowered: an affine function of populations.
 *
 *     value = offset + sum of the terms
 *
 * The offset is what the graph computes there when every population is silent; it is found by
 * running the node itself (execute_node), and so are shapes and constants: a value without terms is
 * one. The terms are projections into an imagined destination of `shape`, its physical layout.
 * Operators that only move data do not touch the terms but the index: logical element j is physical
 * element index[j]
 * (-1: always zero), until a consumer needs the two to agree (signal_settle). */
#ifndef ADAFIRE_SIGNAL_H
#define ADAFIRE_SIGNAL_H

#include "execute.h"
#include "network.h"

struct signal {
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

void signal_free(struct signal *s);
int signal_copy(struct signal *to, const struct signal *from);
/* Appends a copy of the term. */
int signal_add(struct signal *s, const struct projection *term);
/* The population as it is, as the only term, `at` channels into the destination. */
int signal_add_identity(struct signal *s, int source, const int shape[3], int at);

/* Makes physical and logical layout agree: [1,C,H,W], [1,C,L] (height 1) or [1,F]. AF_UNSUPPORTED
 * if the movement is none that a projection can make (see the definition in wiring.h). A positive
 * return: it could if the signal were a population. */
int signal_settle(struct signal *s);
/* Settled, and every term one destination channel per source channel with a 1 x 1 kernel. */
bool signal_is_plain(const struct signal *s);
/* Multiplies physical channel c of every term by factor[c]. */
void signal_scale(struct signal *s, const float *factor);

/* The three linear maps that compose with a term. Each returns 0 with the new terms appended to
 * `out`, 1 if this term first has to become a population, negative on failure. */
int term_convolve(const struct projection *t, const int shape[3], const float *kernel, int channels,
                  int groups, const struct window *w, struct signal *out);
int term_average(const struct projection *t, const int shape[3], const struct window *w,
                 bool include_pad, struct signal *out);
/* weight[o][logical element]; elements = logical elements of s. */
int term_dense(const struct projection *t, const struct signal *s, const float *weight, int outputs,
               struct signal *out);

#endif
