/* Recordings of event cameras in every format: read, cut anywhere, damaged; and real ones. */
#include "test.h"

#include "adafire.h"
#include "base/file.h"
#include "base/hash.h"
#include "made_recordings.h"
#include "recording/apart.h"
#include "recording/recording.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#ifdef ADAFIRE_HDF5
#include <hdf5.h>
#endif

static char folder[] = "/tmp/adafire-recording-XXXXXX";

/* A path in the folder; good for the next 7 calls. */
static const char *in_folder(const char *name)
{
    static char path[8][160];
    static int at;
    char *p = path[at++ % 8];
    snprintf(p, sizeof path[0], "%s/%s", folder, name);
    return p;
}

static const char *put(const char *name, const void *data, size_t size)
{
    const char *path = in_folder(name);
    unlink(path); /* some file systems wait for the disk where a file is written over */
    FILE *f = fopen(path, "wb");
    if (!f || (size && fwrite(data, 1, size, f) != size) || fclose(f))
        abort();
    return path;
}

static const char *put_made(const char *name, const struct made *f)
{
    return put(name, f->b, f->n);
}

struct all {
    struct af_camera_event *event;
    int64_t count, room;
    struct recording_about about;
    struct texts notes;
};

/* Everything in the file, in blocks of `room`; the status. */
static int read_all(const char *path, int room, struct all *a)
{
    struct recording *r;
    int n = 1;
    *a = (struct all){0};
    int status = recording_open(&r, path);
    CHECK(!status == (r != NULL));
    struct af_camera_event *block = malloc((size_t)room * sizeof *block);
    while (!status && n) {
        status = recording_next(r, block, room, &n);
        CHECK(n >= 0 && n <= room);
        if (a->count + n > a->room) {
            a->room = 2 * (a->count + n);
            a->event = realloc(a->event, (size_t)a->room * sizeof *a->event);
        }
        if (n && !status)
            memcpy(a->event + a->count, block, (size_t)n * sizeof *block);
        a->count += status ? 0 : n;
    }
    if (!status) {
        a->about = *recording_about(r);
        CHECK_EQ(recording_notes(r, true, &a->notes), 0);
    }
    free(block);
    recording_close(r);
    return status;
}

static void free_all(struct all *a)
{
    free(a->event);
    texts_free(&a->notes);
}

static bool same(const struct af_camera_event *a, const struct af_camera_event *b)
{
    return a->x == b->x && a->y == b->y && a->polarity == b->polarity && a->t == b->t;
}

/* Times of floats that count from 1970 keep a quarter of a microsecond. */
static int64_t epoch_of(const char *name)
{
    return strcmp(name, "columns.npy") == 0 ? 1700000000000000 : 0;
}

static bool begins(const struct all *a, const struct making *m, int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        struct af_camera_event e = made_event[i];
        e.t += epoch_of(m->name);
        if (!same(&a->event[i], &e))
            return false;
    }
    return true;
}

static bool noted(const struct all *a, const char *text)
{
    for (int i = 0; i < a->notes.count; i++)
        if (strstr(a->notes.text[i], text))
            return true;
    return false;
}

/* One path in any format, expected to hold what was made. */
static void check_made(const char *path, const char *format, int64_t count)
{
    struct all a;
    const int status = read_all(path, 64, &a);
    CHECK_EQ(status, 0);
    if (status)
        printf("%s\n", af_error());
    CHECK_EQ(a.count, count);
    CHECK(!status && strncmp(a.about.format, format, strlen(format)) == 0);
    for (int64_t i = 0; i < a.count && i < MADE_EVENTS; i++)
        if (!same(&a.event[i], &made_event[i])) {
            printf("%s: event %lld is %d %d %d %lld\n", path, (long long)i, a.event[i].x,
                   a.event[i].y, a.event[i].polarity, (long long)a.event[i].t);
            CHECK(0);
            break;
        }
    free_all(&a);
}

TEST(formats)
{
    for (int i = 0; i < making_count; i++) {
        const struct making *m = &makings[i];
        struct made f = {0};
        m->make(&f);
        const char *path = put_made(m->name, &f);
        for (int room = RECORDING_ROOM; room < 1000; room += room == 32 ? 1 : 900) {
            struct all a;
            const int status = read_all(path, room, &a);
            CHECK_EQ(status, 0);
            CHECK_EQ(a.count, MADE_EVENTS);
            CHECK(a.count == MADE_EVENTS && begins(&a, m, MADE_EVENTS));
            CHECK(strcmp(a.about.format, m->format) == 0);
            CHECK_EQ(a.about.width, m->width);
            CHECK_EQ(a.about.height, m->height);
            const bool said = strcmp(m->name, "packets.aedat") == 0 ||
                              strcmp(m->name, "bare3") == 0 || strcmp(m->name, "columns.npy") == 0;
            CHECK_EQ(a.notes.count, said);
            if (status || a.notes.count != said)
                printf("  %s: %s, %d notes (%s), %s\n", m->name, a.about.format, a.notes.count,
                       a.notes.count ? a.notes.text[a.notes.count - 1] : "",
                       status ? af_error() : "");
            free_all(&a);
        }
        CHECK(recording_is(path));
        made_free(&f);
    }
    struct all a;
    CHECK_EQ(read_all(in_folder("packets.aedat"), 100, &a), 0);
    CHECK(noted(&a, "5 events marked as invalid are left out"));
    free_all(&a);
    CHECK_EQ(read_all(in_folder("bare3"), 100, &a), 0);
    CHECK(noted(&a, "3 events before the first time are left out"));
    free_all(&a);
    CHECK_EQ(read_all(in_folder("columns.npy"), 100, &a), 0);
    CHECK(noted(&a, "times have fractions: they are seconds"));
    free_all(&a);
}

