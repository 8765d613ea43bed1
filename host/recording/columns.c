#include "recording/columns.h"

#include "base/error.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* No time may be further from 0, so that differences fit. */
#define TIME_MOST ((int64_t)1 << 61)

static const char *const words[COLUMNS] = {"x", "y", "polarity", "time"};

int column_of_name(const char *name)
{
    static const char *const names[COLUMNS][8] = {
        {"x", "xs", "x_coordinate", "col"},
        {"y", "ys", "y_coordinate", "row"},
        {"p", "ps", "pol", "polarity", "polarities", "on", "is_on"},
        {"t", "ts", "time", "times", "timestamp", "timestamps", "t_us", "time_us"},
    };
    for (int i = 0; i < COLUMNS; i++)
        for (size_t k = 0; k < sizeof names[i] / sizeof *names[i] && names[i][k]; k++)
            if (strcasecmp(name, names[i][k]) == 0)
                return i;
    return -1;
}

static double value(const struct rows *rows, int column, int row)
{
    return rows->is_float[column] ? rows->column[column].real[row]
                                  : (double)rows->column[column].whole[row];
}

static bool is_coordinate(double v)
{
    return v >= 0 && v <= UINT16_MAX && v == floor(v);
}

static bool fits(const struct rows *rows, const int of[COLUMNS])
{
    double last = -INFINITY;
    bool minus = false, zero = false;
    for (int i = 0; i < rows->count; i++) {
        const double p = value(rows, of[COLUMN_P], i), t = value(rows, of[COLUMN_T], i);
        if (!is_coordinate(value(rows, of[COLUMN_X], i)) ||
            !is_coordinate(value(rows, of[COLUMN_Y], i)) || (p != 0 && p != 1 && p != -1) ||
            !(t >= last))
            return false;
        minus |= p == -1;
        zero |= p == 0;
        last = t;
    }
    return !(minus && zero);
}

static bool has_fractions(const struct rows *rows, int column)
{
    for (int i = 0; rows->is_float[column] && i < rows->count; i++)
        if (rows->column[column].real[i] != floor(rows->column[column].real[i]))
            return true;
    return false;
}

/* Finds out what is not known, by the first rows. */
static int settle(struct columns *c)
{
    const struct rows *rows = &c->rows;
    /* Where x, y, p and t are. */
    static const int orders[][COLUMNS] = {{0, 1, 2, 3}, {1, 2, 3, 0}, {0, 1, 3, 2}, {2, 3, 1, 0}};
    static const int turns[2][4] = {{0, 1, 2, 3}, {1, 0, 2, 3}};
    if (!c->known) {
        int found = turns[c->text][0]; /* whose faults are told if none fits */
        /* The first rows of a live source are too few to tell. */
        for (int i = c->reader->bytes.live ? 0 : 3; i >= 0; i--)
            if (fits(rows, orders[turns[c->text][i]]))
                found = turns[c->text][i];
        memcpy(c->of, orders[found], sizeof c->of);
        c->known = true;
        char *format = c->reader->about.format;
        const size_t at = strlen(format), size = sizeof c->reader->about.format;
        const char *letters[COLUMNS];
        for (int i = 0; i < COLUMNS; i++)
            letters[c->of[i]] = (const char *const[]){"x", "y", "p", "t"}[i];
        snprintf(format + at, size - at, ", columns %s, %s, %s, %s", letters[0], letters[1],
                 letters[2], letters[3]);
    }
    if (c->time != TIME_GUESS)
        return AF_OK;
    c->time = has_fractions(rows, c->of[COLUMN_T]) ? TIME_S : TIME_US;
    return c->time == TIME_S ? reader_note(c->reader, "times have fractions: they are seconds")
                             : AF_OK;
}

