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
    struct class_map *map; /* instead, NULL: a picture */
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

/* Numbers as they are in the file: shades, or places in a palette. */
static int take_numbers(struct decoder *d)
{
    const int type = png_get_color_type(d->png, d->info);
    if (type != PNG_COLOR_TYPE_PALETTE && (type & PNG_COLOR_MASK_COLOR))
        return af_fail(AF_BAD_FILE,
                       "%s: a coloured picture; labels are numbers, grey or of a palette", d->path);
    png_set_packing(d->png);
    png_set_strip_alpha(d->png);
    png_set_interlace_handling(d->png);
    png_read_update_info(d->png, d->info);
    return AF_OK;
}

static int read_rows(struct decoder *d, png_bytep first, size_t step, size_t height)
{
    d->rows = malloc(height * sizeof *d->rows);
    if (!d->rows)
        return af_fail(AF_NO_MEMORY, "%s: no memory", d->path);
    for (size_t y = 0; y < height; y++)
        d->rows[y] = first + y * step;
    png_read_image(d->png, d->rows);
    png_read_end(d->png, NULL);
    return AF_OK;
}

/* Numbers of 8 bits are read into the second half of their row, and widened from there. */
static int decode_map(struct decoder *d)
{
    png_read_info(d->png, d->info);
    const png_uint_32 width = png_get_image_width(d->png, d->info),
                      height = png_get_image_height(d->png, d->info);
    struct picture room;
    int status = picture_make(d->path, width, height, 2, &room);
    d->map->class_of = (uint16_t *)(void *)room.pixels;
    d->map->width = (int)width;
    d->map->height = (int)height;
    if (!status)
        status = take_numbers(d);
    if (status)
        return status;
    const size_t row = png_get_rowbytes(d->png, d->info);
    const bool wide = png_get_bit_depth(d->png, d->info) == 16;
    if (row != (wide ? 2 : 1) * (size_t)width)
        return af_fail(AF_BAD_FILE, "%s: not a readable PNG file (rows of an odd size)", d->path);
    status = read_rows(d, room.pixels + (wide ? 0 : width), 2 * (size_t)width, height);
    for (size_t y = 0; !status && y < height; y++) {
        uint16_t *to = d->map->class_of + y * width;
        const uint8_t *from = (const uint8_t *)to + (wide ? 0 : width);
        for (size_t x = 0; x < width; x++)
            to[x] = (uint16_t)(wide ? from[2 * x] << 8 | from[2 * x + 1] : from[x]);
    }
    return status;
}

/* Runs with libpng's jump target set. */
static int decode(struct decoder *d)
{
    struct picture *p = d->picture;
    if (d->map)
        return decode_map(d);
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
    return read_rows(d, p->pixels, row, height);
}

static int decode_or_jump(struct decoder *d)
{
    if (setjmp(png_jmpbuf(d->png)))
        return AF_BAD_FILE;
    return decode(d);
}

static int read_file(struct decoder d, FILE *file)
{
    d.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &d, on_error, on_warning);
    if (d.png)
        d.info = png_create_info_struct(d.png);
    if (!d.info) {
        png_destroy_read_struct(&d.png, NULL, NULL);
        return af_fail(AF_NO_MEMORY, "%s: no memory", d.path);
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

int picture_read_png(const char *path, FILE *file, struct picture *picture)
{
    return read_file((struct decoder){.path = path, .picture = picture}, file);
}

int class_map_read_png(const char *path, FILE *file, struct class_map *map)
{
    return read_file((struct decoder){.path = path, .map = map}, file);
}
