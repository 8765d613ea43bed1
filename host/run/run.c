#include "run/run.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/npy.h"
#include "base/npy_writer.h"
#include "device/device.h"
#include "input/counting.h"
#include "input/events.h"
#include "input/labels.h"
#include "model/range.h"
#include "run/reference_check.h"
#include "run/samples.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Samples of one batch, copied out of the source. */
struct batch {
    int count, room;
    struct af_sample *sample;
    struct af_result *result, *full; /* full: with history, all timesteps */
    int *label;
    char **name;
    void **data;
    struct view *view;
};

struct run {
    struct af_device *device, *exact; /* exact: of the options, or the device */
    const struct af_model *model;
    const struct run_options *options;
    struct run_totals *totals;
    struct input_spec spec;
    bool each;                       /* is told of every sample */
    struct answers *answers;         /* NULL: classes of samples, or nobody asks */
    int64_t columns;                 /* values of all outputs */
    int64_t answer_at, answer_size;  /* of those that answer, among them */
    struct tensor labels, reference; /* of classes */
    struct texts labelled_files;     /* of labels; empty: they are in the samples' order */
    int64_t labels_at;
    int64_t reference_rows; /* of one sample */
    struct npy_writer output;
    struct file_out spikes;
    int steps;
    int64_t correct_at[TIMESTEPS_LIMIT], agreeing_at[TIMESTEPS_LIMIT];
    int64_t raster_room;
    struct value_range range; /* of the first samples */
    int64_t backwards;        /* recordings whose time runs backwards */
    char backwards_at[160];   /* the first of them, and where */
    int64_t odd;              /* recordings of which their reader has something to say */
    char odd_at[320];         /* the first of them, and what */
    int status;               /* of the event callback */
};

enum { RANGE_OF = 1024 }; /* samples, whose values are compared with the model's */

/* ---- Batches ------------------------------------------------------------------------------- */

static int batch_make(struct batch *b, int room)
{
    size_t n = (size_t)room;
    *b = (struct batch){.room = room};
    b->sample = calloc(n, sizeof *b->sample);
    b->result = calloc(n, sizeof *b->result);
    b->full = calloc(n, sizeof *b->full);
    b->label = calloc(n, sizeof *b->label);
    b->name = calloc(n, sizeof *b->name);
    b->data = calloc(n, sizeof *b->data);
    b->view = calloc(n, sizeof *b->view);
    return b->view && b->sample && b->result && b->full && b->label && b->name && b->data
               ? AF_OK
               : af_fail(AF_NO_MEMORY, "no memory for a batch of %d samples", room);
}

static void batch_clear(struct batch *b)
{
    for (int i = 0; i < b->count; i++) {
        free(b->name[i]);
        free(b->data[i]);
    }
    b->count = 0;
}

static void batch_free(struct batch *b)
{
    batch_clear(b);
    free(b->sample);
    free(b->result);
    free(b->full);
    free(b->label);
    free(b->name);
    free(b->data);
    free(b->view);
}

/* What was left out of a recording, or is not as it should be. */
static void look_at(struct run *r, const struct sample *s)
{
    const int64_t at = events_backwards(s);
    if (at >= 0 && !r->backwards++)
        snprintf(r->backwards_at, sizeof r->backwards_at, "%.100s, event %lld", s->name,
                 (long long)at);
    if (s->note && !r->odd++)
        snprintf(r->odd_at, sizeof r->odd_at, "%.100s: %.200s", s->name, s->note);
}

static int batch_add(struct run *r, struct batch *b, const struct sample *s)
{
    const int64_t n = sample_length(s, &r->spec, r->steps);
    const size_t bytes = (size_t)n * (s->data ? dtype_size(s->type) : sizeof(int16_t));
    int i = b->count;
    b->data[i] = malloc(bytes);
    b->name[i] = strdup(s->name);
    b->count++;
    if (!b->data[i] || !b->name[i])
        return af_fail(AF_NO_MEMORY, "no memory for a sample");
    b->label[i] = s->label;
    b->view[i] = s->view;
    const int status = sample_take(s, &r->spec, r->steps, r->model->format.event_frames, b->data[i],
                                   &b->sample[i]);
    if (!status && !s->data)
        look_at(r, s);
    if (!status && b->sample[i].data && r->range.samples < RANGE_OF)
        range_add(&r->range, b->sample[i].type, b->sample[i].data, n);
    return status;
}

