#include "cli/checks.h"

#include "base/file.h"
#include "base/json.h"
#include "base/suggest.h"
#include "cli/cli.h"
#include "cli/figures.h"
#include "task/task.h"

#include <cJSON.h>
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BASELINE_MOST = 16 << 20 }; /* bytes */

/* ---- What is expected ----------------------------------------------------------------------- */

static const char *after_blanks(const char *at)
{
    while (isspace((unsigned char)*at))
        at++;
    return at;
}

static const char *key_at(const void *of, int row)
{
    (void)of;
    return row < FIGURE_COUNT ? figure_rows[row].key : NULL;
}

static int unknown_figure(const char *key)
{
    const char *near = suggest(key, key_at, NULL);
    return near
               ? cli_fail("--expect: there is no figure '%s'; did you mean %s?", key, near)
               : cli_fail("--expect: there is no figure '%s'; the keys of --json are figures", key);
}

/* One comparison, from `at`; *end is behind it. */
static int read_expectation(const char *at, const char **end, struct expectation *e)
{
    static const char *const operations[] = {"<=", ">=", "==", "<", ">"};
    const char *begin = after_blanks(at), *op = begin;
    char key[64];
    while (isalnum((unsigned char)*op) || *op == '_')
        op++;
    const size_t length = (size_t)(op - begin), whole = strcspn(begin, ",");
    snprintf(key, sizeof key, "%.*s", (int)(length < sizeof key ? length : sizeof key - 1), begin);
    const char *rest = after_blanks(op);
    *e = (struct expectation){.figure = -1};
    for (size_t i = 0; i < sizeof operations / sizeof *operations && !*e->operation; i++)
        if (strncmp(rest, operations[i], strlen(operations[i])) == 0)
            snprintf(e->operation, sizeof e->operation, "%s", operations[i]);
    char *behind = NULL;
    if (length && *e->operation) {
        rest += strlen(e->operation);
        e->bound = strtod(rest, &behind);
    }
    if (behind)
        *end = after_blanks(behind);
    if (!behind || behind == rest || !isfinite(e->bound) || (**end && **end != ','))
        return cli_fail("--expect: '%.*s' is no comparison such as accuracy>=0.99 (<=, >=, <, >, "
                        "==)",
                        (int)(whole < 80 ? whole : 80), begin);
    e->figure = figure_find(key);
    return e->figure < 0 ? unknown_figure(key) : 0;
}

int checks_expect(struct checks *c, const char *text)
{
    for (const char *at = text;;) {
        if (c->expected == EXPECTATIONS_MOST)
            return cli_fail("--expect: more than %d comparisons", EXPECTATIONS_MOST);
        const int status = read_expectation(at, &at, &c->expectation[c->expected]);
        if (status)
            return status;
        c->expected++;
        if (!*at)
            return 0;
        at++;
    }
}

static bool holds(const struct expectation *e, double v)
{
    switch (e->operation[0]) {
    case '<': return e->operation[1] ? v <= e->bound : v < e->bound;
    case '>': return e->operation[1] ? v >= e->bound : v > e->bound;
    default: return !(v < e->bound) && !(v > e->bound);
    }
}

/* ---- The baseline --------------------------------------------------------------------------- */

static double earlier_value(const struct checks *c, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(c->earlier, key);
    return cJSON_IsNumber(item) ? item->valuedouble : NAN;
}

static const char *earlier_text(const struct checks *c, const char *key)
{
    return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(c->earlier, key));
}

int checks_begin(struct checks *c)
{
    void *bytes;
    size_t size;
    if (c->junit && !c->expected && !c->baseline)
        return cli_fail("--junit tells what came of --expect or --baseline; neither is there");
    if (c->tolerance > 0 && !c->baseline)
        return cli_fail("--tolerance is of a --baseline, and there is none");
    if (!c->baseline)
        return 0;
    if (file_read(c->baseline, BASELINE_MOST, &bytes, &size))
        return cli_fail_af();
    c->earlier = cJSON_ParseWithLength(bytes, size);
    free(bytes);
    if (!cJSON_IsObject(c->earlier) || !earlier_text(c, "board") || !earlier_text(c, "task") ||
        isnan(earlier_value(c, "images")))
        return cli_fail("%s: is no baseline, which is what --json of an earlier run wrote",
                        c->baseline);
    return 0;
}

