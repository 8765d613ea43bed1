/* Quantised networks (QDQ, QCDQ, QONNX) are computed to the code: held against the graph itself,
 * run node by node in float. Codes may differ where a value lies as near to the middle of two as
 * integers round; real networks and what onnxruntime makes of them are tried where ../shared/data
 * holds them.
 */
#include "network/build_graph.h"

#include "base/npy.h"
#include "convert/convert.h"
#include "network/network.h"
#include "onnx/execute.h"
#include "onnx/quantiser.h"
#include "onnx/rewrite.h"

#include <math.h>

enum { CHANNELS = 3, SIDE = 8, PIXELS = CHANNELS * SIDE * SIDE, SAMPLES = 12 };
static const struct normalisation pixels = {
    .scale = 1.0f / 255, .count = 1, .mean = {0.4f}, .std = {0.25f}};

/* ---- Building ------------------------------------------------------------------------------- */

static int quantised(int x, double scale, int zero, enum dtype type)
{
    const int s = number(DTYPE_F32, scale), z = number(type, zero);
    return op("DequantizeLinear", op("QuantizeLinear", x, s, z, END), s, z, END);
}

/* Of a scale that makes ties rare. */
static int to_u8(int x)
{
    return quantised(x, (double)dice_roll(&dice, 17000, 29000) / 1e6, 0, DTYPE_U8);
}

static int to_i8(int x)
{
    return quantised(x, (double)dice_roll(&dice, 27000, 39000) / 1e6,
                     (int)dice_roll(&dice, -20, 20), DTYPE_I8);
}

/* Weights of 8 bits, with a scale for each channel. */
static int weights(int rank, int to, int from, int k)
{
    int c = rank == 4 ? constant(0, 4, to, from, k, k) : constant(0, 2, to, from);
    struct value *v = &graph->value[c];
    const int64_t row = v->tensor.count / to;
    double scale[64], zero[64] = {0};
    struct tensor codes;
    CHECK_EQ(tensor_make(&codes, DTYPE_I8, v->tensor.rank, v->tensor.dim), AF_OK);
    for (int64_t i = 0; i < codes.count; i++)
        ((int8_t *)codes.data)[i] = (int8_t)dice_roll(&dice, -127, 127);
    tensor_free(&v->tensor);
    v->tensor = codes;
    for (int o = 0; o < to; o++)
        scale[o] = (double)dice_roll(&dice, 700, 1400) / 1000 / 73 / sqrt((double)row);
    int y =
        op("DequantizeLinear", c, numbers(DTYPE_F32, to, scale), numbers(DTYPE_I8, to, zero), END);
    set_int("axis", 0);
    return y;
}

static int layer(int x, int from, int to, int k)
{
    const int y = op("Conv", x, weights(4, to, from, k), constant(0, 1, to), END);
    set_ints("pads", 4, k / 2, k / 2, k / 2, k / 2);
    return y;
}

static int input(void)
{
    return quantised(image(CHANNELS, SIDE, SIDE), 1 / 255.0 / 0.25, 102, DTYPE_U8);
}

static int dense(int x, int from)
{
    const int flat = op("Flatten", x, END), y = op("Gemm", flat, weights(2, 10, from, 1), END);
    set_int("transB", 1);
    return y;
}

/* ---- Comparing ------------------------------------------------------------------------------ */

struct outcome {
    int64_t outputs, differ;
    double most; /* of the largest output */
    bool coded, wide;
    int populations, largest_burst;
    int64_t macs;
    char note[512];
};

static struct tensor expected_of(const float *sample)
{
    struct execution x;
    struct tensor in, out;
    CHECK_EQ(tensor_make(&in, DTYPE_F32, 4, (int64_t[]){1, CHANNELS, SIDE, SIDE}), AF_OK);
    memcpy(in.data, sample, PIXELS * sizeof *sample);
    CHECK_EQ(graph_execute(graph, &in, false, &x), AF_OK);
    CHECK_EQ(tensor_copy(&out, execution_value(graph, &x, graph->output[0])), AF_OK);
    execution_free(graph, &x);
    tensor_free(&in);
    return out;
}

