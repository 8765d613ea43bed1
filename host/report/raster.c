#include "report/raster.h"

#include "base/error.h"
#include "report/axis.h"
#include "report/rows.h"
#include "report/text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define MOST_EVENTS 20000
#define WIDTH       6000 /* units along x of a band, about 1/7 px */
#define FINE        4    /* units of one pixel along y */
#define LEVELS      6    /* of positive bursts: 1, 2, 3, 4, 5 to 8, 9 and more */
#define TAKEN_BACK  LEVELS

static const char *const level_names[LEVELS + 1] = {"1", "2", "3", "4", "5–8", "9+", "taken back"};

/* One event to draw, in the order of drawing: by population, then colour, then time. */
struct mark {
    int32_t population, level, step, neuron;
};

static int level_of(int burst)
{
    return burst < 0 ? TAKEN_BACK : burst <= 4 ? burst - 1 : burst <= 8 ? 4 : 5;
}

static int by_place(const void *left, const void *right)
{
    const struct mark *a = left, *b = right;
    if (a->population != b->population)
        return a->population < b->population ? -1 : 1;
    if (a->level != b->level)
        return a->level < b->level ? -1 : 1;
    if (a->step != b->step)
        return a->step < b->step ? -1 : 1;
    return (a->neuron > b->neuron) - (a->neuron < b->neuron);
}

static double size_of(const struct report_population *p)
{
    if (p->channels < 1 || p->height < 1 || p->width < 1)
        return 0;
    return (double)p->channels * p->height * p->width;
}

static bool is_drawable(const struct report *r, const struct af_event *e)
{
    return e->burst != 0 && e->timestep >= 0 && e->timestep < r->timesteps && e->population >= 0 &&
           e->population < r->population_count && e->neuron >= 0 &&
           e->neuron < size_of(&r->populations[e->population]);
}

/* Of `total` events, one from each of MOST_EVENTS equal stretches: even over time and populations,
 * at a scrambled place in the stretch so that no regular pattern is hit or missed as a whole. */
static int64_t choose(int64_t i, int64_t total)
{
    if (total <= MOST_EVENTS)
        return i;
    int64_t from = (int64_t)((double)total * (double)i / MOST_EVENTS);
    int64_t to = (int64_t)((double)total * (double)(i + 1) / MOST_EVENTS);
    uint64_t scrambled = ((uint64_t)i + 1) * 0x9e3779b97f4a7c15u;
    return from + (int64_t)((scrambled >> 33) % (uint64_t)(to - from));
}

/* The units of one population's band: its rows are channels; within a timestep's column the
 * neurons of a channel are side by side. */
struct band {
    int height; /* in pixels */
    double column, place, row, mark;
};

static struct band band_of(const struct report *r, const struct report_population *p, int height)
{
    double area = (double)p->height * p->width, column = (double)WIDTH / r->timesteps;
    struct band b = {.height = height, .column = column, .place = 0.92 * column / area};
    b.row = (double)height * FINE / p->channels;
    b.mark = fmin(fmax(b.place, 14), 0.92 * column);
    return b;
}

static void put_marks(FILE *f, const struct report_population *p, struct band b,
                      const struct mark *marks, int64_t count)
{
    int64_t area = (int64_t)p->height * p->width;
    fprintf(f, "<path class=\"l%d\" stroke-width=\"%.1f\" d=\"", marks->level + 1,
            fmax(0.9 * b.row, 1.4 * FINE));
    for (int64_t i = 0; i < count; i++) {
        double row = (double)(marks[i].neuron / area), place = (double)(marks[i].neuron % area);
        double x = b.column * (marks[i].step + 0.04) + b.place * place;
        fprintf(f, "M%.0f %.1fh%.0f", x, b.row * (row + 0.5), b.mark);
    }
    fputs("\" />\n", f);
}

