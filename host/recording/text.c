/* Text: a line an event, four numbers with blanks, commas or semicolons between them, t x y p
 * unless they show another order or a line of names says so; lines that begin with # are comments,
 * and a line of two numbers before the first event is the sensor's width and height.
 * https://rpg.ifi.uzh.ch/davis_data.html (events.txt: "timestamp x y polarity", seconds) */
#include "recording/columns.h"

#include "base/error.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_MOST = 256 };

struct text {
    struct recording base;
    struct columns columns;
    int64_t line;
};

static bool is_between(char c)
{
    return c == ' ' || c == '\t' || c == ',' || c == ';' || c == '\r';
}

/* A decimal number, whatever the locale; where it ends, or NULL. Exact where 53 bits hold its
 * digits. */
static const char *parse_number(const char *s, double *v)
{
    static const double power[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                   1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                   1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    const int power_most = sizeof power / sizeof *power - 1;
    const bool minus = *s == '-';
    uint64_t digits = 0;
    int count = 0, exponent = 0, point = 0;
    s += *s == '-' || *s == '+';
    for (; isdigit((unsigned char)*s) || (*s == '.' && !point); s++) {
        if (*s == '.') {
            point = 1;
            continue;
        }
        count++;
        if (digits > (UINT64_MAX - 9) / 10)
            exponent += !point; /* more than anyone needs */
        else
            digits = digits * 10 + (uint64_t)(*s - '0'), exponent -= point;
    }
    if (!count)
        return NULL;
    if (*s == 'e' || *s == 'E') {
        char *end;
        const long e = strtol(s + 1, &end, 10);
        if (end == s + 1 || e > 400 || e < -400)
            return NULL;
        exponent += (int)e;
        s = end;
    }
    for (; digits && digits % 10 == 0 && exponent < 0; exponent++)
        digits /= 10;
    double d = (double)digits;
    for (; exponent > power_most; exponent -= power_most)
        d *= power[power_most];
    for (; exponent < -power_most; exponent += power_most)
        d /= power[power_most];
    d = exponent < 0 ? d / power[-exponent] : d * power[exponent];
    *v = minus ? -d : d;
    return s;
}

/* The numbers of a line of `n` characters, -1 if it holds anything else; *point: which have a
 * decimal point. */
static int parse_numbers(const char *s, size_t n, double v[COLUMNS], unsigned *point)
{
    char line[LINE_MOST];
    int count = 0;
    if (n >= sizeof line)
        return -1;
    memcpy(line, s, n);
    line[n] = 0;
    *point = 0;
    for (const char *at = line;; count++) {
        while (is_between(*at))
            at++;
        if (!*at)
            return count;
        const char *end = count < COLUMNS ? parse_number(at, &v[count]) : NULL;
        if (!end || (*end && !is_between(*end)))
            return -1;
        *point |= memchr(at, '.', (size_t)(end - at)) ? 1u << count : 0;
        at = end;
    }
}

/* A line of names such as "t,x,y,p"; false if the four are not in it. */
static bool parse_names(const char *s, size_t n, int of[COLUMNS])
{
    char line[LINE_MOST];
    int found = 0, count = 0;
    if (n >= sizeof line)
        return false;
    memcpy(line, s, n);
    line[n] = 0;
    for (char *keep, *word = strtok_r(line, " \t,;\r\"#", &keep); word;
         word = strtok_r(NULL, " \t,;\r\"#", &keep), count++) {
        const int k = column_of_name(word);
        if (k < 0 || count == COLUMNS)
            return false;
        found |= 1 << k;
        of[k] = count;
    }
    return found == (1 << COLUMNS) - 1;
}

static bool is_blank(const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!is_between(s[i]))
            return false;
    return true;
}

/* The next line of the window, without its end; false if there is none. */
static bool next_line(const struct bytes *b, const char **line, size_t *length)
{
    const unsigned char *p = bytes_here(b), *end = memchr(p, '\n', bytes_left(b));
    *line = (const char *)p;
    *length = end ? (size_t)(end - p) : bytes_left(b);
    return bytes_left(b) > 0 && (end || b->ended);
}

