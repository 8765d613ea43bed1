/* Weights that make up for each other's rounding: what they compute from inputs that go together is
 * much nearer to the ANN than that of weights rounded each for itself. */
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

/* Mean square of what the outputs are off by, with the converted weights in place of the ANN's;
 * counts zeros that did not stay zeros. */
static double error_of(const struct network *net, const struct af_model *m, const int16_t *counts,
                       int *filled)
{
    const struct projection *from = &net->population[1].projection[0];
    const struct synapses *to = &m->population[1].input[0];
    int64_t inputs = network_neurons(&net->population[0]), n = network_neurons(&net->population[1]);
    int64_t row = wiring_row(&from->wiring);
    float *kept = from->weight, *value[2] = {calloc((size_t)inputs, sizeof(float))};
    float *current = calloc((size_t)n, sizeof *current);
    float *off = calloc((size_t)wiring_weights(&from->wiring), sizeof *off);
    double sum = 0;
    for (int64_t i = 0; i < wiring_weights(&from->wiring); i++) {
        double unit = (double)m->population[1].scale[i / row] * (1 << to->shift);
        off[i] = (float)(to->weight[i] * unit - (double)from->weight[i]);
        *filled += from->weight[i] == 0 && to->weight[i] != 0;
    }
    net->population[1].projection[0].weight = off;
    for (int s = 0; s < SAMPLES; s++) {
        for (int64_t i = 0; i < inputs; i++)
            value[0][i] = counts[s * inputs + i];
        CHECK_EQ(network_current(net, 1, value, current), AF_OK);
        for (int64_t i = 0; i < n; i++)
            sum += (double)current[i] * (double)current[i] / (double)(SAMPLES * n);
    }
    net->population[1].projection[0].weight = kept;
    free(value[0]);
    free(current);
    free(off);
    return sum;
}

static double convert_and_measure(const struct network *net, const struct calibration *data,
                                  bool feedback, int threads, int *filled)
{
    float zero[128] = {0};
    const struct input_format format = {.unit = 1, .zero = zero};
    struct convert_options o = convert_defaults;
    struct conversion c = {0};
    o.feedback = feedback;
    o.threads = threads;
    o.iat = CHOICE_OFF;
    o.search = false;
    o.ssc_budget = 0;
    CHECK_EQ(convert(net, &format, data, &o, &c), AF_OK);
    double error = c.model ? error_of(net, c.model, data->counts, filled) : NAN;
    conversion_free(&c);
    return error;
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
        int filled = 0;
        double near = convert_and_measure(net, &data, false, 1, &filled);
        double fed = convert_and_measure(net, &data, true, 1, &filled);
        CHECK(fed < most[i] * near);
        CHECK(fed > 0);
        CHECK_EQ(filled, 0);
        CHECK(convert_and_measure(net, &data, true, 3, &filled) == fed);
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
    int filled = 0;
    memset(data.counts, 0, sizeof(int16_t) * 4 * SIDE * SIDE * SAMPLES);
    CHECK(convert_and_measure(net, &data, true, 1, &filled) == 0);
    CHECK_EQ(filled, 0);
    free(data.counts);
    network_free(net);
}

int main(void)
{
    RUN(makes_up_for_rounding);
    RUN(silent_inputs);
    return test_end();
}
