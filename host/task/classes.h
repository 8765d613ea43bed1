/* The classes that a network tells apart. */
#ifndef ADAFIRE_CLASSES_H
#define ADAFIRE_CLASSES_H

#include "task/task.h"

/* Classes that the task tells apart in this model's outputs; negative, with the reason, if the two
 * do not fit. */
int task_classes(const struct af_model *m, const struct task *task);

#endif
