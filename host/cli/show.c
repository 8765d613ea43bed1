#include "cli/show.h"

#include "base/error.h"
#include "base/json.h"
#include "cli/cli.h"

#include "task/classes.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static int compare(const void *a, const void *b)
{
    const struct af_box *p = a, *q = b;
    if (p->score > q->score || p->score < q->score)
        return p->score > q->score ? -1 : 1;
    return p->label - q->label;
}

static void print_class(FILE *to, const struct af_model *m, int class)
{
    const char *text = af_class_name(m, class);
    if (text)
        fprintf(to, "  %d %-16s", class, text);
    else
        fprintf(to, "  %-4d", class);
}

static int show_boxes(FILE *to, const struct af_model *m, int most, const struct boxes *found)
{
    size_t n = (size_t)found->count;
    struct af_box *sorted = malloc((n + 1) * sizeof *sorted);
    if (!sorted)
        return af_fail(AF_NO_MEMORY, "no memory for %zu boxes", n);
    for (size_t i = 0; i < n; i++)
        sorted[i] = found->box[i];
    qsort(sorted, n, sizeof *sorted, compare);
    for (size_t i = 0; i < n && i < (size_t)most; i++) {
        print_class(to, m, sorted[i].label);
        fprintf(to, " %5.1f %%  %.0f,%.0f .. %.0f,%.0f\n", 100 * (double)sorted[i].score,
                (double)sorted[i].x1, (double)sorted[i].y1, (double)sorted[i].x2,
                (double)sorted[i].y2);
    }
    free(sorted);
    return AF_OK;
}

struct share {
    int label;
    double share; /* of the pixels */
};

static int by_share(const void *a, const void *b)
{
    const struct share *p = a, *q = b;
    if (p->share > q->share || p->share < q->share)
        return p->share > q->share ? -1 : 1;
    return p->label - q->label;
}

/* The classes of a map, the largest first; malloc'd, NULL without memory. */
static struct share *shares_of(const struct answer *a)
{
    const int64_t pixels = (int64_t)a->height * a->width;
    struct share *share = calloc((size_t)a->classes, sizeof *share);
    if (!share) {
        af_fail(AF_NO_MEMORY, "no memory for %d classes", a->classes);
        return NULL;
    }
    for (int c = 0; c < a->classes; c++)
        share[c].label = c;
    for (int64_t i = 0; i < pixels; i++)
        share[a->class_of[i]].share += 1;
    for (int c = 0; c < a->classes; c++)
        share[c].share /= (double)pixels;
    qsort(share, (size_t)a->classes, sizeof *share, by_share);
    return share;
}

static int show_shares(FILE *to, const struct af_model *m, int most, const struct answer *a)
{
    struct share *share = shares_of(a);
    if (!share)
        return AF_NO_MEMORY;
    for (int k = 0; k < most && k < a->classes && share[k].share > 0; k++) {
        print_class(to, m, share[k].label);
        fprintf(to, " %5.1f %% of the pixels\n", 100 * share[k].share);
    }
    free(share);
    return AF_OK;
}

static int best_of(const struct af_model *m, const struct af_result *result, int most,
                   struct af_answer *best)
{
    const int answer = model_answer(m), n = (int)output_values(&m->population[answer]);
    return classes_best(result->output + model_output_at(m, answer), n, most, best);
}

void show_best(FILE *to, const struct af_model *m, const char *name, int most,
               const struct af_result *result)
{
    struct af_answer best[BEST_MOST];
    const int n = best_of(m, result, most < BEST_MOST ? most : BEST_MOST, best);
    fprintf(to, "%s:", name);
    for (int k = 0; k < n; k++) {
        const char *text = af_class_name(m, best[k].label);
        fprintf(to, "%s %d%s%s %.1f %%", k ? "," : "", best[k].label, text ? " " : "",
                text ? text : "", 100 * best[k].probability);
    }
    fprintf(to, "  (%d timestep%s)\n", result->timesteps, result->timesteps == 1 ? "" : "s");
}

int show_answer(FILE *to, const struct af_model *m, const char *name, int most,
                const struct answer *answer)
{
    if (!answer->found && !answer->class_of) {
        fprintf(to, "%s: values (-o FILE writes them)\n", name);
        return AF_OK;
    }
    if (!answer->found) {
        fprintf(to, "%s:\n", name);
        return show_shares(to, m, most, answer);
    }
    fprintf(to, "%s: %lld box%s\n", name, (long long)answer->found->count,
            answer->found->count == 1 ? "" : "es");
    return show_boxes(to, m, most, answer->found);
}

