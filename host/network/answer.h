/* Which of several outputs answers: the one that labels are held against, that early exit watches
 * and that the searches of a conversion keep. */
#ifndef ADAFIRE_NETWORK_ANSWER_H
#define ADAFIRE_NETWORK_ANSWER_H

#include "network/network.h"

/* What is known about the answers beside the outputs themselves. */
struct answer_hints {
    const char *name; /* the output, as the user says; NULL: not said */
    int64_t labels;   /* the largest label of a sample and 1; 0: none is known */
    int64_t classes;  /* that have names; 0: none have */
    bool map;         /* a class for every pixel is wanted */
};

/* Without a name the output that looks most like classes answers, the first of equals, and a note
 * of the network says which. AF_BAD_ARGUMENT if no output has the name. */
int network_choose_answer(struct network *network, const struct answer_hints *hints);

/* Puts a neuron that stays 0 in front of the answer's only one: softmax over both is the sigmoid of
 * the one, the larger of them is its sign, and all that is there for classes serves these two. */
int network_pair_answer(struct network *network);

#endif
