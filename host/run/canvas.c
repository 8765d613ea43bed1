#include "run/canvas.h"

#include "base/error.h"
#include "base/file.h"

#include <ctype.h>
#include <math.h>
#include <png.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { GLYPH_WIDTH = 3, GLYPH_HEIGHT = 5, DOT_LEAST = 2, DOTS = 640 };

int canvas_make(const char *name, const struct tensor *picture, int zoom, struct canvas *c)
{
    int64_t channels = picture->dim[0], width = picture->dim[2], area = picture->dim[1] * width;
    double low = 0, high = 255;
    *c = (struct canvas){
        .width = (int)width * zoom, .height = (int)picture->dim[1] * zoom, .zoom = zoom};
    c->dot = (c->width > c->height ? c->width : c->height) / DOTS;
    c->dot = c->dot > DOT_LEAST ? c->dot : DOT_LEAST;
    if (channels != 1 && channels != 3)
        return af_fail(AF_UNSUPPORTED, "%s: a picture has 1 or 3 channels, this has %lld", name,
                       (long long)channels);
    for (int64_t i = 0; picture->type != DTYPE_U8 && i < area * channels; i++) {
        double v = tensor_get(picture, i);
        low = i && low < v ? low : v;
        high = i && high > v ? high : v;
    }
    c->rgb = malloc((size_t)c->width * (size_t)c->height * 3);
    if (!c->rgb)
        return af_fail(AF_NO_MEMORY, "%s: no memory for a picture", name);
    double gain = high > low ? 255 / (high - low) : 0;
    uint8_t *to = c->rgb;
    for (int y = 0; y < c->height; y++)
        for (int x = 0; x < c->width; x++)
            for (int k = 0; k < 3; k++) {
                int64_t at = (y / zoom) * width + x / zoom;
                double v = tensor_get(picture, (channels == 3 ? k : 0) * area + at);
                *to++ = (uint8_t)nearbyint((v - low) * gain);
            }
    return AF_OK;
}

void canvas_free(struct canvas *c)
{
    free(c->rgb);
    *c = (struct canvas){0};
}

/* Hues a golden section apart: neighbours in number are far apart in colour. */
static void colour_of(int class, uint8_t rgb[3])
{
    double hue = fmod(class * 0.6180339887 + 0.02, 1) * 6;
    double value = class % 3 == 2 ? 0.7 : 1;
    for (int k = 0; k < 3; k++) {
        double away = fabs(fmod(hue - 2 * k + 9, 6) - 3); /* 3 where the hue is this primary */
        rgb[k] = (uint8_t)(value * 255 * fmin(fmax(away - 1, 0), 1));
    }
}

static void dot(struct canvas *c, int x, int y, const uint8_t rgb[3])
{
    if (x >= 0 && y >= 0 && x < c->width && y < c->height)
        memcpy(c->rgb + ((size_t)y * (size_t)c->width + (size_t)x) * 3, rgb, 3);
}

static void fill(struct canvas *c, int x, int y, int width, int height, const uint8_t rgb[3])
{
    int right = x + width < c->width ? x + width : c->width;
    int bottom = y + height < c->height ? y + height : c->height;
    for (int j = y > 0 ? y : 0; j < bottom; j++)
        for (int i = x > 0 ? x : 0; i < right; i++)
            dot(c, i, j, rgb);
}

/* Five rows of three dots, an octal digit each. */
static int glyph_of(char letter)
{
    static const int digits[] = {075557, 026227, 071747, 071717, 055711,
                                 074717, 074757, 071222, 075757, 075717};
    static const int letters[] = {025755, 065656, 034443, 065556, 074647, 074644, 034553,
                                  055755, 072227, 011152, 055655, 044447, 057755, 065555,
                                  025552, 065644, 025563, 065655, 034216, 072222, 055557,
                                  055552, 055775, 055255, 055222, 071247};
    int upper = toupper((unsigned char)letter);
    if (upper >= '0' && upper <= '9')
        return digits[upper - '0'];
    if (upper >= 'A' && upper <= 'Z')
        return letters[upper - 'A'];
    switch (letter) {
    case ' ': return 0;
    case '.': return 000002;
    case '-': return 000700;
    case '_': return 000007;
    case '%': return 051245;
    default: return 077777;
    }
}