/* ---- Answers ------------------------------------------------------------------------------- */

/* Of a single output the sign tells two classes apart. */
static int64_t largest_of(const float *v, int64_t n)
{
    int64_t best = 0;
    if (n == 1)
        return v[0] > 0;
    for (int64_t i = 1; i < n; i++)
        best = v[i] > v[best] ? i : best;
    return best;
}

static bool among_best(const float *v, int64_t n, int64_t label, int k)
{
    int better = 0;
    for (int64_t i = 0; i < n; i++)
        better += v[i] > v[label] || (v[i] == v[label] && i < label);
    return better < k;
}

static int64_t reference_answer(const struct run *r, int64_t index)
{
    const int64_t columns = r->reference.count / r->reference.dim[0], n = r->answer_size;
    const int64_t at = columns == n ? 0 : r->answer_at; /* of the answer alone, or all outputs */
    int64_t best = 0;
    double most = n == 1 ? 0 : -INFINITY; /* of a single output the sign tells */
    for (int64_t i = 0; i < n; i++) {
        double sum = 0;
        for (int64_t k = 0; k < r->reference_rows; k++)
            sum += tensor_get(&r->reference, (index * r->reference_rows + k) * columns + at + i);
        if (sum > most) {
            most = sum;
            best = n == 1 ? 1 : i;
        }
    }
    return best;
}

static int label_of(struct run *r, const struct batch *b, int i, int64_t index, int64_t *label)
{
    *label = b->label[i];
    if (!r->labels.data)
        return AF_OK;
    if (r->labelled_files.count) {
        *label = labels_find(&r->labels, &r->labelled_files, b->name[i], &r->labels_at);
        return *label >= 0 ? AF_OK
                           : af_fail(AF_BAD_FILE, "%s: has no label for %s", r->options->labels,
                                     b->name[i]);
    }
    if (index >= r->labels.count)
        return af_fail(AF_BAD_FILE, "%s: holds %lld labels, but there are more samples",
                       r->options->labels, (long long)r->labels.count);
    *label = ((const int64_t *)r->labels.data)[index];
    return AF_OK;
}

static int count_answer(struct run *r, const struct batch *b, int i, int64_t index)
{
    struct run_totals *t = r->totals;
    const struct af_result *res = &b->result[i], *full = &b->full[i];
    const float *values = res->output + r->answer_at;
    const int64_t n = r->answer_size, classes = n > 1 ? n : 2;
    int64_t label;
    int status = label_of(r, b, i, index, &label);
    if (status)
        return status;
    if (label >= classes)
        return af_fail(AF_BAD_FILE, "%s: label %lld, but the network has %lld classes", b->name[i],
                       (long long)label, (long long)classes);
    int64_t answer = largest_of(values, n);
    if (label >= 0) {
        t->labelled++;
        t->correct += answer == label;
        t->correct5 += n > 1 && among_best(values, n, label, 5);
    }
    int64_t ann = -1;
    if (r->reference.data) {
        if ((index + 1) * r->reference_rows > r->reference.dim[0])
            return af_fail(AF_BAD_FILE, "%s: holds %lld rows, but there are more samples",
                           r->options->reference, (long long)r->reference.dim[0]);
        ann = reference_answer(r, index);
        t->compared++;
        t->agreeing += answer == ann;
        t->ann_correct += label >= 0 && ann == label;
    }
    for (int s = 0; full->history && s < r->steps; s++) {
        int64_t now = largest_of(full->history + (int64_t)s * full->output_size + r->answer_at, n);
        r->correct_at[s] += label >= 0 && now == label;
        r->agreeing_at[s] += ann >= 0 && now == ann;
    }
    return AF_OK;
}

