/* Tensors and the .npy files that hold them. */
#include "test.h"

#include "adafire.h"
#include "base/file.h"
#include "base/npy.h"
#include "base/tensor.h"

#include <math.h>
#include <unistd.h>

static char folder[] = "/tmp/adafire-tensor-XXXXXX";

static const char *in_folder(const char *name)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static const size_t sizes[] = {4, 8, 2, 1, 1, 2, 2, 4, 4, 8, 8, 1};
#define TYPES (sizeof sizes / sizeof *sizes)

/* ---- Tensors -------------------------------------------------------------------------------- */

TEST(types)
{
    for (size_t i = 0; i < TYPES; i++)
        CHECK_EQ(dtype_size((enum dtype)i), sizes[i]);
    CHECK(!strcmp(dtype_name(DTYPE_F16), "float16"));
    CHECK(!strcmp(dtype_name(DTYPE_U8), "uint8"));
    CHECK(!strcmp(dtype_name(DTYPE_BOOL), "bool"));
}

TEST(make)
{
    struct tensor t, scalar, empty;
    CHECK_EQ(tensor_make(&t, DTYPE_I16, 3, (int64_t[]){2, 3, 5}), AF_OK);
    CHECK_EQ(t.count, 30);
    CHECK_EQ(t.rank, 3);
    CHECK_EQ((uintptr_t)t.data % 64, 0);
    for (int64_t i = 0; i < t.count; i++)
        CHECK_EQ(tensor_get(&t, i), 0);
    CHECK_EQ(tensor_make(&scalar, DTYPE_F64, 0, NULL), AF_OK);
    CHECK_EQ(scalar.count, 1);
    CHECK_EQ(tensor_make(&empty, DTYPE_U8, 2, (int64_t[]){0, 7}), AF_OK);
    CHECK_EQ(empty.count, 0);
    CHECK(empty.data != NULL);
    tensor_free(&t);
    CHECK(!t.data && !t.rank && !t.count && !t.dim[0]);
    tensor_free(&scalar);
    tensor_free(&empty);
    tensor_free(NULL);
}

TEST(make_refuses)
{
    static const int64_t bad[][3] = {
        {-1, 2, 3},        {3, -1, 0},
        {INT64_MAX, 2, 2}, {(int64_t)1 << 32, (int64_t)1 << 32, 1},
        {65536, 65536, 1}, {0, INT64_MAX, INT64_MAX},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct tensor t = {.rank = 7, .data = &t};
        CHECK_EQ(tensor_make(&t, DTYPE_F64, 3, bad[i]), AF_BAD_FILE);
        CHECK_ERROR("out of range");
        CHECK(!t.data && !t.rank && !t.count);
    }
    struct tensor t;
    const int64_t ones[9] = {1, 1, 1, 1, 1, 1, 1, 1, 1};
    CHECK_EQ(tensor_make(&t, DTYPE_U8, 9, ones), AF_BAD_FILE);
    CHECK_EQ(tensor_make(&t, DTYPE_U8, 8, ones), AF_OK);
    tensor_free(&t);
    const int64_t limit = tensor_max_elements;
    tensor_max_elements = 100;
    CHECK_EQ(tensor_make(&t, DTYPE_U8, 1, (int64_t[]){101}), AF_BAD_FILE);
    CHECK_EQ(tensor_make(&t, DTYPE_U8, 1, (int64_t[]){100}), AF_OK);
    tensor_free(&t);
    tensor_max_elements = limit;
}