/* Content says what a file is, whatever its name. */
TEST(names)
{
    for (int i = 0; i < making_count; i++) {
        struct made f = {0};
        if (epoch_of(makings[i].name))
            continue;
        makings[i].make(&f);
        check_made(put_made("nameless", &f), makings[i].format, MADE_EVENTS);
        made_free(&f);
    }
    CHECK(!recording_is(put("nameless", "hello, world\n", 13)));
    CHECK(!recording_is(put("nameless", "\x89PNG\r\n\x1a\n", 8)));
    CHECK(!recording_is(put("nameless", "", 0)));
    struct recording *r;
    CHECK_EQ(recording_open(&r, in_folder("nameless")), AF_BAD_FILE);
    CHECK_ERROR("the file is empty");
    CHECK_EQ(recording_open(&r, in_folder("absent")), AF_IO);
    CHECK_ERROR("absent: No such file");
    CHECK_EQ(recording_open(&r, put("nameless", "hello, world\n", 13)), AF_BAD_FILE);
    CHECK_ERROR("not a recording that is read");
    CHECK_EQ(recording_open(&r, folder), AF_IO);
    recording_close(NULL);
}

TEST(gzip)
{
    for (int i = 0; i < making_count; i++) {
        struct made f = {0};
        if (epoch_of(makings[i].name) || strstr(makings[i].name, ".npz"))
            continue;
        makings[i].make(&f);
        const char *path = in_folder("packed.bin");
        gzFile gz = gzopen(path, "wb");
        if (!gz || gzwrite(gz, f.b, (unsigned)f.n) != (int)f.n || gzclose(gz))
            abort();
        check_made(path, makings[i].format, MADE_EVENTS);
        made_free(&f);
    }
    /* One that begins as gzip files do, and is none: x 31, y 139, and 8 << 16 us. */
    struct all a;
    static const unsigned char begin[10] = {0x1f, 0x8b, 8, 0, 0, 1, 2, 8, 0, 1};
    CHECK_EQ(read_all(put("00002.bin", begin, sizeof begin), 64, &a), 0);
    CHECK(a.count == 2 && a.event[0].x == 31 && a.event[0].y == 139);
    free_all(&a);
}

/* Reads the first `n` bytes: 1 for events, 2 for events and no word, 0 for a sentence, -1 for
 * neither. */
static int read_cut(const struct making *m, const struct made *f, size_t n)
{
    struct all a;
    const int status = read_all(put(m->name, f->b, n), 256, &a);
    const bool silent = !a.notes.count && a.count < MADE_EVENTS;
    const int64_t sure = a.count - noted(&a, "it may be cut off");
    const bool good = status ? status < 0 && strstr(af_error(), m->name)
                             : a.count <= MADE_EVENTS && begins(&a, m, sure);
    if (!good)
        printf("%s cut to %zu of %zu: %d %s, %lld events\n", m->name, n, f->n, status, af_error(),
               (long long)a.count);
    free_all(&a);
    return !good ? -1 : status ? 0 : 1 + silent;
}

TEST(cut)
{
    for (int i = 0; i < making_count; i++) {
        const struct making *m = &makings[i];
        struct made f = {0};
        int read = 0, silent = 0, wrong = 0;
        m->make(&f);
        for (size_t n = 1; n < f.n; n += n < 300 || n + 100 > f.n ? 1 : 61) {
            const int what = read_cut(m, &f, n);
            read += what > 0;
            silent += what == 2;
            wrong += what < 0;
        }
        CHECK_EQ(wrong, 0);
        CHECK(m->whole ? strstr(m->name, ".bin") || !read : read > 100);
        /* Between two events nobody can know. */
        CHECK(m->whole || silent * 2 <= read);
        if (!m->whole && (silent * 2 > read || read <= 100))
            printf("  %s: %d read, %d of them silent\n", m->name, read, silent);
        made_free(&f);
    }
}

/* Whatever is changed, there are events or a sentence. */
TEST(damage)
{
    enum { TIMES = 120 };
    uint32_t r = 7;
    for (int i = 0; i < making_count; i++) {
        struct made f = {0};
        makings[i].make(&f);
        for (int k = 0; k < TIMES; k++) {
            unsigned char *b = malloc(f.n);
            struct all a;
            memcpy(b, f.b, f.n);
            for (int changes = 1 + k % 4; changes > 0; changes--) {
                r = r * 1664525 + 1013904223;
                const size_t at = (r >> 4) % (k % 2 && f.n > 300 ? 300 : f.n);
                r = r * 1664525 + 1013904223;
                b[at] = (unsigned char)(r >> 13);
            }
            const int status = read_all(put(makings[i].name, b, f.n), 97, &a);
            CHECK(status <= 0 && (!status || *af_error()));
            free_all(&a);
            free(b);
        }
        made_free(&f);
    }
}

