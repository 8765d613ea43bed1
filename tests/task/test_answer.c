/* Tasks: their words, boxes and class maps out of raw outputs, how good they are, and pictures. */
#include "test.h"

#include "adafire.h"
#include "base/npy.h"
#include "run/answer.h"
#include "run/canvas.h"
#include "task/classes.h"

#include <math.h>
#include <png.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/adafire-answer-XXXXXX";

static const char *in_folder(const char *name)
{
    static char path[8][160];
    static int at;
    char *p = path[at++ % 8];
    snprintf(p, sizeof path[0], "%s/%s", folder, name);
    return p;
}

static const char *put_npy(const char *name, enum dtype type, int rank, const int64_t *dim,
                           const void *data)
{
    struct tensor t;
    const char *path = in_folder(name);
    if (tensor_make(&t, type, rank, dim))
        abort();
    memcpy(t.data, data, (size_t)t.count * dtype_size(type));
    if (npy_write(path, &t))
        abort();
    tensor_free(&t);
    return path;
}

/* ---- Words ---------------------------------------------------------------------------------- */

static void check_refused(const char *text, const char *why)
{
    struct task t;
    CHECK_EQ(task_parse("it", text, &t), AF_BAD_FILE);
    CHECK_ERROR(why);
}

TEST(words)
{
    struct task t;
    CHECK_EQ(task_parse("it", "classify", &t), 0);
    CHECK_EQ(t.kind, AF_CLASSIFY);
    CHECK_EQ(task_parse("it", " segment # roads\n", &t), 0);
    CHECK_EQ(t.kind, AF_SEGMENT);
    CHECK_EQ(task_parse("it", "detect", &t), 0);
    CHECK(t.kind == AF_DETECT && t.level_count == 0 && t.stride == 0 && t.size == 0);
    CHECK(t.threshold == 0.1f && t.overlap == 0.45f && !t.softmax);
    CHECK_EQ(task_parse("it", "detect\nstride 8 # pixels\n\tsize 32\nthreshold .3 overlap 0.6", &t),
             0);
    CHECK(t.stride == 8 && t.size == 32 && t.threshold == 0.3f && t.overlap == 0.6f);
    CHECK_EQ(task_parse("it", "detect anchor 8 10 16x24.5 anchor 16 32 variance 0.2 0.4", &t), 0);
    CHECK(t.level_count == 2 && t.softmax && !t.boxes_first);
    CHECK(t.level[0].count == 2 && t.level[1].count == 1 && t.level[1].stride == 16);
    CHECK(t.level[0].size[1][0] == 16 && t.level[0].size[1][1] == 24.5f);
    CHECK(t.variance[0] == 0.2f && t.variance[1] == 0.4f);
    CHECK_EQ(task_parse("it", "detect anchor 8 10 scores sigmoid boxes first", &t), 0);
    CHECK(!t.softmax && t.boxes_first);
}

TEST(wrong_words)
{
    check_refused("", "it: a task is classify, detect, segment or values, not ''");
    check_refused("guess", "not 'guess'");
    check_refused("segment 11", "takes nothing more, not '11'");
    check_refused("detect fast", "not 'fast'");
    check_refused("detect stride", "'stride' needs a number");
    check_refused("detect stride -1", "not '-1'");
    check_refused("detect stride 8px", "not '8px'");
    check_refused("detect size nan", "not 'nan'");
    check_refused("detect threshold 2", "from 0 to 1");
    check_refused("detect anchor 8", "needs a stride and sizes");
    check_refused("detect anchor 8 x", "needs a stride and sizes");
    check_refused("detect anchor 8 0", "needs a stride and sizes");
    check_refused("detect anchor 8 10 10x", "not '10x'");
    check_refused("detect anchor 8 10 stride 8", "without anchors");
    check_refused("detect scores softmax", "with anchors");
    check_refused("detect anchor 8 10 scores maybe", "softmax or sigmoid");
    check_refused("detect anchor 8 10 variance 1", "needs a number");
    char many[4096] = "detect";
    for (int i = 0; i < 17; i++)
        strcat(many, " anchor 8 10");
    check_refused(many, "more than 16 maps");
    strcpy(many, "detect anchor 8");
    for (int i = 0; i < 33; i++)
        strcat(many, " 10");
    check_refused(many, "more than 32 anchors");
    memset(many, 'x', 200);
    many[200] = 0;
    check_refused(many, "too long");
}

TEST(given)
{
    char *words;
    const char *path = in_folder("task.txt");
    FILE *f = fopen(path, "w");
    if (!f || fputs("# cells\ndetect\n  size 32 # pixels\n\n", f) < 0 || fclose(f))
        abort();
    CHECK_EQ(task_words(path, &words), 0);
    CHECK(words && strcmp(words, "detect size 32") == 0);
    free(words);
    CHECK_EQ(task_words("segment ", &words), 0);
    CHECK(words && strcmp(words, "segment") == 0);
    free(words);
    CHECK_EQ(task_words(folder, &words), AF_IO);
    CHECK(!words);
}

/* ---- Models: shapes of input and outputs are all that tasks look at -------------------------- */

struct outline {
    struct neurons population[4];
    struct af_model model;
};

static void outline(struct outline *o, int channels, int height, int width)
{
    static char name[] = "m";
    *o = (struct outline){.population[0] = {.kind = AF_INPUT, .shape = {channels, height, width}}};
    o->model = (struct af_model){.name = name, .population = o->population, .population_count = 1};
}

