/* Conversion through the public API: from files and from memory, cancelled, and asked wrongly. */
#include "test.h"

#include "adafire.h"
#include "base/file.h"
#include "base/npy.h"

#include <math.h>

#define DIGITS "tests/data/digits/"
enum { INPUTS = 64, CALIB = 60 };

static char folder[] = "/tmp/adafire-job-XXXXXX";

static const char *in_folder(const char *name)
{
    static char path[2][64];
    static int turn;
    turn = !turn;
    snprintf(path[turn], sizeof path[turn], "%s/%s", folder, name);
    return path[turn];
}

struct told {
    int calls, stop_at, notes;
};

static int tell_progress(void *context, const char *phase, double fraction)
{
    struct told *t = context;
    CHECK(*phase && fraction >= 0 && fraction <= 1);
    return ++t->calls == t->stop_at;
}

static void tell_note(void *context, const char *note)
{
    struct told *t = context;
    t->notes++;
    CHECK(*note && note[strlen(note) - 1] != '.');
}

static const char *const calib[] = {DIGITS "calib_images.npy"};

static struct af_convert_options digits(struct told *told)
{
    struct af_convert_options o;
    *told = (struct told){0};
    af_convert_defaults(&o);
    o.onnx = DIGITS "model.onnx";
    o.calib = calib;
    o.calib_count = 1;
    o.calib_limit = CALIB;
    o.exit_limit = 0;
    o.scale = 1.0 / 16;
    o.timesteps = 2;
    o.on_progress = tell_progress;
    o.on_note = tell_note;
    o.context = told;
    return o;
}

static bool same_model(const struct af_model *a, const struct af_model *b)
{
    void *x = NULL, *y = NULL;
    size_t n = 0, m = 0;
    CHECK_EQ(af_model_save(a, in_folder("a.snn")), AF_OK);
    CHECK_EQ(af_model_save(b, in_folder("b.snn")), AF_OK);
    CHECK_EQ(file_read(in_folder("a.snn"), 1 << 24, &x, &n), AF_OK);
    CHECK_EQ(file_read(in_folder("b.snn"), 1 << 24, &y, &m), AF_OK);
    const bool same = x && y && n == m && memcmp(x, y, n) == 0;
    free(x);
    free(y);
    return same;
}

TEST(files)
{
    struct told told;
    struct af_convert_options o = digits(&told);
    struct af_conversion c;
    struct af_model *m, *again;
    struct af_model_info info;
    CHECK_EQ(af_convert(&o, &m, &c), AF_OK);
    CHECK(told.calls > 10);
    CHECK_EQ(c.samples, CALIB);
    CHECK(c.agreement > 0.9 && c.agreement <= 1 && isnan(c.accuracy) && c.timesteps_mean >= 1);
    CHECK_EQ(af_model_info(m, &info), AF_OK);
    CHECK_EQ(c.populations, info.populations);
    CHECK(c.events[1] > 0 && c.spikes[1] >= c.events[1] && c.spike_sops[1] >= c.sops[1]);
    CHECK(strcmp(info.name, "model") == 0 && info.facts > 3 && info.output_size == 10);
    bool source = false;
    for (int i = 0; i < info.facts; i++) {
        const char *key, *value;
        CHECK_EQ(af_model_fact(m, i, &key, &value), AF_OK);
        source = source || (strcmp(key, "source") == 0 && strcmp(value, "model.onnx") == 0);
    }
    CHECK(source);
    o.on_progress = NULL;
    o.on_note = NULL;
    o.threads = 1;
    CHECK_EQ(af_convert(&o, &again, NULL), AF_OK);
    CHECK(same_model(m, again));
    af_conversion_free(&c);
    af_conversion_free(&c);
    af_conversion_free(NULL);
    af_model_free(m);
    af_model_free(again);
}

/* The digits with their features as first output: a graph that stands before the file in the bytes
 * becomes one with it, as Protocol Buffers merge messages. */
