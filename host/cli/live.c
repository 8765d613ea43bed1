#include "cli/live.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/json.h"
#include "cli/cli.h"
#include "live/address.h"
#include "live/http.h"
#include "live/look.h"
#include "live/page.h"
#include "live/screen.h"

#include <errno.h>
#include <locale.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define LOOK_EVERY 0.05 /* s between two pictures */
#define SILENT_FOR 2.0  /* s after which it is said that nothing comes */

struct viewer {
    struct live_request *request;
    const struct af_model *model;
    struct look *look; /* NULL: nobody looks */
    struct page *page;
    struct screen_style style;
    bool on_screen, told_silence, told_drops;
    char title[200];
    double looked, begun;
    int64_t dropped; /* windows, when the last line was written */
    int64_t seen;    /* events, when the last tick came */
    double moved;    /* when there were more */
};

/* ---- Windows in words ------------------------------------------------------------------------ */

static int read_window(const char *option, const char *text, bool *by_count, int64_t *span)
{
    static const struct {
        const char *unit;
        double us;
    } units[] = {{"ms", 1e3}, {"s", 1e6}, {"us", 1}, {"", 1e3}, {"ev", 0}, {"events", 0}};
    char *end;
    const double v = strtod(text, &end);
    for (size_t i = 0; i < sizeof units / sizeof *units && end != text; i++) {
        const double whole = v * (units[i].us > 0 ? units[i].us : 1);
        if (strcmp(end, units[i].unit) != 0 || !(whole >= 1 && whole <= 1e12))
            continue;
        *by_count = !(units[i].us > 0);
        *span = llround(whole);
        return 0;
    }
    return cli_fail("%s must be a time or a number of events, such as 50ms, 0.2s, 500us or 5000ev, "
                    "not '%s'",
                    option, text);
}

int live_windows(struct live_request *r)
{
    bool by_count = false;
    int status = 0;
    if (r->window)
        status = read_window("--window", r->window, &r->run.by_count, &r->run.span);
    if (!status && r->step && !r->window)
        status = cli_fail("--step needs --window");
    if (!status && r->step)
        status = read_window("--step", r->step, &by_count, &r->run.step);
    if (!status && r->step && by_count != r->run.by_count)
        status = cli_fail("--window %s and --step %s: both are times, or both numbers of events",
                          r->window, r->step);
    return status;
}

/* ---- Lines ----------------------------------------------------------------------------------- */

/* The first so many of what it says: classes with their chances, scores or shares. */
static void print_best(FILE *f, const struct af_model *m, const struct live_decision *d, int most)
{
    for (int i = 0; i < d->best_count && i < most; i++) {
        const struct af_answer *best = &d->best[i];
        const char *name = af_class_name(m, best->label);
        fprintf(f, "%s %d%s%s %.1f %%", i ? "," : "", best->label, name ? " " : "",
                name ? name : "", 100 * best->probability);
    }
}

static void print_line(const struct viewer *v, const struct live_decision *d)
{
    FILE *f = cli_output();
    char rate[16];
    fprintf(f, "window %lld:", (long long)d->window->number);
    if (d->kind == AF_DETECT)
        fprintf(f, " %lld box%s%s", (long long)d->box_count, d->box_count == 1 ? "" : "es",
                d->box_count ? ":" : "");
    if (d->kind == AF_CLASSIFY)
        print_best(f, v->model, d, 1);
    else
        print_best(f, v->model, d, LIVE_BEST);
    for (int i = 0; i < d->value_count && i < LIVE_BEST; i++)
        fprintf(f, " %.4g", (double)d->value[i]);
    fprintf(f, "%s  (%d timestep%s, %lld events%s)  %.2f ms, %s events/s",
            d->value_count > LIVE_BEST ? " ..." : "", d->result->timesteps,
            d->result->timesteps == 1 ? "" : "s", (long long)d->window->count,
            d->window->whole ? "" : ", not whole", 1e3 * d->latency,
            cli_human(d->state->events_a_second, rate));
    if (d->state->dropped > v->dropped)
        fprintf(f, ", %lld windows dropped before", (long long)(d->state->dropped - v->dropped));
    fputc('\n', f);
}

struct number {
    const char *key;
    double v;
};

static void put_numbers(FILE *f, const struct number *number, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        json_number(f, number[i].key, number[i].v);
        fprintf(f, ", ");
    }
}

static void put_class(FILE *f, const struct af_model *m, int label)
{
    const char *name = af_class_name(m, label);
    fprintf(f, "\"class\": %d, ", label);
    if (name) {
        fprintf(f, "\"name\": ");
        json_text(f, name);
        fprintf(f, ", ");
    }
}

