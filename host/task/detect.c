#include "task/detect.h"

#include "base/error.h"
#include "base/npy.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A class has no more candidates than this; NMS compares all pairs. */
enum {
    CANDIDATES_MOST = 4096,
    OUTPUTS_MOST = 64,
    COORDINATES = 4,
    LABEL_COLUMNS = 6,
    COLUMNS_MOST = 1 << 20
};
#define SAMPLES_MOST (1 << 24) /* a float32 counts no further */
/* No box is larger than exp(4) times its anchor: an untrained exponent must not become infinite. */
#define EXPONENT_MOST 4.f
#define OVERLAP_RIGHT 0.5f

/* What predicts one box. */
struct anchor {
    float x, y, width, height; /* pixels */
    float shift_x, shift_y;    /* pixels for an offset of 1 */
    int64_t score, box;        /* where its first score and coordinate are in the output */
    int64_t score_step, box_step;
};

struct detector {
    struct task task;
    int classes;
    float exponent;
    int64_t count;
    struct anchor *anchor;
    struct boxes candidate;
};

int boxes_add(struct boxes *b, const struct af_box *box)
{
    if (b->count == b->room) {
        int64_t room = b->room ? b->room * 2 : 64;
        struct af_box *grown = realloc(b->box, (size_t)room * sizeof *grown);
        if (!grown)
            return af_fail(AF_NO_MEMORY, "no memory for %lld boxes", (long long)room);
        b->box = grown;
        b->room = room;
    }
    b->box[b->count++] = *box;
    return AF_OK;
}

/* ---- Heads ---------------------------------------------------------------------------------- */

static int make_anchors(struct detector *d, int64_t count)
{
    d->count = count;
    d->anchor = calloc((size_t)count, sizeof *d->anchor);
    return d->anchor ? AF_OK
                     : af_fail(AF_NO_MEMORY, "no memory for %lld anchors", (long long)count);
}

/* Several maps of one size lie in the outputs like one with all their channels. */
static int centre_head(struct detector *d, const struct af_model *m, const struct output_table *t,
                       int outputs)
{
    const int *picture = m->population[0].shape;
    int64_t columns = 0;
    bool good = true;
    for (int i = 0; i < outputs; i++) {
        good = good && t[i].row_step == 1 && t[i].height == t->height && t[i].width == t->width;
        columns += t[i].columns;
    }
    if (!good || columns <= COORDINATES || columns > COLUMNS_MOST)
        return af_fail(AF_BAD_ARGUMENT,
                       "%s: a detector without anchors has one output [N,classes+4,H,W], or its "
                       "parts as outputs of their own",
                       m->name);
    float stride = d->task.stride > 0 ? d->task.stride : (float)picture[2] / (float)t->width;
    float size = d->task.size > 0 ? d->task.size : stride;
    d->classes = (int)columns - COORDINATES;
    d->exponent = 1;
    int status = make_anchors(d, t->rows);
    for (int64_t i = 0; !status && i < t->rows; i++) {
        int64_t score = t->at + i * t->row_step;
        d->anchor[i] = (struct anchor){.x = ((float)(i % t->width) + 0.5f) * stride,
                                       .y = ((float)(i / t->width) + 0.5f) * stride,
                                       .width = size,
                                       .height = size,
                                       .shift_x = stride,
                                       .shift_y = stride,
                                       .score = score,
                                       .box = score + d->classes * t->column_step,
                                       .score_step = t->column_step,
                                       .box_step = t->column_step};
    }
    return status;
}

static int cells(int pixels, float stride)
{
    return (int)ceilf((float)pixels / stride);
}

static void place_anchors(struct detector *d, const int *picture)
{
    int64_t n = 0;
    for (int l = 0; l < d->task.level_count; l++) {
        const struct anchor_level *level = &d->task.level[l];
        int height = cells(picture[1], level->stride), width = cells(picture[2], level->stride);
        for (int i = 0; i < height * width * level->count; i++) {
            int cell = i / level->count;
            const float *size = level->size[i % level->count];
            d->anchor[n++] = (struct anchor){.x = ((float)(cell % width) + 0.5f) * level->stride,
                                             .y = ((float)(cell / width) + 0.5f) * level->stride,
                                             .width = size[0],
                                             .height = size[1],
                                             .shift_x = d->task.variance[0] * size[0],
                                             .shift_y = d->task.variance[0] * size[1]};
        }
    }
}

