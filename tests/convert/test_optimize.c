/* --optimize on the embedded digits: what it returns keeps the tolerance, costs no more than what
 * it was not told to search, and is the best of what it tried. And early exit, whose limits
 * both have from the same few samples. */
#include "test.h"

#include "adafire.h"
#include "base/error.h"
#include "base/npy.h"
#include "convert/calibration.h"
#include "convert/convert.h"
#include "iat.h"
#include "onnx/onnx.h"
#include "random_model.h"

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
        status = calibration_read(&(struct calibration_source){.paths = paths, .path_count = 1},
                                  256, 0, &spec, &norm, &format, &calibration);
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
    double accuracy, timesteps, sops, spike_sops, adds;
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
        const struct af_sample s = {
            .type = AF_U8, .data = (const uint8_t *)images.data + i * size, .length = size};
        CHECK_EQ(af_run(device, &s, 1, &o, &r), AF_OK);
        f.accuracy += largest(r.output, r.output_size) == (int)tensor_get(&labels, i);
        f.timesteps += r.timesteps;
        for (int p = 1; p < m->population_count; p++) {
            f.sops += (double)r.sops[p];
            f.spike_sops += (double)r.spike_sops[p];
            f.adds += (double)r.adds[p];
        }
        af_result_free(&r);
    }
    af_device_close(device);
    f.accuracy /= (double)n;
    f.timesteps /= (double)n;
    f.sops /= (double)n;
    f.spike_sops /= (double)n;
    f.adds /= (double)n;
    return f;
}

static double cost_of(const struct figures *f, enum af_goal goal)
{
    return goal == AF_GOAL_LATENCY  ? f->timesteps
           : goal == AF_GOAL_EVENTS ? f->sops
           : goal == AF_GOAL_ADDS   ? f->adds
                                    : f->spike_sops;
}

static struct convert_options goal_options(enum af_goal goal, int timesteps)
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
    double steps, sops, spike_sops, adds, loss;
};

static bool read_trial(const char *note, struct trial *t)
{
    return sscanf(note,
                  "T = %d, phi = %d%*[^:]: %lf timesteps, %lf operations by events, %lf by spikes, "
                  "%lf by shifted adds, expected loss %lf",
                  &t->timesteps, &t->burst, &t->steps, &t->sops, &t->spike_sops, &t->adds,
                  &t->loss) == 7;
}

/* Nothing that was tried and keeps the tolerance is cheaper; the notes' figures are rounded. */
static void check_best(const struct conversion *c, double tolerance)
{
    int trials = 0;
    for (int i = 0; i < c->journal.notes.count; i++) {
        struct trial t;
        if (!read_trial(c->journal.notes.text[i], &t))
            continue;
        trials++;
        const struct figures f = {
            .timesteps = t.steps, .sops = t.sops, .spike_sops = t.spike_sops, .adds = t.adds};
        if (t.loss < 100 * tolerance - 0.01)
            CHECK(verdict_cost(&c->verdict, c->recipe.options.goal) <=
                  1.001 * cost_of(&f, c->recipe.options.goal) + 0.01);
    }
    CHECK(trials >= 2);
}

TEST(goals)
{
    static const enum af_goal goals[] = {AF_GOAL_LATENCY, AF_GOAL_SPIKES, AF_GOAL_EVENTS,
                                         AF_GOAL_ADDS};
    struct conversion plain = {0};
    struct convert_options o = convert_defaults;
    struct figures before = {0};
    CHECK_EQ(convert(network, &format, &calibration, &o, &plain), AF_OK);
    if (plain.recipe.model)
        before = run(plain.recipe.model, false);
    for (int g = 0; g < 4; g++) {
        struct conversion c = {0};
        o = goal_options(goals[g], 4);
        CHECK_EQ(convert(network, &format, &calibration, &o, &c), AF_OK);
        if (!c.recipe.model)
            continue;
        CHECK(c.verdict.loss <= (double)o.tolerance);
        CHECK(verdict_cost(&c.verdict, c.recipe.options.goal) > 0);
        CHECK_EQ(c.recipe.model->timesteps, c.recipe.options.timesteps);
        CHECK(c.recipe.model->timesteps <= o.timesteps);
        check_best(&c, (double)o.tolerance);
        struct figures f = run(c.recipe.model, false);
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
        struct convert_options o = goal_options(AF_GOAL_SPIKES, 2);
        o.tolerance = tolerances[i];
        CHECK_EQ(convert(network, &format, &calibration, &o, &c), AF_OK);
        if (!c.recipe.model)
            continue;
        CHECK(c.verdict.loss <= (double)o.tolerance);
        CHECK(verdict_cost(&c.verdict, c.recipe.options.goal) <= before);
        before = verdict_cost(&c.verdict, c.recipe.options.goal);
        conversion_free(&c);
    }
}

