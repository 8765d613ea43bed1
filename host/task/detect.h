/* Object detection: from a network's raw outputs to boxes, and how good they are.
 *
 * A centre head's cell (x, y) predicts scores, the centre's offset (dx, dy) in cells from the
 * cell's middle and (log w, log h) relative to task.size, so that centre = (x + 1/2 + dx) stride,
 * width = size exp(w). An SSD head's anchor (cx, cy, aw, ah) predicts, with the variances of Liu et
 * al. (ECCV 2016), centre = cx + dx variance[0] aw,  width = aw exp(w variance[1]). Anchors stand
 * in the middle of each cell of each map; the boxes of a cell come one after the other, then the
 * next cell of the row. */
#ifndef ADAFIRE_DETECT_H
#define ADAFIRE_DETECT_H

#include "task/task.h"

struct boxes {
    struct af_box *box; /* owned */
    int64_t count, room;
};
/* Appends. AF_NO_MEMORY. */
int boxes_add(struct boxes *b, const struct af_box *box);

/* ---- Decoding ------------------------------------------------------------------------------- */

struct detector;

/* AF_BAD_ARGUMENT if the outputs of the model cannot be the task's, with what they should be. */
int detector_make(const struct af_model *m, const struct task *task, struct detector **detector);
void detector_free(struct detector *d); /* NULL is fine */
int detector_classes(const struct detector *d);
/* The boxes of one sample, the best of a class first, class by class, after non-maximum
 * suppression. `output` as in af_result. boxes->count is set, its memory used again. */
int detector_decode(struct detector *d, const float *output, struct boxes *boxes);

/* Intersection over union; 0 for boxes without area. */
float box_overlap(const struct af_box *a, const struct af_box *b);

/* ---- Evaluation ----------------------------------------------------------------------------- */

/* Average precision at an overlap of 0.5: detections in order of score, each taking the unused box
 * of its class that it overlaps most; the area under the precision that is made monotonous
 * (Everingham et al., IJCV 111:98, 2015). */
struct precision;

int precision_make(int classes, struct precision **precision);
void precision_free(struct precision *p);
/* One sample: what was found, and what there is (scores unused). */
int precision_add(struct precision *p, const struct boxes *found, const struct af_box *truth,
                  int64_t truth_count);
/* How many of the true boxes were found, each by a box of its class that
 * overlaps it by 0.5 or more. */
struct matches {
    int64_t truth, found, matched;
};
/* Adds one sample. AF_NO_MEMORY. */
int boxes_match(const struct boxes *found, const struct af_box *truth, int64_t truth_count,
                struct matches *matches);
/* ap[classes] in 0..1, NAN where there is no box of the class; returns their mean, NAN if there is
 * none at all. */
double precision_finish(struct precision *p, double *ap);

/* Boxes as labels: .npy rows sample,class,x1,y1,x2,y2 in pixels of the model's input. Sorted by
 * sample; start[i] .. start[i + 1] are those of sample i, for i < samples. */
struct box_labels {
    struct af_box *box;
    int64_t *start;
    int64_t samples;
};
int box_labels_read(const char *path, int classes, struct box_labels *labels);
void box_labels_free(struct box_labels *labels);

#endif
