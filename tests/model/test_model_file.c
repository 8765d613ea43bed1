/* .snn files: what is saved comes back, and what is damaged is refused with a sentence. */
#include "test.h"

#include "adafire.h"
#include "base/file.h"
#include "iat.h"
#include "model/model.h"
#include "random_model.h"

#include <math.h>
#include <unistd.h>
#include <zlib.h>

enum { HEADER = 24, MODELS = 60 };

static char folder[] = "/tmp/adafire-model-XXXXXX", path[64];

struct bytes {
    unsigned char *data;
    size_t size;
};

static struct bytes saved(const struct af_model *m)
{
    struct bytes b = {0};
    void *data = NULL;
    CHECK_EQ(af_model_save(m, path), AF_OK);
    CHECK_EQ(file_read(path, 1 << 30, &data, &b.size), AF_OK);
    b.data = data;
    return b;
}

/* Makes the checksum and the size right again, so that the damage gets past them. */
static void seal(struct bytes b)
{
    uint32_t crc = (uint32_t)crc32_z(0, b.data + HEADER, b.size - HEADER);
    uint64_t size = b.size;
    memcpy(b.data + 12, &crc, 4);
    memcpy(b.data + 16, &size, 8);
}

/* Loaded and valid (1), or refused with a sentence that names the file and nothing left (0). */
static int parses(struct bytes b)
{
    struct af_model *m = NULL;
    int status = af_model_parse("some.snn", b.data, b.size, &m);
    CHECK((status == AF_OK) == (m != NULL));
    if (status)
        CHECK_ERROR("some.snn: ");
    else
        CHECK_EQ(model_check(m), AF_OK);
    af_model_free(m);
    return status == AF_OK;
}

static struct af_model *small_model(void)
{
    struct af_model *m = random_model(3);
    CHECK_EQ(model_add_fact(m, "source", "%s", "a.onnx"), AF_OK);
    return m;
}

TEST(round_trip)
{
    for (uint64_t seed = 0; seed < MODELS; seed++) {
        struct af_model *m = random_model(seed), *again = NULL;
        struct bytes first = saved(m), second = {0};
        CHECK_EQ(af_model_parse("some.snn", first.data, first.size, &again), AF_OK);
        if (again) {
            second = saved(again);
            CHECK(first.size == second.size && !memcmp(first.data, second.data, first.size));
        }
        free(first.data);
        free(second.data);
        af_model_free(m);
        af_model_free(again);
    }
}

/* Weights of zero, all but every ninth: the file is smaller, and they come back as they were. */
TEST(zero_weights_take_less_room)
{
    int seen = 0;
    for (uint64_t seed = 0; seed < 50; seed++) {
        struct af_model *m = random_model(seed), *again = NULL;
        struct synapses *s = NULL;
        for (int i = 0; i < m->population_count; i++)
            for (int k = 0; k < m->population[i].input_count; k++)
                if (m->population[i].input[k].weight)
                    s = &m->population[i].input[k];
        const int64_t n = s ? wiring_weights(&s->wiring) : 0;
        for (int64_t i = 0; i < n; i++)
            s->weight[i] = (int8_t)(i % 9 ? 1 : i % 255 - 127);
        struct bytes dense = saved(m);
        for (int64_t i = 0; i < n; i++)
            s->weight[i] = (int8_t)(i % 9 ? 0 : s->weight[i]);
        struct bytes sparse = saved(m);
        if (n > 64)
            CHECK(sparse.size + (size_t)n * 3 / 4 - 32 <= dense.size);
        int status = af_model_parse("some.snn", sparse.data, sparse.size, &again);
        const struct synapses *t = NULL;
        for (int i = 0; again && i < again->population_count; i++)
            for (int k = 0; k < again->population[i].input_count; k++)
                if (again->population[i].input[k].weight)
                    t = &again->population[i].input[k];
        if (!status && n > 64) {
            seen++;
            CHECK(t && !memcmp(t->weight, s->weight, (size_t)n));
        }
        free(dense.data);
        free(sparse.data);
        af_model_free(m);
        af_model_free(again);
    }
    CHECK(seen >= 10);
}

