#include "input/picture_png.h"

#include "base/error.h"

#include <png.h>
#include <setjmp.h>
#include <stdlib.h>

/* What may be kept of the texts and profiles beside the pixels. */
#define CHUNK_MOST  ((png_alloc_size_t)8 << 20)
#define CHUNKS_MOST 16

/* Everything that must outlive a longjmp out of libpng. */
struct decoder {
    const char *path;
    png_structp png;
    png_infop info;
    png_bytep *rows;
    struct picture *picture;
};

static void on_error(png_structp png, png_const_charp message)
{
    const struct decoder *d = png_get_error_ptr(png);
    af_fail(AF_BAD_FILE, "%s: not a readable PNG file (%s)", d->path, message);
    png_longjmp(png, 1);
}

static void on_warning(png_structp png, png_const_charp message)
{
    (void)png;
    (void)message;
}

/* Rows of 8 bits per channel: grey, grey and alpha, RGB or RGBA become grey or RGB. */
static void normalise(struct decoder *d)
{
    int type = png_get_color_type(d->png, d->info);
    if (type == PNG_COLOR_TYPE_PALETTE)
        png_set_palette_to_rgb(d->png);
    if (type == PNG_COLOR_TYPE_GRAY && png_get_bit_depth(d->png, d->info) < 8)
        png_set_expand_gray_1_2_4_to_8(d->png);
    if (png_get_bit_depth(d->png, d->info) == 16)
        png_set_scale_16(d->png);
    png_set_strip_alpha(d->png);
    png_set_interlace_handling(d->png);
    png_read_update_info(d->png, d->info);
}

/* Runs with libpng's jump target set. */
static int decode(struct decoder *d)
{
    struct picture *p = d->picture;
    png_read_info(d->png, d->info);
    png_uint_32 width = png_get_image_width(d->png, d->info);
    png_uint_32 height = png_get_image_height(d->png, d->info);
    bool grey = !(png_get_color_type(d->png, d->info) & PNG_COLOR_MASK_COLOR);
    int status = picture_make(d->path, width, height, grey ? 1 : 3, p);
    if (status)
        return status;
    normalise(d);
    size_t row = (size_t)width * (size_t)p->channels;
    if (png_get_rowbytes(d->png, d->info) != row)
        return af_fail(AF_BAD_FILE, "%s: not a readable PNG file (rows of an odd size)", d->path);
    d->rows = malloc(height * sizeof *d->rows);
    if (!d->rows)
        return af_fail(AF_NO_MEMORY, "%s: no memory", d->path);
    for (size_t y = 0; y < height; y++)
        d->rows[y] = p->pixels + y * row;
    png_read_image(d->png, d->rows);
    png_read_end(d->png, NULL);
    return AF_OK;
}

static int decode_or_jump(struct decoder *d)
{
    if (setjmp(png_jmpbuf(d->png)))
        return AF_BAD_FILE;
    return decode(d);
}

int picture_read_png(const char *path, FILE *file, struct picture *picture)
{
    struct decoder d = {.path = path, .picture = picture};
    d.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &d, on_error, on_warning);
    if (d.png)
        d.info = png_create_info_struct(d.png);
    if (!d.info) {
        png_destroy_read_struct(&d.png, NULL, NULL);
        return af_fail(AF_NO_MEMORY, "%s: no memory", path);
    }
    png_init_io(d.png, file);
    png_set_user_limits(d.png, 0x7fffffff, 0x7fffffff); /* picture_make has its own */
    png_set_chunk_malloc_max(d.png, CHUNK_MOST);
    png_set_chunk_cache_max(d.png, CHUNKS_MOST);
    int status = decode_or_jump(&d);
    png_destroy_read_struct(&d.png, &d.info, NULL);
    free(d.rows);
    return status;
}