TEST(copy)
{
    struct tensor a, b;
    CHECK_EQ(tensor_make(&a, DTYPE_F32, 2, (int64_t[]){2, 2}), AF_OK);
    ((float *)a.data)[3] = 2.5f;
    CHECK_EQ(tensor_copy(&b, &a), AF_OK);
    CHECK(a.data != b.data && tensor_same_shape(&a, &b));
    CHECK(tensor_get(&b, 3) == 2.5);
    struct tensor empty = {.rank = 1}, of_empty;
    CHECK_EQ(tensor_copy(&of_empty, &empty), AF_OK);
    CHECK(of_empty.data && of_empty.count == 0);
    tensor_free(&of_empty);
    b.dim[1] = 3;
    CHECK(!tensor_same_shape(&a, &b));
    b.rank = 1; /* [2] against [2,2] */
    CHECK(!tensor_same_shape(&a, &b) && !tensor_same_shape(&b, &a));
    tensor_free(&a);
    tensor_free(&b);
}

/* One value from one type to another. */
static double converted(enum dtype from, const void *value, enum dtype to)
{
    struct tensor a, b;
    if (tensor_make(&a, from, 0, NULL))
        return NAN;
    memcpy(a.data, value, dtype_size(from));
    CHECK_EQ(tensor_convert(&b, &a, to), AF_OK);
    CHECK_EQ(b.type, to);
    double v = tensor_get(&b, 0);
    tensor_free(&a);
    tensor_free(&b);
    return v;
}

TEST(convert)
{
    CHECK(converted(DTYPE_F32, &(float){-2.9f}, DTYPE_I8) == -2);
    CHECK(converted(DTYPE_F32, &(float){2.9f}, DTYPE_I32) == 2);
    CHECK(converted(DTYPE_F64, &(double){200.0}, DTYPE_U8) == 200);
    CHECK(converted(DTYPE_F64, &(double){0.25}, DTYPE_BOOL) == 1);
    CHECK(converted(DTYPE_F64, &(double){0.1}, DTYPE_F32) == (double)0.1f);
    CHECK(converted(DTYPE_F64, &(double){NAN}, DTYPE_I64) == 0);
    CHECK(converted(DTYPE_F64, &(double){1e300}, DTYPE_I64) == (double)INT64_MAX);
    CHECK(converted(DTYPE_F64, &(double){-1e300}, DTYPE_I64) == (double)INT64_MIN);
    CHECK(converted(DTYPE_I8, &(int8_t){-5}, DTYPE_I16) == -5);
    CHECK(converted(DTYPE_I8, &(int8_t){-5}, DTYPE_I64) == -5);
    CHECK(converted(DTYPE_I8, &(int8_t){-5}, DTYPE_F32) == -5);
    CHECK(converted(DTYPE_U16, &(uint16_t){65535}, DTYPE_I32) == 65535);
    CHECK(converted(DTYPE_I64, &(int64_t){7}, DTYPE_F64) == 7);
    CHECK(converted(DTYPE_BOOL, &(uint8_t){1}, DTYPE_U32) == 1);
    struct tensor a, b;
    CHECK_EQ(tensor_make(&a, DTYPE_I64, 1, (int64_t[]){2}), AF_OK);
    ((int64_t *)a.data)[0] = INT64_MAX - 1; /* no double holds this */
    ((int64_t *)a.data)[1] = INT64_MIN + 1;
    CHECK_EQ(tensor_convert(&b, &a, DTYPE_U64), AF_OK);
    CHECK(((uint64_t *)b.data)[0] == INT64_MAX - 1);
    tensor_free(&b);
    CHECK_EQ(tensor_convert(&b, &a, DTYPE_I64), AF_OK);
    CHECK(((int64_t *)b.data)[1] == INT64_MIN + 1);
    tensor_free(&b);
    CHECK_EQ(tensor_convert(&b, &a, DTYPE_F16), AF_UNSUPPORTED);
    CHECK(!b.data);
    tensor_free(&a);
}

