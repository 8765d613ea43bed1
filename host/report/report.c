#include "report/report.h"

#include "adafire.h"
#include "base/error.h"
#include "base/file.h"
#include "report/curves.h"
#include "report/raster.h"
#include "report/rows.h"
#include "report/text.h"
#include "report/timeline.h"

#include <locale.h>
#include <math.h>
#include <stdio.h>

/* Colours are variables: light ones, dark ones by preference, light ones again on paper. */
#define LIGHT                                                                                      \
    "color-scheme:light;--page:#f6f4f0;--card:#fff;--ink:#211d18;--soft:#716a60;--line:#e7e2da;"   \
    "--axis:#b9b1a6;--a:#d9480f;--a2:#f08c4a;--b:#1b6ec2;--c:#b7791f;--d:#6f42c1;--n:#a39b90;"     \
    "--l1:#eea653;--l2:#e67a2a;--l3:#d1490f;--l4:#a52c0b;--l5:#741b0b;--l6:#430e0a;--l7:#1b6ec2;"
#define DARK                                                                                       \
    "color-scheme:dark;--page:#131211;--card:#1d1b19;--ink:#f2eee8;--soft:#a89f94;--line:#332f2b;" \
    "--axis:#6b645b;--a:#ff8a3d;--a2:#b85a24;--b:#5aa9ff;--c:#e3b341;--d:#b392f0;--n:#7d756b;"     \
    "--l1:#8f421a;--l2:#c95a1c;--l3:#f57f2f;--l4:#ffaa66;--l5:#ffd3a1;--l6:#fff3df;--l7:#5aa9ff;"

