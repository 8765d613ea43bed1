/* Readers of samples, and what outputs mean, through the public API. */
#include "test.h"

#include "adafire.h"
#include "base/npy.h"
#include "random_model.h"

#include <math.h>

#define DIGITS "tests/data/digits/"

static char folder[] = "/tmp/adafire-samples-XXXXXX";

TEST(digits)
{
    const char *const paths[] = {DIGITS "test_images.npy", DIGITS "calib_images.npy"};
    const struct af_samples_options o = {.channels = 1, .height = 8, .width = 8};
    struct af_samples *in;
    struct af_sample s;
    struct af_sample_info info;
    struct tensor images;
    int64_t n = 0;
    int more;
    CHECK_EQ(npy_read(paths[0], &images), AF_OK);
    CHECK_EQ(af_samples_open(paths, 2, &o, &in), AF_OK);
    const int64_t all = af_samples_count(in);
    while ((more = af_samples_next(in, &s, &info)) > 0) {
        CHECK(s.type == AF_U8 && s.length == 64 && !s.counts && info.label == -1 && *info.name);
        if (n < images.dim[0])
            CHECK(memcmp(s.data, (const uint8_t *)images.data + n * 64, 64) == 0);
        n++;
    }
    CHECK_EQ(more, 0);
    CHECK_EQ(n, all);
    CHECK_EQ(af_samples_next(in, &s, NULL), 0);
    CHECK(!s.data);
    af_samples_close(in);
    af_samples_close(NULL);
    tensor_free(&images);
}

/* A table of events becomes counts, of as many timesteps as are asked for. */
TEST(recordings)
{
    int32_t rows[3][4] = {{0, 0, 0, 0}, {1, 1, 1, 50}, {1, 1, 1, 99}};
    struct tensor t = {.type = DTYPE_I32, .rank = 2, .dim = {3, 4}, .count = 12, .data = rows};
    struct af_samples_options o = {
        .channels = 2, .height = 2, .width = 2, .events = true, .timesteps = 2, .event_frames = 2};
    char path[64];
    const char *const paths[] = {path};
    struct af_samples *in;
    struct af_sample s;
    snprintf(path, sizeof path, "%s/events.npy", folder);
    CHECK_EQ(npy_write(path, &t), AF_OK);
    CHECK_EQ(af_samples_open(paths, 1, &o, &in), AF_OK);
    CHECK_EQ(af_samples_next(in, &s, NULL), 1);
    CHECK(s.counts && !s.data);
    CHECK_EQ(s.length, 16);
    CHECK(s.counts[0] == 1 && s.counts[8 + 7] == 2 && s.counts[7] == 0);
    af_samples_close(in);
    o.counting = "flip x flip y sensor 2x2 count 1";
    CHECK_EQ(af_samples_open(paths, 1, &o, &in), AF_OK);
    CHECK_EQ(af_samples_next(in, &s, NULL), 1);
    CHECK(s.counts[3] == 1 && s.counts[8 + 4] == 1 && s.counts[8 + 7] == 0);
    af_samples_close(in);
    o.counting = "quickly";
    CHECK_EQ(af_samples_open(paths, 1, &o, &in), AF_BAD_ARGUMENT);
    CHECK(!in && strstr(af_error(), "'quickly' is no way to count events"));
    o.counting = NULL;
    o.timesteps = 0;
    CHECK_EQ(af_samples_open(paths, 1, &o, &in), AF_BAD_ARGUMENT);
    CHECK(!in);
}