/* Where no number of losses is small enough it takes what is most accurate, and says why. */
TEST(no_tolerance)
{
    struct conversion c = {0};
    struct convert_options o = goal_options(AF_GOAL_EVENTS, 3);
    o.tolerance = 0;
    CHECK_EQ(convert(network, &format, &calibration, &o, &c), AF_OK);
    if (!c.recipe.model)
        return;
    bool told = false;
    for (int i = 0; i < c.journal.notes.count; i++)
        told = told || strstr(c.journal.notes.text[i], "256 samples cannot tell");
    CHECK(told);
    CHECK_EQ(c.recipe.model->timesteps, 3);
    CHECK(c.verdict.loss > 0 && c.verdict.loss < 1.0 / 256);
    conversion_free(&c);
    o.tolerance = -0.1f;
    CHECK_EQ(convert(network, &format, &calibration, &o, &c), AF_BAD_ARGUMENT);
    o.tolerance = NAN;
    CHECK_EQ(convert(network, &format, &calibration, &o, &c), AF_BAD_ARGUMENT);
}

TEST(options_are_kept)
{
    struct conversion c = {0};
    struct convert_options o = goal_options(AF_GOAL_LATENCY, 1);
    CHECK_EQ(convert(network, &format, &calibration, &o, &c), AF_OK);
    CHECK(c.recipe.model && c.recipe.model->timesteps == 1 &&
          c.recipe.model->iat.metric == IAT_OFF);
    conversion_free(&c);
    o = goal_options(AF_GOAL_SPIKES, 2);
    o.iat = AF_OFF;
    o.signed_bursts = AF_OFF;
    CHECK_EQ(convert(network, &format, &calibration, &o, &c), AF_OK);
    CHECK(c.recipe.model && c.recipe.model->iat.metric == IAT_OFF);
    for (int i = 0; c.recipe.model && i < c.recipe.model->population_count; i++)
        CHECK(!c.recipe.model->population[i].signed_bursts);
    conversion_free(&c);
}

/* Spikes for points, without a goal. */
TEST(compression_keeps_its_loss)
{
    static const float losses[] = {0, 0.015f, 0.03f, 0.1f};
    double before = INFINITY;
    for (int i = 0; i < 4; i++) {
        struct conversion c = {0};
        struct convert_options o = convert_defaults;
        o.timesteps = 1; /* where compression soon costs answers */
        o.burst_initial = o.burst_desired = 5;
        o.search = false;
        o.ssc_budget = 0;
        o.ssc_loss = losses[i];
        o.iat = AF_OFF;
        CHECK_EQ(convert(network, &format, &calibration, &o, &c), AF_OK);
        if (!c.recipe.model)
            continue;
        CHECK(i == 0 || c.verdict.loss <= (double)o.ssc_loss);
        CHECK(c.verdict.exit_spike_sops <= (i == 1 ? 0.95 * before : before));
        before = c.verdict.exit_spike_sops;
        conversion_free(&c);
    }
}

/* Samples too few to tell how much is lost still tell how much more. */
TEST(few_samples_compress)
{
    double spent[2] = {0};
    struct calibration few = calibration;
    few.samples = 50;
    few.further = 0;
    for (int i = 0; i < 2; i++) {
        struct conversion c = {0};
        struct convert_options o = convert_defaults;
        o.search = false;
        o.ssc_budget = 0;
        o.ssc_loss = i ? 0.005f : 0;
        bool told = false;
        CHECK_EQ(convert(network, &format, &few, &o, &c), AF_OK);
        for (int k = 0; k < c.journal.notes.count; k++)
            told = told || strstr(c.journal.notes.text[k], "50 samples cannot tell");
        CHECK_EQ(told, i);
        spent[i] = c.recipe.model
                       ? (double)c.recipe.activity[1].spikes + (double)c.recipe.activity[2].spikes
                       : 0;
        CHECK(c.verdict.agreement == 1);
        conversion_free(&c);
    }
    CHECK(spent[1] < 0.8 * spent[0]);
}