static void add_features(struct af_convert_options *o, uint8_t *bytes)
{
    static const uint8_t before[] = "\x3a\x1f" /* ModelProto.graph */
                                    "\x62\x1d" /* GraphProto.output */
                                    "\x0a\x11/Flatten_output_0"
                                    "\x12\x08\x0a\x06\x08\x01\x12\x02\x0a\x00"; /* float[?] */
    void *file;
    size_t size;
    CHECK_EQ(file_read(o->onnx, 1 << 24, &file, &size), AF_OK);
    memcpy(bytes, before, sizeof before - 1);
    memcpy(bytes + sizeof before - 1, file, size);
    free(file);
    o->onnx_bytes = bytes;
    o->onnx_size = size + sizeof before - 1;
}

static double accuracy(const struct af_model *m)
{
    struct af_device *device;
    struct af_task *task;
    struct tensor images;
    int64_t *labels, count, right = 0;
    CHECK_EQ(af_device_open("cpu", NULL, m, &device), AF_OK);
    CHECK_EQ(af_task_open(m, NULL, &task), AF_OK);
    CHECK_EQ(npy_read(DIGITS "test_images.npy", &images), AF_OK);
    CHECK_EQ(af_labels_read(DIGITS "test_labels.npy", &labels, &count), AF_OK);
    for (int64_t i = 0; i < count; i++) {
        const struct af_sample sample = {
            .type = AF_U8, .data = (uint8_t *)images.data + i * INPUTS, .length = INPUTS};
        struct af_result result = {0};
        struct af_answer best;
        CHECK_EQ(af_run(device, &sample, 1, NULL, &result), AF_OK);
        CHECK_EQ(af_answers(task, &result, 1, &best), 1);
        right += best.label == labels[i];
        af_result_free(&result);
    }
    af_task_close(task);
    af_device_close(device);
    tensor_free(&images);
    af_free(labels);
    return (double)right / (double)count;
}

TEST(several_outputs)
{
    struct told told;
    struct af_convert_options o = digits(&told);
    struct af_model *m;
    struct af_model_info info;
    struct af_population_info answer;
    static uint8_t bytes[1 << 16];
    add_features(&o, bytes);
    CHECK_EQ(af_convert(&o, &m, NULL), AF_OK);
    CHECK_EQ(af_model_info(m, &info), AF_OK);
    CHECK_EQ(af_population_info(m, info.answer, &answer), AF_OK);
    CHECK(info.outputs == 2 && info.classes == 10 && info.output_size == 74 && info.iat);
    CHECK(strcmp(answer.name, "logits") == 0 && told.notes > 0);
    CHECK(accuracy(m) > 0.95);
    af_model_free(m);
    o.answers = "/Flatten_output_0";
    CHECK_EQ(af_convert(&o, &m, NULL), AF_OK);
    CHECK_EQ(af_model_info(m, &info), AF_OK);
    CHECK_EQ(info.classes, 64);
    af_model_free(m);
    o.answers = "logit";
    CHECK_EQ(af_convert(&o, &m, NULL), AF_BAD_ARGUMENT);
    CHECK(strstr(af_error(), "/Flatten_output_0 [64], logits [10]"));
    o.answers = "logits";
    o.task = "detect";
    CHECK_EQ(af_convert(&o, &m, NULL), AF_BAD_ARGUMENT);
}