/* Anchors that share the cell of a map: those of level number `index` among outputs of its kind; 1
 * where the anchors are rows already. */
static int64_t anchors_per_cell(const struct detector *d, const struct output_table *t, int index)
{
    return t->row_step != 1 ? 1 : index < d->task.level_count ? d->task.level[index].count : 0;
}

/* Points the next anchors at the scores or boxes in one output of `values` columns each. */
static bool point_anchors(struct detector *d, const struct output_table *t, int64_t each,
                          int64_t values, bool boxes, int64_t *from)
{
    if (!each || t->columns != each * values || t->rows * each > d->count - *from)
        return false;
    for (int64_t i = 0; i < t->rows * each; i++) {
        struct anchor *a = &d->anchor[*from + i];
        int64_t at = t->at + i / each * t->row_step + i % each * values * t->column_step;
        *(boxes ? &a->box : &a->score) = at;
        *(boxes ? &a->box_step : &a->score_step) = t->column_step;
    }
    *from += t->rows * each;
    return true;
}

static int fail_outputs(const struct detector *d, const struct af_model *m)
{
    return af_fail(AF_BAD_ARGUMENT,
                   "%s: %lld anchors need outputs [N,%lld,scores] and [N,%lld,4], or two maps "
                   "[N,anchors*scores,H,W] and [N,anchors*4,H,W] for each of the %d lines",
                   m->name, (long long)d->count, (long long)d->count, (long long)d->count,
                   d->task.level_count);
}

/* Which outputs are boxes: those of four columns an anchor. Where all have four, the task says
 * which half. */
static void tell_boxes(const struct detector *d, const struct output_table *t, int outputs,
                       bool *is_box)
{
    int half = outputs / 2, boxes = 0;
    bool all = true;
    for (int i = 0; i < outputs; i++)
        all = all && t[i].columns == COORDINATES * anchors_per_cell(d, &t[i], i % half);
    for (int i = 0; i < outputs; i++) {
        is_box[i] = all ? (i < half) == d->task.boxes_first
                        : t[i].columns == COORDINATES * anchors_per_cell(d, &t[i], boxes);
        boxes += is_box[i];
    }
}

static int anchor_head(struct detector *d, const struct af_model *m, const struct output_table *t,
                       int outputs)
{
    const int *picture = m->population[0].shape;
    int64_t count = 0, done[2] = {0}, values[2] = {0, COORDINATES};
    int index[2] = {0};
    bool is_box[OUTPUTS_MOST];
    for (int l = 0; l < d->task.level_count; l++)
        count += (int64_t)cells(picture[1], d->task.level[l].stride) *
                 cells(picture[2], d->task.level[l].stride) * d->task.level[l].count;
    int status = make_anchors(d, count);
    if (status)
        return status;
    place_anchors(d, picture);
    if (outputs % 2)
        return fail_outputs(d, m);
    tell_boxes(d, t, outputs, is_box);
    for (int i = 0; i < outputs; i++) {
        int kind = is_box[i];
        int64_t each = anchors_per_cell(d, &t[i], index[kind]++);
        if (!values[kind] && each)
            values[kind] = t[i].columns / each;
        if (!point_anchors(d, &t[i], each, values[kind], is_box[i], &done[kind]))
            return fail_outputs(d, m);
    }
    if (done[0] != count || done[1] != count)
        return fail_outputs(d, m);
    d->classes = (int)values[0] - d->task.softmax;
    d->exponent = d->task.variance[1];
    return d->classes > 0
               ? AF_OK
               : af_fail(AF_BAD_ARGUMENT,
                         "%s: softmax needs a background and a class; 'scores sigmoid'?", m->name);
}

