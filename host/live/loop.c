#include "live/loop.h"

#include "base/clock.h"
#include "base/error.h"
#include "input/counting.h"
#include "live/queue.h"
#include "run/samples.h"

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { QUEUE_ROOM = 16, REFUSED_FIRST = 20 };
#define PATIENCE 0.1 /* s between two ticks */
#define RATE_FOR 1.0 /* s that rates are of */

struct loop {
    const struct live_options *o;
    const struct af_model *m;
    struct af_device *device;
    struct input_spec spec;
    struct af_task *task;
    int steps, batch;
    struct live_source *source;
    struct windower *windower;
    struct queue *queue;
    int stop_fd; /* ends the reader, whoever wanted that */
    /* The reader's, for the others to see: */
    pthread_mutex_t lock;
    struct window_totals windows;
    int64_t losses, missed;
    double begun; /* 0: nothing came yet */
    char format[48];
    int sensor[2];
    /* The runner's: */
    struct live_totals *t;
    struct window window[LIVE_BATCH_MOST];
    struct sample sample[LIVE_BATCH_MOST];
    struct af_sample taken[LIVE_BATCH_MOST];
    struct af_result result[LIVE_BATCH_MOST];
    int which[LIVE_BATCH_MOST]; /* window of a sample */
    int16_t *counts;
    int64_t *pixels; /* [classes] of a map */
    double ticked, rated;
    int64_t rated_events, rated_decisions;
};

/* ---- The reader ------------------------------------------------------------------------------ */

static int give(void *context, struct window *w)
{
    return queue_give(((struct loop *)context)->queue, w);
}

static double idle(void *context, double now)
{
    return windower_idle(((struct loop *)context)->windower, now);
}

static void note(void *context, const char *text)
{
    const struct loop *l = context;
    if (l->o->note)
        l->o->note(l->o->context, text);
}

static void show(struct loop *l)
{
    pthread_mutex_lock(&l->lock);
    l->windows = windower_totals(l->windower);
    l->losses = live_source_losses(l->source);
    l->missed = live_source_missed(l->source);
    if (!(l->begun > 0) && l->windows.events)
        l->begun = seconds();
    snprintf(l->format, sizeof l->format, "%s", live_source_format(l->source));
    live_source_sensor(l->source, l->sensor);
    pthread_mutex_unlock(&l->lock);
}

static void *read_stream(void *context)
{
    struct loop *l = context;
    struct live_block *b = malloc(sizeof *b);
    int sensor[2], status = b ? AF_OK : af_fail(AF_NO_MEMORY, "no memory");
    while (!status) {
        status = live_source_next(l->source, b);
        live_source_sensor(l->source, sensor);
        if (!status && b->count)
            status = windower_add(l->windower, b, sensor);
        else if (!status)
            status = windower_end(l->windower);
        show(l);
        if (!b->count && !b->lost)
            break;
    }
    free(b);
    queue_end(l->queue, status);
    return NULL;
}

/* ---- The runner ------------------------------------------------------------------------------ */

static const struct live_state *look(struct loop *l)
{
    struct live_state *s = &l->t->state;
    const double now = seconds();
    pthread_mutex_lock(&l->lock);
    s->windows = l->windows;
    s->losses = l->losses;
    s->missed = l->missed;
    s->seconds = l->begun > 0 ? now - l->begun : 0;
    memcpy(s->sensor, l->sensor, sizeof s->sensor);
    memcpy(s->format, l->format, sizeof s->format);
    pthread_mutex_unlock(&l->lock);
    queue_totals(l->queue, &s->waiting, &s->dropped, &s->dropped_events);
    if (now - l->rated >= RATE_FOR) {
        s->events_a_second = (double)(s->windows.events - l->rated_events) / (now - l->rated);
        s->decisions_a_second = (double)(s->decisions - l->rated_decisions) / (now - l->rated);
        l->rated = now;
        l->rated_events = s->windows.events;
        l->rated_decisions = s->decisions;
    } else if (s->seconds > 0 && s->seconds < RATE_FOR) {
        s->events_a_second = (double)s->windows.events / s->seconds;
        s->decisions_a_second = (double)s->decisions / s->seconds;
    }
    return s;
}

static int tick(struct loop *l)
{
    const double now = seconds();
    if (now - l->ticked < PATIENCE)
        return AF_OK;
    l->ticked = now;
    const struct live_state *s = look(l);
    return l->o->tick ? l->o->tick(l->o->context, s) : AF_OK;
}

/* A window whose events do not fit the network is refused. Where nothing fits none will: of a file
 * the first says so, of a stream, which may be disturbed, the first few. */
static int refuse(struct loop *l, int status)
{
    const bool fits = l->t->state.decisions > 0,
               patient = !live_source_waits(l->source) && l->t->state.refused < REFUSED_FIRST;
    if (status != AF_BAD_FILE || (!fits && !patient))
        return status;
    l->t->state.refused++;
    if (l->t->state.refused == 1)
        note(l, af_error());
    return AF_OK;
}

