#include "live/screen.h"

#include <langinfo.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { COLUMNS_LEAST = 40, ROWS_LEAST = 12, SIDE = 34, BAR = 12 };
#define CSI "\033["

bool screen_style_of(int fd, struct screen_style *s)
{
    const char *term = getenv("TERM"), *no = getenv("NO_COLOR");
    struct winsize w;
    *s = (struct screen_style){.columns = 80, .rows = 24};
    if (!isatty(fd) || !term || !*term || strcmp(term, "dumb") == 0)
        return false;
    if (ioctl(fd, TIOCGWINSZ, &w) == 0 && w.ws_col && w.ws_row) {
        s->columns = w.ws_col;
        s->rows = w.ws_row;
    }
    s->colour = !no || !*no;
    s->unicode = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
    return s->columns >= COLUMNS_LEAST && s->rows >= ROWS_LEAST;
}

void screen_begin(FILE *f)
{
    fputs(CSI "?25l" CSI "2J", f);
}

void screen_end(FILE *f)
{
    fputs(CSI "?25h\n", f);
}

/* ---- The picture ----------------------------------------------------------------------------- */

struct pixel {
    int level[2];
    int mark;   /* a colour of xterm: of a box's edge, or of a map's class; 0: that of its events */
    bool shade; /* of a map, where there is no event */
};

/* Classes 0, 1, ... as colours that differ from their neighbours. */
static int class_colour(int label)
{
    static const int colour[] = {46, 226, 51, 201, 208, 118, 99, 214, 45, 198, 190, 39};
    return colour[label % (int)(sizeof colour / sizeof *colour)];
}

static int class_shade(int label)
{
    static const int shade[] = {22, 58, 23, 53, 94, 28, 54, 130, 24, 89, 64, 18};
    return shade[label % (int)(sizeof shade / sizeof *shade)];
}

/* Whether an edge of the box goes through the pixels x0 .. x1 - 1, y0 .. y1 - 1. */
static bool on_edge(const struct af_box *b, int x0, int y0, int x1, int y1)
{
    const int left = (int)lroundf(b->x1), right = (int)lroundf(b->x2) - 1,
              top = (int)lroundf(b->y1), bottom = (int)lroundf(b->y2) - 1;
    const bool across = left < x1 && right >= x0, down = top < y1 && bottom >= y0;
    return across && down &&
           ((left >= x0 && left < x1) || (right >= x0 && right < x1) || (top >= y0 && top < y1) ||
            (bottom >= y0 && bottom < y1));
}

/* The largest of the look's pixels that pixel (x, y) of width x height stands for. */
static struct pixel pixel_at(const struct look *l, int x, int y, int width, int height)
{
    struct pixel p = {0};
    const int x0 = x * l->width / width, y0 = y * l->height / height;
    int x1 = (x + 1) * l->width / width, y1 = (y + 1) * l->height / height;
    x1 = x1 > x0 ? x1 : x0 + 1;
    y1 = y1 > y0 ? y1 : y0 + 1;
    for (int j = y0; j < y1; j++)
        for (int i = x0; i < x1; i++)
            for (int c = 0; c < 2; c++) {
                const int level = l->level[c][j * l->width + i];
                p.level[c] = level > p.level[c] ? level : p.level[c];
            }
    if (l->kind == AF_SEGMENT) {
        const int label = l->class_of[y0 * l->width + x0];
        p.shade = !p.level[0] && !p.level[1];
        p.mark = p.shade ? class_shade(label) : class_colour(label);
    }
    for (int64_t i = 0; l->kind == AF_DETECT && i < l->box_count && i < LOOK_BOXES; i++)
        if (on_edge(&l->box[i], x0, y0, x1, y1))
            p.mark = class_colour(l->box[i].label);
    return p;
}

/* Of the 6 x 6 x 6 colours of xterm: channel 0 reddish, channel 1 bluish, none black. */
static int colour_of(struct pixel p)
{
    static const int step[LOOK_LEVELS] = {0, 2, 2, 3, 3, 4, 5, 5};
    const int red = step[p.level[0]], blue = step[p.level[1]], green = (red + 2 * blue) / 4;
    if (p.mark)
        return p.mark;
    return p.level[0] || p.level[1] ? 16 + 36 * red + 6 * green + blue : 16;
}

/* Without colours shades cannot be told from events: those of a map are left out. */
static int is_lit(struct pixel p)
{
    return p.level[0] || p.level[1] || (p.mark && !p.shade);
}

static void put_cell(FILE *f, const struct screen_style *s, struct pixel upper, struct pixel lower)
{
    static const char *const blocks[2][4] = {{" ", "'", ".", ":"},
                                             {" ", "\u2580", "\u2584", "\u2588"}};
    const int lit = is_lit(upper) | is_lit(lower) << 1;
    if (s->colour && s->unicode)
        fprintf(f, CSI "38;5;%d;48;5;%dm\u2580", colour_of(upper), colour_of(lower));
    else
        fputs(blocks[s->unicode][lit], f);
}

