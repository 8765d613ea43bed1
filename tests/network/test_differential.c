/* Random graphs lowered to populations and projections compute what an independent program once
 * computed: recorded ones, and those that once came out wrong (tests/differential).
 *
 * The recorded file: "AFDIFF1\n", how many graphs; for each its seed, samples, values of a sample,
 * values of all outputs of a sample, bytes of the model, the model, the samples, their outputs.
 * Numbers are little endian, 32 bits, values float32. */
#include "test.h"

#include "adafire.h"
#include "base/file.h"
#include "base/npy.h"
#include "network/network.h"
#include "onnx/onnx.h"
#include "onnx/rewrite.h"

#include <glob.h>
#include <math.h>

#define FOLDER "tests/differential/"

/* A graph with samples and what it makes of them. */
struct recorded {
    const char *name;
    const void *model;
    size_t size;
    int64_t samples, inputs, outputs; /* of one sample */
    const float *in, *want;
    float *turned; /* of those with channels last */
};

static bool input_shape(const struct graph *g, int shape[3])
{
    if (graph_input(g) < 0)
        return false;
    const struct value *v = &g->value[graph_input(g)];
    for (int a = 0; a < 3; a++)
        shape[a] = 1;
    for (int a = 1; a < v->rank && a < 4; a++)
        shape[v->rank == 3 && a == 2 ? 2 : a - 1] = (int)v->dim[a]; /* 1-D: a row */
    if (graph_channels_last(g))
        memcpy(shape, (int[]){(int)v->dim[3], (int)v->dim[1], (int)v->dim[2]}, 3 * sizeof *shape);
    return true;
}

/* All outputs one after the other, in the graph's order; how many values. */
static int64_t collect(const struct network *net, float *const *value, float *to, int64_t most)
{
    int64_t n = 0;
    for (int p = 0; p < net->population_count; p++) {
        const struct population *pop = &net->population[p];
        for (int64_t i = 0; pop->kind == AF_OUTPUT && i < network_neurons(pop); i++, n++)
            if (n < most)
                to[n] = value[p][pop->order ? pop->order[i] : i];
    }
    return n;
}

/* Samples whose channels are last, as the library takes them from memory: first. */
static void turn(struct recorded *r, const int shape[3])
{
    const int64_t area = (int64_t)shape[1] * shape[2];
    float *turned = malloc((size_t)(r->samples * r->inputs) * sizeof *turned);
    for (int64_t i = 0; i < r->samples * r->inputs; i++) {
        const int64_t j = i % r->inputs;
        turned[i - j + j % shape[0] * area + j / shape[0]] = r->in[i];
    }
    r->in = r->turned = turned;
}

/* The largest difference, of the largest output. */
static double difference(const struct network *net, const struct recorded *r)
{
    double worst = 0, most = 1e-2;
    float **value = network_values(net);
    float *got = calloc((size_t)r->outputs, sizeof *got);
    CHECK_EQ(network_neurons(&net->population[0]), r->inputs);
    for (int64_t s = 0; s < r->samples; s++) {
        memcpy(value[0], r->in + s * r->inputs, (size_t)r->inputs * sizeof **value);
        CHECK_EQ(network_forward(net, value), AF_OK);
        CHECK_EQ(collect(net, value, got, r->outputs), r->outputs);
        for (int64_t i = 0; i < r->outputs; i++) {
            const double want = (double)r->want[s * r->outputs + i];
            const double off = fabs(want - (double)got[i]);
            most = fmax(most, fabs(want));
            worst = off <= worst ? worst : off; /* not a number: worst */
        }
    }
    network_values_free(net, value);
    free(got);
    return worst / most;
}

static void check(struct recorded *r)
{
    const struct normalisation plain = {.scale = 1, .count = 1, .std = {1}};
    const float zero[64] = {0};
    struct graph *g = NULL;
    struct network *net = NULL;
    int shape[3] = {0};
    double d = INFINITY;
    int status = onnx_parse(r->name, NULL, r->model, r->size, &g);
    CHECK_EQ(status, AF_OK);
    if (!status)
        status = graph_rewrite(g, r->name);
    CHECK(!g || input_shape(g, shape));
    if (g && graph_channels_last(g))
        turn(r, shape);
    if (!status)
        status = network_lower(g, shape, &plain, 1, zero, &net);
    if (!status)
        d = difference(net, r);
    CHECK(d <= 1e-4);
    if (!(d <= 1e-4))
        printf("%s: difference %g %s\n", r->name, d, status ? af_error() : "");
    network_free(net);
    graph_free(g);
}

/* ---- As integers --------------------------------------------------------------------------- */

enum { TIMESTEPS = 64 };

static int convert(const struct recorded *r, const struct af_sample *sample, struct af_model **m)
{
    struct af_convert_options o;
    af_convert_defaults(&o);
    o.onnx = r->name;
    o.onnx_bytes = r->model;
    o.onnx_size = r->size;
    o.samples = sample;
    o.sample_count = r->samples;
    o.timesteps = TIMESTEPS;
    o.burst_initial = 15;
    o.effort = 0;
    o.signed_bursts = AF_ON;
    o.ssc_budget = 0;
    o.bias = AF_BIAS_OFF;
    o.nearest = true;
    o.iat = AF_OFF;
    o.threads = 1;
    return af_convert(&o, m, NULL);
}

/* Graphs of which the conversion says that some weights cannot be told in 8 bits at so many
 * timesteps: rightly, now and then. */
static int refused;

