/* What a network's outputs mean: classes of a sample, boxes, a class for every pixel, or values.
 *
 * A task is written as words, in a file or on a command line, and stored in a model as its fact
 * "task". '#' begins a comment; what is left out has the value in brackets.
 *
 *     classify
 *     segment
 *     values                    numbers of their own: an autoencoder, a regression
 *     detect                    a centre head: one map of C + 4 channels (CenterNet-like), scores,
 *                               offsets, sizes; or several outputs that make it up in this order
 *         stride PIXELS         between its cells [picture / map]
 *         size PIXELS           of the box that the size channels call 0 [stride]
 *     detect                    an SSD head (Liu et al., ECCV 2016), if there are anchors
 *         anchor STRIDE SIZE... a feature map and its boxes, SIZE or WIDTHxHEIGHT in pixels; one
 *                               such line for each map, in the order of the outputs
 *         variance CENTRE SIZE  [0.1 0.2]
 *         scores sigmoid|softmax  [softmax, whose class 0 is the background]
 *         boxes first|last      which outputs are boxes, where four classes leave it open [last]
 *     for both heads
 *         threshold SCORE       boxes below are left out [0.1]
 *         overlap IOU           above which the lesser of two boxes of a class is dropped [0.45] */
#ifndef ADAFIRE_TASK_H
#define ADAFIRE_TASK_H

#include "model/model.h"

const char *task_kind_name(enum af_task_kind kind);

enum { ANCHOR_LEVELS = 16, ANCHOR_SIZES = 32 };
struct anchor_level {
    float stride;
    int count;
    float size[ANCHOR_SIZES][2]; /* width, height in pixels */
};

struct task {
    enum af_task_kind kind;
    float stride, size; /* of a centre head, pixels; 0: left out */
    int level_count;    /* 0: a centre head */
    struct anchor_level level[ANCHOR_LEVELS];
    float variance[2];
    bool softmax, boxes_first;
    float threshold, overlap;
};

/* AF_BAD_FILE or AF_BAD_ARGUMENT with `name` and the word that is not understood. */
int task_parse(const char *name, const char *text, struct task *task);
/* The words of a task given by a user: of the file of that name if there is one, else of the text
 * itself. Comments are gone and words have one space between; *words is malloc'd. */
int task_words(const char *given, char **words);
/* The task that such words say. */
int task_given(const char *given, struct task *task);
/* The task of a model: as `given` (NULL: not) says, else as the model's own fact says, else a class
 * for every pixel if the output that answers is a map, else classes. */
int task_of_model(const struct af_model *m, const char *given, struct task *task);

/* ---- Outputs as tasks see them -------------------------------------------------------------- */

/* One output as a table: element (row, column) is output[at + row * row_step + column *
 * column_step]. A map [1,C,H,W] has H * W rows of C columns; [1,N,K] has N rows of K. */
struct output_table {
    int64_t at, rows, columns, row_step, column_step;
    int height, width; /* of a map; rows x 1 otherwise */
};
/* The outputs of the model, in the graph's order; returns how many, at most `most` are filled. */
int task_outputs(const struct af_model *m, struct output_table *table, int most);
/* The one that answers (model.h). */
void task_answer(const struct af_model *m, struct output_table *table);

#endif