TEST(facts_and_classes)
{
    struct af_model *m = small_model(), *again = NULL;
    m->class_name = malloc(2 * sizeof *m->class_name);
    m->class_name[0] = strdup("cat");
    m->class_name[1] = strdup("");
    m->class_count = 2;
    struct bytes b = saved(m);
    CHECK_EQ(af_model_load(path, &again), AF_OK);
    if (again) {
        CHECK(strcmp(af_class_name(again, 0), "cat") == 0);
        CHECK(strcmp(af_class_name(again, 1), "") == 0);
        CHECK(!af_class_name(again, 2) && !af_class_name(again, -1));
        CHECK(again->fact_count >= 1 &&
              strcmp(again->fact[again->fact_count - 1].value, "a.onnx") == 0);
    }
    free(b.data);
    af_model_free(m);
    af_model_free(again);
}

TEST(every_truncation)
{
    struct af_model *m = small_model();
    struct bytes b = saved(m);
    for (size_t size = 0; size < b.size; size++) {
        /* A copy of just that size: a read beyond it shows under ASan. */
        struct bytes cut = {malloc(size ? size : 1), size};
        memcpy(cut.data, b.data, size);
        CHECK(!parses(cut));
        if (size >= HEADER) {
            seal(cut);
            CHECK(!parses(cut));
        }
        free(cut.data);
    }
    struct bytes more = {calloc(b.size + 8, 1), b.size + 8};
    memcpy(more.data, b.data, b.size);
    seal(more);
    CHECK(!parses(more));
    CHECK_ERROR("behind its end");
    free(more.data);
    free(b.data);
    af_model_free(m);
}

TEST(every_flipped_bit)
{
    struct af_model *m = small_model();
    struct bytes b = saved(m);
    for (size_t bit = 0; bit < 8 * b.size; bit++) {
        b.data[bit / 8] ^= (unsigned char)(1 << bit % 8);
        CHECK(!parses(b));
        b.data[bit / 8] ^= (unsigned char)(1 << bit % 8);
    }
    CHECK(parses(b));
    free(b.data);
    af_model_free(m);
}

/* Damage with the right checksum: whatever loads has passed model_check. */
TEST(sealed_damage)
{
    static const int32_t nasty[] = {0, -1, 1, 255, 65536, 65537, 1 << 30, INT32_MAX, INT32_MIN};
    int loaded = 0, refused = 0;
    for (uint64_t seed = 0; seed < 12; seed++) {
        struct af_model *m = random_model(seed);
        struct bytes b = saved(m);
        struct dice dice = {seed};
        for (int turn = 0; turn < 600; turn++) {
            size_t at = (size_t)dice_roll(&dice, HEADER / 4, (int64_t)b.size / 4 - 1) * 4;
            unsigned char kept[4];
            memcpy(kept, b.data + at, 4);
            int32_t v = nasty[dice_roll(&dice, 0, 8)];
            if (dice_chance(&dice, 30))
                v = (int32_t)dice_next(&dice);
            memcpy(b.data + at, &v, 4);
            seal(b);
            int good = parses(b);
            loaded += good;
            refused += !good;
            memcpy(b.data + at, kept, 4);
        }
        free(b.data);
        af_model_free(m);
    }
    CHECK(loaded > 0);
    CHECK(refused > 0);
}

TEST(versions_and_strangers)
{
    struct af_model *m = small_model();
    struct bytes b = saved(m);
    b.data[8] = 5;
    CHECK(!parses(b));
    CHECK_ERROR("version 5");
    b.data[8] = 2; /* had other wirings */
    CHECK(!parses(b));
    b.data[0] = 'a';
    CHECK(!parses(b));
    CHECK_ERROR("not an .snn file");
    free(b.data);
    struct af_model *none = m;
    CHECK_EQ(af_model_load("/nonexistent/m.snn", &none), AF_IO);
    CHECK(!none);
    CHECK_ERROR("/nonexistent/m.snn");
    CHECK_EQ(af_model_save(m, "/nonexistent/m.snn"), AF_IO);
    af_model_free(m);
}