/* A map as stretches of a class, row by row. */
static void put_map(FILE *f, const struct live_decision *d)
{
    const int64_t pixels = (int64_t)d->map_height * d->map_width;
    fprintf(f, "\"height\": %d, \"width\": %d, \"map\": [", d->map_height, d->map_width);
    for (int64_t i = 0, n = 0; i < pixels; i += n) {
        for (n = 1; i + n < pixels && d->map[i + n] == d->map[i]; n++)
            ;
        fprintf(f, "%s[%d, %lld]", i ? ", " : "", d->map[i], (long long)n);
    }
    fprintf(f, "], ");
}

static void put_answer(FILE *f, const struct af_model *m, const struct live_decision *d)
{
    if (d->kind != AF_DETECT && d->best_count) {
        put_class(f, m, d->best[0].label);
        json_number(f, d->kind == AF_SEGMENT ? "share" : "confidence", d->best[0].probability);
        fprintf(f, ", ");
    }
    if (d->kind == AF_DETECT) {
        fprintf(f, "\"boxes\": [");
        for (int64_t i = 0; i < d->box_count; i++) {
            const struct af_box *b = &d->box[i];
            fprintf(f, "%s{", i ? ", " : "");
            put_class(f, m, b->label);
            fprintf(f, "\"score\": %.4f, \"box\": [%.2f, %.2f, %.2f, %.2f]}", (double)b->score,
                    (double)b->x1, (double)b->y1, (double)b->x2, (double)b->y2);
        }
        fprintf(f, "], ");
    }
    if (d->kind == AF_SEGMENT)
        put_map(f, d);
    if (d->kind == AF_VALUES) {
        fprintf(f, "\"values\": [");
        for (int i = 0; i < d->value_count; i++)
            fprintf(f, "%s%.9g", i ? ", " : "", (double)d->value[i]);
        fprintf(f, "], ");
    }
}

static void print_json(const struct viewer *v, const struct live_decision *d)
{
    const struct live_state *s = d->state;
    const struct window *w = d->window;
    FILE *f = cli_output();
    const struct number window[] = {{"window", (double)w->number},
                                    {"begin_us", (double)w->begin},
                                    {"end_us", (double)w->end},
                                    {"events", (double)w->count}};
    const struct number numbers[] = {
        {"timesteps", d->result->timesteps},
        {"latency_ms", 1e3 * d->latency},
        {"after_ms", 1e3 * d->after},
        {"run_ms", 1e3 * d->run},
        {"cycles", d->result->cycles ? (double)d->result->cycles : NAN},
        {"waiting", s->waiting},
        {"dropped_windows", (double)s->dropped},
        {"dropped_events", (double)s->dropped_events},
        {"late_events", (double)s->windows.late},
        {"events_per_second", s->events_a_second},
        {"decisions_per_second", s->decisions_a_second},
    };
    fprintf(f, "{");
    put_numbers(f, window, sizeof window / sizeof *window);
    put_answer(f, v->model, d);
    put_numbers(f, numbers, sizeof numbers / sizeof *numbers);
    fprintf(f, "\"whole\": %s}\n", w->whole ? "true" : "false");
}

/* ---- Views ----------------------------------------------------------------------------------- */

static void draw(struct viewer *v)
{
    size_t size = 0;
    if (v->on_screen)
        screen_draw(cli_output(), v->look, v->title, &v->style);
    if (!v->page || !page_clients(v->page))
        return;
    char *text = look_message(v->look, &size);
    if (text)
        page_publish(v->page, text, size);
    free(text);
}

static int on_decision(void *context, const struct live_decision *d)
{
    struct viewer *v = context;
    if (v->look)
        look_note(v->look, d);
    if (v->look && seconds() - v->looked >= LOOK_EVERY) {
        v->looked = seconds();
        look_take(v->look, d);
        draw(v);
    }
    if (!v->on_screen) {
        if (v->request->json)
            print_json(v, d);
        else if (!v->request->quiet)
            print_line(v, d);
        if (!d->state->waiting)
            fflush(cli_output());
    }
    v->dropped = d->state->dropped;
    return AF_OK;
}

