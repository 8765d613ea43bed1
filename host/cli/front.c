#include "cli/front.h"

#include "base/file.h"
#include "base/json.h"
#include "cli/cli.h"
#include "model/model.h"
#include "report/axis.h"
#include "report/text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH = 64, LOOKED_AT = 1000, POINTS_MOST = 40 };
static const int timesteps[] = {1, 2, 4, 8}, bursts[] = {7, 15, 31, 63};
enum { TIMESTEPS = sizeof timesteps / sizeof *timesteps, BURSTS = sizeof bursts / sizeof *bursts };

struct point {
    int timesteps, burst;
    bool exits;   /* early */
    double match; /* with the ANN, 0..1: the same answers; of no classes: of the outputs' variance
                     what is not off */
    double steps; /* mean */
    struct af_energy energy;
    bool best; /* none matches as well or better at less energy */
};

struct front {
    const struct af_convert_options *options;
    float *ann; /* [samples][columns] */
    int64_t samples, columns;
    struct point point[POINTS_MOST];
    int count, done, all; /* points; conversions, of how many */
    const char *phase;
};

/* ---- Measuring ------------------------------------------------------------------------------ */

/* Sums over samples. */
struct sums {
    double *events, *sops, *spike_sops, *adds; /* [populations]; one block */
    double agree, off, variance, steps;
    int64_t samples;
};

static int largest(const float *v, int count)
{
    int best = 0;
    for (int k = 1; k < count; k++)
        best = v[k] > v[best] ? k : best;
    return best;
}

static void add_result(const struct af_model *m, const struct af_result *r, const float *ann,
                       struct sums *s)
{
    const struct neurons *answer = &m->population[model_answer(m)];
    const int64_t at = model_output_at(m, model_answer(m));
    double mean = 0;
    for (int i = 0; i < m->population_count; i++) {
        s->events[i] += (double)r->events[i];
        s->sops[i] += (double)r->sops[i];
        s->spike_sops[i] += (double)r->spike_sops[i];
        s->adds[i] += r->adds ? (double)r->adds[i] : (double)NAN;
    }
    for (int64_t k = 0; k < r->output_size; k++)
        mean += (double)ann[k] / r->output_size;
    for (int64_t k = 0; k < r->output_size; k++) {
        const double off = (double)(r->output[k] - ann[k]), from = (double)ann[k] - mean;
        s->off += off * off;
        s->variance += from * from;
    }
    s->agree += largest(r->output + at, answer->shape[0]) == largest(ann + at, answer->shape[0]);
    s->steps += r->timesteps;
    s->samples++;
}

static bool tells_classes(const struct af_model *m)
{
    const struct neurons *p = &m->population[model_answer(m)];
    return p->shape[0] > 1 && p->shape[1] == 1 && p->shape[2] == 1 && output_values(p) > 1;
}

static int run_batch(const struct front *f, struct af_device *device, const struct af_model *m,
                     struct af_sample *sample, int64_t count, bool exits, struct sums *s)
{
    struct af_result result[BATCH] = {0};
    const struct af_run_options o = {.no_iat = !exits};
    const int status = af_run(device, sample, count, &o, result);
    for (int64_t i = 0; !status && i < count; i++) {
        if (s->samples < f->samples)
            add_result(m, &result[i], f->ann + s->samples * f->columns, s);
        af_result_free(&result[i]);
    }
    return status;
}

static size_t size_of(enum af_type type)
{
    return type == AF_U8 || type == AF_I8 ? 1 : type == AF_I16 ? 2 : 4;
}

/* The samples once more, in batches: what the reader gives is gone with the next one. */
static int run_samples(const struct front *f, struct af_device *device, const struct af_model *m,
                       bool exits, struct sums *s)
{
    struct af_samples_options o;
    struct af_samples *from = NULL;
    struct af_sample sample[BATCH];
    int64_t count = 0, taken = 0;
    char *room = NULL;
    int status = af_samples_of(m, &o), more = 1;
    o.events = false;
    if (!status)
        status = af_samples_open(f->options->calib, f->options->calib_count, &o, &from);
    while (!status && more > 0) {
        more = taken < f->samples ? af_samples_next(from, &sample[count], NULL) : 0;
        if (more > 0) {
            struct af_sample *in = &sample[count];
            const size_t bytes = (size_t)in->length * size_of(in->type);
            room = room ? room : malloc(BATCH * (size_t)in->length * 4);
            if (!room) {
                status = AF_NO_MEMORY;
                break;
            }
            in->data = memcpy(room + (size_t)count * (size_t)in->length * 4, in->data, bytes);
            count++;
            taken++;
        }
        if (count == BATCH || (more == 0 && count)) {
            status = run_batch(f, device, m, sample, count, exits, s);
            count = 0;
        }
        status = more < 0 ? more : status;
    }
    af_samples_close(from);
    free(room);
    return status;
}