/* ---- AEDAT ----------------------------------------------------------------------------------- */

TEST(aedat4_packings)
{
    static const char *const names[] = {"plain", "LZ4", NULL, "Zstd"};
    for (int packing = 0; packing < 4; packing += packing ? 2 : 1) {
        struct made f = {0};
        if (!made_aedat4(&f, packing, 1)) {
            struct recording *r;
            CHECK_EQ(recording_open(&r, put_made("x.aedat4", &f)), AF_UNSUPPORTED);
            CHECK_ERROR(names[packing]);
            SKIP("AEDAT 4 packed with LZ4 or Zstd: this build is without it");
        } else {
            check_made(put_made("x.aedat4", &f), "AEDAT 4", MADE_EVENTS);
            for (size_t n = 1000; n < f.n; n += 7) { /* behind the header */
                struct all a;
                CHECK_EQ(read_all(put("x.aedat4", f.b, n), 100, &a), 0);
                CHECK(a.count % 80 == 0 && a.count < MADE_EVENTS);
                free_all(&a);
            }
            for (size_t at = f.n - 60; packing && at < f.n - 40; at++) {
                struct all a;
                f.b[at] ^= 0x55;
                const int status = read_all(put_made("x.aedat4", &f), 100, &a);
                CHECK(status == 0 || status == AF_BAD_FILE);
                free_all(&a);
            }
        }
        made_free(&f);
    }
    /* Of two streams the first is read; without a description, all. */
    struct made two = {0}, none = {0};
    struct all a;
    made_aedat4(&two, 0, 2);
    CHECK_EQ(read_all(put_made("x.aedat4", &two), 100, &a), 0);
    CHECK_EQ(a.count, MADE_EVENTS);
    CHECK_EQ(a.about.width, MADE_WIDTH);
    CHECK(noted(&a, "stream 1 of events is left out, stream 0 is read"));
    free_all(&a);
    made_free(&two);
    made_free(&none);
}

TEST(aedat4_damage)
{
    static const struct {
        int at; /* behind the first line */
        unsigned char byte;
        int status;
        const char *text;
    } changes[] = {
        {3, 0x7f, AF_BAD_FILE, "header of"},        {3, 1, AF_BAD_FILE, "header of"},
        {8, 'X', AF_BAD_FILE, "header is damaged"}, {7, 255, AF_BAD_FILE, "header is damaged"},
        {28, 9, AF_UNSUPPORTED, "packed in way 9"},
    };
    struct made f = {0};
    struct all a;
    made_aedat4(&f, 0, 1);
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        unsigned char *b = f.b + 14 + changes[i].at, keep = *b;
        *b = changes[i].byte;
        CHECK_EQ(read_all(put_made("x.aedat4", &f), 100, &a), changes[i].status);
        CHECK_ERROR(changes[i].text);
        CHECK_ERROR("x.aedat4: ");
        free_all(&a);
        *b = keep;
    }
    /* More events than the packet holds, a packet of no size. */
    unsigned char *vector = memmem(f.b, f.n, "EVTS\6\0\10\0", 8);
    CHECK(vector != NULL);
    if (vector) {
        vector[24]++;
        CHECK_EQ(read_all(put_made("x.aedat4", &f), 100, &a), AF_BAD_FILE);
        CHECK_ERROR("packet 1 is damaged");
        free_all(&a);
        vector[24]--;
        memset(vector - 12, 0, 4);
        CHECK_EQ(read_all(put_made("x.aedat4", &f), 100, &a), AF_BAD_FILE);
        CHECK_ERROR("packet 1 is damaged");
        free_all(&a);
    }
    made_free(&f);
}

