/* Labels of samples. */
#ifndef ADAFIRE_LABELS_H
#define ADAFIRE_LABELS_H

#include "base/tensor.h"
#include "base/texts.h"

/* Labels: .npy or idx(.gz) integers of rank 1 (or N x 1), or a text: a class a line, or a sample's
 * file and its class with a comma between, whatever stands behind them; a first line without a
 * class is a heading; or FILE_labels.csv as DVS128 Gesture has it (gesture.h), a class a part. Or a
 * folder of folders by class: each file in one is of its class, whose number is the folder's in
 * order of their names; or of such _labels.csv. `labels` becomes int64 [N]; `files` those of a text
 * that names them, else empty. NULL: the caller knows no files, and such a text is AF_BAD_FILE. */
int labels_read(const char *path, struct tensor *labels, struct texts *files);
/* The label of a sample by the end of its name, its ending or not: "a/1.bin", "1.bin" and "1" all
 * name "set/a/1.bin". *at: where the last one was found, at first 0. -1: no line names it. */
int64_t labels_find(const struct tensor *labels, const struct texts *files, const char *sample,
                    int64_t *at);

/* The folders in a folder that hold a file, sorted by name: classes, as input.h numbers them. */
int class_folders(const char *path, struct texts *names);

#endif
