#include "input/picture_file.h"

#include "base/error.h"
#include "input/picture_jpeg.h"
#include "input/picture_png.h"
#include "base/stream.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { GZIP_FIRST = 0x1f, GZIP_SECOND = 0x8b, PACKED_MOST = 256 << 20 };

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

/* The bytes of a file, or those that it holds packed by gzip. */
static int unpack(const char *path, char **bytes, size_t *size)
{
    struct stream *stream;
    size_t room = 1 << 16, got = 0;
    *size = 0;
    *bytes = malloc(room);
    int status = stream_open(&stream, &(struct place){.path = path});
    if (!status && !*bytes)
        status = af_fail(AF_NO_MEMORY, "%s: no memory", path);
    while (!status && !(status = stream_read(stream, *bytes + *size, room - *size, &got)) && got) {
        *size += got;
        char *grown = *size == room ? realloc(*bytes, 2 * room) : *bytes;
        if (!grown || room > PACKED_MOST)
            status = af_fail(AF_UNSUPPORTED, "%s: more than %d MiB of a packed picture", path,
                             (int)(PACKED_MOST >> 20));
        *bytes = grown ? grown : *bytes;
        room = *size == room ? 2 * room : room;
    }
    stream_close(stream);
    return status;
}

/* A picture file opened for reading; *packed is its memory if it was packed. */
static int open_picture(const char *path, FILE **file, char **packed)
{
    unsigned char magic[2] = "";
    size_t size;
    *packed = NULL;
    *file = fopen(path, "rb");
    if (!*file)
        return af_fail(AF_IO, "%s: %s", path, strerror(errno));
    const bool gzip =
        fread(magic, 1, 2, *file) == 2 && magic[0] == GZIP_FIRST && magic[1] == GZIP_SECOND;
    rewind(*file);
    if (!gzip)
        return AF_OK;
    fclose(*file);
    int status = unpack(path, packed, &size);
    *file = status || !size ? NULL : fmemopen(*packed, size, "rb");
    if (!status && !*file)
        status = af_fail(AF_BAD_FILE, "%s: holds no picture", path);
    return status;
}

int picture_read(const char *path, int channels, struct picture *picture)
{
    FILE *f;
    char *packed;
    *picture = (struct picture){0};
    int status = open_picture(path, &f, &packed);
    if (status) {
        free(packed);
        return status;
    }
    unsigned char magic[8];
    size_t got = fread(magic, 1, sizeof magic, f);
    rewind(f);
    if (is_png(magic, got))
        status = picture_read_png(path, f, picture);
    else if (is_jpeg(magic, got))
        status = picture_read_jpeg(path, f, picture);
    else
        status = af_fail(AF_BAD_FILE, "%s: neither a PNG nor a JPEG file", path);
    fclose(f);
    free(packed);
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

int class_map_read(const char *path, struct class_map *map)
{
    *map = (struct class_map){0};
    FILE *f = fopen(path, "rb");
    if (!f)
        return af_fail(AF_IO, "%s: %s", path, strerror(errno));
    unsigned char magic[8];
    const size_t got = fread(magic, 1, sizeof magic, f);
    int status;
    rewind(f);
    if (is_png(magic, got))
        status = class_map_read_png(path, f, map);
    else if (is_jpeg(magic, got))
        status =
            af_fail(AF_BAD_FILE, "%s: a JPEG changes the numbers of classes; labels are PNG", path);
    else
        status = af_fail(AF_BAD_FILE, "%s: not a PNG file", path);
    fclose(f);
    if (status) {
        free(map->class_of);
        *map = (struct class_map){0};
    }
    return status;
}
