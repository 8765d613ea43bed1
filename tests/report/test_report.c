/* The HTML report. With a folder as argument the pages stay there, to be looked at. */
#include "test.h"

#include "adafire.h"
#include "base/error.h"
#include "base/file.h"
#include "report/report.h"
#include "report/text.h"

#include <ctype.h>
#include <dirent.h>
#include <locale.h>
#include <math.h>
#include <sys/stat.h>
#include <unistd.h>

#define TIMESTEPS   8
#define POPULATIONS 22
#define MANY        150
#define CORES       4

static const char *folder;

/* ---- A small checker of what the report's subset of HTML has to be -------------------------- */

#define DEEPEST 64

struct page {
    char *text;
    size_t size;
};

/* The beginning of what is wrong, for the message. */
static const char *line_of(const char *at)
{
    static char line[60];
    size_t n = strlen(at) < sizeof line - 1 ? strlen(at) : sizeof line - 1;
    memcpy(line, at, n);
    line[n] = 0;
    return line;
}

static int is_entity(const char *p)
{
    static const char *const known[] = {"&amp;", "&lt;", "&gt;", "&quot;", "&#39;"};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (!strncmp(p, known[i], strlen(known[i])))
            return 1;
    return 0;
}

/* Reads a tag's attributes up to its '>'; NULL if they are malformed. */
static const char *after_attributes(const char *p, int *closed)
{
    for (;;) {
        while (*p == ' ' || *p == '\n')
            p++;
        *closed = *p == '/';
        if (*p == '/' && p[1] == '>')
            return p + 2;
        if (*p == '>')
            return p + 1;
        const char *name = p;
        while (isalnum((unsigned char)*p) || *p == '-' || *p == ':')
            p++;
        if (p == name || *p++ != '=' || *p++ != '"')
            return NULL;
        for (; *p != '"'; p++)
            if (!*p || *p == '<' || (*p == '&' && !is_entity(p)))
                return NULL;
        p++;
        if (*p != ' ' && *p != '>' && *p != '/' && *p != '\n')
            return NULL;
    }
}

/* NULL if every tag is closed in order and every '&' starts an entity, else what is wrong. */
static const char *fault_of(const char *text)
{
    static char open[DEEPEST][24];
    int depth = 0, closed;
    const char *p = text;
    if (strncmp(p, "<!DOCTYPE html>\n", 16))
        return "no doctype";
    for (p += 16; *p;) {
        if (*p == '&' && !is_entity(p))
            return line_of(p);
        if (*p == '>')
            return line_of(p);
        if (*p != '<') {
            p++;
            continue;
        }
        const char *tag = p++;
        int end = *p == '/';
        p += end;
        size_t n = strspn(p, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789");
        if (n == 0 || n >= sizeof open[0] || depth == DEEPEST)
            return line_of(tag);
        if (end) {
            if (depth == 0 || strlen(open[depth - 1]) != n || strncmp(open[depth - 1], p, n) ||
                p[n] != '>')
                return line_of(tag);
            depth--;
            p += n + 1;
            continue;
        }
        memcpy(open[depth], p, n);
        open[depth][n] = 0;
        p = after_attributes(p + n, &closed);
        if (!p)
            return line_of(tag);
        if (!closed && !strcmp(open[depth], "style"))
            p = strstr(p, "</style>");
        if (!p)
            return "an open <style>";
        depth += !closed;
    }
    return depth ? open[depth - 1] : NULL;
}

/* As a number printed wrongly, so also after the letter of a path command: "L1 nanL". */
static int has_word(const char *text, const char *word)
{
    size_t n = strlen(word);
    for (const char *p = text; (p = strstr(p, word)); p += n)
        if ((p == text || !islower((unsigned char)p[-1])) && !islower((unsigned char)p[n]))
            return 1;
    return 0;
}

static int count_of(const char *text, const char *what)
{
    int n = 0;
    for (const char *p = text; (p = strstr(p, what)); p += strlen(what))
        n++;
    return n;
}

/* Writes the report, and checks what holds for every page. The caller frees .text. */
static struct page written(const char *name, const struct report *r)
{
    struct page page = {0};
    char path[512];
    void *bytes = NULL;
    snprintf(path, sizeof path, "%s/%s.html", folder, name);
    CHECK_EQ(report_write(path, r), AF_OK);
    CHECK_EQ(file_read(path, 64 << 20, &bytes, &page.size), AF_OK);
    page.text = bytes;
    if (!page.text)
        return page;
    const char *fault = fault_of(page.text);
    if (fault)
        printf("%s.html is not well-formed: %s\n", name, fault);
    CHECK(!fault);
    CHECK_EQ(strlen(page.text), page.size);
    CHECK(!has_word(page.text, "nan"));
    CHECK(!has_word(page.text, "inf"));
    CHECK(!has_word(page.text, "null"));
    CHECK(!strstr(page.text, "http://"));
    CHECK(!strstr(page.text, "https://"));
    CHECK(!strstr(page.text, "<script"));
    CHECK(!strstr(page.text, "<link"));
    CHECK(!strstr(page.text, "url("));
    return page;
}

/* ---- Reports to write ----------------------------------------------------------------------- */

static uint32_t seed = 1;
static double uniform(void)
{
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 8) / 16777216.0;
}