TEST(half)
{
    static const struct {
        uint16_t bits;
        double value;
    } known[] = {
        {0x0000, 0},
        {0x3c00, 1},
        {0xc000, -2},
        {0x7bff, 65504},
        {0x0400, 0x1p-14},
        {0x0001, 0x1p-24},
        {0x83ff, -1023 * 0x1p-24},
        {0x3555, 0.333251953125},
        {0x7c00, INFINITY},
        {0xfc00, -INFINITY},
    };
    struct tensor t = {.type = DTYPE_F16, .count = 1};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        uint16_t bits = known[i].bits;
        t.data = &bits;
        CHECK(tensor_get(&t, 0) == known[i].value);
    }
    uint16_t nan = 0x7e00;
    t.data = &nan;
    CHECK(isnan(tensor_get(&t, 0)));
}

TEST(describe)
{
    char text[64], tight[8];
    struct tensor t = {.type = DTYPE_F32, .rank = 4, .dim = {1, 3, 32, 32}};
    CHECK(!strcmp(tensor_describe(&t, text, sizeof text), "float32 [1,3,32,32]"));
    t = (struct tensor){.type = DTYPE_I64};
    CHECK(!strcmp(tensor_describe(&t, text, sizeof text), "int64 []"));
    t = (struct tensor){.type = DTYPE_U8, .rank = 2, .dim = {100, 200}};
    CHECK(!strcmp(tensor_describe(&t, tight, sizeof tight), "uint8 ["));
}

/* ---- .npy ----------------------------------------------------------------------------------- */

struct file {
    unsigned char bytes[512];
    size_t size;
};

/* An .npy file of the version with this dictionary and `data` bytes 1, 2, 3 ... behind it. */
static struct file npy(int version, const char *dictionary, size_t data)
{
    struct file f = {.bytes = {0x93, 'N', 'U', 'M', 'P', 'Y'}};
    size_t begin = version == 1 ? 10 : 12, length = strlen(dictionary);
    f.bytes[6] = (unsigned char)version;
    f.bytes[8] = (unsigned char)length;
    memcpy(f.bytes + begin, dictionary, length);
    f.size = begin + length;
    for (size_t i = 0; i < data; i++)
        f.bytes[f.size++] = (unsigned char)(i + 1);
    return f;
}

static int parse(const struct file *f, struct tensor *t)
{
    /* A copy of exactly this size, so that the sanitizer sees a read behind the end. */
    unsigned char *exact = malloc(f->size ? f->size : 1);
    memcpy(exact, f->bytes, f->size);
    int status = npy_parse("x.npy", exact, f->size, t);
    free(exact);
    CHECK(!status == (t->data != NULL));
    return status;
}

TEST(npy_headers)
{
    static const struct {
        int version;
        const char *dictionary;
        enum dtype type;
        int rank;
        int64_t count;
    } good[] = {
        {1, "{'descr': '<i2', 'fortran_order': False, 'shape': (2, 3), }   \n", DTYPE_I16, 2, 6},
        {2, "{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }\n", DTYPE_F32, 1, 3},
        {3, "{'descr': '|u1', 'fortran_order': False, 'shape': (), }\n", DTYPE_U8, 0, 1},
        {1, "{\"shape\":(2L,2L),\"fortran_order\":False,\"descr\":\"|b1\"}", DTYPE_BOOL, 2, 4},
        {1, "{'descr':'?','fortran_order':False,'shape':(1,)}", DTYPE_BOOL, 1, 1},
        {1, "{'descr': '>i1', 'fortran_order': False, 'shape': (4, 0, 9)}", DTYPE_I8, 3, 0},
        {1, "{ 'descr' : '=i8' , 'fortran_order' : False , 'shape' : ( 1 , ) }", DTYPE_I64, 1, 1},
        {1, "{'descr':'<f2','fortran_order':False,'shape':(1,1,1,1,1,1,1,1)}", DTYPE_F16, 8, 1},
        {1, "{'descr': '<u2', 'fortran_order': False, 'shape': (2,)}", DTYPE_U16, 1, 2},
        {1, "{'descr': '<u4', 'fortran_order': False, 'shape': (2,)}", DTYPE_U32, 1, 2},
        {1, "{'descr': '<u8', 'fortran_order': False, 'shape': (2,)}", DTYPE_U64, 1, 2},
        {1, "{'descr': '<f8', 'fortran_order': False, 'shape': (2,)}", DTYPE_F64, 1, 2},
        {1, "{'descr': '<i4', 'fortran_order': False, 'shape': (2,)}", DTYPE_I32, 1, 2},
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        size_t data = (size_t)good[i].count * dtype_size(good[i].type);
        struct file f = npy(good[i].version, good[i].dictionary, data);
        struct tensor t;
        CHECK_EQ(parse(&f, &t), AF_OK);
        CHECK_EQ(t.type, good[i].type);
        CHECK_EQ(t.rank, good[i].rank);
        CHECK_EQ(t.count, good[i].count);
        CHECK(t.data && !memcmp(t.data, f.bytes + f.size - data, data));
        tensor_free(&t);
        for (size_t n = 0; n < f.size; n++) { /* truncated anywhere */
            struct file cut = f;
            cut.size = n;
            CHECK_EQ(parse(&cut, &t), AF_BAD_FILE);
        }
    }
}

