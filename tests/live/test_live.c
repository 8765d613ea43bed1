/* Streams of events: what comes is what a file would have given, windows are cut where they should
 * be, answers are those of files to the bit, and nothing goes missing without being counted. */
#include "test.h"

#include "adafire.h"
#include "base/clock.h"
#include "base/file.h"
#include "live/address.h"
#include "live/loop.h"
#include "made_recordings.h"
#include "model/model.h"
#include "random_model.h"
#include "recording/recording.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>

static char folder[] = "/tmp/adafire-live-XXXXXX";

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

/* ---- Readers --------------------------------------------------------------------------------- */

/* Bytes that come in pieces of any size. */
struct drip {
    const unsigned char *b;
    size_t n, at, most; /* most: of a piece */
    struct dice dice;   /* {0}: all pieces are that large */
};

static int drip_read(void *context, void *out, size_t size, size_t *got)
{
    struct drip *d = context;
    size_t part = d->dice.state ? (size_t)dice_roll(&d->dice, 1, (int64_t)d->most) : d->most;
    part = part < size ? part : size;
    part = part < d->n - d->at ? part : d->n - d->at;
    memcpy(out, d->b + d->at, part);
    d->at += part;
    *got = part;
    return AF_OK;
}

static bool same_event(const struct af_camera_event *a, const struct af_camera_event *b)
{
    return a->x == b->x && a->y == b->y && a->polarity == b->polarity && a->t == b->t;
}

static void check_drip(const char *name, const char *format, const unsigned char *b, size_t n,
                       size_t most, uint64_t seed)
{
    struct recording *r;
    struct drip d = {b, n, 0, most, {seed}};
    struct af_camera_event e[64];
    int got = 1, all = 0, wrong = 0;
    int status = recording_open_live(&r, name, format, drip_read, &d);
    CHECK_EQ(status, 0);
    while (!status && got) {
        status = recording_next(r, e, 64, &got);
        for (int i = 0; i < got; i++, all++)
            wrong += all >= MADE_EVENTS || !same_event(&e[i], &made_event[all]);
    }
    CHECK_EQ(status, 0);
    CHECK_EQ(all, MADE_EVENTS);
    CHECK_EQ(wrong, 0);
    if (status || wrong || all != MADE_EVENTS)
        printf("  %s in pieces of up to %zu bytes: %s\n", name, most, af_error());
    recording_close(r);
}

/* Every format that can be streamed gives the events of the file, however its bytes come. */
TEST(streams)
{
    int streams = 0;
    for (int i = 0; i < making_count; i++) {
        struct made f = {0};
        const char *format = makings[i].format;
        makings[i].make(&f);
        const bool table = strncmp(format, "npy", 3) == 0 || strncmp(format, "npz", 3) == 0 ||
                           strncmp(format, "HDF5", 4) == 0 || strstr(format, "N-MNIST") ||
                           f.b[0] == 0x1f;
        const bool other = strncmp(format, "text", 4) == 0 && !strstr(format, "t, x, y, p") &&
                           strcmp(format, "text") != 0;
        for (size_t most = 1; !table && !other && most < 100000; most *= 7)
            check_drip(makings[i].name, NULL, f.b, f.n, most, most + (uint64_t)i);
        streams += !table && !other;
        made_free(&f);
    }
    CHECK(streams >= 8);
}

TEST(plain)
{
    struct made f = {0};
    struct recording *r;
    for (int i = 0; i < MADE_EVENTS; i++) {
        made_number(&f, (unsigned long long)made_event[i].t, 8, false);
        made_number(&f, made_event[i].x, 2, false);
        made_number(&f, made_event[i].y, 2, false);
        made_number(&f, made_event[i].polarity, 1, false);
    }
    for (size_t most = 1; most < 10000; most *= 5)
        check_drip("plain", "plain", f.b, f.n, most, most);
    struct drip cut = {f.b, 30, 0, 8, {1}};
    struct af_camera_event e[64];
    struct texts notes = {0};
    int got;
    CHECK_EQ(recording_open_live(&r, "cut", "plain", drip_read, &cut), 0);
    for (int all = 0; !recording_next(r, e, 64, &got) && got; all += got)
        CHECK(all < 2);
    CHECK_EQ(recording_notes(r, true, &notes), 0);
    CHECK(notes.count == 1 && strstr(notes.text[0], "the last 4 bytes are no whole event"));
    texts_free(&notes);
    recording_close(r);
    struct drip none = {f.b, 0, 0, 8, {1}},
                other = {(const unsigned char *)"hello\1", 6, 0, 3, {1}};
    CHECK_EQ(recording_open_live(&r, "none", NULL, drip_read, &none), AF_BAD_FILE);
    CHECK_ERROR("none: ended before anything came");
    CHECK_EQ(recording_open_live(&r, "other", NULL, drip_read, &other), AF_BAD_FILE);
    CHECK_ERROR("other: not a stream that is read; say --format, one of evt2,");
    made_free(&f);
}

/* What is there is given although the next word is not: nobody waits for more than one event. */
TEST(at_once)
{
    struct made f = {0};
    struct recording *r;
    struct af_camera_event e[4096];
    int got = 0;
    for (int i = 0; i < 7; i++)
        made_text(&f, "%d 1 2 1\n", 100 * i);
    struct drip d = {f.b, f.n, 0, f.n, {0}};
    alarm(60);
    CHECK_EQ(recording_open_live(&r, "text", "text", drip_read, &d), 0);
    CHECK_EQ(recording_next(r, e, 4096, &got), 0);
    CHECK_EQ(got, 7);
    CHECK(d.at == d.n);
    recording_close(r);
    made_free(&f);
}

