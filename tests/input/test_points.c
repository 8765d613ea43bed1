/* Meshes and point sets: read, sampled, normalised; and damaged in every way. */
#include "test.h"

#include "adafire.h"
#include "input/input.h"
#include "input/points.h"

#include <math.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/adafire-points-XXXXXX";

static const char *put(const char *name, const void *data, size_t size)
{
    static char path[8][128];
    static int at;
    char *p = path[at++ % 8];
    snprintf(p, sizeof path[0], "%s/%s", folder, name);
    FILE *f = fopen(p, "wb");
    if (!f || fwrite(data, 1, size, f) != size || fclose(f))
        abort();
    return p;
}

/* A copy, so that a read past the end is one past an allocation. */
static int parse(const char *text, size_t size, struct mesh *m)
{
    char *copy = calloc(size + 1, 1);
    if (!copy)
        abort();
    memcpy(copy, text, size);
    int status = mesh_parse("x", copy, size, m);
    free(copy);
    return status;
}

static void check_bad(const char *text, int status, const char *why)
{
    struct mesh m;
    int got = parse(text, strlen(text), &m);
    CHECK_EQ(got, status);
    CHECK_ERROR(why);
    if (got != status || !strstr(af_error(), why))
        printf("  of: %.60s\n", text);
    CHECK(!m.point && !m.triangle);
    mesh_free(&m);
}

static const char square[] =
    "OFF\n# a square and a triangle\n5 2 0\n0 0 0\n2 0 0 \n\n2 2 0\n0 2 0\n"
    "0 0 1\n4 0 1 2 3 255 0 0\n3  0 1 4\n";

static void check_square(const struct mesh *m)
{
    static const int64_t corners[3][3] = {{0, 1, 2}, {0, 2, 3}, {0, 1, 4}};
    CHECK_EQ(m->point_count, 5);
    CHECK_EQ(m->triangle_count, 3);
    if (m->point_count != 5 || m->triangle_count != 3)
        return;
    CHECK(m->point[2][0] == 2 && m->point[2][1] == 2 && m->point[2][2] == 0);
    CHECK(m->point[4][2] == 1);
    CHECK(memcmp(m->triangle, corners, sizeof corners) == 0);
}

TEST(off)
{
    struct mesh m;
    CHECK_EQ(parse(square, strlen(square), &m), 0);
    check_square(&m);
    mesh_free(&m);
    /* Numbers right behind the word, as in a part of ModelNet; no line end at the end. */
    static const char stuck[] = "OFF3 1 0\r\n0 0 0\r\n1 0 0\r\n0 1 0\r\n3 0 1 2";
    CHECK_EQ(parse(stuck, strlen(stuck), &m), 0);
    CHECK_EQ(m.point_count, 3);
    CHECK_EQ(m.triangle_count, 1);
    mesh_free(&m);
    static const char colours[] =
        "COFF\n3 1 3\n0 0 0 255 0 0 9\n1 0 0 1 1 1 1\n0 1 0 0 0 0 0\n3 0 1 2\n";
    CHECK_EQ(parse(colours, strlen(colours), &m), 0);
    CHECK(m.point_count == 3 && m.point[1][0] == 1 && m.point[2][0] == 0 && m.point[2][1] == 1);
    mesh_free(&m);
}

