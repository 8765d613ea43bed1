/* The ONNX project's own tests (Debian's libonnx-testdata) of every operator that AdaFire supports:
 * each is a model, its inputs and the outputs it must have.
 *
 *     test_onnx_nodes [-v]     -v: what is left out, and why */
#include "test.h"

#include "adafire.h"
#include "base/file.h"
#include "onnx/execute.h"
#include "onnx/onnx.h"
#include "onnx/rewrite.h"

#include <dirent.h>
#include <fnmatch.h>
#include <math.h>
#include <sys/stat.h>

#define DATA "/usr/share/libonnx-testdata/data/"

/* What is left out; names are shell patterns. An entry that fits no test, or a test that would
 * pass, is a failure: the list cannot grow old. The last LATER fit tests that not every release of
 * ONNX has. Tests of element types that the reader does not know (float8, int4, texts) are left out
 * unnamed. */
static const struct {
    const char *name, *why;
} left_out[] = {
    {"test_averagepool_3d_*", "volumes are not supported, maps of one and two dimensions are"},
    {"test_maxpool_3d_*", "volumes are not supported, maps of one and two dimensions are"},
    {"test_convtranspose_3d", "volumes are not supported, maps of one and two dimensions are"},
    {"test_maxpool_2d_uint8", "pooling works on float32"},
    {"test_maxpool_with_argmax_2d_precomputed_strides", "indices in column-major order"},
    {"test_batchnorm_*_training_mode", "training"},
    {"test_training_dropout*", "training"},
    {"test_cast*BFLOAT16*", "bfloat16"},
    {"test_cast*STRING*", "texts"},
    {"test_identity_opt", "a value that is no tensor"},
    {"test_identity_sequence", "a value that is no tensor"},
    {"test_resize_tf_crop_and_resize*", "the part to resize is data"},
    {"test_quantizelinear_*int16", "codes of 16 bits"},
    {"test_quantizelinear_blocked_*", "a scale for each block"},
    {"test_dequantizelinear_blocked", "a scale for each block"},
    {"test_reduce_max_bool_inputs", "works on float32"},
    {"test_resize_*antialias*", "weights over more than neighbours"},
};
enum { LEFT_OUT = sizeof left_out / sizeof *left_out, LATER = 5 };
/* Counted by all tests, each in a process of its own. */
#define ran  test_shared()[TEST_COUNTS]
#define out  test_shared()[TEST_COUNTS + 1]
#define uses (test_shared() + TEST_COUNTS + 2)

static bool verbose;

static int find_left_out(const char *name)
{
    for (int i = 0; i < LEFT_OUT; i++)
        if (fnmatch(left_out[i].name, name, 0) == 0)
            return i;
    return -1;
}

static bool is_close(double a, double b)
{
    return a == b || (isnan(a) && isnan(b)) || fabs(a - b) <= 1e-5 + 1e-3 * fabs(b);
}

static bool same(const struct tensor *a, const struct tensor *b)
{
    if (!a || a->type != b->type || !tensor_same_shape(a, b))
        return false;
    for (int64_t i = 0; i < b->count; i++)
        if (!is_close(tensor_get(a, i), tensor_get(b, i)))
            return false;
    return true;
}

/* Reads input_0.pb, input_1.pb ... of a data set; how many there are, negative on failure. */
static int read_tensors(const char *folder, const char *kind, struct tensor *t, int most)
{
    char path[600];
    struct stat s;
    int n = 0;
    for (;; n++) {
        snprintf(path, sizeof path, "%s/%s_%d.pb", folder, kind, n);
        if (stat(path, &s))
            return n;
        if (n == most || onnx_read_tensor(path, &t[n])) {
            while (n > 0)
                tensor_free(&t[--n]);
            return -1;
        }
    }
}

enum { PORTS = 16 };

/* Whether the graph's outputs for one data set are the expected ones. */
static bool run_set(const struct graph *g, const char *folder)
{
    struct tensor in[PORTS] = {0}, want[PORTS] = {0};
    struct execution x;
    int inputs = read_tensors(folder, "input", in, PORTS);
    int outputs = read_tensors(folder, "output", want, PORTS);
    bool good = inputs == g->input_count && outputs == g->output_count &&
                graph_execute(g, in, false, &x) == AF_OK;
    if (good) {
        for (int i = 0; i < outputs; i++)
            good = good && same(execution_value(g, &x, g->output[i]), &want[i]);
        execution_free(g, &x);
    }
    for (int i = 0; i < inputs; i++)
        tensor_free(&in[i]);
    for (int i = 0; i < outputs; i++)
        tensor_free(&want[i]);
    return good;
}

