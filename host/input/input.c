#include "input/input.h"

#include "base/error.h"
#include "base/stream.h"
#include "input/array.h"
#include "input/picture_file.h"
#include "input/points.h"
#include "input/source_folder.h"
#include "input/source_frames.h"
#include "input/source_picture.h"
#include "input/source_points.h"
#include "input/source_recordings.h"
#include "recording/recording.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

struct input {
    struct input_spec spec;
    struct source **sources;
    int count, at;
    int64_t samples;
};

/* ---- Telling formats ------------------------------------------------------------------------ */

static bool ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);
    return n >= m && strcasecmp(text + n - m, end) == 0;
}

static bool exists(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0;
}

static int refuse_recording(const char *path)
{
    return af_fail(AF_BAD_FILE, "%s: an event recording, but the model takes frames", path);
}

/* A table of integers that a model of frames does not take is not meant for it. */
static bool is_table(const struct array *array)
{
    const struct tensor *t = &array->head;
    return dtype_is_integer(t->type) && t->rank == 2 && t->dim[1] == 4;
}

/* An array of frames or a table of events, whichever the model takes. */
static int open_array(struct source **src, const char *path, const struct place *place,
                      const char *offsets, const struct input_spec *spec)
{
    struct array array;
    const bool table = recording_is_array(place);
    if (table && spec->events)
        return source_table(src, path, place, offsets, spec);
    int status = array_look(place, path, &array);
    if (status)
        return table ? refuse_recording(path) : status;
    if (offsets)
        return table ? refuse_recording(path)
                     : af_fail(AF_BAD_FILE, "%s: offsets belong to rows of x, y, polarity, time",
                               path);
    if (is_table(&array) && !frames_match(&array, spec))
        return refuse_recording(path);
    if (takes_points(spec) && array_is_points(&array) && !frames_match(&array, spec))
        return source_clouds(src, path, place, &array, spec);
    return source_frames(src, path, place, &array, spec);
}

static bool is_member(const struct zip_member *m, const char *name)
{
    size_t n = strlen(name);
    return strncmp(m->name, name, n) == 0 && (!m->name[n] || strcmp(m->name + n, ".npy") == 0);
}

/* Whether the array is what a model can take; false for labels and other company in an npz file. */
static bool is_wanted(const struct place *place, const char *path, const struct input_spec *spec,
                      int *status)
{
    struct array array;
    if (spec->events && recording_is_array(place))
        return true;
    *status = array_look(place, path, &array);
    const bool wanted =
        !*status && (frames_match(&array, spec) || (takes_points(spec) && array_is_points(&array)));
    if (*status == AF_UNSUPPORTED) /* strings, say */
        *status = AF_OK;
    return wanted;
}

/* `member` NULL takes the first array that fits; if none does, the first one's fault is told. */
static int open_npz(struct source **src, const char *path, const char *file, const char *member,
                    const struct input_spec *spec)
{
    struct zip_member *members;
    int count, found = -1, first = -1, status = zip_list(file, &members, &count);
    for (int i = 0; i < count && !status && found < 0; i++) {
        struct place place = {.path = file, .zipped = true, .member = members[i]};
        if (member ? !is_member(&members[i], member) : !ends_with(members[i].name, ".npy"))
            continue;
        first = first < 0 ? i : first;
        if (member || is_wanted(&place, path, spec, &status))
            found = i;
    }
    if (!status && first < 0) {
        status = member ? af_fail(AF_BAD_FILE, "%s: there is no array %s in the file", file, member)
                        : af_fail(AF_BAD_FILE, "%s: there is no array in the file", file);
    } else if (!status && found < 0 && recording_is_archive(file)) {
        status = spec->events ? source_recording(src, file, spec) : refuse_recording(path);
    } else if (!status) {
        struct place place = {
            .path = file, .zipped = true, .member = members[found < 0 ? first : found]};
        status = open_array(src, path, &place, NULL, spec);
    }
    free(members);
    return status;
}

static int open_file(struct source **src, const char *path, int64_t size,
                     const struct input_spec *spec)
{
    struct place place = {.path = path};
    struct stream *stream;
    unsigned char bytes[8] = {0};
    size_t got = 0;
    bool bin = ends_with(path, ".bin");
    if (size == 0)
        return af_fail(AF_BAD_FILE, "%s: the file is empty", path);
    if (bin && cifar_record(size) && cifar_match(spec))
        return source_cifar(src, path, size, spec);
    int status = stream_open(&stream, &place);
    if (!status)
        status = stream_read(stream, bytes, sizeof bytes, &got);
    stream_close(stream);
    if (status == AF_BAD_FILE && spec->events) {
        /* A recording may begin like a gzip file. */
        status = AF_OK;
        got = 0;
    }
    if (status)
        return status;
    if (is_picture(bytes, got))
        return source_picture(src, path, spec);
    if (mesh_is(bytes, got) && !bin)
        return source_mesh(src, path, spec);
    if (got >= 4 && (memcmp(bytes, "PK\3\4", 4) == 0 || memcmp(bytes, "PK\5\6", 4) == 0))
        return open_npz(src, path, path, NULL, spec);
    bool npy = got >= 6 && memcmp(bytes, "\x93NUMPY", 6) == 0;
    bool idx = got >= 4 && !bytes[0] && !bytes[1] && bytes[2] >= 8 && bytes[2] <= 14;
    /* An idx file may be called .bin, and a recording may begin like an idx file. */
    if (npy || (idx && !(bin && spec->events)))
        return open_array(src, path, &place, NULL, spec);
    if (spec->events)
        return source_recording(src, path, spec);
    if (bin && cifar_record(size))
        return source_cifar(src, path, size, spec);
    if (recording_is(path))
        return refuse_recording(path);
    return af_fail(AF_BAD_FILE,
                   "%s: not a format that is read (npy, npz, idx, CIFAR, PNG, JPEG, OFF, PLY)",
                   path);
}