/* What the calibration samples lose in the end, each by the ANN's chances. */
static double count_losses(const struct conversion *c, const struct tensor *samples)
{
    struct af_device *device = NULL;
    int64_t n = samples->dim[0], size = samples->count / n;
    double lost = 0;
    CHECK_EQ(af_device_open("cpu", NULL, c->recipe.model, &device), AF_OK);
    for (int64_t i = 0; device && i < n; i++) {
        struct af_result r = {0};
        const struct af_sample s = {
            .type = AF_U8, .data = (const uint8_t *)samples->data + i * size, .length = size};
        CHECK_EQ(af_run(device, &s, 1, NULL, &r), AF_OK);
        const float *chance = c->reference.chance + i * c->reference.ann_size;
        lost += (double)chance[largest(chance, (int)c->reference.ann_size)] -
                (double)chance[largest(r.output, r.output_size)];
        af_result_free(&r);
    }
    af_device_close(device);
    return lost / (double)n;
}

/* Where samples are too few for the loss that is asked for, errors of the outputs tell it. */
TEST(losses_from_errors)
{
    struct tensor samples = {0};
    double before = INFINITY;
    CHECK_EQ(npy_read("tests/data/digits/calib_images.npy", &samples), AF_OK);
    CHECK_EQ(samples.dim[0], calibration.samples);
    for (int burst = 1; burst <= 4; burst++) {
        struct conversion c = {0};
        struct convert_options o = convert_defaults;
        o.timesteps = 1;
        o.burst_initial = o.burst_desired = burst;
        o.search = false;
        o.ssc_budget = 0;
        o.ssc_loss = 0.002f; /* half a sample */
        o.iat = AF_OFF;
        CHECK_EQ(convert(network, &format, &calibration, &o, &c), AF_OK);
        if (!c.recipe.model)
            continue;
        if (burst <= 2) {
            double counted = count_losses(&c, &samples);
            CHECK(c.verdict.loss > 0.5 * counted && c.verdict.loss < 2 * counted);
        }
        CHECK(c.verdict.loss > 0 && c.verdict.loss < before);
        before = c.verdict.loss;
        conversion_free(&c);
    }
    tensor_free(&samples);
}

/* Sums of [population][channel] over the calibration samples, of what comes in before the ReLU. */
static void add_ann_currents(float **value, const int16_t *counts, double **sum)
{
    for (int64_t i = 0; i < network_neurons(&network->population[0]); i++)
        value[0][i] = counts[i];
    CHECK_EQ(network_forward(network, value), AF_OK);
    for (int p = 1; p < network->population_count; p++) {
        const struct population *pop = &network->population[p];
        int64_t n = network_neurons(pop), area = n / pop->shape[0];
        float *current = calloc((size_t)n, sizeof *current);
        if (network_fires(pop->kind))
            CHECK_EQ(network_current(network, p, value, current), AF_OK);
        for (int64_t i = 0; i < n; i++)
            sum[p][i / area] += (double)current[i] / (double)area;
        free(current);
    }
}

static void add_spiking_currents(const struct engine *engine, struct lane *lane,
                                 const struct af_model *m, const int16_t *counts, double **sum)
{
    lane_begin(lane, 1, m->population_count - 1, counts);
    for (int t = 0; t < m->timesteps; t++) {
        lane_step(lane, 1, m->population_count - 1);
        for (int p = 1; p < m->population_count; p++) {
            const struct neurons *n = &m->population[p];
            int64_t area = (int64_t)n->shape[1] * n->shape[2];
            int stride = lane_stride(engine, p);
            for (int64_t i = 0; n->threshold && i < n->shape[0] * area; i++) {
                int64_t ch = i / area, at = i % area * stride + ch;
                CHECK_EQ(n->initial_count, n->shape[0]);
                double in = (double)lane_events(lane, p)[at] * n->threshold[ch];
                if (t == m->timesteps - 1)
                    in += lane_potentials(lane, p)[at] - n->initial[ch];
                sum[p][ch] += in * (double)n->scale[ch] / (double)area / m->timesteps;
            }
        }
    }
}