static bool rewritten; /* the graph is, as what it has can be run in no other way */

/* The graph that was built, against its network without calibration. `raw` may go beyond a pixel's
 * range. */
static struct outcome judge(const struct normalisation *norm, bool beyond)
{
    static float raw[SAMPLES][PIXELS], seen[PIXELS];
    struct outcome got = {0};
    struct tensor want[SAMPLES];
    double largest = 0;
    for (int n = 0; n < SAMPLES; n++) {
        for (int i = 0; i < PIXELS; i++) {
            const int c = norm->count == 1 ? 0 : i / SIDE / SIDE;
            raw[n][i] = (float)dice_roll(&dice, beyond ? -100 : 0, beyond ? 400 : 255);
            seen[i] = (raw[n][i] * norm->scale - norm->mean[c]) / norm->std[c];
        }
        want[n] = expected_of(seen);
        for (int64_t i = 0; i < want[n].count; i++)
            largest = fmax(largest, fabs(tensor_get(&want[n], i)));
    }
    struct network *net = NULL;
    struct codes codes;
    float zero[CHANNELS] = {0};
    struct input_format format = {.unit = 1, .zero = zero};
    struct normalisation n = *norm;
    if (!rewritten)
        CHECK_EQ(graph_rewrite(graph, "test"), AF_OK);
    if (norm->count == 1 && quantiser_of_input(graph, &codes)) {
        format.unit = codes.step * n.std[0] / n.scale;
        n.low = format.low = codes.low;
        n.high = format.high = codes.high;
        for (int c = 0; c < CHANNELS; c++)
            zero[c] = n.mean[0] / n.scale;
    }
    CHECK_EQ(network_lower(graph, (int[]){CHANNELS, SIDE, SIDE}, &n, format.unit, zero, &net),
             AF_OK);
    struct conversion c;
    const struct calibration none = {0};
    if (net && net->notes.count)
        snprintf(got.note, sizeof got.note, "%s", net->notes.text[0]);
    got.coded = net && net->coded;
    if (got.coded && convert(net, &format, &none, &convert_defaults, &c) == AF_OK) {
        struct af_device *device = NULL;
        const struct af_model *m = c.recipe.model;
        got.wide = m->wide;
        got.populations = m->population_count;
        got.macs = m->ann_macs;
        for (int p = 0; p < m->population_count; p++)
            got.largest_burst = m->population[p].burst > got.largest_burst ? m->population[p].burst
                                                                           : got.largest_burst;
        CHECK_EQ(m->timesteps, 1);
        CHECK_EQ(af_device_open("cpu", NULL, m, &device), AF_OK);
        for (int k = 0; device && k < SAMPLES; k++) {
            struct af_result r = {0};
            const struct af_sample s = {.type = AF_F32, .data = raw[k], .length = PIXELS};
            CHECK_EQ(af_run(device, &s, 1, NULL, &r), AF_OK);
            CHECK_EQ(r.output_size, want[k].count);
            for (int64_t i = 0; i < want[k].count && i < r.output_size; i++) {
                const double off = fabs((double)r.output[i] - tensor_get(&want[k], i));
                got.differ += off > 1e-3 * largest;
                got.most = fmax(got.most, off / largest);
            }
            got.outputs += want[k].count;
            af_result_free(&r);
        }
        af_device_close(device);
        conversion_free(&c);
    } else if (got.coded) {
        printf("%s\n", af_error());
        test_broken = 1;
    }
    for (int k = 0; k < SAMPLES; k++)
        tensor_free(&want[k]);
    network_free(net);
    graph_free(graph);
    return got;
}

