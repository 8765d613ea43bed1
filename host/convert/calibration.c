#include "convert/calibration.h"

#include "base/error.h"
#include "base/npy.h"
#include "input/events.h"
#include "input/labels.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FURTHER_VALUES = 1 << 26 }; /* of samples beyond the calibration's own: 256 MB */

/* Everything that was read, as floats in the data's own layout. */
struct raw {
    float *value;
    int64_t *label;
    int64_t count, room;
    bool labelled, whole; /* all carry labels; all values are whole numbers of at most 8 bits */
    bool ended;           /* no sample was left unread */
};

static int raw_grow(struct raw *r, int64_t neurons)
{
    int64_t room = r->room ? r->room * 2 : 64;
    float *value = realloc(r->value, (size_t)(room * neurons) * sizeof *value);
    if (value)
        r->value = value;
    int64_t *label = value ? realloc(r->label, (size_t)room * sizeof *label) : NULL;
    if (!label)
        return af_fail(AF_NO_MEMORY, "no memory for %lld calibration samples", (long long)room);
    r->label = label;
    r->room = room;
    return AF_OK;
}

static int raw_append(struct raw *r, const struct sample *s, int64_t neurons)
{
    int status = r->count == r->room ? raw_grow(r, neurons) : AF_OK;
    if (status)
        return status;
    if (!s->data)
        return af_fail(AF_UNSUPPORTED,
                       "%s: recordings cannot calibrate; give frames of event counts", s->name);
    const struct tensor t = {.type = s->type, .data = (void *)(uintptr_t)s->data};
    float *to = r->value + r->count * neurons;
    for (int64_t i = 0; i < neurons; i++) {
        to[i] = (float)tensor_get(&t, i);
        r->whole = r->whole && to[i] == floorf(to[i]) && fabsf(to[i]) <= COUNT_LIMIT;
    }
    r->labelled = r->labelled && s->label >= 0;
    r->label[r->count++] = s->label;
    return AF_OK;
}

static int raw_take(const struct calibration_source *from, const struct input_spec *spec,
                    int64_t limit, struct raw *r)
{
    static const enum dtype types[] = {[AF_F32] = DTYPE_F32,
                                       [AF_U8] = DTYPE_U8,
                                       [AF_I8] = DTYPE_I8,
                                       [AF_I16] = DTYPE_I16,
                                       [AF_I32] = DTYPE_I32};
    const int64_t neurons = (int64_t)spec->channels * spec->height * spec->width;
    int status = AF_OK;
    for (int64_t i = 0; !status && i < from->count && i < limit; i++) {
        const struct af_sample *s = &from->samples[i];
        char name[40];
        snprintf(name, sizeof name, "calibration sample %lld", (long long)i);
        if (s->counts || !s->data || s->type > AF_I32)
            return af_fail(AF_BAD_ARGUMENT, "%s has no values of a known type", name);
        if (s->length != neurons)
            return af_fail(AF_BAD_ARGUMENT, "%s has %lld values; the network takes %lld", name,
                           (long long)s->length, (long long)neurons);
        const struct sample sample = {.name = name,
                                      .label = from->labels ? (int)from->labels[i] : -1,
                                      .type = types[s->type],
                                      .data = s->data};
        status = raw_append(r, &sample, neurons);
    }
    return status;
}

static int raw_read(const char *const *paths, int path_count, const struct input_spec *spec,
                    int64_t limit, struct raw *r)
{
    struct input *in;
    struct sample s;
    int64_t neurons = (int64_t)spec->channels * spec->height * spec->width;
    int status = input_open(&in, paths, path_count, spec);
    if (status)
        return status;
    while (!status && r->count < limit) {
        status = input_next(in, &s);
        if (status <= 0)
            break;
        status = raw_append(r, &s, neurons);
    }
    if (!status)
        r->ended = r->count < limit || input_next(in, &s) == 0;
    input_close(in);
    if (!status && !r->count)
        status = af_fail(AF_BAD_FILE, "%s: no calibration samples", paths[0]);
    return status;
}

/* Whether a count can be a code: all channels have to be scaled alike. */
static bool take_codes(const struct codes *codes, const struct input_spec *spec,
                       const struct normalisation *n, struct input_format *f)
{
    bool alike = codes && !spec->events;
    for (int c = 1; alike && c < n->count; c++)
        alike = n->std[c] == n->std[0];
    if (!alike)
        return false;
    f->unit = codes->step * n->std[0] / n->scale;
    for (int c = 0; c < spec->channels; c++)
        f->zero[c] = n->mean[n->count == 1 ? 0 : c] / n->scale;
    f->low = codes->low;
    f->high = codes->high;
    return true;
}

