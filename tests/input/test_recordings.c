/* Recordings as samples: the same whatever their file, in folders of classes, and in parts. */
#include "test.h"

#include "adafire.h"
#include "input/events.h"
#include "input/input.h"
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
    RUN(gestures);
    RUN(gestures_in_folders);
    char command[64];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command) ? 1 : test_end();
}
