/* The public face of tasks: what outputs mean, and how good they are. */
#include "adafire.h"
#include "base/error.h"
#include "task/classes.h"
#include "task/detect.h"
#include "task/segment.h"

#include <math.h>
#include <stdlib.h>

struct af_task {
    const struct af_model *model;
    struct task task;
    int classes, output_size;
    int64_t answer_at, answer_size; /* of the values that answer, among all outputs' */
    struct detector *detector;
    struct boxes boxes;
    struct output_table map;
    uint16_t *class_of;
};

static int open_kind(struct af_task *t)
{
    const struct af_model *m = t->model;
    const int answer = model_answer(m);
    int channels;
    t->answer_at = model_output_at(m, answer);
    t->answer_size = output_values(&m->population[answer]);
    t->output_size = (int)model_output_at(m, m->population_count);
    t->classes = task_classes(m, &t->task);
    int status = t->classes < 0 ? t->classes : AF_OK;
    if (!status && t->task.kind == AF_DETECT)
        status = detector_make(m, &t->task, &t->detector);
    if (!status && t->task.kind == AF_SEGMENT) {
        status = segment_output(m, &t->map, &channels);
        t->class_of = status ? NULL : calloc((size_t)t->map.rows, sizeof *t->class_of);
        if (!status && !t->class_of)
            status = af_fail(AF_NO_MEMORY, "no memory for a map");
    }
    return status;
}

int af_task_open(const struct af_model *model, const char *words, struct af_task **task)
{
    if (task)
        *task = NULL;
    if (!model || !task)
        return af_fail(AF_BAD_ARGUMENT, "a model and a place for its task are needed");
    struct af_task *t = calloc(1, sizeof *t);
    if (!t)
        return af_fail(AF_NO_MEMORY, "no memory");
    t->model = model;
    int status = task_of_model(model, words, &t->task);
    if (!status)
        status = open_kind(t);
    if (status)
        af_task_close(t);
    else
        *task = t;
    return status;
}

void af_task_close(struct af_task *t)
{
    if (!t)
        return;
    detector_free(t->detector);
    free(t->boxes.box);
    free(t->class_of);
    free(t);
}

enum af_task_kind af_task_kind(const struct af_task *task)
{
    return task ? task->task.kind : AF_CLASSIFY;
}

int af_task_classes(const struct af_task *task)
{
    return task ? task->classes : 0;
}

static int check(const struct af_task *t, const struct af_result *r, enum af_task_kind kind)
{
    if (!t || !r || !r->output)
        return af_fail(AF_BAD_ARGUMENT, "a task and a result are needed");
    if (t->task.kind != kind)
        return af_fail(AF_BAD_ARGUMENT, "the task is to %s", task_kind_name(t->task.kind));
    if (r->output_size != t->output_size)
        return af_fail(AF_BAD_ARGUMENT, "the result is of another model");
    return AF_OK;
}

int af_answers(struct af_task *t, const struct af_result *r, int most, struct af_answer *answers)
{
    int status = check(t, r, AF_CLASSIFY);
    if (!status && (most < 0 || (most && !answers)))
        status = af_fail(AF_BAD_ARGUMENT, "room for %d answers", most);
    return status ? status
                  : classes_best(r->output + t->answer_at, (int)t->answer_size, most, answers);
}

int64_t af_boxes(struct af_task *t, const struct af_result *r, const struct af_box **boxes)
{
    if (boxes)
        *boxes = NULL;
    int status = check(t, r, AF_DETECT);
    if (!status && !boxes)
        status = af_fail(AF_BAD_ARGUMENT, "a place for boxes is needed");
    if (!status)
        status = detector_decode(t->detector, r->output, &t->boxes);
    if (status)
        return status;
    *boxes = t->boxes.box;
    return t->boxes.count;
}

int af_class_map(struct af_task *t, const struct af_result *r, const uint16_t **map, int *height,
                 int *width)
{
    if (map)
        *map = NULL;
    int status = check(t, r, AF_SEGMENT);
    if (!status && !map)
        status = af_fail(AF_BAD_ARGUMENT, "a place for the map is needed");
    if (status)
        return status;
    segment_decode(&t->map, r->output, t->class_of);
    *map = t->class_of;
    if (height)
        *height = t->map.height;
    if (width)
        *width = t->map.width;
    return AF_OK;
}

double af_overlap(const struct af_box *a, const struct af_box *b)
{
    return a && b ? (double)box_overlap(a, b) : 0;
}