/* The digits and, as another output, their logits times a factor. */
static void add_multiple(struct af_convert_options *o, float factor, uint8_t *bytes)
{
    static const uint8_t behind[] = "\x3a\x35"                                /* ModelProto.graph */
                                    "\x0a\x15\x0a\x06logits\x0a\x01k\x12\x03" /* .node */
                                    "big\x22\x03Mul"
                                    "\x2a\x0b\x10\x01\x42\x01k\x22\x04...." /* .initializer */
                                    "\x62\x0f\x0a\x03"                      /* .output */
                                    "big\x12\x08\x0a\x06\x08\x01\x12\x02\x0a\x00";
    void *file;
    size_t size;
    CHECK_EQ(file_read(o->onnx, 1 << 24, &file, &size), AF_OK);
    memcpy(bytes, file, size);
    free(file);
    memcpy(bytes + size, behind, sizeof behind - 1);
    memcpy(bytes + size + 34, &factor, sizeof factor);
    o->onnx_bytes = bytes;
    o->onnx_size = size + sizeof behind - 1;
    o->answers = "big";
}

/* Who stops when does not depend on the scale to which a network was trained. */
TEST(early_exit_of_any_scale)
{
    static uint8_t bytes[1 << 16];
    double steps[3];
    for (int i = 0; i < 3; i++) {
        struct told told;
        struct af_convert_options o = digits(&told);
        struct af_conversion c;
        struct af_model *m;
        o.timesteps = 4;
        add_multiple(&o, (float[]){0.2F, 1, 1000}[i], bytes);
        CHECK_EQ(af_convert(&o, &m, &c), AF_OK);
        steps[i] = c.timesteps_mean;
        CHECK(steps[i] < 3 && accuracy(m) > 0.95);
        af_conversion_free(&c);
        af_model_free(m);
    }
    CHECK(fabs(steps[0] - steps[1]) < 0.05 && fabs(steps[2] - steps[1]) < 0.05);
}

/* The same bytes and samples, from memory: the same model. */
/* Every 50th sample is as bright as 15, so that activations have a long tail. */
enum { TAILED = 250 };
static void add_tail(struct af_convert_options *o, struct tensor *images,
                     struct af_sample sample[TAILED])
{
    CHECK_EQ(npy_read(calib[0], images), AF_OK);
    for (int i = 0; i < TAILED; i++) {
        uint8_t *pixel = (uint8_t *)images->data + i * INPUTS;
        for (int k = 0; i % 50 == 0 && k < INPUTS; k++)
            pixel[k] = (uint8_t)(15 * pixel[k]);
        sample[i] = (struct af_sample){.type = AF_U8, .data = pixel, .length = INPUTS};
    }
    o->calib_count = 0;
    o->samples = sample;
    o->sample_count = o->calib_limit = TAILED;
}

/* Thresholds refined for the outputs: better on samples that had no part in it. On too few samples,
 * or without effort, nothing is touched. */
TEST(refining)
{
    struct told told;
    double right[2] = {0};
    struct af_conversion c;
    struct af_model *m;
    for (int effort = 0; effort < 2; effort++) {
        struct af_convert_options o = digits(&told);
        struct af_sample sample[TAILED];
        struct tensor images;
        add_tail(&o, &images, sample);
        o.timesteps = 1;
        o.burst_initial = 15; /* few levels, for which tails are long */
        o.effort = effort;
        CHECK_EQ(af_convert(&o, &m, &c), AF_OK);
        CHECK(effort ? c.judges >= TAILED / 2 : c.judges == 0);
        if (effort)
            CHECK(c.divergence > 0 && c.divergence < 0.95 * c.plain_divergence);
        right[effort] = accuracy(m);
        af_conversion_free(&c);
        af_model_free(m);
        tensor_free(&images);
    }
    CHECK(right[1] > right[0] + 0.02);
    struct af_convert_options o = digits(&told);
    o.calib_limit = 10;
    CHECK_EQ(af_convert(&o, &m, &c), AF_OK);
    CHECK_EQ(c.judges, 0);
    af_conversion_free(&c);
    af_model_free(m);
    o.effort = 4;
    CHECK_EQ(af_convert(&o, &m, NULL), AF_BAD_ARGUMENT);
    CHECK(strstr(af_error(), "effort must be 0..3, not 4"));
}

