/* --optimize on the embedded digits: what it returns keeps the tolerance, costs no more than what
 * it was not told to search, and is the best of what it tried. And early termination, whose limits
 * both have from the same few samples. */
#include "adafire.h"
#include "calibration.h"
#include "convert.h"
#include "error.h"
#include "iat.h"
#include "test.h"

#include <math.h>

static const char *const folder = "tests/data/digits";
static const struct normalisation norm = {.scale = 0.0625f, .count = 1, .std = {1}};
static const struct input_spec spec = {.channels = 1, .height = 8, .width = 8};

static const double ann_accuracy = 0.994; /* of the test images: its README */

static struct graph *graph;
static struct network *network;
static struct input_format format;
static struct calibration calibration;
static struct tensor images, labels;

static int read_digits(void)
{
    char model[64], calib[64], test[64], digits[64];
    const char *paths[] = {calib};
    const int shape[3] = {spec.channels, spec.height, spec.width};
    snprintf(model, sizeof model, "%s/model.onnx", folder);
    snprintf(calib, sizeof calib, "%s/calib_images.npy", folder);
    snprintf(test, sizeof test, "%s/test_images.npy", folder);
    snprintf(digits, sizeof digits, "%s/test_labels.npy", folder);
    int status = onnx_load(model, &graph);
    if (!status)
        status = calibration_read(paths, 1, NULL, 256, 0, &spec, &norm, &format, &calibration);
    if (!status)
        status = network_lower(graph, shape, &norm, format.unit, format.zero, &network);
    if (!status)
        status = npy_read(test, &images);
    return status ? status : npy_read(digits, &labels);
}

static void free_digits(void)
{
    tensor_free(&images);
    tensor_free(&labels);
    network_free(network);
    graph_free(graph);
    calibration_free(&format, &calibration);
}

static int largest(const float *v, int n)
{
    int best = 0;
    for (int i = 1; i < n; i++)
        best = v[i] > v[best] ? i : best;
    return best;
}

/* What a model does on the test images. */
struct figures {
    double accuracy, timesteps, sops, spike_sops;
};

static struct figures run(const struct af_model *m, bool no_iat)
{
    struct figures f = {0};
    struct af_device *device = NULL;
    const struct af_run_options o = {.no_iat = no_iat};
    int64_t n = images.dim[0], size = images.count / n;
    CHECK_EQ(af_device_open("cpu", NULL, m, &device), AF_OK);
    for (int64_t i = 0; device && i < n; i++) {
        struct af_result r = {0};
        const struct af_sample s = {.type = AF_U8, .data = (const uint8_t *)images.data + i * size};
        CHECK_EQ(af_run(device, &s, 1, &o, &r), AF_OK);
        f.accuracy += largest(r.output, r.output_size) == (int)tensor_get(&labels, i);
        f.timesteps += r.timesteps;
        for (int p = 1; p < m->population_count; p++) {
            f.sops += (double)r.sops[p];
            f.spike_sops += (double)r.spike_sops[p];
        }
        af_result_free(&r);
    }
    af_device_close(device);
    f.accuracy /= (double)n;
    f.timesteps /= (double)n;
    f.sops /= (double)n;
    f.spike_sops /= (double)n;
    return f;
}

static double cost_of(const struct figures *f, enum goal goal)
{
    return goal == GOAL_LATENCY ? f->timesteps : goal == GOAL_EVENTS ? f->sops : f->spike_sops;
}

static struct convert_options goal_options(enum goal goal, int timesteps)
{
    struct convert_options o = convert_defaults;
    o.optimize = true;
    o.goal = goal;
    o.timesteps = timesteps;
    return o;
}

/* A trial that the notes tell of. */
struct trial {
    int timesteps, burst;
    double steps, sops, spike_sops, loss;
};

static bool read_trial(const char *note, struct trial *t)
{
    return sscanf(note,
                  "T = %d, phi = %d%*[^:]: %lf timesteps, %lf operations by events, %lf by spikes, "
                  "expected loss %lf",
                  &t->timesteps, &t->burst, &t->steps, &t->sops, &t->spike_sops, &t->loss) == 6 ||
           sscanf(note,
                  "T = %d, phi = %d: %lf timesteps, %lf operations by events, %lf by spikes, "
                  "expected loss %lf",
                  &t->timesteps, &t->burst, &t->steps, &t->sops, &t->spike_sops, &t->loss) == 6;
}