static int count_result(struct run *r, struct batch *b, int i, int64_t index)
{
    struct run_totals *t = r->totals;
    struct af_result *res = &b->result[i];
    struct answer answer;
    int status = AF_OK;
    if (r->answers)
        status =
            answers_add(r->answers, index, b->name[i], &b->sample[i], &b->view[i], res, &answer);
    else if (r->options->task->kind == AF_CLASSIFY)
        status = count_answer(r, b, i, index);
    if (status)
        return status;
    t->samples++;
    t->exits[res->timesteps - 1]++;
    t->cycles += (double)res->cycles;
    for (int p = 0; p < r->model->population_count; p++) {
        t->spikes[p] += (double)res->spikes[p];
        t->events[p] += (double)res->events[p];
        t->sops[p] += (double)res->sops[p];
        t->spike_sops[p] += (double)res->spike_sops[p];
        t->adds[p] += res->adds ? (double)res->adds[p] : NAN;
    }
    if (res->profile)
        status = profile_add(&t->profile, r->model->population_count, res->profile);
    res->profile = NULL;
    if (status)
        return status;
    if (r->options->output)
        status = npy_append(&r->output, res->output);
    if (!status && r->each)
        status = r->options->each(r->options->context, index, b->name[i], res,
                                  r->answers ? &answer : NULL);
    return status;
}

/* ---- Events -------------------------------------------------------------------------------- */

static void write_event(void *context, int64_t sample, int step, int population, int neuron,
                        int burst)
{
    struct run *r = context;
    fprintf(r->spikes.stream, "%lld,%d,%d,%d,%d\n", (long long)(r->totals->samples + sample), step,
            population, neuron, burst);
}

static void keep_event(void *context, int64_t sample, int step, int population, int neuron,
                       int burst)
{
    struct run *r = context;
    struct run_totals *t = r->totals;
    (void)sample;
    if (t->raster_count == r->raster_room) {
        int64_t room = r->raster_room ? r->raster_room * 2 : 4096;
        struct af_event *grown = realloc(t->raster, (size_t)room * sizeof *grown);
        if (!grown) {
            r->status = af_fail(AF_NO_MEMORY, "no memory for the raster");
            return;
        }
        t->raster = grown;
        r->raster_room = room;
    }
    t->raster[t->raster_count++] = (struct af_event){0, step, population, neuron, burst};
}

/* ---- The run ------------------------------------------------------------------------------- */

/* Of the first sample alone: its events, and what its cycles went to; not at once, because events
 * that are sent take cycles, too. */
static int look_at_first(struct run *r, const struct batch *b)
{
    struct af_device *tells = r->device->sends_events ? r->device : r->exact;
    const struct run_options *o = r->options;
    struct run_totals *t = r->totals;
    struct af_run_options look = {.timesteps = o->timesteps,
                                  .no_iat = o->no_iat,
                                  .on_event = keep_event,
                                  .on_event_context = r};
    struct af_result result = {0};
    int status = af_run(tells, b->sample, 1, &look, &result);
    af_result_free(&result);
    if (status)
        return status;
    t->raster_name = strdup(b->name[0]);
    if (r->status || o->profile || !r->device->profiles)
        return r->status;
    look.on_event = NULL;
    look.profile = true;
    status = af_run(r->device, b->sample, 1, &look, &result);
    if (!status && result.profile)
        status = profile_add(&t->profile, r->model->population_count, result.profile);
    result.profile = NULL;
    af_result_free(&result);
    return status;
}

/* A board that errs is found out where both have worked. */
static int compare_exact(const struct run *r, const struct batch *b, int i)
{
    const struct af_result *told = &b->result[i], *full = &b->full[i];
    const size_t values = (size_t)full->output_size;
    if (r->exact == r->device || !told->timesteps || r->model->format.event_frames > 1)
        return AF_OK;
    const float *then = full->history + (size_t)(told->timesteps - 1) * values;
    return memcmp(then, told->output, values * sizeof *then) == 0
               ? AF_OK
               : af_fail(AF_IO, "%s: the board's outputs are not those that the model has",
                         b->name[i]);
}

static int run_batch(struct run *r, struct batch *b)
{
    const struct run_options *o = r->options;
    struct af_run_options run = {
        .timesteps = o->timesteps, .no_iat = o->no_iat, .profile = o->profile};
    int status = AF_OK;
    if (o->spikes) { /* one sample at a time, so that the lines stand in order */
        run.on_event = write_event;
        run.on_event_context = r;
    }
    const bool first = r->totals->samples == 0;
    if (o->spikes && !r->device->sends_events) {
        struct af_run_options told = run;
        status = af_run(r->exact, b->sample, b->count, &told, b->full);
        run.on_event = NULL;
        for (int i = 0; i < b->count; i++)
            af_result_free(&b->full[i]);
    }
    if (status)
        return status;
    double begin = seconds();
    status = af_run(r->device, b->sample, b->count, &run, b->result);
    r->totals->seconds += seconds() - begin;
    if (!status && o->history) {
        struct af_run_options full = {.timesteps = o->timesteps, .no_iat = true, .trace = true};
        status = af_run(r->exact, b->sample, b->count, &full, b->full);
    }
    for (int i = 0; !status && o->history && i < b->count; i++)
        status = compare_exact(r, b, i);
    if (!status && o->history && first)
        status = look_at_first(r, b);
    for (int i = 0; !status && i < b->count; i++)
        status = count_result(r, b, i, r->totals->samples);
    for (int i = 0; i < b->count; i++) {
        af_result_free(&b->result[i]);
        af_result_free(&b->full[i]);
    }
    batch_clear(b);
    return status;
}