/* ---- Beside it ------------------------------------------------------------------------------- */

/* Text of so many columns at the most; names may be in UTF-8. Control characters are left out. */
static void put_text(FILE *f, int columns, const char *format, ...)
{
    char text[400];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    int used = 0;
    for (const char *p = text; *p; p++) {
        const unsigned char c = (unsigned char)*p;
        if (c < ' ' || c == 127)
            continue;
        const bool begins = (c & 0xc0) != 0x80;
        if (begins && used == columns)
            break;
        used += begins;
        fputc(c, f);
    }
}

static void put_bar(FILE *f, const struct screen_style *s, double share, int colour)
{
    const int full = (int)lround(fmin(fmax(share, 0), 1) * BAR);
    if (s->colour)
        fprintf(f, CSI "38;5;%dm", colour);
    for (int i = 0; i < BAR; i++)
        fputs(i < full ? (s->unicode ? "\u2588" : "#") : s->unicode ? "\u00b7" : ".", f);
    if (s->colour)
        fputs(CSI "0m", f);
    fputc(' ', f);
}

static void put_answer(FILE *f, const struct look *l, const struct screen_style *s, int k)
{
    char name[200];
    if (k >= l->best_count)
        return;
    put_bar(f, s, l->best[k].probability, k ? 245 : 82);
    if (!k && s->colour)
        fputs(CSI "1m", f);
    put_text(f, SIDE - BAR - 2, "%3.0f %% %s", 100 * l->best[k].probability,
             look_class(l, l->best[k].label, name, sizeof name));
    if (!k && s->colour)
        fputs(CSI "0m", f);
}

/* Spikes of a population as a share of its neurons a timestep. */
static void put_population(FILE *f, const struct look *l, const struct screen_style *s, int i)
{
    const struct look_population *p = &l->population[i];
    const double share = (double)p->events / (double)p->neurons / l->timesteps;
    put_bar(f, s, share, 214);
    put_text(f, SIDE - BAR - 2, "%4.1f %% %s", 100 * share, p->name);
}

/* Line `row` of what stands beside the picture. */
static void put_side(FILE *f, const struct look *l, const struct screen_style *s, int row)
{
    const struct live_state *state = &l->state;
    const bool millions = state->events_a_second >= 1e6;
    const int fixed = 9;
    switch (row) {
    case 0:
    case 1:
    case 2: put_answer(f, l, s, row); return;
    case 3: {
        char text[200];
        if (l->kind == AF_DETECT || l->kind == AF_VALUES)
            put_text(f, SIDE, "%s", look_answer(l, text, sizeof text));
        return;
    }
    case 4:
        put_text(f, SIDE, "%.*f %c events/s, %.0f decisions/s", millions ? 2 : 1,
                 state->events_a_second / (millions ? 1e6 : 1e3), millions ? 'M' : 'k',
                 state->decisions_a_second);
        return;
    case 5:
        put_text(f, SIDE, "latency %.2f ms, %d of %d steps", 1e3 * l->latency, l->timesteps,
                 l->model->timesteps);
        return;
    case 6:
        put_text(f, SIDE, "window %lld: %lld events", (long long)l->number, (long long)l->events);
        return;
    case 7:
        put_text(f, SIDE, "%lld dropped, %lld late, lost %lld x", (long long)state->dropped,
                 (long long)state->windows.late, (long long)state->losses);
        return;
    default: break;
    }
    int at = fixed;
    for (int i = 0; i < l->populations; i++)
        if (l->population[i].kind != AF_OUTPUT && at++ == row)
            put_population(f, l, s, i);
}

void screen_draw(FILE *f, const struct look *l, const char *title, const struct screen_style *s)
{
    /* The widest picture of the look's shape beside the texts and under the title. */
    const int room = s->columns - SIDE - 2, rows = s->rows - 2;
    int width = room, height = width * l->height / l->width;
    if (height > 2 * rows) {
        height = 2 * rows;
        width = height * l->width / l->height;
    }
    width = width < 1 ? 1 : width;
    height = height < 1 ? 1 : height;
    fputs(CSI "H", f);
    put_text(f, s->columns, "%s", title);
    fputs(CSI "K\n", f);
    for (int row = 0; row < rows; row++) {
        const int y = 2 * row;
        for (int x = 0; x < width && y < height; x++) {
            const struct pixel none = {0};
            put_cell(f, s, pixel_at(l, x, y, width, height),
                     y + 1 < height ? pixel_at(l, x, y + 1, width, height) : none);
        }
        if (s->colour)
            fputs(CSI "0m", f);
        fprintf(f, CSI "%dG", width + 2);
        put_side(f, l, s, row);
        fputs(CSI "K\n", f);
    }
    fputs(CSI "J", f);
    fflush(f);
}
