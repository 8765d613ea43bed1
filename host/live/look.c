#include "live/look.h"

#include "base/error.h"
#include "base/json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int look_make(struct look **made, const struct af_model *m)
{
    struct look *l = *made = calloc(1, sizeof *l);
    if (l)
        l->population = calloc((size_t)m->population_count, sizeof *l->population);
    if (!l || !l->population) {
        look_free(l);
        *made = NULL;
        return af_fail(AF_NO_MEMORY, "no memory for a view");
    }
    l->model = m;
    l->populations = m->population_count;
    for (int i = 0; i < m->population_count; i++) {
        const struct neurons *p = &m->population[i];
        l->population[i] =
            (struct look_population){.name = p->name, .kind = p->kind, .neurons = neuron_count(p)};
    }
    return AF_OK;
}

void look_free(struct look *l)
{
    if (l)
        free(l->population);
    free(l);
}

const char *look_class(const struct look *l, int label, char *text, int size)
{
    const char *name = af_class_name(l->model, label);
    if (label < 0)
        return "nothing";
    snprintf(text, (size_t)size, "%d%s%s", label, name ? " " : "", name ? name : "");
    return text;
}

const char *look_answer(const struct look *l, char *text, int size)
{
    int used = 0;
    if (l->kind == AF_DETECT) {
        snprintf(text, (size_t)size, "%lld box%s", (long long)l->box_count,
                 l->box_count == 1 ? "" : "es");
        return text;
    }
    if (l->kind != AF_VALUES)
        return look_class(l, l->best_count ? l->best[0].label : -1, text, size);
    *text = 0;
    for (int i = 0; i < l->value_count && i < LIVE_BEST && used < size; i++)
        used += snprintf(text + used, (size_t)(size - used), "%s%.4g", i ? " " : "",
                         (double)l->value[i]);
    return text;
}

void look_note(struct look *l, const struct live_decision *d)
{
    memmove(l->recent + 1, l->recent, (LOOK_RECENT - 1) * sizeof *l->recent);
    l->recent[0].number = d->window->number;
    l->recent[0].label = d->best_count ? d->best[0].label : -1;
    l->recent[0].probability = d->best_count ? d->best[0].probability : 0;
    l->recent[0].latency = d->latency;
    l->recent_count += l->recent_count < LOOK_RECENT;
}

/* Sums of a channel over timesteps and K x K pixels, as levels by their logarithm. */
static void take_channel(struct look *l, const struct live_decision *d, int channel, int by)
{
    const int *shape = l->model->population[0].shape;
    const int64_t plane = (int64_t)shape[1] * shape[2], frame = plane * shape[0];
    int32_t most = 1;
    memset(l->sum, 0, sizeof l->sum);
    for (int t = 0; channel < shape[0] && t < d->timesteps; t++) {
        const int16_t *counts = d->counts + t * frame + channel * plane;
        for (int y = 0; y < shape[1]; y++)
            for (int x = 0; x < shape[2]; x++)
                l->sum[y / by * l->width + x / by] += counts[(int64_t)y * shape[2] + x];
    }
    for (int i = 0; i < l->width * l->height; i++)
        most = l->sum[i] > most ? l->sum[i] : most;
    const double scale = (LOOK_LEVELS - 2) / log1p(most);
    for (int i = 0; i < l->width * l->height; i++)
        l->level[channel][i] =
            l->sum[i] > 0 ? (unsigned char)(1 + lround(log1p(l->sum[i]) * scale)) : 0;
}

/* From the input's pixels to the picture's, whose edge is as far as one can see. */
static float place(float at, int by, int most)
{
    return fminf(fmaxf(at / (float)by, 0), (float)most);
}

static void take_answer(struct look *l, const struct live_decision *d, int by)
{
    l->kind = d->kind;
    memcpy(l->best, d->best, sizeof l->best);
    l->best_count = d->best_count;
    l->box_count = d->box_count;
    for (int64_t i = 0; i < d->box_count && i < LOOK_BOXES; i++) {
        struct af_box *b = &l->box[i];
        *b = d->box[i];
        b->x1 = place(b->x1, by, l->width);
        b->y1 = place(b->y1, by, l->height);
        b->x2 = place(b->x2, by, l->width);
        b->y2 = place(b->y2, by, l->height);
    }
    /* A map may be of another size than the input. */
    for (int i = 0; d->map && i < l->width * l->height; i++)
        l->class_of[i] = d->map[(int64_t)(i / l->width * d->map_height / l->height) * d->map_width +
                                i % l->width * d->map_width / l->width];
    l->value_count = d->value_count;
    for (int i = 0; i < d->value_count && i < LIVE_BEST; i++)
        l->value[i] = d->value[i];
}

void look_take(struct look *l, const struct live_decision *d)
{
    const int *shape = l->model->population[0].shape;
    const int longest = shape[1] > shape[2] ? shape[1] : shape[2],
              by = (longest + LOOK_SIDE - 1) / LOOK_SIDE;
    l->width = (shape[2] + by - 1) / by;
    l->height = (shape[1] + by - 1) / by;
    take_channel(l, d, 0, by);
    take_channel(l, d, 1, by);
    l->number = d->window->number;
    l->begin = d->window->begin;
    l->events = d->window->count;
    take_answer(l, d, by);
    l->timesteps = d->result->timesteps;
    l->latency = d->latency;
    l->after = d->after;
    l->run = d->run;
    l->state = *d->state;
    for (int i = 0; i < l->populations; i++) {
        struct look_population *p = &l->population[i];
        p->events = d->result->events[i];
        p->spikes = d->result->spikes[i];
    }
}