static void put_band(FILE *f, const struct report *r, const struct report_population *p, int height,
                     const struct mark *marks, int64_t count)
{
    report_name(f, p, height >= 40);
    fprintf(f, "<svg class=\"band\" height=\"%d\">\n", height);
    for (int t = 1; t < r->timesteps && r->timesteps <= 64; t++)
        fprintf(f, "<line class=\"g\" x1=\"%.3f%%\" x2=\"%.3f%%\" y2=\"100%%\" />",
                100.0 * t / r->timesteps, 100.0 * t / r->timesteps);
    fprintf(f,
            "<svg viewBox=\"0 0 %d %d\" preserveAspectRatio=\"none\" width=\"100%%\" "
            "height=\"%d\">\n",
            WIDTH, height * FINE, height);
    struct band b = band_of(r, p, height);
    for (int64_t from = 0, to; from < count; from = to) {
        for (to = from; to < count && marks[to].level == marks[from].level; to++)
            ;
        put_marks(f, p, b, marks + from, to - from);
    }
    fputs("</svg></svg>\n", f);
}

static void put_legend(FILE *f, const struct mark *marks, int64_t count)
{
    bool seen[LEVELS + 1] = {false};
    for (int64_t i = 0; i < count; i++)
        seen[marks[i].level] = true;
    fputs("<p class=\"legend\"><span>Spikes of the burst</span>", f);
    for (int i = 0; i <= LEVELS; i++)
        if (seen[i])
            fprintf(f, "<span><i class=\"key bar k%d\"></i>%s</span>", i + 1, level_names[i]);
    fputs("</p>\n", f);
}

static void put_raster(FILE *f, const struct report *r, const struct mark *marks, int64_t count,
                       int64_t total)
{
    int bands = 0;
    for (int64_t i = 0; i < count; i++)
        bands += i == 0 || marks[i].population != marks[i - 1].population;
    int height = bands <= 8 ? 60 : bands <= 14 ? 44 : bands <= 30 ? 32 : bands <= 70 ? 20 : 15;
    fputs("<section class=\"card\">\n<h2>One sample", f);
    if (r->raster_name) {
        fputs(": ", f);
        text_put_tail(f, r->raster_name, 80);
    }
    fputs("</h2>\n", f);
    put_legend(f, marks, count);
    fprintf(f, "<div class=\"rows raster%s\">\n", bands > 30 ? " dense" : "");
    for (int64_t from = 0, to; from < count; from = to) {
        for (to = from; to < count && marks[to].population == marks[from].population; to++)
            ;
        put_band(f, r, &r->populations[marks[from].population], height, marks + from, to - from);
    }
    fputs("<span></span><svg height=\"38\">", f);
    report_timestep_labels(f, r->timesteps, "14");
    fputs("<text class=\"t name\" x=\"50%\" y=\"33\" text-anchor=\"middle\">timestep</text></svg>\n"
          "</div>\n<p class=\"note\">A band is a population that fired, a row of it a channel; "
          "within "
          "a timestep a channel's neurons lie side by side. ",
          f);
    if (count < total)
        fprintf(f, "Shown are %s of the sample's %s events, chosen evenly.", text_integer(count).s,
                text_integer(total).s);
    else
        fprintf(f, "All %s events of the sample.", text_integer(total).s);
    fputs("</p>\n</section>\n", f);
}

int report_plot_raster(FILE *f, const struct report *r)
{
    int64_t total = r->raster && r->populations ? r->raster_count : 0;
    int64_t most = total < MOST_EVENTS ? total : MOST_EVENTS, count = 0;
    if (total <= 0)
        return AF_OK;
    struct mark *marks = calloc((size_t)most, sizeof *marks);
    if (!marks)
        return af_fail(AF_NO_MEMORY, "no memory for the raster of the report");
    for (int64_t i = 0; i < most; i++) {
        const struct af_event *e = &r->raster[choose(i, total)];
        if (is_drawable(r, e))
            marks[count++] =
                (struct mark){e->population, level_of(e->burst), e->timestep, e->neuron};
    }
    if (count > 0) {
        qsort(marks, (size_t)count, sizeof *marks, by_place);
        put_raster(f, r, marks, count, total);
    }
    free(marks);
    return AF_OK;
}
