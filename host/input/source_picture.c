#include "input/source_picture.h"

#include "base/error.h"
#include "input/picture_file.h"
#include "input/picture_resize.h"

#include <stdlib.h>

struct picture_source {
    struct source base;
    uint8_t *data;
};

/* Colours and sizes in between are no classes. */
static int check_labels(const char *path, const struct picture *p, const struct input_spec *spec)
{
    if (p->channels == 1 && p->width == spec->width && p->height == spec->height)
        return AF_OK;
    return af_fail(AF_BAD_FILE, "%s: %s picture of %dx%d; labels are grey, %dx%d", path,
                   p->channels == 1 ? "a grey" : "a coloured", p->width, p->height, spec->width,
                   spec->height);
}

static int next_picture(struct source *src, struct sample *s)
{
    struct picture_source *p = (struct picture_source *)src;
    const struct input_spec *spec = src->spec;
    struct picture picture;
    int status = picture_read(src->path, spec->labels ? 3 : spec->channels, &picture);
    if (!status && spec->labels)
        status = check_labels(src->path, &picture, spec);
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

static const struct source_ops picture_ops = {next_picture, close_picture};

int source_picture(struct source **src, const char *path, const struct input_spec *spec)
{
    *src = NULL;
    if (spec->channels != 1 && spec->channels != 3)
        return af_fail(AF_BAD_FILE, "%s: a picture has 1 or 3 channels, the model wants %dx%dx%d",
                       path, spec->channels, spec->height, spec->width);
    struct picture_source *p = source_make(sizeof *p, &picture_ops, path, spec);
    if (!p)
        return AF_NO_MEMORY;
    p->data = malloc((size_t)spec->channels * (size_t)spec->height * (size_t)spec->width);
    if (!p->data) {
        source_close(&p->base);
        return af_fail(AF_NO_MEMORY, "%s: no memory for a sample", path);
    }
    p->base.count = 1;
    *src = &p->base;
    return AF_OK;
}