TEST(clocks)
{
    struct made f = {0};
    struct all a;
    /* AEDAT 2: 32 bits with a sign run over; a clock that is set back does not. */
    made_text(&f, "#!AER-DAT2.0\r\n# AEChip: DVS128\r\n");
    static const uint32_t times[] = {0x7ffffff0, 0x80000010, 0xfffffff0, 5, 1};
    for (int i = 0; i < 5; i++) {
        made_number(&f, 2, 4, true);
        made_number(&f, times[i], 4, true);
    }
    CHECK_EQ(read_all(put_made("t.aedat", &f), 32, &a), 0);
    CHECK(a.count == 5 && a.event[1].t - a.event[0].t == 32 && a.event[3].t - a.event[2].t == 21);
    CHECK(noted(&a, "runs backwards 1 time (first at event 4)"));
    free_all(&a);
    made_free(&f);
    /* DAT: 32 bits. */
    made_text(&f, "%% Version 2\n");
    made_add(&f, "\0\10", 2);
    for (int i = 0; i < 5; i++) {
        made_number(&f, times[i], 4, false);
        made_number(&f, 0, 4, false);
    }
    CHECK_EQ(read_all(put_made("t.dat", &f), 32, &a), 0);
    CHECK(a.count == 5 && a.event[1].t - a.event[0].t == 32 && a.event[3].t - a.event[2].t == 21);
    free_all(&a);
    made_free(&f);
    /* EVT2: 34 bits; EVT3: 24. */
    made_text(&f, "%% evt 2.0\n%% end\n");
    static const uint32_t words[] = {0x8fffffff, 0x10000000, 0x80000000, 0x10400000};
    for (int i = 0; i < 4; i++)
        made_number(&f, words[i], 4, false);
    CHECK_EQ(read_all(put_made("t.raw", &f), 32, &a), 0);
    CHECK(a.count == 2 && a.event[0].t == 0x3ffffffc0 && a.event[1].t == 0x400000001);
    free_all(&a);
    made_free(&f);
    made_text(&f, "%% evt 3.0\n%% end\n");
    static const uint16_t halves[] = {0x8fff, 0x6ffe, 0x2001, 0x8ffe, 0x2002, 0x8fff,
                                      0x8000, 0x2003, 0x6001, 0x2004, 0x1000, 0x9000};
    for (int i = 0; i < 12; i++)
        made_number(&f, halves[i], 2, false);
    CHECK_EQ(read_all(put_made("t.raw", &f), 32, &a), 0);
    CHECK_EQ(a.count, 4);
    if (a.count == 4)
        CHECK(a.event[0].t == 0xfffffe && a.event[1].t == 0xffe000 && a.event[2].t == 0x1000000 &&
              a.event[3].t == 0x1000001);
    CHECK(noted(&a, "2 words of unknown types are left out"));
    CHECK(noted(&a, "backwards 1 time (first at event 1)"));
    free_all(&a);
    made_free(&f);
}

TEST(refusals)
{
    static const struct {
        const char *bytes;
        size_t size;
        int status;
        const char *text;
    } files[] = {
        {"Event Stream\1\0\0\1\0\0\0\0", 20, AF_UNSUPPORTED, "ES version 1.0"},
        {"Event Stream\2\0\0\2\0\0\0\0", 20, AF_UNSUPPORTED, "of type 2"},
        {"Event Stream\2\0\0", 15, AF_BAD_FILE, "header is cut off"},
        {"#!AER-DAT3.1\r\n#Format: PNG\r\n#!END-HEADER\r\n", 43, AF_UNSUPPORTED, "RAW is read"},
        {"#!AER-DAT3.1\r\n#Format: RAW\r\n", 28, AF_BAD_FILE, "has no end"},
        {"#!AER-DAT3.1\r\n#!END-HEADER\r\n\1\0\1\0\7\0\0\0\4\0\0\0\0\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0",
         57, AF_BAD_FILE, "packet 0 is damaged"},
        {"#!AER-DAT4.0\r\n", 14, AF_BAD_FILE, "header is damaged"},
        {"% Version 2\n\16\10", 14, AF_UNSUPPORTED, "of type 14"},
        {"% format EVT3;endianness=big\n% end\n", 35, AF_UNSUPPORTED, "big-endian"},
        {"0.1 1 2 1\n0.2 1 2 x\n0.3 1 2 1\n", 30, AF_BAD_FILE, "line 2 is no event"},
        {"0.1 1 2 1\n0.2 1 2.5 1\n", 22, AF_BAD_FILE, "event 1 has the y 2.5, which is no whole"},
        {"0.1 1 2 1\n0.2 1 -2 1\n", 21, AF_BAD_FILE, "event 1 has the y -2, which is out"},
        {"\x89HDF\r\n\x1a\n damaged", 16, 0, ""},
    };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        struct all a;
        const int status = read_all(put("bad", files[i].bytes, files[i].size), 32, &a);
        CHECK(files[i].status ? status == files[i].status : status < 0);
        CHECK_ERROR(files[i].text);
        CHECK_ERROR("bad: ");
        if (test_broken)
            printf("  %.20s: %d %s\n", files[i].bytes, status, af_error());
        free_all(&a);
    }
    /* Two bytes short of an event, and a header alone. */
    struct all a;
    CHECK_EQ(read_all(put("bad", "% evt 3.0\n% end\n", 16), 32, &a), 0);
    CHECK(a.count == 0 && !a.notes.count);
    free_all(&a);
}

/* ---- Tables ---------------------------------------------------------------------------------- */

static void check_rows(const char *descr, const char *shape, const void *data, size_t size,
                       int status, const char *text, const struct af_camera_event *wanted,
                       int count)
{
    struct made f = {0};
    struct all a;
    made_npy(&f, descr, false, shape, data, size);
    CHECK_EQ(read_all(put_made("rows.npy", &f), 32, &a), status);
    if (status)
        CHECK_ERROR(text);
    else
        CHECK(strcmp(a.about.format, text) == 0);
    CHECK_EQ(a.count, count);
    for (int i = 0; i < count && a.count == count; i++)
        CHECK(same(&a.event[i], &wanted[i]));
    if (test_broken)
        printf("  %s %s: %s\n", descr, shape, status ? af_error() : a.about.format);
    free_all(&a);
    made_free(&f);
}

