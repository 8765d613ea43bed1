/* Graphs lowered to populations and projections compute what the graphs compute. Small graphs are
 * built here; real networks are tried where ../shared/data holds them. */
#include "test.h"

#include "adafire.h"
#include "base/npy.h"
#include "network/build_graph.h"
#include "network/network.h"
#include "onnx/execute.h"
#include "onnx/onnx.h"
#include "random_model.h"

#include <glob.h>
#include <math.h>

/* ---- Comparing ----------------------------------------------------------------------------- */

/* Largest difference of all outputs, relative to the largest value. Several populations may be one
 * of the graph's outputs, one after the other. */
static double difference(const struct graph *g, const struct network *net, const struct tensor *in,
                         float *const *value)
{
    struct execution x;
    double most = 1e-9, worst = 0;
    int output = 0;
    int64_t taken = 0;
    CHECK_EQ(graph_execute(g, in, false, &x), AF_OK);
    CHECK_EQ(network_forward(net, value), AF_OK);
    for (int p = 0; p < net->population_count; p++) {
        const struct population *pop = &net->population[p];
        if (pop->kind != AF_OUTPUT)
            continue;
        const struct tensor *want = execution_value(g, &x, g->output[output]);
        int64_t all = 1;
        for (int a = 0; a < pop->rank; a++)
            all *= pop->dim[a];
        CHECK(taken + all <= want->count);
        for (int64_t i = 0; i < all; i++) {
            int64_t at = pop->order ? pop->order[i] : i;
            double w = tensor_get(want, taken + i), got = at < 0 ? w : (double)value[p][at];
            most = fmax(most, fabs(w));
            worst = fmax(worst, fabs(w - got));
        }
        taken = taken + all == want->count ? 0 : taken + all;
        output += taken == 0;
    }
    CHECK_EQ(output, g->output_count);
    execution_free(g, &x);
    return worst / most;
}

static float farthest_bias; /* of the network that was compared last */

/* Runs the graph and its network on samples of counts; returns the largest relative difference. */
static double compare(const struct graph *g, const int shape[3], const struct tensor *samples)
{
    const struct normalisation plain = {.scale = 1.0f / 64, .count = 1, .std = {1}};
    const struct value *input = &g->value[g->input[0]];
    struct network *net = NULL;
    float *zero = calloc((size_t)shape[0], sizeof *zero);
    int64_t n = (int64_t)shape[0] * shape[1] * shape[2];
    double worst = 0;
    int status = network_lower(g, shape, &plain, 1, zero, &net);
    CHECK_EQ(status, AF_OK);
    if (status) {
        printf("%s\n", af_error());
        free(zero);
        return 1;
    }
    farthest_bias = 0;
    for (int p = 0; p < net->population_count; p++)
        for (int64_t i = 0; net->population[p].bias && i < network_neurons(&net->population[p]);
             i++)
            farthest_bias = fmaxf(farthest_bias, fabsf(net->population[p].bias[i]));
    float **value = calloc((size_t)net->population_count, sizeof *value);
    for (int p = 0; p < net->population_count; p++)
        value[p] = calloc((size_t)network_neurons(&net->population[p]), sizeof **value);
    for (int turn = 0; turn < 3; turn++) {
        struct tensor in;
        int64_t dim[TENSOR_MAX_RANK];
        memcpy(dim, input->dim, sizeof dim);
        for (int a = 0; a < input->rank; a++)
            if (dim[a] < 0)
                dim[a] = a == 0 ? 1 : shape[a - 1];
        CHECK_EQ(tensor_make(&in, DTYPE_F32, input->rank, dim), AF_OK);
        CHECK_EQ(in.count, n);
        for (int64_t i = 0; i < n; i++) {
            float q = samples ? (float)nearbyint(tensor_get(samples, turn * n + i))
                              : (float)dice_roll(&dice, -128, 127);
            value[0][i] = q;
            ((float *)in.data)[i] = q / 64;
        }
        worst = fmax(worst, difference(g, net, &in, value));
        tensor_free(&in);
    }
    for (int p = 0; p < net->population_count; p++)
        free(value[p]);
    free(value);
    free(zero);
    network_free(net);
    return worst;
}

/* The graph that was built lowers to the same function. */
static void lowers(void)
{
    const struct value *in = &graph->value[0];
    int shape[3] = {1, 1, 1};
    for (int a = 1; a < in->rank && a < 4; a++)
        shape[in->rank == 3 && a == 2 ? 2 : a - 1] = (int)in->dim[a]; /* 1-D: a row */
    double d = compare(graph, shape, NULL);
    CHECK(d < 1e-5);
    if (!(d < 1e-5))
        printf("difference %g\n", d);
    graph_free(graph);
}