/* ---- Addresses ------------------------------------------------------------------------------- */

TEST(addresses)
{
    static const struct {
        const char *text;
        enum live_kind kind;
        const char *host, *port;
    } good[] = {{"tcp://localhost:80", LIVE_TCP, "localhost", "80"},
                {"tcp://[::1]:7000", LIVE_TCP, "::1", "7000"},
                {"udp://:9999", LIVE_UDP, "", "9999"},
                {"udp://127.0.0.1:1", LIVE_UDP, "127.0.0.1", "1"},
                {"-", LIVE_STDIN, "", ""},
                {"/dev/null", LIVE_PIPE, "", ""}};
    static const char *const bad[] = {"tcp://",     "tcp://x",       "tcp://x:", "tcp://:80",
                                      "tcp://x:0",  "tcp://x:70000", "udp://x",  "tcp://a:b:80",
                                      "tcp://x:8a", "udp://[::1:80"};
    struct address a;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        CHECK_EQ(address_parse(good[i].text, &a), 0);
        CHECK(a.kind == good[i].kind && strcmp(a.host, good[i].host) == 0 &&
              strcmp(a.port, good[i].port) == 0);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        CHECK_EQ(address_parse(bad[i], &a), AF_BAD_ARGUMENT);
        CHECK_ERROR(bad[i]);
    }
    CHECK_EQ(address_parse(in_folder("nowhere"), &a), AF_IO);
    CHECK_EQ(address_parse(folder, &a), AF_BAD_ARGUMENT);
    CHECK_ERROR("is a folder");
}

/* ---- Windows --------------------------------------------------------------------------------- */

enum { GIVEN_MOST = 4000 };
struct given {
    int count;
    struct window window[GIVEN_MOST];
};

static int take_window(void *context, struct window *w)
{
    struct given *g = context;
    if (g->count == GIVEN_MOST)
        abort();
    g->window[g->count++] = *w;
    w->event = NULL;
    w->room = 0;
    return AF_OK;
}

static void free_given(struct given *g)
{
    for (int i = 0; i < g->count; i++)
        free(g->window[i].event);
    free(g);
}

static struct given *cut(const struct window_options *options, const struct af_camera_event *e,
                         int n, struct dice *dice, struct window_totals *totals)
{
    struct given *g = calloc(1, sizeof *g);
    struct live_block *b = calloc(1, sizeof *b);
    struct windower *w;
    struct window_options o = *options;
    const int sensor[2] = {MADE_WIDTH, MADE_HEIGHT};
    o.give = take_window;
    o.context = g;
    o.pace = 1;
    if (!g || !b || windower_make(&w, &o))
        abort();
    for (int at = 0; at < n; at += b->count) {
        const int left = n - at < LIVE_BLOCK ? n - at : LIVE_BLOCK;
        b->count = (int)dice_roll(dice, 1, left);
        memcpy(b->event, e + at, (size_t)b->count * sizeof *e);
        b->arrived = seconds();
        CHECK_EQ(windower_add(w, b, sensor), 0);
    }
    CHECK_EQ(windower_end(w), 0);
    *totals = windower_totals(w);
    windower_free(w);
    free(b);
    return g;
}

/* Events with quiet stretches and bursts, in order of time. */
static struct af_camera_event *make_stream(int n, struct dice *dice)
{
    struct af_camera_event *e = calloc((size_t)n, sizeof *e);
    int64_t t = 1000000;
    for (int i = 0; i < n; i++) {
        t += dice_chance(dice, 3) ? dice_roll(dice, 0, 9000) : dice_roll(dice, 0, 40);
        e[i] = (struct af_camera_event){(uint16_t)dice_roll(dice, 0, MADE_WIDTH - 1),
                                        (uint16_t)dice_roll(dice, 0, MADE_HEIGHT - 1),
                                        (uint16_t)dice_roll(dice, 0, 1), t};
    }
    return e;
}

/* Each window holds the events of its time, and each that holds some is given. */
TEST(windows_of_time)
{
    static const int64_t spans[][2] = {
        {5000, 5000}, {5000, 1000}, {5000, 3333}, {700, 2500}, {1, 1}};
    struct dice dice = {11};
    const int n = 3000;
    struct af_camera_event *e = make_stream(n, &dice);
    for (size_t k = 0; k < sizeof spans / sizeof *spans; k++) {
        const int64_t span = spans[k][0], step = spans[k][1];
        struct window_totals totals;
        struct given *g =
            cut(&(struct window_options){.span = span, .step = step}, e, n, &dice, &totals);
        int at = 0;
        /* The last window is the one the stream ends in. */
        for (int64_t begin = e[0].t; at < g->count; begin += step) {
            int first = 0, end;
            while (first < n && e[first].t < begin)
                first++;
            for (end = first; end < n && e[end].t < begin + span; end++)
                ;
            if (first == end && first < n)
                continue;
            const struct window *w = &g->window[at];
            CHECK(w->number == at && w->begin == begin && w->end == begin + span);
            CHECK(w->count == end - first &&
                  memcmp(w->event, e + first, (size_t)w->count * sizeof *e) == 0);
            CHECK_EQ(w->whole, end < n);
            CHECK(w->sensor[0] == MADE_WIDTH && w->sensor[1] == MADE_HEIGHT);
            at++;
            if (end == n)
                break;
        }
        CHECK_EQ(at, g->count);
        CHECK(totals.events == n && totals.turns == 0 && totals.over == 0);
        CHECK_EQ(totals.late, 0);
        free_given(g);
    }
    free(e);
}

