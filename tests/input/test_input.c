/* Samples from files of every format, and files that are damaged. */
#include "test.h"

#include "adafire.h"
#include "input/events.h"
#include "input/input.h"
#include "input/labels.h"

#include <math.h>
#include <stdint.h>
#include <sys/stat.h>
#include <unistd.h>
#include <jpeglib.h>
#include <png.h>
#include <zlib.h>

static char folder[] = "/tmp/adafire-input-XXXXXX";

/* ---- Files ---------------------------------------------------------------------------------- */

struct bytes {
    unsigned char b[8192];
    size_t n;
};

/* A path in the folder; good for the next 15 calls. */
static const char *in_folder(const char *name)
{
    static char path[16][160];
    static int at;
    char *p = path[at++ % 16];
    snprintf(p, sizeof path[0], "%s/%s", folder, name);
    return p;
}

static const char *put(const char *name, const void *data, size_t size)
{
    const char *path = in_folder(name);
    FILE *f = fopen(path, "wb");
    if (!f || fwrite(data, 1, size, f) != size || fclose(f))
        abort();
    return path;
}

static const char *put_bytes(const char *name, const struct bytes *f)
{
    return put(name, f->b, f->n);
}

static const char *put_gz(const char *name, const struct bytes *f)
{
    const char *path = in_folder(name);
    gzFile gz = gzopen(path, "wb");
    if (!gz || gzwrite(gz, f->b, (unsigned)f->n) != (int)f->n || gzclose(gz))
        abort();
    return path;
}

static void get(const char *path, struct bytes *f)
{
    FILE *file = fopen(path, "rb");
    if (!file)
        abort();
    f->n = fread(f->b, 1, sizeof f->b, file);
    if (f->n == sizeof f->b)
        abort();
    fclose(file);
}

static void add(struct bytes *f, const void *data, size_t size)
{
    if (f->n + size > sizeof f->b)
        abort();
    memcpy(f->b + f->n, data, size);
    f->n += size;
}

/* `size` bytes of v, low or high byte first. */
static void add_number(struct bytes *f, uint64_t v, int size, bool big)
{
    for (int i = 0; i < size; i++) {
        unsigned char byte = (unsigned char)(v >> 8 * (big ? size - 1 - i : i));
        add(f, &byte, 1);
    }
}

/* An .npy file: `descr` like "<f4", `shape` like "2,3,". */
static struct bytes npy(const char *descr, const char *shape, const void *data, size_t size)
{
    struct bytes f = {.n = 0};
    char header[128];
    int n = snprintf(header, sizeof header,
                     "{'descr': '%s', 'fortran_order': False, 'shape': (%s), }\n", descr, shape);
    add(&f, "\x93NUMPY\1\0", 8);
    add_number(&f, (uint64_t)n, 2, false);
    add(&f, header, (size_t)n);
    add(&f, data, size);
    return f;
}

static struct bytes idx(int code, int rank, const uint32_t *dim, const void *data, size_t size)
{
    struct bytes f = {.n = 0};
    add_number(&f, (uint64_t)code << 8 | (uint64_t)rank, 4, true);
    for (int i = 0; i < rank; i++)
        add_number(&f, dim[i], 4, true);
    add(&f, data, size);
    return f;
}

/* ---- Reading -------------------------------------------------------------------------------- */

static struct input_spec spec_of(int channels, int height, int width)
{
    return (struct input_spec){.channels = channels, .height = height, .width = width};
}

static struct input_spec sensor(int height, int width)
{
    return (struct input_spec){.channels = 2, .height = height, .width = width, .events = true};
}

/* Opens one path; NULL after a failed CHECK. */
static struct input *open_one(const char *path, struct input_spec spec)
{
    struct input *in;
    int status = input_open(&in, &path, 1, &spec);
    CHECK_EQ(status, AF_OK);
    if (status)
        printf("%s\n", af_error());
    CHECK(!status == (in != NULL));
    return in;
}

/* Reads everything; the number of samples, or the first failure. Touches all the data. */
static int64_t drain_all(const char *const *paths, int count, struct input_spec spec)
{
    struct input *in;
    struct sample s;
    int status = input_open(&in, paths, count, &spec);
    CHECK(!status == (in != NULL));
    if (status)
        return status;
    int64_t samples = 0;
    volatile unsigned sum = 0;
    while ((status = input_next(in, &s)) == 1) {
        size_t size = (size_t)(spec.channels * spec.height * spec.width) * dtype_size(s.type);
        for (size_t i = 0; s.data && i < size; i++)
            sum += ((const unsigned char *)s.data)[i];
        for (int64_t i = 0; i < s.event_count; i++)
            sum += s.events[i].x;
        CHECK(s.name && *s.name);
        samples++;
    }
    (void)sum;
    if (!status)
        CHECK_EQ(samples, input_count(in));
    input_close(in);
    return status ? status : samples;
}

static int64_t drain(const char *path, struct input_spec spec)
{
    return drain_all(&path, 1, spec);
}

/* The file cut off anywhere but at `whole` bytes or more must fail with a sentence that names it.
 */
static void check_truncations(const char *name, const struct bytes *f, size_t whole,
                              struct input_spec spec)
{
    for (size_t n = 0; n < whole; n++) {
        const char *path = put(name, f->b, n);
        int64_t status = drain(path, spec);
        if (status >= 0 || !strstr(af_error(), name)) {
            printf("%s cut to %zu of %zu bytes: %lld, %s\n", name, n, f->n, (long long)status,
                   af_error());
            CHECK(0);
        }
    }
}

static void check_bytes(const struct bytes *f, int64_t status, const char *text,
                        struct input_spec spec)
{
    const char *path = put_bytes("bad", f);
    CHECK_EQ(drain(path, spec), status);
    CHECK_ERROR(path);
    CHECK_ERROR(text);
}

/* ---- Arrays --------------------------------------------------------------------------------- */

TEST(array_types)
{
    static const struct {
        const char *descr;
        enum dtype type;
        union {
            uint8_t u1[4];
            int8_t i1[4];
            int16_t i2[4];
            int32_t i4[4];
            float f4[4];
            double f8[4];
        } data, expected;
    } types[] = {
        {"|u1", DTYPE_U8, {.u1 = {1, 2, 200, 255}}, {.u1 = {1, 2, 200, 255}}},
        {"|i1", DTYPE_I8, {.i1 = {1, 2, -128, 127}}, {.i1 = {1, 2, -128, 127}}},
        {"<i2", DTYPE_I16, {.i2 = {1, 2, -999, 9999}}, {.i2 = {1, 2, -999, 9999}}},
        {"<i4", DTYPE_I32, {.i4 = {1, 2, -99999, 5}}, {.i4 = {1, 2, -99999, 5}}},
        {"<f4", DTYPE_F32, {.f4 = {1, 2, -0.5f, 1e9f}}, {.f4 = {1, 2, -0.5f, 1e9f}}},
        {"<f8", DTYPE_F32, {.f8 = {1, 2, -0.5, 1e9}}, {.f4 = {1, 2, -0.5f, 1e9f}}},
    };
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        size_t size = strcmp(types[i].descr, "<f8") ? dtype_size(types[i].type) : 8;
        struct bytes f = npy(types[i].descr, "2,1,1,2", &types[i].data, 4 * size);
        struct input *in = open_one(put_bytes("x.npy", &f), spec_of(1, 1, 2));
        if (!in)
            continue;
        CHECK_EQ(input_count(in), 2);
        struct sample s;
        for (int k = 0; k < 2; k++) {
            char name[200];
            snprintf(name, sizeof name, "%s[%d]", in_folder("x.npy"), k);
            CHECK_EQ(input_next(in, &s), 1);
            CHECK(!strcmp(s.name, name));
            CHECK_EQ(s.label, -1);
            CHECK_EQ(s.type, types[i].type);
            CHECK(s.data && !s.events && !s.event_count);
            size_t n = 2 * dtype_size(types[i].type);
            CHECK(!memcmp(s.data, types[i].expected.u1 + (size_t)k * n, n));
        }
        CHECK_EQ(input_next(in, &s), 0);
        CHECK_EQ(input_next(in, &s), 0);
        input_close(in);
    }
    static const char *const bad[] = {"<i8", "<u8", "<u2", "<u4", "<f2", "|b1"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct bytes f = npy(bad[i], "2,1,1,2", (char[32]){0}, 32);
        check_bytes(&f, AF_UNSUPPORTED, "float32 and float64 are read", spec_of(1, 1, 2));
    }
    input_close(NULL);
}

