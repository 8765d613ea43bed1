/* Segmentation: a class for every pixel, and how many of them are right. */
#ifndef ADAFIRE_SEGMENT_H
#define ADAFIRE_SEGMENT_H

#include "task/task.h"

enum { SEGMENT_CLASSES_MOST = 1024 };

/* The model's output that answers as a map [1,C,H,W]; one channel is two classes, 1 where it is
 * above 0. AF_BAD_ARGUMENT if it is none. */
int segment_output(const struct af_model *m, struct output_table *table, int *classes);
/* The largest class of every pixel (the first of equals): class_of[H * W]. */
void segment_decode(const struct output_table *table, const float *output, uint16_t *class_of);

/* Pixels by label and answer; labels outside 0 .. classes - 1 are not counted. */
struct confusion {
    int classes;
    int64_t *count; /* [label][answer] */
    int64_t ignored;
};
int confusion_make(int classes, struct confusion *c);
void confusion_free(struct confusion *c);
/* One picture. The label map may be of another size than the answer's: every label is compared with
 * the nearest pixel. */
void confusion_add(struct confusion *c, const struct output_table *table, const uint16_t *class_of,
                   const struct tensor *label, int height, int width);
/* Share of right pixels, NAN if there are none. */
double confusion_pixels(const struct confusion *c);
/* Intersection over union of every class, NAN where it is neither labelled nor answered: iou
 * [classes]. Returns the mean over the others (NAN if there is none). */
double confusion_iou(const struct confusion *c, double *iou);

#endif