static int take_line(struct text *r, const char *s, size_t n)
{
    double v[COLUMNS];
    unsigned point;
    struct columns *c = &r->columns;
    r->line++;
    if (s[0] == '#' || is_blank(s, n))
        return AF_OK;
    const int count = parse_numbers(s, n, v, &point);
    const bool first = !c->rows.count && !c->row;
    if (count == 2 && first && v[0] >= 1 && v[0] <= 1 << 16 && v[1] >= 1 && v[1] <= 1 << 16) {
        r->base.about.width = (int)v[0];
        r->base.about.height = (int)v[1];
        return AF_OK;
    }
    if (count < 0 && first && !c->known && parse_names(s, n, c->of)) {
        c->known = true;
        return AF_OK;
    }
    if (count != COLUMNS)
        return af_fail(AF_BAD_FILE, "%s: line %lld is no event of four numbers", r->base.name,
                       (long long)r->line);
    /* 5.000000 is no whole number of microseconds; where all have points, they say nothing. */
    if (first && c->time == TIME_GUESS && point && point != 15 && (c->known || point == 1))
        c->time = point == 1u << (c->known ? c->of[COLUMN_T] : 0) ? TIME_S : TIME_GUESS;
    for (int i = 0; i < COLUMNS; i++)
        c->rows.column[i].real[c->rows.count] = v[i];
    c->rows.count++;
    return AF_OK;
}

/* The last line may be without its end, and then it may also be without more than that. */
static int take_last(struct text *r, const char *s, size_t n)
{
    double v[COLUMNS];
    unsigned point;
    const bool event = parse_numbers(s, n, v, &point) == COLUMNS, first = !r->line;
    int status = event ? take_line(r, s, n) : AF_OK;
    if (event)
        return status ? status
                      : reader_note(&r->base, "the last line has no end; it may be cut off");
    if (s[0] == '#' || is_blank(s, n) || first)
        return take_line(r, s, n);
    r->base.cut = (int64_t)n;
    return AF_OK;
}

static int fill(struct recording *base)
{
    struct text *r = (struct text *)base;
    struct rows *rows = &r->columns.rows;
    struct bytes *b = &r->base.bytes;
    int status = AF_OK;
    rows->count = 0;
    while (!status && rows->count < COLUMN_ROWS) {
        const char *line;
        size_t n;
        if (rows->count && b->live && !memchr(bytes_here(b), '\n', bytes_left(b)))
            break;
        status = bytes_fill_line(b, LINE_MOST + 1);
        if (status || !bytes_left(b))
            break;
        if (!next_line(b, &line, &n))
            n = bytes_left(b); /* longer than a line may be: take_line refuses it */
        const bool last = n == bytes_left(b);
        status = last && b->ended ? take_last(r, line, n) : take_line(r, line, n);
        bytes_use(b, last ? n : n + 1);
    }
    return status;
}

static int next_text(struct recording *base, struct af_camera_event *out, int room, int *count)
{
    return columns_next(&((struct text *)base)->columns, out, room, count);
}

static const struct reader_ops text_ops = {.next = next_text};

/* Text throughout, and the first line that is no comment is one of ours. */
static bool is_text(const struct head *h)
{
    enum { MOST = 4096 };
    const char *s = (const char *)h->b;
    size_t at = 0, n = h->n < MOST ? h->n : MOST;
    for (size_t i = 0; i < n; i++)
        if ((h->b[i] < ' ' && !isspace(h->b[i])) || h->b[i] > '~')
            return false;
    while (at < n) {
        const char *end = memchr(s + at, '\n', n - at);
        const size_t length = end ? (size_t)(end - s) - at : n - at;
        double v[COLUMNS];
        unsigned point;
        int of[COLUMNS], count = -1;
        if (s[at] != '#' && !is_blank(s + at, length)) {
            count = parse_numbers(s + at, length, v, &point);
            return count == COLUMNS || count == 2 || parse_names(s + at, length, of);
        }
        at += length + 1;
    }
    return false;
}

static int open_text(struct recording **r, const char *path, struct bytes *bytes)
{
    struct text *made = reader_make(sizeof *made, &text_ops, path, bytes);
    *r = NULL;
    if (!made)
        return AF_NO_MEMORY;
    made->columns.reader = &made->base;
    made->columns.fill = fill;
    made->columns.text = true;
    for (int i = 0; i < COLUMNS; i++)
        made->columns.rows.is_float[i] = true;
    snprintf(made->base.about.format, sizeof made->base.about.format, "text");
    *r = &made->base;
    return AF_OK;
}

const struct format text_format = {is_text, open_text};