TEST(refusals)
{
    const char *const paths[] = {DIGITS "test_images.npy", NULL};
    struct af_samples_options o = {.channels = 1, .height = 8, .width = 8};
    struct af_samples *in;
    struct af_sample s;
    int64_t *labels, count;
    CHECK_EQ(af_samples_open(NULL, 1, &o, &in), AF_BAD_ARGUMENT);
    CHECK_EQ(af_samples_open(paths, 0, &o, &in), AF_BAD_ARGUMENT);
    CHECK_EQ(af_samples_open(paths, -1, &o, &in), AF_BAD_ARGUMENT);
    CHECK_EQ(af_samples_open(paths, 2, &o, &in), AF_BAD_ARGUMENT);
    CHECK_EQ(af_samples_open(paths, 1, NULL, &in), AF_BAD_ARGUMENT);
    CHECK_EQ(af_samples_open(paths, 1, &o, NULL), AF_BAD_ARGUMENT);
    o.height = 9;
    CHECK_EQ(af_samples_open(paths, 1, &o, &in), AF_BAD_FILE);
    o.height = -1;
    CHECK_EQ(af_samples_open(paths, 1, &o, &in), AF_BAD_ARGUMENT);
    o.height = 8;
    o.reserved[6] = 1;
    CHECK_EQ(af_samples_open(paths, 1, &o, &in), AF_BAD_ARGUMENT);
    CHECK(!in);
    CHECK_EQ(af_samples_next(NULL, &s, NULL), AF_BAD_ARGUMENT);
    CHECK_EQ(af_samples_count(NULL), 0);
    CHECK_EQ(af_samples_of(NULL, &o), AF_BAD_ARGUMENT);
    CHECK_EQ(af_labels_read(NULL, &labels, &count), AF_BAD_ARGUMENT);
    CHECK_EQ(af_labels_read("nowhere.npy", &labels, &count), AF_IO);
    CHECK(!labels && !count);
    CHECK_EQ(af_labels_read(DIGITS "test_images.npy", &labels, &count), AF_BAD_FILE);
}

/* ---- Answers --------------------------------------------------------------------------------- */

/* The first random model whose only output is a vector of several classes. */
static struct af_model *classifier(struct af_model_info *info)
{
    for (uint64_t seed = 1;; seed++) {
        struct af_model *m = random_model(seed);
        const struct neurons *out = &m->population[m->population_count - 1];
        CHECK_EQ(af_model_info(m, info), AF_OK);
        if (info->outputs == 1 && out->shape[0] > 3 && out->shape[1] * out->shape[2] == 1)
            return m;
        af_model_free(m);
    }
}

TEST(classes)
{
    struct af_model_info info;
    struct af_model *m = classifier(&info);
    struct af_task *task;
    struct af_answer best[2000];
    float *v = calloc((size_t)info.output_size, sizeof *v);
    struct af_result r = {.output = v, .output_size = (int)info.output_size};
    const struct af_box *boxes;
    const uint16_t *map;
    CHECK_EQ(af_task_open(m, "classify", &task), AF_OK);
    CHECK_EQ(af_task_kind(task), AF_CLASSIFY);
    CHECK_EQ(af_task_classes(task), info.classes);
    v[1] = 2;
    v[3] = 2;
    CHECK_EQ(af_answers(task, &r, 3, best), 3);
    CHECK(best[0].label == 1 && best[1].label == 3 && best[2].label == 0);
    CHECK(best[0].probability > best[2].probability);
    CHECK_EQ(af_answers(task, &r, 2000, best), info.classes);
    double sum = 0;
    for (int i = 0; i < info.classes; i++)
        sum += best[i].probability;
    CHECK(fabs(sum - 1) < 1e-9);
    CHECK_EQ(af_answers(task, &r, 0, NULL), 0);
    CHECK_EQ(af_answers(task, &r, -1, best), AF_BAD_ARGUMENT);
    CHECK_EQ(af_answers(NULL, &r, 1, best), AF_BAD_ARGUMENT);
    r.output_size--;
    CHECK_EQ(af_answers(task, &r, 1, best), AF_BAD_ARGUMENT);
    CHECK_ERROR("another model");
    r.output_size++;
    CHECK_EQ(af_boxes(task, &r, &boxes), AF_BAD_ARGUMENT);
    CHECK_ERROR("to classify");
    CHECK_EQ(af_class_map(task, &r, &map, NULL, NULL), AF_BAD_ARGUMENT);
    struct af_score *score;
    CHECK_EQ(af_score_open(task, &score), AF_BAD_ARGUMENT);
    af_task_close(task);
    af_task_close(NULL);
    CHECK_EQ(af_task_open(m, "juggle", &task), AF_BAD_FILE);
    CHECK_ERROR("juggle");
    CHECK(!task);
    CHECK_EQ(af_task_open(NULL, NULL, &task), AF_BAD_ARGUMENT);
    free(v);
    af_model_free(m);
}