static void add_output(struct outline *o, int rank, int64_t a, int64_t b, int64_t c)
{
    struct neurons *p = &o->population[o->model.population_count++];
    *p = (struct neurons){.kind = AF_OUTPUT, .rank = rank, .dim = {1, a, b, c}};
    p->shape[0] = (int)a;
    p->shape[1] = rank > 2 ? (int)b : 1;
    p->shape[2] = rank > 3 ? (int)c : 1;
    o->model.population = o->population;
}

static struct task parsed(const char *text)
{
    struct task t;
    if (task_parse("it", text, &t))
        abort();
    return t;
}

TEST(own_task)
{
    struct outline o;
    struct task t;
    struct fact fact = {(char[]){"task"}, (char[]){"detect size 5"}};
    outline(&o, 3, 8, 8);
    add_output(&o, 2, 10, 1, 1);
    CHECK_EQ(task_of_model(&o.model, NULL, &t), 0);
    CHECK_EQ(t.kind, AF_CLASSIFY);
    CHECK_EQ(task_classes(&o.model, &t), 10);
    t = parsed("segment");
    CHECK_EQ(task_classes(&o.model, &t), AF_BAD_ARGUMENT);
    CHECK_ERROR("[N,classes,H,W]");
    outline(&o, 3, 8, 8);
    add_output(&o, 4, 7, 4, 4);
    CHECK_EQ(task_of_model(&o.model, NULL, &t), 0);
    CHECK_EQ(t.kind, AF_SEGMENT);
    CHECK_EQ(task_classes(&o.model, &t), 7);
    o.model.fact = &fact;
    o.model.fact_count = 1;
    CHECK_EQ(task_of_model(&o.model, NULL, &t), 0);
    CHECK(t.kind == AF_DETECT && t.size == 5);
    CHECK_EQ(task_classes(&o.model, &t), 3);
    CHECK_EQ(task_of_model(&o.model, "segment", &t), 0);
    CHECK_EQ(t.kind, AF_SEGMENT);
    fact.value[0] = 'x';
    CHECK_EQ(task_of_model(&o.model, NULL, &t), AF_BAD_FILE);
}

/* ---- Boxes ---------------------------------------------------------------------------------- */

static bool is_box(const struct af_box *b, int class, float x1, float y1, float x2, float y2)
{
    return b->label == class && fabsf(b->x1 - x1) < 1e-3f && fabsf(b->y1 - y1) < 1e-3f &&
           fabsf(b->x2 - x2) < 1e-3f && fabsf(b->y2 - y2) < 1e-3f;
}

static struct detector *open_detector(const struct outline *o, const char *task)
{
    struct detector *d;
    struct task t = parsed(task);
    if (detector_make(&o->model, &t, &d)) {
        printf("%s\n", af_error());
        abort();
    }
    return d;
}

static void check_no_detector(const struct outline *o, const char *task, const char *why)
{
    struct detector *d;
    struct task t = parsed(task);
    CHECK(detector_make(&o->model, &t, &d) < 0);
    CHECK_ERROR(why);
    CHECK(!d);
}

TEST(centre_head)
{
    enum { W = 5, H = 3, AREA = W * H };
    struct outline o;
    struct boxes b = {0};
    float v[6 * AREA];
    outline(&o, 3, 24, 40);
    add_output(&o, 4, 6, H, W);
    struct detector *d = open_detector(&o, "detect size 4 threshold 0.2");
    CHECK_EQ(detector_classes(d), 2);
    for (int i = 0; i < 6 * AREA; i++)
        v[i] = i < 2 * AREA ? -9 : 0;
    CHECK_EQ(detector_decode(d, v, &b), 0);
    CHECK_EQ(b.count, 0);
    /* Class 1 in cell (3, 1): stride 40 / 5 = 8, centre (28, 12) moved by a half and -1 cell. */
    int cell = 1 * W + 3;
    v[AREA + cell] = 2;
    v[2 * AREA + cell] = 0.5f;
    v[3 * AREA + cell] = -1;
    v[4 * AREA + cell] = logf(2);
    v[5 * AREA + cell] = logf(3);
    CHECK_EQ(detector_decode(d, v, &b), 0);
    CHECK_EQ(b.count, 1);
    CHECK(b.count == 1 && is_box(&b.box[0], 1, 32 - 4, 4 - 6, 32 + 4, 4 + 6));
    CHECK(b.count == 1 && fabsf(b.box[0].score - 1 / (1 + expf(-2))) < 1e-6f);
    /* The lesser of two that overlap goes, unless it is of another class. */
    v[AREA + cell + 1] = 1;
    v[2 * AREA + cell + 1] = -0.5f;
    v[3 * AREA + cell + 1] = -1;
    v[4 * AREA + cell + 1] = logf(2);
    v[5 * AREA + cell + 1] = logf(3);
    CHECK_EQ(detector_decode(d, v, &b), 0);
    CHECK_EQ(b.count, 1);
    v[cell + 1] = 3;
    CHECK_EQ(detector_decode(d, v, &b), 0);
    CHECK(b.count == 2 && b.box[0].label == 0 && b.box[1].label == 1);
    CHECK(b.count == 2 && fabsf(b.box[1].score - 1 / (1 + expf(-2))) < 1e-6f);
    /* Whatever the numbers: boxes are finite in number and no score is out of range. */
    for (int i = 0; i < 6 * AREA; i++)
        v[i] = i % 3 == 0 ? 1e30f : i % 3 == 1 ? -1e30f : NAN;
    CHECK_EQ(detector_decode(d, v, &b), 0);
    CHECK(b.count <= 2 * AREA);
    detector_free(d);
    free(b.box);
    check_no_detector(&o, "detect anchor 8 8", "anchors need outputs");
    add_output(&o, 4, 6, H, W + 1);
    check_no_detector(&o, "detect", "one output");
    outline(&o, 3, 24, 40); /* in parts: the same flat outputs */
    add_output(&o, 4, 2, H, W);
    add_output(&o, 4, 2, H, W);
    add_output(&o, 4, 2, H, W);
    for (int i = 0; i < 6 * AREA; i++)
        v[i] = i == AREA + cell ? 2 : i < 2 * AREA ? -9 : 0;
    struct boxes parts = {0};
    d = open_detector(&o, "detect size 4 threshold 0.2");
    CHECK_EQ(detector_decode(d, v, &parts), 0);
    CHECK(parts.count == 1 && is_box(&parts.box[0], 1, 28 - 2, 12 - 2, 28 + 2, 12 + 2));
    detector_free(d);
    free(parts.box);
    outline(&o, 3, 24, 40);
    add_output(&o, 4, 4, H, W);
    check_no_detector(&o, "detect", "one output [N,classes+4,H,W]");
}