static void refused(int status, const char *operator, const char * why)
{
    const struct normalisation plain = {.scale = 1, .count = 1, .std = {1}};
    const struct value *in = &graph->value[0];
    int shape[3] = {(int)in->dim[1], (int)in->dim[2], (int)in->dim[3]};
    float zero[64] = {0};
    struct network *net = NULL;
    CHECK_EQ(network_lower(graph, shape, &plain, 1, zero, &net), status);
    CHECK(!net);
    CHECK_ERROR(operator);
    CHECK_ERROR(why);
    network_free(net);
    graph_free(graph);
}

/* ---- Tests --------------------------------------------------------------------------------- */

TEST(convolutions)
{
    static const int pads[][4] = {{0, 0, 0, 0}, {1, 1, 1, 1}, {0, 1, 2, 0}, {2, 0, 1, 1}};
    for (int p = 0; p < 4; p++)
        for (int stride = 1; stride <= 3; stride++)
            for (int dilation = 1; dilation <= 2; dilation++) {
                int x = image(2, 9, 7), y = conv(x, 2, 5, 3, 2);
                set_ints("pads", 4, pads[p][0], pads[p][1], pads[p][2], pads[p][3]);
                set_ints("strides", 2, stride, 1);
                set_ints("dilations", 2, dilation, dilation);
                result(conv(relu(y), 5, 3, 1, 1));
                lowers();
            }
    static const char *const autos[] = {"SAME_UPPER", "SAME_LOWER", "VALID"};
    for (int i = 0; i < 3; i++) {
        int x = image(3, 8, 8), y = conv(x, 3, 4, 4, 3);
        set_text("auto_pad", autos[i]);
        set_ints("strides", 2, 2, 1);
        result(relu(y));
        lowers();
    }
}

TEST(groups_and_1d)
{
    int x = image(6, 5, 5), y = relu(conv(x, 6, 6, 1, 1));
    y = conv(y, 2, 9, 3, 3);
    set_int("group", 3);
    y = conv(relu(y), 1, 18, 2, 2); /* depthwise with a multiplier */
    set_int("group", 9);
    result(relu(y));
    lowers();

    x = begin(3, (int64_t[]){1, 4, 16});
    y = op("Conv", x, constant(0, 3, 6, 4, 5), END);
    set_ints("pads", 2, 2, 1);
    set_ints("strides", 1, 2);
    y = op("MaxPool", relu(y), END);
    set_ints("kernel_shape", 1, 2);
    result(op("Flatten", y, END));
    lowers();
}

TEST(normalisation_and_shortcut)
{
    int x = image(3, 6, 6), y = conv(x, 3, 4, 3, 3);
    set_ints("pads", 4, 1, 1, 1, 1);
    y = relu(op("BatchNormalization", y, constant(1, 1, 4), constant(0, 1, 4), constant(0, 1, 4),
                constant(2, 1, 4), END));
    int z = conv(y, 4, 4, 3, 3);
    set_ints("pads", 4, 1, 1, 1, 1);
    z = relu(op("Add", z, y, END));
    /* A normalisation in front of a linear layer. */
    z = op("BatchNormalization", z, constant(1, 1, 4), constant(0, 1, 4), constant(0, 1, 4),
           constant(2, 1, 4), END);
    result(conv(z, 4, 2, 1, 1));
    lowers();
}

TEST(padded_shortcut)
{
    int x = image(4, 8, 8), y = relu(conv(x, 4, 4, 1, 1));
    int s = op("Slice", y, integers(2, 0, 0), integers(2, 100, 100), integers(2, 2, 3),
               integers(2, 2, 2), END);
    s = op("Pad", s, integers(8, 0, 2, 0, 0, 0, 2, 0, 0), END);
    int z = conv(y, 4, 8, 3, 3);
    set_ints("pads", 4, 1, 1, 1, 1);
    set_ints("strides", 2, 2, 2);
    result(relu(op("Add", z, s, END)));
    lowers();
}

/* A map in a border of a constant, which no neuron holds. */
static int framed(int y, int side)
{
    return op("Pad", y, integers(8, 0, 0, side, 1, 0, 0, side, 2), constant(0.75f, 1, 1), END);
}

/* What is constant in a moved value stays, whatever makes a population of it: several readers, a
 * dense layer, a sum, a concatenation; and so does what tells elements of one neuron apart. */
