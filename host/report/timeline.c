#include "report/timeline.h"

#include "device/profile.h"
#include "report/axis.h"
#include "report/rows.h"
#include "report/text.h"

#include <math.h>
#include <stdio.h>

/* Where a cycle stands along x, in percent. */
static double place(const struct af_profile *p, int64_t cycle)
{
    return 100 * (double)cycle / (double)p->cycles;
}

static void put_rect(FILE *f, const char *class, double from, double to, double high)
{
    if (to > from && high > 0)
        fprintf(
            f, "<rect class=\"%s\" x=\"%.3f%%\" width=\"%.3f%%\" y=\"%.1f%%\" height=\"%.1f%%\" />",
            class, from, to - from, 100 - high, high);
}

static const char *span_name(const struct report *r, const struct af_span *s)
{
    return s->population >= 0 && s->population < r->population_count
               ? r->populations[s->population].name
               : "decision, outputs";
}

/* Firing at full height; then as high as the share of cycles in which it had something to add. */
static void put_span(FILE *f, const struct report *r, const struct af_span *s)
{
    const struct af_profile *p = r->profile;
    const double length = (double)(s->end - s->begin), adding = (double)(s->end - s->fired);
    const double waited = (double)(s->starved + s->blocked);
    if (length <= 0)
        return;
    const double busy = adding > 0 ? fmax(0, 100 * (1 - waited / adding)) : 0;
    fputs("<g><title>", f);
    text_put_tail(f, span_name(r, s), 60);
    fprintf(f, ", timestep %d: %s cycles, firing %s, starved %s, blocked %s</title>",
            s->timestep + 1, text_count(length).s, text_count((double)(s->fired - s->begin)).s,
            text_count((double)s->starved).s, text_count((double)s->blocked).s);
    put_rect(f, "rest", place(p, s->begin), place(p, s->end), 100);
    put_rect(f, s->population < 0 ? "n" : "b", place(p, s->begin), place(p, s->fired), 100);
    put_rect(f, s->population < 0 ? "n" : "a", place(p, s->fired), place(p, s->end),
             fmin(busy, 100));
    fputs("</g>", f);
}

/* Where timesteps begin, from the first core's spans. */
static void put_timesteps(FILE *f, const struct af_profile *p)
{
    fputs("<span></span><svg class=\"steps\">", f);
    double free_from = -1;
    for (int i = 0, step = -1; i < p->span_count && p->span[i].core == p->span[0].core; i++) {
        if (p->span[i].timestep == step)
            continue;
        step = p->span[i].timestep;
        const double at = place(p, p->span[i].begin);
        fprintf(f, "<line class=\"axis\" x1=\"%.3f%%\" x2=\"%.3f%%\" y1=\"0\" y2=\"100%%\" />", at,
                at);
        if (at >= free_from) {
            fprintf(f, "<text x=\"%.3f%%\" y=\"50%%\" dx=\"4\" dy=\".35em\">t = %d</text>", at,
                    step + 1);
            free_from = at + 7;
        }
    }
    fputs("</svg>\n", f);
}

static void put_ticks(FILE *f, const struct af_profile *p)
{
    const double step = report_tick_step((double)p->cycles, 6);
    fputs("<span class=\"name\">cycles</span><svg class=\"steps\">", f);
    for (double at = 0; at <= (double)p->cycles; at += step)
        fprintf(f, "<text x=\"%.3f%%\" y=\"50%%\" dy=\".35em\">%s</text>",
                100 * at / (double)p->cycles, text_tick(at).s);
    fputs("</svg>\n", f);
}

static void put_cores(FILE *f, const struct report *r)
{
    const struct af_profile *p = r->profile;
    fprintf(f, "<div class=\"%s timeline\">\n", report_row_class(p->cores));
    put_timesteps(f, p);
    for (int i = 0; i < p->span_count;) {
        const int core = p->span[i].core;
        fprintf(f, "<span class=\"name\">core %d</span><svg>", core);
        for (; i < p->span_count && p->span[i].core == core; i++)
            put_span(f, r, &p->span[i]);
        fputs("</svg>\n", f);
    }
    put_ticks(f, p);
    fputs("</div>\n", f);
}

static void put_process(FILE *f, const struct af_profile *p, const struct af_waits *w)
{
    const struct shares x =
        profile_shares((double)w->starved, (double)w->blocked, (double)p->cycles);
    fputs("<span class=\"name\">", f);
    text_put(f, w->process);
    if (w->core >= 0)
        fprintf(f, " %d", w->core);
    fprintf(f, "</span><svg><title>busy %.1f %%, starved %.1f %%, blocked %.1f %%</title>", x.busy,
            x.starved, x.blocked);
    const struct {
        const char *class;
        double from, to;
    } parts[] = {{"a", 0, x.busy}, {"rest", x.busy, 100 - x.blocked}, {"d", 100 - x.blocked, 100}};
    for (int i = 0; i < 3; i++)
        if (parts[i].to > parts[i].from)
            fprintf(
                f, "<rect class=\"%s\" x=\"%.2f%%\" width=\"%.2f%%\" y=\"15%%\" height=\"70%%\" />",
                parts[i].class, parts[i].from, parts[i].to - parts[i].from);
    fputs("</svg>\n", f);
}

void report_plot_timeline(FILE *f, const struct report *r)
{
    const struct af_profile *p = r->profile;
    if (!p || p->cycles < 1 || p->span_count < 1)
        return;
    fputs("<section class=\"card\">\n<h2>Timeline of the cores</h2>\n<p class=\"legend\">"
          "<span><i class=\"key bar b\"></i>firing</span>"
          "<span><i class=\"key bar a\"></i>adding events, as high as it is busy</span>"
          "<span><i class=\"key bar n\"></i>decision and outputs</span></p>\n",
          f);
    put_cores(f, r);
    fprintf(f,
            "<p class=\"note\">One sample: %s cycles from its first word to its outputs. All cores "
            "fire "
            "a population at once, then each adds the events of all to the neurons that it "
            "holds.</p>\n</section>\n",
            text_integer(p->cycles).s);
    fprintf(f,
            "<section class=\"card\">\n<h2>Processes</h2>\n<p class=\"legend\">"
            "<span><i class=\"key bar a\"></i>busy</span>"
            "<span><i class=\"key bar rest\"></i>starved: waits for something to do</span>"
            "<span><i class=\"key bar d\"></i>blocked: waits for room</span></p>\n"
            "<div class=\"%s\">\n",
            report_row_class(p->waits_count));
    for (int i = 0; i < p->waits_count; i++)
        if (!p->waits[i].before)
            put_process(f, p, &p->waits[i]);
    fputs("</div>\n</section>\n", f);
}