/* Without which of several cards or boards it was. */
static bool same_board(const char *a, const char *b)
{
    const size_t n = strcspn(a, ":");
    return n == strcspn(b, ":") && strncmp(a, b, n) == 0;
}

int checks_fit(const struct checks *c, const struct checked_run *run)
{
    for (int i = 0; i < c->expected; i++) {
        const struct figure_row *row = &figure_rows[c->expectation[i].figure];
        if (row->cycles && !run->counts_cycles)
            return cli_fail("--expect: %s has no value here: the board %s counts no cycles",
                            row->key, run->board);
        if (!(row->tasks & (1U << run->task)))
            return cli_fail("--expect: %s has no value here: the task is to %s", row->key,
                            task_kind_name(run->task));
    }
    if (!c->earlier)
        return 0;
    const char *build = earlier_text(c, "build");
    if (!same_board(earlier_text(c, "board"), run->board))
        return cli_fail("%s: was made on the board %s, not on %s", c->baseline,
                        earlier_text(c, "board"), run->board);
    if (strcmp(earlier_text(c, "task"), task_kind_name(run->task)) != 0)
        return cli_fail("%s: was made of a task to %s, not to %s", c->baseline,
                        earlier_text(c, "task"), task_kind_name(run->task));
    if (build && run->build && strcmp(build, run->build) != 0)
        return cli_fail("%s: was made with the build %s, not with %s", c->baseline, build,
                        run->build);
    return 0;
}

/* ---- After the run -------------------------------------------------------------------------- */

static void add(struct checks *c, const char *name, bool held, const char *told)
{
    struct check *to = &c->check[c->count++];
    snprintf(to->name, sizeof to->name, "%s", name);
    snprintf(to->told, sizeof to->told, "%s", held ? "" : told);
    to->held = held;
}

/* By how much a figure changed, in words. */
static const char *change(double before, double now, char text[32])
{
    if (before < 0 || before > 0)
        snprintf(text, 32, "%+.2f %%", 100 * (now - before) / fabs(before));
    else
        snprintf(text, 32, "%+.4g", now - before);
    return text;
}

static bool is_worse(const struct checks *c, const struct figure_row *row, double before,
                     double now)
{
    const double worse = row->better == BETTER_MORE   ? before - now
                         : row->better == BETTER_LESS ? now - before
                                                      : 0;
    return worse > c->tolerance / 100 * fabs(before);
}

static int judge_baseline(struct checks *c, const double *value)
{
    char name[96], told[200], by[32];
    const double images = earlier_value(c, "images"), here = figures_get(value, "images");
    if (images < here || images > here)
        return cli_fail("%s: is of %.0f samples, this run of %.0f", c->baseline, images, here);
    for (int i = 0; i < FIGURE_COUNT; i++) {
        const struct figure_row *row = &figure_rows[i];
        const double before = earlier_value(c, row->key);
        if (row->better == BETTER_NEITHER || isnan(before))
            continue;
        if (isnan(value[i]))
            return cli_fail("%s: has %s, which this run cannot tell (are --labels or --reference "
                            "missing?)",
                            c->baseline, row->key);
        snprintf(name, sizeof name, "%s is no worse than the baseline", row->key);
        snprintf(told, sizeof told, "%s was %.10g and is %.10g (%s; tolerance %g %%)", row->key,
                 before, value[i], change(before, value[i], by), c->tolerance);
        add(c, name, !is_worse(c, row, before, value[i]), told);
    }
    return 0;
}

