#include "input/counting.h"

#include "base/error.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SIDE_MOST = 1 << 16, WORDS_MOST = 512 };

/* ---- Words ----------------------------------------------------------------------------------- */

static bool whole_of(const char *text, long most, long *v)
{
    char *end;
    errno = 0;
    *v = text ? strtol(text, &end, 10) : 0;
    return text && !errno && end != text && !*end && *v >= 1 && *v <= most;
}

static bool real_of(const char *text, double most, double *v)
{
    char *end;
    *v = text ? strtod(text, &end) : 0;
    return text && end != text && !*end && *v > 0 && *v <= most;
}

static bool time_of(const char *text, int64_t *us)
{
    double ms;
    const bool good = real_of(text, 1e9, &ms);
    *us = good ? llround(1e3 * ms) : 0;
    return good && *us > 0;
}

static bool size_of(const char *text, int size[2])
{
    int used = 0;
    return text && sscanf(text, "%dx%d%n", &size[0], &size[1], &used) == 2 && !text[used] &&
           size[0] > 0 && size[0] <= SIDE_MOST && size[1] > 0 && size[1] <= SIDE_MOST;
}

static bool axis_of(const char *text, bool flip[2])
{
    const bool good = text && (strcmp(text, "x") == 0 || strcmp(text, "y") == 0);
    if (good)
        flip[text[0] == 'y'] = true;
    return good;
}

/* Takes a word and what belongs to it, from *next on; false if that is wrong. */
static bool take_word(const char *word, char **keep, struct counting *c)
{
    struct flag {
        const char *word;
        bool *flag;
    } flags[] = {{"fit", &c->fit},   {"crop", &c->crop}, {"merge", &c->merge},
                 {"swap", &c->swap}, {"all", &c->all},   {"even", &c->even}};
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
        if (strcmp(word, flags[i].word) == 0)
            return *flags[i].flag = true;
    const char *what = strtok_r(NULL, " ", keep);
    long whole = 0;
    bool good = false;
    if (strcmp(word, "sensor") == 0)
        good = size_of(what, c->sensor);
    else if (strcmp(word, "hot") == 0)
        good = real_of(what, 1e9, &c->hot);
    else if (strcmp(word, "background") == 0)
        good = time_of(what, &c->background);
    else if (strcmp(word, "window") == 0)
        good = time_of(what, &c->window);
    else if (strcmp(word, "flip") == 0)
        good = axis_of(what, c->flip);
    else if (strcmp(word, "count") == 0 && (good = whole_of(what, INT_MAX, &whole)))
        c->count = whole;
    else if (strcmp(word, "downsample") == 0 && (good = whole_of(what, SIDE_MOST, &whole)))
        c->downsample = (int)whole;
    return good;
}

int counting_parse(const char *name, const char *words, struct counting *c)
{
    char text[WORDS_MOST];
    *c = (struct counting){0};
    if (strlen(words) >= sizeof text)
        return af_fail(AF_BAD_ARGUMENT, "%s: too many words", name);
    strcpy(text, words);
    char *keep, *word = strtok_r(text, " ", &keep);
    for (; word; word = strtok_r(NULL, " ", &keep))
        if (!take_word(word, &keep, c))
            return af_fail(
                AF_BAD_ARGUMENT,
                "%s: '%s' is no way to count events, or lacks what belongs to it: sensor "
                "WxH, hot HZ, background MS, flip x, flip y, downsample K, fit, crop, "
                "merge, swap, window MS, count N, all, even",
                name, word);
    if (!!c->window + !!c->count + c->all + c->even > 1)
        return af_fail(AF_BAD_ARGUMENT,
                       "%s: frames are of one kind: of a window, of a count, all or even", name);
    if (c->merge && c->swap)
        return af_fail(AF_BAD_ARGUMENT, "%s: merged polarities cannot be swapped", name);
    return AF_OK;
}

/* ---- Events ---------------------------------------------------------------------------------- */

