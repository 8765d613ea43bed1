/* PNG and JPEG pictures. */
#include "input_source.h"

#include "error.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PIXELS_MOST ((int64_t)64 << 20)
#define SIDE_MOST   65535 /* JPEG's own; it bounds what resizing a long strip takes */

int picture_make(const char *path, int64_t width, int64_t height, int channels,
                 struct picture *picture)
{
    if (width < 1 || height < 1 || width > SIDE_MOST || height > SIDE_MOST ||
        width * height > PIXELS_MOST || width * height > tensor_max_elements)
        return af_fail(AF_UNSUPPORTED,
                       "%s: a picture of %lldx%lld pixels; 64 Mi pixels are read, and %d a side",
                       path, (long long)width, (long long)height, SIDE_MOST);
    *picture = (struct picture){(int)width, (int)height, channels, NULL};
    picture->pixels = malloc((size_t)(width * height) * (size_t)channels);
    if (!picture->pixels)
        return af_fail(AF_NO_MEMORY, "%s: no memory for %lldx%lld pixels", path, (long long)width,
                       (long long)height);
    return AF_OK;
}

static bool is_png(const unsigned char *bytes, size_t size)
{
    return size >= 8 && memcmp(bytes, "\x89PNG\r\n\x1a\n", 8) == 0;
}

static bool is_jpeg(const unsigned char *bytes, size_t size)
{
    return size >= 3 && memcmp(bytes, "\xff\xd8\xff", 3) == 0;
}

bool is_picture(const unsigned char *bytes, size_t size)
{
    return is_png(bytes, size) || is_jpeg(bytes, size);
}

/* Luma with the weights of ITU-R 601 in 16 bits, as Pillow's convert("L"). */
static void make_grey(struct picture *p)
{
    const uint8_t *from = p->pixels;
    for (int64_t i = 0, n = (int64_t)p->width * p->height; i < n; i++, from += 3)
        p->pixels[i] =
            (uint8_t)((from[0] * 19595u + from[1] * 38470u + from[2] * 7471u + 0x8000u) >> 16);
    p->channels = 1;
}

int picture_read(const char *path, int channels, struct picture *picture)
{
    *picture = (struct picture){0};
    FILE *f = fopen(path, "rb");
    if (!f)
        return af_fail(AF_IO, "%s: %s", path, strerror(errno));
    unsigned char magic[8];
    size_t got = fread(magic, 1, sizeof magic, f);
    int status;
    rewind(f);
    if (is_png(magic, got))
        status = picture_read_png(path, f, picture);
    else if (is_jpeg(magic, got))
        status = picture_read_jpeg(path, f, picture);
    else
        status = af_fail(AF_BAD_FILE, "%s: neither a PNG nor a JPEG file", path);
    fclose(f);
    if (status) {
        free(picture->pixels);
        *picture = (struct picture){0};
    } else if (channels == 1 && picture->channels == 3) {
        make_grey(picture);
    }
    return status;
}

int input_picture(const char *path, struct tensor *pixels)
{
    struct picture p;
    *pixels = (struct tensor){0};
    int status = picture_read(path, 3, &p);
    if (!status)
        status = tensor_make(pixels, DTYPE_U8, 3, (int64_t[]){p.channels, p.height, p.width});
    int64_t area = (int64_t)p.height * p.width;
    for (int64_t i = 0; !status && i < area; i++)
        for (int c = 0; c < p.channels; c++)
            ((uint8_t *)pixels->data)[c * area + i] = p.pixels[i * p.channels + c];
    free(p.pixels);
    return status;
}

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