/* Two maps: 2 x 3 cells of stride 8 with two anchors, 1 x 2 of stride 16 with one: 14 anchors. */
static const char ssd[] = "detect anchor 8 4 6x8 anchor 16 20 threshold 0.3";
enum { ANCHORS = 14 };

/* Scores of background and two classes and boxes for anchor `n`, wherever they belong. */
static void set_anchor(float *scores, int64_t score_step, float *boxes, int64_t box_step)
{
    static const float s[] = {1, 0, 3}, b[] = {0.5f, -1, 1, 0};
    for (int i = 0; i < 3; i++)
        scores[i * score_step] = s[i];
    for (int i = 0; i < 4; i++)
        boxes[i * box_step] = b[i];
}

/* Anchor 9 = cell 4 (x 1, y 1) of the first map, its second box: at (12, 12), 6 x 8. */
static void check_anchor_9(struct detector *d, const float *v)
{
    struct boxes b = {0};
    CHECK_EQ(detector_classes(d), 2);
    CHECK_EQ(detector_decode(d, v, &b), 0);
    CHECK_EQ(b.count, 1);
    float x = 12 + 0.5f * 0.1f * 6, y = 12 - 0.1f * 8, w = 6 * expf(0.2f), h = 8;
    CHECK(b.count == 1 && is_box(&b.box[0], 1, x - w / 2, y - h / 2, x + w / 2, y + h / 2));
    float p = expf(3) / (expf(1) + expf(0) + expf(3));
    CHECK(b.count == 1 && fabsf(b.box[0].score - p) < 1e-5f);
    free(b.box);
}

static void quiet_scores(float *v, int count, int step)
{
    for (int i = 0; i < count; i++) /* all background */
        v[i * step] = 9;
}

TEST(anchors_in_rows)
{
    struct outline o;
    float v[ANCHORS * 7] = {0}, turned[ANCHORS * 7] = {0};
    outline(&o, 3, 16, 24);
    add_output(&o, 3, ANCHORS, 3, 1);
    add_output(&o, 3, ANCHORS, 4, 1);
    struct detector *d = open_detector(&o, ssd);
    quiet_scores(v, ANCHORS, 3);
    set_anchor(v + 3 * 9, 1, v + 3 * ANCHORS + 4 * 9, 1);
    check_anchor_9(d, v);
    detector_free(d);
    check_no_detector(&o, "detect anchor 8 4 anchor 16 20", "8 anchors need outputs [N,8,scores]");
    outline(&o, 3, 16, 24); /* boxes in front are told by their four columns */
    add_output(&o, 3, ANCHORS, 4, 1);
    add_output(&o, 3, ANCHORS, 3, 1);
    d = open_detector(&o, ssd);
    memcpy(turned, v + 3 * ANCHORS, 4 * ANCHORS * sizeof *v);
    memcpy(turned + 4 * ANCHORS, v, 3 * ANCHORS * sizeof *v);
    check_anchor_9(d, turned);
    detector_free(d);
    outline(&o, 3, 16, 24); /* three classes and a background have four columns, too */
    add_output(&o, 3, ANCHORS, 4, 1);
    add_output(&o, 3, ANCHORS, 4, 1);
    d = open_detector(&o, "detect anchor 8 4 6x8 anchor 16 20");
    CHECK_EQ(detector_classes(d), 3);
    detector_free(d);
    d = open_detector(&o, "detect anchor 8 4 6x8 anchor 16 20 scores sigmoid boxes first");
    CHECK_EQ(detector_classes(d), 4);
    detector_free(d);
}

