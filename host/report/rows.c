#include "report/rows.h"

#include "report/axis.h"
#include "report/text.h"

#include <math.h>
#include <stdio.h>

#define MOST_NAME 60
#define MOST_PIPS 8

const char *report_row_class(int rows)
{
    return rows <= 30 ? "rows roomy" : rows <= 70 ? "rows" : "rows dense";
}

void report_name(FILE *f, const struct report_population *p, bool shape)
{
    fputs("<span class=\"name\" title=\"", f);
    text_put_tail(f, p->name, 4 * MOST_NAME);
    fputs("\"><bdi>", f);
    text_put_tail(f, p->name, MOST_NAME);
    fputs("</bdi>", f);
    if (shape)
        fprintf(f, "<small>%d×%d×%d</small>", p->channels, p->height, p->width);
    fputs("</span>", f);
}

/* ---- Energy --------------------------------------------------------------------------------- */

static void put_energy(FILE *f, const char *what, double uj, double ann, double most,
                       const char *class)
{
    if (!isfinite(uj) || uj < 0)
        return;
    fprintf(f, "<span class=\"what\">%s", what);
    if (ann > 0 && uj > 0) {
        bool less = uj <= ann;
        fprintf(f, "<small>%s %s than the ANN</small>", text_ratio(less ? ann / uj : uj / ann).s,
                less ? "less" : "more");
    }
    double width = most > 0 ? 100 * uj / most : 0;
    fprintf(f,
            "</span><svg><rect class=\"%s\" y=\"10\" height=\"20\" rx=\"3\" width=\"%.3f%%\" />"
            "<text class=\"v big\" x=\"%.3f%%\" y=\"20\" dx=\"8\" dy=\".35em\">%s</text></svg>\n",
            class, width, width, text_energy(uj).s);
}

/* Beside what the same network would cost as integers that are no spikes. */
static void put_integers(FILE *f, const struct report *r)
{
    if (!isfinite(r->integer_uj) || !(r->integer_ann_uj > 0))
        return;
    fprintf(
        f,
        "<p class=\"note\">In integers the spiking network spends %s by shifted adds, and an ANN "
        "with activations of %d bits and weights of 8 %s; with every operand from 8 KB of "
        "SRAM, nothing used twice, %s and %s.</p>\n",
        text_energy(r->integer_uj).s, r->integer_bits, text_energy(r->integer_ann_uj).s,
        text_energy(r->integer_memory_uj).s, text_energy(r->integer_memory_ann_uj).s);
}

void report_plot_energy(FILE *f, const struct report *r)
{
    double event = r->energy_event_uj, spike = r->energy_spike_uj;
    double ann = isfinite(r->energy_ann_uj) ? r->energy_ann_uj : -1;
    if (!isfinite(event) && !isfinite(spike))
        return;
    double most = fmax(fmax(isfinite(event) ? event : 0, isfinite(spike) ? spike : 0), ann);
    fputs("<section class=\"card half\">\n<h2>Energy of one sample</h2>\n<div class=\"energy\" "
          "role=\"img\" aria-label=\"Energy of one sample\">\n",
          f);
    put_energy(f, "Spiking, an event counted once", event, ann, most, "a");
    put_energy(f, "Spiking, a burst as the shifted adds that it is", r->energy_add_uj, ann, most,
               "a2");
    put_energy(f, "Spiking, every spike of a burst counted", spike, ann, most, "a2");
    put_energy(f, "ANN", ann, -1, most, "n");
    fputs(
        "</div>\n<p class=\"note\">Arithmetic only, 45 nm: 0.9 pJ for an accumulate, 4.6 pJ for a "
        "multiply-accumulate, both of floats (Horowitz, ISSCC 2014). Memory and leakage are not in "
        "it.</p>\n",
        f);
    put_integers(f, r);
    fputs("</section>\n", f);
}

/* ---- Spikes and synaptic operations --------------------------------------------------------- */

static double most_of(const struct report *r, bool sops)
{
    double most = 0;
    for (int i = 0; i < r->population_count; i++) {
        double value = sops ? r->populations[i].sops : r->populations[i].spikes;
        if (isfinite(value))
            most = fmax(most, value);
    }
    return most;
}