static int measure(struct front *f, const struct af_model *m, bool exits)
{
    const size_t n = (size_t)m->population_count;
    struct af_device *device = NULL;
    struct sums s = {.events = calloc(4 * n, sizeof(double))};
    int status = s.events ? af_device_open("cpu", NULL, m, &device) : AF_NO_MEMORY;
    struct point *p = &f->point[f->count];
    if (!status) {
        s.sops = s.events + n;
        s.spike_sops = s.sops + n;
        s.adds = s.spike_sops + n;
        status = run_samples(f, device, m, exits, &s);
    }
    if (!status)
        status =
            af_energy_of(m, (double)s.samples, s.events, s.sops, s.spike_sops, s.adds, &p->energy);
    if (!status) {
        p->timesteps = m->timesteps;
        p->exits = exits;
        p->match = tells_classes(m) ? s.agree / (double)s.samples : 1 - s.off / s.variance;
        p->steps = s.steps / (double)s.samples;
        f->count++;
    }
    af_device_close(device);
    free(s.events);
    return status;
}

static int show_phase(void *context, const char *phase, double fraction)
{
    const struct front *f = context;
    (void)phase;
    cli_progress(f->phase, (f->done + fraction) / f->all);
    return 0;
}

static int try_setting(struct front *f, int steps, int burst)
{
    struct af_convert_options o = *f->options;
    struct af_model *m = NULL;
    o.timesteps = steps;
    o.burst_initial = burst;
    o.burst_desired = o.burst_desired < burst ? o.burst_desired : burst;
    o.on_progress = show_phase;
    o.on_note = NULL;
    o.context = f;
    int status = af_convert(&o, &m, NULL);
    if (!status) {
        f->point[f->count].burst = burst;
        status = measure(f, m, false);
    }
    if (!status && steps > 1 && m->iat.metric) {
        f->point[f->count].burst = burst;
        status = measure(f, m, true);
    }
    af_model_free(m);
    f->done++;
    return status;
}

static void mark_best(struct front *f)
{
    for (int i = 0; i < f->count; i++) {
        struct point *p = &f->point[i];
        p->best = true;
        for (int k = 0; k < f->count; k++) {
            const struct point *q = &f->point[k];
            const bool as_good = q->match >= p->match && q->energy.event <= p->energy.event;
            p->best = p->best && !(k != i && as_good &&
                                   (q->match > p->match || q->energy.event < p->energy.event));
        }
    }
}

/* ---- Writing -------------------------------------------------------------------------------- */

static void put_json(FILE *to, const struct front *f)
{
    fprintf(to, "{\"samples\": %lld, \"points\": [", (long long)f->samples);
    for (int i = 0; i < f->count; i++) {
        const struct point *p = &f->point[i];
        fprintf(to, "%s{\"timesteps\": %d, \"burst\": %d, \"early_exit\": %s, \"best\": %s, ",
                i ? ", " : "", p->timesteps, p->burst, p->exits ? "true" : "false",
                p->best ? "true" : "false");
        const struct {
            const char *key;
            double v;
        } numbers[] = {{"match", p->match},
                       {"timesteps_mean", p->steps},
                       {"energy_uj_event", p->energy.event},
                       {"energy_uj_add", p->energy.add},
                       {"energy_uj_spike", p->energy.spike},
                       {"energy_uj_ann", p->energy.ann}};
        for (size_t k = 0; k < sizeof numbers / sizeof *numbers; k++) {
            fprintf(to, "%s", k ? ", " : "");
            json_number(to, numbers[k].key, numbers[k].v);
        }
        fprintf(to, "}");
    }
    fprintf(to, "]}\n");
}

enum { WIDTH = 720, HEIGHT = 380, LEFT = 70, BOTTOM = 50, MARGIN = 24 };