static const char style[] =
    ":root{" LIGHT "}\n"
    "@media (prefers-color-scheme:dark){:root{" DARK "}}\n"
    "*{box-sizing:border-box}\n"
    "body{margin:0;background:var(--page);color:var(--ink);font:15px/1.5 system-ui,-apple-system,"
    "\"Segoe UI\",Roboto,\"Helvetica Neue\",Arial,sans-serif;-webkit-text-size-adjust:100%;"
    "font-variant-numeric:tabular-nums}\n"
    "main{max-width:1120px;margin:0 auto;padding:36px 20px "
    "48px;display:flex;flex-wrap:wrap;gap:16px}"
    "\n"
    "header{flex:1 0 100%;min-width:0;display:flex;gap:14px;align-items:center;margin-bottom:6px}\n"
    "header>svg{flex:none;width:40px;height:48px}\n"
    "header>div{min-width:0}\n"
    "h1{margin:0;font-size:27px;line-height:1.2;letter-spacing:-.01em;overflow-wrap:anywhere}\n"
    "header p{margin:4px 0 0;color:var(--soft);overflow-wrap:anywhere}\n"
    ".tiles{flex:1 0 100%;display:grid;gap:16px;grid-template-columns:repeat(auto-fit,minmax(158px,"
    "1fr))}\n"
    ".tiles:empty{display:none}\n"
    ".tile,.card{background:var(--card);border:1px solid var(--line);border-radius:12px;"
    "min-width:0}\n"
    ".tile{padding:14px 16px 13px}\n"
    ".tile h2{margin:0;font-size:13px;font-weight:500;color:var(--soft)}\n"
    ".tile b{display:block;font-size:28px;line-height:1.3;font-weight:650;letter-spacing:-.02em;"
    "white-space:nowrap}\n"
    ".tile small{display:block;font-size:12.5px;color:var(--soft);line-height:1.35}\n"
    ".tile:first-child b{color:var(--a)}\n"
    ".card{flex:1 1 100%;padding:18px 20px 16px}\n"
    ".half{flex:1 1 400px;display:flex;flex-direction:column}.half "
    ".chart{flex:none;margin-top:auto}\n"
    ".half .legend{margin-bottom:22px}\n"
    ".card h2{margin:0 0 6px;font-size:17px;line-height:1.3;font-weight:650;"
    "overflow-wrap:anywhere}\n"
    ".note{margin:10px 0 0;font-size:12.5px;line-height:1.45;color:var(--soft)}\n"
    ".legend{margin:0;display:flex;flex-wrap:wrap;gap:2px 18px;font-size:13px;color:var(--soft)}\n"
    ".legend span{padding-left:23px;text-indent:-23px}.legend span:not(:has(i)){padding:0;"
    "text-indent:0}.legend b{color:var(--ink);font-weight:600}\n"
    ".key{display:inline-block;width:16px;height:3px;border-radius:2px;margin-right:7px;"
    "vertical-align:middle;position:relative;top:-1px}\n"
    ".key.bar{width:11px;height:11px;border-radius:3px}\n"
    ".key.gem{width:9px;height:9px;margin:0 10px 0 3px;border-radius:0;transform:rotate(45deg);"
    "background:var(--d)}\n"
    ".key.a{background:var(--a)}.key.b{background:var(--b)}.key.c{background:var(--c)}"
    ".key.d{background:var(--d)}\n"
    "svg{display:block;overflow:visible}svg svg{display:inline}\n"
    ".chart{width:calc(100% - 54px);height:212px;margin:22px 6px 46px 48px}\n"
    "text{font-size:12px;fill:var(--soft)}\n"
    ".v{fill:var(--ink);font-size:11.5px}.v.big{font-size:14px;font-weight:600}\n"
    ".halo{paint-order:stroke;stroke:var(--card);stroke-width:3px}\n"
    ".g{stroke:var(--line)}.axis{stroke:var(--axis)}\n"
    ".curve{fill:none;stroke-width:2.25px;stroke-linejoin:round;stroke-linecap:round}\n"
    ".curve.a{stroke:var(--a)}.curve.b{stroke:var(--b)}\n"
    ".area{fill:var(--a);opacity:.09;stroke:none}\n"
    ".dot{stroke:var(--card);stroke-width:1.5px}.dot.a,rect.a{fill:var(--a)}\n"
    ".dot.b,rect.b{fill:var(--b)}rect.a2{fill:var(--a2)}rect.n{fill:var(--n)}\n"
    "rect.c{fill:var(--c)}rect.d,circle.d{fill:var(--d)}rect.rest{fill:var(--line)}\n"
    ".key.n{background:var(--n)}.key.rest{background:var(--line)}\n"
    ".timeline{row-gap:2px}.rows.timeline>.steps{height:18px}\n"
    ".reached{stroke:var(--d);stroke-dasharray:5 4;stroke-width:1.25px;opacity:.8}\n"
    "path.gem{fill:var(--d);stroke:var(--card);stroke-width:1.5px}\n"
    ".span{stroke:var(--d);stroke-width:3px;opacity:.45;stroke-linecap:round}\n"
    ".energy{display:grid;grid-template-columns:minmax(110px,min(42%,270px)) 1fr;gap:8px 12px;"
    "align-items:center;padding:14px 0 6px}\n"
    ".energy svg{width:calc(100% - 84px);height:40px}\n"
    ".what{font-size:13.5px;line-height:1.3}.what small{display:block;color:var(--soft);"
    "font-size:12.5px}\n"
    ".rows{--r:19px;display:grid;grid-template-columns:170px 1fr;column-gap:10px;font-size:12.5px;"
    "line-height:var(--r)}\n"
    ".rows.roomy{--r:24px}.rows.dense{--r:15px;font-size:11px}.dense text{font-size:10.5px}\n"
    ".rows.three{grid-template-columns:170px 1fr 1fr}\n"
    ".rows.ranges{grid-template-columns:170px 2.2fr 1fr}\n"
    ".rows>svg{width:100%;height:var(--r)}\n"
    ".rows>.inset{width:calc(100% - 30px);margin:0 15px}\n"
    ".rows>.bar{width:calc(100% - 48px)}.rows>.pips{width:calc(100% - 32px)}\n"
    ".rows .head{font-size:13px;line-height:26px;color:var(--soft)}\n"
    ".name{direction:rtl;text-align:right;white-space:nowrap;overflow:hidden;"
    "text-overflow:ellipsis;min-width:0}\n"
    "text.name{direction:ltr}\n"
    ".raster{margin-top:10px;row-gap:1px}.rows.raster>svg{height:auto}\n"
    ".raster .name{align-self:center;line-height:1.25}\n"
    ".raster .name small{display:block;direction:ltr;color:var(--soft);font-size:11px}\n"
    ".band{background:color-mix(in srgb,var(--line) 38%,transparent)}\n"
    ".band path{fill:none}\n"
    ".l1{stroke:var(--l1)}.l2{stroke:var(--l2)}.l3{stroke:var(--l3)}.l4{stroke:var(--l4)}"
    ".l5{stroke:var(--l5)}.l6{stroke:var(--l6)}.l7{stroke:var(--l7)}\n"
    ".k1{background:var(--l1)}.k2{background:var(--l2)}.k3{background:var(--l3)}"
    ".k4{background:var(--l4)}.k5{background:var(--l5)}.k6{background:var(--l6)}"
    ".k7{background:var(--l7)}\n"
    ".wide{overflow-x:auto;margin:0 -20px;padding:0 20px}\n"
    "table{border-collapse:collapse;width:100%;font-size:13px;line-height:1.4}\n"
    "th,td{padding:5px 0 5px 16px;text-align:right;white-space:nowrap;border-bottom:1px solid "
    "var(--line)}\n"
    "th{font-weight:500;color:var(--soft)}\n"
    "th:first-child,td:first-child{text-align:left;padding-left:0;unicode-bidi:isolate}\n"
    "td:first-child{max-width:260px;overflow:hidden;text-overflow:ellipsis}\n"
    ".kind{text-align:left;color:var(--soft)}\n"
    "tfoot td{border:0;font-weight:600}\n"
    ".facts td{text-align:left;white-space:normal;overflow-wrap:anywhere;vertical-align:top}\n"
    ".facts td:first-child{width:30%;max-width:none;color:var(--soft)}\n"
    "tr:last-child td{border-bottom:0}tbody tr:last-child td{border-bottom:1px solid var(--line)}"
    ".facts tbody tr:last-child td{border:0}\n"
    "footer{flex:1 0 100%;font-size:12.5px;color:var(--soft)}\n"
    "@media (max-width:560px){main{padding:20px 12px 32px;gap:12px}h1{font-size:22px}"
    ".tiles{gap:12px;grid-template-columns:repeat(2,1fr)}.tile{padding:11px 12px}"
    ".tile b{font-size:23px}.card{padding:15px 14px 13px}.wide{margin:0 -14px;padding:0 14px}"
    ".half{flex-basis:100%}.energy{grid-template-columns:1fr;row-gap:0}.energy svg{margin:-4px 0 "
    "6px}"
    ".rows{grid-template-columns:92px 1fr;font-size:11.5px;column-gap:8px}"
    ".rows.three{grid-template-columns:92px 1fr 1fr}"
    ".rows.ranges{grid-template-columns:92px 2fr 1fr}.rows .head{font-size:12px;line-height:1.3;"
    "align-self:end;padding-bottom:4px}.spare{display:none}.rows.dense{font-size:10.5px}}\n"
    "@media print{:root{" LIGHT "--page:#fff}*{print-color-adjust:exact;"
    "-webkit-print-color-adjust:exact}body{font-size:11px}main{padding:0;max-width:none}"
    ".spare{display:none}.tiles{grid-template-columns:repeat(3,1fr)}.half{flex-basis:40%}table{"
    "font-size:10px}"
    "th,td{padding-left:8px}"
    ".tile,.half,tr,.rows>*{break-inside:avoid}.card h2{break-after:avoid}}\n";

