/* Weights that make up for each other's rounding: what they compute from inputs that go together is
 * much nearer to the ANN than that of weights rounded each for itself; and for others' absence. */
#include "test.h"

#include "base/error.h"
#include "convert/convert.h"
#include "convert/rounding.h"
#include "random_model.h"

#include <math.h>

enum { SIDE = 6, SAMPLES = 60, OUTPUTS = 6 };

static struct population *add_population(struct network *net, enum af_kind kind, const int shape[3])
{
    struct population *p = &net->population[net->population_count++];
    *p = (struct population){.kind = kind,
                             .shape = {shape[0], shape[1], shape[2]},
                             .ceiling = INFINITY,
                             .rank = kind == AF_OUTPUT ? 4 : 0,
                             .dim = {1, shape[0], shape[1], shape[2]}};
    p->name = strdup(kind == AF_INPUT ? "input" : "map");
    p->bias = calloc((size_t)network_neurons(p), sizeof *p->bias);
    p->projection = calloc(1, sizeof *p->projection);
    return p;
}

/* Of a source by the last population, as large a part of it as that is; some weights are 0. */
static void add_convolution(struct network *net, struct dice *d, int source, int kernel, int groups)
{
    struct population *p = &net->population[net->population_count - 1];
    struct wiring *w = &p->projection->wiring;
    CHECK_EQ(wiring_identity(w, source, net->population[source].shape), AF_OK);
    w->groups = groups;
    w->kernel[0] = w->kernel[1] = kernel;
    w->before[0] = w->before[1] = kernel / 2;
    memcpy(w->block, p->shape, sizeof w->block);
    p->projection->weight = calloc((size_t)wiring_weights(w), sizeof(float));
    p->projection_count = 1;
    for (int64_t i = 0; i < wiring_weights(w); i++)
        if (!dice_chance(d, 30))
            p->projection->weight[i] = (float)dice_roll(d, -1000, 1000) / 1000.0f;
}

static struct network *begin_network(int channels)
{
    struct network *net = calloc(1, sizeof *net);
    net->population = calloc(3, sizeof *net->population);
    add_population(net, AF_INPUT, (const int[]){channels, SIDE, SIDE});
    return net;
}

/* An input and one 3 x 3 convolution of it. */
static struct network *make_network(struct dice *d, int channels, int groups)
{
    struct network *net = begin_network(channels);
    add_population(net, AF_OUTPUT, (const int[]){OUTPUTS, SIDE, SIDE});
    add_convolution(net, d, 0, 3, groups);
    return net;
}

/* Smooth pictures whose channels go together. */
static int16_t *make_counts(struct dice *d, int channels)
{
    int area = SIDE * SIDE;
    int16_t *counts = calloc((size_t)(SAMPLES * channels * area), sizeof *counts);
    for (int s = 0; s < SAMPLES; s++) {
        int level = (int)dice_roll(d, 0, 60), slope = (int)dice_roll(d, -5, 5);
        for (int i = 0; i < channels * area; i++)
            counts[s * channels * area + i] =
                (int16_t)(level + slope * (i % SIDE) + i / area % 7 * 5 + dice_roll(d, -6, 6));
    }
    return counts;
}

/* What became of the weights. */
struct outcome {
    double error; /* mean square of what the outputs are off by, with them in place of the ANN's */
    double alone; /* the same if all that are not 0 were as they were */
    int filled, pruned, weights; /* zeros that did not stay zeros; others that became so; others */
};

static double mean_square(const struct network *net, float *weight, const int16_t *counts)
{
    struct projection *p = &net->population[1].projection[0];
    int64_t inputs = network_neurons(&net->population[0]), n = network_neurons(&net->population[1]);
    float *kept = p->weight, *value[2] = {calloc((size_t)inputs, sizeof(float))};
    float *current = calloc((size_t)n, sizeof *current);
    double sum = 0;
    p->weight = weight;
    for (int s = 0; s < SAMPLES; s++) {
        for (int64_t i = 0; i < inputs; i++)
            value[0][i] = counts[s * inputs + i];
        CHECK_EQ(network_current(net, 1, value, current), AF_OK);
        for (int64_t i = 0; i < n; i++)
            sum += (double)current[i] * (double)current[i] / (double)(SAMPLES * n);
    }
    p->weight = kept;
    free(value[0]);
    free(current);
    return sum;
}