/* At most one output in 25 differs, by little: a code that lay between two, and what follows. */
static struct outcome to_the_code(const struct normalisation *norm, bool beyond)
{
    struct outcome got = judge(norm, beyond);
    CHECK(got.coded);
    CHECK(got.differ * 25 <= got.outputs);
    CHECK(got.most < 0.03);
    if (!got.coded || got.differ * 25 > got.outputs || !(got.most < 0.03))
        printf("%lld of %lld differ, by up to %g; %s\n", (long long)got.differ,
               (long long)got.outputs, got.most, got.note);
    return got;
}

/* ---- Tests ---------------------------------------------------------------------------------- */

TEST(random_networks)
{
    int64_t differ = 0, outputs = 0;
    for (int seed = 1; seed <= (THREADS_ONLY ? 5 : 60); seed++) {
        dice = (struct dice){(uint64_t)seed * 7919};
        const int channels = (int)dice_roll(&dice, 4, 12);
        int y = to_u8(op("Relu", layer(input(), CHANNELS, channels, 3), END));
        for (int depth = (int)dice_roll(&dice, 1, 3); depth; depth--) {
            const int a = layer(y, channels, channels, dice_chance(&dice, 50) ? 3 : 1);
            switch (dice_roll(&dice, 0, 5)) {
            case 0: y = to_u8(a); break; /* the codes themselves are the ReLU */
            case 1: y = to_u8(op("Relu", to_i8(a), END)); break;
            case 2: y = to_u8(op("Relu", op("Add", to_i8(a), y, END), END)); break;
            case 3: y = to_i8(op("Add", to_i8(a), y, END)); break;
            case 4: y = to_u8(op("Relu", a, END)); break;
            default: y = to_u8(op("Clip", a, number(DTYPE_F32, 0), number(DTYPE_F32, 2), END));
            }
        }
        y = op(dice_chance(&dice, 50) ? "MaxPool" : "AveragePool", y, END);
        set_ints("kernel_shape", 2, 2, 2);
        set_ints("strides", 2, 2, 2);
        y = dense(to_i8(y), channels * SIDE * SIDE / 4);
        result(dice_chance(&dice, 50) ? to_i8(y) : y);
        const struct outcome got = to_the_code(&pixels, false);
        differ += got.differ;
        outputs += got.outputs;
    }
    printf("%lld of %lld outputs differ\n", (long long)differ, (long long)outputs);
    CHECK(differ * 500 < outputs);
}

TEST(leaky)
{
    dice = (struct dice){9};
    int y = op("LeakyRelu", to_i8(layer(input(), CHANNELS, 6, 3)), END);
    result(to_i8(dense(to_i8(y), 6 * SIDE * SIDE)));
    CHECK_EQ(graph_rewrite(graph, "test"), AF_OK);
    rewritten = true;
    to_the_code(&pixels, false);
}

/* Of codes that are none below 0 there is nothing to do. */
TEST(leaky_above)
{
    dice = (struct dice){16};
    int y = op("LeakyRelu", to_u8(layer(input(), CHANNELS, 6, 3)), END);
    result(to_i8(dense(y, 6 * SIDE * SIDE)));
    CHECK_EQ(graph_rewrite(graph, "test"), AF_OK);
    rewritten = true;
    CHECK_EQ(to_the_code(&pixels, false).populations, 4);
}

/* What meets with another scale is added in digits, which are no more of the ANN's operations. */
TEST(two_convolutions_that_meet)
{
    dice = (struct dice){10};
    const int x = input(), a = layer(x, CHANNELS, 4, 1), b = layer(x, CHANNELS, 4, 1);
    result(to_u8(op("Add", a, b, END)));
    const struct outcome got = to_the_code(&pixels, false);
    CHECK(got.macs <= 2 * 4 * PIXELS && got.macs > 2 * 4 * PIXELS * 9 / 10);
}