TEST(damaged_off)
{
    check_bad("OFF", AF_BAD_FILE, "truncated");
    check_bad("OFF BINARY\n", AF_UNSUPPORTED, "binary");
    check_bad("OFF\n0 0 0\n", AF_BAD_FILE, "no points");
    check_bad("OFF\n-3 0 0\n0 0 0\n", AF_BAD_FILE, "cannot be in a file");
    check_bad("OFF\n1e18 0 0\n0 0 0\n", AF_BAD_FILE, "cannot be in a file");
    check_bad("OFF\n1 1e9 0\n0 0 0\n", AF_BAD_FILE, "cannot be in a file");
    check_bad("OFF\nmany 0 0\n0 0 0\n", AF_BAD_FILE, "'many' is no number");
    check_bad("OFF\n2 0 0\n0 0 0\n1 1\n", AF_BAD_FILE, "truncated");
    check_bad("OFF\n1 0 0\n0 nan 0\n", AF_BAD_FILE, "coordinate");
    check_bad("OFF\n1 0 0\n0 1e39 0\n", AF_BAD_FILE, "coordinate");
    check_bad("OFF\n1 1 0\n0 0 0\n3 0 0 1\n", AF_BAD_FILE, "point 1 of 1");
    check_bad("OFF\n1 1 0\n0 0 0\n3 0 0 -1\n", AF_BAD_FILE, "point -1 of 1");
    check_bad("OFF\n1 1 0\n0 0 0\n3 0 0 .5\n", AF_BAD_FILE, "of 1");
    check_bad("OFF\n1 1 0\n0 0 0\n1000000000 0 0 0\n", AF_BAD_FILE, "cannot be");
    for (size_t n = 0; n < sizeof square - 1; n++) { /* every truncation: refused or read */
        struct mesh m;
        int status = parse(square, n, &m);
        CHECK(status <= 0 && (status || m.point_count == 5));
        mesh_free(&m);
    }
}

static const char ascii[] =
    "ply\nformat ascii 1.0\ncomment made by hand\nobj_info none\nelement camera 1\n"
    "property list uchar float view\nproperty int id\nelement vertex 5\nproperty float x\n"
    "property uchar red\nproperty double y\nproperty float32 z\nelement face 2\nproperty uchar "
    "flags\nproperty list uint8 int32 vertex_indices\nproperty list uchar float texture\n"
    "end_header\n3 1 2 3 17\n0 9 0 0\n2 9 0 0\n2 9 2 0\n0 9 2 0\n0 9 0 1\n7 4 0 1 2 3 0\n7 3 0 1 4 "
    "2 0.5 0.5\n";

TEST(ply_ascii)
{
    struct mesh m;
    CHECK_EQ(parse(ascii, strlen(ascii), &m), 0);
    check_square(&m);
    mesh_free(&m);
    for (size_t n = 0; n < sizeof ascii - 1; n++) {
        int status = parse(ascii, n, &m);
        CHECK(status <= 0 && (status || m.point_count == 5));
        mesh_free(&m);
    }
}

static size_t append(char *to, size_t at, const void *from, size_t size)
{
    memcpy(to + at, from, size);
    return at + size;
}

/* The square in binary, of every width of number. */
static size_t make_binary(char *to)
{
    static const char head[] =
        "ply\r\nformat binary_little_endian 1.0\r\nelement vertex 5\r\nproperty double x\r\n"
        "property short y\r\nproperty ushort unused\r\nproperty char z\r\nelement face 2\r\n"
        "property list int uint vertex_index\r\nend_header\r\n";
    static const int16_t y[] = {0, 0, 2, 2, 0};
    static const double x[] = {0, 2, 2, 0, 0};
    static const int32_t faces[] = {4, 0, 1, 2, 3, 3, 0, 1, 4};
    size_t n = append(to, 0, head, strlen(head));
    for (int i = 0; i < 5; i++) {
        uint16_t unused = 0x0a0d;
        int8_t z = i == 4;
        n = append(to, n, &x[i], 8);
        n = append(to, n, &y[i], 2);
        n = append(to, n, &unused, 2);
        n = append(to, n, &z, 1);
    }
    return append(to, n, faces, sizeof faces);
}

TEST(ply_binary)
{
    char bytes[1024];
    struct mesh m;
    size_t size = make_binary(bytes);
    CHECK_EQ(parse(bytes, size, &m), 0);
    check_square(&m);
    mesh_free(&m);
    for (size_t n = 0; n < size; n++) {
        CHECK(parse(bytes, n, &m) < 0);
        mesh_free(&m);
    }
}