struct example {
    struct report report;
    struct report_population populations[MANY];
    char names[MANY][64];
    struct af_event *raster;
    struct af_profile profile;
    struct af_span span[2 * CORES];
    struct af_waits waits[2];
};

/* Shaped like a ResNet-20 for `count` == 22. */
static void make_populations(struct example *x, int count)
{
    for (int i = 0; i < count; i++) {
        struct report_population *p = &x->populations[i];
        int third = i ? (i - 1) * 3 / (count > 1 ? count - 1 : 1) : 0;
        snprintf(x->names[i], sizeof x->names[i], "layer%d/layer%d.%d/relu_%d", third + 1,
                 third + 1, i / 2 % 3, i);
        *p = (struct report_population){
            .name = x->names[i],
            .kind = "relu",
            .channels = 16 << third,
            .height = 32 >> third,
            .width = 32 >> third,
            .burst = 4,
            .signed_bursts = i % 5 == 3,
            .ratio = 1.0,
            .threshold_min = 0.02 * (1 + uniform()),
            .threshold_max = 0.2 * (1 + 3 * uniform()),
            .spikes = (6000 >> third) * (0.4 + uniform()),
        };
        p->events = p->spikes * (0.5 + 0.3 * uniform());
        p->sops = p->events * 144 * (1 << third);
    }
    x->populations[0].name = "input";
    x->populations[0].kind = "input";
    x->populations[0].channels = 3;
    x->populations[0].burst = 0;
    x->populations[0].threshold_min = x->populations[0].threshold_max = 0;
    x->populations[0].spikes = x->populations[0].events = x->populations[0].sops = 0;
    if (count > 1) {
        struct report_population *last = &x->populations[count - 1];
        *last = (struct report_population){.name = "logits",
                                           .kind = "output",
                                           .channels = 10,
                                           .height = 1,
                                           .width = 1,
                                           .ratio = 1};
    }
    x->report.population_count = count;
    x->report.populations = x->populations;
}

/* Each core fires the second population, then decides. */
static void make_profile(struct example *x)
{
    for (int i = 0; i < 2 * CORES; i++)
        x->span[i] = (struct af_span){.core = i / 2,
                                      .timestep = i % 2,
                                      .population = i % 2 ? -1 : 1,
                                      .begin = i % 2 ? 600 : 0,
                                      .fired = i % 2 ? 900 : 100,
                                      .end = i % 2 ? 1000 : 600,
                                      .starved = 125};
    x->waits[0] =
        (struct af_waits){.process = "gather", .core = -1, .starved = 250, .blocked = 500};
    x->waits[1] = (struct af_waits){.process = "fetch", .core = 3, .starved = 2000};
    x->profile = (struct af_profile){.cores = CORES,
                                     .lanes = 16,
                                     .cycles = 1000,
                                     .span_count = 2 * CORES,
                                     .waits_count = 2,
                                     .span = x->span,
                                     .waits = x->waits};
    x->report.profile = &x->profile;
}