/* "what value (ANN value)", as a percentage or in 0..1. */
static void print_pair(FILE *to, const char *what, double value, double ann, bool percent)
{
    if (isnan(value))
        return;
    fprintf(to, percent ? "  %-16s %.2f %%" : "  %-16s %.4f", what, percent ? 100 * value : value);
    if (!isnan(ann))
        fprintf(to, percent ? " (ANN %.2f %%)" : " (ANN %.4f)", percent ? 100 * ann : ann);
    fprintf(to, "\n");
}

static void show_likeness(FILE *to, const struct likeness *like)
{
    if (!isnan(like->recall))
        fprintf(to, "  the ANN's boxes  %.2f %% are found", 100 * like->recall);
    if (!isnan(like->recall) && !isnan(like->precision))
        fprintf(to, "; %.2f %% of those found are the ANN's", 100 * like->precision);
    if (!isnan(like->recall))
        fprintf(to, " (overlap 0.5)\n");
    if (!isnan(like->error))
        fprintf(to, "  off the ANN      %.3f %% of its outputs' variance\n", 100 * like->error);
}

void show_score(FILE *to, const struct af_model *m, enum af_task_kind kind,
                const struct run_totals *t)
{
    const struct score *score = &t->score, *ann = &t->ann_score;
    const bool detect = kind == AF_DETECT;
    if (kind == AF_CLASSIFY)
        return;
    print_pair(to, "error", score->error, ann->error, true);
    print_pair(to, "pixel accuracy", score->pixels, ann->pixels, true);
    print_pair(to, detect ? "mAP@0.5" : "mean IoU", score->mean, ann->mean, !detect);
    for (int c = 0; score->each && c < t->classes; c++) {
        const char *name = af_class_name(m, c);
        char what[64];
        snprintf(what, sizeof what, "  %d %.40s", c, name ? name : "");
        print_pair(to, what, score->each[c], ann->each ? ann->each[c] : NAN, !detect);
    }
    show_likeness(to, &t->like);
}

static void put_each(FILE *to, const char *whose, const char *key, const double *each, int classes)
{
    fprintf(to, "\"%s%s\": [", whose, key);
    for (int c = 0; each && c < classes; c++) {
        fprintf(to, "%s", c ? ", " : "");
        if (isnan(each[c]))
            fprintf(to, "null");
        else
            fprintf(to, "%.6g", each[c]);
    }
    fprintf(to, "], ");
}

void show_classes_json(FILE *to, enum af_task_kind kind, const struct run_totals *t)
{
    const char *key = kind == AF_DETECT ? "ap50" : "iou";
    if (kind != AF_DETECT && kind != AF_SEGMENT)
        return;
    put_each(to, "", key, t->score.each, t->classes);
    put_each(to, "ann_", key, t->ann_score.each, t->classes);
}

void show_integer_energy(FILE *to, double ann, double adds, const struct af_energy *e)
{
    if (isnan(adds))
        return;
    fprintf(to, "  shifted adds     %.3f uJ (%.3f of the ANN's): a burst of 15 is 16 - 1, two\n",
            adds, adds / ann);
    fprintf(to,
            "  in integers      %.3f uJ spiking, %.3f uJ an ANN of %d bits; with operands\n"
            "                   from SRAM %.3f and %.3f uJ\n",
            e->integer, e->integer_ann, e->bits, e->integer_memory, e->integer_memory_ann);
}

int box_file_begin(struct box_file *f, const char *path)
{
    *f = (struct box_file){0};
    int status = file_create(&f->out, path);
    if (!status)
        fputs("[", f->out.stream);
    return status;
}

static void put_class(FILE *to, const struct af_model *m, int label)
{
    const char *text = af_class_name(m, label);
    fprintf(to, "\"class\": %d", label);
    if (text) {
        fputs(", \"label\": ", to);
        json_text(to, text);
    }
}