static int on_tick(void *context, const struct live_state *s)
{
    struct viewer *v = context;
    const double now = seconds();
    char text[300];
    if (s->windows.events != v->seen) {
        v->seen = s->windows.events;
        v->moved = now;
        v->told_silence = false;
    }
    if (now - v->moved > SILENT_FOR && !v->told_silence && !v->on_screen && !v->request->quiet) {
        fprintf(stderr, "%s: waiting for events\n", v->request->run.source.from);
        v->told_silence = true;
    }
    if (s->dropped && !v->told_drops) {
        snprintf(
            text, sizeof text,
            "the board %s does not keep up with the stream: the oldest windows are dropped, and "
            "counted",
            v->request->board);
        v->told_drops = true;
        if (!v->on_screen)
            cli_note(text);
    }
    if (v->look && v->look->width && now - v->looked >= LOOK_EVERY) {
        v->looked = now;
        v->look->state = *s;
        draw(v);
    }
    return AF_OK;
}

static void on_note(void *context, const char *note)
{
    const struct viewer *v = context;
    if (!v->on_screen)
        cli_note(note);
}

/* ---- The end --------------------------------------------------------------------------------- */

static void print_totals(const struct live_request *r, const struct live_totals *t)
{
    FILE *f = cli_output();
    const struct live_state *s = &t->state;
    const double n = (double)s->decisions, cycles = s->decisions ? t->cycles / n : 0;
    char a[16], b[16];
    fprintf(f, "%s on %s: %lld decision%s of %s events in %.1f s, %s events a second\n",
            r->model_path, r->board, (long long)s->decisions, cli_s(s->decisions),
            cli_human((double)s->windows.events, a), s->seconds,
            cli_human((double)s->windows.events / fmax(s->seconds, 1e-9), b));
    if (s->decisions) {
        fprintf(f, "  latency          median %.2f ms, 99 %% %.2f ms, most %.2f ms\n",
                1e3 * latency_share(&t->latency, 0.5), 1e3 * latency_share(&t->latency, 0.99),
                1e3 * t->latency.most);
        fprintf(f, "  after the window median %.2f ms, 99 %% %.2f ms, most %.2f ms\n",
                1e3 * latency_share(&t->after, 0.5), 1e3 * latency_share(&t->after, 0.99),
                1e3 * t->after.most);
        fprintf(f, "  of it the board  median %.2f ms, most %.2f ms\n",
                1e3 * latency_share(&t->run, 0.5), 1e3 * t->run.most);
        fprintf(f, "  timesteps        %.2f on average\n", t->timesteps / n);
    }
    if (cycles > 0)
        fprintf(f, "  clock cycles     %s a window\n", cli_human(cycles, a));
    if (cycles > 0 && r->megahertz > 0)
        fprintf(f, "  on hardware      %.1f us at %.0f MHz\n", cycles / r->megahertz, r->megahertz);
    fprintf(
        f,
        "  left out         %lld windows dropped (%lld events), %lld refused; %lld events late,\n"
        "                   %lld beyond a window's most; %lld datagrams missed\n",
        (long long)s->dropped, (long long)s->dropped_events, (long long)s->refused,
        (long long)s->windows.late, (long long)s->windows.over, (long long)s->missed);
    fprintf(f, "  stream           lost %lld times, %lld clocks set back, %lld windows empty\n",
            (long long)s->losses, (long long)s->windows.turns, (long long)s->windows.empty);
}

static void print_totals_json(const struct live_request *r, const struct live_totals *t)
{
    FILE *f = cli_output();
    const struct live_state *s = &t->state;
    const double n = (double)s->decisions;
    const struct number numbers[] = {
        {"decisions", n},
        {"events", (double)s->windows.events},
        {"seconds", s->seconds},
        {"events_per_second", (double)s->windows.events / fmax(s->seconds, 1e-9)},
        {"latency_ms_median", 1e3 * latency_share(&t->latency, 0.5)},
        {"latency_ms_90", 1e3 * latency_share(&t->latency, 0.9)},
        {"latency_ms_99", 1e3 * latency_share(&t->latency, 0.99)},
        {"latency_ms_999", 1e3 * latency_share(&t->latency, 0.999)},
        {"latency_ms_most", 1e3 * t->latency.most},
        {"after_ms_median", 1e3 * latency_share(&t->after, 0.5)},
        {"after_ms_90", 1e3 * latency_share(&t->after, 0.9)},
        {"after_ms_99", 1e3 * latency_share(&t->after, 0.99)},
        {"after_ms_999", 1e3 * latency_share(&t->after, 0.999)},
        {"after_ms_most", 1e3 * t->after.most},
        {"run_ms_median", 1e3 * latency_share(&t->run, 0.5)},
        {"run_ms_most", 1e3 * t->run.most},
        {"timesteps_mean", n > 0 ? t->timesteps / n : NAN},
        {"cycles_mean", t->cycles > 0 ? t->cycles / n : NAN},
        {"megahertz", r->megahertz > 0 ? r->megahertz : NAN},
        {"dropped_windows", (double)s->dropped},
        {"dropped_events", (double)s->dropped_events},
        {"refused_windows", (double)s->refused},
        {"late_events", (double)s->windows.late},
        {"over_events", (double)s->windows.over},
        {"empty_windows", (double)s->windows.empty},
        {"clocks_set_back", (double)s->windows.turns},
        {"stream_lost", (double)s->losses},
        {"datagrams_missed", (double)s->missed},
    };
    fprintf(f, "{\"summary\": {\"board\": ");
    json_text(f, r->board);
    fprintf(f, ", \"model\": ");
    json_text(f, r->model_path);
    fprintf(f, ", \"source\": ");
    json_text(f, r->run.source.from);
    fprintf(f, ", ");
    put_numbers(f, numbers, sizeof numbers / sizeof *numbers);
    cli_json_notes(f);
    fprintf(f, "}}\n");
}