/* "file.npz:name" or "events.npy@offsets.npy", if there is such a file; else AF_IO. */
static int open_pair(struct source **src, const char *path, const struct input_spec *spec)
{
    int reason = errno, status = AF_OK;
    char *file = strdup(path);
    if (!file)
        return af_fail(AF_NO_MEMORY, "%s: no memory", path);
    char *colon = strrchr(file, ':'), *at = strrchr(file, '@');
    if (colon)
        *colon = 0;
    if (colon && exists(file)) {
        status = open_npz(src, path, file, colon + 1, spec);
        goto out;
    }
    if (colon)
        *colon = ':';
    if (at)
        *at = 0;
    if (at && exists(file)) {
        struct place place = {.path = file};
        status = open_array(src, path, &place, at + 1, spec);
        goto out;
    }
    status = af_fail(AF_IO, "%s: %s", path, strerror(reason));
out:
    free(file);
    return status;
}

static int open_source(struct source **src, const char *path, const struct input_spec *spec)
{
    struct stat st;
    int status;
    *src = NULL;
    if (stat(path, &st))
        status = open_pair(src, path, spec);
    else if (S_ISDIR(st.st_mode))
        status = source_folder(src, path, spec);
    else if (S_ISREG(st.st_mode))
        status = open_file(src, path, (int64_t)st.st_size, spec);
    else
        status = af_fail(AF_BAD_FILE, "%s: neither a file nor a folder", path);
    if (!status && (*src)->count < 1) {
        status = af_fail(AF_BAD_FILE, "%s: holds no samples", path);
        source_close(*src);
        *src = NULL;
    }
    return status;
}

/* ---- Input ---------------------------------------------------------------------------------- */

static int check_spec(const struct input_spec *spec)
{
    int64_t volume;
    if (spec->channels < 1 || spec->height < 1 || spec->width < 1 || spec->resize < 0 ||
        __builtin_mul_overflow((int64_t)spec->channels * spec->height, spec->width, &volume) ||
        volume > tensor_max_elements)
        return af_fail(AF_BAD_ARGUMENT, "a model of %dx%dx%d values cannot have input",
                       spec->channels, spec->height, spec->width);
    return AF_OK;
}

int input_open(struct input **in, const char *const *paths, int count,
               const struct input_spec *spec)
{
    *in = NULL;
    int status = check_spec(spec);
    if (status)
        return status;
    if (count < 1)
        return af_fail(AF_BAD_ARGUMENT, "there are no input files");
    struct input *made = calloc(1, sizeof *made);
    if (made)
        made->sources = calloc((size_t)count, sizeof(struct source *));
    if (!made || !made->sources) {
        free(made);
        return af_fail(AF_NO_MEMORY, "no memory for %d inputs", count);
    }
    made->spec = *spec;
    for (; made->count < count && !status; made->count++) {
        status = open_source(&made->sources[made->count], paths[made->count], &made->spec);
        made->samples += status ? 0 : made->sources[made->count]->count;
    }
    if (status)
        input_close(made);
    else
        *in = made;
    return status;
}

int64_t input_count(const struct input *in)
{
    return in->samples;
}

int input_next(struct input *in, struct sample *s)
{
    while (in->at < in->count && in->sources[in->at]->at == in->sources[in->at]->count) {
        source_close(in->sources[in->at]);
        in->sources[in->at++] = NULL;
    }
    *s = (struct sample){.label = -1};
    if (in->at == in->count)
        return 0;
    struct source *src = in->sources[in->at];
    s->type = DTYPE_U8;
    s->name = src->name;
    int status = src->ops->next(src, s);
    src->at++;
    return status ? status : 1;
}

const char *input_note(const struct input *in, int i)
{
    for (int k = 0; k < in->count; k++)
        if (in->sources[k] && in->sources[k]->note && i-- == 0)
            return in->sources[k]->note;
    return NULL;
}

void input_close(struct input *in)
{
    if (!in)
        return;
    for (int i = 0; i < in->count; i++)
        source_close(in->sources[i]);
    free(in->sources);
    free(in);
}
