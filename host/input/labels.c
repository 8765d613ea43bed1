#include "input/labels.h"

#include "base/error.h"
#include "base/file.h"
#include "base/folder.h"
#include "input/array.h"
#include "input/gesture.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_MOST = 1 << 28 };

/* ---- Text ------------------------------------------------------------------------------------ */

/* Whether a file begins as no array does: no byte in it is a control character. */
static bool is_text(const char *path)
{
    unsigned char head[512];
    FILE *f = fopen(path, "rb");
    const size_t n = f ? fread(head, 1, sizeof head, f) : 0;
    if (f)
        fclose(f);
    for (size_t i = 0; i < n; i++)
        if ((head[i] < ' ' && !strchr("\t\r\n", head[i])) || head[i] == 0x93)
            return false;
    return n > 0;
}

static char *trimmed(char *s)
{
    while (*s == ' ' || *s == '\t')
        s++;
    for (size_t n = strlen(s); n && (s[n - 1] == ' ' || s[n - 1] == '\t'); n--)
        s[n - 1] = 0;
    return s;
}

static bool read_class(const char *s, int64_t *v)
{
    char *end;
    errno = 0;
    *v = strtoll(s, &end, 10);
    return end != s && !*end && !errno && *v >= -1 && *v <= INT32_MAX;
}

/* "class" or "file,class,..."; *file is NULL or in the line. False if it is neither. */
static bool parse_line(char *line, char **file, int64_t *class)
{
    char *comma = strchr(line, ','), *second = comma ? comma + 1 : NULL;
    *file = NULL;
    if (!comma)
        return read_class(trimmed(line), class);
    *comma = 0;
    char *more = strchr(second, ',');
    if (more)
        *more = 0;
    *file = trimmed(line);
    return **file && read_class(trimmed(second), class);
}

static int take_lines(const char *path, char *text, struct tensor *labels, struct texts *files)
{
    int64_t *class = labels->data, count = 0;
    int number = 0, status = AF_OK;
    char *keep;
    for (char *line = strtok_r(text, "\r\n", &keep); !status && line;
         line = strtok_r(NULL, "\r\n", &keep)) {
        char *file;
        if (!*trimmed(line))
            continue;
        const bool good = parse_line(line, &file, &class[count]);
        if (!good && !number++)
            continue; /* a heading */
        number++;
        if (!good || (count && (file != NULL) != (files && files->count > 0)))
            return af_fail(AF_BAD_FILE, "%s: label %lld is no class, and no file and class", path,
                           (long long)count);
        if (file && !files)
            return af_fail(AF_BAD_FILE, "%s: names files, of which nothing is known here", path);
        status = file ? texts_add(files, file) : AF_OK;
        count++;
    }
    if (!status && !count)
        status = af_fail(AF_BAD_FILE, "%s: holds no labels", path);
    labels->count = labels->dim[0] = count;
    return status;
}

static int read_text(const char *path, struct tensor *labels, struct texts *files)
{
    void *text;
    size_t size;
    int64_t lines = 1;
    int status = file_read(path, TEXT_MOST, &text, &size);
    if (status)
        return status;
    for (size_t i = 0; i < size; i++)
        lines += ((const char *)text)[i] == '\n' || ((const char *)text)[i] == '\r';
    status = tensor_make(labels, DTYPE_I64, 1, &lines);
    if (!status)
        status = take_lines(path, text, labels, files);
    free(text);
    return status;
}

/* ---- Parts of recordings --------------------------------------------------------------------- */

static int add_label(struct tensor *labels, struct texts *files, const char *file, int64_t class)
{
    const int64_t n = labels->count;
    if ((n & (n - 1)) == 0) { /* full at every power of two */
        int64_t *grown = realloc(labels->data, (size_t)(n ? 2 * n : 1) * sizeof *grown);
        if (!grown)
            return af_fail(AF_NO_MEMORY, "no memory for labels");
        labels->data = grown;
    }
    ((int64_t *)labels->data)[n] = class;
    labels->count = labels->dim[0] = n + 1;
    return file ? texts_add(files, file) : AF_OK;
}

/* The classes of a recording's parts, by the names of its parts if `recording` is its name. */
static int add_parts(const char *path, const char *recording, struct tensor *labels,
                     struct texts *files)
{
    struct gestures g;
    int status = gestures_parse(path, &g);
    for (int i = 0; !status && i < g.count; i++) {
        char name[300];
        snprintf(name, sizeof name, g.count > 1 ? "%s[%d]" : "%s", recording ? recording : "", i);
        status = add_label(labels, files, recording ? name : NULL, g.gesture[i].class);
    }
    gestures_free(&g);
    return status;
}

/* ---- Folders --------------------------------------------------------------------------------- */