/* What comes in is on average what the ANN's neurons get, however coarse the thresholds. */
TEST(currents_are_the_anns)
{
    for (int steps = 1; steps <= 3; steps += 2) {
        struct conversion c = {0};
        struct engine *engine = NULL;
        struct lane *lane = NULL;
        struct convert_options o = convert_defaults;
        float *value[16] = {0};
        double *ann[16] = {0}, *spiking[16] = {0};
        int count = network->population_count;
        o.timesteps = steps;
        o.burst_initial = o.burst_desired = 2;
        o.search = false;
        o.iat = AF_OFF;
        o.bias = AF_BIAS_CURRENTS;
        CHECK_EQ(convert(network, &format, &calibration, &o, &c), AF_OK);
        CHECK(count <= 16);
        if (!c.recipe.model || count > 16)
            continue;
        CHECK_EQ(engine_make(c.recipe.model, &engine), AF_OK);
        CHECK_EQ(engine_count(engine), AF_OK);
        CHECK_EQ(lane_make(engine, &lane), AF_OK);
        for (int p = 0; p < count; p++) {
            value[p] = calloc((size_t)network_neurons(&network->population[p]), sizeof **value);
            ann[p] = calloc((size_t)network->population[p].shape[0], sizeof **ann);
            spiking[p] = calloc((size_t)network->population[p].shape[0], sizeof **spiking);
        }
        for (int64_t i = 0; i < calibration.samples; i++) {
            const int16_t *counts =
                calibration.counts + i * network_neurons(&network->population[0]);
            add_ann_currents(value, counts, ann);
            add_spiking_currents(engine, lane, c.recipe.model, counts, spiking);
        }
        for (int p = 0; p < count; p++) {
            for (int ch = 0;
                 c.recipe.model->population[p].threshold && ch < network->population[p].shape[0];
                 ch++) {
                double off = (spiking[p][ch] - ann[p][ch]) / (double)calibration.samples;
                CHECK(fabs(off) < 0.02 * model_event_value(c.recipe.model, p, ch));
            }
            free(value[p]);
            free(ann[p]);
            free(spiking[p]);
        }
        lane_free(lane);
        engine_free(engine);
        conversion_free(&c);
    }
}

/* Readers compensated for what large thresholds swallow want less than neurons that fire for it. */
TEST(currents_compress_further)
{
    double spent[2] = {0};
    for (int i = 0; i < 2; i++) {
        struct conversion c = {0};
        struct convert_options o = goal_options(AF_GOAL_SPIKES, 1);
        o.tolerance = 0.02f;
        o.feedback = false; /* all weights stay */
        o.bias = i ? AF_BIAS_AUTO : AF_BIAS_LIGHT;
        CHECK_EQ(convert(network, &format, &calibration, &o, &c), AF_OK);
        CHECK_EQ(c.recipe.options.bias, i ? AF_BIAS_CURRENTS : AF_BIAS_LIGHT);
        spent[i] = c.verdict.exit_spike_sops;
        conversion_free(&c);
    }
    CHECK(spent[1] < 0.98 * spent[0]);
}

/* Divided between the channels by what their errors do, the same spikes tell more. */
TEST(spreading)
{
    for (int burst = 1; burst <= 3; burst++) {
        double agreement[2] = {0}, spikes[2] = {0};
        for (int i = 0; i < 2; i++) {
            struct conversion c = {0};
            struct convert_options o = convert_defaults;
            o.timesteps = 1;
            o.burst_initial = o.burst_desired = burst;
            o.burst_spread = i ? NARROW_BURSTS : 0;
            o.goal = AF_GOAL_SPIKES;
            o.search = false;
            o.effort = 0;
            o.ssc_budget = 0;
            CHECK_EQ(convert(network, &format, &calibration, &o, &c), AF_OK);
            agreement[i] = c.verdict.agreement;
            spikes[i] = c.verdict.exit_spike_sops;
            for (int p = 1; c.recipe.model && p < c.recipe.model->population_count; p++)
                if (c.recipe.model->population[p].threshold)
                    CHECK_EQ(c.recipe.model->population[p].burst, i ? NARROW_BURSTS : burst);
            conversion_free(&c);
        }
        CHECK(spikes[1] < 1.05 * spikes[0]);
        CHECK(agreement[1] > agreement[0]);
    }
}