TEST(constants_of_moved_values)
{
    int y = framed(conv(image(2, 6, 6), 2, 3, 3, 3), 1);
    result(op("GlobalAveragePool", op("Add", y, y, END), END));
    lowers();
    y = framed(conv(image(2, 6, 6), 2, 3, 3, 3), 1);
    result(conv(op("Concat", y, relu(y), END), 6, 2, 3, 3));
    set_int("axis", 1);
    lowers();
    y = framed(conv(image(2, 6, 6), 2, 3, 3, 3), 1);
    result(op("Add", conv(relu(y), 3, 3, 1, 1), y, END));
    lowers();
    y = op("Flatten", framed(conv(image(2, 6, 6), 2, 3, 3, 3), 1), END);
    result(op("Gemm", y, constant(0, 2, 3 * 6 * 7, 4), constant(0, 1, 4), END));
    lowers();
    y = op("Flatten", framed(conv(image(2, 6, 6), 2, 3, 3, 3), 2), END);
    int a = op("Gemm", y, constant(0, 2, 3 * 8 * 7, 4), constant(0, 1, 4), END);
    result(op("Add", relu(a), op("Gemm", y, constant(0, 2, 3 * 8 * 7, 4), END), END));
    lowers();
    y = conv(image(2, 3, 3), 2, 3, 3,
             3); /* one neuron for four elements, told apart by a constant */
    y = op("Resize", y, NONE, NONE, integers(4, 1, 3, 2, 2), END);
    y = op("Add", y, constant(0, 4, 1, 3, 2, 2), END);
    result(op("Gemm", op("Flatten", framed(y, 1), END), constant(0, 2, 3 * 4 * 5, 4), END));
    lowers();
    y = op("Flatten", framed(conv(image(2, 6, 6), 2, 3, 3, 3), 1), END); /* some, in any order */
    result(op("Gather", y, integers(5, 0, 9, 8, 50, 11), END));
    set_int("axis", 1);
    lowers();
}

TEST(average_pools)
{
    for (int include = 0; include < 2; include++)
        for (int ceil = 0; ceil < 2; ceil++) {
            int x = image(2, 8, 9), y = relu(conv(x, 2, 3, 1, 1));
            y = op("AveragePool", y, END);
            set_ints("kernel_shape", 2, 3, 2);
            set_ints("strides", 2, 2, 2);
            set_ints("pads", 4, 1, 0, 1, 1);
            set_int("count_include_pad", include);
            set_int("ceil_mode", ceil);
            result(conv(y, 3, 4, 2, 2));
            lowers();
        }
    int x = image(2, 6, 5), y = relu(conv(x, 2, 3, 1, 1));
    y = op("Flatten", op("GlobalAveragePool", y, END), END);
    result(op("Gemm", y, constant(0, 2, 3, 4), constant(0, 1, 4), END));
    lowers();
    x = image(2, 6, 5);
    y = op("ReduceMean", relu(conv(x, 2, 3, 1, 1)), END);
    set_ints("axes", 2, 2, 3);
    set_int("keepdims", 0);
    result(op("Add", op("MatMul", y, constant(0, 2, 3, 4), END), constant(0, 1, 4), END));
    lowers();
}

TEST(max_pools)
{
    for (int ceil = 0; ceil < 2; ceil++) {
        int x = image(3, 8, 8), y = relu(conv(x, 3, 4, 3, 3));
        y = op("MaxPool", y, END);
        set_ints("kernel_shape", 2, 3, 3);
        set_ints("strides", 2, 2, 2);
        set_int("ceil_mode", ceil);
        set_ints("pads", 4, 1, 1, 0, 0);
        y = relu(conv(y, 4, 5, 1, 1));
        y = op("Flatten", op("GlobalMaxPool", y, END), END);
        result(op("Gemm", y, constant(0, 2, 3, 5), END));
        set_int("transB", 1);
        lowers();
    }
}

/* A maximum's own padding, as a Pad by less than any value: no neuron has that for a bias. A window
 * that sees nothing else is such a value, though. */
TEST(padded_maximum)
{
    for (int kernel = 2; kernel <= 3; kernel++) {
        int y = conv(image(2, 6, 6), 2, 3, 1, 1);
        y = op("Pad", y, integers(8, 0, 0, 1, 0, 0, 0, 1, 1), constant(-1e5F, 1, 1), END);
        y = op("MaxPool", y, END);
        set_ints("kernel_shape", 2, kernel, kernel);
        set_ints("strides", 2, 2, 2);
        result(conv(y, 3, 4, 1, 1));
        lowers();
        CHECK(farthest_bias < 100);
    }
    int y = conv(image(2, 6, 6), 2, 3, 1, 1);
    y = op("Pad", y, integers(8, 0, 0, 4, 0, 0, 0, 0, 0), constant(-2e4F, 1, 1), END);
    y = op("MaxPool", y, END);
    set_ints("kernel_shape", 2, 2, 2);
    set_ints("strides", 2, 2, 2);
    result(conv(y, 3, 4, 1, 1));
    lowers();
    CHECK(farthest_bias > 1e3);
}