/* A file of before wirings had a spread. */
TEST(version_2)
{
    struct af_model *m = NULL;
    CHECK_EQ(af_model_load("tests/data/binary/version-2.snn", &m), AF_OK);
    for (int i = 1; m && i < m->population_count; i++)
        for (int k = 0; k < m->population[i].input_count; k++) {
            const struct wiring *w = &m->population[i].input[k].wiring;
            CHECK(w->spread[0] == 1 && w->spread[1] == 1);
        }
    struct bytes b = saved(m);
    CHECK(b.data[8] == 4 && parses(b));
    free(b.data);
    af_model_free(m);
}

/* A file of before bursts below 0 had a limit of their own. */
TEST(version_3)
{
    struct af_model *m = NULL;
    int linear = 0;
    CHECK_EQ(af_model_load("tests/data/binary/version-3.snn", &m), AF_OK);
    for (int i = 1; m && i < m->population_count; i++) {
        const struct neurons *p = &m->population[i];
        linear += p->kind == AF_LINEAR;
        CHECK_EQ(p->burst_below, p->kind == AF_LINEAR ? p->burst : 0);
    }
    CHECK_EQ(linear, 2);
    CHECK(m && !m->wide && !m->format.low && !m->format.high);
    struct bytes b = saved(m);
    CHECK(b.data[8] == 4 && parses(b));
    free(b.data);
    af_model_free(m);
}

/* A field out of bounds, in a model that is valid otherwise. */
static void refuses(struct af_model *m, int status, const char *sentence)
{
    CHECK_EQ(model_check(m), status);
    CHECK_ERROR(sentence);
}

TEST(hostile_sizes)
{
    struct af_model *m = random_model(3);
    struct neurons *p = &m->population[1];
    CHECK_EQ(model_check(m), AF_OK);
    int kept = p->shape[1];
    p->shape[1] = 1 << 30;
    refuses(m, AF_BAD_FILE, "impossible shape");
    p->shape[1] = kept;
    for (int k = 0; k < p->input_count; k++) {
        struct wiring *w = &p->input[k].wiring, whole = *w;
        w->kernel[0] = 1 << 16;
        w->dilation[0] = 1 << 16;
        CHECK(model_check(m) != AF_OK);
        *w = whole;
        w->pool[0] = w->pool[1] = 1 << 16;
        w->pool_before[0] = -(1 << 16);
        CHECK(model_check(m) != AF_OK);
        *w = whole;
        w->view[0] = w->view[1] = 1 << 16;
        w->pool_stride[0] = 2;
        CHECK(model_check(m) != AF_OK);
        *w = whole;
        w->up[0] = 1 << 17;
        CHECK(model_check(m) != AF_OK);
        *w = whole;
        w->source = 1;
        refuses(m, AF_BAD_FILE, "reads population 1");
        *w = whole;
    }
    p = &m->population[model_answer(m)];
    const int64_t values = p->dim[0];
    for (int64_t wrong = -1; wrong <= 1; wrong++) {
        p->dim[0] = wrong < 1 ? wrong : values + 1;
        refuses(m, AF_BAD_FILE, "inconsistent");
    }
    p->dim[0] = values;
    CHECK_EQ(model_check(m), AF_OK);
    for (int i = 1; i < m->population_count; i++) {
        struct neurons *q = &m->population[i];
        const int below = q->burst_below;
        q->burst_below = q->kind == AF_LINEAR ? 256 : 1;
        refuses(m, AF_BAD_FILE, "inconsistent");
        q->burst_below = below;
    }
    m->format.low = -256;
    refuses(m, AF_BAD_FILE, "input format");
    m->format.low = 0;
    CHECK_EQ(model_check(m), AF_OK);
    CHECK_EQ(model_add_fact(m, "answers", "nothing"), AF_OK);
    refuses(m, AF_BAD_FILE, "no output 'nothing'");
    m->timesteps = TIMESTEPS_LIMIT + 1;
    refuses(m, AF_BAD_FILE, "timesteps");
    af_model_free(m);
}

TEST(hostile_early_exit)
{
    struct af_model *m = NULL;
    for (uint64_t seed = 0; !m; seed++) {
        m = random_model(seed);
        if (m->iat.metric == IAT_ENTROPY) {
            m->iat.limit[0] = INT32_MAX;
            refuses(m, AF_BAD_FILE, "early exit");
            m->iat.limit[0] = -1;
            refuses(m, AF_BAD_FILE, "early exit");
        } else {
            af_model_free(m);
            m = NULL;
        }
    }
    af_model_free(m);
}