/* ---- The run --------------------------------------------------------------------------------- */

static int stop_fd = -1;

/* The first time the run ends as at the end of its stream, the second time at once. */
static void stop(int number)
{
    (void)number;
    const int code = errno;
    eventfd_write(stop_fd, 1);
    errno = code;
}

static void take_signals(void)
{
    static const int ending[] = {SIGINT, SIGTERM, SIGHUP};
    for (size_t i = 0; i < sizeof ending / sizeof *ending; i++) {
        struct sigaction before,
            mine = {.sa_handler = stop, .sa_flags = (int)(SA_RESETHAND | SA_RESTART)};
        sigemptyset(&mine.sa_mask);
        if (sigaction(ending[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN)
            sigaction(ending[i], &mine, NULL);
    }
}

static void tell_page(const char *where, int port)
{
    char host[256], digits[8];
    if (!address_split(where, host, sizeof host, digits, sizeof digits) || !*host)
        strcpy(host, "127.0.0.1");
    const bool six = strchr(host, ':') != NULL;
    fprintf(stderr, "the page is at http://%s%s%s:%d/\n", six ? "[" : "", host, six ? "]" : "",
            port);
    if (!http_is_loopback(host))
        cli_note("whoever reaches this computer can look at the page");
}

static int open_views(struct viewer *v)
{
    struct live_request *r = v->request;
    int status = AF_OK, port = 0;
    snprintf(v->title, sizeof v->title, "%s on %s, %s", r->model_path, r->board,
             r->run.source.from);
    if (r->screen && !screen_style_of(fileno(cli_output()), &v->style))
        cli_note("--screen needs a terminal of 40 x 12 or more that can be drawn on: there are "
                 "lines instead");
    else
        v->on_screen = r->screen;
    if (v->on_screen || r->view)
        status = look_make(&v->look, v->model);
    if (!status && r->view) {
        size_t size;
        char *first =
            look_first_message(v->look, r->model_path, r->board, r->run.source.from, &size);
        status = first ? page_open(&v->page, r->view, first, &port)
                       : af_fail(AF_NO_MEMORY, "no memory for a page");
        free(first);
    }
    if (!status && r->view)
        tell_page(r->view, port);
    return status;
}

int live_show(struct live_request *r, struct af_device *device, const struct af_model *m)
{
    struct viewer v = {.request = r, .model = m, .begun = seconds(), .moved = seconds()};
    struct live_totals totals = {0};
    setlocale(LC_CTYPE, "");
    stop_fd = eventfd(0, EFD_CLOEXEC);
    if (stop_fd < 0)
        return cli_fail("no event descriptor: %s", strerror(errno));
    r->run.source.stop_fd = stop_fd;
    r->run.decision = on_decision;
    r->run.tick = on_tick;
    r->run.note = on_note;
    r->run.context = &v;
    int status = open_views(&v);
    if (!status) {
        take_signals();
        if (v.on_screen)
            screen_begin(cli_output());
        status = live_run(device, m, &r->run, &totals);
        if (v.on_screen)
            screen_end(cli_output());
    }
    if (!status && r->json)
        print_totals_json(r, &totals);
    else if (!status)
        print_totals(r, &totals);
    if (status)
        cli_fail_af();
    page_close(v.page);
    look_free(v.look);
    close(stop_fd);
    return status ? EXIT_ERROR : 0;
}
