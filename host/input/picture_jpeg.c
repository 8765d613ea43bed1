#include "input/picture_jpeg.h"

#include "base/error.h"

#include <jpeglib.h>
#include <jerror.h>
#include <setjmp.h>
#include <stdlib.h>

/* A progressive file may go over all its pixels in every scan; real ones have about ten. */
#define SCANS_MOST 200

/* Everything that must outlive a longjmp out of libjpeg. */
struct decoder {
    struct jpeg_error_mgr errors; /* first: libjpeg hands out a pointer to it */
    struct jpeg_progress_mgr progress;
    struct jpeg_decompress_struct jpeg;
    const char *path;
    jmp_buf jump;
    struct picture *picture;
    uint8_t *line; /* of a CMYK picture */
    bool truncated;
};

static struct decoder *decoder_of(j_common_ptr jpeg)
{
    return (struct decoder *)(void *)jpeg->err;
}

static void on_error(j_common_ptr jpeg)
{
    struct decoder *d = decoder_of(jpeg);
    char text[JMSG_LENGTH_MAX];
    jpeg->err->format_message(jpeg, text);
    af_fail(AF_BAD_FILE, "%s: not a readable JPEG file (%s)", d->path, text);
    longjmp(d->jump, 1);
}

/* libjpeg fills up what is missing with grey and goes on with a warning. */
static void on_message(j_common_ptr jpeg, int level)
{
    if (level < 0 && jpeg->err->msg_code == JWRN_JPEG_EOF)
        decoder_of(jpeg)->truncated = true;
}

static void on_progress(j_common_ptr jpeg)
{
    struct decoder *d = decoder_of(jpeg);
    if (d->jpeg.input_scan_number <= SCANS_MOST)
        return;
    af_fail(AF_BAD_FILE, "%s: a JPEG file of more than %d scans", d->path, SCANS_MOST);
    longjmp(d->jump, 1);
}

/* Ink on paper as light: each colour is what neither its ink nor black takes away. Adobe's programs
 * write how much paper is left instead of how much ink there is. */
static void rgb_of_cmyk(const uint8_t *cmyk, uint8_t *rgb, int pixels, bool left)
{
    for (int i = 0; i < pixels; i++, cmyk += 4, rgb += 3) {
        const unsigned paper = left ? cmyk[3] : 255u - cmyk[3];
        for (int c = 0; c < 3; c++) {
            const unsigned ink = left ? 255u - cmyk[c] : cmyk[c];
            rgb[c] = (uint8_t)(paper - (ink * paper + 127) / 255);
        }
    }
}

static int decode(struct decoder *d)
{
    struct jpeg_decompress_struct *j = &d->jpeg;
    jpeg_read_header(j, TRUE);
    const bool grey = j->num_components == 1, inks = j->num_components == 4;
    int status = picture_make(d->path, j->image_width, j->image_height, grey ? 1 : 3, d->picture);
    if (status)
        return status;
    if (inks)
        d->line = malloc((size_t)j->image_width * 4);
    if (inks && !d->line)
        return af_fail(AF_NO_MEMORY, "%s: no memory", d->path);
    j->out_color_space = grey ? JCS_GRAYSCALE : inks ? JCS_CMYK : JCS_RGB;
    j->progress = &d->progress;
    jpeg_start_decompress(j);
    size_t row = (size_t)j->image_width * (size_t)d->picture->channels;
    while (j->output_scanline < j->output_height && !d->truncated) {
        uint8_t *to = d->picture->pixels + j->output_scanline * row;
        JSAMPROW line = inks ? d->line : to;
        jpeg_read_scanlines(j, &line, 1);
        if (inks)
            rgb_of_cmyk(d->line, to, (int)j->image_width, j->saw_Adobe_marker);
    }
    if (d->truncated)
        return af_fail(AF_BAD_FILE, "%s: the JPEG file is truncated", d->path);
    jpeg_finish_decompress(j);
    return d->truncated ? af_fail(AF_BAD_FILE, "%s: the JPEG file is truncated", d->path) : AF_OK;
}

static int decode_or_jump(struct decoder *d, FILE *file)
{
    if (setjmp(d->jump))
        return AF_BAD_FILE;
    jpeg_create_decompress(&d->jpeg);
    jpeg_stdio_src(&d->jpeg, file);
    return decode(d);
}

int picture_read_jpeg(const char *path, FILE *file, struct picture *picture)
{
    struct decoder d = {.path = path, .picture = picture};
    d.jpeg.err = jpeg_std_error(&d.errors);
    d.errors.error_exit = on_error;
    d.errors.emit_message = on_message;
    d.progress.progress_monitor = on_progress;
    int status = decode_or_jump(&d, file);
    jpeg_destroy_decompress(&d.jpeg);
    free(d.line);
    return status;
}