static int run_all(struct run *r, struct input *in, struct batch *b)
{
    const struct run_options *o = r->options;
    int64_t all = input_count(in), taken = 0;
    int status = AF_OK, more = 1;
    if (o->limit && (all < 0 || o->limit < all))
        all = o->limit;
    while (!status && more > 0) {
        struct sample s;
        more = o->limit && taken == o->limit ? 0 : input_next(in, &s);
        if (more < 0)
            status = more;
        else if (more)
            status = batch_add(r, b, &s);
        taken += more > 0;
        if (!status && b->count && (!more || b->count == b->room)) {
            const bool first = r->totals->samples == 0;
            status = run_batch(r, b);
            if (!status && first && o->note && r->answers && answers_note(r->answers))
                o->note(o->context, answers_note(r->answers));
            if (o->progress)
                o->progress(o->context, r->totals->samples, all);
        }
    }
    if (!status && !r->totals->samples)
        status = af_fail(AF_BAD_FILE, "%s: no samples", o->inputs[0]);
    return status;
}

static int finish_totals(struct run *r)
{
    struct run_totals *t = r->totals;
    double n = (double)t->samples, steps = 0;
    t->score = t->ann_score = (struct score){.mean = NAN, .pixels = NAN, .error = NAN};
    t->like = (struct likeness){NAN, NAN, NAN, NAN};
    t->accuracy = t->labelled ? (double)t->correct / (double)t->labelled : NAN;
    t->top5 = t->labelled && r->answer_size > 5 ? (double)t->correct5 / (double)t->labelled : NAN;
    t->ann_accuracy =
        t->labelled && t->compared ? (double)t->ann_correct / (double)t->labelled : NAN;
    t->agreement = t->compared ? (double)t->agreeing / (double)t->compared : NAN;
    for (int s = 0; s < r->steps; s++) {
        steps += (s + 1.0) * (double)t->exits[s];
        if (t->accuracy_at)
            t->accuracy_at[s] = (double)r->correct_at[s] / (double)t->labelled;
        if (t->agreement_at)
            t->agreement_at[s] = (double)r->agreeing_at[s] / n;
    }
    t->timesteps_mean = steps / n;
    t->ignored = r->labels.data ? 1 - (double)t->labelled / n : NAN;
    if (!t->labelled) {
        free(t->accuracy_at);
        t->accuracy_at = NULL;
    }
    if (!r->answers)
        return AF_OK;
    t->classes = answers_classes(r->answers);
    t->ignored = answers_ignored(r->answers);
    int status = answers_finish(r->answers, &t->score, &t->ann_score, &t->like);
    if (!isnan(t->like.pixels))
        t->agreement = t->like.pixels;
    return status;
}

static int totals_make(struct run *r)
{
    struct run_totals *t = r->totals;
    size_t n = (size_t)r->model->population_count, steps = (size_t)r->steps;
    *t = (struct run_totals){.timesteps = r->steps};
    t->exits = calloc(steps, sizeof *t->exits);
    t->spikes = calloc(5 * n, sizeof *t->spikes);
    if (!t->exits || !t->spikes)
        return af_fail(AF_NO_MEMORY, "no memory");
    t->events = t->spikes + n;
    t->sops = t->spikes + 2 * n;
    t->spike_sops = t->spikes + 3 * n;
    t->adds = t->spikes + 4 * n;
    if (!r->options->history)
        return AF_OK;
    t->accuracy_at = calloc(steps, sizeof *t->accuracy_at);
    t->agreement_at = r->reference.data ? calloc(steps, sizeof *t->agreement_at) : NULL;
    return t->accuracy_at && (t->agreement_at || !r->reference.data)
               ? AF_OK
               : af_fail(AF_NO_MEMORY, "no memory");
}