TEST(memory)
{
    struct told told;
    struct af_convert_options o = digits(&told);
    struct af_sample sample[CALIB];
    struct af_model *from_files, *from_memory, *parsed;
    struct tensor images;
    void *bytes, *snn;
    size_t size, snn_size;
    o.labels = DIGITS "calib_labels.npy";
    CHECK_EQ(af_convert(&o, &from_files, NULL), AF_OK);
    CHECK_EQ(file_read(o.onnx, 1 << 24, &bytes, &size), AF_OK);
    CHECK_EQ(npy_read(calib[0], &images), AF_OK);
    for (int i = 0; i < CALIB; i++)
        sample[i] = (struct af_sample){
            .type = AF_U8, .data = (uint8_t *)images.data + i * INPUTS, .length = INPUTS};
    o.onnx_bytes = bytes;
    o.onnx_size = size;
    o.onnx = "model.onnx";
    o.calib_count = 0;
    o.samples = sample;
    o.sample_count = CALIB;
    CHECK_EQ(af_convert(&o, &from_memory, NULL), AF_OK);
    CHECK(same_model(from_files, from_memory));
    af_model_free(from_memory);
    int64_t *labels, count;
    CHECK_EQ(af_labels_read(o.labels, &labels, &count), AF_OK);
    o.labels = NULL;
    o.sample_labels = labels;
    CHECK(count >= CALIB);
    CHECK_EQ(af_convert(&o, &from_memory, NULL), AF_OK);
    CHECK(same_model(from_files, from_memory));
    CHECK_EQ(af_model_save(from_memory, in_folder("m.snn")), AF_OK);
    CHECK_EQ(file_read(in_folder("m.snn"), 1 << 24, &snn, &snn_size), AF_OK);
    CHECK_EQ(af_model_parse("m", snn, snn_size, &parsed), AF_OK);
    CHECK(same_model(parsed, from_memory));
    sample[7].length = INPUTS - 1;
    struct af_model *none = parsed;
    CHECK_EQ(af_convert(&o, &none, NULL), AF_BAD_ARGUMENT);
    CHECK(!none);
    CHECK_ERROR("calibration sample 7 has 63 values; the network takes 64");
    free(snn);
    free(bytes);
    af_free(labels);
    tensor_free(&images);
    af_model_free(parsed);
    af_model_free(from_files);
    af_model_free(from_memory);
}

/* Wherever it is stopped, nothing is left and the reason is told. */
TEST(cancelled)
{
    struct told told;
    struct af_convert_options o = digits(&told);
    struct af_model *m;
    struct af_conversion c;
    int status = AF_CANCELLED, stopped = 0;
    for (int stop = 1; status == AF_CANCELLED; stop += stop < 8 ? 1 : 11, stopped++) {
        o = digits(&told);
        told.stop_at = stop;
        status = af_convert(&o, &m, &c);
        if (status != AF_CANCELLED)
            break;
        CHECK(!m && !c.spikes);
        CHECK_ERROR("cancelled");
        CHECK_EQ(told.calls, stop);
    }
    CHECK_EQ(status, AF_OK);
    CHECK(stopped > 10);
    af_model_free(m);
    af_conversion_free(&c);
    o = digits(&told);
    o.optimize = AF_GOAL_EVENTS;
    told.stop_at = 40;
    CHECK_EQ(af_convert(&o, &m, NULL), AF_CANCELLED);
}

