#include "task/task.h"

#include "base/error.h"
#include "base/file.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { WORD = 64, FILE_MOST = 1 << 16, PIXELS_MOST = 1 << 16 };

const char *task_kind_name(enum af_task_kind kind)
{
    static const char *const names[] = {"classify", "detect", "segment", "values"};
    return names[kind];
}

/* ---- Words ---------------------------------------------------------------------------------- */

struct reader {
    const char *name, *at;
    char word[WORD]; /* "" at the end */
};

static int next_word(struct reader *r)
{
    size_t n = 0;
    r->at += strspn(r->at, " ");
    n = strcspn(r->at, " ");
    if (n >= WORD)
        return af_fail(AF_BAD_FILE, "%s: the word '%.20s...' is too long", r->name, r->at);
    memcpy(r->word, r->at, n);
    r->word[n] = 0;
    r->at += n;
    return AF_OK;
}

/* Words with one space between, without comments. */
static char *tidy(const char *text)
{
    char *words = malloc(strlen(text) + 1), *to = words;
    bool comment = false;
    for (; words && *text; text++) {
        comment = *text == '#' || (comment && *text != '\n');
        if (!comment && !isspace((unsigned char)*text))
            *to++ = *text;
        else if (to > words && to[-1] != ' ')
            *to++ = ' ';
    }
    if (words && to > words && to[-1] == ' ')
        to--;
    if (words)
        *to = 0;
    return words;
}

static bool is_number(const char *text, const char **end, float *v)
{
    char *stop;
    *v = strtof(text, &stop);
    *end = stop;
    return stop != text && isfinite(*v);
}

/* The next word as a number in least..most, of what `key` is about. */
static int next_number(struct reader *r, const char *key, float least, float most, float *v)
{
    const char *end;
    int status = next_word(r);
    if (status)
        return status;
    if (!is_number(r->word, &end, v) || *end || *v < least || *v > most)
        return af_fail(AF_BAD_FILE, "%s: '%s' needs a number from %g to %g, not '%s'", r->name, key,
                       (double)least, (double)most, r->word);
    return AF_OK;
}

static int next_choice(struct reader *r, const char *key, const char *no, const char *yes,
                       bool *choice)
{
    int status = next_word(r);
    if (status)
        return status;
    *choice = strcmp(r->word, yes) == 0;
    if (!*choice && strcmp(r->word, no) != 0)
        return af_fail(AF_BAD_FILE, "%s: '%s' is %s or %s, not '%s'", r->name, key, no, yes,
                       r->word);
    return AF_OK;
}

/* "24" or "24x32". */
static bool read_size(const char *word, float size[2])
{
    const char *end;
    if (!is_number(word, &end, &size[0]))
        return false;
    size[1] = size[0];
    if (*end == 'x' && !is_number(end + 1, &end, &size[1]))
        return false;
    return !*end && size[0] > 0 && size[0] <= PIXELS_MOST && size[1] > 0 && size[1] <= PIXELS_MOST;
}

/* Reads one word too many: the key that follows. */
static int read_anchors(struct reader *r, struct task *t)
{
    if (t->level_count == ANCHOR_LEVELS)
        return af_fail(AF_BAD_FILE, "%s: more than %d maps of anchors", r->name, ANCHOR_LEVELS);
    struct anchor_level *level = &t->level[t->level_count++];
    float size[2];
    int status = next_number(r, "anchor", 1, PIXELS_MOST, &level->stride);
    if (!status)
        status = next_word(r);
    while (!status && read_size(r->word, size)) {
        if (level->count == ANCHOR_SIZES)
            return af_fail(AF_BAD_FILE, "%s: more than %d anchors in a map", r->name, ANCHOR_SIZES);
        memcpy(level->size[level->count++], size, sizeof size);
        status = next_word(r);
    }
    if (!status && !level->count)
        return af_fail(AF_BAD_FILE,
                       "%s: 'anchor' needs a stride and sizes (24 or 24x32, pixels), not '%s'",
                       r->name, r->word);
    return status;
}