static void judge(const struct network *net, const struct af_model *m, const int16_t *counts,
                  struct outcome *to)
{
    const struct projection *p = &net->population[1].projection[0];
    const struct synapses *s = &m->population[1].input[0];
    const int64_t n = wiring_weights(&p->wiring), row = wiring_row(&p->wiring);
    float *off = calloc((size_t)n, sizeof *off), *gone = calloc((size_t)n, sizeof *gone);
    for (int64_t i = 0; i < n; i++) {
        double unit = (double)m->population[1].scale[i / row] * (1 << s->shift);
        off[i] = (float)(s->weight[i] * unit - (double)p->weight[i]);
        gone[i] = s->weight[i] ? 0 : -p->weight[i];
        to->filled += p->weight[i] == 0 && s->weight[i] != 0;
        to->pruned += p->weight[i] != 0 && s->weight[i] == 0;
        to->weights += p->weight[i] != 0;
    }
    to->error = mean_square(net, off, counts);
    to->alone = mean_square(net, gone, counts);
    free(off);
    free(gone);
}

static void convert_all(const struct network *net, const struct calibration *data, bool feedback,
                        float prune, bool events, int threads, struct conversion *c)
{
    float zero[128] = {0};
    const struct input_format format = {
        .unit = 1, .zero = zero, .events = events, .event_frames = 1};
    struct convert_options o = convert_defaults;
    o.feedback = feedback;
    o.prune = prune;
    o.threads = threads;
    o.iat = AF_OFF;
    o.search = false;
    o.ssc_budget = 0;
    *c = (struct conversion){0};
    CHECK_EQ(convert(net, &format, data, &o, c), AF_OK);
}

static struct outcome convert_and_judge(const struct network *net, const struct calibration *data,
                                        bool feedback, float prune, bool events, int threads)
{
    struct conversion c;
    struct outcome result = {.error = NAN};
    convert_all(net, data, feedback, prune, events, threads, &c);
    if (c.recipe.model)
        judge(net, c.recipe.model, data->counts, &result);
    conversion_free(&c);
    return result;
}

/* One block of weights, two of them, and groups. */
TEST(makes_up_for_rounding)
{
    static const int cases[][2] = {{4, 1}, {80, 1}, {6, 3}};
    static const double most[] = {0.1, 0.04, 0.4};
    for (int i = 0; i < 3; i++) {
        struct dice d = {(uint64_t)i};
        struct network *net = make_network(&d, cases[i][0], cases[i][1]);
        struct calibration data = {.samples = SAMPLES, .counts = make_counts(&d, cases[i][0])};
        struct outcome near = convert_and_judge(net, &data, false, 0, false, 1),
                       fed = convert_and_judge(net, &data, true, 0, false, 1);
        CHECK(fed.error < most[i] * near.error);
        CHECK(fed.error > 0);
        CHECK_EQ(near.filled + fed.filled, 0);
        CHECK(convert_and_judge(net, &data, true, 0, false, 3).error == fed.error);
        free(data.counts);
        network_free(net);
    }
}

/* Inputs that never come predict nothing, and nothing they weigh is off by more than half. */
TEST(silent_inputs)
{
    struct dice d = {7};
    struct network *net = make_network(&d, 4, 1);
    struct calibration data = {.samples = SAMPLES, .counts = make_counts(&d, 4)};
    memset(data.counts, 0, sizeof(int16_t) * 4 * SIDE * SIDE * SAMPLES);
    struct outcome silent = convert_and_judge(net, &data, true, 0, false, 1);
    CHECK(silent.error == 0);
    CHECK_EQ(silent.filled, 0);
    free(data.counts);
    network_free(net);
}

/* About as many weights go as are asked for (all inputs are about as active), and those that stay
 * make up for most of what the others did. */
TEST(pruned_weights)
{
    static const int cases[][2] = {{4, 1}, {80, 1}, {6, 3}};
    static const float shares[] = {0.2f, 0.4f, 0.6f};
    for (int i = 0; i < 3; i++)
        for (int k = 0; k < 3; k++) {
            struct dice d = {(uint64_t)i + 20};
            struct network *net = make_network(&d, cases[i][0], cases[i][1]);
            struct calibration data = {.samples = SAMPLES, .counts = make_counts(&d, cases[i][0])};
            struct outcome x = convert_and_judge(net, &data, true, shares[k], true, 1);
            const double share = (double)x.pruned / x.weights;
            CHECK(fabs(share - (double)shares[k]) < 0.08);
            CHECK(x.error < 0.2 * x.alone);
            CHECK_EQ(x.filled, 0);
            free(data.counts);
            network_free(net);
        }
}