TEST(branches)
{
    int x = image(3, 6, 6), y = relu(conv(x, 3, 4, 1, 1));
    int a = relu(conv(y, 4, 2, 1, 1)), b = conv(y, 4, 3, 3, 3);
    set_ints("pads", 4, 1, 1, 1, 1);
    int z = op("Concat", a, relu(b), END);
    set_int("axis", 1);
    z = op("Resize", z, NONE, NONE, integers(4, 1, 5, 12, 12), END);
    set_text("mode", "nearest");
    set_text("coordinate_transformation_mode", "asymmetric");
    set_text("nearest_mode", "floor");
    z = conv(z, 5, 2, 3, 3);
    result(relu(z));
    lowers();
}

TEST(channel_shuffle)
{
    int x = image(4, 5, 5), y = relu(conv(x, 4, 6, 1, 1));
    y = op("Reshape", y, integers(5, 1, 2, 3, 5, 5), END);
    y = op("Transpose", y, END);
    set_ints("perm", 5, 0, 2, 1, 3, 4);
    y = op("Reshape", y, integers(4, 1, 6, 5, 5), END);
    y = conv(y, 3, 4, 3, 3);
    set_int("group", 2);
    y = op("Gather", relu(y), integers(4, 3, 1, 0, 2), END);
    set_int("axis", 1);
    result(conv(y, 4, 2, 1, 1));
    lowers();
}

static int turned(int y, int a, int b, int c, int d)
{
    y = op("Transpose", y, END);
    set_ints("perm", 4, a, b, c, d);
    return y;
}

/* Transposed convolutions: every residue of the stride has taps of its own, some none. */
TEST(transposed_convolutions)
{
    static const struct {
        int kernel, stride, dilation, pad, more, groups;
    } cases[] = {{2, 2, 1, 0, 0, 1}, {3, 2, 1, 1, 1, 1}, {4, 2, 1, 1, 0, 2}, {3, 3, 2, 1, 0, 1},
                 {3, 2, 2, 1, 1, 4}, {1, 2, 1, 0, 0, 1}, {5, 3, 1, 2, 2, 1}, {3, 1, 1, 1, 0, 1}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int y = relu(conv(image(2, 4, 5), 2, 4, 3, 3));
        y = op("ConvTranspose", y,
               constant(0, 4, 4, 4 / cases[i].groups, cases[i].kernel, cases[i].kernel),
               constant(0, 1, 4), END);
        set_int("group", cases[i].groups);
        set_ints("strides", 2, cases[i].stride, cases[i].stride);
        set_ints("dilations", 2, cases[i].dilation, cases[i].dilation);
        set_ints("pads", 4, cases[i].pad, cases[i].pad, cases[i].pad, cases[i].pad);
        set_ints("output_padding", 2, cases[i].more, cases[i].more);
        result(conv(relu(y), 4, 2, 2, 2));
        lowers();
    }
}

/* Resizing by weights: whole factors, others, down, and by so many weights that rows go first. */
TEST(resized_by_weights)
{
    static const struct {
        const char *mode, *how;
        int height, width;
    } cases[] = {{"linear", "half_pixel", 12, 10},  {"linear", "align_corners", 12, 10},
                 {"linear", "asymmetric", 24, 20},  {"linear", "pytorch_half_pixel", 9, 8},
                 {"cubic", "half_pixel", 12, 10},   {"linear", "half_pixel", 3, 5},
                 {"cubic", "align_corners", 13, 7}, {"linear", "half_pixel", 48, 40}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int y = relu(conv(image(2, 8, 7), 2, 3, 3, 3));
        y = op("Resize", y, NONE, NONE, integers(4, 1, 3, cases[i].height, cases[i].width), END);
        set_text("mode", cases[i].mode);
        set_text("coordinate_transformation_mode", cases[i].how);
        result(conv(y, 3, 2, 2, 2));
        result(op("GlobalAveragePool", relu(y), END));
        lowers();
    }
}