/* The first random model whose only output can be a map of so many channels at least; it is one. */
static struct af_model *mapper(struct af_model_info *info, int channels)
{
    for (uint64_t seed = 1; seed < 10000; seed++) {
        struct af_model *m = random_model(seed);
        struct neurons *out = &m->population[m->population_count - 1];
        CHECK_EQ(af_model_info(m, info), AF_OK);
        if (info->outputs == 1 && out->shape[0] >= channels && out->shape[1] * out->shape[2] > 1 &&
            !out->order) {
            const int64_t dim[] = {1, out->shape[0], out->shape[1], out->shape[2]};
            out->rank = 4;
            memcpy(out->dim, dim, sizeof dim);
            return m;
        }
        af_model_free(m);
    }
    fprintf(stderr, "no random model is a map of %d channels\n", channels);
    abort();
}

TEST(maps)
{
    struct af_model_info info;
    struct af_model *m = mapper(&info, 2);
    const struct neurons *out = &m->population[m->population_count - 1];
    const int area = out->shape[1] * out->shape[2];
    float *v = calloc((size_t)info.output_size, sizeof *v);
    int32_t *labels = calloc((size_t)area, sizeof *labels);
    struct af_result r = {.output = v, .output_size = (int)info.output_size};
    struct af_task *task;
    struct af_score *score;
    const uint16_t *map;
    int height, width;
    double mean, pixels, each[2000];
    v[area] = 1; /* the first pixel is of class 1 */
    CHECK_EQ(af_task_open(m, NULL, &task), AF_OK);
    CHECK_EQ(af_task_kind(task), AF_SEGMENT);
    CHECK_EQ(af_class_map(task, &r, &map, &height, &width), AF_OK);
    CHECK(height == out->shape[1] && width == out->shape[2]);
    CHECK(map[0] == 1 && map[1] == 0);
    CHECK_EQ(af_score_open(task, &score), AF_OK);
    CHECK_EQ(af_score_map(score, map, labels, height, width), AF_OK);
    CHECK_EQ(af_score_finish(score, &mean, &pixels, each), AF_OK);
    CHECK(fabs(pixels - (area - 1.0) / area) < 1e-9);
    CHECK(fabs(each[0] - (area - 1.0) / area) < 1e-9 && each[1] == 0 && mean < each[0]);
    CHECK_EQ(af_score_finish(score, NULL, NULL, NULL), AF_OK);
    CHECK_EQ(af_score_boxes(score, NULL, 0, NULL, 0), AF_BAD_ARGUMENT);
    CHECK_EQ(af_score_map(score, map, NULL, height, width), AF_BAD_ARGUMENT);
    CHECK_EQ(af_score_map(score, (const uint16_t[]){60000}, labels, 1, 1), AF_BAD_ARGUMENT);
    af_score_close(score);
    af_score_close(NULL);
    af_task_close(task);
    free(labels);
    free(v);
    af_model_free(m);
}