static int read_detection(struct reader *r, struct task *t)
{
    bool sigmoid = false, scores = false;
    int status = next_word(r);
    while (!status && *r->word) {
        char key[WORD];
        memcpy(key, r->word, sizeof key);
        bool more = true; /* read_anchors has the next key already */
        if (strcmp(key, "stride") == 0)
            status = next_number(r, key, 1, PIXELS_MOST, &t->stride);
        else if (strcmp(key, "size") == 0)
            status = next_number(r, key, 1e-3f, PIXELS_MOST, &t->size);
        else if (strcmp(key, "threshold") == 0)
            status = next_number(r, key, 0, 1, &t->threshold);
        else if (strcmp(key, "overlap") == 0)
            status = next_number(r, key, 0, 1, &t->overlap);
        else if (strcmp(key, "scores") == 0)
            status = next_choice(r, key, "softmax", "sigmoid", &sigmoid), scores = true;
        else if (strcmp(key, "boxes") == 0)
            status = next_choice(r, key, "last", "first", &t->boxes_first);
        else if (strcmp(key, "variance") == 0) {
            status = next_number(r, key, 1e-6f, 1e6f, &t->variance[0]);
            if (!status)
                status = next_number(r, key, 1e-6f, 1e6f, &t->variance[1]);
        } else if (strcmp(key, "anchor") == 0) {
            status = read_anchors(r, t);
            more = false;
        } else {
            return af_fail(AF_BAD_FILE,
                           "%s: 'detect' knows stride, size, anchor, variance, scores, boxes, "
                           "threshold and overlap, not '%s'",
                           r->name, key);
        }
        if (!status && more)
            status = next_word(r);
    }
    t->softmax = t->level_count && !sigmoid;
    if (!status && t->level_count && (t->stride > 0 || t->size > 0))
        return af_fail(AF_BAD_FILE, "%s: 'stride' and 'size' are for heads without anchors",
                       r->name);
    if (!status && !t->level_count && scores && !sigmoid)
        return af_fail(AF_BAD_FILE, "%s: 'scores softmax' is for heads with anchors", r->name);
    return status;
}

int task_parse(const char *name, const char *text, struct task *task)
{
    *task = (struct task){.threshold = 0.1f, .overlap = 0.45f, .variance = {0.1f, 0.2f}};
    char *words = tidy(text);
    if (!words)
        return af_fail(AF_NO_MEMORY, "%s: no memory", name);
    struct reader r = {.name = name, .at = words};
    int status = next_word(&r);
    if (!status && strcmp(r.word, "detect") == 0) {
        task->kind = AF_DETECT;
        status = read_detection(&r, task);
    } else if (!status && (strcmp(r.word, "classify") == 0 || strcmp(r.word, "segment") == 0 ||
                           strcmp(r.word, "values") == 0)) {
        task->kind = *r.word == 'c' ? AF_CLASSIFY : *r.word == 's' ? AF_SEGMENT : AF_VALUES;
        status = next_word(&r);
        if (!status && *r.word)
            status = af_fail(AF_BAD_FILE, "%s: '%s' takes nothing more, not '%s'", name,
                             task_kind_name(task->kind), r.word);
    } else if (!status) {
        status = af_fail(AF_BAD_FILE, "%s: a task is classify, detect, segment or values, not '%s'",
                         name, r.word);
    }
    free(words);
    return status;
}

int task_words(const char *given, char **words)
{
    struct stat st;
    *words = NULL;
    if (stat(given, &st) == 0) {
        void *text;
        size_t size;
        int status = file_read(given, FILE_MOST, &text, &size);
        if (!status && memchr(text, 0, size))
            status = af_fail(AF_BAD_FILE, "%s: not a text that describes a task", given);
        if (!status)
            *words = tidy(text);
        free(text);
        if (status)
            return status;
    } else {
        *words = tidy(given);
    }
    return *words ? AF_OK : af_fail(AF_NO_MEMORY, "%s: no memory", given);
}

/* ---- Models --------------------------------------------------------------------------------- */

static struct output_table table_of(const struct neurons *p, int64_t at)
{
    const int64_t n = output_values(p), last = p->rank > 1 ? p->dim[p->rank - 1] : n;
    if (p->rank == 4) {
        const int64_t area = p->dim[2] * p->dim[3];
        return (struct output_table){at, area, p->dim[1], 1, area, (int)p->dim[2], (int)p->dim[3]};
    }
    return (struct output_table){at, n / last, last, last, 1, (int)(n / last), 1};
}

int task_outputs(const struct af_model *m, struct output_table *table, int most)
{
    int count = 0;
    for (int i = 0; i < m->population_count; i++)
        if (m->population[i].kind == AF_OUTPUT) {
            if (count < most)
                table[count] = table_of(&m->population[i], model_output_at(m, i));
            count++;
        }
    return count;
}

void task_answer(const struct af_model *m, struct output_table *table)
{
    const int answer = model_answer(m);
    *table = table_of(&m->population[answer], model_output_at(m, answer));
}

int task_given(const char *given, struct task *task)
{
    char *words = NULL;
    int status = task_words(given, &words);
    if (!status)
        status = task_parse(given, words, task);
    free(words);
    return status;
}

int task_of_model(const struct af_model *m, const char *given, struct task *task)
{
    const char *own = model_fact(m, "task");
    if (given)
        return task_given(given, task);
    if (own)
        return task_parse(m->name, own, task);
    struct output_table answer;
    task_answer(m, &answer);
    const bool map = answer.rows > 1 && answer.row_step == 1;
    return task_parse("the task", map ? "segment" : "classify", task);
}