/* Movements that one projection cannot make, in pieces. */
TEST(moved_in_pieces)
{
    static const char *const modes[] = {"reflect", "edge", "wrap", "constant"};
    for (int i = 0; i < 4; i++) {
        int y = relu(conv(image(2, 6, 7), 2, 3, 3, 3));
        y = op("Pad", y, integers(8, 0, 0, 2, 1, 0, 0, i < 3 ? 1 : -1, i < 3 ? 2 : -2), END);
        set_text("mode", modes[i]);
        result(conv(y, 3, 2, 3, 3));
        lowers();
    }
    for (int i = 0; i < 3; i++) {
        int y = relu(conv(image(2, 6, 6), 2, 12, 3, 3));
        y = op(i < 2 ? "DepthToSpace" : "SpaceToDepth", y, END);
        set_int("blocksize", 2);
        if (i < 2)
            set_text("mode", i ? "CRD" : "DCR");
        result(conv(y, i < 2 ? 3 : 48, 2, 2, 2));
        lowers();
    }
    int y = relu(conv(image(2, 5, 5), 2, 3, 3, 3)); /* 3 x 3 to 7 x 4, by no whole factor */
    y = op("Resize", y, NONE, NONE, integers(4, 1, 3, 7, 4), END);
    result(conv(y, 3, 2, 2, 2));
    lowers();
    y = relu(conv(image(2, 4, 3), 2, 4, 1, 1)); /* in an order that has nothing of a map */
    y = op("Reshape", turned(y, 0, 3, 1, 2), integers(4, 1, 6, 2, 4), END);
    result(conv(y, 6, 3, 2, 2));
    lowers();
}

/* Along the last axis, over channels, over one axis, and widened. */
TEST(other_axes)
{
    int y = relu(conv(image(2, 4, 3), 2, 5, 1, 1));
    y = op("MatMul", turned(y, 0, 2, 3, 1), constant(0, 2, 5, 6), END);
    y = op("Add", y, constant(0, 1, 6), END);
    result(conv(turned(relu(y), 0, 3, 1, 2), 6, 2, 2, 2));
    lowers();
    for (int i = 0; i < 6; i++) {
        y = relu(conv(image(2, 4, 3), 2, 5, 1, 1));
        y = op(i < 3 ? "ReduceMean" : "ReduceSum", y, END);
        set_ints("axes", 1, 1 + i % 3);
        result(i % 3 ? relu(y) : conv(y, 1, 3, 2, 2));
        lowers();
    }
    for (int i = 0; i < 3; i++) { /* rows, columns, both; in front of a ReLU or behind it */
        y = conv(image(2, 4, 3), 2, 5, 1, 1);
        y = op("ReduceMax", i ? relu(y) : y, END);
        if (i < 2)
            set_ints("axes", 1, 2 + i);
        else
            set_ints("axes", 2, 2, -1);
        set_int("keepdims", i != 1);
        result(i ? y : conv(y, 5, 2, 1, 1));
        lowers();
    }
    for (int i = 0; i < 2; i++) {
        y = relu(conv(image(2, 4, 3), 2, 5, 1, 1));
        int mean = op("GlobalAveragePool", y, END);
        y = i ? op("Sub", mean, y, END) : op("Add", y, mean, END);
        result(conv(y, 5, 3, 2, 2));
        lowers();
    }
}

/* What works on each element alone does so wherever the elements are. */
TEST(channels_last)
{
    for (int padded = 0; padded < 2; padded++) {
        int x = turned(conv(image(3, 5, 4), 3, 4, 1, 1), 0, 2, 3, 1);
        int y = op("Mul", x, constant(0, 1, 4), END);
        y = op("Add", op("Neg", y, END), constant(0, 1, 4), END);
        if (padded)
            y = op("Pad", y, integers(8, 0, 1, 1, 0, 0, 1, 1, 0), constant(0.75f, 1, 1), END);
        y = relu(y);
        y = op("Sub", constant(0, 1, 4), op("Add", y, y, END), END);
        result(conv(turned(y, 0, 3, 1, 2), 4, 2, 3, 3));
        lowers();
    }
    int y = turned(conv(image(3, 5, 4), 3, 4, 1, 1), 0, 2, 3, 1);
    y = op("BatchNormalization", y, constant(1, 1, 5), constant(0, 1, 5), constant(0, 1, 5),
           constant(2, 1, 5), END);
    result(turned(y, 0, 3, 1, 2));
    refused(AF_UNSUPPORTED, "my_BatchNormalization", "differs within a channel");
}

