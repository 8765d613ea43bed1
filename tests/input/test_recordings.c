/* Recordings as samples: the same whatever their file, in folders of classes, and in parts. */
#include "test.h"

#include "adafire.h"
#include "input/annotation.h"
#include "input/events.h"
#include "input/input.h"
#include "input/labels.h"
#include "made_recordings.h"

#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/adafire-recordings-XXXXXX";

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
    FILE *f = fopen(path, "wb");
    if (!f || (size && fwrite(data, 1, size, f) != size) || fclose(f))
        abort();
    return path;
}

static const struct input_spec sensor = {
    .channels = 2, .height = MADE_HEIGHT, .width = MADE_WIDTH, .events = true};
static const struct input_spec frames = {.channels = 2, .height = 9, .width = 9};

enum { STEPS = 4, COUNTS = STEPS * 2 * MADE_HEIGHT * MADE_WIDTH };

/* The counts of the one recording in a file; true if they could be had. */
static bool counts_of(const char *path, int16_t *counts)
{
    struct input *in;
    struct sample s;
    int status = input_open(&in, &path, 1, &sensor);
    CHECK_EQ(status, 0);
    if (status) {
        printf("%s\n", af_error());
        return false;
    }
    CHECK_EQ(input_count(in), 1);
    status = input_next(in, &s);
    CHECK_EQ(status, 1);
    if (status == 1)
        CHECK_EQ(events_bin(&s, &sensor, STEPS, counts), 0);
    else
        printf("%s\n", af_error());
    CHECK_EQ(input_next(in, &s), 0);
    input_close(in);
    return status == 1;
}

/* Every container gives the same counts. */
TEST(containers)
{
    int16_t *wanted = calloc(COUNTS, sizeof *wanted), *got = calloc(COUNTS, sizeof *got);
    const struct sample s = {.name = "made", .events = made_event, .event_count = MADE_EVENTS};
    CHECK_EQ(events_bin(&s, &sensor, STEPS, wanted), 0);
    for (int i = 0; i < making_count; i++) {
        struct made f = {0};
        makings[i].make(&f);
        const char *path = put(makings[i].name, f.b, f.n);
        memset(got, 1, COUNTS * sizeof *got);
        CHECK(counts_of(path, got) && memcmp(got, wanted, COUNTS * sizeof *got) == 0);
        if (memcmp(got, wanted, COUNTS * sizeof *got) != 0)
            printf("  %s\n", makings[i].name);
        /* A model of frames has no use for it, and says so. */
        struct input *in;
        CHECK_EQ(input_open(&in, &path, 1, &frames), AF_BAD_FILE);
        CHECK_ERROR("an event recording, but the model takes frames");
        made_free(&f);
    }
    free(wanted);
    free(got);
}

static void check_refused(const char *path, const char *text)
{
    struct input *in;
    struct sample s;
    int status = input_open(&in, &path, 1, &sensor);
    if (!status)
        status = input_next(in, &s);
    CHECK(status < 0);
    CHECK_ERROR(text);
    input_close(in);
}

TEST(refusals)
{
    check_refused(put("none.raw", "% evt 3.0\n% end\n\0\0\0\0", 20), "none.raw: holds no events");
    check_refused(put("x.txt", "hello, world", 12), "not a recording that is read (AEDAT 2");
    check_refused(put("x.aedat4", "#!AER-DAT4.0\r\n\0\0\0\0\0\0", 20), "header is damaged");
    /* What was counted comes with the sample. */
    struct made f = {0};
    struct input *in;
    struct sample s;
    makings[2].make(&f); /* AEDAT 3.1 */
    const char *path = put("x.aedat", f.b, f.n);
    CHECK_EQ(input_open(&in, &path, 1, &sensor), 0);
    CHECK_EQ(input_next(in, &s), 1);
    CHECK(s.note && strcmp(s.note, "5 events marked as invalid are left out") == 0);
    input_close(in);
    made_free(&f);
}