TEST(windows_of_count)
{
    static const int spans[][2] = {{500, 500}, {500, 100}, {100, 350}, {1, 1}, {3000, 3000}};
    struct dice dice = {12};
    const int n = 3000;
    struct af_camera_event *e = make_stream(n, &dice);
    for (size_t k = 0; k < sizeof spans / sizeof *spans; k++) {
        const int span = spans[k][0], step = spans[k][1];
        struct window_totals totals;
        struct given *g =
            cut(&(struct window_options){.by_count = true, .span = span, .step = step}, e, n, &dice,
                &totals);
        int at = 0, begin = 0;
        for (; begin + span <= n && at < g->count; begin += step, at++) {
            const struct window *w = &g->window[at];
            CHECK(w->whole && w->count == span && w->begin == e[begin].t &&
                  w->end == e[begin + span - 1].t + 1 &&
                  memcmp(w->event, e + begin, (size_t)span * sizeof *e) == 0);
        }
        CHECK(begin + span > n);
        /* What is left is a window that is not whole. */
        CHECK_EQ(g->count - at, begin < n);
        CHECK(at == g->count || (!g->window[at].whole && g->window[at].count == n - begin));
        free_given(g);
    }
    free(e);
}

/* A time that is wrong, or a clock that was set back, costs a window and no more. */
TEST(windows_of_odd_times)
{
    struct af_camera_event e[1000];
    struct dice dice = {13};
    struct window_totals totals;
    for (int i = 0; i < 1000; i++)
        e[i] = (struct af_camera_event){1, 1, 1, 5000000 + 100 * i};
    e[300].t = 5000000 + 100 * 300 - 25000; /* late */
    e[500].t = INT64_MAX;
    e[501].t = INT64_MIN;
    e[700].t = 1000000000000; /* in eleven days, and back */
    struct given *g =
        cut(&(struct window_options){.span = 10000, .step = 10000}, e, 1000, &dice, &totals);
    int64_t in_windows = 0;
    for (int i = 0; i < g->count; i++)
        in_windows += g->window[i].count;
    CHECK_EQ(totals.late, 3);
    CHECK_EQ(totals.turns, 1);
    CHECK_EQ(in_windows, 997);
    free_given(g);
}

/* A clock that was set back a little is noticed by the late events that go on for half a window's
 * time; single ones are only left out. */
TEST(windows_of_set_clocks)
{
    enum { TURN = 3000, TURNS = 4 };
    struct af_camera_event *e = calloc(TURN * TURNS, sizeof *e);
    struct dice dice = {14};
    struct window_totals totals;
    for (int i = 0; i < TURN * TURNS; i++)
        e[i].t = 100 * (i % TURN); /* 0.3 s, again and again */
    struct given *g = cut(&(struct window_options){.span = 10000, .step = 10000}, e, TURN * TURNS,
                          &dice, &totals);
    int64_t in_windows = 0;
    for (int i = 0; i < g->count; i++)
        in_windows += g->window[i].count;
    CHECK_EQ(totals.turns, TURNS - 1);
    CHECK_EQ(totals.late, 50 * (TURNS - 1)); /* half a window of them */
    CHECK_EQ(in_windows + totals.late, TURN * TURNS);
    free_given(g);
    for (int i = 0; i < TURN; i++) /* every other one comes late */
        e[i].t = 100 * i - (i % 2 ? 25000 : 0);
    g = cut(&(struct window_options){.span = 10000, .step = 10000}, e, TURN, &dice, &totals);
    CHECK(totals.turns == 0 && totals.late > TURN / 3);
    free_given(g);
    free(e);
}

/* Nothing comes any more: the window is given when its time is over. */
TEST(windows_in_silence)
{
    struct given *g = calloc(1, sizeof *g);
    struct live_block *b = calloc(1, sizeof *b);
    struct windower *w;
    const int sensor[2] = {0, 0};
    const double now = seconds();
    if (!g || !b ||
        windower_make(&w, &(struct window_options){.span = 50000,
                                                   .step = 50000,
                                                   .pace = 1,
                                                   .timed = true,
                                                   .give = take_window,
                                                   .context = g}))
        abort();
    CHECK(isinf(windower_idle(w, now)));
    b->count = 1;
    b->arrived = now;
    b->event[0].t = 777;
    CHECK_EQ(windower_add(w, b, sensor), 0);
    const double due = windower_idle(w, now);
    CHECK(due > now + 0.05 && due < now + 0.15);
    CHECK_EQ(g->count, 0);
    CHECK(isinf(windower_idle(w, due + 1e-6)));
    CHECK_EQ(g->count, 1);
    CHECK(g->window[0].count == 1 && g->window[0].whole);
    windower_free(w);
    free(b);
    free_given(g);
}

/* ---- Latencies ------------------------------------------------------------------------------- */