struct frame {
    double left, right, low, high; /* energies as logarithms, matches */
};

static struct frame frame_of(const struct front *f)
{
    struct frame w = {INFINITY, -INFINITY, INFINITY, -INFINITY};
    for (int i = 0; i < f->count; i++) {
        const double x = log10(f->point[i].energy.event / f->point[i].energy.ann);
        w.left = fmin(w.left, x);
        w.right = fmax(w.right, x);
        w.low = fmin(w.low, f->point[i].match);
        w.high = fmax(w.high, f->point[i].match);
    }
    const double x = fmax(0.05 * (w.right - w.left), 0.02), y = fmax(0.08 * (w.high - w.low), 1e-4);
    return (struct frame){w.left - x, w.right + x, w.low - y, w.high + y};
}

static double across(const struct frame *w, const struct point *p)
{
    const double x = log10(p->energy.event / p->energy.ann);
    return LEFT + (WIDTH - LEFT - MARGIN) * (x - w->left) / (w->right - w->left);
}

static double down(const struct frame *w, double match)
{
    return MARGIN + (HEIGHT - BOTTOM - MARGIN) * (w->high - match) / (w->high - w->low);
}

static void put_axes(FILE *to, const struct frame *w)
{
    static const double shares[] = {0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10};
    for (size_t i = 0; i < sizeof shares / sizeof *shares; i++) {
        const double at = (log10(shares[i]) - w->left) / (w->right - w->left);
        const double x = LEFT + (WIDTH - LEFT - MARGIN) * at;
        if (at >= 0 && at <= 1)
            fprintf(to,
                    "<line class=grid x1=%.1f x2=%.1f y1=%d y2=%d />"
                    "<text x=%.1f y=%d text-anchor=middle>%g</text>\n",
                    x, x, MARGIN, HEIGHT - BOTTOM, x, HEIGHT - BOTTOM + 18, shares[i]);
    }
    const double step = report_tick_step(100 * (w->high - w->low), 5);
    for (double v = ceil(100 * w->low / step) * step; v <= fmin(100 * w->high, 100); v += step) {
        const double y = down(w, v / 100);
        fprintf(to,
                "<line class=grid x1=%d x2=%d y1=%.1f y2=%.1f />"
                "<text x=%d y=%.1f text-anchor=end>%g</text>\n",
                LEFT, WIDTH - MARGIN, y, y, LEFT - 6, y + 4, v);
    }
    fprintf(to,
            "<text x=%d y=%d text-anchor=middle>energy, an event counted once, as a fraction of "
            "the ANN's</text><text x=%d y=12>%% as the ANN</text>\n",
            (WIDTH + LEFT) / 2, HEIGHT - 10, LEFT);
}

static int by_energy(const void *a, const void *b)
{
    const struct point *x = a, *y = b;
    return (x->energy.event > y->energy.event) - (x->energy.event < y->energy.event);
}