/* Folders are classes, as N-Cars, N-Caltech101 and CIFAR10-DVS come. */
TEST(classes)
{
    static const struct {
        const char *name;
        int making;
    } files[] = {{"set/background/obj_1_td.dat", 10},
                 {"set/cars/obj_2_td.dat", 10},
                 {"set/cars/cifar10_1.aedat", 0},
                 {"set/cars/e.npy", 14},
                 {"set/cars/z.hdf5", -1},
                 {"set/cars/readme.md", -1}};
    static const int labels[] = {0, 1, 1, 1};
    mkdir(in_folder("set"), 0777);
    mkdir(in_folder("set/background"), 0777);
    mkdir(in_folder("set/cars"), 0777);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        struct made f = {0};
        if (files[i].making >= 0)
            makings[files[i].making].make(&f);
        else
            made_text(&f, "no recording");
        put(files[i].name, f.b, f.n);
        made_free(&f);
    }
    const char *path = in_folder("set");
    struct input *in;
    struct sample s;
    CHECK_EQ(input_open(&in, &path, 1, &sensor), 0);
    CHECK_EQ(input_count(in), 5);
    for (int i = 0; i < 4; i++) {
        CHECK_EQ(input_next(in, &s), 1);
        CHECK_EQ(s.label, labels[i]);
        CHECK_EQ(s.event_count, MADE_EVENTS);
    }
    CHECK(input_next(in, &s) < 0); /* its name promises what it is not */
    CHECK_ERROR("z.hdf5: not a recording that is read");
    input_close(in);
}

/* Labels of a folder: of files by class, whatever they are, and by the names of samples. */
TEST(labels_of_folders)
{
    struct tensor t;
    struct texts files;
    int64_t at = 0;
    mkdir(in_folder("known"), 0777);
    mkdir(in_folder("known/b"), 0777);
    mkdir(in_folder("known/a"), 0777);
    mkdir(in_folder("known/c"), 0777); /* empty: no class */
    mkdir(in_folder("known/d"), 0777);
    put("known/b/2.bin", "", 0);
    put("known/b/1.bin", "", 0);
    put("known/a/1.bin", "", 0);
    put("known/d/9", "", 0);
    CHECK_EQ(labels_read(in_folder("known"), &t, &files), 0);
    CHECK_EQ(t.count, 4);
    CHECK_EQ(labels_find(&t, &files, "elsewhere/a/1.bin", &at), 0);
    CHECK_EQ(labels_find(&t, &files, "elsewhere/b/1.bin", &at), 1);
    CHECK_EQ(labels_find(&t, &files, "elsewhere/b/2.bin", &at), 1);
    CHECK_EQ(labels_find(&t, &files, "d/9", &at), 2);
    CHECK_EQ(labels_find(&t, &files, "elsewhere/c/1.bin", &at), -1);
    tensor_free(&t);
    texts_free(&files);
    CHECK_EQ(labels_read(in_folder("known"), &t, NULL), AF_BAD_FILE);
    CHECK_EQ(labels_read(in_folder("known/c"), &t, &files), AF_BAD_FILE);
    CHECK_ERROR("holds no folders by class and no _labels.csv");
}