#define PLY    "ply\nformat ascii 1.0\n"
#define VERTEX "property float x\nproperty float y\nproperty float z\n"
TEST(damaged_ply)
{
    check_bad("ply\n", AF_BAD_FILE, "no end");
    check_bad("ply\nformat binary_big_endian 1.0\nend_header\n", AF_UNSUPPORTED, "big_endian");
    check_bad("ply\nelement vertex 1\n" VERTEX "end_header\n0 0 0\n", AF_BAD_FILE, "no format");
    check_bad(PLY "end_header\n", AF_BAD_FILE, "no points");
    check_bad(PLY "vertices 3\nend_header\n", AF_BAD_FILE, "'vertices' in a PLY header");
    check_bad(PLY "property float x\nend_header\n", AF_BAD_FILE, "before any element");
    check_bad(PLY "element vertex 99999999999\n" VERTEX "end_header\n", AF_BAD_FILE, "cannot be");
    check_bad(PLY "element vertex 1\nproperty float x\nproperty float y\nend_header\n0 0\n",
              AF_BAD_FILE, "without x, y and z");
    check_bad(PLY "element vertex 1\n" VERTEX "element vertex 1\n" VERTEX
                  "end_header\n0 0 0\n0 0 0",
              AF_BAD_FILE, "vertices twice");
    check_bad(PLY "element other 9\nend_header\n0 0 0\n0 0 0\n", AF_BAD_FILE, "without properties");
    check_bad(PLY "element vertex 1\nproperty quad x\nend_header\n0\n", AF_BAD_FILE, "'quad'");
    check_bad(PLY "element face 1\nproperty list uchar int vertex_index\nelement vertex 1\n" VERTEX
                  "end_header\n3 0 0 0\n0 0 0\n",
              AF_UNSUPPORTED, "faces before");
    check_bad(PLY "element vertex 1\n" VERTEX "element face 1\nproperty list int int vertex_index\n"
                  "end_header\n0 0 0\n2000000000 0 0\n",
              AF_BAD_FILE, "cannot be");
    check_bad(PLY "element vertex 1\n" VERTEX "end_header\n0 x 0\n", AF_BAD_FILE,
              "'x' is no number");
    char many[8192] = PLY;
    for (int i = 0; i < 20; i++)
        strcat(many, "element other 0\n");
    check_bad(strcat(many, "end_header\n"), AF_BAD_FILE, "more than 16 elements");
    strcpy(many, PLY "element vertex 1\n");
    for (int i = 0; i < 70; i++)
        strcat(many, "property float x\n");
    check_bad(strcat(many, "end_header\n"), AF_BAD_FILE, "more than 64 properties");
}

static bool same(const float *a, const float *b, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (a[i] < b[i] || a[i] > b[i])
            return false;
    return true;
}

/* ---- Sampling ------------------------------------------------------------------------------- */

enum { MANY = 4000 };

/* Mean 0 and farthest point at distance 1. */
static void check_normal(const float *v, int count)
{
    double farthest = 0;
    for (int k = 0; k < 3; k++) {
        double mean = 0;
        for (int i = 0; i < count; i++)
            mean += (double)v[k * count + i] / count;
        CHECK(fabs(mean) < 1e-5);
    }
    for (int i = 0; i < count; i++)
        farthest = fmax(farthest,
                        hypot(hypot((double)v[i], (double)v[count + i]), (double)v[2 * count + i]));
    CHECK(fabs(farthest - 1) < 1e-5);
}