TEST(boxes)
{
    struct af_model_info info;
    struct af_model *m = mapper(&info, 5);
    float *v = calloc((size_t)info.output_size, sizeof *v);
    struct af_result r = {.output = v, .output_size = (int)info.output_size};
    struct af_task *task;
    struct af_score *score;
    const struct af_box *found;
    double mean, pixels, each[2000];
    for (int64_t i = 0; i < info.output_size; i++)
        v[i] = -9;
    v[0] = 5; /* a box of class 0 in the first cell */
    CHECK_EQ(af_task_open(m, "detect size 8", &task), AF_OK);
    CHECK_EQ(af_task_kind(task), AF_DETECT);
    const int64_t n = af_boxes(task, &r, &found);
    CHECK(n >= 1 && found && found[0].label == 0 && found[0].score > 0.9f);
    CHECK_EQ(af_score_open(task, &score), AF_OK);
    CHECK_EQ(af_score_boxes(score, found, n, found, 1), AF_OK);
    CHECK_EQ(af_score_finish(score, &mean, &pixels, each), AF_OK);
    CHECK(isnan(pixels) && mean == 1 && each[0] == 1);
    struct af_box wrong = {.label = 5000};
    CHECK_EQ(af_score_boxes(score, &wrong, 1, NULL, 0), AF_BAD_ARGUMENT);
    CHECK_EQ(af_score_boxes(score, NULL, 1, NULL, 0), AF_BAD_ARGUMENT);
    const struct af_box a = {0, 0, 2, 2, 1, 0}, b = {1, 0, 3, 2, 1, 0};
    CHECK(fabs(af_overlap(&a, &b) - 1.0 / 3) < 1e-6);
    CHECK(af_overlap(&a, NULL) == 0);
    const struct af_box near[2] = {{0, 0, 2, 2.5F, 1, 0}, {0, 0, 2, 2, 1, 1}};
    CHECK_EQ(af_boxes_matched(near, 2, &a, 1), 1);
    CHECK_EQ(af_boxes_matched(near + 1, 1, &a, 1), 0); /* of another class */
    CHECK_EQ(af_boxes_matched(&b, 1, &a, 1), 0);
    CHECK_EQ(af_boxes_matched(NULL, 0, &a, 1), 0);
    CHECK_EQ(af_boxes_matched(NULL, 1, &a, 1), AF_BAD_ARGUMENT);
    af_score_close(score);
    af_task_close(task);
    free(v);
    af_model_free(m);
}

/* The events of a recording themselves, and their counts without a file. */
TEST(recordings_in_memory)
{
    int32_t rows[3][4] = {{0, 0, 0, 0}, {1, 1, 1, 50}, {1, 1, 1, 99}};
    struct tensor t = {.type = DTYPE_I32, .rank = 2, .dim = {3, 4}, .count = 12, .data = rows};
    struct af_samples_options o = {
        .channels = 2, .height = 2, .width = 2, .events = true, .uncounted = true};
    char path[64];
    const char *const paths[] = {path};
    struct af_samples *in;
    struct af_sample s;
    struct af_recording r;
    int16_t counts[16];
    snprintf(path, sizeof path, "%s/memory.npy", folder);
    CHECK_EQ(npy_write(path, &t), AF_OK);
    CHECK_EQ(af_samples_open(paths, 1, &o, &in), AF_OK);
    CHECK_EQ(af_samples_recording(in, &r), AF_BAD_ARGUMENT);
    CHECK_EQ(af_samples_next(in, &s, NULL), 1);
    CHECK(!s.counts && !s.data);
    CHECK_EQ(af_samples_recording(in, &r), AF_OK);
    CHECK_EQ(r.count, 3);
    CHECK(r.events && r.events[2].t == 99 && r.events[1].polarity == 1 && r.events[0].x == 0);
    o.uncounted = false;
    o.timesteps = o.event_frames = 2;
    CHECK_EQ(af_recording_counts(&o, &r, counts), AF_OK);
    CHECK(counts[0] == 1 && counts[8 + 7] == 2 && counts[7] == 0);
    o.width = 1;
    CHECK_EQ(af_recording_counts(&o, &r, counts), AF_BAD_FILE);
    o.timesteps = 0;
    CHECK_EQ(af_recording_counts(&o, &r, counts), AF_BAD_ARGUMENT);
    CHECK_EQ(af_recording_counts(&o, NULL, counts), AF_BAD_ARGUMENT);
    CHECK_EQ(af_samples_next(in, &s, NULL), 0);
    CHECK_EQ(af_samples_recording(in, &r), AF_BAD_ARGUMENT);
    af_samples_close(in);
}

int main(void)
{
    if (!mkdtemp(folder))
        return 1;
    RUN(digits);
    RUN(recordings);
    RUN(recordings_in_memory);
    RUN(refusals);
    RUN(classes);
    RUN(maps);
    RUN(boxes);
    char command[64];
    snprintf(command, sizeof command, "rm -r %s", folder);
    return system(command) ? 1 : test_end();
}