/* Codes of 4 bits, as Brevitas writes them, need no wide potentials and what every build fires. */
TEST(clips_of_codes)
{
    dice = (struct dice){5};
    const int x = image(CHANNELS, SIDE, SIDE), scale = number(DTYPE_F32, 0.3),
              zero = number(DTYPE_U8, 0), least = number(DTYPE_U8, 0), most = number(DTYPE_U8, 15);
    int y = op("Relu", layer(x, CHANNELS, 6, 3), END);
    y = op("Clip", op("QuantizeLinear", y, scale, zero, END), least, most, END);
    y = op("DequantizeLinear", y, scale, zero, END);
    result(dense(y, 6 * SIDE * SIDE));
    const struct outcome got = to_the_code(&pixels, false);
    CHECK(!got.wide);
    CHECK_EQ(got.largest_burst, 15);
    CHECK_EQ(got.populations, 3);
    CHECK_EQ(got.differ, 0);
}

TEST(qonnx)
{
    dice = (struct dice){6};
    const int x = image(CHANNELS, SIDE, SIDE), none = number(DTYPE_F32, 0),
              bits = number(DTYPE_F32, 4), fine = number(DTYPE_F32, 1.0 / 64),
              coarse = number(DTYPE_F32, 0.31);
    const int w =
        op("Quant", constant(0, 4, 6, CHANNELS, 3, 3), fine, none, number(DTYPE_F32, 8), END);
    int y = op("Relu", op("Conv", x, w, END), END);
    y = op("Quant", y, coarse, none, bits, END);
    set_int("signed", 0);
    const int pole = op("BipolarQuant", constant(0, 2, 10, 6 * (SIDE - 2) * (SIDE - 2)), fine, END);
    y = op("Gemm", op("Flatten", y, END), pole, END);
    set_int("transB", 1);
    result(y);
    const struct outcome got = to_the_code(&pixels, false);
    CHECK_EQ(got.largest_burst, 15);
    CHECK_EQ(got.populations, 3);
}

/* Counts are the codes of a quantised input: those of pixels, and cut off as these are. */
TEST(inputs)
{
    dice = (struct dice){7};
    result(to_i8(dense(input(), PIXELS)));
    CHECK_EQ(to_the_code(&pixels, false).populations, 3);
    result(to_i8(dense(quantised(image(CHANNELS, SIDE, SIDE), 0.021, 3, DTYPE_I8), PIXELS)));
    CHECK_EQ(to_the_code(&pixels, true).populations, 3);
    /* Channels that are scaled each in its own way need a population that quantises them. */
    const struct normalisation each = {
        .scale = 1.0f / 255, .count = 3, .mean = {0.4f, 0.5f, 0.3f}, .std = {0.25f, 0.2f, 0.3f}};
    result(to_i8(dense(quantised(image(CHANNELS, SIDE, SIDE), 0.0213, 100, DTYPE_U8), PIXELS)));
    CHECK_EQ(to_the_code(&each, false).populations, 4);
}

TEST(what_is_not_quantised_is_said)
{
    dice = (struct dice){8};
    int y = op("Relu", layer(input(), CHANNELS, 6, 3), END);
    result(to_i8(dense(y, 6 * SIDE * SIDE)));
    const struct outcome got = judge(&pixels, false);
    CHECK(!got.coded);
    CHECK(strstr(got.note, "my_Relu") && strstr(got.note, "is not quantised"));
}

/* Codes that are more than what a DequantizeLinear, a Clip, or what moves them makes of them. */
static void refused(const char *why)
{
    CHECK_EQ(graph_rewrite(graph, "test"), AF_UNSUPPORTED);
    CHECK(strstr(af_error(), why));
    graph_free(graph);
}

static int codes_of(int x, double scale, double zero)
{
    return op("QuantizeLinear", x, number(DTYPE_F32, scale), number(DTYPE_U8, zero), END);
}

