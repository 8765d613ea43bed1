#include "input/source_picture.h"

#include "base/error.h"
#include "input/picture_file.h"
#include "input/picture_resize.h"

#include <stdlib.h>

struct picture_source {
    struct source base;
    void *data;
};

/* A class for each pixel, of the sample's size. */
static int next_map(struct source *src, struct sample *s)
{
    struct picture_source *p = (struct picture_source *)src;
    const struct input_spec *spec = src->spec;
    struct class_map map;
    int status = class_map_read(src->path, &map);
    if (!status && (map.width != spec->width || map.height != spec->height))
        status = af_fail(AF_BAD_FILE, "%s: labels of %dx%d for samples of %dx%d", src->path,
                         map.width, map.height, spec->width, spec->height);
    const int64_t area = (int64_t)spec->height * spec->width;
    for (int64_t i = 0; !status && i < area; i++)
        ((int32_t *)p->data)[i] = map.class_of[i];
    free(map.class_of);
    s->data = p->data;
    s->type = DTYPE_I32;
    return status;
}

static int next_picture(struct source *src, struct sample *s)
{
    struct picture_source *p = (struct picture_source *)src;
    const struct input_spec *spec = src->spec;
    struct picture picture;
    int status = picture_read(src->path, spec->channels, &picture);
    if (!status)
        status = picture_view(src->path, &picture, spec, &s->view);
    if (!status)
        status = picture_fit(src->path, &picture, spec, p->data);
    free(picture.pixels);
    s->data = p->data;
    return status;
}

static void close_picture(struct source *src)
{
    free(((struct picture_source *)src)->data);
}

static const struct source_ops picture_ops = {next_picture, close_picture},
                               map_ops = {next_map, close_picture};

int source_picture(struct source **src, const char *path, const struct input_spec *spec)
{
    *src = NULL;
    if (spec->channels != 1 && spec->channels != 3)
        return af_fail(AF_BAD_FILE, "%s: a picture has 1 or 3 channels, the model wants %dx%dx%d",
                       path, spec->channels, spec->height, spec->width);
    struct picture_source *p =
        source_make(sizeof *p, spec->labels ? &map_ops : &picture_ops, path, spec);
    if (!p)
        return AF_NO_MEMORY;
    p->data = malloc((size_t)spec->channels * (size_t)spec->height * (size_t)spec->width *
                     (spec->labels ? sizeof(int32_t) : 1));
    if (!p->data) {
        source_close(&p->base);
        return af_fail(AF_NO_MEMORY, "%s: no memory for a sample", path);
    }
    p->base.count = 1;
    *src = &p->base;
    return AF_OK;
}