/* What N-Caltech101 says of where things are. */
TEST(annotations)
{
    enum { POINTS = 5, OUTLINE = 3, WORDS = 4 + 2 * (POINTS + OUTLINE) };
    const int words[WORDS] = {2,  POINTS, 20, 7,       90, 7, 90, 300, 20, 300,
                              20, 7,      2,  OUTLINE, 30, 9, 80, 9,   50, 280};
    unsigned char b[2 * WORDS], bad[2 * WORDS + 2] = {0};
    struct af_box box;
    struct annotations *a;
    for (int i = 0; i < WORDS; i++) {
        b[2 * i] = (unsigned char)words[i];
        b[2 * i + 1] = (unsigned char)(words[i] >> 8);
    }
    CHECK_EQ(annotation_parse("x", b, sizeof b, &box), 0);
    CHECK(box.x1 == 20 && box.y1 == 7 && box.x2 == 90 && box.y2 == 300);
    /* Cut anywhere, and longer, it is none; changed anywhere it is one or not. */
    for (size_t n = 0; n < sizeof b; n++) {
        unsigned char *exact = malloc(n ? n : 1); /* for sanitizers */
        memcpy(exact, b, n);
        CHECK_EQ(annotation_parse("x", exact, n, &box), AF_BAD_FILE);
        free(exact);
    }
    memcpy(bad, b, sizeof b);
    CHECK_EQ(annotation_parse("x", bad, sizeof bad, &box), AF_BAD_FILE);
    int good = 0;
    for (size_t i = 0; i < sizeof b * 255; i++) {
        memcpy(bad, b, sizeof b);
        bad[i / 255] ^= (unsigned char)(1 + i % 255);
        if (annotation_parse("x", bad, sizeof b, &box) == 0) {
            CHECK(box.x1 >= 0 && box.x1 < box.x2 && box.y1 >= 0 && box.y1 < box.y2);
            good++;
        }
    }
    CHECK(good > 0 && good < (int)sizeof b * 255);
    /* Some begin a pixel outside. */
    memcpy(bad, b, sizeof b);
    memset(bad + 4, 0xff, 2);
    CHECK_EQ(annotation_parse("x", bad, sizeof b, &box), 0);
    CHECK(box.x1 == 0 && box.x2 == 90);
    /* Folders by class, a file a recording. */
    mkdir(in_folder("marks"), 0777);
    mkdir(in_folder("marks/ant"), 0777);
    mkdir(in_folder("marks/bee"), 0777);
    put("marks/ant/annotation_0001.bin", b, sizeof b);
    put("marks/bee/annotation_0007.bin", b, sizeof b);
    put("marks/bee/other.bin", b, sizeof b - 2);
    CHECK_EQ(annotations_open(in_folder("marks"), 1, &a), AF_BAD_FILE);
    CHECK_ERROR("holds 2 classes, but the network has 1");
    CHECK_EQ(annotations_open(in_folder("marks/ant"), 5, &a), AF_BAD_FILE);
    CHECK_ERROR("holds no folders of annotations by class");
    CHECK_EQ(annotations_open(in_folder("marks"), 2, &a), 0);
    CHECK_EQ(annotations_find(a, "Caltech101/bee/image_0007.bin", &box), 0);
    CHECK(box.label == 1 && box.x2 == 90);
    CHECK_EQ(annotations_find(a, "ant/image_0001.bin", &box), 0);
    CHECK_EQ(box.label, 0);
    CHECK_EQ(annotations_find(a, "ant/image_0002.bin", &box), AF_IO);
    CHECK_ERROR("annotation_0002.bin");
    CHECK_EQ(annotations_find(a, "bee/other.bin", &box), AF_BAD_FILE);
    CHECK_ERROR("is no annotation of N-Caltech101, or cut");
    CHECK_EQ(annotations_find(a, "cat/image_0001.bin", &box), AF_BAD_FILE);
    CHECK_ERROR("has no folder of annotations for cat/image_0001.bin");
    CHECK_EQ(annotations_find(a, "image_0001.bin", &box), AF_BAD_FILE);
    annotations_close(a);
}

/* ---- DVS128 Gesture -------------------------------------------------------------------------- */

static int64_t between(int64_t begin, int64_t end)
{
    int64_t n = 0;
    for (int i = 0; i < MADE_EVENTS; i++)
        n += made_event[i].t >= begin && made_event[i].t < end;
    return n;
}