static void make_raster(struct example *x, int64_t count)
{
    x->raster = calloc((size_t)count + 1, sizeof *x->raster);
    x->report.raster = x->raster;
    x->report.raster_count = count;
    x->report.raster_name = "test image 17, a ship";
    for (int64_t i = 0; i < count; i++) {
        int from = 1 + (int)(uniform() * (x->report.population_count - 2));
        struct report_population *p = &x->populations[from];
        int neurons = p->channels * p->height * p->width;
        x->raster[i] = (struct af_event){
            .timestep = (int32_t)(i * x->report.timesteps / count),
            .population = from,
            .neuron = (int32_t)(uniform() * uniform() * neurons),
            .burst = uniform() < 0.05 ? -1 : 1 + (int)(uniform() * uniform() * 6),
        };
    }
}

static struct example full_example(void)
{
    static const struct report_fact facts[] = {
        {"Source",
         "model.onnx, SHA-256 8641cf60ede54cff712ea3bc1bd6d7d00299b1f5f1ffdc7f3e3c8f04d4"},
        {"Conversion", "timesteps 8, burst 4, threshold ratio searched, early exit at 0.9"},
        {"Calibration", "256 images, layer-wise, 12.4 s"},
        {"Threads", "2"},
    };
    static const double accuracy[TIMESTEPS] = {.412, .731, .846, .893, .909, .916, .919, .9205};
    static const double agreement[TIMESTEPS] = {.42, .75, .87, .925, .951, .966, .975, .981};
    static const int64_t exits[TIMESTEPS] = {0, 3120, 2710, 1650, 940, 580, 360, 640};
    static struct example x;
    memset(&x, 0, sizeof x);
    seed = 1;
    x.report = (struct report){
        .title = "resnet20-cifar10",
        .board = "cpu",
        .samples = 10000,
        .timesteps = TIMESTEPS,
        .iat = true,
        .accuracy = 0.9187,
        .top5 = 0.9971,
        .agreement = 0.9754,
        .timesteps_mean = 3.62,
        .samples_per_second = 1234.5,
        .exits = exits,
        .accuracy_at = accuracy,
        .agreement_at = agreement,
        .energy_ann_uj = 188.2,
        .energy_event_uj = 17.94,
        .energy_spike_uj = 31.6,
        .fact_count = 4,
        .facts = facts,
    };
    make_populations(&x, POPULATIONS);
    return x;
}

static struct report bare(void)
{
    return (struct report){.title = "bare",
                           .board = "cpu",
                           .timesteps = 4,
                           .accuracy = NAN,
                           .top5 = NAN,
                           .agreement = NAN,
                           .timesteps_mean = NAN,
                           .samples_per_second = NAN,
                           .energy_ann_uj = NAN,
                           .energy_event_uj = NAN,
                           .energy_spike_uj = NAN};
}

static void check_holds(const struct page *page, const char *const *expected, size_t count)
{
    for (size_t i = 0; page->text && i < count; i++) {
        if (!strstr(page->text, expected[i]))
            printf("lacks: %s\n", expected[i]);
        CHECK(strstr(page->text, expected[i]));
    }
}

/* ---- Tests ---------------------------------------------------------------------------------- */

TEST(full)
{
    struct example x = full_example();
    x.report.populations = x.populations;
    make_raster(&x, 61234);
    struct page page = written("full", &x.report);
    static const char *const expected[] = {
        "<title>resnet20-cifar10",
        ">91.87\u00a0%<",
        "top-5 99.71\u00a0%",
        ">97.54\u00a0%<",
        ">3.62<",
        "mean, of at most 8",
        "<b>10.5×</b>",
        "<b>5.96×</b>",
        ">1.23\u00a0k<",
        "10,000 samples",
        "Accuracy against timestep",
        "92.05\u00a0%",
        "When samples stop",
        ">3.12\u00a0k<",
        "Energy of one sample",
        ">188\u00a0µJ<",
        ">17.9\u00a0µJ<",
        "test image 17, a ship",
        "Shown are 20,000 of the sample's 61,234 events",
        "Activity of the populations",
        "Thresholds and burst limits",
        ">±4<",
        "layer3.2/relu_17",
        "<table>",
        "Provenance",
        "8641cf60ede54cff",
        "Calibration",
        "prefers-color-scheme:dark",
    };
    check_holds(&page, expected, sizeof expected / sizeof *expected);
    CHECK_EQ(count_of(page.text, "class=\"tile\""), 6);
    CHECK_EQ(count_of(page.text, "<section"), 8);
    CHECK_EQ(count_of(page.text, "class=\"band\""), POPULATIONS - 2);
    CHECK(page.size < 600000);
    free(page.text);
    free(x.raster);
}

