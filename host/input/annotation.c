#include "input/annotation.h"

#include "base/error.h"
#include "base/file.h"
#include "input/labels.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_MOST = 1 << 20 };

struct annotations {
    char *path;
    struct texts classes;
};

int annotations_open(const char *path, int classes, struct annotations **annotations)
{
    struct annotations *a = *annotations = calloc(1, sizeof *a);
    if (a)
        a->path = strdup(path);
    int status = a && a->path ? class_folders(path, &a->classes)
                              : af_fail(AF_NO_MEMORY, "%s: no memory", path);
    if (!status && !a->classes.count)
        status =
            af_fail(AF_BAD_FILE, "%s: the folder holds no folders of annotations by class", path);
    if (!status && a->classes.count > classes)
        status = af_fail(AF_BAD_FILE, "%s: holds %d classes, but the network has %d", path,
                         a->classes.count, classes);
    if (status) {
        annotations_close(a);
        *annotations = NULL;
    }
    return status;
}

void annotations_close(struct annotations *a)
{
    if (!a)
        return;
    texts_free(&a->classes);
    free(a->path);
    free(a);
}

static int word_at(const unsigned char *b, size_t i)
{
    return (int16_t)(b[2 * i] | b[2 * i + 1] << 8);
}

/* A boundary's points from word *at on, which is moved behind them; the box around them. */
static int read_boundary(const char *name, const unsigned char *b, size_t words, size_t *at,
                         struct af_box *box)
{
    const int sides = *at + 2 <= words ? word_at(b, *at) : 0,
              points = *at + 2 <= words ? word_at(b, *at + 1) : 0;
    if (sides != 2 || points < 1 || (size_t)points * 2 > words - *at - 2)
        return af_fail(AF_BAD_FILE, "%s: is no annotation of N-Caltech101, or cut", name);
    *at += 2;
    for (int i = 0; i < points; i++, *at += 2) {
        const float x = (float)word_at(b, *at), y = (float)word_at(b, *at + 1);
        box->x1 = i && box->x1 < x ? box->x1 : x;
        box->x2 = i && box->x2 > x ? box->x2 : x;
        box->y1 = i && box->y1 < y ? box->y1 : y;
        box->y2 = i && box->y2 > y ? box->y2 : y;
    }
    return AF_OK;
}

int annotation_parse(const char *name, const void *bytes, size_t size, struct af_box *box)
{
    const unsigned char *b = bytes;
    struct af_box outline = {0};
    size_t at = 0;
    *box = (struct af_box){0};
    int status = read_boundary(name, b, size / 2, &at, box);
    if (!status)
        status = read_boundary(name, b, size / 2, &at, &outline);
    if (!status && at * 2 != size)
        status = af_fail(AF_BAD_FILE, "%s: holds more than a box and an outline", name);
    /* Some begin a pixel outside. */
    box->x1 = box->x1 < 0 ? 0 : box->x1;
    box->y1 = box->y1 < 0 ? 0 : box->y1;
    if (!status && !(box->x1 < box->x2 && box->y1 < box->y2))
        status = af_fail(AF_BAD_FILE, "%s: its box has no area", name);
    return status;
}

int annotations_find(const struct annotations *a, const char *sample, struct af_box *box)
{
    static const char image[] = "image_";
    const char *slash = strrchr(sample, '/'), *stem = slash ? slash + 1 : sample, *folder = slash;
    while (folder && folder > sample && folder[-1] != '/')
        folder--;
    const size_t length = folder ? (size_t)(slash - folder) : 0;
    const bool numbered = strncmp(stem, image, sizeof image - 1) == 0;
    for (int i = 0; i < a->classes.count; i++) {
        const char *class = a->classes.text[i];
        void *bytes;
        size_t size;
        if (!folder || strlen(class) != length || strncmp(class, folder, length) != 0)
            continue;
        const size_t room = strlen(a->path) + length + strlen(stem) + 32;
        char *path = malloc(room);
        if (!path)
            return af_fail(AF_NO_MEMORY, "%s: no memory", sample);
        snprintf(path, room, "%s/%s/%s%s", a->path, class, numbered ? "annotation_" : "",
                 numbered ? stem + sizeof image - 1 : stem);
        int status = file_read(path, FILE_MOST, &bytes, &size);
        if (!status) {
            status = annotation_parse(path, bytes, size, box);
            free(bytes);
        }
        box->label = i;
        free(path);
        return status;
    }
    return af_fail(AF_BAD_FILE, "%s: has no folder of annotations for %s", a->path, sample);
}