static void put_box(FILE *to, const struct af_model *m, const struct af_box *b)
{
    fputs("{", to);
    put_class(to, m, b->label);
    fprintf(to, ", \"score\": %.4f, \"box\": [%.2f, %.2f, %.2f, %.2f]}", (double)b->score,
            (double)b->x1, (double)b->y1, (double)b->x2, (double)b->y2);
}

int box_file_add(struct box_file *f, const struct af_model *m, int64_t index, const char *name,
                 const struct boxes *found)
{
    FILE *to = f->out.stream;
    fprintf(to, "%s{\"sample\": %lld, \"name\": ", f->samples++ ? ",\n " : "", (long long)index);
    json_text(to, name);
    fputs(", \"boxes\": [", to);
    for (int64_t i = 0; i < found->count; i++) {
        fputs(i ? ",\n  " : "\n  ", to);
        put_box(to, m, &found->box[i]);
    }
    fputs("]}", to);
    return ferror(to) ? af_fail(AF_IO, "%s: cannot be written", f->out.path) : AF_OK;
}

int box_file_end(struct box_file *f, int status)
{
    if (!f->out.stream)
        return status;
    if (status) {
        file_discard(&f->out);
        return status;
    }
    fputs("]\n", f->out.stream);
    return file_commit(&f->out);
}

int line_file_begin(struct line_file *f, const char *path, FILE *to)
{
    *f = (struct line_file){.to = to};
    const int status = path ? file_create(&f->out, path) : AF_OK;
    f->to = status ? NULL : path ? f->out.stream : to;
    return status;
}

static int put_shares(FILE *to, const struct af_model *m, const struct answer *a)
{
    struct share *share = shares_of(a);
    if (!share)
        return AF_NO_MEMORY;
    fputs("\"shares\": [", to);
    for (int k = 0; k < a->classes && share[k].share > 0; k++) {
        fputs(k ? ", {" : "{", to);
        put_class(to, m, share[k].label);
        fprintf(to, ", \"share\": %.6g}", share[k].share);
    }
    fputs("]", to);
    free(share);
    return AF_OK;
}

static void put_values(FILE *to, const struct af_model *m, const struct af_result *result)
{
    const int answer = model_answer(m);
    const float *v = result->output + model_output_at(m, answer);
    const int64_t n = output_values(&m->population[answer]);
    fputs("\"values\": [", to);
    for (int64_t i = 0; i < n; i++)
        if (isfinite(v[i]))
            fprintf(to, "%s%.9g", i ? ", " : "", (double)v[i]);
        else
            fprintf(to, "%snull", i ? ", " : "");
    fputs("]", to);
}

static void put_best(FILE *to, const struct af_model *m, int most, const struct af_result *result)
{
    struct af_answer best[BEST_MOST];
    const int n = best_of(m, result, most < BEST_MOST ? most : BEST_MOST, best);
    put_class(to, m, best[0].label);
    fputs(", \"best\": [", to);
    for (int k = 0; k < n; k++) {
        fputs(k ? ", {" : "{", to);
        put_class(to, m, best[k].label);
        fprintf(to, ", \"probability\": %.6g}", best[k].probability);
    }
    fputs("]", to);
}

int line_file_add(struct line_file *f, const struct af_model *m, int64_t index, const char *name,
                  int most, const struct af_result *result, const struct answer *answer)
{
    FILE *to = f->to;
    int status = AF_OK;
    fprintf(to, "{\"sample\": %lld, \"name\": ", (long long)index);
    json_text(to, name);
    fprintf(to, ", \"timesteps\": %d, ", result->timesteps);
    if (!answer)
        put_best(to, m, most, result);
    else if (answer->class_of)
        status = put_shares(to, m, answer);
    else if (!answer->found)
        put_values(to, m, result);
    else {
        fputs("\"boxes\": [", to);
        for (int64_t i = 0; i < answer->found->count; i++) {
            fputs(i ? ", " : "", to);
            put_box(to, m, &answer->found->box[i]);
        }
        fputs("]", to);
    }
    fputs("}\n", to);
    if (!f->out.stream) /* whoever reads it waits for it */
        fflush(to);
    return status       ? status
           : ferror(to) ? af_fail(AF_IO, "the lines of --jsonl cannot be written")
                        : AF_OK;
}

int line_file_end(struct line_file *f, int status)
{
    if (!f->out.stream)
        return status;
    if (status)
        file_discard(&f->out);
    return status ? status : file_commit(&f->out);
}