TEST(array_shapes)
{
    static const struct {
        const char *shape;
        int spec[3];
        int64_t samples; /* -1: refused with `text` */
        const char *text;
    } shapes[] = {
        {"2,3,2,4", {3, 2, 4}, 2, ""},
        {"5,2,4", {1, 2, 4}, 5, ""},
        {"5,3,8", {3, 8, 1}, 5, ""},
        {"5,3,8", {3, 1, 8}, 5, ""},
        {"3,3,8", {3, 8, 1}, 3, ""},
        {"3,2,4", {3, 2, 4}, 1, ""},
        {"3,8,1", {3, 8, 1}, 1, ""},
        {"1,2,4", {1, 2, 4}, 1, ""},
        {"7,6", {6, 1, 1}, 7, ""},
        {"7,24", {3, 2, 4}, 7, ""},
        {"2,24", {1, 4, 6}, 2, ""},
        {"4,6", {1, 4, 6}, 1, ""},
        {"2,3,2,4", {1, 2, 4}, -1, "samples are 3x2x4, the model wants 1x2x4"},
        {"2,3,4,2", {3, 2, 4}, -1, "samples are 3x4x2, the model wants 3x2x4"},
        {"2,2,4,3", {3, 2, 4}, 2, ""},
        {"2,4,3", {3, 2, 4}, 1, ""},
        {"2,3,8", {3, 2, 4}, -1, "samples are 3x8, the model wants 3x2x4"},
        {"5,4,2", {1, 2, 4}, -1, "samples are 4x2, the model wants 1x2x4"},
        {"7,23", {3, 2, 4}, -1, "samples are 23, the model wants 3x2x4"},
        {"24", {3, 2, 4}, -1, "has 1 dimensions, the model wants Nx3x2x4"},
        {"", {1, 1, 1}, -1, "has 0 dimensions"},
        {"1,2,3,2,4", {3, 2, 4}, -1, "samples are 2x3x2x4, the model wants 3x2x4"},
        {"0,3,2,4", {3, 2, 4}, -1, "holds no samples"},
        {"0,24", {3, 2, 4}, -1, "holds no samples"},
    };
    static const char zeros[512];
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        struct bytes f = npy("|u1", shapes[i].shape, zeros, sizeof zeros);
        struct input_spec spec = spec_of(shapes[i].spec[0], shapes[i].spec[1], shapes[i].spec[2]);
        if (shapes[i].samples < 0)
            check_bytes(&f, AF_BAD_FILE, shapes[i].text, spec);
        else
            CHECK_EQ(drain(put_bytes("x.npy", &f), spec), shapes[i].samples);
    }
}

/* Channels last, in the file; where both orders fit, they come first. */
TEST(channels_last_arrays)
{
    static const uint8_t last[] = {0, 8, 1, 9, 2, 10, 3, 11, 4, 12, 5, 13};
    static const uint8_t first[] = {0, 1, 2, 3, 4, 5, 8, 9, 10, 11, 12, 13};
    const double wide[] = {0, 8, 1, 9, 2, 10, 3, 11, 4, 12, 5, 13};
    for (int kind = 0; kind < 4; kind++) {
        struct bytes f = kind == 1   ? npy("<f8", "1,2,3,2", wide, sizeof wide)
                         : kind == 2 ? npy("|u1", "2,3,2", last, sizeof last)
                                     : npy("|u1", "1,2,3,2", last, sizeof last);
        struct input *in =
            open_one(put_bytes("last.npy", &f), kind < 3 ? spec_of(2, 2, 3) : spec_of(2, 3, 2));
        struct sample s;
        CHECK_EQ(input_next(in, &s), 1);
        for (int i = 0; i < 12; i++)
            CHECK_EQ(kind == 1 ? (int)((const float *)s.data)[i] : ((const uint8_t *)s.data)[i],
                     kind < 3 ? first[i] : last[i]);
        input_close(in);
    }
}

TEST(array_values)
{
    const float bad[] = {NAN, INFINITY, -INFINITY};
    for (int i = 0; i < 3; i++) {
        float v[6] = {1, 2, 3, bad[i], 5, 6};
        struct bytes f = npy("<f4", "3,2", v, sizeof v);
        check_bytes(&f, AF_BAD_FILE, i ? "bad[1]: value 1 is inf" : "bad[1]: value 1 is NaN",
                    spec_of(2, 1, 1));
        struct input *in = open_one(put_bytes("x.npy", &f), spec_of(2, 1, 1));
        struct sample s;
        CHECK_EQ(input_next(in, &s), 1);
        CHECK_EQ(input_next(in, &s), AF_BAD_FILE);
        CHECK_EQ(input_next(in, &s), 1); /* the others are still there */
        CHECK(s.data && ((const float *)s.data)[1] == 6);
        CHECK_EQ(input_next(in, &s), 0);
        input_close(in);
    }
    const double large[2] = {1, 1e300};
    struct bytes f = npy("<f8", "1,2", large, sizeof large);
    check_bytes(&f, AF_BAD_FILE, "bad[0]: value 1 is infinite", spec_of(2, 1, 1));
}

TEST(array_damage)
{
    const uint8_t data[12] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
    struct bytes f = npy("<i2", "3,2", data, sizeof data);
    check_truncations("cut.npy", &f, f.n, spec_of(2, 1, 1));
    f = npy("<i2", "300000000,2", data, sizeof data);
    check_bytes(&f, AF_BAD_FILE, "12 bytes of data where 1200000000 belong", spec_of(2, 1, 1));
    f = npy("<i2", "9223372036854775807,2", data, sizeof data);
    check_bytes(&f, AF_BAD_FILE, "out of range", spec_of(2, 1, 1));
    f = npy(">i2", "3,2", data, sizeof data);
    check_bytes(&f, AF_UNSUPPORTED, "big-endian", spec_of(2, 1, 1));
    /* The file shrinks after it was opened. */
    f = npy("<i2", "3,2", data, sizeof data);
    const char *path = put_bytes("x.npy", &f);
    struct input *in = open_one(path, spec_of(2, 1, 1));
    put("x.npy", f.b, f.n - 3);
    struct sample s;
    CHECK_EQ(input_next(in, &s), 1);
    CHECK_EQ(input_next(in, &s), 1);
    CHECK_EQ(input_next(in, &s), AF_BAD_FILE);
    CHECK_ERROR("x.npy[2]: truncated");
    CHECK_EQ(input_next(in, &s), 0);
    input_close(in);
}

/* ---- idx ------------------------------------------------------------------------------------ */

TEST(idx_types)
{
    static const struct {
        int code;
        const char *data; /* the numbers 1, -2 or 1, 254, high byte first */
        enum dtype type;
        double second;
    } types[] = {
        {0x08, "\1\xfe", DTYPE_U8, 254},
        {0x09, "\1\xfe", DTYPE_I8, -2},
        {0x0b, "\0\1\xff\xfe", DTYPE_I16, -2},
        {0x0c, "\0\0\0\1\xff\xff\xff\xfe", DTYPE_I32, -2},
        {0x0d, "\x3f\x80\0\0\xc0\0\0\0", DTYPE_F32, -2},
        {0x0e, "\x3f\xf0\0\0\0\0\0\0\xc0\0\0\0\0\0\0", DTYPE_F32, -2},
    };
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        size_t size = types[i].code == 0x0e ? 8 : dtype_size(types[i].type);
        struct bytes f = idx(types[i].code, 3, (uint32_t[]){1, 2, 1}, types[i].data, 2 * size);
        for (int gz = 0; gz < 2; gz++) {
            const char *path = gz ? put_gz("x.idx.gz", &f) : put_bytes("x.idx", &f);
            struct input *in = open_one(path, spec_of(1, 2, 1));
            struct sample s = {.type = DTYPE_F64};
            CHECK(in && input_count(in) == 1);
            if (!in || input_next(in, &s) != 1) {
                CHECK(0);
                continue;
            }
            CHECK_EQ(s.type, types[i].type);
            struct tensor t = {.type = s.type};
            memcpy(&t.data, &s.data, sizeof t.data);
            CHECK(tensor_get(&t, 0) == 1 && tensor_get(&t, 1) == types[i].second);
            input_close(in);
        }
    }
    struct bytes f = idx(0x08, 2, (uint32_t[]){3, 4}, "abcdefghijkl", 12);
    CHECK_EQ(drain(put_bytes("flat", &f), spec_of(1, 2, 2)), 3);
    CHECK_EQ(drain(put_bytes("x.bin", &f), spec_of(1, 2, 2)), 3);
}