TEST(codes_that_are_read)
{
    dice = (struct dice){11};
    int codes = codes_of(layer(input(), CHANNELS, 6, 3), 0.3, 100);
    codes = op("Cast", codes, END);
    set_int("to", 1);
    result(op("Mul", codes, number(DTYPE_F32, 0.3), END));
    refused("Cast node 'my_Cast");
    codes = codes_of(layer(input(), CHANNELS, 6, 3), 0.3, 100);
    result(op("DequantizeLinear", codes, number(DTYPE_F32, 0.4), number(DTYPE_U8, 100), END));
    refused("not the scale and zero point");
    codes = codes_of(layer(input(), CHANNELS, 6, 3), 0.3, 100);
    const int bound = op("Cast", number(DTYPE_F32, 90), END);
    set_int("to", 2);
    codes = op("Clip", codes, bound, number(DTYPE_U8, 110), END);
    result(op("DequantizeLinear", codes, number(DTYPE_F32, 0.3), number(DTYPE_U8, 100), END));
    refused("bounds of codes are not known");
    codes = codes_of(layer(input(), CHANNELS, 6, 3), 0.3, 100);
    codes = op("Clip", codes, number(DTYPE_U8, 110), number(DTYPE_U8, 90), END);
    result(op("DequantizeLinear", codes, number(DTYPE_F32, 0.3), number(DTYPE_U8, 100), END));
    refused("no more than one code");
}

/* A graph whose outputs are codes: these, with their zero point. */
TEST(outputs_of_codes)
{
    dice = (struct dice){12};
    result(codes_of(dense(input(), PIXELS), 0.7, 100));
    to_the_code(&pixels, false);
}

/* What codes are without a zero point says output_dtype, of weights as well. */
TEST(types_of_codes)
{
    dice = (struct dice){13};
    const int x = input(), scale = number(DTYPE_F32, 0.01);
    int w = op("QuantizeLinear", constant(0, 4, 6, CHANNELS, 3, 3), scale, END);
    set_int("output_dtype", 3);
    w = op("DequantizeLinear", w, scale, END);
    int y = op("QuantizeLinear", op("Conv", x, w, END), number(DTYPE_F32, 0.3), END);
    set_int("output_dtype", 3);
    y = op("DequantizeLinear", y, number(DTYPE_F32, 0.3), END);
    result(y);
    to_the_code(&pixels, false);
    y = layer(input(), CHANNELS, 6, 3);
    y = op("QuantizeLinear", y, number(DTYPE_F32, 0.001), END);
    set_int("output_dtype", 4); /* uint16 */
    result(op("DequantizeLinear", y, number(DTYPE_F32, 0.001), END));
    CHECK_EQ(graph_rewrite(graph, "test"), AF_OK);
    const struct normalisation n = pixels;
    struct network *net = NULL;
    CHECK_EQ(network_lower(graph, (int[]){CHANNELS, SIDE, SIDE}, &n, 1, (float[CHANNELS]){0}, &net),
             AF_UNSUPPORTED);
    CHECK(strstr(af_error(), "QuantizeLinear node"));
    network_free(net);
    graph_free(graph);
}

/* A layer whose weights go from -128 on, and whose first channel's scale is so much of the others'.
 */
static int layer_from_128(int x, int to, double first)
{
    static const int k = 3;
    const int y = layer(x, CHANNELS, to, k);
    const struct node *conv = &graph->node[graph->node_count - 1], *n = conv - 1;
    int8_t *weight = graph->value[n->input[0]].tensor.data;
    float *scale = graph->value[n->input[1]].tensor.data;
    for (int o = 0; o < to; o++)
        weight[o * CHANNELS * k * k + o] = INT8_MIN;
    scale[0] *= (float)first;
    return y;
}

/* -128 has more than 7 bits: two digits. */
TEST(weights_of_8_bits)
{
    dice = (struct dice){14};
    result(to_u8(layer_from_128(input(), 6, 1)));
    const struct outcome got = to_the_code(&pixels, false);
    CHECK_EQ(got.differ, 0);
    CHECK(strstr(got.note, "8 bits") == NULL);
}