/* A normalisation of what was a map: every element has a factor of its own. */
TEST(flat_normalisation)
{
    int y = op("Flatten", relu(conv(image(2, 4, 3), 2, 3, 1, 1)), END);
    y = op("BatchNormalization", y, constant(1, 1, 36), constant(0, 1, 36), constant(0, 1, 36),
           constant(2, 1, 36), END);
    result(op("Gemm", op("Mul", y, constant(0, 1, 36), END), constant(0, 2, 36, 4), END));
    lowers();
}

TEST(linear_values)
{
    int x = image(3, 7, 7), y = conv(x, 3, 6, 1, 1); /* no ReLU: feeds a depthwise one */
    y = conv(y, 1, 6, 3, 3);
    set_int("group", 6);
    set_ints("pads", 4, 1, 1, 1, 1);
    y = conv(relu(y), 6, 4, 1, 1); /* no ReLU: read by two, and concatenated */
    int z = relu(conv(y, 4, 3, 1, 1));
    z = op("Concat", y, z, END);
    set_int("axis", 1);
    result(relu(conv(z, 7, 3, 3, 3)));
    lowers();
}

TEST(clipped)
{
    int x = image(2, 5, 5), y = conv(x, 2, 3, 3, 3);
    int zero = constant(0, 0), six = constant(0, 0);
    *(float *)graph->value[zero].tensor.data = 0;
    *(float *)graph->value[six].tensor.data = 1.5f;
    y = op("Clip", y, zero, six, END);
    result(conv(y, 3, 2, 1, 1));
    lowers();
}

TEST(clipped_above_alone)
{
    int y = relu(conv(image(2, 5, 5), 2, 3, 3, 3));
    y = op("Clip", y, NONE, constant(3, 0), END);
    result(conv(y, 3, 2, 1, 1));
    lowers();
    y = conv(image(2, 5, 5), 2, 3, 3, 3);
    y = op("Clip", y, NONE, constant(3, 0), END);
    result(conv(y, 3, 2, 1, 1));
    refused(AF_UNSUPPORTED, "Clip", "only [0, x]");
}

TEST(several_outputs)
{
    int x = image(2, 6, 6), y = relu(conv(x, 2, 3, 3, 3));
    result(conv(y, 3, 2, 1, 1));
    result(op("Flatten", relu(conv(y, 3, 1, 1, 1)), END));
    lowers();
}

TEST(no_channel_left)
{
    int x = image(2, 6, 6), w = constant(0, 4, 3, 2, 3, 3);
    memset(graph->value[w].tensor.data, 0, 18 * sizeof(float)); /* channel 0 has no weights */
    int y = relu(op("Conv", x, w, END));
    result(conv(y, 3, 2, 1, 1));
    lowers();
}

TEST(dropped_ends)
{
    static const char *const ends[] = {"Softmax", "LogSoftmax", "Sigmoid", "ArgMax"};
    const struct normalisation plain = {.scale = 1, .count = 1, .std = {1}};
    const float zero[2] = {0};
    for (int i = 0; i < 4; i++) {
        int x = image(2, 3, 3), y = relu(conv(x, 2, 3, 3, 3));
        y = op("Gemm", op("Flatten", y, END), constant(0, 2, 3, 4), END);
        result(op(ends[i], y, END));
        set_int("axis", 1);
        struct network *net = NULL;
        CHECK_EQ(network_lower(graph, (int[]){2, 3, 3}, &plain, 1, zero, &net), AF_OK);
        CHECK(net && net->notes.count == 1 && strstr(net->notes.text[0], ends[i]));
        CHECK(net && network_neurons(&net->population[net->population_count - 1]) == 4);
        network_free(net);
        graph_free(graph);
    }
}

/* How exporters of opsets below 13 write a softmax over channels. */
TEST(moved_after_softmax)
{
    const struct normalisation plain = {.scale = 1, .count = 1, .std = {1}};
    const float zero[2] = {0};
    int y = conv(image(2, 3, 4), 2, 5, 1, 1);
    y = op("Transpose", y, END);
    set_ints("perm", 4, 0, 3, 2, 1);
    y = op("Softmax", y, END);
    set_int("axis", 3);
    result(op("Transpose", y, END));
    set_ints("perm", 4, 0, 3, 2, 1);
    struct network *net = NULL;
    CHECK_EQ(network_lower(graph, (int[]){2, 3, 4}, &plain, 1, zero, &net), AF_OK);
    const struct population *out = net ? &net->population[net->population_count - 1] : NULL;
    CHECK(out && out->rank == 4 && out->dim[1] == 5 && out->dim[2] == 3 && out->dim[3] == 4);
    CHECK(out && !out->order && out->shape[0] == 5);
    network_free(net);
    graph_free(graph);
}

