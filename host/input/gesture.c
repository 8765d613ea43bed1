#include "input/gesture.h"

#include "base/error.h"
#include "base/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FILE_MOST = 1 << 20, CLASSES_MOST = 1 << 16 };

static int by_begin(const void *a, const void *b)
{
    const struct gesture *one = a, *two = b;
    return (one->begin > two->begin) - (one->begin < two->begin);
}

static int parse(const char *path, char *text, struct gestures *g)
{
    char *keep, *line = strtok_r(text, "\r\n", &keep);
    int room = 0, number = 1;
    /* Names, unless the first line is one of numbers. */
    if (line && (line[0] < '0' || line[0] > '9'))
        line = strtok_r(NULL, "\r\n", &keep);
    for (; line; line = strtok_r(NULL, "\r\n", &keep), number++) {
        int class, used = 0;
        long long begin, end;
        if (sscanf(line, " %d , %lld , %lld %n", &class, &begin, &end, &used) != 3 || line[used] ||
            class < 1 || class > CLASSES_MOST || begin < 0 || end <= begin)
            return af_fail(AF_BAD_FILE, "%s: part %d is no class, begin and end", path, number);
        if (g->count == room) {
            room = room ? 2 * room : 16;
            struct gesture *grown = realloc(g->gesture, (size_t)room * sizeof *grown);
            if (!grown)
                return af_fail(AF_NO_MEMORY, "%s: no memory", path);
            g->gesture = grown;
        }
        g->gesture[g->count++] = (struct gesture){class - 1, begin, end};
    }
    if (!g->count)
        return af_fail(AF_BAD_FILE, "%s: names no part of the recording", path);
    qsort(g->gesture, (size_t)g->count, sizeof *g->gesture, by_begin);
    for (int i = 1; i < g->count; i++)
        if (g->gesture[i].begin < g->gesture[i - 1].end)
            return af_fail(AF_BAD_FILE, "%s: the parts at %lld and %lld us overlap", path,
                           (long long)g->gesture[i - 1].begin, (long long)g->gesture[i].begin);
    return AF_OK;
}

int gestures_parse(const char *csv, struct gestures *g)
{
    void *bytes = NULL;
    size_t size;
    *g = (struct gestures){0};
    int status = file_read(csv, FILE_MOST, &bytes, &size);
    if (!status)
        status = parse(csv, bytes, g);
    if (status)
        gestures_free(g);
    free(bytes);
    return status;
}

static const char end[] = "_labels.csv";

size_t gestures_stem(const char *name)
{
    const size_t n = strlen(name), m = sizeof end - 1;
    return n > m && strcmp(name + n - m, end) == 0 ? n - m : 0;
}

int gestures_read(const char *path, struct gestures *g)
{
    const char *slash = strrchr(path, '/'), *dot = strrchr(slash ? slash : path, '.');
    const size_t stem = dot ? (size_t)(dot - path) : strlen(path);
    *g = (struct gestures){0};
    char *csv = malloc(stem + sizeof end);
    if (!csv)
        return af_fail(AF_NO_MEMORY, "%s: no memory", path);
    snprintf(csv, stem + sizeof end, "%.*s%s", (int)stem, path, end);
    const int status = access(csv, F_OK) == 0 ? gestures_parse(csv, g) : AF_OK;
    free(csv);
    return status;
}

void gestures_free(struct gestures *g)
{
    free(g->gesture);
    *g = (struct gestures){0};
}
