#include "run/answer.h"

#include "base/error.h"
#include "base/file.h"
#include "base/folder.h"
#include "base/npy.h"
#include "input/annotation.h"
#include "input/counting.h"
#include "input/picture_file.h"
#include "run/canvas.h"
#include "run/label_maps.h"
#include "run/reference_check.h"
#include "task/values.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PICTURE_LEAST = 640 }; /* small pictures are drawn larger, so that texts fit */

struct answers {
    const struct af_model *model;
    struct answer_options options;
    int classes;
    int64_t values; /* of all outputs */
    struct tensor reference;
    float *ann; /* [values] of the present sample */
    /* detection */
    struct detector *detector;
    struct boxes found, ann_found;
    struct box_labels boxes;
    struct annotations *annotations; /* instead */
    struct precision *precision, *ann_precision;
    struct matches matches; /* with the ANN's */
    /* segmentation */
    struct output_table map;
    uint16_t *class_of, *ann_class_of;
    struct label_maps *label_maps;
    struct confusion confusion, ann_confusion;
    int64_t agreeing, pixels;
    /* values: of the output that answers, at `at` of all */
    int64_t at;
    struct tensor labels;
    float *label; /* [values of that output] of the present sample */
    struct deviation off_ann, off_labels, ann_off_labels;
};

/* ---- Opening -------------------------------------------------------------------------------- */

static int open_segmentation(struct answers *a)
{
    const struct answer_options *o = &a->options;
    int status = segment_output(a->model, &a->map, &a->classes);
    if (status)
        return status;
    a->class_of = calloc((size_t)a->map.rows * 2, sizeof *a->class_of);
    if (!a->class_of)
        return af_fail(AF_NO_MEMORY, "no memory for a map");
    a->ann_class_of = a->class_of + a->map.rows;
    if (o->labels)
        status = label_maps_open(o->labels, a->model->population[0].shape + 1,
                                 (int[]){a->map.height, a->map.width}, o->limited ? -1 : o->samples,
                                 &a->label_maps);
    if (!status && o->labels)
        status = confusion_make(a->classes, &a->confusion);
    if (!status && o->labels && o->reference)
        status = confusion_make(a->classes, &a->ann_confusion);
    return status;
}

/* Boxes that are not in pixels of the input, or of other samples. */
static int check_boxes(const struct answers *a)
{
    const struct box_labels *l = &a->boxes;
    const int *shape = a->model->population[0].shape;
    const int64_t count = l->samples ? l->start[l->samples] : 0;
    const float height = (float)shape[1], width = (float)shape[2];
    float most = 0;
    if (a->options.samples >= 0 && !a->options.limited && l->samples > a->options.samples)
        return af_fail(AF_BAD_FILE, "%s: boxes of sample %lld, but there are %lld samples",
                       a->options.labels, (long long)l->samples - 1, (long long)a->options.samples);
    for (int64_t i = 0; i < count; i++) {
        const struct af_box *b = &l->box[i];
        if (!(b->x1 < b->x2 && b->y1 < b->y2) || !isfinite(b->x1 + b->x2 + b->y1 + b->y2))
            return af_fail(AF_BAD_FILE, "%s: a box from %g,%g to %g,%g; boxes are x1,y1,x2,y2",
                           a->options.labels, (double)b->x1, (double)b->y1, (double)b->x2,
                           (double)b->y2);
        if (b->x1 < -1 || b->y1 < -1 || b->x2 > width + 1 || b->y2 > height + 1)
            return af_fail(AF_BAD_FILE,
                           "%s: a box from %g,%g to %g,%g is outside the input of %dx%d; boxes are "
                           "in its pixels",
                           a->options.labels, (double)b->x1, (double)b->y1, (double)b->x2,
                           (double)b->y2, shape[2], shape[1]);
        most = fmaxf(most, fmaxf(b->x2, b->y2));
    }
    if (count && most <= 1.5f && width > 4 && height > 4)
        return af_fail(AF_BAD_FILE,
                       "%s: all boxes are within 0..1; boxes are in pixels of the input of %dx%d",
                       a->options.labels, shape[2], shape[1]);
    return AF_OK;
}

static int open_detection(struct answers *a)
{
    const struct answer_options *o = &a->options;
    int status = detector_make(a->model, o->task, &a->detector);
    if (status)
        return status;
    a->classes = detector_classes(a->detector);
    const bool folder = o->labels && is_folder(o->labels);
    if (folder)
        status = annotations_open(o->labels, a->classes, &a->annotations);
    else if (o->labels)
        status = box_labels_read(o->labels, a->classes, &a->boxes);
    if (!status && o->labels && !folder)
        status = check_boxes(a);
    if (!status && o->labels)
        status = precision_make(a->classes, &a->precision);
    if (!status && o->labels && o->reference)
        status = precision_make(a->classes, &a->ann_precision);
    return status;
}

