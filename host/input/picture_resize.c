/* Resizing of pictures.
 *
 * Bilinear with half-pixel centres: output pixel i looks at the input around (i + 0.5) * scale.
 * When the picture shrinks, the triangle widens by the same scale, so that every input pixel
 * counts. This and the fixed point arithmetic are those of Pillow's Image.resize(..., BILINEAR),
 * which torchvision uses as well; the results are the same to the bit. */
#include "input/picture_resize.h"

#include "base/error.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define FRACTION_BITS 22 /* 8 bits of pixel and 2 of headroom remain of 32 */

/* One direction of a resize: output i is the sum of taps[i * most + k] * input[begin[i] + k]. */
struct filter {
    int count; /* outputs */
    int most;  /* taps of one output */
    int *begin, *used;
    int32_t *taps;
};

static void filter_free(struct filter *f)
{
    free(f->begin);
    free(f->used);
    free(f->taps);
}

/* The outputs [from, from + count) of a resize from `in` to `out` pixels. */
static int filter_make(const char *path, struct filter *f, int in, int64_t out, int64_t from,
                       int count)
{
    double scale = (double)in / (double)out, wide = scale < 1 ? 1 : scale, *weights;
    *f = (struct filter){.count = count, .most = (int)ceil(wide) * 2 + 1};
    f->begin = calloc((size_t)count, sizeof *f->begin);
    f->used = calloc((size_t)count, sizeof *f->used);
    f->taps = calloc((size_t)count * (size_t)f->most, sizeof *f->taps);
    weights = malloc((size_t)f->most * sizeof *weights);
    if (!f->begin || !f->used || !f->taps || !weights) {
        filter_free(f);
        free(weights);
        return af_fail(AF_NO_MEMORY, "%s: no memory to resize the picture", path);
    }
    for (int i = 0; i < count; i++) {
        double center = ((double)(from + i) + 0.5) * scale, sum = 0;
        double low = center - wide + 0.5, high = center + wide + 0.5;
        int begin = low < 0 ? 0 : (int)low, end = high > in ? in : (int)high;
        f->begin[i] = begin;
        f->used[i] = end - begin;
        for (int k = 0; k < end - begin; k++) {
            weights[k] = fmax(0, 1 - fabs((begin + k - center + 0.5) / wide));
            sum += weights[k];
        }
        for (int k = 0; k < end - begin; k++)
            f->taps[(size_t)i * (size_t)f->most + (size_t)k] =
                (int32_t)(0.5 + weights[k] / sum * (1 << FRACTION_BITS));
    }
    free(weights);
    return AF_OK;
}

/* Output i of one line of pixels that are `stride` bytes apart. */
static uint8_t filter_apply(const struct filter *f, int i, const uint8_t *line, size_t stride)
{
    const int32_t *taps = f->taps + (size_t)i * (size_t)f->most;
    const uint8_t *p = line + (size_t)f->begin[i] * stride;
    int32_t sum = 1 << (FRACTION_BITS - 1);
    for (int k = 0; k < f->used[i]; k++, p += stride)
        sum += *p * taps[k];
    sum >>= FRACTION_BITS;
    return (uint8_t)(sum > 255 ? 255 : sum);
}

/* What a picture is resized to, and the window cut from that. */
struct crop {
    int64_t width, height;
    int64_t left, top;
};

/* Half of it, and as torchvision's CenterCrop a tie goes to the even number. */
static int64_t centre(int64_t space)
{
    return space / 2 + (space % 2 ? space / 2 % 2 : 0);
}

static int place_window(const char *path, const struct picture *p, const struct input_spec *spec,
                        struct crop *w)
{
    int64_t size = spec->resize, width = p->width, height = p->height;
    if (size == 0)
        *w = (struct crop){.width = spec->width, .height = spec->height};
    else if (spec->squash)
        *w = (struct crop){.width = size, .height = size};
    else if (width < height)
        *w = (struct crop){.width = size, .height = size * height / width};
    else
        *w = (struct crop){.width = size * width / height, .height = size};
    if (w->width < spec->width || w->height < spec->height)
        return af_fail(AF_BAD_FILE,
                       "%s: the picture becomes %lldx%lld, too small to cut the model's %dx%d "
                       "from it",
                       path, (long long)w->width, (long long)w->height, spec->width, spec->height);
    w->left = centre(w->width - spec->width);
    w->top = centre(w->height - spec->height);
    return AF_OK;
}

int picture_view(const char *path, const struct picture *p, const struct input_spec *spec,
                 struct view *view)
{
    struct crop w;
    int status = place_window(path, p, spec, &w);
    if (status)
        return status;
    float across = (float)p->width / (float)w.width, down = (float)p->height / (float)w.height;
    *view = (struct view){.width = p->width,
                          .height = p->height,
                          .origin = {(float)w.left * across, (float)w.top * down},
                          .step = {across, down}};
    return AF_OK;
}

int picture_fit(const char *path, const struct picture *picture, const struct input_spec *spec,
                uint8_t *out)
{
    const struct picture *p = picture;
    size_t channels = (size_t)p->channels, row = (size_t)spec->width * channels;
    size_t plane = (size_t)spec->height * (size_t)spec->width;
    struct filter across = {0}, down = {0};
    struct crop w;
    uint8_t *middle = NULL;
    int status = place_window(path, p, spec, &w);
    if (status)
        return status;
    status = filter_make(path, &across, p->width, w.width, w.left, spec->width);
    if (status)
        return status;
    status = filter_make(path, &down, p->height, w.height, w.top, spec->height);
    if (status) {
        filter_free(&across);
        return status;
    }
    int last = spec->height - 1, first_row = down.begin[0];
    size_t rows = (size_t)(down.begin[last] + down.used[last] - first_row);
    middle = malloc(rows * row);
    if (!middle) {
        status = af_fail(AF_NO_MEMORY, "%s: no memory to resize the picture", path);
        goto out;
    }
    for (size_t y = 0; y < rows; y++) {
        const uint8_t *line = p->pixels + ((size_t)first_row + y) * (size_t)p->width * channels;
        for (size_t i = 0; i < row; i++)
            middle[y * row + i] =
                filter_apply(&across, (int)(i / channels), line + i % channels, channels);
    }
    for (int y = 0; y < spec->height; y++) {
        down.begin[y] -= first_row;
        for (size_t i = 0; i < row; i++)
            out[i % channels * plane + (size_t)y * (size_t)spec->width + i / channels] =
                filter_apply(&down, y, middle + i, row);
    }
    for (size_t c = channels; c < (size_t)spec->channels; c++)
        memcpy(out + c * plane, out, plane);
out:
    free(middle);
    filter_free(&across);
    filter_free(&down);
    return status;
}