static void put_bar(FILE *f, double value, double most, const char *class)
{
    fputs("<svg class=\"bar\">", f);
    if (isfinite(value) && value >= 0) {
        double width = most > 0 ? 100 * value / most : 0;
        fprintf(f,
                "<rect class=\"%s\" y=\"15%%\" height=\"70%%\" rx=\"2\" width=\"%.3f%%\" />"
                "<text class=\"v\" x=\"%.3f%%\" y=\"50%%\" dx=\"5\" dy=\".35em\">%s</text>",
                class, width, width, text_count(value).s);
    }
    fputs("</svg>", f);
}

void report_plot_activity(FILE *f, const struct report *r)
{
    double spikes = most_of(r, false), sops = most_of(r, true);
    if (r->population_count < 1 || !r->populations || (spikes <= 0 && sops <= 0))
        return;
    fprintf(f,
            "<section class=\"card\">\n<h2>Activity of the populations</h2>\n"
            "<div class=\"%s three\">\n<span class=\"head\"></span>"
            "<span class=\"head\"><i class=\"key bar a\"></i>Spikes</span>"
            "<span class=\"head\"><i class=\"key bar b\"></i>Synaptic operations</span>\n",
            report_row_class(r->population_count));
    for (int i = 0; i < r->population_count; i++) {
        report_name(f, &r->populations[i], false);
        put_bar(f, r->populations[i].spikes, spikes, "a");
        put_bar(f, r->populations[i].sops, sops, "b");
        fputc('\n', f);
    }
    fputs("</div>\n<p class=\"note\">Means of one sample, in the order the populations fire. "
          "Synaptic "
          "operations: the weights that a population's events add elsewhere, an event counted "
          "once.</p>\n</section>\n",
          f);
}

/* ---- Thresholds ----------------------------------------------------------------------------- */

/* A logarithmic axis from 10^low to 10^high. */
struct log_axis {
    double low, high;
    int decades; /* between labels; 0: labels at 1, 2 and 5 */
};

static bool has_threshold(const struct report_population *p)
{
    return p->threshold_min > 1e-30 && p->threshold_max < 1e30 &&
           p->threshold_max >= p->threshold_min;
}

static double log_place(struct log_axis x, double value)
{
    return 100 * (log10(value) - x.low) / (x.high - x.low);
}

/* The largest of 1, 2, 5 x 10^k that is at most `value`; or the smallest that is at least that. */
static double round_log(double value, bool up)
{
    static const double steps[] = {1, 2, 5, 10};
    double decade = floor(log10(value)), unit = pow(10, decade), best = up ? 10 : 1;
    for (int i = 0; i < 4; i++) {
        int at = up ? 3 - i : i;
        if (up ? steps[at] * unit >= value * (1 - 1e-9) : steps[at] * unit <= value * (1 + 1e-9))
            best = steps[at];
    }
    return log10(best) + decade;
}

static struct log_axis log_axis_of(const struct report *r)
{
    double low = 1e30, high = 1e-30;
    for (int i = 0; i < r->population_count; i++) {
        if (!has_threshold(&r->populations[i]))
            continue;
        low = fmin(low, r->populations[i].threshold_min);
        high = fmax(high, r->populations[i].threshold_max);
    }
    struct log_axis x = {round_log(low, false), round_log(high, true), 0};
    if (x.high - x.low < 0.3)
        x.low = round_log(low / 1.5, false), x.high = round_log(high * 1.5, true);
    if (x.high - x.low > 1.7) {
        x.low = floor(x.low + 1e-9);
        x.high = ceil(x.high - 1e-9);
        x.decades = (int)ceil((x.high - x.low) / 6);
    }
    return x;
}

