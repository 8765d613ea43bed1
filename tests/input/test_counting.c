/* How recordings become counts: words, filters, places, frames. */
#include "test.h"

#include "adafire.h"
#include "input/counting.h"
#include "input/events.h"

enum { W = 4, H = 3, PLANE = W * H };

static struct input_spec spec_of(const char *words, int channels)
{
    struct input_spec spec = {.channels = channels, .height = H, .width = W, .events = true};
    CHECK_EQ(counting_parse("test", words, &spec.counting), 0);
    return spec;
}

static struct sample sample_of(const struct af_camera_event *e, int n, int width, int height)
{
    return (struct sample){.name = "r", .events = e, .event_count = n, .sensor = {width, height}};
}

/* The events that are left, as "x,y,p@t ...". */
static void check_kept(const char *words, const struct sample *s, const char *wanted)
{
    const struct input_spec spec = spec_of(words, 2);
    struct af_camera_event *kept;
    int64_t n;
    char text[400] = "";
    CHECK_EQ(counting_apply(&spec.counting, s, &spec, &kept, &n), 0);
    const struct af_camera_event *e = kept ? kept : s->events;
    for (int64_t i = 0; i < n; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s%d,%d,%d@%lld", i ? " " : "",
                 e[i].x, e[i].y, e[i].polarity, (long long)e[i].t);
    CHECK(strcmp(text, wanted) == 0);
    if (strcmp(text, wanted) != 0)
        printf("  %s: %s, wanted %s\n", words, text, wanted);
    free(kept);
}

TEST(words)
{
    static const char *const bad[] = {"fast",       "sensor",       "sensor 0x3",
                                      "sensor 3",   "sensor 3x4x",  "hot",
                                      "hot -1",     "hot x",        "hot nan",
                                      "background", "window 0",     "window 1e30",
                                      "flip",       "flip z",       "count 0",
                                      "count 1.5",  "downsample 0", "count 5 window 3",
                                      "all even",   "count 5 even", "window 3 all",
                                      "merge swap"};
    struct counting c;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        CHECK_EQ(counting_parse("here", bad[i], &c), AF_BAD_ARGUMENT);
        CHECK_ERROR("here: ");
    }
    CHECK_ERROR("merged polarities cannot be swapped");
    CHECK_EQ(counting_parse("here", " flip y  window 2.5 sensor 640x480 hot 1e3 fit", &c), 0);
    CHECK(c.flip[1] && !c.flip[0] && c.window == 2500 && c.sensor[0] == 640 && c.sensor[1] == 480 &&
          c.hot == 1000 && c.fit && !c.crop);
    CHECK_EQ(counting_parse("here", "", &c), 0);
}

TEST(places)
{
    const struct af_camera_event e[] = {{0, 0, 0, 10}, {7, 5, 1, 20}, {3, 2, 1, 30}};
    const struct sample s = sample_of(e, 3, 8, 6), unsaid = sample_of(e, 3, 0, 0);
    check_kept("", &s, "0,0,0@10 7,5,1@20 3,2,1@30");
    check_kept("downsample 2", &unsaid, "0,0,0@10 3,2,1@20 1,1,1@30");
    check_kept("fit", &s, "0,0,0@10 3,2,1@20 1,1,1@30");
    check_kept("fit sensor 16x6", &s, "0,0,0@10 1,2,1@20 0,1,1@30");
    check_kept("flip x downsample 2", &s, "3,0,0@10 0,2,1@20 2,1,1@30");
    check_kept("flip y", &s, "0,5,0@10 7,0,1@20 3,3,1@30");
    check_kept("crop", &s, "1,1,1@30"); /* from x 2 to 5, y 1 to 3 */
    check_kept("merge", &s, "0,0,0@10 7,5,0@20 3,2,0@30");
    check_kept("swap", &s, "0,0,1@10 7,5,0@20 3,2,0@30");
    struct af_camera_event *kept;
    int64_t n;
    struct input_spec spec = spec_of("crop", 2);
    CHECK_EQ(counting_apply(&spec.counting, &unsaid, &spec, &kept, &n), AF_BAD_FILE);
    CHECK_ERROR("does not say how large the sensor is");
    spec = spec_of("crop sensor 7x9", 2);
    CHECK_EQ(counting_apply(&spec.counting, &s, &spec, &kept, &n), AF_BAD_FILE);
    CHECK_ERROR("event 1 (x 7, y 5) is outside the sensor of 7x9");
}

TEST(filters)
{
    /* Pixel 1,1 sends 5 events in 10 ms, 500 a second; the others fewer. */
    struct af_camera_event e[] = {{1, 1, 0, 0},    {1, 1, 0, 1000}, {2, 1, 0, 1500},
                                  {1, 1, 0, 3000}, {3, 2, 1, 4000}, {1, 1, 0, 5000},
                                  {3, 1, 1, 9000}, {1, 1, 1, 9999}};
    const struct sample s = sample_of(e, 8, W, H);
    check_kept("hot 400", &s, "2,1,0@1500 3,2,1@4000 3,1,1@9000");
    check_kept(
        "hot 500", &s,
        "1,1,0@0 1,1,0@1000 2,1,0@1500 1,1,0@3000 3,2,1@4000 1,1,0@5000 3,1,1@9000 1,1,1@9999");
    /* 2,1 has 1,1 beside it 0.5 ms before; 1,1 at 3000 has 2,1 1.5 ms before; none else has any
     * within 2 ms. */
    check_kept("background 2", &s, "2,1,0@1500 1,1,0@3000");
    check_kept("background 1", &s, "2,1,0@1500");
    check_kept("background 0.5", &s, "");
    check_kept("background 0.501", &s, "2,1,0@1500");
    check_kept("background 5.001", &s, "2,1,0@1500 1,1,0@3000 1,1,0@5000 3,1,1@9000");
    check_kept("background 2 hot 400", &s, "");
}