TEST(latencies)
{
    struct latency l = {0};
    CHECK(isnan(latency_share(&l, 0.5)));
    for (int i = 1; i <= 10000; i++)
        latency_add(&l, 1e-5 * i);
    CHECK(fabs(latency_share(&l, 0.5) / 0.05 - 1) < 0.05);
    CHECK(fabs(latency_share(&l, 0.99) / 0.099 - 1) < 0.05);
    CHECK(latency_share(&l, 1) == l.most && l.most == 1e-5 * 10000);
    latency_add(&l, 1e9);
    latency_add(&l, 0);
    CHECK(latency_share(&l, 1) == 1e9);
}

/* ---- Whole runs ------------------------------------------------------------------------------ */

static double sum_of(const struct af_result *r)
{
    double sum = 0;
    for (int i = 0; i < r->output_size; i++)
        sum += (i + 1) * (double)r->output[i];
    return sum;
}

/* Whether a few events make a difference to it. */
static bool is_sensitive(const struct af_model *m)
{
    struct af_device *device;
    struct dice dice = {3};
    const int64_t n = neuron_count(&m->population[0]) * m->timesteps;
    int16_t *counts = calloc((size_t)n, sizeof *counts);
    double sum[4] = {0};
    if (!counts || af_device_open("cpu", NULL, m, &device))
        abort();
    for (int k = 0; k < 4; k++) {
        struct af_result r;
        for (int64_t i = 0; i < n; i++)
            counts[i] = dice_chance(&dice, 20);
        if (af_run(device, &(struct af_sample){.counts = counts, .length = n}, 1, NULL, &r))
            abort();
        sum[k] = sum_of(&r);
        af_result_free(&r);
    }
    af_device_close(device);
    free(counts);
    return sum[0] != sum[1] && sum[1] != sum[2] && sum[2] != sum[3];
}

/* A network of recordings that tells classes apart. */
static struct af_model *event_model(const char *counting)
{
    for (uint64_t seed = 1;; seed++) {
        struct af_model *m = random_model(seed);
        struct af_task *task;
        const int *shape = m->population[0].shape;
        const bool good = m->format.events && m->timesteps > 1 && shape[0] == 2 && shape[1] > 1 &&
                          m->format.event_frames < 2 && af_task_open(m, NULL, &task) == AF_OK;
        const bool classes = good && af_task_kind(task) == AF_CLASSIFY;
        if (good)
            af_task_close(task);
        if (classes && is_sensitive(m) && model_add_fact(m, "counting", "%s", counting) == AF_OK)
            return m;
        af_model_free(m);
    }
}

/* One for a task in these words. */
static struct af_model *squares_model(const char *counting, const char *task)
{
    struct af_model *m;
    struct af_convert_options o;
    const char *calib = "tests/data/squares/calib.npz";
    af_convert_defaults(&o);
    o.onnx = strncmp(task, "detect", 6) == 0 ? "tests/data/squares/boxes.onnx"
                                             : "tests/data/squares/map.onnx";
    o.calib = &calib;
    o.calib_count = 1;
    o.events = true;
    o.counting = counting;
    o.task = task;
    if (af_convert(&o, &m, NULL)) {
        printf("  %s\n", af_error());
        abort();
    }
    return m;
}

struct heard {
    struct af_model *model;
    int64_t decisions, wrong, last, in_windows;
    double sleep; /* s, in each decision */
    int stop_at, stop_fd;
    const char *board; /* NULL: the cpu, and nobody compares */
    const char *task;  /* NULL: classes */
    int64_t boxes;     /* that there were; and pixels of another class than 0, and values */
    int64_t pixels, values;
    struct af_device *judge;
    double sum; /* of the last window's outputs; and how often it changed: */
    int various;
    int ticks;
};

/* What it says is what the outputs mean by the public way. */
static bool same_answer(struct heard *h, const struct live_decision *d, const struct af_result *r)
{
    struct af_task *task;
    bool same = false;
    if (af_task_open(h->model, NULL, &task))
        return false;
    const enum af_task_kind kind = af_task_kind(task);
    if (kind == AF_CLASSIFY) {
        struct af_answer best[LIVE_BEST];
        const int n = af_answers(task, r, LIVE_BEST, best);
        same = n == d->best_count && n > 0 && best[0].label == d->best[0].label;
    } else if (kind == AF_DETECT) {
        const struct af_box *box;
        const int64_t n = af_boxes(task, r, &box);
        float most = 0;
        for (int64_t i = 0; i < n; i++)
            most = fmaxf(most, box[i].score);
        same = n == d->box_count && (!n || memcmp(box, d->box, (size_t)n * sizeof *box) == 0) &&
               d->best_count == (n < LIVE_BEST ? n : LIVE_BEST) &&
               (!n || d->best[0].probability == (double)most);
        h->boxes += n;
    } else if (kind == AF_SEGMENT) {
        const uint16_t *map;
        int height, width;
        double share = 0;
        CHECK_EQ(af_class_map(task, r, &map, &height, &width), 0);
        same = height == d->map_height && width == d->map_width && d->best_count > 0;
        for (int64_t i = 0; same && i < (int64_t)height * width; i++) {
            same = map[i] == d->map[i];
            h->pixels += map[i] > 0;
            share += map[i] == d->best[0].label;
        }
        same &= fabs(share / height / width - d->best[0].probability) < 1e-12;
    } else {
        same = d->value_count > 0 && d->best_count == 0;
        for (int i = 0; same && i < d->value_count; i++)
            same = d->value[i] == r->output[i];
        h->values += d->value_count;
    }
    same &= d->kind == kind;
    for (int i = 1; i < d->best_count; i++)
        same &= d->best[i].probability <= d->best[i - 1].probability;
    af_task_close(task);
    return same;
}