static int read_rows(const struct answers *a, const char *path, int64_t values, struct tensor *t)
{
    int status = npy_read(path, t);
    if (!status && (t->rank < 1 || !t->count || t->count / t->dim[0] != values))
        status = af_fail(AF_BAD_FILE, "%s: not one row of %lld values for each sample", path,
                         (long long)values);
    return status ? status : reference_check(path, t, a->options.limited ? -1 : a->options.samples);
}

static int open_values(struct answers *a)
{
    const struct answer_options *o = &a->options;
    const int answer = model_answer(a->model);
    const int64_t n = output_values(&a->model->population[answer]);
    a->at = model_output_at(a->model, answer);
    int status = o->reference ? deviation_make(n, &a->off_ann) : AF_OK;
    if (status || !o->labels)
        return status;
    status = read_rows(a, o->labels, n, &a->labels);
    a->label = calloc((size_t)n, sizeof *a->label);
    if (!status && !a->label)
        status = af_fail(AF_NO_MEMORY, "no memory for %lld values", (long long)n);
    if (!status)
        status = deviation_make(n, &a->off_labels);
    return status ? status : deviation_make(n, &a->ann_off_labels);
}

static int open_reference(struct answers *a, const char *path)
{
    int status = read_rows(a, path, a->values, &a->reference);
    if (status)
        return status;
    a->ann = calloc((size_t)a->values, sizeof *a->ann);
    return a->ann ? AF_OK
                  : af_fail(AF_NO_MEMORY, "no memory for %lld outputs", (long long)a->values);
}

static int open_drawing(const struct answers *a)
{
    const char *path = a->options.draw;
    const int *shape = a->model->population[0].shape;
    if (shape[0] != 1 && shape[0] != 3)
        return af_fail(AF_BAD_ARGUMENT, "%s: samples of %d channels are no pictures to draw on",
                       a->model->name, shape[0]);
    if (is_folder(path) || !canvas_is_file(path))
        return file_make_folder(path);
    if (a->options.samples != 1)
        return af_fail(AF_BAD_ARGUMENT,
                       "%s: one picture for more than one sample; name a folder to draw into",
                       path);
    return AF_OK;
}

int answers_open(const struct af_model *m, const struct answer_options *o, struct answers **answers)
{
    *answers = NULL;
    struct answers *a = calloc(1, sizeof *a);
    if (!a)
        return af_fail(AF_NO_MEMORY, "no memory");
    a->model = m;
    a->options = *o;
    a->values = model_output_at(m, m->population_count);
    int status = AF_OK;
    if (o->task->kind == AF_DETECT)
        status = open_detection(a);
    else if (o->task->kind == AF_SEGMENT)
        status = open_segmentation(a);
    else if (o->task->kind == AF_VALUES)
        status = open_values(a);
    else
        status =
            af_fail(AF_BAD_ARGUMENT, "classes of samples are neither boxes nor pixels nor values");
    if (!status && o->reference)
        status = open_reference(a, o->reference);
    if (!status && o->draw && o->task->kind == AF_VALUES)
        status = af_fail(AF_BAD_ARGUMENT, "values cannot be drawn; boxes and maps can");
    if (!status && o->draw)
        status = open_drawing(a);
    if (status)
        answers_close(a);
    else
        *answers = a;
    return status;
}

void answers_close(struct answers *a)
{
    if (!a)
        return;
    tensor_free(&a->reference);
    free(a->ann);
    detector_free(a->detector);
    free(a->found.box);
    free(a->ann_found.box);
    box_labels_free(&a->boxes);
    annotations_close(a->annotations);
    precision_free(a->precision);
    precision_free(a->ann_precision);
    free(a->class_of);
    label_maps_close(a->label_maps);
    confusion_free(&a->confusion);
    confusion_free(&a->ann_confusion);
    tensor_free(&a->labels);
    free(a->label);
    deviation_free(&a->off_ann);
    deviation_free(&a->off_labels);
    deviation_free(&a->ann_off_labels);
    free(a);
}

int answers_classes(const struct answers *a)
{
    return a->classes;
}

/* ---- One sample ----------------------------------------------------------------------------- */

static int read_reference(struct answers *a, int64_t index)
{
    if (!a->reference.data)
        return AF_OK;
    if (index >= a->reference.dim[0])
        return af_fail(AF_BAD_FILE, "%s: holds %lld rows, but there are more samples",
                       a->options.reference, (long long)a->reference.dim[0]);
    for (int64_t i = 0; i < a->values; i++)
        a->ann[i] = (float)tensor_get(&a->reference, index * a->values + i);
    return AF_OK;
}