void run_totals_free(struct run_totals *t)
{
    free(t->exits);
    free(t->spikes);
    free(t->accuracy_at);
    free(t->agreement_at);
    free(t->raster);
    free(t->raster_name);
    profile_sum_free(&t->profile);
    free(t->score.each);
    free(t->ann_score.each);
    *t = (struct run_totals){0};
}

/* Labels and reference of classes against the samples (-1: not as many, or not known). */
static int check_comparisons(const struct run *r, int64_t samples)
{
    const struct run_options *o = r->options;
    const int64_t n = r->answer_size > 1 ? r->answer_size : 2;
    if (r->labels.data && !r->labelled_files.count && samples >= 0 && r->labels.count != samples)
        return af_fail(AF_BAD_FILE, "%s: %lld labels for %lld samples; are they of others?",
                       o->labels, (long long)r->labels.count, (long long)samples);
    for (int64_t i = 0; r->labels.data && i < r->labels.count; i++) {
        const int64_t label = ((const int64_t *)r->labels.data)[i];
        if (label >= n)
            return af_fail(AF_BAD_FILE,
                           "%s: label %lld of sample %lld, but the network has %lld "
                           "classes",
                           o->labels, (long long)label, (long long)i, (long long)n);
    }
    return r->reference.data ? reference_check(o->reference, &r->reference,
                                               samples < 0 ? -1 : samples * r->reference_rows)
                             : AF_OK;
}

/* What boxes and maps are compared with is their own matter. */
static int open_answers(struct run *r, const struct input *in)
{
    const struct run_options *o = r->options;
    int frames = r->spec.events ? r->model->format.event_frames : 1;
    bool by_frame =
        frames > 1 && r->reference.data && r->reference.dim[0] == frames * input_count(in);
    r->reference_rows = by_frame ? frames : 1;
    int status = check_comparisons(r, o->limit ? -1 : input_count(in));
    if (status)
        return status;
    int64_t samples = input_count(in);
    if (o->limit && (samples < 0 || o->limit < samples))
        samples = o->limit;
    r->each = o->each && (!o->each_most || (samples >= 0 && samples <= o->each_most));
    if (o->task->kind == AF_CLASSIFY)
        return o->draw ? af_fail(AF_BAD_ARGUMENT, "%s: classes of samples cannot be drawn", o->draw)
                       : AF_OK;
    if (!o->labels && !o->reference && !o->draw && !(o->decode && r->each))
        return AF_OK;
    struct answer_options a = {.task = o->task,
                               .labels = o->labels,
                               .reference = o->reference,
                               .draw = o->draw,
                               .samples = samples,
                               .limited = o->limit != 0,
                               .spec = &r->spec};
    return answers_open(r->model, &a, &r->answers);
}

static int read_comparisons(struct run *r)
{
    const struct run_options *o = r->options;
    if (o->task->kind != AF_CLASSIFY)
        return AF_OK;
    int status = o->labels ? labels_read(o->labels, &r->labels, &r->labelled_files) : AF_OK;
    if (!status && o->reference)
        status = npy_read(o->reference, &r->reference);
    if (status || !o->reference)
        return status;
    const int64_t rows = r->reference.rank < 2 ? 0 : r->reference.dim[0];
    const int64_t columns = rows ? r->reference.count / rows : 0;
    if (!columns || (columns != r->answer_size && columns != r->columns))
        status = af_fail(AF_BAD_FILE, "%s: not one row of %lld values for each sample",
                         o->reference, (long long)r->answer_size);
    return status;
}

/* Files come into being only if the whole run went well. */
static int open_files(struct run *r)
{
    int status = r->options->output ? npy_begin(&r->output, r->options->output, r->columns) : AF_OK;
    if (!status && r->options->spikes)
        status = file_create(&r->spikes, r->options->spikes);
    if (!status && r->options->spikes)
        fputs("sample,timestep,population,neuron,burst\n", r->spikes.stream);
    return status;
}

static int close_files(struct run *r, int status)
{
    if (r->output.out.stream) {
        if (status)
            npy_discard(&r->output);
        else
            status = npy_commit(&r->output);
    }
    if (r->spikes.stream) {
        if (status)
            file_discard(&r->spikes);
        else
            status = file_commit(&r->spikes);
    }
    return status;
}