/* Channels that training left without use have scales next to nothing. */
TEST(channels_next_to_nothing)
{
    for (double first = 1e-3; first > 1e-12; first /= 10) {
        dice = (struct dice){15};
        result(to_u8(layer_from_128(input(), 6, first)));
        to_the_code(&pixels, false);
    }
}

/* ---- Real networks -------------------------------------------------------------------------- */

static const char folder[] = "../shared/data/qdq";

/* `codes`: how far an output may be off; `share`: of the outputs that may differ at all. */
static void real_network(const char *name, const char *data, float mean, float std, double code,
                         double codes, double share)
{
    char model[128], images[128], expected[128];
    struct af_convert_options o;
    struct af_model *m = NULL;
    struct af_device *device = NULL;
    struct tensor samples = {0}, want = {0};
    snprintf(model, sizeof model, "%s/%s.onnx", folder, name);
    snprintf(images, sizeof images, "%s/%s_test_images.npy", folder, data);
    snprintf(expected, sizeof expected, "%s/%s_expected.npy", folder, name);
    af_convert_defaults(&o);
    o.onnx = model;
    o.scale = 1.0 / 255;
    o.mean = &mean;
    o.std = &std;
    o.mean_count = o.std_count = 1;
    CHECK_EQ(af_convert(&o, &m, NULL), AF_OK);
    CHECK_EQ(npy_read(images, &samples), AF_OK);
    CHECK_EQ(npy_read(expected, &want), AF_OK);
    CHECK_EQ(af_device_open("cpu", NULL, m, &device), AF_OK);
    const int64_t n = samples.dim[0], size = samples.count / n, outputs = want.count / n;
    int64_t differ = 0;
    double most = 0;
    for (int64_t i = 0; device && i < n; i++) {
        struct af_result r = {0};
        const struct af_sample s = {
            .type = AF_U8, .data = (const uint8_t *)samples.data + i * size, .length = size};
        CHECK_EQ(af_run(device, &s, 1, NULL, &r), AF_OK);
        for (int64_t k = 0; k < outputs; k++) {
            const double off = fabs((double)r.output[k] - tensor_get(&want, i * outputs + k));
            differ += off > 1e-5;
            most = fmax(most, off);
        }
        af_result_free(&r);
    }
    printf("%s: %lld of %lld outputs differ, by up to %.3f codes\n", name, (long long)differ,
           (long long)want.count, most / code);
    CHECK(most < (codes + 0.01) * code);
    CHECK((double)differ <= share * (double)want.count);
    af_device_close(device);
    af_model_free(m);
    tensor_free(&samples);
    tensor_free(&want);
}

/* The means of four codes of mnist_u8 are ties in a quarter of the cases. */
TEST(real_networks)
{
    if (access(folder, R_OK) != 0) {
        SKIP("no quantised networks in ../shared/data");
        return;
    }
    real_network("mnist_u8", "mnist", 0.1307f, 0.3081f, 0.1591688, 2, 0.36);
    real_network("fashion_mnist_u8", "fashion_mnist", 0.286f, 0.353f, 0.0497050, 1, 0.012);
    real_network("fashion_mnist_s8", "fashion_mnist", 0.286f, 0.353f, 0.0559063, 1, 0.01);
    real_network("mnist_qcdq4", "mnist", 0.1307f, 0.3081f, 1e-5, 1, 0);
    real_network("fashion_mnist_qcdq4", "fashion_mnist", 0.286f, 0.353f, 1e-5, 1, 0);
}

int main(void)
{
    RUN(random_networks);
    RUN(leaky);
    RUN(leaky_above);
    RUN(two_convolutions_that_meet);
    RUN(clips_of_codes);
    RUN(qonnx);
    RUN(inputs);
    RUN(what_is_not_quantised_is_said);
    RUN(codes_that_are_read);
    RUN(outputs_of_codes);
    RUN(types_of_codes);
    RUN(weights_of_8_bits);
    RUN(channels_next_to_nothing);
    RUN(real_networks);
    return test_end();
}