/* Root mean square error of the integer network, of the outputs' own. */
static double integer_error(const struct recorded *r, const struct af_sample *sample)
{
    const struct af_device_options one = {.threads = 1};
    struct af_result *result = calloc((size_t)r->samples, sizeof *result);
    struct af_model *m = NULL;
    struct af_device *device = NULL;
    double off = 0, all = 0;
    int status = convert(r, sample, &m);
    if (!status)
        status = af_device_open("cpu", &one, m, &device);
    if (!status)
        status = af_run(device, sample, r->samples, NULL, result);
    for (int64_t s = 0; !status && s < r->samples; s++) {
        CHECK_EQ(result[s].output_size, r->outputs);
        for (int64_t i = 0; i < r->outputs && result[s].output_size == r->outputs; i++) {
            const double want = (double)r->want[s * r->outputs + i];
            off += pow(want - (double)result[s].output[i], 2);
            all += want * want;
        }
        af_result_free(&result[s]);
    }
    if (status == AF_UNSUPPORTED && strstr(af_error(), "became 0"))
        refused++;
    else
        CHECK_EQ(status, AF_OK);
    if (status)
        printf("%s: %s\n", r->name, af_error());
    free(result);
    af_device_close(device);
    af_model_free(m);
    return sqrt(off / (double)(r->samples * r->outputs)) /
           fmax(sqrt(all / (double)(r->samples * r->outputs)), 5e-2);
}

/* Far more than rounding does at so many timesteps, and less than a part that is lost. */
static void check_integers(const struct recorded *r)
{
    struct af_sample *sample = calloc((size_t)r->samples, sizeof *sample);
    for (int64_t s = 0; s < r->samples; s++)
        sample[s] =
            (struct af_sample){.type = AF_F32, .data = r->in + s * r->inputs, .length = r->inputs};
    const double e = integer_error(r, sample);
    CHECK(e < 0.25);
    if (!(e < 0.25))
        printf("%s: error %g as integers\n", r->name, e);
    free(sample);
}

/* ---- The recorded file --------------------------------------------------------------------- */

struct cursor {
    const char *at, *end;
};

/* NULL at the end of the file. */
static const void *take(struct cursor *c, int64_t bytes)
{
    const char *from = c->at;
    if (bytes < 0 || bytes > c->end - from)
        return NULL;
    c->at += bytes;
    return from;
}

static uint32_t take_number(struct cursor *c)
{
    uint32_t v = 0;
    const void *from = take(c, sizeof v);
    if (from)
        memcpy(&v, from, sizeof v);
    return v;
}

/* Values where floats may stand: models have any length. */
static float *take_values(struct cursor *c, int64_t count)
{
    float *copy = calloc((size_t)count + 1, sizeof *copy);
    const void *from = take(c, count * (int64_t)sizeof *copy);
    CHECK(from);
    if (from)
        memcpy(copy, from, (size_t)count * sizeof *copy);
    return copy;
}

static void check_next(struct cursor *c)
{
    char name[32];
    snprintf(name, sizeof name, "seed %u", take_number(c));
    struct recorded r = {.name = name};
    r.samples = take_number(c);
    r.inputs = take_number(c);
    r.outputs = take_number(c);
    r.size = take_number(c);
    r.model = take(c, (int64_t)r.size);
    float *in = take_values(c, r.samples * r.inputs);
    float *want = take_values(c, r.samples * r.outputs);
    r.in = in;
    r.want = want;
    if (r.model) {
        check(&r);
        check_integers(&r);
        free(r.turned);
    }
    free(in);
    free(want);
}

TEST(recorded_graphs)
{
    void *bytes = NULL;
    size_t size = 0;
    CHECK_EQ(file_read(FOLDER "recorded/corpus.bin", 1 << 26, &bytes, &size), AF_OK);
    struct cursor c = {bytes, (char *)bytes + size};
    const char *mark = take(&c, 8);
    CHECK(mark && memcmp(mark, "AFDIFF1\n", 8) == 0);
    const uint32_t count = take_number(&c);
    CHECK(count > 0);
    for (uint32_t i = 0; i < count && c.at < c.end; i++)
        check_next(&c);
    CHECK(c.at == c.end);
    CHECK(100 * refused <= (int)count);
    printf("%u graphs\n", count);
    free(bytes);
}

/* ---- What came out wrong ------------------------------------------------------------------- */

/* NAME.onnx has its samples and outputs beside it. */
static int read_beside(const char *path, const char *what, struct tensor *t)
{
    char beside[512];
    snprintf(beside, sizeof beside, "%.*s.%s.npy", (int)(strlen(path) - strlen(".onnx")), path,
             what);
    return npy_read(beside, t);
}

static void check_regression(const char *path)
{
    struct tensor in = {0}, want = {0};
    void *bytes = NULL;
    size_t size = 0;
    CHECK_EQ(file_read(path, 1 << 26, &bytes, &size), AF_OK);
    CHECK_EQ(read_beside(path, "samples", &in), AF_OK);
    CHECK_EQ(read_beside(path, "outputs", &want), AF_OK);
    if (bytes && in.data && want.data) {
        struct recorded r = {
            path,    bytes,     size, in.dim[0], in.count / in.dim[0], want.count / want.dim[0],
            in.data, want.data, NULL};
        CHECK_EQ(want.dim[0], in.dim[0]);
        CHECK(in.type == DTYPE_F32 && want.type == DTYPE_F32);
        check(&r);
        check_integers(&r);
        free(r.turned);
    }
    tensor_free(&in);
    tensor_free(&want);
    free(bytes);
}

TEST(regressions)
{
    glob_t found;
    CHECK_EQ(glob(FOLDER "regressions/*.onnx", 0, NULL, &found), 0);
    for (size_t i = 0; i < found.gl_pathc; i++)
        check_regression(found.gl_pathv[i]);
    globfree(&found);
}

int main(void)
{
    RUN(recorded_graphs);
    RUN(regressions);
    return test_end();
}