/* Neurons begin where they are told to, and those that begin lower send fewer events. */
TEST(initial_potential)
{
    static const float shares[] = {0.5f, 0.3f, 0};
    double before = INFINITY;
    for (int i = 0; i < 3; i++) {
        struct conversion c = {0};
        struct convert_options o = convert_defaults;
        o.timesteps = 1;
        o.burst_initial = 15; /* a threshold of some size */
        o.initial = shares[i];
        o.ssc_budget = 0;
        CHECK_EQ(convert(network, &format, &calibration, &o, &c), AF_OK);
        for (int p = 1; c.recipe.model && p < c.recipe.model->population_count; p++) {
            const struct neurons *n = &c.recipe.model->population[p];
            for (int ch = 0; n->threshold && ch < n->shape[0]; ch++)
                CHECK_EQ(n->initial[ch], (int)floor(n->threshold[ch] * (double)o.initial));
        }
        CHECK(c.verdict.exit_sops < 0.99 * before);
        before = c.verdict.exit_sops;
        conversion_free(&c);
        o.initial = i ? 1.1f : -0.1f;
        CHECK_EQ(convert(network, &format, &calibration, &o, &c), AF_BAD_ARGUMENT);
    }
}

/* A goal tries that, from the best of what it tried with half the threshold. */
TEST(goals_lower_initial_potentials)
{
    struct conversion c = {0};
    struct convert_options o = goal_options(AF_GOAL_EVENTS, 2);
    bool lower = false;
    CHECK_EQ(convert(network, &format, &calibration, &o, &c), AF_OK);
    for (int i = 0; i < c.journal.notes.count; i++)
        lower = lower || strstr(c.journal.notes.text[i], "initial potential 0.4:");
    CHECK(lower);
    CHECK(c.recipe.options.initial > 0.29f && c.recipe.options.initial <= o.initial);
    conversion_free(&c);
    o = goal_options(AF_GOAL_LATENCY, 2);
    CHECK_EQ(convert(network, &format, &calibration, &o, &c), AF_OK);
    CHECK(c.recipe.options.initial == o.initial);
    conversion_free(&c);
}

/* Weights that matter least are left out, and no more are than the tolerance allows. */
TEST(goals_prune)
{
    struct conversion c = {0};
    struct convert_options o = goal_options(AF_GOAL_EVENTS, 1);
    double kept = 0, loss = 0;
    bool tried = false;
    for (int prunes = 0; prunes < 2; prunes++) {
        o.feedback = prunes; /* without, nothing is left out */
        CHECK_EQ(convert(network, &format, &calibration, &o, &c), AF_OK);
        for (int i = 0; i < c.journal.notes.count; i++)
            tried = tried || strstr(c.journal.notes.text[i], "pruned by");
        CHECK_EQ(tried, prunes);
        CHECK((c.recipe.options.prune > 0) == prunes);
        CHECK(prunes ? c.verdict.exit_sops < 0.9 * kept : c.verdict.exit_sops > 0);
        kept = c.verdict.exit_sops;
        loss = c.verdict.loss;
        conversion_free(&c);
    }
    CHECK(loss <= (double)o.tolerance);
}

/* Threads are no part of the result. */
TEST(threads)
{
    struct conversion one = {0}, two = {0};
    struct convert_options o = goal_options(AF_GOAL_EVENTS, 2);
    o.threads = 1;
    CHECK_EQ(convert(network, &format, &calibration, &o, &one), AF_OK);
    o.threads = 3;
    CHECK_EQ(convert(network, &format, &calibration, &o, &two), AF_OK);
    if (one.recipe.model && two.recipe.model) {
        CHECK(one.verdict.loss == two.verdict.loss &&
              verdict_cost(&one.verdict, one.recipe.options.goal) ==
                  verdict_cost(&two.verdict, two.recipe.options.goal));
        CHECK_EQ(one.recipe.model->timesteps, two.recipe.model->timesteps);
        for (int i = 0; i < one.recipe.model->population_count; i++) {
            const struct neurons *a = &one.recipe.model->population[i],
                                 *b = &two.recipe.model->population[i];
            CHECK_EQ(a->burst, b->burst);
            for (int k = 0; a->threshold && k < a->shape[0]; k++)
                CHECK_EQ(a->threshold[k], b->threshold[k]);
        }
    }
    conversion_free(&one);
    conversion_free(&two);
}