static void choose_format(const struct raw *r, const struct input_spec *spec,
                          const struct normalisation *n, struct input_format *f)
{
    int64_t area = (int64_t)spec->height * spec->width;
    float farthest = 0, low = INFINITY, high = -INFINITY;
    for (int64_t i = 0; i < r->count * spec->channels * area; i++) {
        low = fminf(low, r->value[i]);
        high = fmaxf(high, r->value[i]);
    }
    for (int c = 0; c < spec->channels; c++) {
        float zero = n->mean[n->count == 1 ? 0 : c] / n->scale;
        zero = r->count ? fmaxf(fminf(zero, high), low) : zero;
        f->zero[c] = r->whole ? nearbyintf(zero) : zero;
        farthest = fmaxf(farthest, fmaxf(high - f->zero[c], f->zero[c] - low));
    }
    f->unit = r->whole || farthest == 0 ? 1 : farthest / COUNT_LIMIT;
}

static int to_counts(const struct raw *r, const struct input_spec *spec,
                     const struct input_format *f, struct calibration *data)
{
    int64_t area = (int64_t)spec->height * spec->width, neurons = spec->channels * area;
    struct neurons shape = {.shape = {spec->channels, spec->height, spec->width}};
    const struct af_model model = {.population = &shape, .population_count = 1, .format = *f};
    data->counts = malloc((size_t)(r->count * neurons + 1) * sizeof *data->counts);
    if (!data->counts)
        return af_fail(AF_NO_MEMORY, "no memory for the calibration set");
    for (int64_t i = 0; i < r->count; i++) {
        int status = model_quantise_input(&model, AF_F32, r->value + i * neurons,
                                          data->counts + i * neurons);
        if (status)
            return status;
    }
    return AF_OK;
}

static int take_labels(struct raw *r, const char *path, struct calibration *data)
{
    if (path) {
        struct tensor t;
        int status = labels_read(path, &t, NULL);
        if (status)
            return status;
        if (t.count < r->count || (r->ended && t.count > r->count))
            status = af_fail(AF_BAD_FILE,
                             "%s: %lld labels for %s%lld calibration samples; they may be of "
                             "another split",
                             path, (long long)t.count, r->ended ? "" : "more than ",
                             (long long)r->count);
        else if (r->count)
            memcpy(r->label, t.data, (size_t)r->count * sizeof *r->label);
        tensor_free(&t);
        if (status)
            return status;
        r->labelled = true;
    }
    if (r->labelled) {
        data->labels = r->label;
        r->label = NULL;
    }
    return AF_OK;
}

int calibration_read(const struct calibration_source *from, int64_t limit, int64_t further,
                     const struct input_spec *spec, const struct normalisation *n,
                     struct input_format *format, struct calibration *data)
{
    int64_t neurons = (int64_t)spec->channels * spec->height * spec->width;
    struct raw r = {.labelled = true, .whole = true};
    *data = (struct calibration){0};
    *format = (struct input_format){
        .resize = spec->resize, .squash = spec->squash, .events = spec->events};
    format->zero = calloc((size_t)spec->channels, sizeof *format->zero);
    int status = format->zero ? AF_OK : af_fail(AF_NO_MEMORY, "no memory");
    if (!status && n->count != 1 && n->count != spec->channels)
        status = af_fail(AF_BAD_ARGUMENT, "mean and std have %d values for %d channels", n->count,
                         spec->channels);
    const int64_t most = FURTHER_VALUES / neurons, all = limit + (further < most ? further : most);
    if (!status && from->path_count)
        status = raw_read(from->paths, from->path_count, spec, all, &r);
    else if (!status)
        status = raw_take(from, spec, all, &r);
    if (!status) {
        data->samples = r.count < limit ? r.count : limit;
        data->further = r.count - data->samples;
        if (!take_codes(from->codes, spec, n, format))
            choose_format(&r, spec, n, format);
        status = to_counts(&r, spec, format, data);
    }
    for (int64_t i = 0; !status && i < r.count; i++)
        range_add(&data->range, AF_F32, r.value + i * neurons, neurons);
    if (!status)
        status = take_labels(&r, from->labels_path, data);
    free(r.value);
    free(r.label);
    if (status)
        calibration_free(format, data);
    return status;
}