static int refuse(const struct columns *c, const struct rows *rows, int i, int row, const char *why)
{
    const int column = c->of[i];
    char text[40];
    if (rows->is_float[column])
        snprintf(text, sizeof text, "%.17g", rows->column[column].real[row]);
    else
        snprintf(text, sizeof text, "%lld", (long long)rows->column[column].whole[row]);
    return af_fail(AF_BAD_FILE, "%s: event %lld has the %s %s, %s", c->reader->name,
                   (long long)c->row, words[i], text, why);
}

/* A column's number as a whole one within bounds. */
static int take_whole(const struct columns *c, const struct rows *rows, int i, int row,
                      int64_t least, int64_t most, int64_t *v)
{
    const int column = c->of[i];
    if (rows->is_float[column]) {
        const double real = rows->column[column].real[row];
        if (!(real >= (double)least && real <= (double)most))
            return refuse(c, rows, i, row, "which is out of range");
        if (real != floor(real))
            return refuse(c, rows, i, row, "which is no whole number");
        *v = (int64_t)real;
    } else {
        *v = rows->column[column].whole[row];
        if (*v < least || *v > most)
            return refuse(c, rows, i, row, "which is out of range");
    }
    return AF_OK;
}

static int take_time(const struct columns *c, const struct rows *rows, int row, int64_t *t)
{
    const int column = c->of[COLUMN_T];
    if (c->time != TIME_S)
        return take_whole(c, rows, COLUMN_T, row, 0, TIME_MOST, t);
    const double s = rows->is_float[column] ? rows->column[column].real[row]
                                            : (double)rows->column[column].whole[row];
    if (!(s >= 0 && s * 1e6 <= (double)TIME_MOST))
        return refuse(c, rows, COLUMN_T, row, "which is out of range");
    *t = llround(s * 1e6);
    return AF_OK;
}

static int take_polarity(struct columns *c, const struct rows *rows, int row, uint16_t *p)
{
    int64_t v;
    int status = take_whole(c, rows, COLUMN_P, row, -1, UINT16_MAX, &v);
    if (status)
        return status;
    c->minus |= v == -1;
    c->zero |= v == 0;
    if (c->minus && v != -1 && v != 1)
        return refuse(c, rows, COLUMN_P, row, "where others have -1");
    if (v == -1 && c->zero)
        return refuse(c, rows, COLUMN_P, row, "where others have 0");
    *p = v < 0 ? 0 : (uint16_t)v;
    return AF_OK;
}

static int convert(struct columns *c, int row, struct af_camera_event *e)
{
    const struct rows *rows = &c->rows;
    int64_t x = 0, y = 0, t = 0;
    int status = take_whole(c, rows, COLUMN_X, row, 0, UINT16_MAX, &x);
    if (!status)
        status = take_whole(c, rows, COLUMN_Y, row, 0, UINT16_MAX, &y);
    if (!status)
        status = take_polarity(c, rows, row, &e->polarity);
    if (!status)
        status = take_time(c, rows, row, &t);
    e->x = (uint16_t)x;
    e->y = (uint16_t)y;
    e->t = t + c->t_offset;
    return status;
}

/* Sees that there are rows to give, unless it is the end. */
static int see_to_rows(struct columns *c)
{
    if (c->at < c->rows.count)
        return AF_OK;
    c->at = 0;
    int status = c->fill(c->reader);
    return status || !c->rows.count ? status : settle(c);
}

int columns_next(struct columns *c, struct af_camera_event *events, int room, int *count)
{
    int n = 0;
    for (; n < room; n++, c->at++, c->row++) {
        if (c->at == c->rows.count && !reader_waits(c->reader, n))
            break;
        int status = see_to_rows(c);
        if (status)
            return status;
        if (!c->rows.count)
            break;
        status = convert(c, c->at, &events[n]);
        if (status)
            return status;
    }
    *count = n;
    return AF_OK;
}

int columns_skip(struct columns *c, int64_t rows)
{
    while (rows > 0) {
        int status = see_to_rows(c);
        const int here = c->rows.count - c->at, part = rows < here ? (int)rows : here;
        if (status || !part)
            return status;
        c->at += part;
        c->row += part;
        rows -= part;
    }
    return AF_OK;
}