/* A flame, the project's mark. */
static const char mark[] =
    "<svg viewBox=\"0 0 40 48\" aria-hidden=\"true\"><path fill=\"var(--a)\" d=\"M21 1c2 8-3 12-7 "
    "17"
    "-2-2-3-4-3-7-5 5-9 11-9 19 0 10 8 17 18 17s18-7 18-17C38 18 29 12 21 1Z\" />"
    "<path fill=\"var(--l1)\" d=\"M21 21c1 5-3 7-5 11-1-1-2-2-2-4-2 2-4 5-4 8 0 6 5 9 10 9s10-4 "
    "10-9"
    "c0-7-6-9-9-15Z\" /></svg>\n";

static void put_head(FILE *f, const struct report *r)
{
    fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\" />\n"
          "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\" />\n"
          "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none';style-src "
          "'unsafe-inline'\" />\n<meta name=\"color-scheme\" content=\"light dark\" />\n"
          "<meta name=\"generator\" content=\"AdaFire " AF_VERSION "\" />\n<title>",
          f);
    text_put(f, r->title);
    fprintf(f,
            " – AdaFire</title>\n<style>\n%s</style>\n</head>\n<body>\n<main>\n<header>\n%s<div>",
            style, mark);
    fputs("<h1>", f);
    text_put(f, r->title ? r->title : "AdaFire");
    fputs("</h1>\n<p>", f);
    if (r->board) {
        text_put(f, r->board);
        fputs(" · ", f);
    }
    fprintf(f, "%s sample%s · %d timestep%s · early exit %s</p></div>\n</header>\n",
            text_integer(r->samples).s, r->samples == 1 ? "" : "s", r->timesteps,
            r->timesteps == 1 ? "" : "s", r->iat ? "on" : "off");
}