TEST(tables)
{
    const struct af_camera_event two[] = {{3, 4, 1, 50}, {1, 2, 0, 70}};
    check_rows("'<i4'", "(2, 4)", (int32_t[]){3, 4, 1, 50, 1, 2, 0, 70}, 32, 0,
               "npy, columns x, y, p, t", two, 2);
    check_rows("'<i4'", "(2, 4)", (int32_t[]){50, 3, 4, 1, 70, 1, 2, 0}, 32, 0,
               "npy, columns t, x, y, p", two, 2);
    check_rows("'<i8'", "(2, 4)", (int64_t[]){3, 4, 50, 1, 1, 2, 70, -1}, 64, 0,
               "npy, columns x, y, t, p", two, 2);
    check_rows("'<f4'", "(2, 4)", (float[]){50, 1, 3, 4, 70, 0, 1, 2}, 32, 0,
               "npy, columns t, p, x, y", two, 2);
    /* The first order that fits; and its fault, if none does. */
    const struct af_camera_event one = {1, 0, 1, 1};
    check_rows("'|u1'", "(1, 4)", (uint8_t[]){1, 0, 1, 1}, 4, 0, "npy, columns x, y, p, t", &one,
               1);
    check_rows("'<i2'", "(2, 4)", (int16_t[]){3, 4, 1, 50, 1, 2, -7, 9}, 16, AF_BAD_FILE,
               "event 1 has the polarity -7, which is out of range", NULL, 0);
    check_rows("'<i2'", "(2, 4)", (int16_t[]){3, 4, 0, 50, 1, 2, -1, 9}, 16, AF_BAD_FILE,
               "event 1 has the polarity -1, where others have 0", NULL, 0);
    check_rows("'<i2'", "(2, 4)", (int16_t[]){3, 4, -1, 50, 1, 2, 0, 9}, 16, AF_BAD_FILE,
               "event 1 has the polarity 0, where others have -1", NULL, 0);
    const double nan = __builtin_nan("");
    check_rows("'<f8'", "(1, 4)", (double[]){3, 4, 1, nan}, 32, AF_BAD_FILE, "has the time nan",
               NULL, 0);
    check_rows("'<f8'", "(1, 4)", (double[]){3, 4, 1, 1e300}, 32, AF_BAD_FILE, "out of range", NULL,
               0);
    check_rows("'<u8'", "(1, 4)", (uint64_t[]){3, 4, 1, UINT64_MAX}, 32, AF_BAD_FILE,
               "event 0 has the time 9223372036854775807", NULL, 0);
    /* No tables. */
    check_rows("'<i4'", "(2, 3)", (int32_t[6]){0}, 24, AF_BAD_FILE, "no table of events", NULL, 0);
    check_rows("'|b1'", "(2, 4)", (char[8]){0}, 8, AF_BAD_FILE, "no table of events", NULL, 0);
    check_rows("[('x', '<i4'), ('y', '<i4'), ('t', '<i4')]", "(1,)", (int32_t[3]){0}, 12,
               AF_BAD_FILE, "no table of events", NULL, 0);
    check_rows("[('x', '<i4', (2,))]", "(1,)", (int32_t[2]){0}, 8, AF_UNSUPPORTED,
               "fields that are arrays", NULL, 0);
    check_rows("[('x', '<U4')]", "(1,)", (int32_t[4]){0}, 16, AF_UNSUPPORTED, "'<U4'", NULL, 0);
    check_rows("[]", "(1,)", "", 0, AF_BAD_FILE, "header is damaged", NULL, 0);
    check_rows("'<i4'", "(2, 4)", (int32_t[7]){0}, 28, AF_BAD_FILE, "truncated: 28 bytes", NULL, 0);
}

TEST(numbers)
{
    static const char text[] = "# every way to write them\n"
                               "1.0e-1 +3 4.0 1\n0.2,3e0;4\t 1.\n.3 30E-1 0.4e1 1\n"
                               "400000e-6 3.000000000000000000e+00 4 1.00000000000000000000000000\n"
                               "1600000000.000001 3 4 1\n";
    static const int64_t times[] = {100000, 200000, 300000, 400000, 1600000000000001};
    static const char *const bad[] = {"1 2 3 1e",    "1 2 3 0x1", "1 2 3 1e999",
                                      "1 2 3 .",     "1 2 3 inf", "1 2 3 -",
                                      "1 2 3 1.1.1", "1 2 3 4 5", "1 2 3"};
    struct all a;
    CHECK_EQ(read_all(put("n.txt", text, sizeof text - 1), 32, &a), 0);
    CHECK_EQ(a.count, 5);
    for (int i = 0; i < a.count; i++)
        CHECK(same(&a.event[i], &(struct af_camera_event){3, 4, 1, times[i]}));
    free_all(&a);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char line[80];
        snprintf(line, sizeof line, "0 1 2 1\n%s\n0 1 2 1\n", bad[i]);
        CHECK_EQ(read_all(put("n.txt", line, strlen(line)), 32, &a), AF_BAD_FILE);
        CHECK_ERROR("line 2 is no event of four numbers");
        free_all(&a);
    }
}