int detector_make(const struct af_model *m, const struct task *task, struct detector **detector)
{
    struct output_table table[OUTPUTS_MOST];
    int outputs = task_outputs(m, table, OUTPUTS_MOST);
    *detector = NULL;
    if (outputs > OUTPUTS_MOST)
        return af_fail(AF_UNSUPPORTED, "%s: more than %d outputs", m->name, OUTPUTS_MOST);
    struct detector *d = calloc(1, sizeof *d);
    if (!d)
        return af_fail(AF_NO_MEMORY, "%s: no memory", m->name);
    d->task = *task;
    int status =
        task->level_count ? anchor_head(d, m, table, outputs) : centre_head(d, m, table, outputs);
    if (status)
        detector_free(d);
    else
        *detector = d;
    return status;
}

void detector_free(struct detector *d)
{
    if (!d)
        return;
    free(d->anchor);
    free(d->candidate.box);
    free(d);
}

int detector_classes(const struct detector *d)
{
    return d->classes;
}

/* ---- Decoding ------------------------------------------------------------------------------- */

static float score_of(const struct detector *d, const struct anchor *a, const float *output,
                      int class)
{
    const float *v = output + a->score;
    if (!d->task.softmax)
        return 1 / (1 + expf(-v[class * a->score_step]));
    float mine = v[(class + 1) * a->score_step], sum = 0;
    for (int c = 0; c <= d->classes; c++)
        sum += expf(v[c * a->score_step] - mine);
    return 1 / sum;
}

static float grow(float exponent)
{
    return expf(fminf(fmaxf(exponent, -EXPONENT_MOST), EXPONENT_MOST));
}

static struct af_box box_of(const struct detector *d, const struct anchor *a, const float *output)
{
    const float *v = output + a->box;
    float x = a->x + v[0] * a->shift_x, y = a->y + v[a->box_step] * a->shift_y;
    float w = a->width * grow(v[2 * a->box_step] * d->exponent) / 2;
    float h = a->height * grow(v[3 * a->box_step] * d->exponent) / 2;
    return (struct af_box){.x1 = x - w, .y1 = y - h, .x2 = x + w, .y2 = y + h};
}

float box_overlap(const struct af_box *a, const struct af_box *b)
{
    float w = fminf(a->x2, b->x2) - fmaxf(a->x1, b->x1);
    float h = fminf(a->y2, b->y2) - fmaxf(a->y1, b->y1);
    if (!(w > 0) || !(h > 0))
        return 0;
    float both = w * h;
    return both / ((a->x2 - a->x1) * (a->y2 - a->y1) + (b->x2 - b->x1) * (b->y2 - b->y1) - both);
}

/* The better first; equals in the order of what is at their addresses' place in the array, which
 * `class` holds while candidates are sorted. */
static int by_score(const void *a, const void *b)
{
    const struct af_box *p = a, *q = b;
    return p->score > q->score ? -1 : p->score < q->score ? 1 : p->label - q->label;
}

static int keep_best(struct detector *d, int class, struct boxes *boxes)
{
    struct boxes *c = &d->candidate;
    int64_t begin = boxes->count, most = c->count < CANDIDATES_MOST ? c->count : CANDIDATES_MOST;
    int status = AF_OK;
    for (int64_t i = 0; i < c->count; i++)
        c->box[i].label = (int)i;
    if (c->count)
        qsort(c->box, (size_t)c->count, sizeof *c->box, by_score);
    for (int64_t i = 0; !status && i < most; i++) {
        bool keep = true;
        for (int64_t j = begin; keep && j < boxes->count; j++)
            keep = box_overlap(&c->box[i], &boxes->box[j]) < d->task.overlap;
        c->box[i].label = class;
        if (keep)
            status = boxes_add(boxes, &c->box[i]);
    }
    return status;
}

int detector_decode(struct detector *d, const float *output, struct boxes *boxes)
{
    int status = AF_OK;
    boxes->count = 0;
    for (int class = 0; !status && class < d->classes; class ++) {
        d->candidate.count = 0;
        for (int64_t i = 0; !status && i < d->count; i++) {
            float score = score_of(d, &d->anchor[i], output, class);
            if (!(score > d->task.threshold))
                continue;
            struct af_box box = box_of(d, &d->anchor[i], output);
            box.score = score;
            status = boxes_add(&d->candidate, &box);
        }
        if (!status)
            status = keep_best(d, class, boxes);
    }
    return status;
}