TEST(idx_damage)
{
    static const uint32_t dims[] = {3, 2, 2};
    static const uint32_t huge[] = {0xffffffff, 0xffffffff, 0xffffffff};
    static const uint32_t none[] = {0, 2, 2};
    static const uint32_t ones[9] = {1, 1, 1, 1, 1, 1, 1, 1, 1};
    struct input_spec spec = spec_of(1, 2, 2);
    struct bytes f = idx(0x08, 3, dims, "abcdefghijkl", 12);
    check_truncations("cut.idx", &f, f.n, spec);
    put_gz("x.gz", &f);
    struct bytes gz;
    get(in_folder("x.gz"), &gz);
    check_truncations("cut.idx.gz", &gz, gz.n, spec);
    gz.b[gz.n - 6] ^= 0x55; /* the checksum */
    CHECK_EQ(drain(put_bytes("flipped.gz", &gz), spec), AF_BAD_FILE);
    CHECK_ERROR("damaged");
    f = idx(0x08, 3, huge, "abcdefghijkl", 12);
    check_bytes(&f, AF_BAD_FILE, "dimension 1 of the array is out of range", spec);
    f = idx(0x0e, 1, huge, "abcdefghijkl", 12);
    check_bytes(&f, AF_BAD_FILE, "truncated: 12 bytes of data where 34359738360 belong", spec);
    f = idx(0x08, 3, none, "", 0);
    check_bytes(&f, AF_BAD_FILE, "holds no samples", spec);
    f = idx(0x08, 9, ones, "", 0);
    check_bytes(&f, AF_BAD_FILE, "9 dimensions", spec);
    f = idx(0x0a, 1, ones, "a", 1);
    check_bytes(&f, AF_BAD_FILE, "neither an .npy nor an idx file", spec);
    f = idx(0x08, 3, dims, "abcdefghijkl", 12);
    check_bytes(&f, AF_BAD_FILE, "samples are 2x2, the model wants 1x28x28", spec_of(1, 28, 28));
}

/* Announces far more than it packs: the fault comes when the data end, and costs no memory. */
TEST(gzip_without_data)
{
    static const uint32_t dims[] = {0xffffff, 2, 2};
    struct bytes f = idx(0x08, 3, dims, "abcdefgh", 8);
    struct input *in = open_one(put_gz("short.gz", &f), spec_of(1, 2, 2));
    struct sample s;
    CHECK_EQ(input_count(in), 0xffffff);
    CHECK_EQ(input_next(in, &s), 1);
    CHECK_EQ(input_next(in, &s), 1);
    CHECK_EQ(input_next(in, &s), AF_BAD_FILE);
    CHECK_ERROR("short.gz[2]: truncated");
    input_close(in);
    f = idx(0x0c, 1, (uint32_t[]){0x7fffffff}, "\0\0\0\1\0\0\0\2", 8);
    struct tensor t;
    CHECK_EQ(labels_read(put_gz("short.gz", &f), &t, NULL), AF_BAD_FILE);
    CHECK_ERROR("truncated");
}

/* ---- npz ------------------------------------------------------------------------------------ */

/* What the next zip_end writes into the archive's directory; local headers are as numpy writes
 * them. */
struct zip {
    struct bytes f, directory;
    int count;
};

static void zip_add(struct zip *z, const char *name, const struct bytes *member, bool deflated)
{
    unsigned char packed[8192];
    z_stream d = {0};
    uint32_t crc = (uint32_t)crc32(0, member->b, (uInt)member->n);
    memcpy(packed, member->b, member->n);
    size_t size = member->n;
    if (deflated) {
        if (deflateInit2(&d, 9, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY) != Z_OK)
            abort();
        d.next_in = (unsigned char *)(uintptr_t)member->b;
        d.avail_in = (uInt)member->n;
        d.next_out = packed;
        d.avail_out = sizeof packed;
        if (deflate(&d, Z_FINISH) != Z_STREAM_END)
            abort();
        size = sizeof packed - d.avail_out;
        deflateEnd(&d);
    }
    size_t header = z->f.n;
    add(&z->f, "PK\3\4", 4);
    add_number(&z->f, 45, 4, false); /* version, flags */
    add_number(&z->f, deflated ? 8 : 0, 2, false);
    add_number(&z->f, 0, 4, false);
    add_number(&z->f, crc, 4, false);
    add_number(&z->f, UINT64_MAX, 8, false); /* sizes are in a zip64 field, here and not below */
    add_number(&z->f, strlen(name), 2, false);
    add_number(&z->f, 20, 2, false);
    add(&z->f, name, strlen(name));
    add_number(&z->f, 16 << 16 | 1, 4, false);
    add_number(&z->f, member->n, 8, false);
    add_number(&z->f, size, 8, false);
    add(&z->f, packed, size);
    add(&z->directory, "PK\1\2", 4);
    add_number(&z->directory, 0x2d032d, 6, false); /* versions, flags */
    add_number(&z->directory, deflated ? 8 : 0, 2, false);
    add_number(&z->directory, 0, 4, false);
    add_number(&z->directory, crc, 4, false);
    add_number(&z->directory, size, 4, false);
    add_number(&z->directory, member->n, 4, false);
    add_number(&z->directory, strlen(name), 2, false);
    add_number(&z->directory, 0, 8, false);
    add_number(&z->directory, 0, 4, false);
    add_number(&z->directory, header, 4, false);
    add(&z->directory, name, strlen(name));
    z->count++;
}

static void zip_end(struct zip *z)
{
    size_t at = z->f.n;
    add(&z->f, z->directory.b, z->directory.n);
    add(&z->f, "PK\5\6\0\0\0\0", 8);
    add_number(&z->f, (uint64_t)z->count, 2, false);
    add_number(&z->f, (uint64_t)z->count, 2, false);
    add_number(&z->f, z->directory.n, 4, false);
    add_number(&z->f, at, 4, false);
    add_number(&z->f, 0, 2, false);
}

static struct bytes two_arrays(bool deflated)
{
    static struct zip z;
    memset(&z, 0, sizeof z);
    struct bytes y = npy("<i8", "3,", (int64_t[]){7, 8, 9}, 24);
    struct bytes x = npy("|u1", "3,4", "abcdefghijkl", 12);
    struct bytes w = npy("|u1", "2,4", "ABCDEFGH", 8);
    zip_add(&z, "y.npy", &y, deflated);
    zip_add(&z, "x.npy", &x, deflated);
    zip_add(&z, "w.npy", &w, deflated);
    zip_end(&z);
    return z.f;
}

TEST(npz_members)
{
    struct input_spec spec = spec_of(1, 2, 2);
    for (int deflated = 0; deflated < 2; deflated++) {
        struct bytes f = two_arrays(deflated);
        const char *path = put_bytes("a.npz", &f);
        struct input *in = open_one(path, spec);
        struct sample s;
        CHECK_EQ(input_count(in), 3);
        CHECK_EQ(input_next(in, &s), 1);
        CHECK(s.type == DTYPE_U8 && !memcmp(s.data, "abcd", 4));
        CHECK_EQ(input_next(in, &s), 1);
        CHECK_EQ(input_next(in, &s), 1);
        CHECK(!memcmp(s.data, "ijkl", 4));
        CHECK(strstr(s.name, "a.npz[2]") != NULL);
        CHECK_EQ(input_next(in, &s), 0);
        input_close(in);
        in = open_one(in_folder("a.npz:w"), spec);
        CHECK_EQ(input_count(in), 2);
        CHECK_EQ(input_next(in, &s), 1);
        CHECK(!memcmp(s.data, "ABCD", 4));
        CHECK(strstr(s.name, "a.npz:w[0]") != NULL);
        input_close(in);
        CHECK_EQ(drain(in_folder("a.npz:w.npy"), spec), 2);
    }
    CHECK_EQ(drain(in_folder("a.npz:v"), spec), AF_BAD_FILE);
    CHECK_ERROR("a.npz: there is no array v in the file");
    CHECK_EQ(drain(in_folder("a.npz:y"), spec), AF_BAD_FILE);
    CHECK_ERROR("a.npz:y: the array has 1 dimensions, the model wants Nx1x2x2");
    CHECK_EQ(drain(in_folder("a.npz"), spec_of(1, 9, 9)), AF_BAD_FILE);
    CHECK_ERROR("the array has 1 dimensions, the model wants Nx1x9x9");
    CHECK_EQ(drain(in_folder("b.npz:x"), spec), AF_IO);
}