TEST(archives)
{
    struct made rows = {0}, column = {0}, other = {0}, f = {0};
    struct all a;
    made_npy(&rows, "'<i4'", false, "(1, 4)", (int32_t[]){3, 4, 1, 50}, 16);
    made_npy(&column, "'<i4'", false, "(2,)", (int32_t[]){3, 4}, 8);
    made_npy(&other, "'<i4'", false, "(1,)", (int32_t[]){1}, 4);
    struct made_zip z = {.file = &f};
    made_zip_add(&z, "label.npy", &other);
    made_zip_add(&z, "events.npy", &rows);
    made_zip_end(&z);
    CHECK_EQ(read_all(put_made("a.npz", &f), 32, &a), 0);
    CHECK(a.count == 1 && a.event[0].y == 4 &&
          strcmp(a.about.format, "npz, columns x, y, p, t") == 0);
    CHECK(!recording_is_archive(in_folder("a.npz")));
    free_all(&a);
    made_free(&f);
    z = (struct made_zip){.file = &f};
    made_zip_add(&z, "x.npy", &column);
    made_zip_add(&z, "y.npy", &column);
    made_zip_add(&z, "p.npy", &other);
    made_zip_add(&z, "timestamp.npy", &column);
    made_zip_end(&z);
    CHECK_EQ(read_all(put_made("a.npz", &f), 32, &a), AF_BAD_FILE);
    CHECK_ERROR("p.npy has 1 numbers, x.npy 2");
    CHECK(recording_is_archive(in_folder("a.npz")));
    free_all(&a);
    made_free(&f);
    z = (struct made_zip){.file = &f};
    made_zip_add(&z, "x.npy", &column);
    made_zip_end(&z);
    CHECK_EQ(read_all(put_made("a.npz", &f), 32, &a), AF_BAD_FILE);
    CHECK_ERROR("no array in it is a table of events");
    free_all(&a);
    made_free(&f);
    made_free(&rows);
    made_free(&column);
    made_free(&other);
}

/* A reader in a process of its own that falls, gives up, or has a word to say. */
static int open_falling(struct recording **r, const char *path)
{
    (void)r;
    raise(path[0] == 's' ? SIGSEGV : SIGABRT);
    return AF_OK;
}

static int open_ending(struct recording **r, const char *path)
{
    (void)r;
    (void)path;
    _exit(3);
}

static int open_absent(struct recording **r, const char *path)
{
    return recording_open(r, path);
}

TEST(apart)
{
    struct recording *r;
    CHECK_EQ(apart_open(&r, "s.h5", "libx", open_falling), AF_BAD_FILE);
    CHECK_ERROR("s.h5: the file is damaged: libx fell over it (Segmentation fault)");
    CHECK(!r);
    CHECK_EQ(apart_open(&r, "a.h5", "libx", open_falling), AF_BAD_FILE);
    CHECK_ERROR("(Aborted)");
    CHECK_EQ(apart_open(&r, "a.h5", "libx", open_ending), AF_BAD_FILE);
    CHECK_ERROR("it gave up");
    CHECK_EQ(apart_open(&r, "/absent.h5", "libx", open_absent), AF_IO);
    CHECK_ERROR("/absent.h5: No such file");
    /* What it reads and says arrives; closed early it is gone. */
    struct made f = {0};
    struct af_camera_event block[100];
    struct texts notes = {0};
    int n = 1, count = 0;
    makings[2].make(&f);
    CHECK_EQ(apart_open(&r, put_made("x.aedat", &f), "libx", open_absent), 0);
    CHECK_EQ(recording_about(r)->width, 240);
    while (n && recording_next(r, block, 77, &n) == 0) {
        for (int i = 0; i < n; i++)
            CHECK(same(&block[i], &made_event[count + i]));
        count += n;
    }
    CHECK_EQ(count, MADE_EVENTS);
    CHECK_EQ(recording_notes(r, true, &notes), 0);
    texts_free(&notes);
    recording_close(r);
    CHECK_EQ(apart_open(&r, in_folder("x.aedat"), "libx", open_absent), 0);
    recording_close(r);
    CHECK_EQ(waitpid(-1, NULL, WNOHANG), -1); /* no child is left */
    made_free(&f);
}