TEST(refusals)
{
    struct told told;
    struct af_convert_options o;
    struct af_model *m;
#define REFUSED(change, text)                                                                      \
    do {                                                                                           \
        o = digits(&told);                                                                         \
        change;                                                                                    \
        CHECK_EQ(af_convert(&o, &m, NULL), AF_BAD_ARGUMENT);                                       \
        CHECK(!m);                                                                                 \
        CHECK_ERROR(text);                                                                         \
    } while (0)
    static const float zeros[3] = {0}, nan_mean[1] = {NAN};
    REFUSED(o.onnx = NULL, "a network is needed");
    REFUSED(o.calib_count = 0, "calibration samples are needed");
    REFUSED(o.calib = NULL, "files or in memory");
    REFUSED(o.calib_count = -1, "files or in memory");
    REFUSED(o.sample_count = 3, "files or in memory");
    REFUSED(o.calib_limit = 0, "out of range");
    REFUSED(o.threads = -3, "out of range");
    REFUSED(o.threads = 1 << 20, "out of range");
    REFUSED(o.timesteps = -1, "timesteps");
    REFUSED(o.timesteps = 257, "timesteps");
    REFUSED(o.burst_initial = 256, "burst");
    REFUSED(o.burst_min = 0, "burst");
    REFUSED((o.burst_initial = 255, o.timesteps = 200, o.signed_bursts = AF_ON), "counts no more");
    REFUSED(o.scale = 0, "scale");
    REFUSED(o.scale = NAN, "scale");
    REFUSED((o.std = zeros, o.std_count = 1), "standard deviation");
    REFUSED((o.mean = nan_mean, o.mean_count = 1), "mean");
    REFUSED((o.mean = zeros, o.mean_count = 3), "mean and std have 3 values for 1 channels");
    REFUSED(o.bgr = true, "bgr");
    REFUSED((o.shape[0] = 1, o.shape[1] = -8, o.shape[2] = 8), "a sample of");
    REFUSED(o.signed_bursts = (enum af_choice)9, "signed_bursts is 9");
    REFUSED(o.optimize = (enum af_goal)9, "optimize is 9");
    REFUSED(o.tolerance = -1, "out of range");
    REFUSED((o.prune = 0.2, o.nearest = true), "feedback");
    REFUSED(o.exit_recordings = "x", "networks of events");
    REFUSED(o.reserved[3] = 1, "af_convert_options");
    o = digits(&told);
    CHECK_EQ(af_convert(NULL, &m, NULL), AF_BAD_ARGUMENT);
    CHECK_EQ(af_convert(&o, NULL, NULL), AF_BAD_ARGUMENT);
    CHECK_EQ(af_ann(NULL, "x", NULL), AF_BAD_ARGUMENT);
    CHECK_EQ(af_ann(&o, NULL, NULL), AF_BAD_ARGUMENT);
    o.onnx = DIGITS "calib_images.npy";
    CHECK_EQ(af_convert(&o, &m, NULL), AF_BAD_FILE);
    CHECK_ERROR("calib_images.npy");
    o.onnx = "nowhere.onnx";
    CHECK_EQ(af_convert(&o, &m, NULL), AF_IO);
    af_convert_defaults(NULL);
}

TEST(ann)
{
    struct told told;
    struct af_convert_options o = digits(&told);
    static const char *const test[] = {DIGITS "test_images.npy"};
    struct tensor made, given;
    int64_t count;
    o.calib = test;
    CHECK_EQ(af_ann(&o, in_folder("ann.npy"), &count), AF_OK);
    CHECK_EQ(npy_read(in_folder("ann.npy"), &made), AF_OK);
    CHECK_EQ(npy_read(DIGITS "ann_logits.npy", &given), AF_OK);
    CHECK_EQ(count, given.dim[0]);
    CHECK(tensor_same_shape(&made, &given));
    for (int64_t i = 0; i < made.count && i < given.count; i++)
        CHECK(fabs(tensor_get(&made, i) - tensor_get(&given, i)) < 1e-3);
    told.stop_at = told.calls + 2;
    CHECK_EQ(af_ann(&o, in_folder("cut.npy"), &count), AF_CANCELLED);
    CHECK(access(in_folder("cut.npy"), F_OK) != 0);
    tensor_free(&made);
    tensor_free(&given);
}