static int add_boxes(struct answers *a, int64_t index, const char *name, const float *output)
{
    bool labelled = a->precision && index < a->boxes.samples;
    const int64_t *start = a->boxes.start;
    const struct af_box *truth = labelled ? a->boxes.box + start[index] : NULL;
    int64_t count = labelled ? start[index + 1] - start[index] : 0;
    int status = detector_decode(a->detector, output, &a->found);
    struct af_box annotated;
    if (!status && a->annotations) {
        const struct input_spec *spec = a->options.spec;
        status = annotations_find(a->annotations, name, &annotated);
        if (!status)
            status = counting_box(&spec->counting, spec, name, (int[]){0, 0}, &annotated);
        truth = &annotated;
        count = 1;
    }
    if (!status && a->precision)
        status = precision_add(a->precision, &a->found, truth, count);
    if (!status && a->ann)
        status = detector_decode(a->detector, a->ann, &a->ann_found);
    if (!status && a->ann)
        status = boxes_match(&a->found, a->ann_found.box, a->ann_found.count, &a->matches);
    if (!status && a->ann_precision)
        status = precision_add(a->ann_precision, &a->ann_found, truth, count);
    return status;
}

static int add_values(struct answers *a, int64_t index, const float *output)
{
    const int64_t n = a->off_labels.count;
    if (a->ann)
        deviation_add(&a->off_ann, a->ann + a->at, output + a->at);
    if (!a->label)
        return AF_OK;
    if (index >= a->labels.dim[0])
        return af_fail(AF_BAD_FILE, "%s: holds %lld rows, but there are more samples",
                       a->options.labels, (long long)a->labels.dim[0]);
    for (int64_t i = 0; i < n; i++)
        a->label[i] = (float)tensor_get(&a->labels, index * n + i);
    deviation_add(&a->off_labels, a->label, output + a->at);
    if (a->ann)
        deviation_add(&a->ann_off_labels, a->label, a->ann + a->at);
    return AF_OK;
}

static int add_map(struct answers *a, const char *name, const float *output)
{
    struct tensor label;
    int height, width;
    segment_decode(&a->map, output, a->class_of);
    if (a->ann) {
        segment_decode(&a->map, a->ann, a->ann_class_of);
        for (int64_t i = 0; i < a->map.rows; i++)
            a->agreeing += a->class_of[i] == a->ann_class_of[i];
        a->pixels += a->map.rows;
    }
    if (!a->label_maps)
        return AF_OK;
    int status = label_maps_next(a->label_maps, name, &label, &height, &width);
    if (status)
        return status;
    confusion_add(&a->confusion, &a->map, a->class_of, &label, height, width);
    if (a->ann)
        confusion_add(&a->ann_confusion, &a->map, a->ann_class_of, &label, height, width);
    return AF_OK;
}

/* In a folder the number tells samples apart; a picture's own name follows it. */
static char *drawing_path(const char *draw, int64_t index, const char *name)
{
    if (canvas_is_file(draw))
        return strdup(draw);
    const char *slash = strrchr(name, '/'), *stem = slash ? slash + 1 : name;
    size_t length = strcspn(stem, "[");
    const char *dot = strrchr(stem, '.');
    if (stem[length])
        length = 0; /* one of many in a file */
    else if (dot && dot > stem)
        length = (size_t)(dot - stem);
    size_t size = strlen(draw) + length + 32;
    char *path = malloc(size);
    if (path)
        snprintf(path, size, "%s/%06lld%s%.*s.png", draw, (long long)index, length ? "-" : "",
                 (int)length, stem);
    return path;
}

/* The picture that the sample was cut from, or the sample itself. */
static int make_canvas(const struct answers *a, const char *name, const struct af_sample *sample,
                       const struct view *view, struct canvas *c)
{
    static const enum dtype types[] = {[AF_F32] = DTYPE_F32,
                                       [AF_U8] = DTYPE_U8,
                                       [AF_I8] = DTYPE_I8,
                                       [AF_I16] = DTYPE_I16,
                                       [AF_I32] = DTYPE_I32};
    const int *shape = a->model->population[0].shape;
    struct tensor own = {.type = types[sample->type],
                         .rank = 3,
                         .dim = {shape[0], shape[1], shape[2]},
                         .data = (void *)(uintptr_t)sample->data};
    struct tensor picture = {0};
    if (!sample->data)
        return af_fail(AF_UNSUPPORTED, "%s: a recording is no picture to draw on", name);
    int status = view->width ? input_picture(name, &picture) : AF_OK;
    const struct tensor *t = view->width ? &picture : &own;
    int64_t longest = t->dim[1] > t->dim[2] ? t->dim[1] : t->dim[2];
    int64_t zoom = a->detector && longest ? (PICTURE_LEAST + longest - 1) / longest : 1;
    if (!status)
        status = canvas_make(name, t, (int)zoom, c);
    tensor_free(&picture);
    return status;
}