int checks_judge(struct checks *c, const struct checked_run *run, const double *value)
{
    char name[96], told[200];
    for (int i = 0; i < c->expected; i++) {
        const struct expectation *e = &c->expectation[i];
        const char *key = figure_rows[e->figure].key;
        const double v = value[e->figure];
        if (isnan(v))
            return cli_fail("--expect: %s has no value here on the board %s (are --labels or "
                            "--reference missing?)",
                            key, run->board);
        snprintf(name, sizeof name, "%s%s%.10g", key, e->operation, e->bound);
        snprintf(told, sizeof told, "%s is %.10g, expected %s %.10g", key, v, e->operation,
                 e->bound);
        add(c, name, holds(e, v), told);
    }
    return c->earlier ? judge_baseline(c, value) : 0;
}

void checks_show(const struct checks *c, const double *value, FILE *to)
{
    char by[32];
    if (!c->earlier)
        return;
    fprintf(to, "\n  %-22s %14s %14s %12s\n", "figure", "baseline", "now", "change");
    for (int i = 0; i < FIGURE_COUNT; i++) {
        const struct figure_row *row = &figure_rows[i];
        const double before = earlier_value(c, row->key), now = value[i];
        if (isnan(before) || isnan(now))
            continue;
        fprintf(to, "  %-22s %14.6g %14.6g %12s%s\n", row->key, before, now,
                before < now || before > now ? change(before, now, by) : "-",
                is_worse(c, row, before, now) ? "  worse" : "");
    }
}

void checks_json(const struct checks *c, FILE *to)
{
    if (!c->count)
        return;
    fprintf(to, "\"checks\": [");
    for (int i = 0; i < c->count; i++) {
        fprintf(to, "%s{\"name\": ", i ? ", " : "");
        json_text(to, c->check[i].name);
        fprintf(to, ", \"held\": %s", c->check[i].held ? "true" : "false");
        if (!c->check[i].held) {
            fprintf(to, ", \"told\": ");
            json_text(to, c->check[i].told);
        }
        fprintf(to, "}");
    }
    fprintf(to, "], ");
}

/* Bytes that are no ASCII may be no UTF-8 either, and a path may hold any. */
static void xml_text(FILE *to, const char *text)
{
    for (const unsigned char *p = (const unsigned char *)text; *p; p++)
        if (*p < 32 || *p > 126)
            fputc('?', to);
        else if (strchr("<>&\"'", *p))
            fprintf(to, "&#%d;", *p);
        else
            fputc(*p, to);
}

static int write_junit(const struct checks *c, const char *model, double seconds)
{
    struct file_out out;
    int breaches = 0;
    if (file_create(&out, c->junit))
        return cli_fail_af();
    FILE *to = out.stream;
    for (int i = 0; i < c->count; i++)
        breaches += !c->check[i].held;
    fprintf(to, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n<testsuite name=\"");
    xml_text(to, model);
    fprintf(to, "\" tests=\"%d\" failures=\"%d\" errors=\"0\" skipped=\"0\" time=\"%.3f\">\n",
            c->count, breaches, seconds);
    for (int i = 0; i < c->count; i++) {
        fprintf(to, "  <testcase classname=\"adafire\" name=\"");
        xml_text(to, c->check[i].name);
        fprintf(to, "\"");
        if (!c->check[i].held) {
            fprintf(to, ">\n    <failure message=\"");
            xml_text(to, c->check[i].told);
            fprintf(to, "\"/>\n  </testcase>\n");
        } else {
            fprintf(to, "/>\n");
        }
    }
    fprintf(to, "</testsuite>\n</testsuites>\n");
    return file_commit(&out) ? cli_fail_af() : 0;
}

int checks_end(const struct checks *c, const char *model, double seconds)
{
    int status = c->junit ? write_junit(c, model, seconds) : 0;
    for (int i = 0; i < c->count && status != EXIT_ERROR; i++)
        if (!c->check[i].held) {
            cli_fail("%s", c->check[i].told);
            status = EXIT_BREACH;
        }
    return status;
}

void checks_free(struct checks *c)
{
    cJSON_Delete(c->earlier);
    c->earlier = NULL;
}