/* What the window's events would be answered as a recording of their own, by the public way. */
static int compare(void *context, const struct live_decision *d)
{
    struct heard *h = context;
    struct af_samples_options o;
    const struct window *w = d->window;
    CHECK(w->number > h->last);
    h->last = w->number;
    h->decisions++;
    h->in_windows += w->count;
    CHECK(d->run >= 0 && d->after >= d->run && d->latency >= d->after && d->latency < 60);
    if (h->sleep > 0)
        usleep((useconds_t)(1e6 * h->sleep));
    if (h->stop_at && h->decisions == h->stop_at)
        eventfd_write(h->stop_fd, 1);
    if (!h->judge)
        return AF_OK;
    CHECK_EQ(af_samples_of(h->model, &o), 0);
    const int64_t n = (int64_t)o.timesteps * o.channels * o.height * o.width;
    int16_t *counts = calloc((size_t)n, sizeof *counts);
    const struct af_recording recording = {.events = w->event, .count = w->count};
    struct af_sample sample = {.counts = counts, .length = n};
    struct af_result r;
    CHECK_EQ(af_recording_counts(&o, &recording, counts), 0);
    CHECK_EQ(af_run(h->judge, &sample, 1, NULL, &r), 0);
    h->various += h->sum != sum_of(&r);
    h->sum = sum_of(&r);
    const bool same =
        r.timesteps == d->result->timesteps &&
        memcmp(r.output, d->result->output, (size_t)r.output_size * sizeof(float)) == 0;
    h->wrong += !same || !same_answer(h, d, &r);
    af_result_free(&r);
    free(counts);
    return AF_OK;
}

static int count_ticks(void *context, const struct live_state *s)
{
    (void)s;
    ((struct heard *)context)->ticks++;
    return AF_OK;
}

static int run(const struct live_source_options *from, const char *counting, struct heard *h,
               struct live_options *o, struct live_totals *t)
{
    struct af_device *device;
    h->model = h->task ? squares_model(counting, h->task) : event_model(counting);
    h->last = -1;
    const char *board = h->board ? h->board : "cpu";
    int status = af_device_open(board, NULL, h->model, &device);
    CHECK_EQ(status, 0);
    if (status) {
        af_model_free(h->model);
        return status;
    }
    if (h->board)
        af_device_open("cpu", NULL, h->model, &h->judge);
    o->source = *from;
    o->decision = compare;
    o->tick = count_ticks;
    o->context = h;
    alarm(120); /* what waits for ever fails */
    status = live_run(device, h->model, o, t);
    alarm(0);
    af_device_close(h->judge);
    af_device_close(device);
    af_model_free(h->model);
    return status;
}

static const char fitting[] = "sensor 120x100 fit window 20";

static const char *put_stream(const char *name, const struct af_camera_event *e, int n)
{
    struct made f = {0};
    for (int i = 0; i < n; i++)
        made_text(&f, "%lld %d %d %d\n", (long long)e[i].t, e[i].x, e[i].y, e[i].polarity);
    const char *path = put(name, f.b, f.n);
    made_free(&f);
    return path;
}

/* The live path's answers are the files' to the bit, on every board that there is. */
TEST(answers)
{
    static const char *const boards[] = {"cpu", "csim"};
    struct dice dice = {21};
    const int n = 6000;
    struct af_camera_event *e = make_stream(n, &dice);
    const char *path = put_stream("answers.txt", e, n);
    for (int k = 0; k < (THREADS_ONLY ? 1 : 2); k++)
        for (int sliding = 0; sliding < 2; sliding++) {
            struct heard h = {.board = boards[k]};
            struct live_totals t;
            struct live_options o = {.span = sliding ? 30000 : 0, .step = sliding ? 10000 : 0};
            o.batch = 1 + k + 2 * sliding;
            CHECK_EQ(run(&(struct live_source_options){.from = path, .stop_fd = -1}, fitting, &h,
                         &o, &t),
                     0);
            CHECK(h.decisions > 10 && h.decisions == t.state.decisions);
            CHECK_EQ(h.wrong, 0);
            CHECK(h.various > h.decisions / 4);
            CHECK(t.state.dropped == 0 && t.state.windows.events == n && t.state.refused == 0);
            CHECK(t.latency.count == h.decisions);
            if (!sliding)
                CHECK_EQ(h.in_windows, n);
        }
    free(e);
}

