/* The public face of a run: what was asked is checked, then it goes to the device, at once or in
 * the order of a queue. */
#include "adafire.h"
#include "base/error.h"
#include "device/recording.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { PROGRESS_EACH = 64 }; /* samples between two calls of on_progress */

static int check_sample(const struct af_model *m, const struct af_sample *s, int64_t i, int steps)
{
    const int64_t inputs = neuron_count(&m->population[0]);
    const int64_t wanted = s->counts ? inputs * steps : inputs;
    if (!s->data && !s->counts)
        return af_fail(AF_BAD_ARGUMENT, "sample %lld has no data", (long long)i);
    if (s->counts && !m->format.events)
        return af_fail(AF_BAD_ARGUMENT, "sample %lld is a recording, and the model takes none",
                       (long long)i);
    /* A recording may go on after the run. */
    if (s->counts ? s->length < wanted || s->length % inputs : s->length != wanted)
        return af_fail(AF_BAD_ARGUMENT, "sample %lld has %lld values; the model takes %lld",
                       (long long)i, (long long)s->length, (long long)wanted);
    return af_check_reserved("af_sample", s);
}

static int check(const struct af_device *device, const struct af_sample *samples, int64_t count,
                 const struct af_result *results, struct af_run_options *o, bool *recordings)
{
    if (!device || count < 0 || (count && (!samples || !results)))
        return af_fail(AF_BAD_ARGUMENT, "a device, samples and room for results are needed");
    int status = af_check_reserved("af_run_options", o);
    if (status)
        return status;
    if (o->timesteps < 0 || o->timesteps > device->model->timesteps)
        return af_fail(AF_BAD_ARGUMENT, "%d timesteps asked of a model converted for %d",
                       o->timesteps, device->model->timesteps);
    if (!o->timesteps)
        o->timesteps = device->model->timesteps;
    int64_t counts = 0;
    for (int64_t i = 0; i < count; i++) {
        status = check_sample(device->model, &samples[i], i, o->timesteps);
        if (status)
            return status;
        counts += samples[i].counts != NULL;
    }
    *recordings = counts && device->model->format.event_frames > 1;
    if (*recordings && counts < count)
        return af_fail(AF_BAD_ARGUMENT, "recordings and frames cannot be run together");
    if (o->keep_state && !device->keeps_state)
        return af_fail(AF_UNSUPPORTED,
                       "this board begins every sample from rest; the board cpu can "
                       "keep the state of neurons");
    if (o->keep_state && *recordings)
        return af_fail(AF_UNSUPPORTED,
                       "%s was made for several frames of a recording, each of which "
                       "begins from rest: no state can be kept",
                       device->model->name);
    return AF_OK;
}

/* Of all samples in a row, with somebody to be told between. */
struct piece {
    const struct af_run_options *options;
    int64_t first;
};

static void on_event(void *context, int64_t sample, int step, int population, int neuron, int burst)
{
    const struct piece *p = context;
    p->options->on_event(p->options->on_event_context, p->first + sample, step, population, neuron,
                         burst);
}

static int run_pieces(struct af_device *device, const struct af_sample *samples, int64_t count,
                      const struct af_run_options *options, bool recordings,
                      struct af_result *results)
{
    struct piece piece = {.options = options};
    struct af_run_options o = *options;
    const int64_t each = !options->on_progress ? count
                         : device->slow        ? device->slow
                                               : PROGRESS_EACH;
    int status = AF_OK;
    if (o.on_event) {
        o.on_event = on_event;
        o.on_event_context = &piece;
    }
    while (!status && piece.first < count) {
        const int64_t n = count - piece.first < each ? count - piece.first : each;
        status = (recordings ? recording_run : device_run)(device, samples + piece.first, n, &o,
                                                           results + piece.first);
        if (status)
            break;
        piece.first += n;
        if (options->on_progress &&
            options->on_progress(options->on_progress_context, piece.first, count))
            status = af_fail(AF_CANCELLED, "the run was cancelled");
    }
    for (int64_t i = 0; status && i < piece.first; i++)
        af_result_free(&results[i]);
    return status;
}

static int run_checked(struct af_device *device, const struct af_sample *samples, int64_t count,
                       const struct af_run_options *options, struct af_result *results)
{
    struct af_run_options o = {0};
    bool recordings;
    if (options)
        o = *options;
    int status = check(device, samples, count, results, &o, &recordings);
    if (status || !count)
        return status;
    return run_pieces(device, samples, count, &o, recordings, results);
}

/* ---- Jobs ------------------------------------------------------------------------------------ */