/* ---- Scores ---------------------------------------------------------------------------------- */

struct af_score {
    enum af_task_kind kind;
    int classes;
    struct precision *precision;
    struct confusion confusion;
};

int af_score_open(const struct af_task *task, struct af_score **score)
{
    if (score)
        *score = NULL;
    if (!task || !score)
        return af_fail(AF_BAD_ARGUMENT, "a task and a place for its score are needed");
    if (task->task.kind == AF_CLASSIFY || task->task.kind == AF_VALUES)
        return af_fail(AF_BAD_ARGUMENT,
                       "classes of samples and values are neither boxes nor pixels");
    struct af_score *s = calloc(1, sizeof *s);
    if (!s)
        return af_fail(AF_NO_MEMORY, "no memory");
    s->kind = task->task.kind;
    s->classes = task->classes;
    int status = s->kind == AF_DETECT ? precision_make(s->classes, &s->precision)
                                      : confusion_make(s->classes, &s->confusion);
    if (status)
        af_score_close(s);
    else
        *score = s;
    return status;
}

void af_score_close(struct af_score *s)
{
    if (!s)
        return;
    precision_free(s->precision);
    confusion_free(&s->confusion);
    free(s);
}

int af_score_boxes(struct af_score *s, const struct af_box *found, int64_t found_count,
                   const struct af_box *truth, int64_t truth_count)
{
    if (!s || s->kind != AF_DETECT || found_count < 0 || truth_count < 0 ||
        (found_count && !found) || (truth_count && !truth))
        return af_fail(AF_BAD_ARGUMENT, "a score of boxes, and boxes, are needed");
    const struct {
        const struct af_box *box;
        int64_t count;
    } lists[] = {{found, found_count}, {truth, truth_count}};
    for (int l = 0; l < 2; l++)
        for (int64_t i = 0; i < lists[l].count; i++)
            if (lists[l].box[i].label < 0 || lists[l].box[i].label >= s->classes)
                return af_fail(AF_BAD_ARGUMENT, "a box of class %d of %d", lists[l].box[i].label,
                               s->classes);
    const struct boxes boxes = {.box = (struct af_box *)(uintptr_t)found, .count = found_count};
    return precision_add(s->precision, &boxes, truth, truth_count);
}

int64_t af_boxes_matched(const struct af_box *found, int64_t found_count,
                         const struct af_box *truth, int64_t truth_count)
{
    if (found_count < 0 || truth_count < 0 || (found_count && !found) || (truth_count && !truth))
        return af_fail(AF_BAD_ARGUMENT, "boxes, found and true, are needed");
    const struct boxes boxes = {.box = (struct af_box *)(uintptr_t)found, .count = found_count};
    struct matches matches = {0};
    const int status = boxes_match(&boxes, truth, truth_count, &matches);
    return status ? status : matches.matched;
}

int af_score_map(struct af_score *s, const uint16_t *map, const int32_t *labels, int height,
                 int width)
{
    if (!s || s->kind != AF_SEGMENT || !map || !labels || height < 1 || width < 1)
        return af_fail(AF_BAD_ARGUMENT, "a score of maps, and maps, are needed");
    for (int64_t i = 0; i < (int64_t)height * width; i++)
        if (map[i] >= s->classes)
            return af_fail(AF_BAD_ARGUMENT, "a pixel of class %d of %d", map[i], s->classes);
    const struct output_table table = {.height = height, .width = width};
    const struct tensor t = {.type = DTYPE_I32, .data = (void *)(uintptr_t)labels};
    confusion_add(&s->confusion, &table, map, &t, height, width);
    return AF_OK;
}

int af_score_finish(struct af_score *s, double *mean, double *pixels, double *each)
{
    if (!s)
        return af_fail(AF_BAD_ARGUMENT, "a score is needed");
    double *own = each ? each : malloc((size_t)s->classes * sizeof *own);
    if (!own)
        return af_fail(AF_NO_MEMORY, "no memory for %d classes", s->classes);
    const double all = s->kind == AF_DETECT ? precision_finish(s->precision, own)
                                            : confusion_iou(&s->confusion, own);
    if (mean)
        *mean = all;
    if (pixels)
        *pixels = s->kind == AF_SEGMENT ? confusion_pixels(&s->confusion) : NAN;
    if (!each)
        free(own);
    return AF_OK;
}
