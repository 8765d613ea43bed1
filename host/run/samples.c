#include "run/samples.h"

#include "base/error.h"
#include "input/counting.h"
#include "input/events.h"
#include "input/labels.h"

#include <stdlib.h>
#include <string.h>

int samples_of_model(const struct af_model *m, struct input_spec *spec)
{
    const int *shape = m->population[0].shape;
    const char *counting = model_fact(m, "counting");
    *spec = (struct input_spec){.channels = shape[0],
                                .height = shape[1],
                                .width = shape[2],
                                .events = m->format.events,
                                .resize = m->format.resize,
                                .squash = m->format.squash};
    return counting ? counting_parse(m->name, counting, &spec->counting) : AF_OK;
}

int64_t sample_length(const struct sample *s, const struct input_spec *spec, int steps)
{
    const int64_t n = (int64_t)spec->channels * spec->height * spec->width;
    return s->data ? n : n * steps;
}

int sample_take(const struct sample *s, const struct input_spec *spec, int steps, int frames,
                void *to, struct af_sample *taken)
{
    static const enum af_type types[] = {[DTYPE_F32] = AF_F32,
                                         [DTYPE_U8] = AF_U8,
                                         [DTYPE_I8] = AF_I8,
                                         [DTYPE_I16] = AF_I16,
                                         [DTYPE_I32] = AF_I32};
    const int64_t n = sample_length(s, spec, steps);
    if (!s->data) {
        *taken = (struct af_sample){.counts = to, .length = n};
        return events_bin_as_frames(s, spec, steps, frames, to);
    }
    memcpy(to, s->data, (size_t)n * dtype_size(s->type));
    *taken = (struct af_sample){.type = types[s->type], .data = to, .length = n};
    return AF_OK;
}

/* ---- The public face ------------------------------------------------------------------------- */

struct af_samples {
    struct input *input;
    struct input_spec spec;
    int timesteps, frames;
    bool uncounted;
    void *data;
    struct sample last; /* that the input gave */
};

int af_samples_of(const struct af_model *m, struct af_samples_options *options)
{
    if (!m || !options)
        return af_fail(AF_BAD_ARGUMENT, "a model and room for its options are needed");
    struct input_spec spec;
    int status = samples_of_model(m, &spec);
    if (status)
        return status;
    *options = (struct af_samples_options){.channels = spec.channels,
                                           .height = spec.height,
                                           .width = spec.width,
                                           .events = spec.events,
                                           .timesteps = m->timesteps,
                                           .event_frames = m->format.event_frames,
                                           .resize = spec.resize,
                                           .squash = spec.squash,
                                           .counting = model_fact(m, "counting")};
    return AF_OK;
}

static int check_options(const struct af_samples_options *o)
{
    int status = af_check_reserved("af_samples_options", o);
    if (!status && o->events && !o->uncounted &&
        (o->timesteps < 1 || o->timesteps > TIMESTEPS_LIMIT))
        status = af_fail(AF_BAD_ARGUMENT, "recordings as counts of %d timesteps", o->timesteps);
    if (!status && o->event_frames < 0)
        status = af_fail(AF_BAD_ARGUMENT, "recordings of %d frames", o->event_frames);
    return status;
}

int af_samples_open(const char *const *paths, int count, const struct af_samples_options *o,
                    struct af_samples **samples)
{
    if (samples)
        *samples = NULL;
    if (!samples || !o || !paths || count < 1)
        return af_fail(AF_BAD_ARGUMENT, "files of samples, options and a place are needed");
    for (int i = 0; i < count; i++)
        if (!paths[i])
            return af_fail(AF_BAD_ARGUMENT, "file %d of %d has no name", i, count);
    int status = check_options(o);
    struct af_samples *made = status ? NULL : calloc(1, sizeof *made);
    if (status)
        return status;
    if (!made)
        return af_fail(AF_NO_MEMORY, "no memory");
    made->spec = (struct input_spec){.channels = o->channels,
                                     .height = o->height,
                                     .width = o->width,
                                     .events = o->events,
                                     .resize = o->resize,
                                     .squash = o->squash};
    made->timesteps = o->timesteps;
    made->frames = o->event_frames;
    made->uncounted = o->uncounted;
    if (o->counting)
        status = counting_parse("the samples", o->counting, &made->spec.counting);
    if (!status)
        status = input_open(&made->input, paths, count, &made->spec);
    if (!status) {
        const struct sample recording = {0};
        const int64_t n = (int64_t)o->channels * o->height * o->width,
                      counts = o->events && !o->uncounted
                                   ? sample_length(&recording, &made->spec, o->timesteps)
                                   : 0;
        made->data = malloc((size_t)(counts > 2 * n ? counts : 2 * n) * sizeof(int16_t));
        status = made->data ? AF_OK : af_fail(AF_NO_MEMORY, "no memory for a sample");
    }
    if (status)
        af_samples_close(made);
    else
        *samples = made;
    return status;
}