/* The ANN's outputs in memory, of files and of samples, are those of the file. */
TEST(ann_in_memory)
{
    struct told told;
    struct af_convert_options o = digits(&told);
    struct tensor file = {0};
    float *outputs, *again;
    int64_t count, columns, shape_count = 0;
    int shape[3];
    CHECK_EQ(af_ann(&o, in_folder("ann.npy"), &shape_count), AF_OK);
    CHECK_EQ(npy_read(in_folder("ann.npy"), &file), AF_OK);
    CHECK_EQ(af_ann_outputs(&o, &outputs, &count, &columns), AF_OK);
    CHECK(count == shape_count && columns == 10 && file.count == count * columns);
    CHECK(outputs && memcmp(outputs, file.data, (size_t)file.count * sizeof *outputs) == 0);
    struct tensor images = {0};
    CHECK_EQ(npy_read(calib[0], &images), AF_OK);
    struct af_sample samples[CALIB];
    for (int i = 0; i < CALIB; i++)
        samples[i] = (struct af_sample){
            .type = AF_U8, .data = (const uint8_t *)images.data + i * INPUTS, .length = INPUTS};
    o.calib_count = 0;
    o.calib = NULL;
    o.samples = samples;
    o.sample_count = CALIB;
    CHECK_EQ(af_ann_outputs(&o, &again, &count, &columns), AF_OK);
    CHECK_EQ(count, CALIB);
    CHECK(again && memcmp(outputs, again, (size_t)(count * columns) * sizeof *again) == 0);
    af_free(again);
    samples[7].length = 3;
    CHECK_EQ(af_ann_outputs(&o, &again, &count, &columns), AF_BAD_ARGUMENT);
    CHECK_ERROR("sample 7 has 3 values");
    CHECK(!again);
    samples[7].length = INPUTS;
    told.stop_at = told.calls + 2;
    CHECK_EQ(af_ann_outputs(&o, &again, &count, &columns), AF_CANCELLED);
    CHECK(!again);
    CHECK_EQ(af_network_shape(&o, shape), AF_OK);
    CHECK(shape[0] == 1 && shape[1] == 8 && shape[2] == 8);
    CHECK_EQ(af_network_shape(NULL, shape), AF_BAD_ARGUMENT);
    af_free(outputs);
    tensor_free(&images);
    tensor_free(&file);
}

TEST(class_names_in_memory)
{
    static const char *const names[] = {"0", "1", "2", "3", "4", "5", "6", "7", "8", "nine"};
    struct told told;
    struct af_convert_options o = digits(&told);
    struct af_model *m;
    o.class_names = names;
    o.class_count = 10;
    CHECK_EQ(af_convert(&o, &m, NULL), AF_OK);
    CHECK(m && strcmp(af_class_name(m, 9), "nine") == 0);
    af_model_free(m);
    o.class_count = 9;
    CHECK_EQ(af_convert(&o, &m, NULL), AF_BAD_FILE);
    CHECK_ERROR("9 names");
    o.class_count = -1;
    CHECK_EQ(af_convert(&o, &m, NULL), AF_BAD_ARGUMENT);
    o.class_count = 10;
    o.classes = "names";
    CHECK_EQ(af_convert(&o, &m, NULL), AF_BAD_ARGUMENT);
    const struct af_recording none = {0};
    o = digits(&told);
    o.exit_in_memory = &none;
    CHECK_EQ(af_convert(&o, &m, NULL), AF_BAD_ARGUMENT);
    CHECK_ERROR("networks of events");
}

int main(void)
{
    if (!mkdtemp(folder))
        return 1;
    RUN(files);
    RUN(several_outputs);
    RUN(early_exit_of_any_scale);
    RUN(refining);
    RUN(memory);
    RUN(cancelled);
    RUN(refusals);
    RUN(ann);
    RUN(ann_in_memory);
    RUN(class_names_in_memory);
    char command[64];
    snprintf(command, sizeof command, "rm -r %s", folder);
    return system(command) ? 1 : test_end();
}