/* Nothing that was tried and keeps the tolerance is cheaper; the notes' figures are rounded. */
static void check_best(const struct conversion *c, double tolerance)
{
    int trials = 0;
    for (int i = 0; i < c->note_count; i++) {
        struct trial t;
        if (!read_trial(c->note[i], &t))
            continue;
        trials++;
        const struct figures f = {.timesteps = t.steps, .sops = t.sops, .spike_sops = t.spike_sops};
        if (t.loss < 100 * tolerance - 0.01)
            CHECK(conversion_cost(c) <= 1.001 * cost_of(&f, c->options->goal) + 0.01);
    }
    CHECK(trials >= 2);
}

TEST(goals)
{
    static const enum goal goals[] = {GOAL_LATENCY, GOAL_SPIKES, GOAL_EVENTS};
    struct conversion plain = {0};
    struct convert_options o = convert_defaults;
    struct figures before = {0};
    CHECK_EQ(convert(network, &format, &calibration, &o, &plain), AF_OK);
    if (plain.model)
        before = run(plain.model, false);
    for (int g = 0; g < 3; g++) {
        struct conversion c = {0};
        o = goal_options(goals[g], 4);
        CHECK_EQ(convert(network, &format, &calibration, &o, &c), AF_OK);
        if (!c.model)
            continue;
        CHECK(c.loss <= (double)o.tolerance);
        CHECK(conversion_cost(&c) > 0);
        CHECK_EQ(c.model->timesteps, c.options->timesteps);
        CHECK(c.model->timesteps <= o.timesteps);
        check_best(&c, (double)o.tolerance);
        struct figures f = run(c.model, false);
        /* Of 500 images; the tolerance is 2.5 of them, and what they show has an error of its own.
         */
        CHECK(f.accuracy >= ann_accuracy - 0.02);
        CHECK(cost_of(&f, goals[g]) <= cost_of(&before, goals[g]));
        conversion_free(&c);
    }
    conversion_free(&plain);
}

/* More that may be lost never costs more, and what may be is not overdrawn. */
TEST(tolerances)
{
    static const float tolerances[] = {0.004f, 0.02f, 0.1f, 1};
    double before = INFINITY;
    for (int i = 0; i < 4; i++) {
        struct conversion c = {0};
        struct convert_options o = goal_options(GOAL_SPIKES, 2);
        o.tolerance = tolerances[i];
        CHECK_EQ(convert(network, &format, &calibration, &o, &c), AF_OK);
        if (!c.model)
            continue;
        CHECK(c.loss <= (double)o.tolerance);
        CHECK(conversion_cost(&c) <= before);
        before = conversion_cost(&c);
        conversion_free(&c);
    }
}

/* Where no number of losses is small enough it takes what is most accurate, and says why. */
TEST(no_tolerance)
{
    struct conversion c = {0};
    struct convert_options o = goal_options(GOAL_EVENTS, 3);
    o.tolerance = 0;
    CHECK_EQ(convert(network, &format, &calibration, &o, &c), AF_OK);
    if (!c.model)
        return;
    bool told = false;
    for (int i = 0; i < c.note_count; i++)
        told = told || strstr(c.note[i], "256 samples cannot tell");
    CHECK(told);
    CHECK_EQ(c.model->timesteps, 3);
    CHECK(fabs(c.loss - 1.0 / 256) < 1e-3);
    conversion_free(&c);
    o.tolerance = -0.1f;
    CHECK_EQ(convert(network, &format, &calibration, &o, &c), AF_BAD_ARGUMENT);
    o.tolerance = NAN;
    CHECK_EQ(convert(network, &format, &calibration, &o, &c), AF_BAD_ARGUMENT);
}

TEST(options_are_kept)
{
    struct conversion c = {0};
    struct convert_options o = goal_options(GOAL_LATENCY, 1);
    CHECK_EQ(convert(network, &format, &calibration, &o, &c), AF_OK);
    CHECK(c.model && c.model->timesteps == 1 && c.model->iat.metric == IAT_OFF);
    conversion_free(&c);
    o = goal_options(GOAL_SPIKES, 2);
    o.iat = CHOICE_OFF;
    o.signed_bursts = CHOICE_OFF;
    CHECK_EQ(convert(network, &format, &calibration, &o, &c), AF_OK);
    CHECK(c.model && c.model->iat.metric == IAT_OFF);
    for (int i = 0; c.model && i < c.model->population_count; i++)
        CHECK(!c.model->population[i].signed_bursts);
    conversion_free(&c);
}