static void put_log_lines(FILE *f, struct log_axis x, bool labels)
{
    static const double steps[] = {1, 2, 5};
    for (double decade = floor(x.low + 1e-9); decade <= x.high + 1e-9; decade++) {
        int here = (int)(decade - floor(x.low + 1e-9));
        if (x.decades && here % x.decades)
            continue;
        for (int i = 0; i < (x.decades ? 1 : 3); i++) {
            double place = 100 * (decade + log10(steps[i]) - x.low) / (x.high - x.low);
            if (place < -0.01 || place > 100.01)
                continue;
            if (labels)
                fprintf(f,
                        "<text class=\"t%s\" x=\"%.2f%%\" y=\"50%%\" dy=\".35em\" "
                        "text-anchor=\"middle\">%g</text>",
                        i && x.high - x.low > 0.8 ? " spare" : "", place,
                        steps[i] * pow(10, decade));
            else
                fprintf(f, "<line class=\"g\" x1=\"%.2f%%\" x2=\"%.2f%%\" y2=\"100%%\" />", place,
                        place);
        }
    }
}

/* As many pips as spikes, or a bar where that would be too many; `most` is the largest limit. */
static void put_burst(FILE *f, const struct report_population *p, int most)
{
    if (p->burst <= 0)
        return;
    int pips = most <= MOST_PIPS ? p->burst : 1;
    double width = 100.0 * p->burst / most / pips;
    for (int i = 0; i < pips; i++)
        fprintf(f,
                "<rect class=\"c\" x=\"%.2f%%\" y=\"27%%\" height=\"46%%\" rx=\"2\" "
                "width=\"%.2f%%\" />",
                i * width, pips > 1 ? 0.82 * width : width);
    fprintf(f, "<text class=\"v\" x=\"%.2f%%\" y=\"50%%\" dx=\"6\" dy=\".35em\">%s%d</text>",
            pips * width, p->signed_bursts ? "±" : "", p->burst);
}

static void put_threshold(FILE *f, const struct report_population *p, struct log_axis x, int burst)
{
    report_name(f, p, false);
    fputs("<svg class=\"inset\">", f);
    put_log_lines(f, x, false);
    double from = log_place(x, p->threshold_min), to = log_place(x, p->threshold_max);
    fprintf(f,
            "<line class=\"span\" x1=\"%.2f%%\" x2=\"%.2f%%\" y1=\"50%%\" y2=\"50%%\" />"
            "<circle class=\"d\" cx=\"%.2f%%\" cy=\"50%%\" r=\"3.5\" />",
            from, to, from);
    if (to > from)
        fprintf(f, "<circle class=\"d\" cx=\"%.2f%%\" cy=\"50%%\" r=\"3.5\" />", to);
    fprintf(f, "<title>%s to %s</title></svg><svg class=\"pips\">", text_number(p->threshold_min).s,
            text_number(p->threshold_max).s);
    put_burst(f, p, burst);
    fputs("</svg>\n", f);
}

void report_plot_thresholds(FILE *f, const struct report *r)
{
    int rows = 0, burst = 1;
    for (int i = 0; r->populations && i < r->population_count; i++) {
        rows += has_threshold(&r->populations[i]);
        burst = r->populations[i].burst > burst ? r->populations[i].burst : burst;
    }
    if (!rows)
        return;
    struct log_axis x = log_axis_of(r);
    fprintf(f,
            "<section class=\"card\">\n<h2>Thresholds and burst limits</h2>\n"
            "<div class=\"%s ranges\">\n<span class=\"head\"></span>"
            "<span class=\"head\"><i class=\"key d\"></i>Threshold range over channels</span>"
            "<span class=\"head\"><i class=\"key bar c\"></i>Burst limit</span>\n",
            report_row_class(rows));
    for (int i = 0; i < r->population_count; i++)
        if (has_threshold(&r->populations[i]))
            put_threshold(f, &r->populations[i], x, burst);
    fputs("<span></span><svg class=\"inset\">", f);
    put_log_lines(f, x, true);
    fputs("</svg><span></span>\n</div>\n<p class=\"note\">Thresholds in the ANN's units, "
          "logarithmic. "
          "Burst limit: the most spikes of a neuron in one timestep; ± where it may take spikes "
          "back.</p>\n</section>\n",
          f);
}