static void put_tile(FILE *f, const char *what, struct text value, const char *note)
{
    if (value.s[0])
        fprintf(f, "<div class=\"tile\"><h2>%s</h2><b>%s</b><small>%s</small></div>\n", what,
                value.s, note);
}

static void put_energy_tile(FILE *f, double uj, double ann, const char *counted)
{
    if (!(uj > 0) || !(ann > 0))
        return;
    char note[80];
    bool less = uj <= ann;
    snprintf(note, sizeof note, "%s than the ANN, %s", less ? "less" : "more", counted);
    put_tile(f, "Energy", text_ratio(less ? ann / uj : uj / ann), note);
}

static void put_tiles(FILE *f, const struct report *r)
{
    char note[80];
    struct text mean = {""};
    fputs("<div class=\"tiles\">", f);
    snprintf(note, sizeof note, "top-5 %s", text_percent(r->top5).s);
    put_tile(f, "Accuracy", text_percent(r->accuracy), isfinite(r->top5) ? note : "top-1");
    for (int i = 0; i < r->score_count; i++) {
        snprintf(note, sizeof note, "ANN %s", text_percent(r->scores[i].ann).s);
        put_tile(f, r->scores[i].name, text_percent(r->scores[i].value),
                 isfinite(r->scores[i].ann) ? note : "");
    }
    put_tile(f, "Agreement", text_percent(r->agreement), "same class as the ANN");
    if (isfinite(r->timesteps_mean))
        snprintf(mean.s, sizeof mean.s, "%.2f", r->timesteps_mean);
    snprintf(note, sizeof note, "mean, of at most %d", r->timesteps);
    put_tile(f, "Timesteps", mean, note);
    put_energy_tile(f, r->energy_event_uj, r->energy_ann_uj, "an event counted once");
    put_energy_tile(f, r->energy_spike_uj, r->energy_ann_uj, "every spike counted");
    put_tile(f, "Speed", text_count(r->samples_per_second), "samples a second");
    fputs("</div>\n", f);
}

static void put_population(FILE *f, const struct report_population *p)
{
    double neurons = (double)p->channels * p->height * p->width;
    fputs("<tr><td title=\"", f);
    text_put_tail(f, p->name, 240);
    fputs("\">", f);
    text_put_tail(f, p->name, 60);
    fputs("</td><td class=\"kind\">", f);
    text_put(f, p->kind);
    fprintf(f, "</td><td>%d×%d×%d</td><td>%s</td><td>", p->channels, p->height, p->width,
            text_count(neurons).s);
    if (p->burst > 0)
        fprintf(f, "%s%d", p->signed_bursts ? "±" : "", p->burst);
    fputs("</td><td>", f);
    if (p->burst > 0 && p->ratio > 0)
        fputs(text_number(p->ratio).s, f);
    fputs("</td><td>", f);
    if (p->threshold_max > 0) {
        struct text low = text_number(p->threshold_min), high = text_number(p->threshold_max);
        bool same = !low.s[0] || p->threshold_min >= p->threshold_max;
        fprintf(f, "%s%s%s", same ? "" : low.s, same ? "" : " – ", high.s);
    }
    fprintf(f, "</td><td>%s</td><td>%s</td><td>%s</td><td>%s</td></tr>\n", text_count(p->events).s,
            text_count(p->spikes).s, neurons > 0 ? text_count(p->spikes / neurons).s : "",
            text_count(p->sops).s);
}