/* So are boxes, maps and values. */
TEST(tasks)
{
    static const char *const words[] = {"detect stride 1 size 6 threshold 0.01", "segment",
                                        "values"};
    struct dice dice = {25};
    const int n = 3000;
    struct af_camera_event *e = make_stream(n, &dice);
    for (int i = 0; i < n; i++) { /* a spot, which a square is found in */
        e[i].x = (uint16_t)(40 + e[i].x % 20);
        e[i].y = (uint16_t)(40 + e[i].y % 20);
    }
    const char *path = put_stream("tasks.txt", e, n);
    struct heard all = {0};
    for (int k = 0; k < 3; k++) {
        struct heard h = {.board = "cpu", .task = words[k]};
        struct live_totals t;
        struct live_options o = {.batch = 1 + k};
        CHECK_EQ(
            run(&(struct live_source_options){.from = path, .stop_fd = -1}, fitting, &h, &o, &t),
            0);
        CHECK(h.decisions > 10 && h.wrong == 0);
        all.boxes += h.boxes;
        all.pixels += h.pixels;
        all.values += h.values;
    }
    CHECK(all.boxes > 0 && all.pixels > 0 && all.values > 0);
    free(e);
}

/* In its own time a recording takes its time, and its answers are the same. */
TEST(replay)
{
    struct dice dice = {22};
    const int n = 3000;
    struct af_camera_event *e = make_stream(n, &dice);
    const char *path = put_stream("replay.txt", e, n);
    const double length = 1e-6 * (double)(e[n - 1].t - e[0].t), begin = seconds();
    struct heard h = {.board = "cpu"};
    struct live_totals t;
    struct live_options o = {.queue = 200};
    CHECK_EQ(run(&(struct live_source_options){.from = path, .speed = 1, .stop_fd = -1}, fitting,
                 &h, &o, &t),
             0);
    CHECK(seconds() - begin >= length);
    CHECK(h.decisions > 10 && h.wrong == 0 && t.state.dropped == 0);
    CHECK_EQ(h.in_windows + t.state.windows.late, n);
    CHECK(h.ticks > 0);
    free(e);
}

/* A board that is too slow: windows are dropped, the oldest first, and every one is counted; of a
 * source that can wait, none. */
TEST(slow_board)
{
    struct dice dice = {23};
    const int n = 4000;
    struct af_camera_event *e = make_stream(n, &dice);
    const char *path = put_stream("slow.txt", e, n);
    struct heard h = {.sleep = 0.02};
    struct live_totals t;
    struct live_options o = {.span = 2000, .queue = 3};
    CHECK_EQ(run(&(struct live_source_options){.from = path, .speed = 5, .stop_fd = -1}, fitting,
                 &h, &o, &t),
             0);
    CHECK(t.state.dropped > 0);
    CHECK_EQ(h.in_windows + t.state.dropped_events + t.state.windows.late, n);
    CHECK_EQ(h.last + 1, h.decisions + t.state.dropped); /* the last window is never dropped */
    struct heard all = {.sleep = 0.001, .board = "cpu"};
    struct live_options wait = {.span = 2000, .queue = 3, .batch = 3};
    CHECK_EQ(
        run(&(struct live_source_options){.from = path, .stop_fd = -1}, fitting, &all, &wait, &t),
        0);
    CHECK(t.state.dropped == 0 && all.in_windows == n && all.last + 1 == all.decisions);
    CHECK_EQ(all.wrong, 0); /* several windows in a run */
    free(e);
}

/* Again and again until somebody has enough. */
TEST(loop_and_stop)
{
    struct dice dice = {24};
    struct af_camera_event *e = make_stream(1000, &dice);
    const char *path = put_stream("loop.txt", e, 1000);
    struct heard h = {.stop_at = 60, .stop_fd = eventfd(0, 0)};
    struct live_totals t;
    struct live_options o = {.span = 5000};
    CHECK_EQ(run(&(struct live_source_options){.from = path, .loop = true, .stop_fd = h.stop_fd},
                 fitting, &h, &o, &t),
             0);
    CHECK(h.decisions >= 60 && h.decisions < 80 && t.state.windows.events > 1000);
    CHECK(t.state.windows.turns == 0 && t.state.windows.late == 0);
    close(h.stop_fd);
    struct heard limited = {.sleep = 1e-6};
    struct live_options five = {.span = 5000, .limit = 5, .batch = 4};
    CHECK_EQ(run(&(struct live_source_options){.from = path, .loop = true, .stop_fd = -1}, fitting,
                 &limited, &five, &t),
             0);
    CHECK_EQ(limited.decisions, 5);
    free(e);
}

TEST(refusals)
{
    struct heard h = {.sleep = 1e-6};
    struct live_totals t;
    struct live_options o = {.span = 0};
    const char *path = put("some.txt", "1000 1 1 1\n2000 500 1 1\n", 23);
    CHECK_EQ(run(&(struct live_source_options){.from = path, .stop_fd = -1}, "fit", &h, &o, &t),
             AF_BAD_ARGUMENT);
    CHECK_ERROR("say --window");
    /* The first window says whether stream and network fit. */
    CHECK_EQ(run(&(struct live_source_options){.from = path, .stop_fd = -1}, fitting, &h, &o, &t),
             AF_BAD_FILE);
    CHECK_ERROR("is outside the sensor of 120x100");
    CHECK_EQ(run(&(struct live_source_options){.from = "tcp://127.0.0.1:1", .stop_fd = -1}, fitting,
                 &h, &o, &t),
             AF_IO);
    CHECK_ERROR("tcp://127.0.0.1:1: Connection refused");
    CHECK_EQ(run(&(struct live_source_options){.from = "udp://:1", .speed = 2, .stop_fd = -1},
                 fitting, &h, &o, &t),
             AF_BAD_ARGUMENT);
    CHECK_ERROR("only a recording in a file can be replayed");
}