TEST(anchors_in_maps)
{
    /* [1,6,2,3], [1,8,2,3], [1,3,1,2], [1,4,1,2]: scores and boxes of the first map, then of the
     * second. */
    enum { SCORES = 0, BOXES = 36, SCORES2 = 84, BOXES2 = 90, ALL = 98 };
    static struct outline o;
    static struct neurons population[5];
    float v[ALL] = {0};
    outline(&o, 3, 16, 24);
    add_output(&o, 4, 6, 2, 3);
    add_output(&o, 4, 8, 2, 3);
    add_output(&o, 4, 3, 1, 2);
    memcpy(population, o.population, sizeof o.population);
    population[4] =
        (struct neurons){.kind = AF_OUTPUT, .rank = 4, .dim = {1, 4, 1, 2}, .shape = {4, 1, 2}};
    o.model.population = population;
    o.model.population_count = 5;
    struct detector *d = open_detector(&o, ssd);
    for (int cell = 0; cell < 6; cell++)
        quiet_scores(v + SCORES + cell, 2, 3 * 6);
    quiet_scores(v + SCORES2, 2, 1);
    set_anchor(v + SCORES + 3 * 6 + 4, 6, v + BOXES + 4 * 6 + 4, 6);
    check_anchor_9(d, v);
    detector_free(d);
}

TEST(overlap)
{
    struct af_box a = {0, 0, 2, 2, 0, 0}, b = {1, 0, 3, 2, 0, 0}, c = {2, 0, 3, 2, 0, 0},
                  point = {1, 1, 1, 1, 0, 0};
    CHECK(fabsf(box_overlap(&a, &b) - 2.f / 6) < 1e-6f);
    CHECK(box_overlap(&a, &a) == 1);
    CHECK(box_overlap(&a, &c) == 0);
    CHECK(box_overlap(&a, &point) == 0);
}

static void found(struct boxes *b, int class, float score, float x)
{
    if (boxes_add(b, &(struct af_box){x, 0, x + 10, 10, score, class}))
        abort();
}

TEST(average_precision)
{
    /* Class 0: two boxes in sample 0, one in sample 1. By score: right, wrong, right, and a second
     * find of the same box, which is wrong: precision 1, 1/2, 2/3, 2/4 at recall 1/3, 1/3, 2/3,
     * 2/3. Area 1/3 + 2/9. Class 1: none found. Class 2: none there. */
    struct precision *p;
    struct boxes b = {0};
    double ap[3];
    const struct af_box first[] = {
        {0, 0, 10, 10, 0, 0}, {20, 0, 30, 10, 0, 0}, {50, 0, 60, 10, 0, 1}};
    const struct af_box second[] = {{0, 0, 10, 10, 0, 0}};
    if (precision_make(3, &p))
        abort();
    found(&b, 0, 0.9f, 1);
    found(&b, 0, 0.7f, 22);
    found(&b, 0, 0.6f, 21);
    CHECK_EQ(precision_add(p, &b, first, 3), 0);
    b.count = 0;
    found(&b, 0, 0.8f, 6);
    found(&b, 2, 0.5f, 0);
    CHECK_EQ(precision_add(p, &b, second, 1), 0);
    double mean = precision_finish(p, ap);
    CHECK(fabs(ap[0] - (1.0 / 3 + 2.0 / 9)) < 1e-9);
    CHECK(ap[1] == 0 && isnan(ap[2]));
    CHECK(fabs(mean - ap[0] / 2) < 1e-9);
    precision_free(p);
    if (precision_make(3, &p))
        abort();
    CHECK(isnan(precision_finish(p, ap)));
    precision_free(p);
    /* Wrong, right, right: precision 0, 1/2, 2/3, of which the better counts at either recall. */
    if (precision_make(1, &p))
        abort();
    b.count = 0;
    found(&b, 0, 0.9f, 200);
    found(&b, 0, 0.8f, 0);
    found(&b, 0, 0.7f, 20);
    CHECK_EQ(precision_add(p, &b, first, 2), 0);
    CHECK(fabs(precision_finish(p, ap) - 2.0 / 3) < 1e-9);
    precision_free(p);
    free(b.box);
}

static void check_bad_labels(const float row[6], const char *why)
{
    struct box_labels l;
    const char *path = put_npy("boxes.npy", DTYPE_F32, 2, (int64_t[]){1, 6}, row);
    CHECK_EQ(box_labels_read(path, 3, &l), AF_BAD_FILE);
    CHECK_ERROR(why);
    CHECK(!l.box && !l.start);
}

TEST(box_labels)
{
    static const float rows[4][6] = {
        {2, 1, 5, 6, 7, 8}, {0, 0, 1, 2, 3, 4}, {2, 0, 0, 0, 1, 1}, {0, 2, 9, 9, 9, 9}};
    struct box_labels l;
    const char *path = put_npy("boxes.npy", DTYPE_F32, 2, (int64_t[]){4, 6}, rows);
    CHECK_EQ(box_labels_read(path, 3, &l), 0);
    CHECK_EQ(l.samples, 3);
    CHECK(l.start[0] == 0 && l.start[1] == 2 && l.start[2] == 2 && l.start[3] == 4);
    CHECK(is_box(&l.box[0], 0, 1, 2, 3, 4) && is_box(&l.box[2], 1, 5, 6, 7, 8));
    box_labels_free(&l);
    CHECK_EQ(box_labels_read(path, 2, &l), AF_BAD_FILE);
    CHECK_ERROR("row 3 is of class 2, but the network has 2");
    check_bad_labels((const float[6]){-1, 0, 0, 0, 1, 1}, "sample -1");
    check_bad_labels((const float[6]){3e8f, 0, 0, 0, 1, 1}, "sample 3e+08");
    check_bad_labels((const float[6]){.5f, 0, 0, 0, 1, 1}, "sample 0.5");
    check_bad_labels((const float[6]){0, 0, 2, 0, 1, 1}, "no box");
    check_bad_labels((const float[6]){0, 0, NAN, 0, 1, 1}, "holds nan");
    path = put_npy("five.npy", DTYPE_F32, 2, (int64_t[]){1, 5}, rows);
    CHECK_EQ(box_labels_read(path, 3, &l), AF_BAD_FILE);
    CHECK_ERROR("sample,class,x1,y1,x2,y2");
}