/* What a constant input causes is no synaptic operation, so nothing is saved by leaving it out. */
TEST(constant_inputs_keep_their_weights)
{
    struct dice d = {31};
    struct network *net = make_network(&d, 4, 1);
    struct calibration data = {.samples = SAMPLES, .counts = make_counts(&d, 4)};
    struct outcome all = convert_and_judge(net, &data, true, 0, false, 1),
                   asked = convert_and_judge(net, &data, true, 0.5f, false, 1);
    CHECK_EQ(asked.pruned, all.pruned);
    CHECK(asked.error == all.error);
    free(data.counts);
    network_free(net);
}

/* Layers of many and of few positions are measured alike: one of 36 and one of 1, and both see the
 * same inputs. */
TEST(prices_are_of_one_measure)
{
    struct dice d = {33};
    struct network *net = begin_network(4);
    struct conversion c;
    add_population(net, AF_OUTPUT, (const int[]){OUTPUTS, SIDE, SIDE});
    add_convolution(net, &d, 0, 1, 1);
    add_population(net, AF_OUTPUT, (const int[]){OUTPUTS, 1, 1});
    add_convolution(net, &d, 0, 1, 1);
    struct calibration data = {.samples = SAMPLES, .counts = make_counts(&d, 4)};
    convert_all(net, &data, true, 0.1f, true, 1, &c);
    for (int i = 0; c.recipe.model && i < 4; i++) {
        const struct rounding *many = c.reference.statistics[1].rounding,
                              *one = c.reference.statistics[2].rounding;
        const double ratio =
            rounding_unpredicted(many, 0, 4, i) / rounding_unpredicted(one, 0, 4, i);
        CHECK(ratio > 0.5 && ratio < 2);
        CHECK(fabsf(many->events[i] - one->events[i]) < 0.2f && many->events[i] <= 1);
    }
    conversion_free(&c);
    free(data.counts);
    network_free(net);
}

/* What nobody reads goes first and alone, if it is enough. */
TEST(unread_channels_go_first)
{
    struct dice d = {34};
    struct network *net = begin_network(4);
    struct conversion c;
    add_population(net, AF_RELU, (const int[]){4, SIDE, SIDE});
    add_convolution(net, &d, 0, 3, 1);
    add_population(net, AF_OUTPUT, (const int[]){OUTPUTS, SIDE, SIDE});
    add_convolution(net, &d, 1, 1, 1);
    float *reads = net->population[2].projection->weight;
    for (int o = 0; o < OUTPUTS; o++)
        reads[4 * o + 2] = reads[4 * o + 3] = 0;
    struct calibration data = {.samples = SAMPLES, .counts = make_counts(&d, 4)};
    convert_all(net, &data, true, 0.3f, true, 1, &c);
    const struct synapses *s = c.recipe.model ? &c.recipe.model->population[1].input[0] : NULL;
    const float *from = net->population[1].projection->weight;
    int gone[2] = {0};
    for (int i = 0; s && i < 4 * 36; i++)
        gone[i >= 2 * 36] += from[i] != 0 && s->weight[i] == 0;
    for (int i = 2 * 36; s && i < 4 * 36; i++)
        CHECK_EQ(s->weight[i], 0);
    CHECK(gone[1] > 30 && gone[0] <= 2);
    conversion_free(&c);
    free(data.counts);
    network_free(net);
}

TEST(pruning_needs_feedback)
{
    struct dice d = {32};
    struct network *net = make_network(&d, 4, 1);
    struct calibration data = {.samples = SAMPLES, .counts = make_counts(&d, 4)};
    float zero[4] = {0};
    const struct input_format format = {.unit = 1, .zero = zero};
    struct convert_options o = convert_defaults;
    struct conversion c;
    o.feedback = false;
    o.prune = 0.1f;
    CHECK_EQ(convert(net, &format, &data, &o, &c), AF_BAD_ARGUMENT);
    CHECK_ERROR("pruning needs");
    o.feedback = true;
    o.prune = 1;
    CHECK_EQ(convert(net, &format, &data, &o, &c), AF_BAD_ARGUMENT);
    CHECK_ERROR("out of range");
    free(data.counts);
    network_free(net);
}

int main(void)
{
    RUN(makes_up_for_rounding);
    RUN(silent_inputs);
    RUN(pruned_weights);
    RUN(constant_inputs_keep_their_weights);
    RUN(prices_are_of_one_measure);
    RUN(unread_channels_go_first);
    RUN(pruning_needs_feedback);
    return test_end();
}