TEST(gestures)
{
    struct made f = {0}, csv = {0};
    struct input *in;
    struct sample s;
    const int64_t t[6] = {made_event[20].t,  made_event[90].t,  made_event[120].t,
                          made_event[250].t, made_event[250].t, made_event[299].t};
    static const int class[3] = {10, 0, 4};
    makings[2].make(&f); /* AEDAT 3.1 */
    const char *path = put("user01.aedat", f.b, f.n);
    /* Not in order of time. */
    made_text(&csv, "class,startTime_usec,endTime_usec\r\n");
    for (int i = 2; i >= 0; i--)
        made_text(&csv, "%d,%lld,%lld\r\n", class[i] + 1, (long long)t[2 * i],
                  (long long)t[2 * i + 1]);
    put("user01_labels.csv", csv.b, csv.n);
    CHECK_EQ(input_open(&in, &path, 1, &sensor), 0);
    CHECK_EQ(input_count(in), 3);
    for (int i = 0; i < 3; i++) {
        CHECK_EQ(input_next(in, &s), 1);
        CHECK_EQ(s.label, class[i]);
        CHECK_EQ(s.event_count, between(t[2 * i], t[2 * i + 1]));
        CHECK(s.event_count && s.events[0].t >= t[2 * i] &&
              s.events[s.event_count - 1].t < t[2 * i + 1]);
        CHECK(strstr(s.name, "user01.aedat["));
    }
    CHECK_EQ(input_next(in, &s), 0);
    input_close(in);
    /* In a folder: labels of the parts, not of the folder. */
    static const struct {
        const char *text, *why;
    } bad[] = {{"class,startTime_usec,endTime_usec\n1,5\n", "part 1 is no class, begin and end"},
               {"0,5,9\n", "part 1 is no class"},
               {"1,9,5\n", "part 1 is no class"},
               {"1,5,9\n2,8,12\n", "parts at 5 and 8 us overlap"},
               {"class\n", "names no part"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        put("user01_labels.csv", bad[i].text, strlen(bad[i].text));
        check_refused(path, bad[i].why);
        CHECK_ERROR("user01_labels.csv");
    }
    put("user01_labels.csv", "1,0,5\n", 6);
    check_refused(path, "no events from 0 to 5 us");
    made_free(&f);
    made_free(&csv);
}

TEST(gestures_in_folders)
{
    struct made f = {0};
    struct input *in;
    struct sample s;
    char csv[100];
    makings[2].make(&f);
    mkdir(in_folder("dvs"), 0777);
    put("dvs/a.aedat", f.b, f.n);
    put("dvs/b.aedat", f.b, f.n);
    snprintf(csv, sizeof csv, "3,%lld,%lld\n7,%lld,%lld\n", (long long)made_event[0].t,
             (long long)made_event[100].t, (long long)made_event[100].t,
             (long long)made_event[200].t);
    put("dvs/a_labels.csv", csv, strlen(csv));
    put("dvs/b_labels.csv", csv, strlen(csv));
    const char *path = in_folder("dvs");
    CHECK_EQ(input_open(&in, &path, 1, &sensor), 0);
    CHECK_EQ(input_count(in), 4);
    for (int i = 0; i < 4; i++) {
        CHECK_EQ(input_next(in, &s), 1);
        CHECK_EQ(s.label, i % 2 ? 6 : 2);
        CHECK_EQ(s.event_count, 100);
        CHECK(strstr(s.name, i < 2 ? "a.aedat[" : "b.aedat["));
    }
    /* The same as labels, of one recording and of all. */
    struct tensor t;
    struct texts files;
    int64_t at = 0;
    CHECK_EQ(labels_read(in_folder("dvs/a_labels.csv"), &t, &files), 0);
    CHECK(t.count == 2 && files.count == 0 && tensor_get(&t, 0) == 2 && tensor_get(&t, 1) == 6);
    tensor_free(&t);
    CHECK_EQ(labels_read(path, &t, &files), 0);
    CHECK_EQ(t.count, 4);
    CHECK_EQ(labels_find(&t, &files, "x/b.aedat[1]", &at), 6);
    CHECK_EQ(labels_find(&t, &files, "x/b.aedat[2]", &at), -1);
    tensor_free(&t);
    texts_free(&files);
    CHECK_EQ(input_next(in, &s), 0);
    input_close(in);
    made_free(&f);
}

int main(void)
{
    if (!mkdtemp(folder))
        return 1;
    made_begin();
    RUN(containers);
    RUN(refusals);
    RUN(classes);
    RUN(labels_of_folders);
    RUN(annotations);
    RUN(gestures);
    RUN(gestures_in_folders);
    char command[64];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command) ? 1 : test_end();
}