/* ---- Maps ----------------------------------------------------------------------------------- */

TEST(maps)
{
    struct outline o;
    struct output_table t;
    int classes;
    uint16_t class_of[4];
    static const float v[12] = {1, 0, 0, 5, /**/ 0, 2, 0, 5, /**/ 0, 1, 3, 4};
    outline(&o, 3, 8, 8);
    add_output(&o, 4, 3, 2, 2);
    CHECK_EQ(segment_output(&o.model, &t, &classes), 0);
    CHECK_EQ(classes, 3);
    segment_decode(&t, v, class_of);
    CHECK(class_of[0] == 0 && class_of[1] == 1 && class_of[2] == 2 && class_of[3] == 0);
    outline(&o, 3, 8, 8);
    add_output(&o, 4, 1, 2, 2);
    CHECK_EQ(segment_output(&o.model, &t, &classes), 0);
    CHECK_EQ(classes, 2);
    segment_decode(&t, (const float[4]){-1, 1, 0, 2}, class_of);
    CHECK(class_of[0] == 0 && class_of[1] == 1 && class_of[2] == 0 && class_of[3] == 1);
    outline(&o, 3, 8, 8);
    add_output(&o, 4, 2000, 2, 2);
    CHECK_EQ(segment_output(&o.model, &t, &classes), AF_UNSUPPORTED);
}

TEST(confusions)
{
    /* Labels twice as fine as the answer; 3 and 255 are not of the network's three classes. */
    static const uint16_t answer[4] = {0, 1, 1, 0};
    static const uint8_t label[16] = {0, 0, 1, 1, 0, 0, 1, 0, 255, 3, 0, 0, 1, 1, 0, 0};
    struct output_table t = {.rows = 4, .height = 2, .width = 2};
    struct tensor l = {.type = DTYPE_U8, .data = (void *)(uintptr_t)label};
    struct confusion c;
    double iou[3];
    if (confusion_make(3, &c))
        abort();
    CHECK(isnan(confusion_pixels(&c)) && isnan(confusion_iou(&c, iou)));
    confusion_add(&c, &t, answer, &l, 4, 4);
    CHECK_EQ(c.ignored, 2);
    CHECK_EQ(c.count[0], 8);
    CHECK_EQ(c.count[1], 1);
    CHECK_EQ(c.count[4], 5);
    CHECK(fabs(confusion_pixels(&c) - 13.0 / 14) < 1e-9);
    double mean = confusion_iou(&c, iou);
    CHECK(fabs(iou[0] - 8.0 / 9) < 1e-9 && fabs(iou[1] - 5.0 / 6) < 1e-9 && isnan(iou[2]));
    CHECK(fabs(mean - (8.0 / 9 + 5.0 / 6) / 2) < 1e-9);
    confusion_free(&c);
}

/* ---- Pictures ------------------------------------------------------------------------------- */

/* Pixel (x, y) of a PNG file. */
static void pixel_of(const char *path, int x, int y, uint8_t rgb[3])
{
    png_image image = {.version = PNG_IMAGE_VERSION};
    static uint8_t buffer[3 * 1024 * 1024];
    memset(rgb, 0, 3);
    CHECK(png_image_begin_read_from_file(&image, path));
    image.format = PNG_FORMAT_RGB;
    bool good = PNG_IMAGE_SIZE(image) <= sizeof buffer &&
                png_image_finish_read(&image, NULL, buffer, 0, NULL);
    CHECK(good);
    if (good)
        memcpy(rgb, buffer + 3 * ((size_t)y * image.width + (size_t)x), 3);
}