/* ---- Streams that come and go ---------------------------------------------------------------- */

static struct af_camera_event stream[2000];
enum { STREAM = sizeof stream / sizeof *stream };

struct feeder {
    int port, fd, turns;
    const char *fifo;
    struct made bytes[2];
};

static void send_all(int fd, const struct made *f)
{
    for (size_t at = 0; at < f->n;) {
        const size_t part = f->n - at < 1000 ? f->n - at : 1000;
        const ssize_t n = write(fd, f->b + at, part);
        if (n <= 0)
            return;
        at += (size_t)n;
        usleep(300);
    }
}

static void *serve(void *context)
{
    struct feeder *f = context;
    for (int i = 0; i < f->turns; i++) {
        const int fd = accept(f->fd, NULL, NULL);
        send_all(fd, &f->bytes[i % 2]);
        close(fd);
        usleep(50000);
    }
    close(f->fd);
    return NULL;
}

static void *write_fifo(void *context)
{
    struct feeder *f = context;
    for (int i = 0; i < f->turns; i++) {
        const int fd = open(f->fifo, O_WRONLY);
        send_all(fd, &f->bytes[i % 2]);
        close(fd);
        usleep(50000);
    }
    return NULL;
}

static int listen_anywhere(int type, int *port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof a;
    const int fd = socket(AF_INET, type, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof a) ||
        getsockname(fd, (struct sockaddr *)&a, &size) || (type == SOCK_STREAM && listen(fd, 4)))
        abort();
    *port = ntohs(a.sin_port);
    return fd;
}

/* Text and plain events by turns: what comes after a stream ended is another stream. */
static void make_bytes(struct feeder *f)
{
    for (int i = 0; i < STREAM; i++)
        made_text(&f->bytes[0], "%lld %d %d %d\n", (long long)stream[i].t, stream[i].x, stream[i].y,
                  stream[i].polarity);
    made_add(&f->bytes[1], "% evt 2.0\n% end\n", 16);
    int64_t high = -1;
    for (int i = 0; i < STREAM; i++) {
        if (stream[i].t >> 6 != high) {
            high = stream[i].t >> 6;
            made_number(&f->bytes[1], 8u << 28 | (unsigned)high, 4, false);
        }
        made_number(&f->bytes[1],
                    (unsigned)stream[i].polarity << 28 | (unsigned)(stream[i].t & 63) << 22 |
                        (unsigned)stream[i].x << 11 | stream[i].y,
                    4, false);
    }
}

static int64_t come_back(void *feed(void *), struct feeder *f, const char *from)
{
    pthread_t thread;
    struct heard h = {.sleep = 1e-6};
    struct live_totals t;
    struct live_options o = {
        .by_count = true, .span = STREAM / 4, .limit = 4 * f->turns, .queue = 64};
    make_bytes(f);
    if (pthread_create(&thread, NULL, feed, f))
        abort();
    CHECK_EQ(run(&(struct live_source_options){.from = from, .stop_fd = -1}, fitting, &h, &o, &t),
             0);
    pthread_join(thread, NULL);
    CHECK_EQ(h.decisions, 4 * f->turns);
    CHECK_EQ(h.in_windows, (int64_t)STREAM * f->turns);
    made_free(&f->bytes[0]);
    made_free(&f->bytes[1]);
    return t.state.losses;
}

TEST(tcp)
{
    struct feeder f = {.turns = 3};
    char from[40];
    f.fd = listen_anywhere(SOCK_STREAM, &f.port);
    snprintf(from, sizeof from, "tcp://127.0.0.1:%d", f.port);
    CHECK(come_back(serve, &f, from) >= 2);
}

TEST(fifo)
{
    struct feeder f = {.turns = 3};
    f.fifo = in_folder("fifo");
    CHECK_EQ(mkfifo(f.fifo, 0600), 0);
    CHECK(come_back(write_fifo, &f, f.fifo) >= 2);
}

struct sender {
    int port;
    const struct made *bytes;
};

/* Datagrams of whole words, but for every tenth, which has one letter too much. */
static void *send_datagrams(void *context)
{
    const struct sender *s = context;
    const int fd = socket(AF_INET, SOCK_DGRAM, 0);
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_port = htons((uint16_t)s->port),
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    /* Until somebody is there: an empty one to nobody is refused, which the next one is told. */
    if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof a))
        abort();
    for (int heard = 0; heard < 2; heard = send(fd, "", 0, 0) < 0 ? 0 : heard + 1)
        usleep(20000);
    for (size_t at = 0, k = 0; at < s->bytes->n; at += 400, k++) {
        unsigned char b[401] = {0};
        const size_t part = s->bytes->n - at < 400 ? s->bytes->n - at : 400;
        memcpy(b, s->bytes->b + at, part);
        send(fd, b, part + (k > 5 && k % 10 == 0), 0);
        usleep(500);
    }
    close(fd);
    return NULL;
}

