/* The classes that a network tells apart. */
#ifndef ADAFIRE_CLASSES_H
#define ADAFIRE_CLASSES_H

#include "task/task.h"

/* Classes that the task tells apart (0: it is about values) in this model's outputs; negative, with
 * the reason, if the two do not fit. */
int task_classes(const struct af_model *m, const struct task *task);

/* The `most` best of n outputs v with their softmax, the best first (of equals the first); of a
 * single output the two classes of its sign. Returns how many there are. */
int classes_best(const float *v, int n, int most, struct af_answer *best);

#endif
