/* Boxes and class maps for people and for scripts. */
#ifndef ADAFIRE_SHOW_H
#define ADAFIRE_SHOW_H

#include "base/file.h"
#include "run/run.h"

/* The `most` best boxes, or the largest classes of a map, one line each below the sample's name. */
int show_answer(FILE *to, const struct af_model *m, const char *name, int most,
                const struct answer *answer);

enum { BEST_MOST = 1000 }; /* of --top */

/* The `most` best classes, with the probability that softmax gives them, on one line. */
void show_best(FILE *to, const struct af_model *m, const char *name, int most,
               const struct af_result *result);

/* How good the boxes, maps or values were, and the ANN's, and how much they are the ANN's; nothing
 * where that is not known. */
void show_score(FILE *to, const struct af_model *m, enum af_task_kind kind,
                const struct run_totals *t);
/* What of it is of single classes, as members of a JSON object, each with a comma behind it. */
void show_classes_json(FILE *to, enum af_task_kind kind, const struct run_totals *t);

/* What bursts cost as shifted adds (of the float ANN's energy), and in integers. */
void show_integer_energy(FILE *to, double ann, double adds, const struct af_energy *e);

/* A line of JSON for every sample, as it comes; a file is complete or not there. "label" where the
 * model has class names.
 *     {"sample": 0, "name": "a.png", "timesteps": 1, "class": 3, "label": "cat",
 *      "best": [{"class": 3, "label": "cat", "probability": 0.98}, ...]}
 * and instead of class and best: "boxes": as in a file of boxes; "shares": [{"class": 1, "share":
 * 0.5}, ...] of a map's pixels; "values": [...] of the output that answers. */
struct line_file {
    struct file_out out;
    FILE *to; /* out.stream, or what lines are written to as they are */
};
/* path NULL: to `to`. */
int line_file_begin(struct line_file *f, const char *path, FILE *to);
int line_file_add(struct line_file *f, const struct af_model *m, int64_t index, const char *name,
                  int most, const struct af_result *result, const struct answer *answer);
int line_file_end(struct line_file *f, int status);

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