/* [1,C,H,W] as rows of `each` values: [1,N,each]. */
static int rows_of(int map, int each)
{
    int turned = op("Transpose", map, END);
    set_ints("perm", 4, 0, 2, 3, 1);
    return op("Reshape", turned, integers(3, 1, -1, each), END);
}

static int joined(int a, int b)
{
    int v = op("Concat", a, b, END);
    set_int("axis", 1);
    return v;
}

/* Detectors end with lists of rows from maps of different sizes. */
TEST(lists_of_rows)
{
    for (int kind = 0; kind < 3; kind++) {
        int x = relu(conv(image(2, 8, 10), 2, 4, 3, 3));
        int y = relu(conv(x, 4, 4, 3, 3));
        int list = joined(rows_of(conv(x, 4, 6, 1, 1), 3), rows_of(conv(y, 4, 9, 1, 1), 3));
        int boxes = joined(rows_of(conv(x, 4, 8, 1, 1), 4), rows_of(conv(y, 4, 12, 1, 1), 4));
        if (kind == 1) /* joined flat, then cut into rows */
            list = op("Reshape",
                      joined(op("Flatten", rows_of(conv(x, 4, 6, 1, 1), 3), END),
                             op("Flatten", rows_of(conv(y, 4, 9, 1, 1), 3), END)),
                      integers(3, 1, -1, 3), END);
        result(kind == 2 ? op("Identity", list, END) : list);
        result(boxes);
        lowers();
    }
    int x = relu(conv(image(2, 8, 10), 2, 4, 3, 3));
    int y = relu(conv(x, 4, 4, 3, 3));
    int list = joined(rows_of(conv(x, 4, 6, 1, 1), 3), rows_of(conv(y, 4, 9, 1, 1), 3));
    result(relu(list));
    refused(AF_UNSUPPORTED, "my_Relu", "can only end a network");
    y = conv(image(2, 2, 2), 2, 1, 1, 1);
    y = op("Reshape", y, integers(2, 2, 2), END);
    y = op("Transpose", y, END);
    result(joined(y, y)); /* rows of both take turns */
    refused(AF_UNSUPPORTED, "my_Concat", "stand in an order");
}

TEST(symbolic_batch)
{
    int x = begin(4, (int64_t[]){-1, 2, 6, 6}), y = relu(conv(x, 2, 3, 3, 3));
    y = op("Reshape", y, integers(2, -1, 48), END);
    result(op("Gemm", y, constant(0, 2, 48, 4), END));
    lowers();
}

/* Arithmetic behind a Sigmoid, and another branch that only it reads, are cut off; a layer with
 * weights behind them is not. */
TEST(cut_off)
{
    const struct normalisation plain = {.scale = 1, .count = 1, .std = {1}};
    const float zero[2] = {0};
    const int shape[3] = {2, 5, 5};
    struct network *net = NULL;
    int x = image(2, 5, 5), y = conv(relu(conv(x, 2, 3, 1, 1)), 3, 4, 2, 2);
    y = op("Pow", op("Mul", op("Sigmoid", y, END), constant(2, 1, 1), END), constant(2, 0), END);
    y = op("Add", y, op("Exp", x, END), END);
    result(y);
    CHECK_EQ(network_lower(graph, shape, &plain, 1, zero, &net), AF_OK);
    if (net) {
        const struct population *p = &net->population[net->population_count - 1];
        bool told = false;
        for (int i = 0; i < net->notes.count; i++)
            told = told || strstr(net->notes.text[i], "the first of them Mul 'my_Mul_4'; outputs");
        CHECK(told && p->kind == AF_OUTPUT && p->shape[0] == 4 && p->shape[1] == 4);
        CHECK_EQ(net->population_count, 3);
    }
    network_free(net);
    graph_free(graph);
    y = conv(relu(conv(image(2, 5, 5), 2, 3, 1, 1)), 3, 4, 2, 2);
    y = op("Mul", op("Sigmoid", y, END), constant(2, 1, 1), END);
    result(conv(y, 4, 2, 1, 1));
    refused(AF_UNSUPPORTED, "my_Mul_4", "can only end a network");
}