static int add_recording(const struct sample *s, int steps, const struct input_spec *spec,
                         const struct input_format *format, struct calibration *data)
{
    int64_t n = (int64_t)spec->channels * spec->height * spec->width * steps;
    if (s->data)
        return af_fail(AF_BAD_ARGUMENT, "%s: frames, no event recording", s->name);
    int16_t *grown =
        realloc(data->recording, (size_t)(data->recordings + 1) * (size_t)n * sizeof *grown);
    if (!grown)
        return af_fail(AF_NO_MEMORY, "no memory for %lld recordings",
                       (long long)data->recordings + 1);
    data->recording = grown;
    return events_bin_as_frames(s, spec, steps, format->event_frames,
                                grown + data->recordings++ * n);
}

int calibration_read_recordings(const char *path, int64_t limit, int steps,
                                const struct input_spec *spec, const struct input_format *format,
                                struct calibration *data)
{
    int64_t values = (int64_t)spec->channels * spec->height * spec->width * steps;
    struct input *in;
    struct sample s;
    int status = input_open(&in, &path, 1, spec);
    if (status)
        return status;
    if (limit > FURTHER_VALUES / values)
        limit = FURTHER_VALUES / values;
    while (data->recordings < limit && (status = input_next(in, &s)) > 0) {
        status = add_recording(&s, steps, spec, format, data);
        if (status)
            break;
    }
    input_close(in);
    return status < 0 ? status : AF_OK;
}

int calibration_take_recordings(const struct af_recording *recordings, int64_t count, int64_t limit,
                                int steps, const struct input_spec *spec,
                                const struct input_format *format, struct calibration *data)
{
    const int64_t values = (int64_t)spec->channels * spec->height * spec->width * steps;
    int status = AF_OK;
    if (limit > FURTHER_VALUES / values)
        limit = FURTHER_VALUES / values;
    for (int64_t i = 0; !status && i < count && i < limit; i++) {
        char name[40];
        snprintf(name, sizeof name, "recording %lld", (long long)i);
        const struct sample s = {
            .name = name, .events = recordings[i].events, .event_count = recordings[i].count};
        if (recordings[i].count < 0 || (recordings[i].count && !recordings[i].events))
            status = af_fail(AF_BAD_ARGUMENT, "%s has no events", name);
        else
            status = add_recording(&s, steps, spec, format, data);
    }
    return status;
}

void calibration_free(struct input_format *format, struct calibration *data)
{
    free(format->zero);
    free(data->recording);
    free(data->counts);
    free((int64_t *)(uintptr_t)data->labels);
    *data = (struct calibration){0};
    format->zero = NULL;
}

int calibration_shape(const struct graph *g, const char *const *paths, int path_count, int shape[3])
{
    const int input = graph_input(g);
    if (input < 0)
        return af_fail(AF_UNSUPPORTED, "the graph has %d inputs; AdaFire takes one",
                       g->input_count);
    const struct value *v = &g->value[input];
    int64_t dim[3] = {-1, 1, 1};
    if (v->rank > 4 || v->rank == 1)
        return af_fail(AF_UNSUPPORTED, "the input '%.80s' has rank %d", v->name, v->rank);
    if (v->rank >= 2)
        dim[0] = v->dim[1];
    if (v->rank == 4) {
        dim[1] = v->dim[2];
        dim[2] = v->dim[3];
    } else if (v->rank == 3) {
        dim[2] = v->dim[2];
    }
    for (int i = 0; i < path_count && (dim[0] < 0 || dim[1] < 0 || dim[2] < 0); i++) {
        unsigned char head[4096];
        struct tensor t;
        size_t offset;
        FILE *f = fopen(paths[i], "rb");
        size_t n = f ? fread(head, 1, sizeof head, f) : 0;
        if (f)
            fclose(f);
        if (npy_parse_header(paths[i], head, n, &t, &offset) || t.rank < 2)
            continue;
        for (int a = 0; a < 3; a++)
            if (dim[a] < 0)
                dim[a] = a + 1 < t.rank ? t.dim[a + 1] : 1;
    }
    if (graph_channels_last(g)) {
        const int64_t rows = dim[0], columns = dim[1];
        dim[0] = dim[2];
        dim[1] = rows;
        dim[2] = columns;
    }
    for (int a = 0; a < 3; a++) {
        if (dim[a] < 1 || dim[a] > 1 << 16)
            return af_fail(AF_BAD_ARGUMENT,
                           "the network leaves its input's shape open; give it with --shape C,H,W");
        shape[a] = (int)dim[a];
    }
    return AF_OK;
}