/* ---- Evaluation ----------------------------------------------------------------------------- */

struct found {
    float score;
    int label;
    bool right;
    int64_t order;
};

struct precision {
    int classes;
    int64_t *truth; /* [classes] boxes there are */
    struct found *found;
    int64_t count, room;
};

int precision_make(int classes, struct precision **precision)
{
    struct precision *p = calloc(1, sizeof *p);
    if (p)
        p->truth = calloc((size_t)classes, sizeof *p->truth);
    *precision = p && p->truth ? p : NULL;
    if (*precision) {
        p->classes = classes;
        return AF_OK;
    }
    free(p);
    return af_fail(AF_NO_MEMORY, "no memory");
}

void precision_free(struct precision *p)
{
    if (!p)
        return;
    free(p->truth);
    free(p->found);
    free(p);
}

static int add_found(struct precision *p, const struct af_box *box, bool right)
{
    if (p->count == p->room) {
        int64_t room = p->room ? p->room * 2 : 256;
        struct found *grown = realloc(p->found, (size_t)room * sizeof *grown);
        if (!grown)
            return af_fail(AF_NO_MEMORY, "no memory for %lld boxes", (long long)room);
        p->found = grown;
        p->room = room;
    }
    p->found[p->count] = (struct found){box->score, box->label, right, p->count};
    p->count++;
    return AF_OK;
}

/* The unused true box of its class that a box overlaps most, if by enough; -1: none. */
static int64_t find_match(const struct af_box *box, const struct af_box *truth, int64_t count,
                          const bool *used)
{
    int64_t best = -1;
    float most = 0;
    for (int64_t j = 0; j < count; j++) {
        const float overlap =
            truth[j].label == box->label && !used[j] ? box_overlap(box, &truth[j]) : 0;
        if (overlap > most) {
            most = overlap;
            best = j;
        }
    }
    return most >= OVERLAP_RIGHT ? best : -1;
}

/* right[found->count]: whether each has its true box. */
static int find_matches(const struct boxes *found, const struct af_box *truth, int64_t count,
                        bool **right)
{
    bool *used = calloc((size_t)count + 1, sizeof *used);
    *right = calloc((size_t)found->count + 1, sizeof **right);
    int status = used && *right ? AF_OK : af_fail(AF_NO_MEMORY, "no memory for boxes");
    for (int64_t i = 0; !status && i < found->count; i++) {
        const int64_t match = find_match(&found->box[i], truth, count, used);
        (*right)[i] = match >= 0;
        if (match >= 0)
            used[match] = true;
    }
    free(used);
    return status;
}

int boxes_match(const struct boxes *found, const struct af_box *truth, int64_t truth_count,
                struct matches *matches)
{
    bool *right = NULL;
    int status = find_matches(found, truth, truth_count, &right);
    for (int64_t i = 0; !status && i < found->count; i++)
        matches->matched += right[i];
    matches->found += found->count;
    matches->truth += truth_count;
    free(right);
    return status;
}

int precision_add(struct precision *p, const struct boxes *found, const struct af_box *truth,
                  int64_t truth_count)
{
    bool *right = NULL;
    int status = find_matches(found, truth, truth_count, &right);
    for (int64_t i = 0; i < truth_count; i++)
        p->truth[truth[i].label]++;
    for (int64_t i = 0; !status && i < found->count; i++)
        status = add_found(p, &found->box[i], right[i]);
    free(right);
    return status;
}

static int by_class(const void *a, const void *b)
{
    const struct found *p = a, *q = b;
    if (p->label != q->label)
        return p->label - q->label;
    if (p->score > q->score || p->score < q->score)
        return p->score > q->score ? -1 : 1;
    return p->order < q->order ? -1 : 1;
}

/* Area under the monotonous precision: walked from the last detection to the first, each right one
 * adds 1 / truth of recall at the best precision that is still to be had. */
static double average_precision(const struct found *f, int64_t count, int64_t truth)
{
    int64_t right = 0;
    double best = 0, area = 0;
    for (int64_t i = 0; i < count; i++)
        right += f[i].right;
    for (int64_t i = count - 1; i >= 0; i--) {
        best = fmax(best, (double)right / (double)(i + 1));
        area += f[i].right ? best / (double)truth : 0;
        right -= f[i].right;
    }
    return area;
}

