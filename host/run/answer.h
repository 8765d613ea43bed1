/* What becomes of the answers of a network that finds boxes, colours pixels or has values: decoded,
 * compared with labels and with the ANN's answers, drawn. One sample after the other;
 * classification is run.c's. */
#ifndef ADAFIRE_ANSWER_H
#define ADAFIRE_ANSWER_H

#include "input/input.h"
#include "task/detect.h"
#include "task/segment.h"

struct answer_options {
    const struct task *task;
    /* Labels: boxes as detect.h says, or a folder of them (annotation.h), or class maps: integers
     * [N,H,W] of the input's or the output's size, as an array or a folder (label_maps.h); classes
     * that the network lacks are ignored. Values: one row a sample, of the output that answers. */
    const char *labels;            /* NULL: none, likewise the next two */
    const char *reference;         /* the ANN's outputs, .npy, one row a sample */
    const char *draw;              /* a .png file for one sample, or a folder */
    int64_t samples;               /* that will come at the most; -1: unknown */
    bool limited;                  /* more samples than these belong to labels and reference */
    const struct input_spec *spec; /* how recordings are counted, which their boxes follow */
};

/* One sample's answer, good until the next. */
struct answer {
    const struct boxes *found; /* in pixels of the picture, or of the sample if it is of none; NULL:
                                  not a detector */
    const uint16_t *class_of;  /* [height][width]; NULL: not a segmentation */
    int height, width, classes;
};

/* How good the answers were, NAN where there is nothing to tell. */
struct score {
    double mean;   /* mAP at an overlap of 0.5, or mIoU; in 0..1 like the others */
    double pixels; /* share of right pixels */
    double *each;  /* [classes] average precision or IoU; NULL without labels */
    double error;  /* of values, squared, over the variance of the labels (values.h) */
};

/* How much the answers are the ANN's, NAN where there is nothing to tell; in 0..1. */
struct likeness {
    double pixels; /* share of them with the same class */
    double recall,
        precision; /* of the ANN's boxes those that are found; of those found the ANN's */
    double error;  /* of values, squared, over the variance of the ANN's */
};

struct answers;

int answers_open(const struct af_model *m, const struct answer_options *o,
                 struct answers **answers);
/* The next sample in order. `answer` is filled in. */
int answers_add(struct answers *a, int64_t index, const char *name, const struct af_sample *sample,
                const struct view *view, const struct af_result *result, struct answer *answer);
int answers_classes(const struct answers *a);
/* The network's score and the ANN's; `each` of both are the caller's to free. */
int answers_finish(struct answers *a, struct score *score, struct score *ann,
                   struct likeness *likeness);
/* The share of labelled pixels whose class the network lacks; NAN without class maps. */
double answers_ignored(const struct answers *a);
/* What the user ought to know after the first sample; NULL: nothing. */
const char *answers_note(const struct answers *a);
void answers_close(struct answers *a); /* NULL is fine */

#endif