/* Leaves out events of pixels with more than c->hot a second. */
static int without_hot(const struct counting *c, const struct sample *s, struct af_camera_event *e,
                       int64_t *n, int width, int height)
{
    int64_t first = INT64_MAX, last = INT64_MIN, kept = 0;
    int32_t *sent = calloc((size_t)width * (size_t)height, sizeof *sent);
    if (!sent)
        return af_fail(AF_NO_MEMORY, "%s: no memory for pixels", s->name);
    for (int64_t i = 0; i < *n; i++) {
        first = e[i].t < first ? e[i].t : first;
        last = e[i].t > last ? e[i].t : last;
        sent[(int64_t)e[i].y * width + e[i].x]++;
    }
    const double most = c->hot * 1e-6 * ((double)last - (double)first + 1);
    for (int64_t i = 0; i < *n; i++)
        if (sent[(int64_t)e[i].y * width + e[i].x] <= most)
            e[kept++] = e[i];
    free(sent);
    *n = kept;
    return AF_OK;
}

/* Leaves out events without company: none of the pixels around had one so shortly before. */
static int without_background(const struct counting *c, const struct sample *s,
                              struct af_camera_event *e, int64_t *n, int width, int height)
{
    /* A border all round, where nothing ever happens. */
    const int64_t row = width + 2, pixels = row * (height + 2);
    int64_t kept = 0, *last = malloc((size_t)pixels * sizeof *last);
    if (!last)
        return af_fail(AF_NO_MEMORY, "%s: no memory for pixels", s->name);
    for (int64_t i = 0; i < pixels; i++)
        last[i] = INT64_MIN;
    for (int64_t i = 0; i < *n; i++) {
        const int64_t at = (e[i].y + 1) * row + e[i].x + 1;
        const int64_t since = e[i].t - c->background;
        const bool company = last[at - 1] > since || last[at + 1] > since ||
                             last[at - row] > since || last[at + row] > since;
        last[at] = e[i].t;
        if (company)
            e[kept++] = e[i];
    }
    free(last);
    *n = kept;
    return AF_OK;
}

/* Where columns (axis 0) or rows (axis 1) of the sensor are in the network's input; -1: nowhere. */
static void find_places(const struct counting *c, const struct input_spec *spec, int axis, int size,
                        int all, int32_t *place)
{
    const int by = c->downsample ? c->downsample : 1, coarse = (size + by - 1) / by,
              wanted = axis ? spec->height : spec->width, before = (coarse - wanted) / 2;
    for (int i = 0; i < all; i++) {
        int v = (c->flip[axis] ? size - 1 - i : i) / by;
        if (c->fit)
            v = (int)((int64_t)v * wanted / coarse);
        if (c->crop)
            v -= before;
        place[i] = c->crop && (v < 0 || v >= wanted) ? -1 : v;
    }
}

/* To their places; what a crop leaves outside goes. `width` and `height`: of the sensor, SIDE_MOST
 * where nobody asks. */
static int move(const struct counting *c, const struct sample *s, const struct input_spec *spec,
                struct af_camera_event *e, int64_t *n, int width, int height)
{
    const bool merge = c->merge || spec->channels == 1;
    int columns = 0, rows = 0;
    int64_t kept = 0;
    for (int64_t i = 0; i < *n; i++) {
        columns = e[i].x >= columns ? e[i].x + 1 : columns;
        rows = e[i].y >= rows ? e[i].y + 1 : rows;
    }
    int32_t *place = malloc((size_t)(columns + rows + 1) * sizeof *place);
    if (!place)
        return af_fail(AF_NO_MEMORY, "%s: no memory for places", s->name);
    find_places(c, spec, 0, width, columns, place);
    find_places(c, spec, 1, height, rows, place + columns);
    for (int64_t i = 0; i < *n; i++) {
        const int32_t x = place[e[i].x], y = place[columns + e[i].y];
        if ((x | y) < 0)
            continue;
        const int p = merge ? 0 : c->swap ? !e[i].polarity : e[i].polarity;
        e[kept++] = (struct af_camera_event){(uint16_t)x, (uint16_t)y, (uint16_t)p, e[i].t};
    }
    free(place);
    *n = kept;
    return AF_OK;
}