/* A 3 x 3 convolution of random weights into the population after it. */
static void add_convolution(struct dice *d, struct network *net, enum af_kind kind, int channels)
{
    int at = net->population_count++;
    const int *from = net->population[at - 1].shape;
    struct population *p = &net->population[at];
    *p = (struct population){.kind = kind,
                             .shape = {channels, from[1], from[2]},
                             .ceiling = INFINITY,
                             .rank = 4,
                             .dim = {1, channels, from[1], from[2]},
                             .projection_count = 1};
    p->name = strdup(kind == AF_OUTPUT ? "map" : "hidden");
    p->projection = calloc(1, sizeof *p->projection);
    p->bias = calloc((size_t)network_neurons(p), sizeof *p->bias);
    struct wiring *w = &p->projection->wiring;
    CHECK_EQ(wiring_identity(w, at - 1, from), AF_OK);
    w->groups = 1;
    w->kernel[0] = w->kernel[1] = 3;
    w->before[0] = w->before[1] = 1;
    w->block[0] = channels;
    p->projection->weight = calloc((size_t)wiring_weights(w), sizeof(float));
    for (int64_t i = 0; i < wiring_weights(w); i++)
        p->projection->weight[i] = (float)dice_roll(d, -100, 100) / (at == 1 ? 1000.0f : 100.0f);
}

/* The digits as they are, hidden neurons, a map of three channels. */
static struct network *make_map(void)
{
    struct dice d = {5};
    struct network *net = calloc(1, sizeof *net);
    net->population = calloc(3, sizeof *net->population);
    net->population[0] = (struct population){.kind = AF_INPUT, .shape = {1, 8, 8}};
    net->population[0].name = strdup("input");
    net->population_count = 1;
    add_convolution(&d, net, AF_RELU, 6);
    add_convolution(&d, net, AF_OUTPUT, 3);
    return net;
}

/* What a map of outputs loses, from its definition. */
static double map_loss(const double *ann, const float *out, int channels, int area, enum loss loss)
{
    double lost = 0, error = 0, size = 0;
    for (int at = 0; at < area; at++) {
        int should = 0, does = 0;
        double sum = 0;
        for (int k = 0; k < channels; k++) {
            double a = ann[k * area + at], b = (double)out[k * area + at];
            should = a > ann[should * area + at] ? k : should;
            does = b > (double)out[does * area + at] ? k : does;
            sum += exp(a);
            error += (a - b) * (a - b);
            size += a * a;
        }
        lost += (exp(ann[should * area + at]) - exp(ann[does * area + at])) / sum / area;
    }
    return loss == LOSS_ERROR ? error / size : lost;
}

/* The mean over all samples, and at most so much above it. */
static void check_map(const struct network *net, const struct conversion *c, double above)
{
    enum { AREA = 64, CHANNELS = 3, HIDDEN = 6 };
    static float in[AREA], hidden[HIDDEN * AREA], out[CHANNELS * AREA];
    float *value[] = {in, hidden, out};
    struct af_device *device = NULL;
    double lost = 0;
    int64_t samples = calibration.samples + calibration.further;
    CHECK_EQ(af_device_open("cpu", NULL, c->recipe.model, &device), AF_OK);
    for (int64_t i = 0; device && i < samples; i++) {
        const int16_t *counts = calibration.counts + i * AREA;
        float raw[AREA];
        const struct af_sample s = {.type = AF_F32, .data = raw, .length = AREA};
        struct af_result r = {0};
        double ann[CHANNELS * AREA];
        for (int k = 0; k < AREA; k++)
            raw[k] = (in[k] = counts[k]) * format.unit + format.zero[0];
        CHECK_EQ(network_forward(net, value), AF_OK);
        for (int k = 0; k < CHANNELS * AREA; k++)
            ann[k] = (double)out[k];
        CHECK_EQ(af_run(device, &s, 1, &(struct af_run_options){0}, &r), AF_OK);
        lost += map_loss(ann, r.output, CHANNELS, AREA, c->recipe.options.loss) / (double)samples;
        af_result_free(&r);
    }
    af_device_close(device);
    CHECK(lost > 0 && c->verdict.loss >= lost - 1e-6);
    CHECK(c->verdict.loss <= lost + above);
}