TEST(npy_refuses)
{
    static const struct {
        const char *dictionary;
        int status;
        const char *text;
    } bad[] = {
        {"{'descr': '>f4', 'fortran_order': False, 'shape': (2,)}", AF_UNSUPPORTED, "big-endian"},
        {"{'descr': '<f4', 'fortran_order': True, 'shape': (2,)}", AF_UNSUPPORTED, "Fortran"},
        {"{'descr': '<c8', 'fortran_order': False, 'shape': (2,)}", AF_UNSUPPORTED, "'<c8'"},
        {"{'descr': '|O', 'fortran_order': False, 'shape': (2,)}", AF_UNSUPPORTED, "'|O'"},
        {"{'descr': '', 'fortran_order': False, 'shape': (2,)}", AF_UNSUPPORTED, "''"},
        {"{'descr': '<f41', 'fortran_order': False, 'shape': (2,)}", AF_UNSUPPORTED, "'<f41'"},
        {"{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,)}", AF_UNSUPPORTED,
         "fields"},
        {"{'descr': '<f4', 'fortran_order': Falsy, 'shape': (2,)}", AF_BAD_FILE, "damaged"},
        {"{'descr': '<f4', 'shape': (2,)}", AF_BAD_FILE, "damaged"},
        {"{'descr': '<f4', 'fortran_order': False}", AF_BAD_FILE, "damaged"},
        {"{'fortran_order': False, 'shape': (2,)}", AF_BAD_FILE, "damaged"},
        {"{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (2,)}", AF_BAD_FILE,
         "damaged"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2,), 'x': 1}", AF_BAD_FILE, "damaged"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2,)} x", AF_BAD_FILE, "damaged"},
        {"{'descr': '<f4' 'fortran_order': False, 'shape': (2,)}", AF_BAD_FILE, "damaged"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (-2,)}", AF_BAD_FILE, "damaged"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2 3)}", AF_BAD_FILE, "damaged"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2,}", AF_BAD_FILE, "damaged"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': 2}", AF_BAD_FILE, "damaged"},
        {"{'descr': <f4, 'fortran_order': False, 'shape': (2,)}", AF_BAD_FILE, "damaged"},
        {"", AF_BAD_FILE, "damaged"},
        {"{'descr':'<f4','fortran_order':False,'shape':(1,1,1,1,1,1,1,1,1)}", AF_UNSUPPORTED,
         "more than 8"},
        {"{'descr':'<f4','fortran_order':False,'shape':(99999999999999999999,)}", AF_BAD_FILE,
         "dimension 0 of the array is out of range"},
        {"{'descr':'<f4','fortran_order':False,'shape':(9223372036854775807,2)}", AF_BAD_FILE,
         "out of range"},
        {"{'descr':'<f4','fortran_order':False,'shape':(0,9223372036854775807)}", AF_BAD_FILE,
         "out of range"},
        {"{'descr':'<f4','fortran_order':False,'shape':(2,4294967296,4294967296)}", AF_BAD_FILE,
         "dimension 1"},
        {"{'descr':'<f8','fortran_order':False,'shape':(2147483648,)}", AF_BAD_FILE, "truncated"},
        {"{'descr':'<f4','fortran_order':False,'shape':(3,)}", AF_BAD_FILE, "truncated"},
    };
    struct tensor t;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct file f = npy(1, bad[i].dictionary, 8);
        CHECK_EQ(parse(&f, &t), bad[i].status);
        CHECK_ERROR("x.npy: ");
        CHECK_ERROR(bad[i].text);
    }
    struct file f = npy(4, "{}", 0);
    CHECK_EQ(parse(&f, &t), AF_UNSUPPORTED);
    CHECK_ERROR("version 4");
    f = npy(2, "{}", 0);
    f.bytes[11] = 0xff; /* a header of 4 GB */
    CHECK_EQ(parse(&f, &t), AF_BAD_FILE);
    CHECK_ERROR("too long");
    f.bytes[0] = 0;
    CHECK_EQ(parse(&f, &t), AF_BAD_FILE);
    CHECK_ERROR("not an .npy file");
}