static int count_windows(struct loop *l, int windows, int *samples)
{
    const int64_t each = (int64_t)l->steps * l->spec.channels * l->spec.height * l->spec.width;
    int status = AF_OK;
    *samples = 0;
    for (int i = 0; !status && i < windows; i++) {
        const struct window *w = &l->window[i];
        const int n = *samples;
        l->sample[n] = (struct sample){.name = l->o->source.from,
                                       .label = -1,
                                       .events = w->event,
                                       .event_count = w->count,
                                       .sensor = {w->sensor[0], w->sensor[1]}};
        status = sample_take(&l->sample[n], &l->spec, l->steps, l->m->format.event_frames,
                             l->counts + n * each, &l->taken[n]);
        if (status) {
            status = refuse(l, status);
            continue;
        }
        l->which[n] = i;
        ++*samples;
    }
    return status;
}

/* Keeps the largest, in their order. */
static void rank(struct live_decision *d, int label, double probability)
{
    int at = d->best_count;
    while (at > 0 && d->best[at - 1].probability < probability)
        at--;
    if (at == LIVE_BEST)
        return;
    d->best_count += d->best_count < LIVE_BEST;
    memmove(&d->best[at + 1], &d->best[at], (size_t)(d->best_count - 1 - at) * sizeof *d->best);
    d->best[at] = (struct af_answer){label, probability};
}

static void rank_map(struct loop *l, struct live_decision *d)
{
    const int64_t pixels = (int64_t)d->map_height * d->map_width;
    memset(l->pixels, 0, (size_t)af_task_classes(l->task) * sizeof *l->pixels);
    for (int64_t i = 0; i < pixels; i++)
        l->pixels[d->map[i]]++;
    for (int i = 0; i < af_task_classes(l->task); i++)
        if (l->pixels[i])
            rank(d, i, (double)l->pixels[i] / (double)pixels);
}

/* What the outputs mean. */
static int read_answer(struct loop *l, struct live_decision *d)
{
    const struct af_result *r = d->result;
    d->kind = af_task_kind(l->task);
    int64_t status = AF_OK;
    switch (d->kind) {
    case AF_CLASSIFY: status = d->best_count = af_answers(l->task, r, LIVE_BEST, d->best); break;
    case AF_DETECT:
        status = d->box_count = af_boxes(l->task, r, &d->box);
        for (int64_t i = 0; i < d->box_count; i++)
            rank(d, d->box[i].label, (double)d->box[i].score);
        break;
    case AF_SEGMENT:
        status = af_class_map(l->task, r, &d->map, &d->map_height, &d->map_width);
        if (!status)
            rank_map(l, d);
        break;
    case AF_VALUES: {
        const int answer = model_answer(l->m);
        d->value = r->output + model_output_at(l->m, answer);
        d->value_count = (int)output_values(&l->m->population[answer]);
        break;
    }
    }
    return status < 0 ? (int)status : AF_OK;
}

static int tell(struct loop *l, int n, double answered, double run)
{
    const struct window *w = &l->window[l->which[n]];
    const struct af_result *r = &l->result[n];
    struct live_decision d = {.window = w,
                              .sample = &l->sample[n],
                              .counts = l->taken[n].counts,
                              .timesteps = l->steps,
                              .result = r,
                              .latency = answered - w->arrived,
                              .after = answered - w->over,
                              .run = run};
    const int status = read_answer(l, &d);
    if (status)
        return status;
    l->t->state.decisions++;
    l->t->timesteps += r->timesteps;
    l->t->cycles += (double)r->cycles;
    latency_add(&l->t->latency, d.latency);
    latency_add(&l->t->after, d.after);
    latency_add(&l->t->run, run);
    d.state = look(l);
    return l->o->decision ? l->o->decision(l->o->context, &d) : AF_OK;
}

static int run_windows(struct loop *l, int windows)
{
    int n, status = count_windows(l, windows, &n);
    if (status || !n)
        return status;
    const double begin = seconds();
    status =
        af_run(l->device, l->taken, n,
               &(struct af_run_options){
                   .timesteps = l->steps, .no_iat = l->o->no_iat, .keep_state = l->o->keep_state},
               l->result);
    const double answered = seconds();
    if (status)
        return status;
    for (int i = 0; i < n; i++) {
        if (!status && (!l->o->limit || l->t->state.decisions < l->o->limit))
            status = tell(l, i, answered, answered - begin);
        af_result_free(&l->result[i]);
    }
    return status;
}

static int run_all(struct loop *l)
{
    int count, status = AF_OK;
    bool ended = false;
    while (!status && !ended && (!l->o->limit || l->t->state.decisions < l->o->limit)) {
        status = queue_take(l->queue, l->window, l->batch, PATIENCE, &count, &ended);
        if (!status && count)
            status = run_windows(l, count);
        if (!status)
            status = tick(l);
    }
    return status;
}