TEST(canvas)
{
    uint8_t grey[16 * 16], rgb[3];
    float floats[4] = {-1, 0, 1, 3};
    struct canvas c;
    memset(grey, 100, sizeof grey);
    struct tensor t = {.type = DTYPE_U8, .rank = 3, .dim = {1, 16, 16}, .data = grey};
    CHECK_EQ(canvas_make("x", &t, 8, &c), 0);
    CHECK(c.width == 128 && c.height == 128 && c.rgb[0] == 100);
    canvas_box(&c, &(struct af_box){4, 5, 12, 14, 0.5f, 1}, "a");
    /* Outside on all sides, and no number at all: nothing is written beyond the picture. */
    canvas_box(&c, &(struct af_box){-1e9f, -9, 1e9f, 1e30f, 0.5f, 0},
               "a long text that does not fit");
    canvas_box(&c, &(struct af_box){15, 15, 15, 15, 0.5f, 700}, "~");
    canvas_box(&c, &(struct af_box){NAN, NAN, NAN, NAN, 0.5f, 2}, "");
    CHECK_EQ(canvas_write(&c, in_folder("a.png")), 0);
    pixel_of(in_folder("a.png"), 4 * 8, 8 * 8, rgb);
    CHECK(rgb[0] != 100 || rgb[1] != 100 || rgb[2] != 100); /* its left side */
    pixel_of(in_folder("a.png"), 8 * 8, 10 * 8, rgb);
    CHECK(rgb[0] == 100 && rgb[1] == 100 && rgb[2] == 100); /* its inside */
    CHECK_EQ(canvas_write(&c, "/nonexistent/a.png"), AF_IO);
    canvas_free(&c);
    t = (struct tensor){.type = DTYPE_F32, .rank = 3, .dim = {1, 2, 2}, .data = floats};
    CHECK_EQ(canvas_make("x", &t, 1, &c), 0);
    CHECK(c.rgb[0] == 0 && c.rgb[3] == 64 && c.rgb[6] == 128 && c.rgb[9] == 255);
    /* Over the lower half of the picture: class 0 on the left, 1 on the right. */
    canvas_classes(&c, (const uint16_t[]){0, 1}, 1, 2, (const float[]){0, 1},
                   (const float[]){2, 1});
    CHECK(c.rgb[0] == 0 && c.rgb[3] == 64 && c.rgb[1] == 0);
    CHECK(c.rgb[6] != 128 || c.rgb[7] != 128 || c.rgb[8] != 128);
    CHECK(c.rgb[9] != 255 || c.rgb[10] != 255 || c.rgb[11] != 255);
    CHECK(c.rgb[6] - 64 != c.rgb[9] - 127 || c.rgb[7] - 64 != c.rgb[10] - 127);
    canvas_free(&c);
    t.dim[0] = 2;
    CHECK_EQ(canvas_make("x", &t, 1, &c), AF_UNSUPPORTED);
}

/* ---- Whole runs ----------------------------------------------------------------------------- */

static int add(struct answers *a, int index, const char *name, float *output)
{
    static const uint8_t pixels[3 * 4 * 4] = {0};
    struct af_sample sample = {.type = AF_U8, .data = pixels};
    struct af_result result = {.output = output};
    struct answer answer;
    return answers_add(a, index, name, &sample, &(struct view){0}, &result, &answer);
}

TEST(segmentation_run)
{
    static const uint8_t label[2][4][4] = {{{0}}, {{1, 1, 1, 1}, {1, 1, 1, 1}}};
    static float zeros[32], ones[32], both[2][32]; /* [2,4,4] */
    struct outline o;
    struct answers *a;
    struct score score, ann;
    struct likeness like;
    outline(&o, 3, 4, 4);
    add_output(&o, 4, 2, 4, 4);
    for (int i = 0; i < 16; i++)
        zeros[i] = ones[16 + i] = both[0][i] = both[1][i] = 1;
    struct task task = parsed("segment");
    struct answer_options options = {
        .task = &task,
        .labels = put_npy("label.npy", DTYPE_U8, 3, (int64_t[]){2, 4, 4}, label),
        .reference = put_npy("ann.npy", DTYPE_F32, 4, (int64_t[]){2, 2, 4, 4}, both),
        .draw = in_folder("maps"),
        .samples = 2};
    CHECK_EQ(answers_open(&o.model, &options, &a), 0);
    if (!a)
        return;
    CHECK_EQ(add(a, 0, "x.npy[0]", zeros), 0);
    CHECK_EQ(add(a, 1, "b/some.cat.jpg", ones), 0);
    CHECK_EQ(add(a, 1, "x.npy[1]", ones), AF_BAD_FILE);
    CHECK_ERROR("label.npy: holds 2 label maps");
    CHECK_EQ(answers_finish(a, &score, &ann, &like), 0);
    CHECK(fabs(score.pixels - 24.0 / 32) < 1e-9 && fabs(ann.pixels - 24.0 / 32) < 1e-9);
    CHECK(fabs(score.mean - (16.0 / 24 + 8.0 / 16) / 2) < 1e-9);
    CHECK(fabs(ann.mean - 24.0 / 32 / 2) < 1e-9);
    CHECK(fabs(like.pixels - 16.0 / 48) < 1e-9 && isnan(like.recall) && isnan(like.error));
    CHECK(access(in_folder("maps/000000.png"), R_OK) == 0);
    CHECK(access(in_folder("maps/000001-some.cat.png"), R_OK) == 0);
    free(score.each);
    free(ann.each);
    answers_close(a);
    options.labels = put_npy("wrong.npy", DTYPE_U8, 3, (int64_t[]){2, 2, 8}, label);
    CHECK_EQ(answers_open(&o.model, &options, &a), AF_BAD_FILE);
    CHECK_ERROR("wrong.npy");
    CHECK(!a);
    options.labels = NULL;
    options.reference = put_npy("short.npy", DTYPE_F32, 2, (int64_t[]){1, 7}, both);
    CHECK_EQ(answers_open(&o.model, &options, &a), AF_BAD_FILE);
    CHECK_ERROR("one row of 32 values");
    options.reference = NULL;
    options.draw = in_folder("one.png");
    CHECK_EQ(answers_open(&o.model, &options, &a), AF_BAD_ARGUMENT);
    CHECK_ERROR("name a folder");
    options.draw = "/dev/null/folder";
    CHECK_EQ(answers_open(&o.model, &options, &a), AF_IO);
}