static void put_populations(FILE *f, const struct report *r)
{
    double neurons = 0, events = 0, spikes = 0, sops = 0;
    if (r->population_count < 1 || !r->populations)
        return;
    fputs("<section class=\"card\">\n<h2>Populations</h2>\n<div class=\"wide\"><table>\n<thead><tr>"
          "<th>Name</th><th class=\"kind\">Kind</th><th>Shape</th><th>Neurons</th>"
          "<th title=\"Burst limit: the most spikes of one timestep\">φ</th>"
          "<th title=\"Threshold ratio\">ρ</th><th>Threshold</th><th>Events</th><th>Spikes</th>"
          "<th>per neuron</th><th title=\"Synaptic operations\">SOPs</th></tr></thead>\n<tbody>\n",
          f);
    for (int i = 0; i < r->population_count; i++) {
        const struct report_population *p = &r->populations[i];
        put_population(f, p);
        neurons += (double)p->channels * p->height * p->width;
        events += p->events;
        spikes += p->spikes;
        sops += p->sops;
    }
    fprintf(
        f,
        "</tbody>\n<tfoot><tr><td>Total of %d</td><td></td><td></td><td>%s</td><td></td><td></td>"
        "<td></td><td>%s</td><td>%s</td><td>%s</td><td>%s</td></tr></tfoot>\n</table></div>\n"
        "</section>\n",
        r->population_count, text_count(neurons).s, text_count(events).s, text_count(spikes).s,
        neurons > 0 ? text_count(spikes / neurons).s : "", text_count(sops).s);
}

static void put_facts(FILE *f, const struct report *r)
{
    if (r->fact_count < 1 || !r->facts)
        return;
    fputs("<section class=\"card\">\n<h2>Provenance</h2>\n<table class=\"facts\"><tbody>\n", f);
    for (int i = 0; i < r->fact_count; i++) {
        fputs("<tr><td>", f);
        text_put(f, r->facts[i].key);
        fputs("</td><td>", f);
        text_put(f, r->facts[i].value);
        fputs("</td></tr>\n", f);
    }
    fputs("</tbody></table>\n</section>\n", f);
}

static int put_page(FILE *f, const struct report *r)
{
    put_head(f, r);
    put_tiles(f, r);
    report_plot_accuracy(f, r);
    report_plot_exits(f, r);
    report_plot_energy(f, r);
    int status = report_plot_raster(f, r);
    if (status)
        return status;
    report_plot_timeline(f, r);
    report_plot_activity(f, r);
    report_plot_thresholds(f, r);
    put_populations(f, r);
    put_facts(f, r);
    fputs("<footer>AdaFire " AF_VERSION "</footer>\n</main>\n</body>\n</html>\n", f);
    return AF_OK;
}

int report_put(FILE *f, const struct report *r)
{
    if (r->timesteps < 1)
        return af_fail(AF_BAD_ARGUMENT, "a report of %d timesteps", r->timesteps);
    /* CSS and SVG want a point in numbers, whatever the program's locale is. */
    locale_t plain = newlocale(LC_NUMERIC_MASK, "C", (locale_t)0), before = (locale_t)0;
    if (plain)
        before = uselocale(plain);
    const int status = put_page(f, r);
    if (plain) {
        uselocale(before);
        freelocale(plain);
    }
    return status;
}

int report_write(const char *path, const struct report *r)
{
    if (!path || !r)
        return af_fail(AF_BAD_ARGUMENT, "report_write: a null pointer");
    struct file_out out;
    int status = file_create(&out, path);
    if (status)
        return status;
    status = report_put(out.stream, r);
    if (status) {
        file_discard(&out);
        return status;
    }
    return file_commit(&out);
}