TEST(refusals)
{
    result(conv(op("Tanh", conv(image(2, 5, 5), 2, 3, 1, 1), END), 3, 2, 1, 1));
    refused(AF_UNSUPPORTED, "Tanh", "my_Tanh_1': its curve is no sum of ReLUs; train with ReLU");
    /* What can never be is said before what cannot be here. */
    int rows = turned(conv(image(2, 5, 4), 2, 3, 1, 1), 0, 2, 3, 1);
    rows = op("BatchNormalization", rows, constant(1, 1, 5), constant(0, 1, 5), constant(0, 1, 5),
              constant(2, 1, 5), END);
    result(op("MatMul", rows, turned(rows, 0, 1, 3, 2), END));
    refused(AF_UNSUPPORTED, "my_MatMul_4", "multiplies two values, as attention");
    result(op("Div", constant(1, 0), relu(conv(image(2, 5, 5), 2, 3, 1, 1)), END));
    refused(AF_UNSUPPORTED, "my_Div_2", "as layer normalisation does");
    int y = conv(image(2, 5, 5), 2, 3, 1, 1);
    y = op("Sigmoid", y, END);
    result(conv(y, 3, 2, 1, 1));
    refused(AF_UNSUPPORTED, "Sigmoid", "my_Conv_2");
    y = relu(conv(image(2, 5, 5), 2, 3, 1, 1));
    result(op("Mul", y, relu(y), END));
    refused(AF_UNSUPPORTED, "Mul", "my_Mul_");
    y = relu(conv(image(2, 5, 5), 2, 3, 1, 1));
    y = op("Resize", y, NONE, NONE, integers(4, 1, 3, 10, 10), END);
    set_text("mode", "linear");
    set_int("antialias", 1);
    result(conv(y, 3, 2, 1, 1));
    refused(AF_UNSUPPORTED, "Resize", "antialias");
    y = conv(image(2, 5, 5), 2, 3, 1, 1);
    y = op("Slice", y, integers(2, 1, 2), integers(2, 5, 4), integers(2, 2, -2), END);
    result(y);
    refused(AF_BAD_FILE, "Slice", "axis 2 is given twice");
    int w = conv(image(2, 5, 5), 2, 3, 1, 1);
    ((float *)graph->value[graph->node[0].input[1]].tensor.data)[0] = NAN;
    result(relu(w));
    refused(AF_BAD_FILE, "constant", "not finite");
    w = conv(image(2, 5, 5), 2, 3, 1, 1);
    y = op("BatchNormalization", w, constant(0, 1, 3), constant(0, 1, 3), constant(0, 1, 3),
           constant(0, 1, 3), END);
    for (int c = 0; c < 3; c++)
        ((float *)graph->value[graph->node[1].input[4]].tensor.data)[c] = -1;
    result(relu(y));
    refused(AF_BAD_FILE, "Relu", "not finite");
}

TEST(real_networks)
{
    glob_t found;
    if (glob("../shared/data/*/model*.onnx", 0, NULL, &found)) {
        SKIP("no networks in ../shared/data");
        return;
    }
    for (size_t i = 0; i < found.gl_pathc; i++) {
        const char *path = found.gl_pathv[i];
        char images[512];
        struct graph *g = NULL;
        struct tensor t = {0};
        snprintf(images, sizeof images, "%.*s/test_images.npy", (int)(strrchr(path, '/') - path),
                 path);
        const int loaded = onnx_load(path, &g);
        CHECK_EQ(loaded, AF_OK);
        CHECK_EQ(npy_read(images, &t), AF_OK);
        if (g && t.data) {
            int shape[3] = {1, 1, 1};
            for (int a = 1; a < t.rank && a < 4; a++)
                shape[a - 1] = (int)t.dim[a];
            double d = compare(g, shape, &t);
            CHECK(d < 1e-4);
            if (!(d < 1e-4))
                printf("%s: difference %g\n", path, d);
        }
        tensor_free(&t);
        graph_free(g);
    }
    globfree(&found);
}

int main(void)
{
    RUN(convolutions);
    RUN(groups_and_1d);
    RUN(normalisation_and_shortcut);
    RUN(padded_shortcut);
    RUN(constants_of_moved_values);
    RUN(average_pools);
    RUN(max_pools);
    RUN(padded_maximum);
    RUN(branches);
    RUN(channel_shuffle);
    RUN(transposed_convolutions);
    RUN(resized_by_weights);
    RUN(moved_in_pieces);
    RUN(other_axes);
    RUN(channels_last);
    RUN(flat_normalisation);
    RUN(linear_values);
    RUN(clipped);
    RUN(clipped_above_alone);
    RUN(several_outputs);
    RUN(no_channel_left);
    RUN(dropped_ends);
    RUN(moved_after_softmax);
    RUN(lists_of_rows);
    RUN(symbolic_batch);
    RUN(cut_off);
    RUN(refusals);
    RUN(real_networks);
    return test_end();
}