/* A sample that was cut from a picture: boxes and colours are where they belong in that. */
TEST(pictures)
{
    static uint8_t white[10 * 16];
    struct outline o;
    struct input *in;
    struct sample s;
    struct answers *a;
    struct answer answer;
    uint8_t rgb[3];
    png_image image = {.version = PNG_IMAGE_VERSION, .width = 16, .height = 10};
    image.format = PNG_FORMAT_GRAY;
    memset(white, 255, sizeof white);
    const char *path = in_folder("white.png");
    CHECK(png_image_write_to_file(&image, path, 0, white, 0, NULL));
    /* Halved to 8 x 5, then the middle 4 x 4: origin (4, 0 or 2), two pixels for each. */
    const struct input_spec spec = {.channels = 1, .height = 4, .width = 4, .resize = 5};
    CHECK_EQ(input_open(&in, &path, 1, &spec), 0);
    CHECK_EQ(input_next(in, &s), 1);
    CHECK(s.view.width == 16 && s.view.height == 10);
    CHECK(s.view.origin[0] == 4 && s.view.step[0] == 2 && s.view.step[1] == 2);
    outline(&o, 1, 4, 4);
    add_output(&o, 4, 5, 1, 1);
    float v[5] = {5, 0, 0, 0, 0}; /* a box of 2 x 2 in the middle, (2, 2) */
    struct task task = parsed("detect size 2");
    struct answer_options options = {.task = &task, .draw = in_folder("drawn.png"), .samples = 1};
    struct af_sample sample = {.type = AF_U8, .data = s.data};
    struct af_result result = {.output = v};
    CHECK_EQ(answers_open(&o.model, &options, &a), 0);
    CHECK_EQ(answers_add(a, 0, s.name, &sample, &s.view, &result, &answer), 0);
    float top = s.view.origin[1];
    CHECK(answer.found->count == 1 && is_box(&answer.found->box[0], 0, 6, top + 2, 10, top + 6));
    answers_close(a);
    pixel_of(in_folder("drawn.png"), 6 * 40, (int)(top + 5) * 40, rgb); /* its left side */
    CHECK(rgb[0] != 255 || rgb[1] != 255 || rgb[2] != 255);
    pixel_of(in_folder("drawn.png"), 12 * 40, (int)(top + 5) * 40, rgb);
    CHECK(rgb[0] == 255 && rgb[1] == 255 && rgb[2] == 255);
    outline(&o, 1, 4, 4);
    add_output(&o, 4, 2, 2, 2);
    float map[8] = {1, 1, 1, 1};
    task = parsed("segment");
    result.output = map;
    options.draw = in_folder("coloured.png");
    CHECK_EQ(answers_open(&o.model, &options, &a), 0);
    CHECK_EQ(answers_add(a, 0, s.name, &sample, &s.view, &result, &answer), 0);
    answers_close(a);
    pixel_of(in_folder("coloured.png"), 3, 5, rgb); /* beside what the network saw */
    CHECK(rgb[0] == 255 && rgb[1] == 255 && rgb[2] == 255);
    pixel_of(in_folder("coloured.png"), 4, 5, rgb);
    CHECK(rgb[0] != 255 || rgb[1] != 255 || rgb[2] != 255);
    input_close(in);
}

/* Class maps as grey pictures; colours are no classes. */
TEST(label_pictures)
{
    static const uint8_t grey[16] = {0, 1}, colours[48] = {9, 8, 7};
    struct outline o;
    struct answers *a;
    static float out[32];
    png_image image = {.version = PNG_IMAGE_VERSION, .width = 4, .height = 4};
    image.format = PNG_FORMAT_GRAY;
    const char *path = in_folder("label.png");
    CHECK(png_image_write_to_file(&image, path, 0, grey, 0, NULL));
    outline(&o, 3, 4, 4);
    add_output(&o, 4, 2, 4, 4);
    out[16] = out[17] = 1; /* class 1 in the first two pixels, 0 elsewhere: 15 of 16 are right */
    struct task task = parsed("segment");
    struct answer_options options = {.task = &task, .labels = path, .samples = 1};
    struct score score, ann;
    struct likeness like;
    CHECK_EQ(answers_open(&o.model, &options, &a), 0);
    CHECK_EQ(add(a, 0, "x", out), 0);
    CHECK_EQ(answers_finish(a, &score, &ann, &like), 0);
    CHECK(fabs(score.pixels - 15.0 / 16) < 1e-9 && isnan(ann.mean) && isnan(like.pixels));
    free(score.each);
    answers_close(a);
    image.format = PNG_FORMAT_RGB;
    CHECK(png_image_write_to_file(&image, path, 0, colours, 0, NULL));
    CHECK_EQ(answers_open(&o.model, &options, &a), 0);
    CHECK_EQ(add(a, 0, "x", out), AF_BAD_FILE);
    CHECK_ERROR("coloured");
    answers_close(a);
}

/* Three boxes of the ANN's: one found where it is, one too far away, one of another class. */
TEST(boxes_of_the_ann)
{
    const struct af_box truth[] = {
        {0, 0, 10, 10, 0, 0}, {20, 20, 30, 30, 0, 1}, {40, 40, 50, 50, 0, 1}};
    struct af_box found[] = {{1, 0, 11, 10, 0.9f, 0},
                             {26, 20, 36, 30, 0.8f, 1},
                             {40, 40, 50, 50, 0.7f, 0},
                             {0, 1, 10, 11, 0.6f, 0}};
    const struct boxes boxes = {.box = found, .count = 4};
    struct matches m = {0};
    CHECK_EQ(boxes_match(&boxes, truth, 3, &m), AF_OK);
    CHECK(m.truth == 3 && m.found == 4 && m.matched == 1); /* each true box once */
    found[1].x1 = 22;
    found[1].x2 = 32;
    CHECK_EQ(boxes_match(&boxes, truth, 3, &m), AF_OK);
    CHECK(m.truth == 6 && m.found == 8 && m.matched == 3);
    CHECK_EQ(boxes_match(&boxes, truth, 0, &m), AF_OK);
    CHECK(m.truth == 6 && m.found == 12 && m.matched == 3);
}