void af_samples_close(struct af_samples *samples)
{
    if (!samples)
        return;
    input_close(samples->input);
    free(samples->data);
    free(samples);
}

int64_t af_samples_count(const struct af_samples *samples)
{
    return samples ? input_count(samples->input) : 0;
}

int af_samples_next(struct af_samples *samples, struct af_sample *sample,
                    struct af_sample_info *info)
{
    struct sample s;
    if (!samples || !sample)
        return af_fail(AF_BAD_ARGUMENT, "samples and a place for one are needed");
    const int more = input_next(samples->input, &s);
    *sample = (struct af_sample){0};
    samples->last = more > 0 ? s : (struct sample){0};
    if (more <= 0)
        return more;
    if (info)
        *info = (struct af_sample_info){.name = s.name, .label = s.label};
    if (samples->uncounted && !s.data)
        return 1;
    const int status =
        sample_take(&s, &samples->spec, samples->timesteps, samples->frames, samples->data, sample);
    return status ? status : 1;
}

int af_samples_recording(const struct af_samples *samples, struct af_recording *recording)
{
    if (recording)
        *recording = (struct af_recording){0};
    if (!samples || !recording || !samples->last.name || samples->last.data)
        return af_fail(AF_BAD_ARGUMENT, "the last sample was no recording");
    *recording = (struct af_recording){samples->last.events, samples->last.event_count, {0}};
    return AF_OK;
}

int af_labels_read(const char *path, int64_t **labels, int64_t *count)
{
    struct tensor t;
    if (labels)
        *labels = NULL;
    if (!path || !labels || !count)
        return af_fail(AF_BAD_ARGUMENT, "a file of labels and a place for them are needed");
    *count = 0;
    int status = labels_read(path, &t, NULL);
    if (status)
        return status;
    *labels = malloc((size_t)(t.count ? t.count : 1) * sizeof **labels);
    if (*labels) {
        memcpy(*labels, t.data, (size_t)t.count * sizeof **labels);
        *count = t.count;
    } else {
        status = af_fail(AF_NO_MEMORY, "no memory for %lld labels", (long long)t.count);
    }
    tensor_free(&t);
    return status;
}

int af_recording_counts(const struct af_samples_options *o, const struct af_recording *recording,
                        int16_t *counts)
{
    if (!o || !recording || !counts || recording->count < 0 ||
        (recording->count && !recording->events))
        return af_fail(AF_BAD_ARGUMENT, "options, a recording and room for counts are needed");
    int status = check_options(o);
    if (!status && (!o->events || o->timesteps < 1))
        status = af_fail(AF_BAD_ARGUMENT, "counts of timesteps of a recording are needed");
    if (!status && (o->channels < 1 || o->height < 1 || o->width < 1))
        status = af_fail(AF_BAD_ARGUMENT, "counts of %dx%dx%d", o->channels, o->height, o->width);
    if (!status)
        status = af_check_reserved("af_recording", recording);
    if (status)
        return status;
    struct input_spec spec = {
        .channels = o->channels, .height = o->height, .width = o->width, .events = true};
    if (o->counting)
        status = counting_parse("the recording", o->counting, &spec.counting);
    if (status)
        return status;
    const struct sample s = {
        .name = "the recording", .events = recording->events, .event_count = recording->count};
    return events_bin_as_frames(&s, &spec, o->timesteps, o->event_frames, counts);
}
