#include "recording/prophesee.h"

#include "base/error.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SIDE_MOST = 1 << 16 };

static bool is_side(long v)
{
    return v > 0 && v <= SIDE_MOST;
}

/* "EVT3;height=720;width=1280" */
static void parse_format(const char *text, struct prophesee_header *h)
{
    static const struct {
        const char *name;
        int evt;
    } names[] = {{"EVT21", 21}, {"EVT2.1", 21}, {"EVT2", 20}, {"EVT3", 30}};
    for (size_t i = 0; i < sizeof names / sizeof *names && !h->evt; i++) {
        const size_t n = strlen(names[i].name);
        if (strncmp(text, names[i].name, n) == 0 && !strchr("0123456789", text[n] ? text[n] : ';'))
            h->evt = names[i].evt;
    }
    const char *width = strstr(text, "width="), *height = strstr(text, "height=");
    const long w = width ? strtol(width + 6, NULL, 10) : 0,
               l = height ? strtol(height + 7, NULL, 10) : 0;
    if (is_side(w) && is_side(l)) {
        h->width = (int)w;
        h->height = (int)l;
    }
    h->legacy |= strstr(text, "endianness=legacy") != NULL;
    h->big |= strstr(text, "endianness=big") != NULL;
}

/* Older headers name the plug-in alone; its sensor's size is that of its generation:
 * https://docs.prophesee.ai/stable/hw/sensors/index.html */
static void parse_plugin(const char *name, struct prophesee_header *h)
{
    static const struct {
        const char *part;
        int width, height;
    } sensors[] = {{"gen31", 640, 480},
                   {"gen3", 640, 480},
                   {"gen4", 1280, 720},
                   {"imx636", 1280, 720},
                   {"genx320", 320, 320}};
    for (size_t i = 0; i < sizeof sensors / sizeof *sensors && !h->width; i++)
        if (strstr(name, sensors[i].part)) {
            h->width = sensors[i].width;
            h->height = sensors[i].height;
        }
}

static void parse_line(const char *line, struct prophesee_header *h, char *plugin, size_t size)
{
    int w, l, major, minor;
    char text[120];
    if (sscanf(line, "evt %d.%d", &major, &minor) == 2 && major > 0 && major < 10 && minor >= 0 &&
        minor < 10)
        h->evt = 10 * major + minor;
    else if (sscanf(line, "format %119s", text) == 1)
        parse_format(text, h);
    else if (sscanf(line, "geometry %dx%d", &w, &l) == 2 && is_side(w) && is_side(l))
        h->width = w, h->height = l;
    else if (sscanf(line, "Width %d", &w) == 1 && is_side(w))
        h->width = w;
    else if (sscanf(line, "Height %d", &l) == 1 && is_side(l))
        h->height = l;
    else if (sscanf(line, "Version %d", &w) == 1)
        h->version = w;
    else if (sscanf(line, "plugin_name %119s", text) == 1)
        snprintf(plugin, size, "%s", text);
}

bool prophesee_parse(const unsigned char *b, size_t n, struct prophesee_header *h)
{
    size_t at = 0;
    char plugin[120] = "";
    *h = (struct prophesee_header){0};
    while (at + 1 < n && b[at] == '%' && b[at + 1] == ' ') {
        const unsigned char *end = memchr(b + at, '\n', n - at);
        if (!end)
            return false;
        char line[256];
        size_t length = (size_t)(end - (b + at)) - 2;
        length = length < sizeof line ? length : sizeof line - 1;
        memcpy(line, b + at + 2, length);
        line[length] = 0;
        at = (size_t)(end - b) + 1;
        if (strncmp(line, "end", 3) == 0 && (!line[3] || line[3] == '\r'))
            break;
        parse_line(line, h, plugin, sizeof plugin);
    }
    if (!h->width || !h->height) {
        h->width = h->height = 0;
        parse_plugin(plugin, h);
    }
    h->size = at;
    return at > 0;
}

int prophesee_open(struct recording **r, size_t size, const struct reader_ops *ops,
                   const char *format, int word, const char *path, struct bytes *bytes,
                   struct prophesee_header *h)
{
    *r = reader_make(size, ops, path, bytes);
    if (!*r)
        return AF_NO_MEMORY;
    struct bytes *b = &(*r)->bytes;
    if (!prophesee_parse(bytes_here(b), bytes_left(b), h))
        *h = (struct prophesee_header){0};
    bytes_use(b, h->size);
    snprintf((*r)->about.format, sizeof(*r)->about.format, "%s", format);
    (*r)->about.width = h->width;
    (*r)->about.height = h->height;
    (*r)->about.word = word;
    if (!h->big)
        return AF_OK;
    recording_close(*r);
    *r = NULL;
    return af_fail(AF_UNSUPPORTED, "%s: big-endian words are not read", path);
}

int64_t prophesee_time(int64_t before, uint32_t word)
{
    const int64_t turn = (int64_t)1 << 34, high = (int64_t)(word & 0x0fffffff) << 6;
    int64_t turns = before < 0 ? 0 : before / turn;
    if (before >= 0 && high < before % turn - turn / 2)
        turns++;
    return turns * turn + high;
}