double precision_finish(struct precision *p, double *ap)
{
    double sum = 0;
    int present = 0;
    int64_t begin = 0;
    if (p->count)
        qsort(p->found, (size_t)p->count, sizeof *p->found, by_class);
    for (int c = 0; c < p->classes; c++) {
        int64_t end = begin;
        while (end < p->count && p->found[end].label == c)
            end++;
        ap[c] = NAN;
        if (p->truth[c]) {
            ap[c] = average_precision(p->found + begin, end - begin, p->truth[c]);
            sum += ap[c];
            present++;
        }
        begin = end;
    }
    return present ? sum / present : NAN;
}

/* ---- Labels --------------------------------------------------------------------------------- */

static int read_label(const char *path, const struct tensor *t, int64_t row, int classes,
                      int64_t *sample, struct af_box *box)
{
    double v[LABEL_COLUMNS];
    for (int i = 0; i < LABEL_COLUMNS; i++) {
        v[i] = tensor_get(t, row * LABEL_COLUMNS + i);
        if (!(fabs(v[i]) <= 1e9))
            return af_fail(AF_BAD_FILE, "%s: row %lld holds %g", path, (long long)row, v[i]);
    }
    if (v[0] < 0 || v[0] != floor(v[0]) || v[0] >= SAMPLES_MOST)
        return af_fail(AF_BAD_FILE, "%s: row %lld belongs to sample %g", path, (long long)row,
                       v[0]);
    if (v[1] < 0 || v[1] != floor(v[1]) || v[1] >= classes)
        return af_fail(AF_BAD_FILE, "%s: row %lld is of class %g, but the network has %d", path,
                       (long long)row, v[1], classes);
    if (v[2] > v[4] || v[3] > v[5])
        return af_fail(AF_BAD_FILE,
                       "%s: row %lld is no box: x1,y1 must not be right of or below "
                       "x2,y2",
                       path, (long long)row);
    *sample = (int64_t)v[0];
    *box = (struct af_box){(float)v[2], (float)v[3], (float)v[4], (float)v[5], 0, (int)v[1]};
    return AF_OK;
}

/* Counting sort by sample: rows may come in any order. */
static int sort_labels(const char *path, const struct tensor *t, int classes,
                       struct box_labels *labels)
{
    int64_t rows = t->dim[0], last = -1, sample = 0;
    struct af_box box;
    for (int64_t i = 0; i < rows; i++) {
        int status = read_label(path, t, i, classes, &sample, &box);
        if (status)
            return status;
        last = sample > last ? sample : last;
    }
    labels->samples = last + 1;
    labels->start = calloc((size_t)last + 3, sizeof *labels->start);
    labels->box = calloc((size_t)rows + 1, sizeof *labels->box);
    if (!labels->start || !labels->box)
        return af_fail(AF_NO_MEMORY, "%s: no memory for the boxes of %lld samples", path,
                       (long long)last + 1);
    for (int64_t i = 0; i < rows; i++)
        labels->start[(int64_t)tensor_get(t, i * LABEL_COLUMNS) + 2]++;
    for (int64_t i = 2; i < last + 3; i++)
        labels->start[i] += labels->start[i - 1];
    for (int64_t i = 0; i < rows; i++) {
        read_label(path, t, i, classes, &sample, &box);
        labels->box[labels->start[sample + 1]++] = box;
    }
    return AF_OK;
}

int box_labels_read(const char *path, int classes, struct box_labels *labels)
{
    struct tensor t;
    *labels = (struct box_labels){0};
    int status = npy_read(path, &t);
    if (!status && (t.rank != 2 || t.dim[1] != LABEL_COLUMNS))
        status = af_fail(AF_BAD_FILE, "%s: boxes are rows of sample,class,x1,y1,x2,y2", path);
    if (!status)
        status = sort_labels(path, &t, classes, labels);
    tensor_free(&t);
    if (status)
        box_labels_free(labels);
    return status;
}

void box_labels_free(struct box_labels *labels)
{
    free(labels->box);
    free(labels->start);
    *labels = (struct box_labels){0};
}