TEST(timeline)
{
    struct example x = full_example();
    x.report.populations = x.populations;
    make_profile(&x);
    struct page page = written("timeline", &x.report);
    static const char *const expected[] = {
        "Timeline of the cores",
        "core 3</span>",
        "t = 2</text>",
        "relu_1, timestep 1: 600 cycles, firing 100, starved 125, blocked 0</title>",
        "decision, outputs, timestep 2: 400 cycles",
        "x=\"10.000%\" width=\"50.000%\" y=\"25.0%\" height=\"75.0%\"",
        "fetch 3</span>",
        "busy 25.0 %, starved 25.0 %, blocked 50.0 %",
        "busy 0.0 %, starved 100.0 %, blocked 0.0 %",
        "1,000 cycles from",
    };
    check_holds(&page, expected, sizeof expected / sizeof *expected);
    CHECK_EQ(count_of(page.text, "class=\"b\" x"), CORES);
    free(page.text);
    x.profile.cycles = 0;
    page = written("no-timeline", &x.report);
    CHECK(page.text && !strstr(page.text, "Timeline"));
    free(page.text);
}

/* The events that the raster draws. */
static int marks_of(const char *text)
{
    int marks = 0;
    for (const char *p = text; (p = strstr(p, "stroke-width=\"")); p++)
        for (const char *d = strstr(p, " d=\"") + 4; *d != '"'; d++)
            marks += *d == 'M';
    return marks;
}

/* A line of the raster is one event: none lost, none twice. */
TEST(raster_is_complete)
{
    struct example x = full_example();
    x.report.populations = x.populations;
    make_raster(&x, 5000);
    struct page page = written("raster", &x.report);
    CHECK(strstr(page.text, "All 5,000 events"));
    CHECK_EQ(marks_of(page.text), 5000);
    free(page.text);
    free(x.raster);
}

TEST(raster_ignores_what_is_not_there)
{
    struct example x = full_example();
    x.report.populations = x.populations;
    struct af_event wrong[] = {{0, 0, 1, 0, 2},       {0, -1, 1, 0, 1},
                               {0, 8, 1, 0, 1},       {0, 0, -1, 0, 1},
                               {0, 0, 1 << 28, 0, 1}, {0, 0, 1, 16 * 1024, 1},
                               {0, 0, 1, -1, 1},      {0, 0, 1, 0, 0},
                               {0, 7, 20, 0, -3},     {0, 7, 20, 64 * 64 - 1, 2000000000}};
    x.report.raster = wrong;
    x.report.raster_count = 10;
    struct page page = written("wrong_events", &x.report);
    CHECK_EQ(count_of(page.text, "class=\"band\""), 2);
    CHECK_EQ(marks_of(page.text), 3);
    CHECK(strstr(page.text, "taken back"));
    CHECK(strstr(page.text, ">9+<"));
    free(page.text);
}

TEST(minimum)
{
    struct report r = bare();
    struct page page = written("minimum", &r);
    CHECK_EQ(count_of(page.text, "class=\"tile\""), 0);
    CHECK_EQ(count_of(page.text, "<section"), 0);
    free(page.text);
    r.title = NULL;
    r.board = NULL;
    page = written("null", &r);
    CHECK(strstr(page.text, "<h1>AdaFire</h1>"));
    free(page.text);
}

/* What is unknown is absent; what is known stays. */
TEST(partly_unknown)
{
    struct report r = bare();
    double gaps[4] = {NAN, 0.5, NAN, 0.75}, none[4] = {NAN, NAN, NAN, NAN};
    int64_t exits[4] = {0, 0, 0, 12};
    r.agreement_at = gaps;
    r.accuracy_at = none;
    r.exits = exits;
    r.energy_event_uj = 0.0123;
    struct page page = written("partly", &r);
    CHECK(strstr(page.text, "Agreement with the ANN against timestep"));
    CHECK_EQ(count_of(page.text, "<circle"), 2);
    CHECK(!strstr(page.text, "When samples stop"));
    CHECK(strstr(page.text, "0.0123\u00a0µJ"));
    CHECK(!strstr(page.text, "than the ANN"));
    free(page.text);
    r.iat = true;
    r.energy_ann_uj = INFINITY;
    page = written("partly2", &r);
    CHECK(strstr(page.text, "When samples stop"));
    free(page.text);
}