static void draw_boxes(const struct answers *a, struct canvas *c)
{
    for (int64_t i = a->found.count - 1; i >= 0; i--) { /* the best on top */
        const struct af_box *box = &a->found.box[i];
        const char *class = af_class_name(a->model, box->label);
        char text[64];
        if (class)
            snprintf(text, sizeof text, "%.40s %.2f", class, (double)box->score);
        else
            snprintf(text, sizeof text, "%d %.2f", box->label, (double)box->score);
        canvas_box(c, box, text);
    }
}

static int draw_answer(const struct answers *a, int64_t index, const char *name,
                       const struct af_sample *sample, const struct view *view)
{
    const int *shape = a->model->population[0].shape;
    const float size[2] = {view->step[0] * (float)shape[2], view->step[1] * (float)shape[1]};
    const float own[2] = {(float)shape[2], (float)shape[1]};
    struct canvas c;
    int status = make_canvas(a, name, sample, view, &c);
    if (status)
        return status;
    if (a->detector)
        draw_boxes(a, &c);
    else
        canvas_classes(&c, a->class_of, a->map.height, a->map.width, view->origin,
                       view->width ? size : own);
    char *path = drawing_path(a->options.draw, index, name);
    status = path ? canvas_write(&c, path) : af_fail(AF_NO_MEMORY, "%s: no memory", name);
    free(path);
    canvas_free(&c);
    return status;
}

/* From the sample's pixels to the picture's. */
static void place_boxes(struct boxes *b, const struct view *view)
{
    for (int64_t i = 0; view->width && i < b->count; i++) {
        struct af_box *box = &b->box[i];
        box->x1 = view->origin[0] + view->step[0] * box->x1;
        box->x2 = view->origin[0] + view->step[0] * box->x2;
        box->y1 = view->origin[1] + view->step[1] * box->y1;
        box->y2 = view->origin[1] + view->step[1] * box->y2;
    }
}

int answers_add(struct answers *a, int64_t index, const char *name, const struct af_sample *sample,
                const struct view *view, const struct af_result *result, struct answer *answer)
{
    int status = read_reference(a, index);
    if (!status)
        status = a->detector   ? add_boxes(a, index, name, result->output)
                 : a->class_of ? add_map(a, name, result->output)
                               : add_values(a, index, result->output);
    place_boxes(&a->found, view);
    if (!status && a->options.draw)
        status = draw_answer(a, index, name, sample, view);
    *answer = (struct answer){.found = a->detector ? &a->found : NULL,
                              .class_of = a->class_of,
                              .height = a->map.height,
                              .width = a->map.width,
                              .classes = a->classes};
    return status;
}

/* ---- The sum -------------------------------------------------------------------------------- */

static int finish(int classes, struct precision *p, const struct confusion *c, struct score *score)
{
    *score = (struct score){.mean = NAN, .pixels = NAN, .error = NAN};
    if (!p && !c->count)
        return AF_OK;
    score->each = calloc((size_t)classes, sizeof *score->each);
    if (!score->each)
        return af_fail(AF_NO_MEMORY, "no memory for %d classes", classes);
    if (p) {
        score->mean = precision_finish(p, score->each);
    } else {
        score->pixels = confusion_pixels(c);
        score->mean = confusion_iou(c, score->each);
    }
    return AF_OK;
}

double answers_ignored(const struct answers *a)
{
    int64_t all = a->confusion.ignored;
    for (int i = 0; a->confusion.count && i < a->classes * a->classes; i++)
        all += a->confusion.count[i];
    return a->confusion.count && all ? (double)a->confusion.ignored / (double)all : NAN;
}

const char *answers_note(const struct answers *a)
{
    return a->label_maps ? label_maps_note(a->label_maps) : NULL;
}

static double share(int64_t part, int64_t all)
{
    return all ? (double)part / (double)all : NAN;
}

int answers_finish(struct answers *a, struct score *score, struct score *ann,
                   struct likeness *likeness)
{
    const struct matches *m = &a->matches;
    *likeness = (struct likeness){.pixels = share(a->agreeing, a->pixels),
                                  .recall = share(m->matched, m->truth),
                                  .precision = share(m->matched, m->found),
                                  .error = deviation_share(&a->off_ann)};
    int status = finish(a->classes, a->precision, &a->confusion, score);
    if (!status)
        status = finish(a->classes, a->ann_precision, &a->ann_confusion, ann);
    score->error = deviation_share(&a->off_labels);
    ann->error = deviation_share(&a->ann_off_labels);
    return status;
}