/* Before the work, whether the device can do it. */
static int check_abilities(const struct run *r)
{
    const struct run_options *o = r->options;
    if (o->profile && (!r->device->profiles || r->model->format.event_frames > 1))
        return af_fail(AF_UNSUPPORTED,
                       "a profile is of a board and a build that count their cycles (sim, u250; "
                       "not tiny), of one process and of one frame a sample");
    if ((o->history || o->spikes) && !r->exact->sends_events)
        return af_fail(AF_UNSUPPORTED, "this board does not send the events that are asked for");
    if (o->spikes && o->note && !r->device->sends_events)
        o->note(o->context, "the board does not send its events: those written are of the "
                            "processor's engine, which has the same");
    return AF_OK;
}

static void note_samples(const struct run *r)
{
    const struct run_options *o = r->options;
    char text[400];
    range_compare(&r->range, r->model, sizeof text, text);
    if (o->note && *text)
        o->note(o->context, text);
    if (o->note && r->odd) {
        snprintf(text, sizeof text, r->odd > 1 ? "%s (and %lld recordings more)" : "%s", r->odd_at,
                 (long long)r->odd - 1);
        o->note(o->context, text);
    }
    if (!o->note || !r->backwards)
        return;
    snprintf(text, sizeof text,
             "the time runs backwards in %lld recording%s (%s): events are taken in the order of "
             "their times, which a clock that was set back makes wrong",
             (long long)r->backwards, r->backwards > 1 ? "s" : "", r->backwards_at);
    o->note(o->context, text);
}

/* Which of several outputs is held against labels. */
static void note_answer(const struct run *r)
{
    const struct run_options *o = r->options;
    char text[200];
    if (!o->note || model_outputs(r->model) < 2 || o->task->kind == AF_DETECT)
        return;
    snprintf(text, sizeof text, "of the %d outputs '%.80s' is taken for the answers",
             model_outputs(r->model), r->model->population[model_answer(r->model)].name);
    o->note(o->context, text);
}

int run_files(struct af_device *device, const struct af_model *m, const struct run_options *o,
              struct run_totals *t)
{
    struct run r = {.device = device, .model = m, .options = o, .totals = t};
    r.steps = o->timesteps ? o->timesteps : m->timesteps;
    r.exact = o->exact ? o->exact : device;
    const int answer = model_answer(m);
    r.answer_at = model_output_at(m, answer);
    r.answer_size = output_values(&m->population[answer]);
    r.columns = model_output_at(m, m->population_count);
    struct input *in = NULL;
    struct batch b = {0};
    *t = (struct run_totals){0};
    int status = samples_of_model(m, &r.spec);
    if (!status && o->counting)
        status = m->format.events
                     ? counting_parse("--counting", o->counting, &r.spec.counting)
                     : af_fail(AF_BAD_ARGUMENT, "--counting is for models of recordings");
    if (!status)
        status = check_abilities(&r);
    if (!status)
        status = read_comparisons(&r);
    if (!status)
        status = totals_make(&r);
    if (!status)
        status = batch_make(&b, o->spikes ? 1 : o->batch ? o->batch : 64);
    if (!status)
        status = input_open(&in, o->inputs, o->input_count, &r.spec);
    for (int i = 0; !status && o->note && input_note(in, i); i++)
        o->note(o->context, input_note(in, i));
    if (!status)
        note_answer(&r);
    if (!status)
        status = open_answers(&r, in);
    if (!status)
        status = open_files(&r);
    if (!status)
        status = run_all(&r, in, &b);
    status = close_files(&r, status);
    if (!status)
        status = finish_totals(&r);
    if (!status)
        note_samples(&r);
    answers_close(r.answers);
    input_close(in);
    batch_free(&b);
    tensor_free(&r.labels);
    texts_free(&r.labelled_files);
    tensor_free(&r.reference);
    if (status)
        run_totals_free(t);
    return status;
}

double run_mean(const struct af_model *m, const struct run_totals *t, const double *sums)
{
    double sum = 0;
    for (int i = 0; i < m->population_count; i++)
        sum += sums[i];
    return sum / (double)t->samples;
}

struct af_energy run_energy(const struct af_model *m, const struct run_totals *t)
{
    struct af_energy energy;
    af_energy_of(m, (double)t->samples, t->events, t->sops, t->spike_sops, t->adds, &energy);
    return energy;
}