TEST(npy_round_trip)
{
    static const int64_t shapes[][4] = {{0}, {1, 7}, {2, 3, 5}, {1, 0}, {3, 2, 1, 4}};
    for (size_t type = 0; type < TYPES; type++)
        for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
            struct tensor t, back;
            CHECK_EQ(tensor_make(&t, (enum dtype)type, (int)shapes[s][0], shapes[s] + 1), AF_OK);
            for (size_t i = 0; i < (size_t)t.count * sizes[type]; i++)
                ((unsigned char *)t.data)[i] = (unsigned char)(type == DTYPE_BOOL ? i % 2 : i + 1);
            const char *path = in_folder("round.npy");
            CHECK_EQ(npy_write(path, &t), AF_OK);
            CHECK_EQ(npy_read(path, &back), AF_OK);
            CHECK_EQ(back.type, type);
            CHECK(tensor_same_shape(&t, &back));
            CHECK(!memcmp(t.data, back.data, (size_t)t.count * sizes[type]));
            void *bytes;
            size_t size;
            CHECK_EQ(file_read(path, 4096, &bytes, &size), AF_OK);
            size_t begin = size - (size_t)t.count * sizes[type];
            CHECK_EQ(begin % 64, 0);
            CHECK(((char *)bytes)[6] == 1 && ((char *)bytes)[begin - 1] == '\n');
            free(bytes);
            tensor_free(&t);
            tensor_free(&back);
        }
    unlink(in_folder("round.npy"));
}

TEST(npy_paths)
{
    struct tensor t = {.rank = 1};
    CHECK_EQ(npy_read(in_folder("absent.npy"), &t), AF_IO);
    CHECK_ERROR("absent.npy: No such file");
    CHECK(!t.data && !t.rank);
    CHECK_EQ(npy_read(folder, &t), AF_IO);
    CHECK_EQ(tensor_make(&t, DTYPE_U8, 0, NULL), AF_OK);
    CHECK_EQ(npy_write(in_folder("absent/x.npy"), &t), AF_IO);
    CHECK_ERROR("absent/x.npy");
    tensor_free(&t);
}

int main(void)
{
    if (!mkdtemp(folder))
        return 1;
    RUN(types);
    RUN(make);
    RUN(make_refuses);
    RUN(copy);
    RUN(convert);
    RUN(half);
    RUN(describe);
    RUN(npy_headers);
    RUN(npy_refuses);
    RUN(npy_round_trip);
    RUN(npy_paths);
    rmdir(folder);
    return test_end();
}