TEST(hostile_text)
{
    struct example x = full_example();
    static const char script[] = "<script>alert(\"1\")</script> & 'x' &amp; ]]> -->";
    struct report_fact facts[] = {
        {script, script},
        {"bytes", "\xff\xfe \xc0\xaf \xed\xa0\x80 \xe2\x82 \xf4\x90\x80\x80 \x01\x7f"},
        {"good", "µJ × 日本語 \xf0\x9f\x94\xa5"},
        {NULL, NULL},
        {"cut", "\xf0\x9f"},
    };
    x.report.populations = x.populations;
    x.report.title = x.report.board = script;
    x.report.facts = facts;
    x.report.fact_count = 5;
    x.populations[1].name = script;
    x.populations[2].name = NULL;
    x.populations[2].kind = NULL;
    x.populations[3].name = "\" onclick=\"alert(1)\xff";
    x.populations[4].kind = script;
    char longest[5000];
    memset(longest, 'w', sizeof longest);
    longest[sizeof longest - 1] = 0;
    x.populations[5].name = longest;
    make_raster(&x, 300);
    x.report.raster_name = script;
    struct page page = written("hostile", &x.report);
    CHECK(strstr(page.text, "&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt; &amp; &#39;x&#39; "
                            "&amp;amp; ]]&gt; --&gt;"));
    CHECK(strstr(page.text, "µJ × 日本語 \xf0\x9f\x94\xa5"));
    CHECK(!strpbrk(page.text, "\xff\xfe\xc0\xed\x01\x7f"));
    CHECK(count_of(page.text, "\xef\xbf\xbd") >= 10);
    CHECK(!strstr(page.text, longest));
    free(page.text);
    free(x.raster);
}

TEST(hostile_numbers)
{
    struct example x = full_example();
    struct report *r = &x.report;
    double far[TIMESTEPS] = {-1e300, 1e300, 0, NAN, INFINITY, -INFINITY, 1, 1};
    r->populations = x.populations;
    x.populations[1] = (struct report_population){.name = "x",
                                                  .kind = "relu",
                                                  .channels = -1,
                                                  .height = 0,
                                                  .width = 1 << 30,
                                                  .burst = 1 << 30,
                                                  .threshold_min = 1e-300,
                                                  .threshold_max = 1e300};
    x.populations[2].spikes = x.populations[2].sops = x.populations[2].events = NAN;
    x.populations[3].spikes = INFINITY;
    x.populations[4].sops = 1e300;
    x.populations[5].threshold_min = NAN;
    x.populations[6].threshold_max = INFINITY;
    x.populations[7].threshold_max = x.populations[7].threshold_min / 2;
    x.populations[8].threshold_min = x.populations[8].threshold_max = 1e-20;
    x.populations[9].spikes = -5;
    x.populations[10].channels = x.populations[10].height = x.populations[10].width = 1 << 30;
    r->accuracy_at = far;
    r->energy_ann_uj = 1e300;
    r->energy_event_uj = 1e-300;
    r->energy_spike_uj = -1;
    r->samples_per_second = INFINITY;
    r->timesteps_mean = -3;
    r->samples = INT64_MIN;
    struct af_event event = {0, 0, 10, 0, 1};
    r->raster = &event;
    r->raster_count = 1;
    struct page page = written("numbers", r);
    CHECK_EQ(count_of(page.text, "<h2>Energy</h2>"), 0);
    free(page.text);
}

TEST(many_populations)
{
    struct example x = full_example();
    make_populations(&x, MANY);
    x.report.populations = x.populations;
    make_raster(&x, 30000);
    struct page page = written("many", &x.report);
    CHECK(strstr(page.text, "Total of 150"));
    CHECK_EQ(count_of(page.text, "class=\"band\""), MANY - 2);
    CHECK(strstr(page.text, "rows dense"));
    free(page.text);
    free(x.raster);
}