/* Calls each with what is in a folder, by name. */
static int in_folder(const char *path,
                     int (*each)(void *context, const char *path, const char *name, bool folder),
                     void *context)
{
    struct texts names;
    int status = folder_names(path, &names);
    for (int i = 0; i < names.count && !status; i++) {
        char *inner = folder_join(path, names.text[i]);
        status = inner ? each(context, inner, names.text[i], is_folder(inner))
                       : af_fail(AF_NO_MEMORY, "%s: no memory", path);
        free(inner);
    }
    texts_free(&names);
    return status;
}

static int count_file(void *context, const char *path, const char *name, bool folder)
{
    (void)path;
    (void)name;
    *(int *)context += !folder;
    return AF_OK;
}

static int add_class(void *context, const char *path, const char *name, bool folder)
{
    int files = 0;
    int status = folder ? in_folder(path, count_file, &files) : AF_OK;
    return !status && files ? texts_add(context, name) : status;
}

int class_folders(const char *path, struct texts *names)
{
    *names = (struct texts){0};
    int status = in_folder(path, add_class, names);
    if (status)
        texts_free(names);
    return status;
}

struct folder_labels {
    struct tensor *labels;
    struct texts *files;
    const char *class_name;
    int64_t class;
};

static int add_file(void *context, const char *path, const char *name, bool folder)
{
    struct folder_labels *f = context;
    char file[600];
    (void)path;
    if (folder)
        return AF_OK;
    snprintf(file, sizeof file, "%s/%s", f->class_name, name);
    return add_label(f->labels, f->files, file, f->class);
}

static int add_parts_of(void *context, const char *path, const char *name, bool folder)
{
    struct folder_labels *f = context;
    char recording[300];
    const size_t stem = gestures_stem(name);
    if (folder || !stem)
        return AF_OK;
    snprintf(recording, sizeof recording, "%.*s.aedat", (int)stem, name);
    return add_parts(path, recording, f->labels, f->files);
}

static int read_folder(const char *path, struct tensor *labels, struct texts *files)
{
    struct texts classes;
    struct folder_labels f = {labels, files, NULL, 0};
    if (!files)
        return af_fail(AF_BAD_FILE,
                       "%s: is a folder, which names files, of which nothing is known "
                       "here",
                       path);
    labels->type = DTYPE_I64;
    labels->rank = 1;
    int status = class_folders(path, &classes);
    for (; !status && f.class < classes.count; f.class ++) {
        f.class_name = classes.text[f.class];
        char *inner = folder_join(path, f.class_name);
        status =
            inner ? in_folder(inner, add_file, &f) : af_fail(AF_NO_MEMORY, "%s: no memory", path);
        free(inner);
    }
    if (!status && !classes.count)
        status = in_folder(path, add_parts_of, &f);
    texts_free(&classes);
    if (!status && !labels->count)
        status = af_fail(AF_BAD_FILE, "%s: the folder holds no folders by class and no _labels.csv",
                         path);
    return status;
}

/* ---- All ------------------------------------------------------------------------------------ */

int labels_read(const char *path, struct tensor *labels, struct texts *files)
{
    struct place place = {.path = path};
    if (files)
        *files = (struct texts){0};
    *labels = (struct tensor){0};
    int status = AF_OK;
    if (is_folder(path)) {
        status = read_folder(path, labels, files);
    } else if (gestures_stem(path)) {
        labels->type = DTYPE_I64;
        labels->rank = 1;
        status = add_parts(path, NULL, labels, NULL);
    } else {
        status =
            is_text(path) ? read_text(path, labels, files) : array_integers(&place, path, labels);
    }
    if (!status && labels->rank == 2 && labels->dim[1] == 1)
        labels->rank = 1;
    if (!status && labels->rank != 1) {
        char text[128];
        status = af_fail(AF_BAD_FILE, "%s: %s is no list of labels", path,
                         tensor_describe(labels, text, sizeof text));
    }
    if (status) {
        tensor_free(labels);
        if (files)
            texts_free(files);
    }
    return status;
}

/* Whether `file` is the end of the name, from a folder on, and up to its ending or without it. */
static bool names(const char *file, const char *sample)
{
    const size_t n = strlen(file), all = strlen(sample);
    const char *slash = strrchr(sample, '/'), *dot = strrchr(slash ? slash : sample, '.');
    const size_t lengths[] = {all, dot ? (size_t)(dot - sample) : all};
    for (int i = 0; i < 2; i++)
        if (n <= lengths[i] && memcmp(sample + lengths[i] - n, file, n) == 0 &&
            (n == lengths[i] || sample[lengths[i] - n - 1] == '/'))
            return true;
    return false;
}

int64_t labels_find(const struct tensor *labels, const struct texts *files, const char *sample,
                    int64_t *at)
{
    /* Mostly they are in the samples' order. */
    for (int64_t i = 0; i < files->count; i++) {
        const int64_t k = (*at + i) % files->count;
        if (names(files->text[k], sample)) {
            *at = k + 1;
            return ((const int64_t *)labels->data)[k];
        }
    }
    return -1;
}