static void check_bins(const char *words, int channels, const struct sample *s, int steps,
                       int frames, const char *wanted)
{
    const struct input_spec spec = spec_of(words, channels);
    int16_t out[6 * 2 * PLANE];
    char text[400] = "";
    memset(out, 1, sizeof out);
    CHECK_EQ(events_bin_as_frames(s, &spec, steps, frames, out), 0);
    for (int t = 0; t < steps; t++) {
        int sum = 0;
        for (int i = 0; i < channels * PLANE; i++)
            sum += out[t * channels * PLANE + i];
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s%d", t ? " " : "", sum);
    }
    CHECK(strcmp(text, wanted) == 0);
    if (strcmp(text, wanted) != 0)
        printf("  %s: %s, wanted %s\n", words, text, wanted);
}

TEST(frames)
{
    /* An event a millisecond, and a pause before the last. As many timesteps as frames: counts are
     * as they are. */
    struct af_camera_event e[12];
    for (int i = 0; i < 12; i++)
        e[i] = (struct af_camera_event){1, 1, i & 1, 7000 + 1000 * i + (i == 11 ? 12000 : 0)};
    const struct sample s = sample_of(e, 12, W, H);
    check_bins("", 2, &s, 4, 4, "6 5 0 1");
    check_bins("window 4", 2, &s, 3, 3, "4 4 3");
    check_bins("window 4", 2, &s, 2, 2, "4 4"); /* the rest is left out */
    check_bins("window 4", 2, &s, 6, 6, "4 4 3 0 0 1");
    check_bins("count 4", 2, &s, 3, 3, "4 4 4");
    check_bins("count 5", 2, &s, 2, 2, "5 5");
    check_bins("count 5", 2, &s, 4, 4, "5 5 2 0");
    check_bins("all", 2, &s, 4, 4, "6 5 0 1");
    check_bins("even", 2, &s, 4, 4, "3 3 3 3");
    check_bins("even", 2, &s, 5, 5, "2 2 2 2 4");
    const struct sample few = sample_of(e, 3, W, H);
    check_bins("even", 2, &few, 6, 6, "1 0 1 0 1 0");
    check_bins("even", 2, &s, 4, 2, "6 6 6 6");
    /* Two timesteps a frame: each counts an event twice. */
    check_bins("count 6", 2, &s, 4, 2, "6 6 6 6");
    /* One channel takes both polarities. */
    check_bins("", 1, &s, 4, 4, "6 5 0 1");
    check_bins("merge", 2, &s, 4, 4, "6 5 0 1");
    const struct input_spec spec = spec_of("fit sensor 2x2", 2);
    int16_t out[2 * PLANE];
    CHECK_EQ(events_bin(&s, &spec, 1, out), 0);
    CHECK(out[1 * W + 2] == 6 && out[PLANE + 1 * W + 2] == 6);
    /* No events are left. */
    check_bins("hot 1e-3", 2, &s, 2, 2, "0 0");
    check_bins("hot 1e-3 even", 2, &s, 2, 2, "0 0");
}

/* Boxes go where their events go. */
static void check_box(const char *words, const char *wanted)
{
    const struct input_spec spec = spec_of(words, 2);
    struct af_box b = {2, 1, 6, 4, 0, 0};
    char text[80];
    CHECK_EQ(counting_box(&spec.counting, &spec, "r", (int[]){8, 6}, &b), 0);
    snprintf(text, sizeof text, "%g,%g,%g,%g", (double)b.x1, (double)b.y1, (double)b.x2,
             (double)b.y2);
    CHECK(strcmp(text, wanted) == 0);
    if (strcmp(text, wanted) != 0)
        printf("  %s: %s, wanted %s\n", words, text, wanted);
}

TEST(boxes)
{
    check_box("", "2,1,6,4");
    check_box("downsample 2", "1,0.5,3,2");
    check_box("fit", "1,0.5,3,2");
    check_box("fit sensor 16x6", "0.5,0.5,1.5,2");
    check_box("flip x flip y", "2,2,6,5");
    check_box("crop", "0,0,4,3"); /* from x 2 to 5, y 1 to 3 */
    check_box("merge window 5", "2,1,6,4");
    struct af_box b = {2, 1, 6, 4, 0, 0};
    const struct input_spec spec = spec_of("fit", 2);
    CHECK_EQ(counting_box(&spec.counting, &spec, "a.bin", (int[]){0, 0}, &b), AF_BAD_FILE);
    CHECK_ERROR("a.bin: does not say how large the sensor is");
}

int main(void)
{
    RUN(words);
    RUN(places);
    RUN(filters);
    RUN(frames);
    RUN(boxes);
    return test_end();
}