TEST(surface)
{
    /* A wall of area 3 at x = 0 and one of area 1 at x = 10: three quarters of the points lie on
     * the first, evenly. */
    static const char walls[] = "OFF\n8 2 0\n0 0 0\n0 3 0\n0 3 1\n0 0 1\n10 0 0\n10 1 0\n10 1 1\n"
                                "10 0 1\n4 0 1 2 3\n4 4 5 6 7\n";
    static float v[3 * MANY], again[3 * MANY];
    struct mesh m;
    int near = 0, low = 0;
    CHECK_EQ(parse(walls, strlen(walls), &m), 0);
    CHECK_EQ(mesh_sample("x", &m, MANY, v), 0);
    CHECK_EQ(mesh_sample("x", &m, MANY, again), 0);
    CHECK(same(v, again, sizeof again / sizeof *again));
    check_normal(v, MANY);
    float least = v[MANY], most = v[MANY];
    for (int i = 0; i < MANY; i++) {
        near += v[i] < 0;
        least = fminf(least, v[MANY + i]);
        most = fmaxf(most, v[MANY + i]);
    }
    CHECK_EQ(near, MANY * 3 / 4);
    for (int i = 0; i < MANY; i++) /* the middle third of the large wall holds a third of it */
        low += v[i] < 0 && v[MANY + i] > least + (most - least) / 3 &&
               v[MANY + i] < least + (most - least) * 2 / 3;
    CHECK(abs(low - MANY / 4) < MANY / 40);
    mesh_free(&m);
}

TEST(points_alone)
{
    static const char three[] = "OFF\n3 0 0\n1 1 1\n3 1 1\n5 1 1\n";
    float v[3 * 6];
    struct mesh m;
    CHECK_EQ(parse(three, strlen(three), &m), 0);
    CHECK_EQ(mesh_sample("x", &m, 6, v), 0); /* each twice */
    static const float x[] = {-1, -1, 0, 0, 1, 1};
    for (int i = 0; i < 6; i++)
        CHECK(v[i] == x[i] && v[6 + i] == 0 && v[12 + i] == 0);
    CHECK_EQ(mesh_sample("x", &m, 1, v), 0);
    CHECK(v[0] == -1);
    mesh_free(&m);
    /* A degenerate surface has points, too. */
    static const char line[] = "OFF\n3 1 0\n0 0 0\n1 0 0\n2 0 0\n3 0 1 2\n";
    CHECK_EQ(parse(line, strlen(line), &m), 0);
    CHECK_EQ(mesh_sample("x", &m, 3, v), 0);
    CHECK(v[0] == -1 && v[1] == 0 && v[2] == 1);
    mesh_free(&m);
    static const char one[] = "OFF\n2 0 0\n7 7 7\n7 7 7\n";
    CHECK_EQ(parse(one, strlen(one), &m), 0);
    CHECK_EQ(mesh_sample("one", &m, 3, v), AF_BAD_FILE);
    CHECK_ERROR("one: all points are one");
    mesh_free(&m);
}

/* ---- As samples ----------------------------------------------------------------------------- */

static const struct input_spec points = {.channels = 3, .height = 2, .width = 1};

static int drain(const char *path, const struct input_spec *spec, float last[6])
{
    struct input *in;
    struct sample s;
    int count = 0, status = input_open(&in, &path, 1, spec);
    if (status)
        return status;
    while ((status = input_next(in, &s)) > 0) {
        CHECK_EQ(s.type, DTYPE_F32);
        if (s.data && last)
            memcpy(last, s.data, 6 * sizeof *last);
        count++;
    }
    input_close(in);
    return status ? status : count;
}

static const char *put_npy(const char *name, const char *type, const char *shape, const void *data,
                           size_t size)
{
    char bytes[1024] = "\x93NUMPY\x01\x00\x76";
    int n = snprintf(bytes + 10, 118, "{'descr': '%s', 'fortran_order': False, 'shape': (%s), }",
                     type, shape);
    memset(bytes + 10 + n, ' ', (size_t)(118 - n));
    bytes[127] = '\n';
    memcpy(bytes + 128, data, size);
    return put(name, bytes, 128 + size);
}