TEST(npz_damage)
{
    struct input_spec spec = spec_of(1, 2, 2);
    struct bytes whole = two_arrays(true), f = whole;
    check_truncations("cut.npz", &f, f.n, spec);
    size_t directory = f.n - 22 - 3 * (46 + 5), x = directory + 46 + 5;
    f.b[x + 10] = 12; /* bzip2: passed over if nobody asks for it by name */
    put_bytes("bad.npz", &f);
    CHECK_EQ(drain(in_folder("bad.npz:x"), spec), AF_UNSUPPORTED);
    CHECK_ERROR("method 12");
    CHECK_EQ(drain(in_folder("bad.npz"), spec), 2);
    f = whole;
    f.b[x + 8] = 1;
    check_bytes(&f, AF_UNSUPPORTED, "encrypted", spec);
    f = whole;
    f.b[x + 16] ^= 1; /* the checksum */
    check_bytes(&f, AF_BAD_FILE, "damaged", spec);
    f = whole;
    memset(f.b + x + 24, 0xff, 4);
    check_bytes(&f, AF_UNSUPPORTED, "zip64", spec);
    f = whole;
    memset(f.b + f.n - 12, 0xff, 2);
    check_bytes(&f, AF_UNSUPPORTED, "zip64", spec);
    f = whole;
    f.b[f.n - 5] ^= 0x40; /* where the directory is */
    check_bytes(&f, AF_BAD_FILE, "directory is damaged", spec);
    for (size_t i = 4; i < whole.n; i++) { /* whatever happens, it happens cleanly */
        f = whole;
        f.b[i] ^= 0xff;
        drain(put_bytes("flip.npz", &f), spec);
    }
    struct zip empty = {.count = 0};
    zip_end(&empty);
    check_bytes(&empty.f, AF_BAD_FILE, "there is no array in the file", spec);
}

/* ---- CIFAR ---------------------------------------------------------------------------------- */

TEST(cifar)
{
    for (int labels = 1; labels <= 2; labels++) {
        struct bytes f = {.n = (size_t)(2 * (3072 + labels))};
        for (size_t i = 0; i < f.n; i++)
            f.b[i] = (unsigned char)(i * 7 % 251);
        f.b[0] = 19;
        f.b[labels - 1] = 9;
        f.b[3072 + labels] = 11;
        f.b[3072 + 2 * labels - 1] = 5;
        const char *path = put_bytes("data_batch_1.bin", &f);
        struct input *in = open_one(path, spec_of(3, 32, 32));
        struct sample s;
        CHECK_EQ(input_count(in), 2);
        for (int i = 0; i < 2; i++) {
            CHECK_EQ(input_next(in, &s), 1);
            CHECK_EQ(s.label, i ? 5 : 9);
            CHECK_EQ(s.type, DTYPE_U8);
            CHECK(!memcmp(s.data, f.b + i * (3072 + labels) + labels, 3072));
        }
        CHECK_EQ(input_next(in, &s), 0);
        input_close(in);
        CHECK_EQ(drain(path, spec_of(3, 28, 28)), AF_BAD_FILE);
        CHECK_ERROR("samples are 3x32x32, the model wants 3x28x28");
        put("data_batch_1.bin", f.b, f.n - 1);
        CHECK_EQ(drain(path, spec_of(3, 32, 32)), AF_BAD_FILE);
    }
}

/* ---- Pictures ------------------------------------------------------------------------------- */

/* A pattern without symmetry, 13 x 9. */
enum { WIDTH = 13, HEIGHT = 9 };

static int pattern(int x, int y, int c)
{
    return (x * 37 + y * 59 + c * 101 + x * y * 3) % 256;
}

