/* Labels of samples. */
#ifndef ADAFIRE_LABELS_H
#define ADAFIRE_LABELS_H

#include "base/tensor.h"

/* Labels: .npy or idx(.gz) integers of rank 1 (or N x 1). `labels` becomes int64 [N]. */
int labels_read(const char *path, struct tensor *labels);

#endif