TEST(one_population)
{
    struct example x = full_example();
    make_populations(&x, 1);
    x.report.populations = x.populations;
    struct page page = written("one", &x.report);
    CHECK(strstr(page.text, "Total of 1<"));
    free(page.text);
}

TEST(silent)
{
    struct example x = full_example();
    struct af_event none = {0, 0, 0, 0, 0};
    x.report.populations = x.populations;
    for (int i = 0; i < POPULATIONS; i++)
        x.populations[i].spikes = x.populations[i].events = x.populations[i].sops = 0;
    x.report.energy_event_uj = x.report.energy_spike_uj = 0;
    x.report.raster = &none;
    x.report.raster_count = 0;
    struct page page = written("silent", &x.report);
    CHECK(!strstr(page.text, "One sample"));
    free(page.text);
    x.report.raster_count = -1;
    page = written("silent", &x.report);
    CHECK(!strstr(page.text, "Activity of"));
    CHECK(strstr(page.text, ">0\u00a0µJ<"));
    CHECK_EQ(count_of(page.text, "<h2>Energy</h2>"), 0);
    free(page.text);
}

TEST(one_timestep)
{
    struct example x = full_example();
    x.report.populations = x.populations;
    x.report.timesteps = 1;
    x.report.timesteps_mean = 1;
    x.report.iat = false;
    x.report.accuracy = 0.412;
    int64_t exits[1] = {10000};
    x.report.exits = exits;
    make_raster(&x, 2000);
    struct page page = written("one_timestep", &x.report);
    CHECK(strstr(page.text, "1 timestep ·"));
    CHECK(strstr(page.text, "<b>41.20\u00a0%</b> at timestep 1<"));
    free(page.text);
    free(x.raster);
}

/* Long recordings: no label runs into the next, and every axis still has some. */
TEST(many_timesteps)
{
    static const int counts[] = {12, 13, 16, 20, 37, 64, 100, 250, 1000};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        int count = counts[i];
        struct report r = bare();
        double *rising = calloc((size_t)count, sizeof *rising);
        int64_t *exits = calloc((size_t)count, sizeof *exits);
        for (int t = 0; t < count; t++) {
            rising[t] = 0.9 - 0.8 * exp(-4.0 * t / count);
            exits[t] = 7 + t % 5;
        }
        r.timesteps = count;
        r.iat = true;
        r.accuracy_at = rising;
        r.exits = exits;
        char name[32];
        snprintf(name, sizeof name, "timesteps%d", count);
        struct page page = written(name, &r);
        int labels = count_of(page.text, "y=\"232\"") / 2;
        CHECK(labels >= 4 && labels <= 12);
        free(page.text);
        free(rising);
        free(exits);
    }
}

/* A decimal comma would break every coordinate. */
TEST(other_locale)
{
    static const char *const names[] = {"de_DE.UTF-8", "fr_FR.UTF-8", "de_DE", "fr_FR"};
    size_t i = 0;
    while (i < 4 && !setlocale(LC_NUMERIC, names[i]))
        i++;
    if (i == 4) {
        SKIP("no locale with a decimal comma");
        return;
    }
    struct example x = full_example();
    x.report.populations = x.populations;
    struct page page = written("locale", &x.report);
    CHECK(strstr(page.text, ">91.87\u00a0%<"));
    CHECK(!strstr(page.text, ">91,87"));
    char number[16];
    snprintf(number, sizeof number, "%.1f", 0.5);
    CHECK(!strcmp(number, "0,5"));
    setlocale(LC_NUMERIC, "C");
    free(page.text);
}

