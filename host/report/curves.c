#include "report/curves.h"

#include "report/axis.h"
#include "report/text.h"

#include <math.h>
#include <stdio.h>

#define MOST_DOTS   24 /* with more timesteps than this a curve has no dots */
#define MOST_VALUES 12 /* with more bars than this they carry no numbers, on a phone 6 */

/* A linear y axis; `step` apart are its ticks, the lowest at `low`. */
struct axis {
    double low, high, step;
};

static double place_of(struct axis y, double value)
{
    return (y.high - value) / (y.high - y.low);
}

static void put_y_axis(FILE *f, struct axis y, bool percent)
{
    int digits = (int)fmax(0, -floor(log10(100 * y.step) + 1e-9));
    int last = (int)((y.high - y.low) / y.step + 0.001);
    for (int i = 0; i <= last; i++) {
        double value = y.low + i * y.step, place = 100 * place_of(y, value);
        fprintf(f, "<line class=\"%s\" x1=\"0\" x2=\"100%%\" y1=\"%.2f%%\" y2=\"%.2f%%\" />\n",
                i ? "g" : "axis", place, place);
        fprintf(f, "<text class=\"t\" x=\"0\" y=\"%.2f%%\" dx=\"-8\" dy=\".32em\" ", place);
        if (percent)
            fprintf(f, "text-anchor=\"end\">%.*f\u00a0%%</text>\n", digits, 100 * value);
        else
            fprintf(f, "text-anchor=\"end\">%s</text>\n", text_tick(value).s);
    }
}

/* One piece of a curve without gaps, values[from .. to-1]. */
static void put_piece(FILE *f, const double *values, int from, int to, int count, struct axis y,
                      const char *class, bool area)
{
    fprintf(f, "<path class=\"%s %s\" vector-effect=\"non-scaling-stroke\" d=\"",
            area ? "area" : "curve", class);
    if (area)
        fprintf(f, "M%.1f 1000", 1000 * (from + 0.5) / count);
    for (int t = from; t < to; t++)
        fprintf(f, "%c%.1f %.1f", t > from || area ? 'L' : 'M', 1000 * (t + 0.5) / count,
                1000 * place_of(y, values[t]));
    if (area)
        fprintf(f, "L%.1f 1000Z", 1000 * (to - 0.5) / count);
    fputs("\" />\n", f);
}

static void put_curve(FILE *f, const double *values, int count, struct axis y, const char *class,
                      const char *what, bool area)
{
    fputs("<svg viewBox=\"0 0 1000 1000\" preserveAspectRatio=\"none\" width=\"100%\" "
          "height=\"100%\" overflow=\"visible\">\n",
          f);
    for (int from = 0, to; from < count; from = to + 1) {
        for (to = from; to < count && isfinite(values[to]); to++)
            ;
        if (to == from)
            continue;
        if (area)
            put_piece(f, values, from, to, count, y, class, true);
        put_piece(f, values, from, to, count, y, class, false);
    }
    fputs("</svg>\n", f);
    for (int t = 0; t < count; t++) {
        if (!isfinite(values[t]) || (count > MOST_DOTS && t + 1 < count))
            continue;
        fprintf(f, "<circle class=\"dot %s\" cx=\"%.2f%%\" cy=\"%.2f%%\" r=\"%s\">", class,
                100 * (t + 0.5) / count, 100 * place_of(y, values[t]), count > 16 ? "2.5" : "3.5");
        fprintf(f, "<title>%s %s at timestep %d</title></circle>\n", what,
                text_percent(values[t]).s, t + 1);
    }
}

static void widen(struct axis *y, double value)
{
    if (!isfinite(value))
        return;
    y->low = fmin(y->low, value);
    y->high = fmax(y->high, value);
}

/* Around all that is drawn, to round ticks, and at least two percent high. */
static struct axis axis_of_parts(const struct report *r, bool stopped)
{
    struct axis y = {.low = INFINITY, .high = -INFINITY};
    for (int t = 0; t < r->timesteps; t++) {
        widen(&y, r->accuracy_at ? r->accuracy_at[t] : NAN);
        widen(&y, r->agreement_at ? r->agreement_at[t] : NAN);
    }
    if (stopped)
        widen(&y, r->accuracy);
    if (y.high - y.low < 0.02)
        y.low = fmax(0, y.high - 0.02), y.high = y.low + 0.02;
    if (y.low > 0 && y.low < 0.5)
        y.low = 0;
    y.step = report_tick_step(y.high - y.low, 5);
    y.low = floor(y.low / y.step + 1e-9) * y.step;
    y.high = ceil(y.high / y.step - 1e-9) * y.step;
    return y;
}

static bool has_values(const double *values, int count)
{
    for (int t = 0; values && t < count; t++)
        if (isfinite(values[t]))
            return true;
    return false;
}

static void put_key(FILE *f, const char *class, const char *what, const double *values, int count)
{
    fprintf(f, "<span><i class=\"key %s\"></i>%s", class, what);
    if (isfinite(values[count - 1]))
        fprintf(f, " <b>%s</b> at timestep %d", text_percent(values[count - 1]).s, count);
    fputs("</span>\n", f);
}