static float place_of(const struct counting *c, const struct input_spec *spec, int axis, int size,
                      float at)
{
    const int by = c->downsample ? c->downsample : 1, coarse = (size + by - 1) / by,
              wanted = axis ? spec->height : spec->width, before = (coarse - wanted) / 2;
    float v = (c->flip[axis] ? (float)size - at : at) / (float)by;
    if (c->fit)
        v = v * (float)wanted / (float)coarse;
    return c->crop ? v - (float)before : v;
}

static bool needs_size(const struct counting *c)
{
    return c->hot > 0 || c->background || c->flip[0] || c->flip[1] || c->fit || c->crop;
}

static void sensor_of(const struct counting *c, const int said[2], int size[2])
{
    for (int i = 0; i < 2; i++)
        size[i] = c->sensor[i] ? c->sensor[i] : said[i];
}

static int fail_without_size(const char *name)
{
    return af_fail(AF_BAD_FILE,
                   "%s: does not say how large the sensor is, which counting its events needs: "
                   "convert with 'sensor WxH'",
                   name);
}

int counting_box(const struct counting *c, const struct input_spec *spec, const char *name,
                 const int sensor[2], struct af_box *box)
{
    int size[2];
    sensor_of(c, sensor, size);
    if (needs_size(c) && (!size[0] || !size[1]))
        return fail_without_size(name);
    const float x[2] = {place_of(c, spec, 0, size[0], box->x1),
                        place_of(c, spec, 0, size[0], box->x2)},
                y[2] = {place_of(c, spec, 1, size[1], box->y1),
                        place_of(c, spec, 1, size[1], box->y2)};
    box->x1 = fminf(x[0], x[1]);
    box->x2 = fmaxf(x[0], x[1]);
    box->y1 = fminf(y[0], y[1]);
    box->y2 = fmaxf(y[0], y[1]);
    return AF_OK;
}

static int check_inside(const struct sample *s, int width, int height)
{
    for (int64_t i = 0; i < s->event_count; i++)
        if (s->events[i].x >= width || s->events[i].y >= height)
            return af_fail(AF_BAD_FILE,
                           "%s: event %lld (x %d, y %d) is outside the sensor of %dx%d", s->name,
                           (long long)i, s->events[i].x, s->events[i].y, width, height);
    return AF_OK;
}

int counting_apply(const struct counting *c, const struct sample *s, const struct input_spec *spec,
                   struct af_camera_event **kept, int64_t *count)
{
    int size[2];
    sensor_of(c, s->sensor, size);
    const int width = size[0], height = size[1];
    const bool sized = needs_size(c);
    *kept = NULL;
    *count = s->event_count;
    if (!sized && !c->downsample && !c->merge && !c->swap && spec->channels > 1)
        return AF_OK;
    if (sized && (!width || !height))
        return fail_without_size(s->name);
    int status = sized ? check_inside(s, width, height) : AF_OK;
    if (status)
        return status;
    struct af_camera_event *e = malloc((size_t)(s->event_count + 1) * sizeof *e);
    if (!e)
        return af_fail(AF_NO_MEMORY, "%s: no memory for events", s->name);
    if (s->event_count)
        memcpy(e, s->events, (size_t)s->event_count * sizeof *e);
    if (c->hot > 0)
        status = without_hot(c, s, e, count, width, height);
    if (!status && c->background)
        status = without_background(c, s, e, count, width, height);
    if (!status)
        status = move(c, s, spec, e, count, sized ? width : SIDE_MOST, sized ? height : SIDE_MOST);
    if (status) {
        free(e);
        return status;
    }
    *kept = e;
    return AF_OK;
}