/* Two values of four samples, off by a known share of their variance. */
TEST(values_run)
{
    static float should[4][2] = {{1, 10}, {-1, 10}, {1, 12}, {-1, 12}}; /* variance 1 and 1 */
    static const float label[4][2] = {{1, 9}, {-1, 11}, {1, 11}, {-1, 13}};
    static const float three[4][3];
    static float is[4][2];
    struct outline o;
    struct answers *a;
    struct score score, ann;
    struct likeness like;
    outline(&o, 3, 4, 4);
    add_output(&o, 2, 2, 1, 1);
    for (int i = 0; i < 4; i++) {
        is[i][0] = should[i][0] + (i % 2 ? 0.5f : -0.5f);
        is[i][1] = should[i][1];
    }
    struct task task = parsed("values");
    struct answer_options options = {
        .task = &task,
        .labels = put_npy("labels.npy", DTYPE_F32, 2, (int64_t[]){4, 2}, label),
        .reference = put_npy("values.npy", DTYPE_F32, 2, (int64_t[]){4, 2}, should),
        .samples = 4};
    CHECK_EQ(task_classes(&o.model, &task), 0);
    CHECK_EQ(answers_open(&o.model, &options, &a), 0);
    for (int i = 0; a && i < 4; i++)
        CHECK_EQ(add(a, i, "x", is[i]), 0);
    CHECK_EQ(add(a, 4, "x", is[0]), AF_BAD_FILE);
    CHECK_EQ(answers_finish(a, &score, &ann, &like), 0);
    CHECK(fabs(like.error - 4 * 0.25 / 8) < 1e-6 && isnan(like.pixels) && isnan(like.recall));
    CHECK(fabs(ann.error - 4.0 / 12) < 1e-6); /* labels: variance 1 and 2 */
    CHECK(fabs(score.error - (4 + 1.0) / 12) < 1e-6);
    CHECK(isnan(score.mean) && !score.each);
    answers_close(a);
    options.draw = in_folder("values.png");
    CHECK_EQ(answers_open(&o.model, &options, &a), AF_BAD_ARGUMENT);
    CHECK_ERROR("values cannot be drawn");
    options.draw = NULL;
    options.labels = put_npy("three.npy", DTYPE_F32, 2, (int64_t[]){4, 3}, three);
    CHECK_EQ(answers_open(&o.model, &options, &a), AF_BAD_FILE);
    CHECK_ERROR("three.npy: not one row of 2 values");
}

/* The ANN's own maps give the figure that the data set's README states. */
TEST(blood_cells)
{
#define CELLS "../shared/data/detect_bccd/"
    struct tensor t;
    struct outline o;
    struct answers *a;
    struct score score, ann;
    struct likeness like;
    if (access(CELLS "ann_output.npy", R_OK)) {
        SKIP(CELLS " is not here");
        return;
    }
    outline(&o, 3, 240, 320);
    add_output(&o, 4, 7, 30, 40);
    struct task task = parsed("detect stride 8 size 32 threshold 0.1 overlap 0.45");
    struct answer_options options = {
        .task = &task, .labels = CELLS "test_labels.npy", .samples = 72};
    CHECK_EQ(npy_read(CELLS "ann_output.npy", &t), 0);
    CHECK_EQ(answers_open(&o.model, &options, &a), 0);
    float *row = malloc(7 * 30 * 40 * sizeof *row);
    for (int i = 0; a && row && i < 72; i++) {
        for (int k = 0; k < 7 * 30 * 40; k++)
            row[k] = (float)tensor_get(&t, (int64_t)i * 7 * 30 * 40 + k);
        CHECK_EQ(add(a, i, "x", row), 0);
    }
    CHECK_EQ(answers_finish(a, &score, &ann, &like), 0);
    CHECK(fabs(score.mean - 0.861) < 0.0005);
    CHECK(fabs(score.each[0] - 0.856) < 0.001 && fabs(score.each[1] - 0.963) < 0.001 &&
          fabs(score.each[2] - 0.764) < 0.001);
    free(score.each);
    answers_close(a);
    free(row);
    tensor_free(&t);
}

int main(void)
{
    if (!mkdtemp(folder))
        abort();
    RUN(words);
    RUN(wrong_words);
    RUN(given);
    RUN(own_task);
    RUN(centre_head);
    RUN(anchors_in_rows);
    RUN(anchors_in_maps);
    RUN(overlap);
    RUN(average_precision);
    RUN(box_labels);
    RUN(maps);
    RUN(confusions);
    RUN(canvas);
    RUN(segmentation_run);
    RUN(boxes_of_the_ann);
    RUN(values_run);
    RUN(pictures);
    RUN(label_pictures);
    RUN(blood_cells);
    char command[64];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    if (system(command)) /* NOLINT(bugprone-command-processor): a folder of our own making */
        abort();
    return test_end();
}