/* Where early exit ends up: the accuracy it reaches, at its mean timestep. */
static void put_stopped_line(FILE *f, const struct report *r, struct axis y)
{
    double place = 100 * place_of(y, r->accuracy);
    fprintf(f, "<line class=\"reached\" x1=\"0\" x2=\"100%%\" y1=\"%.2f%%\" y2=\"%.2f%%\" />\n",
            place, place);
}

static void put_stopped_mark(FILE *f, const struct report *r, struct axis y)
{
    fprintf(f,
            "<svg x=\"%.2f%%\" y=\"%.2f%%\" overflow=\"visible\">"
            "<path class=\"gem\" d=\"M0-7 7 0 0 7-7 0Z\"><title>%s after %.2f timesteps on "
            "average</title></path></svg>\n",
            100 * (r->timesteps_mean - 0.5) / r->timesteps, 100 * place_of(y, r->accuracy),
            text_percent(r->accuracy).s, r->timesteps_mean);
}

void report_plot_accuracy(FILE *f, const struct report *r)
{
    int count = r->timesteps;
    bool accuracy = has_values(r->accuracy_at, count);
    bool agreement = has_values(r->agreement_at, count);
    if (!accuracy && !agreement)
        return;
    bool stopped = r->iat && accuracy && isfinite(r->accuracy) && r->timesteps_mean >= 0.5 &&
                   r->timesteps_mean <= count;
    struct axis y = axis_of_parts(r, stopped);
    fprintf(f,
            "<section class=\"card half\">\n<h2>%s against timestep</h2>\n<p class=\"legend\">\n",
            accuracy ? "Accuracy" : "Agreement with the ANN");
    if (accuracy)
        put_key(f, "a", "Accuracy", r->accuracy_at, count);
    if (agreement)
        put_key(f, "b", "Agreement with the ANN", r->agreement_at, count);
    if (stopped)
        fprintf(f,
                "<span><i class=\"key gem\"></i>Early exit <b>%s</b> after %.2f on "
                "average</span>\n",
                text_percent(r->accuracy).s, r->timesteps_mean);
    fputs("</p>\n<svg class=\"chart\" role=\"img\" aria-label=\"Accuracy against timestep\">\n", f);
    put_y_axis(f, y, true);
    if (stopped)
        put_stopped_line(f, r, y);
    if (agreement)
        put_curve(f, r->agreement_at, count, y, "b", "Agreement", false);
    if (accuracy)
        put_curve(f, r->accuracy_at, count, y, "a", "Accuracy", y.low == 0);
    if (stopped)
        put_stopped_mark(f, r, y);
    report_timestep_labels(f, count, "232");
    fputs("<text class=\"t name\" x=\"50%\" y=\"252\" text-anchor=\"middle\">timestep at which "
          "every sample stops</text>\n</svg>\n</section>\n",
          f);
}

void report_plot_exits(FILE *f, const struct report *r)
{
    int count = r->timesteps, filled = 0;
    int64_t most = 0, total = 0;
    for (int t = 0; r->exits && t < count; t++) {
        int64_t here = r->exits[t];
        most = here > most ? here : most;
        total += here > 0 ? here : 0;
        filled += here > 0;
    }
    /* Without early exit there is nothing to tell. */
    if (filled == 0 || (filled == 1 && !r->iat))
        return;
    struct axis y = {.step = fmax(1, report_tick_step((double)most, 4))};
    y.high = ceil((double)most / y.step - 1e-9) * y.step;
    fprintf(f,
            "<section class=\"card half\">\n<h2>When samples stop</h2>\n<p class=\"legend\"><span>"
            "<i class=\"key bar c\"></i>%s samples by their last timestep</span></p>\n"
            "<svg class=\"chart\"%s role=\"img\" aria-label=\"Samples by their last timestep\">\n",
            text_integer(total).s, count > 60 ? " shape-rendering=\"crispEdges\"" : "");
    put_y_axis(f, y, false);
    double width = 100.0 / count, gap = count > 60 ? 0 : 0.18;
    for (int t = 0; t < count; t++) {
        if (r->exits[t] <= 0)
            continue;
        double part = 100 * (double)r->exits[t] / y.high;
        fprintf(f,
                "<rect class=\"c\" x=\"%.3f%%\" width=\"%.3f%%\" y=\"%.3f%%\" height=\"%.3f%%\">"
                "<title>%s samples stop after timestep %d</title></rect>\n",
                width * (t + gap / 2), width * (1 - gap), 100 - part, part,
                text_integer(r->exits[t]).s, t + 1);
        if (count <= MOST_VALUES)
            fprintf(f,
                    "<text class=\"v halo%s\" x=\"%.2f%%\" y=\"%.2f%%\" dy=\"-5\" "
                    "text-anchor=\"middle\">%s</text>\n",
                    count > 6 ? " spare" : "", width * (t + 0.5), 100 - part,
                    text_count((double)r->exits[t]).s);
    }
    report_timestep_labels(f, count, "232");
    fputs("<text class=\"t name\" x=\"50%\" y=\"252\" text-anchor=\"middle\">last timestep</text>\n"
          "</svg>\n</section>\n",
          f);
}
