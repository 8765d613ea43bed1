/* Boxes and class maps for people and for scripts. */
#ifndef ADAFIRE_SHOW_H
#define ADAFIRE_SHOW_H

#include "base/file.h"
#include "run/run.h"

/* The `most` best boxes, or the largest classes of a map, one line each below the sample's name. */
int show_answer(FILE *to, const struct af_model *m, const char *name, int most,
                const struct answer *answer);

/* How good the boxes, maps or values were, and the ANN's, and how much they are the ANN's; nothing
 * where that is not known. */
void show_score(FILE *to, const struct af_model *m, enum af_task_kind kind,
                const struct run_totals *t);
/* What of it is of single classes, as members of a JSON object, each with a comma behind it. */
void show_classes_json(FILE *to, enum af_task_kind kind, const struct run_totals *t);

/* What bursts cost as shifted adds (of the float ANN's energy), and in integers. */
void show_integer_energy(FILE *to, double ann, double adds, const struct af_energy *e);

/* A file of all boxes, complete or not there:
 *     [{"sample": 0, "name": "a.png",
 *       "boxes": [{"class": 1, "label": "WBC", "score": 0.98, "box": [x1, y1, x2, y2]}, ...]}, ...]
 * Pixels of the picture, or of the model's input if the samples are arrays; "label" where the model
 * has class names. */
struct box_file {
    struct file_out out;
    int64_t samples;
};
int box_file_begin(struct box_file *f, const char *path);
int box_file_add(struct box_file *f, const struct af_model *m, int64_t index, const char *name,
                 const struct boxes *found);
/* Takes the status of the run: a failed one leaves no file. Fine without a beginning. */
int box_file_end(struct box_file *f, int status);

#endif