#ifdef ADAFIRE_HDF5
static void put_set(hid_t at, const char *name, int columns, hid_t type, const void *data)
{
    const hsize_t dim[2] = {MADE_EVENTS, (hsize_t)columns};
    hid_t space = H5Screate_simple(columns > 1 ? 2 : 1, dim, NULL);
    hid_t set = H5Dcreate2(at, name, type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    if (H5Dwrite(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, data) < 0)
        abort();
    H5Dclose(set);
    H5Sclose(space);
}

static hid_t create(const char *path)
{
    return H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
}

TEST(hdf5)
{
    int64_t t[MADE_EVENTS], rows[MADE_EVENTS][4];
    double seconds[MADE_EVENTS];
    uint16_t x[MADE_EVENTS], y[MADE_EVENTS];
    signed char p[MADE_EVENTS], on[MADE_EVENTS];
    struct record {
        uint16_t x, y;
        int16_t p;
        int64_t t;
    } records[MADE_EVENTS];
    for (int i = 0; i < MADE_EVENTS; i++) {
        const struct af_camera_event *e = &made_event[i];
        t[i] = e->t - 500;
        seconds[i] = 1e-6 * (double)e->t;
        x[i] = e->x;
        y[i] = e->y;
        p[i] = e->polarity ? 1 : -1;
        on[i] = e->polarity != 0;
        records[i] = (struct record){e->x, e->y, (int16_t)e->polarity, e->t};
        memcpy(rows[i], (int64_t[]){e->t, e->x, e->y, e->polarity}, sizeof rows[i]);
    }
    /* DSEC, with an offset. */
    const char *path = in_folder("dsec.h5");
    hid_t f = create(path), group = H5Gcreate2(f, "events", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    put_set(group, "x", 1, H5T_NATIVE_USHORT, x);
    put_set(group, "y", 1, H5T_NATIVE_USHORT, y);
    put_set(group, "p", 1, H5T_NATIVE_SCHAR, p);
    put_set(group, "t", 1, H5T_NATIVE_INT64, t);
    H5Gclose(group);
    hid_t scalar = H5Screate(H5S_SCALAR);
    hid_t set =
        H5Dcreate2(f, "t_offset", H5T_NATIVE_INT64, scalar, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    H5Dwrite(set, H5T_NATIVE_INT64, H5S_ALL, H5S_ALL, H5P_DEFAULT, &(int64_t){500});
    H5Dclose(set);
    H5Fclose(f);
    check_made(path, "HDF5", MADE_EVENTS);
    /* Columns of seconds and booleans, as Python's writer has them. */
    path = in_folder("tonic.h5");
    f = create(path);
    group = H5Gcreate2(f, "events", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    hid_t boolean = H5Tenum_create(H5T_NATIVE_SCHAR);
    H5Tenum_insert(boolean, "FALSE", &(signed char){0});
    H5Tenum_insert(boolean, "TRUE", &(signed char){1});
    put_set(group, "xs", 1, H5T_NATIVE_USHORT, x);
    put_set(group, "ys", 1, H5T_NATIVE_USHORT, y);
    put_set(group, "ps", 1, boolean, on);
    put_set(group, "ts", 1, H5T_NATIVE_DOUBLE, seconds);
    H5Gclose(group);
    H5Fclose(f);
    check_made(path, "HDF5", MADE_EVENTS);
    /* Metavision. */
    path = in_folder("cd.hdf5");
    f = create(path);
    group = H5Gcreate2(f, "CD", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    hid_t type = H5Tcreate(H5T_COMPOUND, sizeof(struct record));
    H5Tinsert(type, "x", offsetof(struct record, x), H5T_NATIVE_USHORT);
    H5Tinsert(type, "y", offsetof(struct record, y), H5T_NATIVE_USHORT);
    H5Tinsert(type, "p", offsetof(struct record, p), H5T_NATIVE_SHORT);
    H5Tinsert(type, "t", offsetof(struct record, t), H5T_NATIVE_INT64);
    put_set(group, "events", 1, type, records);
    hid_t text = H5Tcopy(H5T_C_S1);
    H5Tset_size(text, 8);
    hid_t geometry = H5Acreate2(f, "geometry", text, scalar, H5P_DEFAULT, H5P_DEFAULT);
    H5Awrite(geometry, text, "640x480");
    H5Aclose(geometry);
    H5Gclose(group);
    H5Fclose(f);
    check_made(path, "HDF5", MADE_EVENTS);
    struct all a;
    CHECK_EQ(read_all(path, 32, &a), 0);
    CHECK(a.about.width == 640 && a.about.height == 480 && a.about.rows == MADE_EVENTS);
    free_all(&a);
    /* A table, and a file that holds none of these. */
    path = in_folder("table.h5");
    f = create(path);
    put_set(f, "events", 4, H5T_NATIVE_INT64, rows);
    H5Fclose(f);
    check_made(path, "HDF5, columns t, x, y, p", MADE_EVENTS);
    path = in_folder("other.h5");
    f = create(path);
    put_set(f, "pictures", 4, H5T_NATIVE_INT64, rows);
    H5Fclose(f);
    CHECK_EQ(read_all(path, 32, &a), AF_UNSUPPORTED);
    CHECK_ERROR("no events in a layout that is known");
    free_all(&a);
    void *bytes;
    size_t size;
    CHECK_EQ(file_read(in_folder("table.h5"), 1 << 20, &bytes, &size), 0);
    for (size_t n = 8; n < size; n += 501) { /* cut */
        CHECK(read_all(put("cut.h5", bytes, n), 32, &a) < 0);
        CHECK_ERROR("cut.h5");
        free_all(&a);
    }
    uint32_t random = 11;
    for (int i = 0; i < (THREADS_ONLY ? 10 : 200); i++) { /* changed */
        unsigned char *b = malloc(size);
        memcpy(b, bytes, size);
        for (int k = 0; k < 3; k++) {
            random = random * 1664525 + 1013904223;
            b[8 + (random >> 8) % (size - 8)] = (unsigned char)(random >> 3);
        }
        const int status = read_all(put("changed.h5", b, size), 32, &a);
        CHECK(status <= 0 && (!status || strstr(af_error(), "changed.h5")));
        free_all(&a);
        free(b);
    }
    free(bytes);
    H5Tclose(type);
    H5Tclose(text);
    H5Tclose(boolean);
    H5Sclose(scalar);
}
#endif

/* ---- Long and real ones ---------------------------------------------------------------------- */

/* Memory does not grow with the file, and events go on over the edges of the window. */
TEST(memory)
{
    enum { COPIES = 20000, HEADER = 20 };
    struct made f = {0};
    struct rusage before, after;
    struct recording *r;
    static struct af_camera_event block[4096];
    for (int i = 0; i < making_count; i++)
        if (strcmp(makings[i].format, "ES") == 0)
            makings[i].make(&f);
    FILE *file = fopen(in_folder("long.es"), "wb");
    if (!file || !f.b)
        abort();
    fwrite(f.b, 1, HEADER, file);
    for (int i = 0; i < COPIES; i++)
        fwrite(f.b + HEADER, 1, f.n - HEADER, file);
    fclose(file);
    made_free(&f);
    int64_t events = 0, wrong = 0;
    int n = 1, status = recording_open(&r, in_folder("long.es"));
    CHECK_EQ(status, 0);
    getrusage(RUSAGE_SELF, &before);
    for (; !status && n; events += n) {
        status = recording_next(r, block, 4096, &n);
        for (int i = 0; i < n; i++) {
            struct af_camera_event e = made_event[(events + i) % MADE_EVENTS];
            e.t += (events + i) / MADE_EVENTS * made_event[MADE_EVENTS - 1].t;
            wrong += !same(&block[i], &e);
        }
    }
    getrusage(RUSAGE_SELF, &after);
    CHECK_EQ(status, 0);
    CHECK_EQ(events, (int64_t)COPIES * MADE_EVENTS);
    CHECK_EQ(wrong, 0);
    CHECK(after.ru_maxrss - before.ru_maxrss < 4096); /* KiB, of a file of 33 MiB */
    recording_close(r);
    unlink(in_folder("long.es"));
}

/* "key": "value" behind the file's name. */
static bool find_hash(const char *json, const char *name, char hash[65])
{
    char key[128];
    snprintf(key, sizeof key, "\"%s\": {", name);
    const char *at = strstr(json, key);
    at = at ? strstr(at, "\"sha256_int64_xypt\": \"") : NULL;
    return at && sscanf(at + 22, "%64[0-9a-f]", hash) == 1;
}

TEST(real_files)
{
    static const char shared[] = "../shared/data/event_files/";
    static const char *const names[] = {"dvs128_alex_walking_again.aedat",
                                        "dvs128_neal_walking.aedat",
                                        "pyaedat_IMU_translBoxes.aedat",
                                        "pyaedat_TranslatingSquare.aedat",
                                        "made_aedat2_dvs128.aedat",
                                        "made_aedat31_dvs128.aedat",
                                        "sample.aedat4",
                                        "evt2_sample.raw",
                                        "faery_evt2.raw",
                                        "evt2_left2.bin",
                                        "evt3_sample.raw",
                                        "sample_ncars.dat",
                                        "faery_dvs.es",
                                        "sample_nmnist.bin",
                                        "made_dsec_layout.h5",
                                        "made_metavision_layout.hdf5",
                                        "made_plain_table.h5"};
    char path[160], wanted[65], hash[65];
    void *json;
    size_t size;
    snprintf(path, sizeof path, "%sevents.json", shared);
    if (file_read(path, 1 << 20, &json, &size)) {
        SKIP("../shared/data/event_files is not here");
        return;
    }
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct all a;
        snprintf(path, sizeof path, "%s%s", shared, names[i]);
        const int status = read_all(path, 4096, &a);
        if (status == AF_UNSUPPORTED) {
            SKIP(names[i]);
            free_all(&a);
            continue;
        }
        CHECK_EQ(status, 0);
        int64_t(*v)[4] = malloc((size_t)(a.count + 1) * sizeof *v);
        for (int64_t k = 0; k < a.count; k++) {
            const struct af_camera_event *e = &a.event[k];
            memcpy(v[k], (int64_t[]){e->x, e->y, e->polarity, e->t}, sizeof v[k]);
        }
        CHECK_EQ(hash_bytes(v, (size_t)a.count * sizeof *v, hash), 0);
        CHECK(find_hash(json, names[i], wanted) && strcmp(hash, wanted) == 0);
        if (status || strcmp(hash, wanted) != 0)
            printf("  %s: %s\n", names[i], status ? af_error() : "other events");
        free(v);
        free_all(&a);
    }
    free(json);
}

int main(void)
{
    if (!mkdtemp(folder))
        return 1;
    made_begin();
    RUN(formats);
    RUN(names);
    RUN(gzip);
    RUN(cut);
    RUN(damage);
    RUN(aedat4_packings);
    RUN(aedat4_damage);
    RUN(clocks);
    RUN(refusals);
    RUN(tables);
    RUN(numbers);
    RUN(archives);
    RUN(apart);
#ifdef ADAFIRE_HDF5
    RUN(hdf5);
#endif
    RUN(memory);
    RUN(real_files);
    char command[64];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command) ? 1 : test_end();
}