/* Pixels of `channels` samples of `depth` bits, a palette of 16 colours for type PALETTE. */
static const char *put_png(const char *name, int type, int depth, bool interlaced)
{
    static const int channels_of[] = {[PNG_COLOR_TYPE_GRAY] = 1,
                                      [PNG_COLOR_TYPE_RGB] = 3,
                                      [PNG_COLOR_TYPE_PALETTE] = 1,
                                      [PNG_COLOR_TYPE_GRAY_ALPHA] = 2,
                                      [PNG_COLOR_TYPE_RGB_ALPHA] = 4};
    const char *path = in_folder(name);
    int channels = channels_of[type];
    FILE *file = fopen(path, "wb");
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png_create_info_struct(png);
    png_init_io(png, file);
    png_set_IHDR(png, info, WIDTH, HEIGHT, depth, type,
                 interlaced ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_color palette[16];
    for (int i = 0; i < 16; i++)
        palette[i] = (png_color){(png_byte)(i * 16), (png_byte)(255 - i), (png_byte)(i * 3)};
    if (type == PNG_COLOR_TYPE_PALETTE) {
        png_set_PLTE(png, info, palette, 16);
        png_set_tRNS(png, info, (png_byte[]){0, 128}, 2, NULL);
    }
    png_write_info(png, info);
    png_byte pixels[HEIGHT][WIDTH * 4 * 2] = {0}, *rows[HEIGHT];
    for (int y = 0; y < HEIGHT; y++) {
        rows[y] = pixels[y];
        for (int i = 0; i < WIDTH * channels; i++) {
            int v = pattern(i / channels, y, i % channels);
            if (depth == 16) {
                pixels[y][2 * i] = (png_byte)v;
                pixels[y][2 * i + 1] = (png_byte)v;
            } else {
                v = type == PNG_COLOR_TYPE_PALETTE ? v % 16 : v >> (8 - depth);
                int bit = i * depth;
                pixels[y][bit / 8] |= (png_byte)(v << (8 - depth - bit % 8));
            }
        }
    }
    png_write_image(png, rows);
    png_write_end(png, NULL);
    png_destroy_write_struct(&png, &info);
    fclose(file);
    return path;
}

static const char *put_jpeg(const char *name, J_COLOR_SPACE space, bool progressive)
{
    const char *path = in_folder(name);
    FILE *file = fopen(path, "wb");
    struct jpeg_compress_struct j;
    struct jpeg_error_mgr errors;
    j.err = jpeg_std_error(&errors);
    jpeg_create_compress(&j);
    jpeg_stdio_dest(&j, file);
    j.image_width = WIDTH;
    j.image_height = HEIGHT;
    j.in_color_space = space;
    j.input_components = space == JCS_GRAYSCALE ? 1 : space == JCS_RGB ? 3 : 4;
    jpeg_set_defaults(&j);
    jpeg_set_quality(&j, 100, TRUE);
    for (int i = 0; i < j.num_components; i++) /* colour in full */
        j.comp_info[i].h_samp_factor = j.comp_info[i].v_samp_factor = 1;
    if (progressive)
        jpeg_simple_progression(&j);
    jpeg_start_compress(&j, TRUE);
    for (int y = 0; y < HEIGHT; y++) {
        JSAMPLE line[WIDTH * 4], *row = line;
        for (int i = 0; i < WIDTH * j.input_components; i++)
            line[i] = (JSAMPLE)pattern(i / j.input_components, y, i % j.input_components);
        jpeg_write_scanlines(&j, &row, 1);
    }
    jpeg_finish_compress(&j);
    jpeg_destroy_compress(&j);
    fclose(file);
    return path;
}

static int luma(int r, int g, int b)
{
    return (r * 19595 + g * 38470 + b * 7471 + 32768) >> 16;
}

/* What pixel (x, y, c) of put_png's file is to a model of `channels`. */
static int png_pixel(int type, int depth, int channels, int x, int y, int c)
{
    int rgb[3];
    for (int k = 0; k < 3; k++) {
        int v = pattern(x, y, type & PNG_COLOR_MASK_COLOR ? k : 0);
        if (depth < 8 && type == PNG_COLOR_TYPE_GRAY)
            v = (v >> (8 - depth)) * 255 / ((1 << depth) - 1);
        rgb[k] = v;
    }
    if (type == PNG_COLOR_TYPE_PALETTE) {
        int i = pattern(x, y, 0) % 16;
        rgb[0] = i * 16;
        rgb[1] = 255 - i;
        rgb[2] = i * 3;
    }
    return channels == 3                 ? rgb[c]
           : type & PNG_COLOR_MASK_COLOR ? luma(rgb[0], rgb[1], rgb[2])
                                         : rgb[0];
}

TEST(png_kinds)
{
    static const struct {
        int type, depth;
    } kinds[] = {
        {PNG_COLOR_TYPE_GRAY, 1},        {PNG_COLOR_TYPE_GRAY, 2},
        {PNG_COLOR_TYPE_GRAY, 4},        {PNG_COLOR_TYPE_GRAY, 8},
        {PNG_COLOR_TYPE_GRAY, 16},       {PNG_COLOR_TYPE_RGB, 8},
        {PNG_COLOR_TYPE_RGB, 16},        {PNG_COLOR_TYPE_PALETTE, 4},
        {PNG_COLOR_TYPE_PALETTE, 8},     {PNG_COLOR_TYPE_GRAY_ALPHA, 8},
        {PNG_COLOR_TYPE_GRAY_ALPHA, 16}, {PNG_COLOR_TYPE_RGB_ALPHA, 8},
        {PNG_COLOR_TYPE_RGB_ALPHA, 16},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        for (int channels = 1; channels <= 3; channels += 2)
            for (int interlaced = 0; interlaced < 2; interlaced++) {
                int type = kinds[i].type, depth = kinds[i].depth, wrong = 0;
                const char *path = put_png("x.dat", type, depth, interlaced);
                struct input *in = open_one(path, spec_of(channels, HEIGHT, WIDTH));
                struct sample s;
                CHECK_EQ(input_count(in), 1);
                CHECK_EQ(input_next(in, &s), 1);
                CHECK(s.type == DTYPE_U8 && s.label == -1 && !strcmp(s.name, path));
                for (int k = 0; k < channels * HEIGHT * WIDTH; k++)
                    wrong += ((const uint8_t *)s.data)[k] !=
                             png_pixel(type, depth, channels, k % WIDTH, k / WIDTH % HEIGHT,
                                       k / WIDTH / HEIGHT);
                CHECK_EQ(wrong, 0);
                CHECK_EQ(input_next(in, &s), 0);
                input_close(in);
            }
}

TEST(jpeg_kinds)
{
    for (int kind = 0; kind < 4; kind++) {
        bool grey = kind < 2;
        const char *path = put_jpeg("x", grey ? JCS_GRAYSCALE : JCS_RGB, kind % 2);
        for (int channels = 1; channels <= 3; channels += 2) {
            struct input *in = open_one(path, spec_of(channels, HEIGHT, WIDTH));
            struct sample s;
            int worst = 0;
            CHECK_EQ(input_next(in, &s), 1);
            for (int k = 0; k < channels * HEIGHT * WIDTH; k++) {
                int wanted = png_pixel(grey ? PNG_COLOR_TYPE_GRAY : PNG_COLOR_TYPE_RGB, 8, channels,
                                       k % WIDTH, k / WIDTH % HEIGHT, k / WIDTH / HEIGHT);
                int off = abs(((const uint8_t *)s.data)[k] - wanted);
                worst = off > worst ? off : worst;
            }
            CHECK(worst <= 4);
            input_close(in);
        }
    }
}

/* libjpeg marks CMYK as Adobe does: values are what is left of the paper. */
TEST(jpeg_inks)
{
    struct input *in = open_one(put_jpeg("x", JCS_CMYK, false), spec_of(3, HEIGHT, WIDTH));
    struct sample s;
    int worst = 0;
    CHECK_EQ(input_next(in, &s), 1);
    for (int k = 0; k < 3 * HEIGHT * WIDTH; k++) {
        const int x = k % WIDTH, y = k / WIDTH % HEIGHT;
        const int left = pattern(x, y, k / WIDTH / HEIGHT), black = pattern(x, y, 3);
        const int off = abs(((const uint8_t *)s.data)[k] - (int)lrint(left * black / 255.0));
        worst = off > worst ? off : worst;
    }
    CHECK(worst <= 4);
    input_close(in);
}

TEST(packed_pictures)
{
    char plain[256], packed[256];
    struct sample s;
    uint8_t wanted[3 * HEIGHT * WIDTH];
    snprintf(plain, sizeof plain, "%s", put_jpeg("plain.jpg", JCS_RGB, false));
    struct input *in = open_one(plain, spec_of(3, HEIGHT, WIDTH));
    CHECK_EQ(input_next(in, &s), 1);
    memcpy(wanted, s.data, sizeof wanted);
    input_close(in);
    snprintf(packed, sizeof packed, "%s", in_folder("packed.jpg"));
    static struct bytes file;
    get(plain, &file);
    gzFile z = gzopen(packed, "wb");
    CHECK_EQ(gzwrite(z, file.b, (unsigned)file.n), (int)file.n);
    gzclose(z);
    in = open_one(packed, spec_of(3, HEIGHT, WIDTH));
    CHECK_EQ(input_next(in, &s), 1);
    CHECK(memcmp(wanted, s.data, sizeof wanted) == 0);
    input_close(in);
    CHECK_EQ(truncate(packed, 60), 0);
    CHECK(drain(packed, spec_of(3, HEIGHT, WIDTH)) < 0);
}

static uint32_t hash(const void *data, size_t size)
{
    uint32_t h = 2166136261u;
    for (size_t i = 0; i < size; i++)
        h = (h ^ ((const uint8_t *)data)[i]) * 16777619u;
    return h;
}

/* Expected values are those of Pillow 9.4 with torchvision's sizes and crops. */
TEST(resize)
{
    static const struct {
        struct input_spec spec;
        uint32_t hash;
    } cases[] = {
        {{.channels = 1, .height = 3, .width = 4}, 0x5b2d59df},
        {{.channels = 3, .height = 3, .width = 4}, 0x60cabd80},
        {{.channels = 3, .height = 6, .width = 6, .resize = 6}, 0x09e390e6},
        {{.channels = 3, .height = 20, .width = 20, .resize = 25}, 0x80eea86f},
        {{.channels = 3, .height = 7, .width = 5, .resize = 10, .squash = true}, 0xd80454c3},
        {{.channels = 1, .height = 1, .width = 1}, 0x840b920c},
    };
    static const uint8_t first[] = {126, 129, 123, 133, 129, 131, 130, 126, 127, 131, 131, 130};
    const char *path = put_png("x.png", PNG_COLOR_TYPE_RGB, 8, false);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct input_spec *spec = &cases[i].spec;
        struct input *in = open_one(path, *spec);
        struct sample s;
        CHECK_EQ(input_next(in, &s), 1);
        CHECK_EQ(hash(s.data, (size_t)(spec->channels * spec->height * spec->width)),
                 cases[i].hash);
        CHECK(i > 0 || !memcmp(s.data, first, sizeof first));
        input_close(in);
    }
    struct input_spec small = {.channels = 3, .height = 10, .width = 10, .resize = 9};
    CHECK_EQ(drain(path, small), AF_BAD_FILE);
    CHECK_ERROR("the picture becomes 13x9, too small to cut the model's 10x10");
    CHECK_EQ(drain(path, spec_of(2, 4, 4)), AF_BAD_FILE);
    CHECK_ERROR("a picture has 1 or 3 channels, the model wants 2x4x4");
    small.resize = -1;
    CHECK_EQ(drain(path, small), AF_BAD_ARGUMENT);
}

TEST(picture_damage)
{
    struct bytes f;
    struct input_spec spec = spec_of(3, 4, 4);
    get(put_png("x.png", PNG_COLOR_TYPE_RGB, 8, true), &f);
    check_truncations("cut.png", &f, f.n, spec);
    struct bytes big = f;
    memcpy(big.b + 16, "\0\0\x40\0\0\0\x20\1", 8); /* 16384 x 8193 */
    uint32_t crc = (uint32_t)crc32(0, big.b + 12, 17);
    big.n = 29;
    add_number(&big, crc, 4, true);
    add(&big, f.b + 33, f.n - 33);
    check_bytes(&big, AF_UNSUPPORTED, "a picture of 16384x8193 pixels", spec);
    f.b[50] ^= 0x80;
    check_bytes(&f, AF_BAD_FILE, "not a readable PNG file (", spec);
    get(put_jpeg("x.jpg", JCS_RGB, false), &f);
    check_truncations("cut.jpg", &f, f.n - 2, spec); /* without its end marker */
    get(put_jpeg("x.jpg", JCS_RGB, true), &f);
    check_truncations("cut.jpg", &f, f.n - 2, spec);
    for (size_t i = 0; i + 10 < f.n; i++)
        if (f.b[i] == 0xff && f.b[i + 1] == 0xc2)
            memset(f.b + i + 5, 0xf0, 4); /* 61680 x 61680 */
    check_bytes(&f, AF_UNSUPPORTED, "a picture of 61680x61680 pixels", spec);
}

/* ---- Folders -------------------------------------------------------------------------------- */

TEST(folders)
{
    struct input_spec spec = spec_of(1, 4, 4);
    mkdir(in_folder("pictures"), 0777);
    CHECK_EQ(drain(in_folder("pictures"), spec), AF_BAD_FILE);
    CHECK_ERROR("pictures: the folder holds no PNG or JPEG pictures");
    mkdir(in_folder("pictures/cat"), 0777);
    mkdir(in_folder("pictures/Dog"), 0777);
    mkdir(in_folder("pictures/eel"), 0777);
    mkdir(in_folder("pictures/.cache"), 0777);
    put_png("pictures/cat/b.png", PNG_COLOR_TYPE_GRAY, 8, false);
    put_png("pictures/cat/a.PNG", PNG_COLOR_TYPE_RGB, 8, false);
    put_jpeg("pictures/eel/x.JPEG", JCS_RGB, false);
    put_jpeg("pictures/eel/c.png", JCS_RGB, false); /* a JPEG by its content */
    put_jpeg("pictures/Dog/z.jpg", JCS_RGB, false);
    put_jpeg("pictures/.cache/z.jpg", JCS_RGB, false);
    put("pictures/cat/notes.txt", "x", 1);
    static const struct {
        const char *name;
        int label;
    } expected[] = {{"/Dog/z.jpg", 0},
                    {"/cat/a.PNG", 1},
                    {"/cat/b.png", 1},
                    {"/eel/c.png", 2},
                    {"/eel/x.JPEG", 2}};
    struct input *in = open_one(in_folder("pictures"), spec);
    struct sample s;
    CHECK_EQ(input_count(in), 5);
    for (int i = 0; i < 5; i++) {
        CHECK_EQ(input_next(in, &s), 1);
        CHECK(s.name && strstr(s.name, expected[i].name));
        CHECK_EQ(s.label, expected[i].label);
        CHECK_EQ(s.type, DTYPE_U8);
    }
    CHECK_EQ(input_next(in, &s), 0);
    input_close(in);
    in = open_one(in_folder("pictures/cat/"), spec);
    CHECK_EQ(input_count(in), 2);
    CHECK_EQ(input_next(in, &s), 1);
    CHECK_EQ(s.label, -1);
    CHECK(strstr(s.name, "pictures/cat/a.PNG") != NULL);
    input_close(in);
    put("pictures/cat/a.PNG", "\x89PNG\r\n\x1a\nxxxx", 12);
    in = open_one(in_folder("pictures"), spec);
    CHECK_EQ(input_next(in, &s), 1);
    CHECK_EQ(input_next(in, &s), AF_BAD_FILE);
    CHECK_ERROR("cat/a.PNG: not a readable PNG");
    CHECK_EQ(input_next(in, &s), 1);
    input_close(in);
}

/* ---- Events --------------------------------------------------------------------------------- */

static const int32_t rows[][4] = {
    {1, 2, 1, 100}, {3, 0, 0, 150}, {0, 1, 1, 150}, {4, 2, 0, 400}, {0, 0, 0, 7}, {1, 1, 1, 8},
};

TEST(event_arrays)
{
    struct bytes f = npy("<i4", "6,4", rows, sizeof rows);
    struct bytes offsets = npy("<i8", "3,", (int64_t[]){0, 4, 4}, 24);
    put_bytes("events.npy", &f);
    put_bytes("offsets.npy", &offsets);
    char pair[300];
    snprintf(pair, sizeof pair, "%s@%s", in_folder("events.npy"), in_folder("offsets.npy"));
    struct input *in = open_one(pair, sensor(3, 5));
    struct sample s;
    static const int counts[] = {4, 0, 2};
    CHECK_EQ(input_count(in), 3);
    for (int i = 0, row = 0; i < 3; i++) {
        CHECK_EQ(input_next(in, &s), 1);
        CHECK(!s.data && s.label == -1);
        CHECK_EQ(s.event_count, counts[i]);
        for (int k = 0; k < counts[i]; k++, row++)
            CHECK(s.events[k].x == rows[row][0] && s.events[k].y == rows[row][1] &&
                  s.events[k].polarity == rows[row][2] && s.events[k].t == rows[row][3]);
    }
    CHECK(strstr(s.name, "offsets.npy[2]") != NULL);
    CHECK_EQ(input_next(in, &s), 0);
    input_close(in);
    in = open_one(in_folder("events.npy"), sensor(3, 5));
    CHECK_EQ(input_next(in, &s), 1);
    CHECK_EQ(s.event_count, 6);
    CHECK_EQ(input_next(in, &s), 0);
    input_close(in);
    /* The number of rows may stand behind the offsets. */
    offsets = npy("<i4", "4,", (int32_t[]){0, 2, 5, 6}, 16);
    put_bytes("offsets.npy", &offsets);
    CHECK_EQ(drain(pair, sensor(3, 5)), 3);
    const uint16_t small[] = {1, 2, 0, 65535};
    f = npy("<u2", "1,4", small, sizeof small);
    in = open_one(put_bytes("small.npy", &f), sensor(3, 5));
    CHECK_EQ(input_next(in, &s), 1);
    CHECK(s.event_count == 1 && s.events[0].y == 2 && s.events[0].t == 65535);
    input_close(in);
    /* Frames are welcome all the same, and four values may be a frame to another model. */
    f = npy("|u1", "3,30", (char[90]){0}, 90);
    CHECK_EQ(drain(put_bytes("frames.npy", &f), sensor(3, 5)), 3);
    CHECK_EQ(drain(in_folder("events.npy"), spec_of(4, 1, 1)), 6);
}

/* Long enough that it is read in several pieces. */
TEST(event_pieces)
{
    enum { EVENTS = 10000 };
    static const int64_t starts[] = {100, 5000, 5001};
    int32_t(*all)[4] = calloc(EVENTS, sizeof *all);
    FILE *file = fopen(in_folder("long.npy"), "wb");
    struct bytes head = npy("<i4", "10000,4", "", 0), offsets = npy("<i8", "3,", starts, 24);
    for (int i = 0; i < EVENTS; i++)
        all[i][3] = i;
    fwrite(head.b, 1, head.n, file);
    fwrite(all, sizeof *all, EVENTS, file);
    fclose(file);
    free(all);
    put_bytes("starts.npy", &offsets);
    char pair[300];
    snprintf(pair, sizeof pair, "%s@%s", in_folder("long.npy"), in_folder("starts.npy"));
    struct input *in = open_one(pair, sensor(3, 5));
    struct sample s;
    for (int i = 0; i < 3; i++) {
        int64_t end = i < 2 ? starts[i + 1] : EVENTS, wrong = 0;
        CHECK_EQ(input_next(in, &s), 1);
        CHECK_EQ(s.event_count, end - starts[i]);
        for (int64_t k = 0; k < s.event_count; k++)
            wrong += s.events[k].t != starts[i] + k;
        CHECK_EQ(wrong, 0);
    }
    CHECK_EQ(input_next(in, &s), 0);
    input_close(in);
}

TEST(event_damage)
{
    struct input_spec spec = sensor(3, 5);
    struct bytes good = npy("<i4", "6,4", rows, sizeof rows), f = good;
    check_truncations("cut.npy", &f, f.n, spec);
    check_bytes(&f, AF_BAD_FILE, "an event recording, but the model takes frames",
                spec_of(2, 3, 5));
    static const struct {
        int64_t row[4];
        const char *text;
    } bad[] = {
        {{-1, 0, 0, 0}, "event 1 has the x -1"},
        {{0, 65536, 0, 0}, "event 1 has the y 65536"},
        {{0, 0, -1, 0}, "event 1 has the polarity -1"},
        {{0, 0, 0, -5}, "event 1 has the time -5"},
        {{0, 0, 0, INT64_MAX}, "event 1 has the time 9223372036854775807"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        int64_t two[8] = {0};
        memcpy(two + 4, bad[i].row, sizeof bad[i].row);
        f = npy("<i8", "2,4", two, sizeof two);
        check_bytes(&f, AF_BAD_FILE, bad[i].text, spec);
    }
    f = npy("<i4", "0,4", "", 0);
    check_bytes(&f, AF_BAD_FILE, "holds no samples", spec);
    static const struct {
        const char *descr, *shape;
        int64_t starts[2];
        const char *text;
    } offsets[] = {
        {"<i8", "2,", {4, 2}, "offset 1 is 2 after 4"},
        {"<i8", "2,", {0, 7}, "offset 1 is 7, "},
        {"<i8", "2,", {7, 6}, "offset 0 is 7, "},
        {"<i8", "2,", {-1, 3}, "offset 0 is -1, "},
        {"<i8", "0,", {0, 0}, "holds no samples"},
        {"<i8", "1,2", {0, 3}, "offsets have one dimension, these have 2"},
        {"<f8", "2,", {0, 3}, "holds float64 where integers belong"},
        {"<i8", "3,", {0, 3}, "truncated"},
    };
    put_bytes("events.npy", &good);
    char pair[300];
    snprintf(pair, sizeof pair, "%s@%s", in_folder("events.npy"), in_folder("bad.npy"));
    for (size_t i = 0; i < sizeof offsets / sizeof *offsets; i++) {
        f = npy(offsets[i].descr, offsets[i].shape, offsets[i].starts, 16);
        put_bytes("bad.npy", &f);
        CHECK_EQ(drain(pair, spec), AF_BAD_FILE);
        CHECK_ERROR(offsets[i].text);
    }
    CHECK_EQ(drain(pair, spec_of(2, 3, 5)), AF_BAD_FILE);
    CHECK_ERROR("the model takes frames");
    unlink(in_folder("bad.npy"));
    CHECK_EQ(drain(pair, spec), AF_IO);
    CHECK_ERROR("bad.npy: No such file");
    unlink(in_folder("events.npy"));
    CHECK_EQ(drain(pair, spec), AF_IO);
}

TEST(nmnist)
{
    /* x, y, polarity and 23 bits of time; y = 240 moves what follows by 2^13 us. */
    static const uint8_t file[] = {3, 4,   0x80, 0, 9, 33, 0, 0x12, 0x34, 0x56,
                                   0, 240, 0x12, 0, 0, 5,  6, 0,    0,    1};
    struct input *in = open_one(put("00001.bin", file, sizeof file), sensor(34, 34));
    struct sample s;
    CHECK_EQ(input_count(in), 1);
    CHECK_EQ(input_next(in, &s), 1);
    CHECK(!s.data && s.label == -1 && strstr(s.name, "00001.bin"));
    CHECK_EQ(s.event_count, 3);
    CHECK(s.events[0].x == 3 && s.events[0].y == 4 && s.events[0].polarity == 1);
    CHECK_EQ(s.events[0].t, 9);
    CHECK(s.events[1].x == 33 && s.events[1].y == 0 && s.events[1].polarity == 0);
    CHECK_EQ(s.events[1].t, 0x123456);
    CHECK_EQ(s.events[2].t, 8193);
    CHECK_EQ(input_next(in, &s), 0);
    input_close(in);
    CHECK_EQ(drain(put("x.bin", file, 9), sensor(34, 34)), AF_BAD_FILE);
    CHECK_ERROR("9 bytes are not whole events");
    CHECK_EQ(drain(put("x.bin", file, 0), sensor(34, 34)), AF_BAD_FILE);
    CHECK_ERROR("empty");
    CHECK_EQ(drain(in_folder("00001.bin"), spec_of(2, 34, 34)), AF_BAD_FILE);
    CHECK_ERROR("the model takes frames");
    in = open_one(in_folder("00001.bin"), sensor(34, 34));
    put("00001.bin", file, 7);
    CHECK_EQ(input_next(in, &s), AF_BAD_FILE);
    CHECK_ERROR("7 bytes are not whole events");
    input_close(in);
    /* A recording may begin like an idx or a gzip file. */
    CHECK_EQ(drain(put("00002.bin", "\0\0\x0c\2\0", 5), sensor(34, 34)), 1);
    CHECK_EQ(drain(put("00003.bin", "\x1f\x8b\x08\0\0", 5), sensor(34, 250)), 1);
    /* A folder of recordings, as the data set comes: one folder a digit. */
    mkdir(in_folder("digits"), 0777);
    CHECK_EQ(drain(in_folder("digits"), sensor(34, 34)), AF_BAD_FILE);
    CHECK_ERROR("holds no recordings of event cameras (.bin");
    mkdir(in_folder("digits/0"), 0777);
    mkdir(in_folder("digits/1"), 0777);
    put("digits/0/00003.bin", file, sizeof file);
    put("digits/0/a.png", file, sizeof file);
    put("digits/1/00001.bin", file, 5);
    put("digits/1/00002.bin", file, 10);
    in = open_one(in_folder("digits"), sensor(34, 34));
    CHECK_EQ(input_count(in), 3);
    for (int i = 0; i < 3; i++) {
        CHECK_EQ(input_next(in, &s), 1);
        CHECK(!s.data && s.label == (i > 0) && s.event_count == 3 - (i > 0 ? 3 - i : 0));
    }
    CHECK_EQ(input_next(in, &s), 0);
    input_close(in);
    put("digits/1/00002.bin", file, 0);
    CHECK_EQ(drain(in_folder("digits"), sensor(34, 34)), AF_BAD_FILE);
    CHECK_ERROR("00002.bin: the file is empty");
}

TEST(binning)
{
    struct af_camera_event events[6] = {{1, 2, 1, 100}, {3, 0, 0, 100}, {3, 0, 0, 149},
                                        {0, 1, 1, 150}, {4, 2, 0, 199}, {4, 2, 0, 150}};
    struct sample s = {.name = "r", .events = events, .event_count = 6};
    struct input_spec spec = sensor(3, 5);
    int16_t out[4 * 30], wanted[2][2][3][5] = {0};
    wanted[0][1][2][1] = 1;
    wanted[0][0][0][3] = 2;
    wanted[1][1][1][0] = 1;
    wanted[1][0][2][4] = 2;
    memset(out, 1, sizeof out);
    CHECK_EQ(events_bin(&s, &spec, 2, out), AF_OK);
    CHECK(!memcmp(out, wanted, sizeof wanted));
    CHECK_EQ(out[60], 257); /* nothing behind the end */
    memset(out, 1, sizeof out);
    CHECK_EQ(events_bin(&s, &spec, 4, out), AF_OK); /* 25 us each */
    int sum[4] = {0};
    for (int i = 0; i < 120; i++)
        sum[i / 30] += out[i];
    CHECK(sum[0] == 2 && sum[1] == 1 && sum[2] == 2 && sum[3] == 1);
    CHECK_EQ(events_backwards(&s), 5);
    for (int i = 0; i < 6; i++) /* any order, at once */
        events[i].t = 5;
    CHECK_EQ(events_backwards(&s), -1);
    CHECK_EQ(events_bin(&s, &spec, 4, out), AF_OK);
    CHECK_EQ(out[3], 2);
    s.event_count = 0;
    CHECK_EQ(events_bin(&s, &spec, 4, out), AF_OK);
    CHECK_EQ(out[3], 0);
    s.event_count = 6;
    events[2].x = 5;
    CHECK_EQ(events_bin(&s, &spec, 4, out), AF_BAD_FILE);
    CHECK_ERROR("r: event 2 (x 5, y 0, polarity 0) is outside the sensor of 5x3");
    events[2] = (struct af_camera_event){0, 3, 0, 5};
    CHECK_EQ(events_bin(&s, &spec, 4, out), AF_BAD_FILE);
    events[2] = (struct af_camera_event){0, 0, 2, 5};
    CHECK_EQ(events_bin(&s, &spec, 4, out), AF_BAD_FILE);
    events[2] = (struct af_camera_event){0, 0, 0, INT64_MAX};
    CHECK_EQ(events_bin(&s, &spec, 4, out), AF_BAD_FILE);
    CHECK_EQ(events_bin(&s, &spec, 0, out), AF_BAD_ARGUMENT);
    struct af_camera_event many[300];
    for (int i = 0; i < 300; i++)
        many[i] = (struct af_camera_event){2, 1, 1, i};
    s = (struct sample){.name = "r", .events = many, .event_count = 300};
    CHECK_EQ(events_bin(&s, &spec, 1, out), AF_OK);
    CHECK_EQ(out[15 + 5 + 2], 255);
    /* Of 3 frames over 4 bins an event counts 4/3: 2 + 1 + 0 + 1 events are 2.67, 4, 4 and 5.33. */
    const struct af_camera_event few[4] = {
        {2, 1, 1, 0}, {2, 1, 1, 1}, {2, 1, 1, 25}, {2, 1, 1, 99}};
    s = (struct sample){.name = "r", .events = few, .event_count = 4};
    CHECK_EQ(events_bin_as_frames(&s, &spec, 4, 3, out), AF_OK);
    const int at = 15 + 5 + 2;
    CHECK(out[at] == 2 && out[30 + at] == 2 && out[60 + at] == 0 && out[90 + at] == 1);
    CHECK_EQ(events_bin_as_frames(&s, &spec, 2, 0, out),
             AF_OK); /* one frame: 3 + 1 events, twice */
    CHECK(out[at] == 6 && out[30 + at] == 2);
    s = (struct sample){.name = "r", .events = many, .event_count = 300};
    CHECK_EQ(events_bin_as_frames(&s, &spec, 2, 1, out), AF_OK);
    CHECK(out[at] == 255 && out[30 + at] == 255);
}

/* ---- Labels --------------------------------------------------------------------------------- */

TEST(labels)
{
    struct tensor t;
    struct bytes f = npy("|u1", "3,", "\7\0\xff", 3);
    CHECK_EQ(labels_read(put_bytes("l.npy", &f), &t, NULL), AF_OK);
    CHECK(t.type == DTYPE_I64 && t.rank == 1 && t.dim[0] == 3 && t.count == 3);
    CHECK(((int64_t *)t.data)[0] == 7 && ((int64_t *)t.data)[2] == 255);
    tensor_free(&t);
    f = npy("<i8", "2,1", (int64_t[]){-1, 1000}, 16);
    CHECK_EQ(labels_read(put_bytes("l.npy", &f), &t, NULL), AF_OK);
    CHECK(t.rank == 1 && t.count == 2 && ((int64_t *)t.data)[0] == -1);
    tensor_free(&t);
    f = idx(0x0b, 1, (uint32_t[]){2}, "\0\5\1\0", 4);
    for (int gz = 0; gz < 2; gz++) {
        CHECK_EQ(labels_read(gz ? put_gz("l.gz", &f) : put_bytes("l", &f), &t, NULL), AF_OK);
        CHECK(t.count == 2 && ((int64_t *)t.data)[0] == 5 && ((int64_t *)t.data)[1] == 256);
        tensor_free(&t);
    }
    f = npy("<f4", "2,", (float[]){1, 2}, 8);
    CHECK_EQ(labels_read(put_bytes("l.npy", &f), &t, NULL), AF_BAD_FILE);
    CHECK_ERROR("l.npy: holds float32 where integers belong");
    f = npy("<i4", "2,2", (int[]){1, 2, 3, 4}, 16);
    CHECK_EQ(labels_read(put_bytes("l.npy", &f), &t, NULL), AF_BAD_FILE);
    CHECK_ERROR("int64 [2,2] is no list of labels");
    CHECK(!t.data);
    for (size_t n = 0; n < f.n; n++)
        CHECK_EQ(labels_read(put("l.npy", f.b, n), &t, NULL), AF_BAD_FILE);
    const int64_t limit = tensor_max_elements;
    tensor_max_elements = 3;
    f = npy("|u1", "4,", "abcd", 4);
    CHECK_EQ(labels_read(put_bytes("l.npy", &f), &t, NULL), AF_BAD_FILE);
    tensor_max_elements = limit;
    CHECK_EQ(labels_read(in_folder("absent.npy"), &t, NULL), AF_IO);
    CHECK_ERROR("absent.npy: No such file");
}

/* ---- Several sources ------------------------------------------------------------------------ */

TEST(streams)
{
    struct bytes f = npy("|u1", "2,4", "abcdefgh", 8), g = npy("<f4", "1,4", (float[4]){0}, 16);
    const char *paths[3] = {put_bytes("a.npy", &f), put_png("b.png", PNG_COLOR_TYPE_GRAY, 8, false),
                            put_bytes("c.npy", &g)};
    struct input_spec spec = spec_of(1, 2, 2);
    struct input *in;
    struct sample s;
    static const enum dtype types[] = {DTYPE_U8, DTYPE_U8, DTYPE_U8, DTYPE_F32};
    CHECK_EQ(input_open(&in, paths, 3, &spec), AF_OK);
    CHECK_EQ(input_count(in), 4);
    for (int i = 0; i < 4; i++) {
        CHECK_EQ(input_next(in, &s), 1);
        CHECK_EQ(s.type, types[i]);
    }
    CHECK_EQ(input_next(in, &s), 0);
    input_close(in);
    CHECK_EQ(input_open(&in, paths, 0, &spec), AF_BAD_ARGUMENT);
    CHECK(!in);
    paths[1] = in_folder("absent.png");
    CHECK_EQ(drain_all(paths, 3, spec), AF_IO);
    CHECK_ERROR("absent.png: No such file");
    CHECK_EQ(drain(put("x", "hello, world", 12), spec), AF_BAD_FILE);
    CHECK_ERROR("not a format that is read");
    CHECK_EQ(drain(put("x", "", 0), spec), AF_BAD_FILE);
    CHECK_ERROR("the file is empty");
    CHECK_EQ(drain("/dev/null", spec), AF_BAD_FILE);
    CHECK_ERROR("neither a file nor a folder");
    spec.height = 0;
    CHECK_EQ(drain_all(paths, 1, spec), AF_BAD_ARGUMENT);
    spec = spec_of(INT32_MAX, INT32_MAX, INT32_MAX);
    CHECK_EQ(drain_all(paths, 1, spec), AF_BAD_ARGUMENT);
    /* A queue of more files than may be open at a time. */
    enum { MANY = 3000 };
    const char *same[MANY];
    for (int i = 0; i < MANY; i++)
        same[i] = paths[0];
    CHECK_EQ(drain_all(same, MANY, spec_of(1, 2, 2)), 2 * MANY);
}

/* A class a line, or a file and its class; what is neither is refused. */
TEST(labels_as_text)
{
    struct tensor t;
    struct texts files;
    const char *plain = put("l.txt", "class\n3\r\n\n 0 \n-1", 17);
    CHECK_EQ(labels_read(plain, &t, &files), AF_OK);
    const int64_t *v = t.data;
    CHECK(t.rank == 1 && t.count == 3 && files.count == 0);
    CHECK(v[0] == 3 && v[1] == 0 && v[2] == -1);
    tensor_free(&t);
    static const char csv[] = "file,label,split\na/1.bin, 4,test\n2,5\nb/1.bin,6,test\n";
    const char *named = put("l.csv", csv, sizeof csv - 1);
    CHECK_EQ(labels_read(named, &t, &files), AF_OK);
    CHECK(t.count == 3 && files.count == 3);
    int64_t at = 0;
    CHECK_EQ(labels_find(&t, &files, "set/b/1.bin", &at), 6);
    CHECK_EQ(labels_find(&t, &files, "set/a/1.bin", &at), 4);
    CHECK_EQ(labels_find(&t, &files, "2.aedat", &at), 5);
    CHECK_EQ(labels_find(&t, &files, "a/1", &at), -1);
    CHECK_EQ(labels_find(&t, &files, "aa/1.bin", &at), -1);
    CHECK_EQ(labels_find(&t, &files, "12.bin", &at), -1);
    tensor_free(&t);
    texts_free(&files);
    CHECK_EQ(labels_read(named, &t, NULL), AF_BAD_FILE);
    CHECK_ERROR("l.csv: names files");
    static const struct {
        const char *text, *why;
    } bad[] = {{"1\nx\n", "label 1 is no class"},
               {"1\na,2\n", "label 1 is no class"},
               {"a,1\n2\n", "label 1 is no class"},
               {"a,b\nc,d\n", "label 0 is no class"},
               {"class\n", "holds no labels"},
               {"1.5\n2\n3.5\n", "label 1 is no class"},
               {"1\n99999999999999999999\n", "label 1 is no class"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        CHECK_EQ(labels_read(put("bad.csv", bad[i].text, strlen(bad[i].text)), &t, &files),
                 AF_BAD_FILE);
        CHECK_ERROR(bad[i].why);
        CHECK(!t.data && !files.text);
    }
}

int main(void)
{
    if (!mkdtemp(folder))
        return 1;
    RUN(array_types);
    RUN(array_shapes);
    RUN(channels_last_arrays);
    RUN(array_values);
    RUN(array_damage);
    RUN(idx_types);
    RUN(idx_damage);
    RUN(gzip_without_data);
    RUN(npz_members);
    RUN(npz_damage);
    RUN(cifar);
    RUN(png_kinds);
    RUN(jpeg_kinds);
    RUN(jpeg_inks);
    RUN(packed_pictures);
    RUN(resize);
    RUN(picture_damage);
    RUN(folders);
    RUN(event_arrays);
    RUN(event_pieces);
    RUN(event_damage);
    RUN(nmnist);
    RUN(binning);
    RUN(labels);
    RUN(labels_as_text);
    RUN(streams);
    char command[64];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command) ? 1 : test_end();
}