/* Of maps, answers at every position or the outputs themselves may lose a little. */
TEST(maps)
{
    static const enum loss losses[] = {LOSS_ANSWERS, LOSS_ERROR};
    struct network *net = make_map();
    for (int i = 0; i < 2; i++) {
        double before = INFINITY;
        for (int turn = 0; turn < 2; turn++) {
            struct conversion c = {0};
            struct convert_options o = goal_options(AF_GOAL_SPIKES, 8);
            o.loss = losses[i];
            o.tolerance = turn ? 0.05f : 0.01f;
            CHECK_EQ(convert(net, &format, &calibration, &o, &c), AF_OK);
            if (!c.recipe.model)
                continue;
            CHECK(c.verdict.loss <= (double)o.tolerance);
            CHECK(c.recipe.model->iat.metric == IAT_OFF &&
                  c.verdict.timesteps_mean == c.recipe.model->timesteps);
            CHECK(verdict_cost(&c.verdict, c.recipe.options.goal) < before);
            before = verdict_cost(&c.verdict, c.recipe.options.goal);
            check_map(net, &c, 0.01);
            conversion_free(&c);
        }
    }
    network_free(net);
}

/* Frames show what is lost, and each has a timestep at least. */
TEST(event_networks)
{
    struct conversion c = {0};
    const struct convert_options o = goal_options(AF_GOAL_LATENCY, 4);
    struct input_format events = format;
    events.events = true;
    events.event_frames = 2;
    CHECK_EQ(convert(network, &events, &calibration, &o, &c), AF_OK);
    CHECK(c.recipe.model && c.recipe.model->timesteps >= 2 &&
          c.verdict.loss <= (double)o.tolerance);
    conversion_free(&c);
}

/* As a recording of so many timesteps. */
static int record(void *context, int timesteps, struct calibration *data)
{
    int64_t inputs = network_neurons(&network->population[0]);
    const int other = *(int *)context < 0 && timesteps != 2 ? 5 : 0; /* than what the ANN sees */
    *(int *)context += *(int *)context < 0 ? 0 : 1;
    data->recordings = 2;
    data->recording = calloc((size_t)(data->recordings * timesteps * inputs), sizeof(int16_t));
    for (int i = 0; i < data->recordings * timesteps; i++)
        memcpy(data->recording + i * inputs, calibration.counts + (i / timesteps + other) * inputs,
               (size_t)inputs * sizeof(int16_t));
    return data->recording ? AF_OK : AF_NO_MEMORY;
}

TEST(recordings_are_read_for_every_trial)
{
    struct conversion c = {0};
    struct calibration data = calibration;
    const struct convert_options o = goal_options(AF_GOAL_LATENCY, 3);
    struct input_format events = format;
    int read = 0;
    events.events = true;
    events.event_frames = 2;
    data.record = record;
    data.record_context = &read;
    CHECK_EQ(convert(network, &events, &data, &o, &c), AF_OK);
    CHECK(read >= 3);
    CHECK(c.recipe.model && c.recipe.model->iat.metric != IAT_OFF &&
          c.verdict.loss <= (double)o.tolerance);
    conversion_free(&c);
    read = -1;
    events.event_frames = 2;
    CHECK_EQ(convert(network, &events, &data, &o, &c), AF_OK);
    CHECK_EQ(c.recipe.model ? c.recipe.model->timesteps : 0,
             2); /* with 3 it answers otherwise than the ANN */
    conversion_free(&c);
}

TEST(refusals)
{
    struct conversion c = {0};
    const struct convert_options o = goal_options(AF_GOAL_EVENTS, 2);
    const struct calibration none = {.counts = calibration.counts};
    CHECK_EQ(convert(network, &format, &none, &o, &c), AF_BAD_ARGUMENT);
    CHECK(!c.recipe.model);
}

/* All calibration samples agree after one timestep; of the test images some do not. */
TEST(early_exit_keeps_answers)
{
    static const int timesteps[] = {2, 4, 8, 16};
    static const double most[] = {1.4, 1.6, 2.1, 2.1};
    for (int i = 0; i < 4; i++) {
        struct conversion c = {0};
        struct convert_options o = convert_defaults;
        o.timesteps = timesteps[i];
        CHECK_EQ(convert(network, &format, &calibration, &o, &c), AF_OK);
        if (!c.recipe.model)
            continue;
        struct figures all = run(c.recipe.model, true), early = run(c.recipe.model, false);
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
        RUN(few_samples_compress);
        RUN(losses_from_errors);
        RUN(currents_are_the_anns);
        RUN(currents_compress_further);
        RUN(spreading);
        RUN(maps);
        RUN(event_networks);
        RUN(recordings_are_read_for_every_trial);
        RUN(early_exit_keeps_answers);
        RUN(initial_potential);
        RUN(goals_lower_initial_potentials);
        RUN(goals_prune);
    }
    RUN(threads);
    RUN(refusals);
    free_digits();
    return test_end();
}
