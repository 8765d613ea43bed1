#include "input/labels.h"

#include "base/error.h"
#include "base/file.h"
#include "input/array.h"

#include <errno.h>
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

/* ---- Both ------------------------------------------------------------------------------------ */

int labels_read(const char *path, struct tensor *labels, struct texts *files)
{
    struct place place = {.path = path};
    if (files)
        *files = (struct texts){0};
    *labels = (struct tensor){0};
    int status =
        is_text(path) ? read_text(path, labels, files) : array_integers(&place, path, labels);
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