/* ---- Both ------------------------------------------------------------------------------------ */

static int check(const struct af_model *m, const struct live_options *o)
{
    if (!m->format.events)
        return af_fail(AF_UNSUPPORTED,
                       "%s: takes no recordings of event cameras (--events at its "
                       "conversion), which a stream is",
                       m->name);
    if (o->timesteps > m->timesteps)
        return af_fail(AF_BAD_ARGUMENT, "--timesteps %d, but %s was converted for %d", o->timesteps,
                       m->name, m->timesteps);
    return AF_OK;
}

/* The window that the counting speaks of, where nobody said another. */
static int choose_window(struct loop *l, struct window_options *w)
{
    const struct live_options *o = l->o;
    const struct counting *c = &l->spec.counting;
    const int frames = l->m->format.event_frames > 0 ? l->m->format.event_frames : 1;
    *w = (struct window_options){.by_count = o->by_count,
                                 .span = o->span,
                                 .step = o->step,
                                 .pace = live_source_pace(l->source),
                                 .timed = !live_source_waits(l->source),
                                 .give = give,
                                 .context = l};
    if (!w->span) {
        w->by_count = c->count > 0;
        w->span = (c->count ? c->count : c->window) * frames;
    }
    if (!w->span)
        return af_fail(AF_BAD_ARGUMENT,
                       "%s was not converted for a window or a count of events (--counting): say "
                       "--window, such as 50ms or 5000ev",
                       l->m->name);
    w->step = w->step ? w->step : w->span;
    if (w->by_count && w->span > WINDOW_MOST)
        return af_fail(AF_BAD_ARGUMENT, "windows of %lld events; %d are the most",
                       (long long)w->span, WINDOW_MOST);
    return AF_OK;
}

static int prepare(struct loop *l)
{
    const struct live_options *o = l->o;
    struct window_options w;
    l->steps = o->timesteps ? o->timesteps : l->m->timesteps;
    l->batch = o->batch < 1 ? 1 : o->batch > LIVE_BATCH_MOST ? LIVE_BATCH_MOST : o->batch;
    int status = samples_of_model(l->m, &l->spec);
    if (!status && o->counting)
        status = counting_parse("--counting", o->counting, &l->spec.counting);
    if (!status)
        status = af_task_open(l->m, o->task, &l->task);
    l->stop_fd = o->source.stop_fd >= 0 ? o->source.stop_fd : eventfd(0, EFD_CLOEXEC);
    if (!status && l->stop_fd < 0)
        status = af_fail(AF_IO, "no event descriptor: %s", strerror(errno));
    struct live_source_options from = o->source;
    from.stop_fd = l->stop_fd;
    from.idle = idle;
    from.note = note;
    from.context = l;
    if (!status)
        status = live_source_open(&l->source, &from);
    if (!status)
        status = choose_window(l, &w);
    if (!status)
        status = windower_make(&l->windower, &w);
    if (!status)
        status =
            queue_make(&l->queue, o->queue ? o->queue : QUEUE_ROOM, live_source_waits(l->source));
    if (!status) {
        l->counts = malloc((size_t)((int64_t)l->batch * l->steps * l->spec.channels *
                                    l->spec.height * l->spec.width) *
                           sizeof *l->counts);
        l->pixels = calloc((size_t)af_task_classes(l->task) + 1, sizeof *l->pixels);
        status = l->counts && l->pixels ? AF_OK : af_fail(AF_NO_MEMORY, "no memory for windows");
    }
    return status;
}

static int run_threads(struct loop *l)
{
    pthread_t reader;
    const int code = pthread_create(&reader, NULL, read_stream, l);
    if (code)
        return af_fail(AF_NO_MEMORY, "no thread: %s", strerror(code));
    const int status = run_all(l);
    queue_stop(l->queue);
    eventfd_write(l->stop_fd, 1);
    pthread_join(reader, NULL);
    look(l);
    return status;
}

int live_run(struct af_device *device, const struct af_model *m, const struct live_options *o,
             struct live_totals *t)
{
    struct loop *l = calloc(1, sizeof *l);
    *t = (struct live_totals){0};
    if (!l)
        return af_fail(AF_NO_MEMORY, "no memory");
    *l = (struct loop){.o = o, .m = m, .device = device, .t = t, .stop_fd = -1};
    pthread_mutex_init(&l->lock, NULL);
    int status = check(m, o);
    if (!status)
        status = prepare(l);
    if (!status) {
        l->rated = seconds();
        status = run_threads(l);
    }
    for (int i = 0; i < LIVE_BATCH_MOST; i++)
        free(l->window[i].event);
    queue_free(l->queue);
    windower_free(l->windower);
    live_source_close(l->source);
    af_task_close(l->task);
    if (l->stop_fd >= 0 && l->stop_fd != o->source.stop_fd)
        close(l->stop_fd);
    free(l->counts);
    free(l->pixels);
    pthread_mutex_destroy(&l->lock);
    free(l);
    return status;
}