TEST(udp)
{
    struct feeder f = {0};
    struct sender s = {.bytes = &f.bytes[1]};
    pthread_t thread;
    char from[40];
    struct heard h = {.sleep = 1e-6};
    struct live_totals t;
    struct live_options o = {.by_count = true, .span = STREAM / 4, .limit = 4};
    close(listen_anywhere(SOCK_DGRAM, &s.port));
    snprintf(from, sizeof from, "udp://127.0.0.1:%d", s.port);
    make_bytes(&f);
    if (pthread_create(&thread, NULL, send_datagrams, &s))
        abort();
    CHECK_EQ(run(&(struct live_source_options){.from = from, .stop_fd = -1, .format = "evt2"},
                 fitting, &h, &o, &t),
             0);
    pthread_join(thread, NULL);
    CHECK_EQ(h.in_windows, STREAM);
    CHECK(t.state.missed > 0 && t.state.windows.late == 0);
    made_free(&f.bytes[0]);
    made_free(&f.bytes[1]);
}

/* A source that says nothing any more: what it said is answered all the same. */
static void *say_little(void *context)
{
    struct feeder *f = context;
    const int fd = open(f->fifo, O_WRONLY);
    if (write(fd, "1000 1 1 1\n2000 2 2 0\n", 22) != 22)
        abort();
    while (!__atomic_load_n(&f->turns, __ATOMIC_ACQUIRE))
        usleep(1000);
    close(fd);
    return NULL;
}

/* A source slower than its events' own time is waited for: an event at a time, each of a whole
 * millisecond's wait, of events ten microseconds apart. */
static void *say_slowly(void *context)
{
    struct feeder *f = context;
    const int fd = open(f->fifo, O_WRONLY);
    char line[40];
    for (int i = 0; i < 300; i++) {
        const int n = snprintf(line, sizeof line, "%d 1 1 1\n", 1000 + 10 * i);
        if (write(fd, line, (size_t)n) != n)
            abort();
        usleep(1000);
    }
    close(fd);
    return NULL;
}

TEST(slow)
{
    struct feeder f = {.fifo = in_folder("slow")};
    pthread_t thread;
    struct heard h = {.sleep = 1e-6};
    struct live_totals t;
    struct live_options o = {.span = 1000, .limit = 3};
    CHECK_EQ(mkfifo(f.fifo, 0600), 0);
    if (pthread_create(&thread, NULL, say_slowly, &f))
        abort();
    CHECK_EQ(run(&(struct live_source_options){.from = f.fifo, .stop_fd = -1}, fitting, &h, &o, &t),
             0);
    pthread_join(thread, NULL);
    CHECK_EQ(h.decisions, 3);
    CHECK(h.in_windows > 100 &&
          t.state.windows.late < 200); /* few but where this computer pauses */
}

/* A stream that begins disturbed is not given up at once. */
static void *say_nonsense_first(void *context)
{
    struct feeder *f = context;
    const int fd = open(f->fifo, O_WRONLY);
    char line[40];
    for (int i = 0; i < 40; i++) {
        const int n = snprintf(line, sizeof line, "%d %d 1 1\n", 1000 * i, i < 12 ? 500 : 5);
        if (write(fd, line, (size_t)n) != n)
            abort();
    }
    close(fd);
    return NULL;
}

TEST(disturbed)
{
    struct feeder f = {.fifo = in_folder("disturbed")};
    pthread_t thread;
    struct heard h = {.sleep = 1e-6};
    struct live_totals t;
    struct live_options o = {.by_count = true, .span = 4, .limit = 7};
    CHECK_EQ(mkfifo(f.fifo, 0600), 0);
    if (pthread_create(&thread, NULL, say_nonsense_first, &f))
        abort();
    CHECK_EQ(run(&(struct live_source_options){.from = f.fifo, .stop_fd = -1}, fitting, &h, &o, &t),
             0);
    pthread_join(thread, NULL);
    CHECK(h.decisions == 7 && t.state.refused == 3);
}

TEST(stalled)
{
    struct feeder f = {.fifo = in_folder("stalled")};
    pthread_t thread;
    struct heard h = {.stop_at = 1, .stop_fd = eventfd(0, 0)};
    struct live_totals t;
    struct live_options o = {.span = 30000};
    CHECK_EQ(mkfifo(f.fifo, 0600), 0);
    if (pthread_create(&thread, NULL, say_little, &f))
        abort();
    CHECK_EQ(run(&(struct live_source_options){.from = f.fifo, .stop_fd = h.stop_fd}, fitting, &h,
                 &o, &t),
             0);
    __atomic_store_n(&f.turns, 1, __ATOMIC_RELEASE);
    pthread_join(thread, NULL);
    CHECK(h.decisions == 1 && h.in_windows == 2);
    CHECK(t.latency.most > 0.02);
    close(h.stop_fd);
}

int main(void)
{
    if (!mkdtemp(folder))
        return 1;
    signal(SIGPIPE, SIG_IGN);
    made_begin();
    struct dice dice = {5};
    struct af_camera_event *e = make_stream(STREAM, &dice);
    memcpy(stream, e, sizeof stream);
    free(e);
    RUN(streams);
    RUN(plain);
    RUN(at_once);
    RUN(addresses);
    RUN(windows_of_time);
    RUN(windows_of_count);
    RUN(windows_of_odd_times);
    RUN(windows_of_set_clocks);
    RUN(windows_in_silence);
    RUN(latencies);
    RUN(answers);
    RUN(tasks);
    RUN(replay);
    RUN(slow_board);
    RUN(loop_and_stop);
    RUN(refusals);
    RUN(tcp);
    RUN(fifo);
    RUN(udp);
    RUN(slow);
    RUN(disturbed);
    RUN(stalled);
    char command[64];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command) ? 1 : test_end();
}
