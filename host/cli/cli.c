#include "cli/cli.h"

#include "adafire.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "base/suggest.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static const char *program = "adafire";
static bool is_quiet;
static FILE *output; /* NULL: standard output */

static void stop(int signal_number)
{
    file_abandon_all();
    signal(signal_number, SIG_DFL);
    raise(signal_number);
}

void cli_begin(const char *name)
{
    static const int ending[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGXFSZ};
    program = name;
    for (size_t i = 0; i < sizeof ending / sizeof *ending; i++) {
        struct sigaction before, mine = {.sa_handler = stop};
        sigemptyset(&mine.sa_mask);
        if (sigaction(ending[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN)
            sigaction(ending[i], &mine, NULL);
    }
}

int cli_end(int status)
{
    FILE *out = cli_output();
    if (fflush(out) || ferror(out)) {
        const int code = errno;
        return cli_fail("standard output cannot be written: %s", strerror(code));
    }
    return status;
}

void cli_quiet(bool quiet)
{
    is_quiet = quiet;
}

int cli_fail(const char *format, ...)
{
    va_list args;
    cli_progress(NULL, 0);
    fprintf(stderr, "%s: ", program);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fprintf(stderr, "\n");
    return EXIT_ERROR;
}

int cli_fail_af(void)
{
    return cli_fail("%s", af_error());
}

FILE *cli_output(void)
{
    return output ? output : stdout;
}

void cli_guard_output(void)
{
    int copy = dup(STDOUT_FILENO);
    FILE *guarded = copy >= 0 ? fdopen(copy, "w") : NULL;
    if (guarded && dup2(STDERR_FILENO, STDOUT_FILENO) >= 0)
        output = guarded;
}

int cli_check_outputs(const char *const *outputs, int output_count, const char *const *inputs,
                      int input_count)
{
    for (int i = 0; i < output_count; i++) {
        if (!outputs[i])
            continue;
        for (int k = 0; k < i; k++)
            if (outputs[k] && strcmp(outputs[k], outputs[i]) == 0 &&
                strncmp(outputs[i], "/dev/", 5) != 0)
                return cli_fail("%s is named for two outputs", outputs[i]);
        if (file_check_output(outputs[i], inputs, input_count))
            return cli_fail_af();
    }
    return 0;
}

int cli_usage(void)
{
    fprintf(stderr, "Try '%s --help'.\n", program);
    return EXIT_ERROR;
}

static const char *option_at(const void *of, int i)
{
    return ((const struct option *)of)[i].name;
}

int cli_unknown(const struct option *options, const char *word)
{
    char name[64] = "";
    if (word && strncmp(word, "--", 2) == 0)
        snprintf(name, sizeof name, "%.*s", (int)strcspn(word + 2, "=") % 63, word + 2);
    const char *near = suggest(name, option_at, options);
    if (!near || strcmp(near, name) == 0) /* known, but not as it was given */
        return cli_usage();
    fprintf(stderr, "Did you mean --%s? Try '%s --help'.\n", near, program);
    return EXIT_ERROR;
}

/* ---- Numbers ------------------------------------------------------------------------------- */

int cli_int(const char *option, const char *text, long least, long most, int *value)
{
    char *end;
    errno = 0;
    long v = strtol(text, &end, 10);
    if (errno || end == text || *end || v < least || v > most)
        return cli_fail("%s must be a whole number from %ld to %ld, not '%s'", option, least, most,
                        text);
    *value = (int)v;
    return 0;
}

static bool read_number(const char *text, char **end, double *v)
{
    *v = strtod(text, end);
    /* A quotient such as 1/255 is how people know their scale. */
    if (*end != text && **end == '/') {
        const char *below = *end + 1;
        double d = strtod(below, end);
        if (*end == below || d == 0)
            return false;
        *v /= d;
    }
    return *end != text && isfinite(*v);
}

int cli_double(const char *option, const char *text, double least, double most, double *value)
{
    char *end;
    if (!read_number(text, &end, value) || *end || *value < least || *value > most)
        return cli_fail("%s must be a number from %g to %g, not '%s'", option, least, most, text);
    return 0;
}

int cli_floats(const char *option, const char *text, float *values, int most, int *count)
{
    *count = 0;
    for (const char *at = text;;) {
        char *end;
        double v;
        if (*count == most || !read_number(at, &end, &v) || (*end && *end != ','))
            return cli_fail("%s must be up to %d numbers with commas between, not '%s'", option,
                            most, text);
        values[(*count)++] = (float)v;
        if (!*end)
            return 0;
        at = end + 1;
    }
}

/* ---- Terminals ------------------------------------------------------------------------------- */

/* Columns of a terminal; 0: it is none. */
static int width_of(FILE *to)
{
    struct winsize size;
    if (!isatty(fileno(to)))
        return 0;
    if (ioctl(fileno(to), TIOCGWINSZ, &size) || size.ws_col == 0)
        return 80;
    return size.ws_col;
}

int cli_columns(FILE *to)
{
    const int width = width_of(to);
    return width ? width : INT_MAX;
}

const char *cli_name(const char *name, int width, char text[64])
{
    const int length = (int)strlen(name), room = width < 63 ? width : 63;
    if (length <= room)
        snprintf(text, 64, "%s", name);
    else
        snprintf(text, 64, "..%s", name + length - (room > 2 ? room - 2 : 0));
    return text;
}

void cli_wrapped(FILE *to, int indent, const char *text)
{
    const int width = width_of(to), room = width - indent > 10 ? width - indent : INT_MAX;
    while ((int)strlen(text) > room) {
        int at = room;
        while (at > 0 && text[at] != ' ')
            at--;
        if (at == 0) /* a word that is longer */
            break;
        fprintf(to, "%.*s\n%*s", at, text, indent, "");
        text += at + 1;
    }
    fprintf(to, "%s\n", text);
}

/* ---- Progress ------------------------------------------------------------------------------ */

static struct {
    pthread_mutex_t lock;
    char phase[64], note[48];
    double fraction, begin, drawn, count;
} bar = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* As much as the terminal has room for: the phase and its share first, then the time left, the bar,
 * the note. */
static void draw(double now)
{
    enum { LENGTH = 30, NAME = 36 };
    char line[256], cells[LENGTH + 1] = "", left[32] = "";
    if (now - bar.drawn < 0.1)
        return;
    bar.drawn = now;
    const int width = width_of(stderr) - 1; /* some terminals go on behind the last column */
    if (bar.fraction > 0)
        snprintf(left, sizeof left, "  %.0f s left",
                 (now - bar.begin) / bar.fraction * (1 - bar.fraction));
    const int room = width - 6 - (int)strlen(left), name = room < NAME ? room > 0 ? room : 0 : NAME;
    const int bars = room - name - 3 < LENGTH ? room - name - 3 : LENGTH;
    if (bars >= 8) {
        memset(cells, '.', LENGTH);
        memset(cells, '#', (size_t)fmin(fmax(bar.fraction, 0) * bars, bars));
        cells[bars] = 0;
        snprintf(line, sizeof line, "%-*.*s [%s] %3.0f %%%s", name, name, bar.phase, cells,
                 bar.fraction * 100, left);
    } else {
        snprintf(line, sizeof line, "%-*.*s %3.0f %%%s", name, name, bar.phase, bar.fraction * 100,
                 left);
    }
    const size_t used = strlen(line);
    if (*bar.note && (int)(used + 2 + strlen(bar.note)) <= width)
        snprintf(line + used, sizeof line - used, "  %s", bar.note);
    fprintf(stderr, "\r\033[K%.*s", width, line);
}

/* What a phase took, within `width` columns, 0: any. */
static void end_phase(int width, double taken)
{
    char line[160];
    const int room = width && width < 46 ? width > 10 ? width - 10 : 0 : 36;
    int used =
        snprintf(line, sizeof line, "%-*.*s %6.1f s", room, width ? room : 63, bar.phase, taken);
    if (*bar.note && (!width || used + 2 + (int)strlen(bar.note) <= width))
        snprintf(line + used, sizeof line - (size_t)used, "  %s", bar.note);
    fprintf(stderr, "%s\n", line);
}

/* Ends the phase before, if it was another. */
static void change_phase(const char *phase, bool terminal, double now)
{
    if (strncmp(phase, bar.phase, sizeof bar.phase - 1) == 0)
        return;
    if (*bar.phase && terminal)
        fprintf(stderr, "\r\033[K");
    if (*bar.phase && (terminal || now - bar.begin > 2))
        end_phase(terminal ? width_of(stderr) - 1 : 0, now - bar.begin);
    snprintf(bar.phase, sizeof bar.phase, "%s", phase);
    *bar.note = 0;
    bar.count = 0;
    bar.begin = now;
    bar.drawn = 0;
}

/* One that only writes line after line: progress is a line for each phase, as into a file. */
static bool is_dumb(void)
{
    const char *term = getenv("TERM");
    return !term || !*term || strcmp(term, "dumb") == 0;
}

static bool is_terminal(void)
{
    static int terminal = -1;
    if (terminal < 0)
        terminal = isatty(STDERR_FILENO) && !is_dumb();
    return terminal;
}

void cli_progress(const char *phase, double fraction)
{
    if (is_quiet)
        return;
    pthread_mutex_lock(&bar.lock);
    const double now = seconds();
    change_phase(phase ? phase : "", is_terminal(), now);
    bar.fraction = fraction;
    if (is_terminal() && *bar.phase)
        draw(now);
    pthread_mutex_unlock(&bar.lock);
}

void cli_progress_rate(double more, const char *unit)
{
    char rate[16];
    if (is_quiet)
        return;
    pthread_mutex_lock(&bar.lock);
    const double now = seconds();
    bar.count += more;
    if (*bar.phase && now - bar.begin > 0.2) {
        snprintf(bar.note, sizeof bar.note, "%s %s", cli_human(bar.count / (now - bar.begin), rate),
                 unit);
        if (is_terminal())
            draw(now);
    }
    pthread_mutex_unlock(&bar.lock);
}

/* ---- Notes --------------------------------------------------------------------------------- */

enum { NOTES_MOST = 64 };
static pthread_mutex_t notes_lock = PTHREAD_MUTEX_INITIALIZER;
static char *notes[NOTES_MOST];
static int note_count;

void cli_note(const char *note)
{
    bool known = false;
    pthread_mutex_lock(&notes_lock);
    for (int i = 0; i < note_count; i++)
        known |= strcmp(notes[i], note) == 0;
    char *copy = !known && note_count < NOTES_MOST ? strdup(note) : NULL;
    if (copy)
        notes[note_count++] = copy;
    pthread_mutex_unlock(&notes_lock);
    if (known)
        return;
    cli_progress(NULL, 0);
    if (!is_quiet)
        fprintf(stderr, "note: %s\n", note);
}

void cli_json_notes(FILE *f)
{
    fprintf(f, "\"notes\": [");
    for (int i = 0; i < note_count; i++) {
        fprintf(f, "%s", i ? ", " : "");
        json_text(f, notes[i]);
    }
    fprintf(f, "]");
}

/* ---- Text ---------------------------------------------------------------------------------- */

const char *cli_s(long long count)
{
    return count == 1 ? "" : "s";
}

const char *cli_human(double v, char text[16])
{
    static const char *const units[] = {"", " k", " M", " G", " T"};
    int unit = 0;
    while (fabs(v) >= 999.5 && unit < 4) {
        v /= 1000;
        unit++;
    }
    snprintf(text, 16,
             v == floor(v) && unit == 0 ? "%.0f%s"
             : fabs(v) < 10             ? "%.2f%s"
             : fabs(v) < 100            ? "%.1f%s"
                                        : "%.0f%s",
             v, units[unit]);
    return text;
}