TEST(samples_that_are_no_numbers)
{
    struct af_model *m = random_model(3);
    int64_t n = neuron_count(&m->population[0]);
    float *x = calloc((size_t)n, sizeof *x);
    int16_t *counts = calloc((size_t)n, sizeof *counts);
    x[n - 1] = INFINITY;
    CHECK_EQ(model_quantise_input(m, AF_F32, x, counts), AF_OK);
    CHECK_EQ(counts[n - 1], COUNT_LIMIT);
    x[n - 1] = NAN;
    CHECK_EQ(model_quantise_input(m, AF_F32, x, counts), AF_BAD_ARGUMENT);
    CHECK_ERROR("not a number");
    free(x);
    free(counts);
    af_model_free(m);
}

TEST(arguments)
{
    struct af_model *m = random_model(3), *none = m;
    struct af_model_info info;
    struct af_population_info population;
    const char *key, *value;
    CHECK_EQ(af_model_load("x.snn", NULL), AF_BAD_ARGUMENT);
    CHECK_EQ(af_model_load(NULL, &none), AF_BAD_ARGUMENT);
    CHECK(!none);
    CHECK_EQ(af_model_parse("x", NULL, 0, &none), AF_BAD_ARGUMENT);
    CHECK_EQ(af_model_parse(NULL, "", 0, &none), AF_BAD_ARGUMENT);
    CHECK_EQ(af_model_parse("x", "", 0, NULL), AF_BAD_ARGUMENT);
    CHECK_EQ(af_model_parse("x", "", 0, &none), AF_BAD_FILE);
    CHECK_ERROR("x: not an .snn file");
    CHECK_EQ(af_model_save(NULL, "x"), AF_BAD_ARGUMENT);
    CHECK_EQ(af_model_save(m, NULL), AF_BAD_ARGUMENT);
    CHECK_EQ(af_model_info(NULL, &info), AF_BAD_ARGUMENT);
    CHECK_EQ(af_model_info(m, NULL), AF_BAD_ARGUMENT);
    CHECK_EQ(af_model_info(m, &info), AF_OK);
    CHECK_EQ(af_population_info(m, -1, &population), AF_BAD_ARGUMENT);
    CHECK_EQ(af_population_info(m, info.populations, &population), AF_BAD_ARGUMENT);
    CHECK_EQ(af_population_info(m, 0, NULL), AF_BAD_ARGUMENT);
    CHECK_EQ(af_population_info(NULL, 0, &population), AF_BAD_ARGUMENT);
    CHECK_EQ(af_model_fact(m, info.facts, &key, &value), AF_BAD_ARGUMENT);
    CHECK_EQ(af_model_fact(m, -1, &key, &value), AF_BAD_ARGUMENT);
    CHECK(!af_class_name(NULL, 0) && !af_class_name(m, -1) && !af_class_name(m, 1 << 30));
    CHECK(strcmp(af_kind_name(AF_RELU), "relu") == 0 && !*af_kind_name((enum af_kind)99));
    CHECK(strcmp(af_version(), AF_VERSION) == 0);
    CHECK_EQ(af_version_number(), AF_VERSION_NUMBER);
    af_model_free(NULL);
    af_model_free(m);
}

int main(void)
{
    if (!mkdtemp(folder))
        return 1;
    snprintf(path, sizeof path, "%s/m.snn", folder);
    RUN(round_trip);
    RUN(zero_weights_take_less_room);
    RUN(facts_and_classes);
    RUN(every_truncation);
    RUN(every_flipped_bit);
    RUN(sealed_damage);
    RUN(versions_and_strangers);
    RUN(version_2);
    RUN(version_3);
    RUN(hostile_sizes);
    RUN(hostile_early_exit);
    RUN(samples_that_are_no_numbers);
    RUN(arguments);
    unlink(path);
    if (rmdir(folder))
        printf("%s: not empty\n", folder), test_failed++;
    return test_end();
}