TEST(numbers_for_people)
{
    static const struct {
        double value;
        const char *count, *energy;
    } cases[] = {
        {0, "0", "0\u00a0µJ"},
        {7, "7", "7.00\u00a0µJ"},
        {0.25, "0.250", "0.250\u00a0µJ"},
        {12.34, "12.3", "12.3\u00a0µJ"},
        {999.4, "999", "999\u00a0µJ"},
        {999.6, "1.00\u00a0k", "1.00\u00a0mJ"},
        {1234, "1.23\u00a0k", "1.23\u00a0mJ"},
        {34.49e6, "34.5\u00a0M", "34.5\u00a0J"},
        {999.6e6, "1.00\u00a0G", "1000\u00a0J"},
        {NAN, "", ""},
        {-INFINITY, "", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        CHECK(!strcmp(text_count(cases[i].value).s, cases[i].count));
        CHECK(!strcmp(text_energy(cases[i].value).s, cases[i].energy));
    }
    CHECK(!strcmp(text_energy(0.00123).s, "1.23\u00a0nJ"));
    CHECK(!strcmp(text_integer(-1234567).s, "-1,234,567"));
    CHECK(!strcmp(text_integer(INT64_MIN).s, "-9,223,372,036,854,775,808"));
    CHECK(!strcmp(text_integer(-123456).s, "-123,456"));
    CHECK(!strcmp(text_integer(100).s, "100"));
    CHECK(!strcmp(text_ratio(123.4).s, "123×"));
    CHECK(!strcmp(text_number(0.00001234).s, "1.23e-05"));
}

TEST(unwritable)
{
    struct report r = bare();
    char path[512];
    snprintf(path, sizeof path, "%s/no/such/folder.html", folder);
    CHECK_EQ(report_write(path, &r), AF_IO);
    CHECK_ERROR("no/such/folder.html");
    CHECK(access(path, F_OK) != 0);

    /* A folder in its place: the writing succeeds and the renaming does not. */
    snprintf(path, sizeof path, "%s/taken.html", folder);
    CHECK_EQ(mkdir(path, 0777), 0);
    CHECK_EQ(report_write(path, &r), AF_IO);
    CHECK_ERROR("taken.html");
    CHECK_EQ(rmdir(path), 0);
    DIR *d = opendir(folder);
    for (struct dirent *e; d && (e = readdir(d));)
        CHECK(strncmp(e->d_name, "taken", 5));
    closedir(d);

    CHECK_EQ(report_write("/dev/full/x", &r), AF_IO);
    CHECK_EQ(report_write(NULL, &r), AF_BAD_ARGUMENT);
    CHECK_EQ(report_write(path, NULL), AF_BAD_ARGUMENT);
    r.timesteps = 0;
    CHECK_EQ(report_write(path, &r), AF_BAD_ARGUMENT);
    CHECK(access(path, F_OK) != 0);
}

/* The checker itself has to see faults, or the checks above say nothing. */
TEST(checker)
{
    static const char *const wrong[] = {
        "<p>",
        "<p></b>",
        "</p>",
        "<p a=1></p>",
        "<p>a & b</p>",
        "<p>a > b</p>",
        "<p a=\"<\"></p>",
        "<br>",
        "<p a=\"1\"b=\"2\"></p>",
        "<p>&nbsp;</p>",
        "< p></p>",
    };
    char page[200];
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        snprintf(page, sizeof page, "<!DOCTYPE html>\n%s", wrong[i]);
        CHECK(fault_of(page) != NULL);
    }
    CHECK(fault_of("<!DOCTYPE html>\n<p a=\"&lt;\">1 &amp; 2<br /></p>") == NULL);
    CHECK(has_word("x=\"nan\"", "nan") && has_word("-inf%", "inf") &&
          has_word("Lnan 1L2 nanL3", "nan") && !has_word("info", "inf"));
}

static void remove_folder(void)
{
    DIR *d = opendir(folder);
    char path[800];
    for (struct dirent *e; d && (e = readdir(d));) {
        snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
        if (e->d_name[0] != '.')
            unlink(path);
    }
    closedir(d);
    rmdir(folder);
}

int main(int argc, char **argv)
{
    char temporary[] = "/tmp/test_report.XXXXXX";
    folder = argc > 1 ? argv[1] : mkdtemp(temporary);
    if (!folder)
        return 1;
    RUN(checker);
    RUN(full);
    RUN(timeline);
    RUN(raster_is_complete);
    RUN(raster_ignores_what_is_not_there);
    RUN(minimum);
    RUN(partly_unknown);
    RUN(hostile_text);
    RUN(hostile_numbers);
    RUN(many_populations);
    RUN(one_population);
    RUN(silent);
    RUN(one_timestep);
    RUN(many_timesteps);
    RUN(other_locale);
    RUN(numbers_for_people);
    RUN(unwritable);
    if (argc < 2)
        remove_folder();
    return test_end();
}