TEST(as_samples)
{
    static const char two[] = "OFF\n2 0 0\n0 0 0\n0 4 0\n";
    static const float y[6] = {0, 0, -1, 1, 0, 0};
    static const double cloud[2][2][3] = {{{5, 1, 5}, {5, 2, 5}}, {{0, 0, 0}, {0, 9, 0}}};
    float v[6];
    CHECK_EQ(drain(put("a.off", two, strlen(two)), &points, v), 1);
    CHECK(same(v, y, sizeof y / sizeof *y));
    CHECK_EQ(drain(put("noname", two, strlen(two)), &points, NULL), 1);
    CHECK_EQ(drain(put_npy("one.npy", "<f8", "2, 3", cloud, 48), &points, v), 1);
    CHECK(same(v, y, sizeof y / sizeof *y));
    CHECK_EQ(drain(put_npy("two.npy", "<f8", "2, 2, 3", cloud, 96), &points, v), 2);
    CHECK(same(v, y, sizeof y / sizeof *y));
    CHECK_EQ(drain(put_npy("cut.npy", "<f8", "2, 2, 3", cloud, 90), &points, v), AF_BAD_FILE);
    CHECK_EQ(drain(put_npy("none.npy", "<f8", "2, 0, 3", cloud, 0), &points, v), AF_BAD_FILE);
    CHECK_ERROR("none.npy: holds no points");
    static const float bad[2][3] = {{0, NAN, 0}, {1, 1, 1}};
    CHECK_EQ(drain(put_npy("nan.npy", "<f4", "2, 3", bad, 24), &points, v), AF_BAD_FILE);
    CHECK_ERROR("point 0 has the coordinate");
    /* What already has the network's shape is left alone. */
    static const float ready[6] = {1, 2, 3, 4, 5, 6};
    CHECK_EQ(drain(put_npy("ready.npy", "<f4", "1, 3, 2", ready, 24), &points, v), 1);
    CHECK(same(v, ready, sizeof ready / sizeof *ready));
    const struct input_spec pictures = {.channels = 3, .height = 2, .width = 2};
    CHECK_EQ(drain(put("b.off", two, strlen(two)), &pictures, NULL), AF_BAD_FILE);
    CHECK_ERROR("points in space, but the model takes 3x2x2");
}

TEST(folders)
{
    static const char two[] = "OFF\n2 0 0\n0 0 0\n0 4 0\n";
    char path[128];
    struct input *in;
    struct sample s;
    snprintf(path, sizeof path, "%s/set", folder);
    mkdir(path, 0777);
    const char *set = path;
    CHECK_EQ(input_open(&in, &set, 1, &points), AF_BAD_FILE);
    CHECK_ERROR("holds no OFF or PLY meshes");
    char inner[160];
    snprintf(inner, sizeof inner, "%s/chair", path);
    mkdir(inner, 0777);
    snprintf(inner, sizeof inner, "%s/bed", path);
    mkdir(inner, 0777);
    put("set/chair/1.OFF", two, strlen(two));
    put("set/chair/2.off", two, strlen(two));
    put("set/bed/7.ply", ascii, strlen(ascii));
    put("set/bed/readme.txt", "?", 1);
    CHECK_EQ(input_open(&in, &set, 1, &points), 0);
    CHECK_EQ(input_count(in), 3);
    for (int i = 0; i < 3; i++) {
        CHECK_EQ(input_next(in, &s), 1);
        CHECK_EQ(s.label, i > 0);
    }
    CHECK_EQ(input_next(in, &s), 0);
    input_close(in);
}

int main(void)
{
    if (!mkdtemp(folder))
        abort();
    RUN(off);
    RUN(damaged_off);
    RUN(ply_ascii);
    RUN(ply_binary);
    RUN(damaged_ply);
    RUN(surface);
    RUN(points_alone);
    RUN(as_samples);
    RUN(folders);
    char command[64];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    if (system(command)) /* NOLINT(bugprone-command-processor): a folder of our own making */
        abort();
    return test_end();
}