/* Global pooling is as it was in opset 1, and its tests say so: read them as opset 9. */
static int load(const char *path, struct graph **g)
{
    static const unsigned char opset_1[] = {0x42, 0x04, 0x0a, 0x00, 0x10, 0x01};
    void *bytes;
    size_t size;
    *g = NULL;
    int status = file_read(path, 1 << 28, &bytes, &size);
    if (status)
        return status;
    unsigned char *end = (unsigned char *)bytes + size;
    if (strstr(path, "test_global") && size >= sizeof opset_1 &&
        memcmp(end - sizeof opset_1, opset_1, sizeof opset_1) == 0)
        end[-1] = 9;
    status = onnx_parse(path, NULL, bytes, size, g);
    free(bytes);
    return status;
}

static bool is_supported(const struct graph *g)
{
    for (int i = 0; i < g->node_count; i++)
        if (!execute_supports(g->node[i].op))
            return false;
    return g->node_count > 0;
}

static bool run_sets(const struct graph *g, const char *folder)
{
    char path[512];
    struct stat s;
    bool good = true;
    for (int set = 0;; set++) {
        snprintf(path, sizeof path, "%s/test_data_set_%d", folder, set);
        if (stat(path, &s))
            return good && set > 0;
        good = good && run_set(g, path);
    }
}

/* Whether the reader knows the element types of the first data set. */
static bool is_readable(const char *folder)
{
    static const char *const kinds[] = {"input", "output"};
    struct tensor t[PORTS] = {0};
    char path[512];
    bool readable = true;
    snprintf(path, sizeof path, "%s/test_data_set_0", folder);
    for (int k = 0; readable && k < 2; k++) {
        const int n = read_tensors(path, kinds[k], t, PORTS);
        readable = n >= 0 || !strstr(af_error(), "tensor of element type");
        for (int i = 0; i < n; i++)
            tensor_free(&t[i]);
    }
    return readable;
}

/* Operators are taken apart where they work on floats. */
static bool takes_floats(const char *folder)
{
    struct tensor in[PORTS] = {0};
    char path[512];
    snprintf(path, sizeof path, "%s/test_data_set_0", folder);
    const int n = read_tensors(path, "input", in, PORTS);
    bool floats = n > 0;
    for (int i = 0; i < n; i++) {
        floats = floats && in[i].type == DTYPE_F32;
        tensor_free(&in[i]);
    }
    return floats;
}

static void run_test(const char *group, const char *name)
{
    char folder[300], path[320];
    struct graph *g;
    snprintf(folder, sizeof folder, DATA "%s/%s", group, name);
    snprintf(path, sizeof path, "%s/model.onnx", folder);
    int entry = find_left_out(name);
    if (load(path, &g)) { /* other opsets and domains; what loads decides what is supported */
        if (entry >= 0 && strstr(af_error(), "export the model with an opset"))
            uses[entry]++; /* of a later ONNX, where the test has a later opset */
        return;
    }
    if (takes_floats(folder))
        CHECK_EQ(graph_rewrite(g, name), AF_OK);
    if (is_supported(g)) {
        bool good = run_sets(g, folder);
        if (entry < 0 && !good && !is_readable(folder)) {
            out++;
        } else if (entry < 0) {
            ran++;
            CHECK(good);
            if (!good)
                printf("%s/%s: %s\n", group, name, af_error());
        } else {
            out++;
            uses[entry]++;
            if (verbose)
                printf("%s: left out: %s\n", name, left_out[entry].why);
            CHECK(!good);
            if (good)
                printf("%s passes, but is left out\n", name);
        }
    }
    graph_free(g);
}

static void run_group(const char *group)
{
    char path[300];
    snprintf(path, sizeof path, DATA "%s", group);
    struct dirent **names;
    int n = scandir(path, &names, NULL, alphasort);
    CHECK(n > 0);
    for (int i = 0; i < n; i++) {
        if (names[i]->d_name[0] != '.')
            run_test(group, names[i]->d_name);
        free(names[i]);
    }
    if (n >= 0)
        free(names);
}

TEST(node)
{
    run_group("node");
}

TEST(simple)
{
    run_group("simple");
}

TEST(pytorch)
{
    run_group("pytorch-operator");
    run_group("pytorch-converted");
}

TEST(list_is_honest)
{
    for (int i = 0; i < LEFT_OUT; i++) {
        CHECK(uses[i] > 0 || i >= LEFT_OUT - LATER);
        if (!uses[i] && i < LEFT_OUT - LATER)
            printf("%s fits no test\n", left_out[i].name);
    }
}

int main(int argc, char **argv)
{
    struct stat s;
    verbose = argc > 1 && strcmp(argv[1], "-v") == 0;
    if (stat(DATA, &s)) {
        SKIP("libonnx-testdata is not installed");
        return test_end();
    }
    RUN(node);
    RUN(simple);
    RUN(pytorch);
    RUN(list_is_honest);
    printf("%d node tests ran, %d left out\n", ran, out);
    return test_end();
}
