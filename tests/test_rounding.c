/* Weights that make up for each other's rounding: what they compute from inputs that go together is
 * much nearer to the ANN than that of weights rounded each for itself; and for others' absence. */
#include "convert.h"
#include "error.h"
#include "random_model.h"
#include "test.h"

#include <math.h>

enum { SIDE = 6, SAMPLES = 60, OUTPUTS = 6 };

/* An input and one 3 x 3 convolution of it, some of whose weights are 0. */
static struct network *make_network(struct dice *d, int channels, int groups)
{
    struct network *net = calloc(1, sizeof *net);
    net->population = calloc(2, sizeof *net->population);
    net->population_count = 2;
    for (int i = 0; i < 2; i++) {
        int c = i ? OUTPUTS : channels;
        net->population[i] = (struct population){.kind = i ? AF_OUTPUT : AF_INPUT,
                                                 .shape = {c, SIDE, SIDE},
                                                 .ceiling = INFINITY,
                                                 .rank = i ? 4 : 0,
                                                 .dim = {1, c, SIDE, SIDE},
                                                 .projection_count = i};
        net->population[i].name = strdup(i ? "map" : "input");
    }
    struct population *p = &net->population[1];
    p->bias = calloc((size_t)network_neurons(p), sizeof *p->bias);
    p->projection = calloc(1, sizeof *p->projection);
    struct wiring *w = &p->projection->wiring;
    CHECK_EQ(wiring_identity(w, 0, net->population[0].shape), AF_OK);
    w->groups = groups;
    w->kernel[0] = w->kernel[1] = 3;
    w->before[0] = w->before[1] = 1;
    w->block[0] = OUTPUTS;
    p->projection->weight = calloc((size_t)wiring_weights(w), sizeof(float));
    for (int64_t i = 0; i < wiring_weights(w); i++)
        if (!dice_chance(d, 30))
            p->projection->weight[i] = (float)dice_roll(d, -1000, 1000) / 1000.0f;
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

static struct outcome convert_and_judge(const struct network *net, const struct calibration *data,
                                        bool feedback, float prune, bool events, int threads)
{
    float zero[128] = {0};
    const struct input_format format = {
        .unit = 1, .zero = zero, .events = events, .event_frames = 1};
    struct convert_options o = convert_defaults;
    struct conversion c = {0};
    struct outcome result = {.error = NAN};
    o.feedback = feedback;
    o.prune = prune;
    o.threads = threads;
    o.iat = CHOICE_OFF;
    o.search = false;
    o.ssc_budget = 0;
    CHECK_EQ(convert(net, &format, data, &o, &c), AF_OK);
    if (c.model)
        judge(net, c.model, data->counts, &result);
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
    RUN(pruning_needs_feedback);
    return test_end();
}