/* ---- For the page ---------------------------------------------------------------------------- */

/* The text is there when its stream is closed. */
static char *finish(FILE *f, char **text)
{
    const bool bad = ferror(f) != 0;
    if (fclose(f) == 0 && !bad)
        return *text;
    free(*text);
    return NULL;
}

static void put_key(FILE *f, const char *key, const char *text)
{
    fprintf(f, "\"%s\": ", key);
    json_text(f, text);
    fprintf(f, ", ");
}

char *look_first_message(const struct look *l, const char *model, const char *board,
                         const char *from, size_t *size)
{
    char *text = NULL;
    FILE *f = open_memstream(&text, size);
    if (!f)
        return NULL;
    fprintf(f, "{");
    put_key(f, "model", model);
    put_key(f, "board", board);
    put_key(f, "source", from);
    fprintf(f, "\"timesteps\": %d, \"populations\": [", l->model->timesteps);
    for (int i = 0; i < l->populations; i++) {
        const struct look_population *p = &l->population[i];
        fprintf(f, "%s{", i ? ", " : "");
        put_key(f, "name", p->name);
        put_key(f, "kind", af_kind_name(p->kind));
        fprintf(f, "\"neurons\": %lld}", (long long)p->neurons);
    }
    fprintf(f, "]}");
    return finish(f, &text);
}

static void put_class(FILE *f, const struct look *l, int label, double probability)
{
    char name[200];
    fprintf(f, "\"class\": ");
    json_text(f, look_class(l, label, name, sizeof name));
    fprintf(f, ", \"p\": %.4f", probability);
}

static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+-";

/* Boxes where they are, in pixels of the picture; a letter a pixel of a map: the class, of which
 * colours are found. */
static void put_answer(FILE *f, const struct look *l)
{
    char name[200], answer[200];
    put_key(f, "answer", look_answer(l, answer, sizeof answer));
    if (l->kind == AF_DETECT) {
        fprintf(f, "\"boxes\": [");
        for (int64_t i = 0; i < l->box_count && i < LOOK_BOXES; i++) {
            const struct af_box *b = &l->box[i];
            fprintf(f, "%s{", i ? ", " : "");
            put_key(f, "class", look_class(l, b->label, name, sizeof name));
            fprintf(f, "\"at\": [%.2f, %.2f, %.2f, %.2f]}", (double)b->x1, (double)b->y1,
                    (double)b->x2, (double)b->y2);
        }
        fprintf(f, "], ");
    }
    if (l->kind == AF_SEGMENT) {
        fprintf(f, "\"map\": \"");
        for (int i = 0; i < l->width * l->height; i++)
            fputc(letters[l->class_of[i] % 64], f);
        fprintf(f, "\", ");
    }
}

/* A letter a pixel: of 64, by the levels of both channels. */
static void put_picture(FILE *f, const struct look *l)
{
    fprintf(f, "\"width\": %d, \"height\": %d, \"picture\": \"", l->width, l->height);
    for (int i = 0; i < l->width * l->height; i++)
        fputc(letters[l->level[0][i] * LOOK_LEVELS + l->level[1][i]], f);
    fprintf(f, "\", ");
}

char *look_message(const struct look *l, size_t *size)
{
    char *text = NULL;
    FILE *f = open_memstream(&text, size);
    if (!f)
        return NULL;
    const struct live_state *s = &l->state;
    fprintf(f, "{\"window\": %lld, \"begin_us\": %lld, \"events\": %lld, \"timesteps\": %d, ",
            (long long)l->number, (long long)l->begin, (long long)l->events, l->timesteps);
    const struct {
        const char *key;
        double v;
    } numbers[] = {{"latency_ms", 1e3 * l->latency},
                   {"after_ms", 1e3 * l->after},
                   {"run_ms", 1e3 * l->run},
                   {"events_per_second", s->events_a_second},
                   {"decisions_per_second", s->decisions_a_second},
                   {"decisions", (double)s->decisions},
                   {"waiting", s->waiting},
                   {"dropped", (double)s->dropped},
                   {"late", (double)s->windows.late},
                   {"lost", (double)s->losses}};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        json_number(f, numbers[i].key, numbers[i].v);
        fprintf(f, ", ");
    }
    put_key(f, "format", s->format);
    put_picture(f, l);
    put_answer(f, l);
    fprintf(f, "\"best\": [");
    for (int i = 0; i < l->best_count; i++) {
        fprintf(f, "%s{", i ? ", " : "");
        put_class(f, l, l->best[i].label, l->best[i].probability);
        fprintf(f, "}");
    }
    fprintf(f, "], \"spikes\": [");
    for (int i = 0; i < l->populations; i++)
        fprintf(f, "%s[%lld, %lld]", i ? ", " : "", (long long)l->population[i].events,
                (long long)l->population[i].spikes);
    fprintf(f, "], \"recent\": [");
    for (int i = 0; i < l->recent_count; i++) {
        fprintf(f, "%s{\"window\": %lld, \"latency_ms\": %.3f, ", i ? ", " : "",
                (long long)l->recent[i].number, 1e3 * l->recent[i].latency);
        put_class(f, l, l->recent[i].label, l->recent[i].probability);
        fprintf(f, "}");
    }
    fprintf(f, "]}");
    return finish(f, &text);
}