struct af_job {
    struct af_device *device;
    const struct af_sample *samples;
    int64_t count;
    struct af_run_options options;
    struct af_result *results;
    int status;
    bool done;
    char sentence[1024]; /* af_error of the thread that ran it */
    struct af_job *next;
};

/* Of a device that anything was ever submitted to. */
struct job_queue {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    pthread_t worker;
    bool closing;
    struct af_job *first, **end;
};

static void *work(void *context)
{
    struct job_queue *q = context;
    pthread_mutex_lock(&q->lock);
    for (;;) {
        struct af_job *job = q->first;
        if (!job && q->closing)
            break;
        if (!job) {
            pthread_cond_wait(&q->changed, &q->lock);
            continue;
        }
        pthread_mutex_unlock(&q->lock);
        const int status =
            run_checked(job->device, job->samples, job->count, &job->options, job->results);
        pthread_mutex_lock(&q->lock);
        job->status = status;
        if (status)
            strncpy(job->sentence, af_error(), sizeof job->sentence - 1);
        q->first = job->next;
        if (!q->first)
            q->end = &q->first;
        job->done = true; /* its owner may free it from here on */
        pthread_cond_broadcast(&q->changed);
    }
    pthread_mutex_unlock(&q->lock);
    return NULL;
}

static int make_queue(struct af_device *device)
{
    struct job_queue *q = device->jobs;
    if (q)
        return AF_OK;
    q = calloc(1, sizeof *q);
    if (!q)
        return af_fail(AF_NO_MEMORY, "no memory for a queue of jobs");
    pthread_mutex_init(&q->lock, NULL);
    pthread_cond_init(&q->changed, NULL);
    q->end = &q->first;
    const int code = pthread_create(&q->worker, NULL, work, q);
    if (code) {
        pthread_cond_destroy(&q->changed);
        pthread_mutex_destroy(&q->lock);
        free(q);
        return af_fail(AF_NO_MEMORY, "no thread for jobs: %s", strerror(code));
    }
    device->jobs = q;
    return AF_OK;
}

int af_submit(struct af_device *device, const struct af_sample *samples, int64_t count,
              const struct af_run_options *options, struct af_result *results, struct af_job **job)
{
    struct af_run_options o = {0};
    bool recordings;
    if (job)
        *job = NULL;
    if (!job || !device)
        return af_fail(AF_BAD_ARGUMENT, "a device and a place for the job are needed");
    if (options)
        o = *options;
    int status = check(device, samples, count, results, &o, &recordings);
    if (!status)
        status = make_queue(device);
    if (status)
        return status;
    struct af_job *made = calloc(1, sizeof *made);
    if (!made)
        return af_fail(AF_NO_MEMORY, "no memory for a job");
    *made = (struct af_job){
        .device = device, .samples = samples, .count = count, .options = o, .results = results};
    struct job_queue *q = device->jobs;
    pthread_mutex_lock(&q->lock);
    *q->end = made;
    q->end = &made->next;
    pthread_cond_broadcast(&q->changed);
    pthread_mutex_unlock(&q->lock);
    *job = made;
    return AF_OK;
}

int af_wait(struct af_job *job)
{
    if (!job)
        return AF_OK;
    struct job_queue *q = job->device->jobs;
    pthread_mutex_lock(&q->lock);
    while (!job->done)
        pthread_cond_wait(&q->changed, &q->lock);
    pthread_mutex_unlock(&q->lock);
    const int status = job->status;
    if (status)
        af_tell("%s", job->sentence);
    free(job);
    return status;
}

/* Until nothing is under way. */
static void drain(struct job_queue *q)
{
    if (!q)
        return;
    pthread_mutex_lock(&q->lock);
    while (q->first)
        pthread_cond_wait(&q->changed, &q->lock);
    pthread_mutex_unlock(&q->lock);
}

int af_run(struct af_device *device, const struct af_sample *samples, int64_t count,
           const struct af_run_options *options, struct af_result *results)
{
    if (device)
        drain(device->jobs);
    return run_checked(device, samples, count, options, results);
}

void af_device_close(struct af_device *device)
{
    if (!device)
        return;
    struct job_queue *q = device->jobs;
    if (q) {
        pthread_mutex_lock(&q->lock);
        q->closing = true; /* when all is done */
        pthread_cond_broadcast(&q->changed);
        pthread_mutex_unlock(&q->lock);
        pthread_join(q->worker, NULL);
        pthread_cond_destroy(&q->changed);
        pthread_mutex_destroy(&q->lock);
        free(q);
    }
    device_close(device);
}