static int advance(const struct canvas *c)
{
    return (GLYPH_WIDTH + 1) * c->dot;
}

static void write_text(struct canvas *c, int x, int y, const char *text, const uint8_t rgb[3])
{
    for (; *text && x < c->width; text++, x += advance(c))
        for (int i = 0; i < GLYPH_WIDTH * GLYPH_HEIGHT; i++)
            if (glyph_of(*text) >> (GLYPH_WIDTH * GLYPH_HEIGHT - 1 - i) & 1)
                fill(c, x + i % GLYPH_WIDTH * c->dot, y + i / GLYPH_WIDTH * c->dot, c->dot, c->dot,
                     rgb);
}

/* A coordinate on the canvas; far outside is just outside. */
static int place(float v, int zoom, int size)
{
    return (int)lrintf(fminf(fmaxf(v * (float)zoom, -8.f), (float)size + 8));
}

void canvas_box(struct canvas *c, const struct af_box *box, const char *text)
{
    static const uint8_t black[3] = {0}, white[3] = {255, 255, 255};
    uint8_t rgb[3];
    int x1 = place(box->x1, c->zoom, c->width), x2 = place(box->x2, c->zoom, c->width);
    int y1 = place(box->y1, c->zoom, c->height), y2 = place(box->y2, c->zoom, c->height);
    colour_of(box->label, rgb);
    fill(c, x1, y1, x2 - x1, c->dot, rgb);
    fill(c, x1, y2 - c->dot, x2 - x1, c->dot, rgb);
    fill(c, x1, y1, c->dot, y2 - y1, rgb);
    fill(c, x2 - c->dot, y1, c->dot, y2 - y1, rgb);
    int x = x1 > 0 ? x1 : 0, y = y1 > 0 ? y1 : 0; /* a text at the border is read, too */
    fill(c, x, y, (int)strlen(text) * advance(c) + c->dot, (GLYPH_HEIGHT + 2) * c->dot, rgb);
    bool dark = 299 * rgb[0] + 587 * rgb[1] + 114 * rgb[2] < 100000;
    write_text(c, x + c->dot, y + c->dot, text, dark ? white : black);
}

void canvas_classes(struct canvas *c, const uint16_t *class_of, int height, int width,
                    const float at[2], const float size[2])
{
    uint8_t rgb[3], *to = c->rgb;
    float across = (float)width / size[0], down = (float)height / size[1];
    for (int y = 0; y < c->height; y++)
        for (int x = 0; x < c->width; x++, to += 3) {
            float u = (((float)x + 0.5f) / (float)c->zoom - at[0]) * across;
            float v = (((float)y + 0.5f) / (float)c->zoom - at[1]) * down;
            if (!(u >= 0 && u < (float)width && v >= 0 && v < (float)height))
                continue;
            colour_of(class_of[(int64_t)v * width + (int64_t)u], rgb);
            for (int k = 0; k < 3; k++)
                to[k] = (uint8_t)((to[k] + rgb[k]) / 2);
        }
}

bool canvas_is_file(const char *path)
{
    struct stat s;
    const size_t n = strlen(path);
    return n > 4 && strcmp(path + n - 4, ".png") == 0 && (stat(path, &s) || !S_ISDIR(s.st_mode));
}

int canvas_write(const struct canvas *c, const char *path)
{
    struct file_out out;
    png_image image = {.version = PNG_IMAGE_VERSION,
                       .width = (png_uint_32)c->width,
                       .height = (png_uint_32)c->height,
                       .format = PNG_FORMAT_RGB};
    int status = file_create(&out, path);
    if (status)
        return status;
    if (!png_image_write_to_stdio(&image, out.stream, 0, c->rgb, 0, NULL)) {
        status = af_fail(AF_IO, "%s: cannot be written: %s", path, image.message);
        file_discard(&out);
        return status;
    }
    return file_commit(&out);
}