static void put_page(FILE *to, const struct front *f)
{
    const struct frame w = frame_of(f);
    fprintf(to, "<!doctype html><html lang=en><meta charset=utf-8>"
                "<meta name=viewport content='width=device-width'><title>");
    text_put(to, file_base_name(f->options->onnx));
    fprintf(to,
            "</title><style>body{font:15px/1.5 system-ui,sans-serif;max-width:760px;margin:2em "
            "auto;padding:0 1em;color:#222;background:#fff}svg{width:100%%;height:auto}text{font-"
            "size:12px;fill:currentColor}.grid{stroke:#8884}.best{fill:#0a7}.other{fill:#9998}"
            ".front{fill:none;stroke:#0a7;stroke-width:2}table{border-collapse:collapse;width:"
            "100%%}td,th{text-align:right;padding:.2em .6em;border-bottom:1px solid #8883}tr.b{"
            "font-weight:600}@media(prefers-color-scheme:dark){body{color:#ddd;background:"
            "#161616}}</style>\n<h1>");
    text_put(to, file_base_name(f->options->onnx));
    fprintf(
        to,
        "</h1><p>Timesteps and burst limits, each with early exit and without, on %lld "
        "calibration samples. Nothing beats the green ones: none is as close to the ANN at less "
        "energy.</p>\n<svg viewBox='0 0 %d %d' role=img aria-label='energy and agreement'>\n",
        (long long)f->samples, WIDTH, HEIGHT);
    put_axes(to, &w);
    fprintf(to, "<polyline class=front points='");
    for (int i = 0; i < f->count; i++)
        if (f->point[i].best)
            fprintf(to, "%.1f,%.1f ", across(&w, &f->point[i]), down(&w, f->point[i].match));
    fprintf(to, "' />\n");
    for (int i = 0; i < f->count; i++) {
        const struct point *p = &f->point[i];
        fprintf(to,
                "<circle class=%s cx=%.1f cy=%.1f r=%d><title>T = %d, phi = %d%s: %.2f %%, %.2f "
                "timesteps</title></circle>\n",
                p->best ? "best" : "other", across(&w, p), down(&w, p->match), p->best ? 6 : 4,
                p->timesteps, p->burst, p->exits ? ", early exit" : "", 100 * p->match, p->steps);
        if (p->best)
            fprintf(to, "<text x=%.1f y=%.1f>T %d, phi %d%s</text>\n", across(&w, p) + 9,
                    down(&w, p->match) + 16, p->timesteps, p->burst, p->exits ? ", exit" : "");
    }
    fprintf(to, "</svg><table><tr><th>T<th>phi<th>early exit<th>as the ANN<th>mean T<th>event "
                "once<th>shifted adds<th>every spike\n");
    for (int i = 0; i < f->count; i++) {
        const struct point *p = &f->point[i];
        const struct af_energy *e = &p->energy;
        fprintf(to, "<tr%s><td>%d<td>%d<td>%s<td>%.2f %%<td>%.2f<td>%.3f<td>%.3f<td>%.3f\n",
                p->best ? " class=b" : "", p->timesteps, p->burst, p->exits ? "yes" : "no",
                100 * p->match, p->steps, e->event / e->ann, e->add / e->ann, e->spike / e->ann);
    }
    fprintf(to, "</table><p>Energies as fractions of the ANN's (45 nm). A row is "
                "<code>adafire-convert -t T --burst-initial phi</code>.</p></html>\n");
}

static void print_front(const struct front *f)
{
    printf("%4s %5s %11s %11s %8s %12s %13s %12s\n", "T", "phi", "early exit", "as the ANN",
           "mean T", "event once", "shifted adds", "every spike");
    for (int i = 0; i < f->count; i++) {
        const struct point *p = &f->point[i];
        const struct af_energy *e = &p->energy;
        if (p->best)
            printf("%4d %5d %11s %9.2f %% %8.2f %12.3f %13.3f %12.3f\n", p->timesteps, p->burst,
                   p->exits ? "yes" : "no", 100 * p->match, p->steps, e->event / e->ann,
                   e->add / e->ann, e->spike / e->ann);
    }
}

static int write_file(const struct front *f, const char *path)
{
    struct file_out out;
    const size_t n = strlen(path);
    const int status = file_create(&out, path);
    if (status)
        return status;
    if (n > 5 && strcmp(path + n - 5, ".json") == 0)
        put_json(out.stream, f);
    else
        put_page(out.stream, f);
    return file_commit(&out);
}

int front_write(const struct af_convert_options *options, bool steps_given, const char *path,
                bool quiet)
{
    struct front f = {.options = options, .phase = "trying timesteps and burst limits"};
    const int most = steps_given ? options->timesteps : timesteps[TIMESTEPS - 1];
    for (int t = 0; t < TIMESTEPS; t++)
        f.all += timesteps[t] <= most ? BURSTS : 0;
    int status = af_ann_outputs(options, &f.ann, &f.samples, &f.columns);
    f.samples = f.samples < LOOKED_AT ? f.samples : LOOKED_AT;
    for (int t = 0; t < TIMESTEPS; t++)
        for (int b = 0; !status && b < BURSTS && timesteps[t] <= most; b++)
            status = try_setting(&f, timesteps[t], bursts[b]);
    cli_progress(NULL, 0);
    qsort(f.point, (size_t)f.count, sizeof *f.point, by_energy);
    mark_best(&f);
    if (!status)
        status = write_file(&f, path);
    if (!status && !quiet) {
        print_front(&f);
        printf("Wrote %s\n", path);
    }
    af_free(f.ann);
    return status ? cli_fail_af() : 0;
}