/* Spikes for points, without a goal. */
TEST(compression_keeps_its_loss)
{
    static const float losses[] = {0, 0.01f, 0.02f, 0.1f};
    double before = INFINITY;
    for (int i = 0; i < 4; i++) {
        struct conversion c = {0};
        struct convert_options o = convert_defaults;
        o.timesteps = 1; /* where compression soon costs answers */
        o.burst_initial = o.burst_desired = 5;
        o.search = false;
        o.ssc_budget = 0;
        o.ssc_loss = losses[i];
        o.iat = CHOICE_OFF;
        CHECK_EQ(convert(network, &format, &calibration, &o, &c), AF_OK);
        if (!c.model)
            continue;
        CHECK(i == 0 || c.loss <= (double)o.ssc_loss);
        CHECK(c.exit_spike_sops <= (i == 1 ? 0.95 * before : before));
        before = c.exit_spike_sops;
        conversion_free(&c);
    }
}

/* Threads are no part of the result. */
TEST(threads)
{
    struct conversion one = {0}, two = {0};
    struct convert_options o = goal_options(GOAL_EVENTS, 2);
    o.threads = 1;
    CHECK_EQ(convert(network, &format, &calibration, &o, &one), AF_OK);
    o.threads = 3;
    CHECK_EQ(convert(network, &format, &calibration, &o, &two), AF_OK);
    if (one.model && two.model) {
        CHECK(one.loss == two.loss && conversion_cost(&one) == conversion_cost(&two));
        CHECK_EQ(one.model->timesteps, two.model->timesteps);
        for (int i = 0; i < one.model->population_count; i++) {
            const struct neurons *a = &one.model->population[i], *b = &two.model->population[i];
            CHECK_EQ(a->burst, b->burst);
            for (int k = 0; a->threshold && k < a->shape[0]; k++)
                CHECK_EQ(a->threshold[k], b->threshold[k]);
        }
    }
    conversion_free(&one);
    conversion_free(&two);
}

TEST(refusals)
{
    struct conversion c = {0};
    const struct convert_options o = goal_options(GOAL_EVENTS, 2);
    struct input_format events = format;
    events.events = true;
    CHECK_EQ(convert(network, &events, &calibration, &o, &c), AF_UNSUPPORTED);
    CHECK_ERROR("there is nothing to optimize");
    int last = network->population_count - 1;
    CHECK_EQ(network->population[last].kind, AF_OUTPUT);
    network->population[last].shape[1] = 2; /* as a map of classes would have it */
    CHECK_EQ(convert(network, &format, &calibration, &o, &c), AF_UNSUPPORTED);
    CHECK_ERROR("one vector of classes");
    network->population[last].shape[1] = 1;
    const struct calibration none = {.counts = calibration.counts};
    CHECK_EQ(convert(network, &format, &none, &o, &c), AF_BAD_ARGUMENT);
    CHECK(!c.model);
}

/* All calibration samples agree after one timestep; of the test images some do not. */
TEST(early_termination_keeps_answers)
{
    static const int timesteps[] = {2, 4, 8, 16};
    static const double most[] = {1.4, 1.6, 2.1, 2.1};
    for (int i = 0; i < 4; i++) {
        struct conversion c = {0};
        struct convert_options o = convert_defaults;
        o.timesteps = timesteps[i];
        CHECK_EQ(convert(network, &format, &calibration, &o, &c), AF_OK);
        if (!c.model)
            continue;
        struct figures all = run(c.model, true), early = run(c.model, false);
        CHECK(early.accuracy >= all.accuracy - 0.005);
        CHECK(early.timesteps > 1 && early.timesteps < most[i]);
        CHECK(all.timesteps == timesteps[i]);
        conversion_free(&c);
    }
}

int main(void)
{
    int status = read_digits();
    if (status) {
        printf("%s\n0 passed, 1 failed, 0 skipped\n", af_error());
        return 1;
    }
    if (!THREADS_ONLY) {
        RUN(goals);
        RUN(tolerances);
        RUN(no_tolerance);
        RUN(options_are_kept);
        RUN(compression_keeps_its_loss);
        RUN(early_termination_keeps_answers);
    }
    RUN(threads);
    RUN(refusals);
    free_digits();
    return test_end();
}
