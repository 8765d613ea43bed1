#include "cli/figures.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ALL    (~0U)
#define BOXES  (1U << AF_DETECT)
#define MAPS   (1U << AF_SEGMENT)
#define VALUES (1U << AF_VALUES)

const struct figure_row figure_rows[FIGURE_COUNT] = {
    {"images", ALL, BETTER_NEITHER, false},
    {"accuracy", ALL, BETTER_MORE, false},
    {"ann_accuracy", ALL, BETTER_NEITHER, false},
    {"top5", ALL, BETTER_MORE, false},
    {"agreement", ALL, BETTER_MORE, false},
    {"map50", BOXES, BETTER_MORE, false},
    {"ann_map50", BOXES, BETTER_NEITHER, false},
    {"box_recall", BOXES, BETTER_MORE, false},
    {"box_precision", BOXES, BETTER_MORE, false},
    {"miou", MAPS, BETTER_MORE, false},
    {"ann_miou", MAPS, BETTER_NEITHER, false},
    {"pixel_accuracy", MAPS, BETTER_MORE, false},
    {"ann_pixel_accuracy", MAPS, BETTER_NEITHER, false},
    {"error", VALUES, BETTER_LESS, false},
    {"ann_error", VALUES, BETTER_NEITHER, false},
    {"deviation", VALUES, BETTER_LESS, false},
    {"labels_ignored", ALL, BETTER_NEITHER, false},
    {"timesteps_mean", ALL, BETTER_LESS, false},
    {"spikes_mean", ALL, BETTER_NEITHER, false},
    {"events_mean", ALL, BETTER_NEITHER, false},
    {"sops_mean", ALL, BETTER_NEITHER, false},
    {"spike_sops_mean", ALL, BETTER_NEITHER, false},
    {"adds_mean", ALL, BETTER_NEITHER, false},
    {"ann_macs", ALL, BETTER_NEITHER, false},
    {"energy_uj_event", ALL, BETTER_LESS, false},
    {"energy_uj_spike", ALL, BETTER_LESS, false},
    {"energy_uj_add", ALL, BETTER_LESS, false},
    {"energy_uj_ann", ALL, BETTER_NEITHER, false},
    {"integer_uj", ALL, BETTER_NEITHER, false},
    {"integer_uj_ann", ALL, BETTER_NEITHER, false},
    {"integer_memory_uj", ALL, BETTER_NEITHER, false},
    {"integer_memory_uj_ann", ALL, BETTER_NEITHER, false},
    {"images_per_second", ALL, BETTER_NEITHER, false},
    {"cycles_mean", ALL, BETTER_LESS, true},
    {"megahertz", ALL, BETTER_NEITHER, true},
    {"latency_us", ALL, BETTER_LESS, true},
};

int figure_find(const char *key)
{
    for (int i = 0; i < FIGURE_COUNT; i++)
        if (strcmp(figure_rows[i].key, key) == 0)
            return i;
    return -1;
}

static double as_written(double v)
{
    char text[40];
    if (!isfinite(v))
        return NAN;
    snprintf(text, sizeof text, "%.10g", v);
    return strtod(text, NULL);
}

void figures_measure(const struct af_model *m, const struct run_totals *t, enum af_task_kind task,
                     double megahertz, double *value)
{
    const struct af_energy energy = run_energy(m, t);
    const double samples = (double)t->samples;
    const double cycles = t->cycles > 0 ? t->cycles / samples : NAN;
    const struct {
        const char *key;
        double v;
    } measured[] = {
        {"images", samples},
        {"accuracy", t->accuracy},
        {"ann_accuracy", t->ann_accuracy},
        {"top5", t->top5},
        {"agreement", t->agreement},
        {"map50", t->score.mean},
        {"ann_map50", t->ann_score.mean},
        {"box_recall", t->like.recall},
        {"box_precision", t->like.precision},
        {"miou", t->score.mean},
        {"ann_miou", t->ann_score.mean},
        {"pixel_accuracy", t->score.pixels},
        {"ann_pixel_accuracy", t->ann_score.pixels},
        {"error", t->score.error},
        {"ann_error", t->ann_score.error},
        {"deviation", t->like.error},
        {"labels_ignored", t->ignored},
        {"timesteps_mean", t->timesteps_mean},
        {"spikes_mean", run_mean(m, t, t->spikes)},
        {"events_mean", run_mean(m, t, t->events)},
        {"sops_mean", run_mean(m, t, t->sops)},
        {"spike_sops_mean", run_mean(m, t, t->spike_sops)},
        {"adds_mean", run_mean(m, t, t->adds)},
        {"ann_macs", (double)m->ann_macs},
        {"energy_uj_event", energy.event},
        {"energy_uj_spike", energy.spike},
        {"energy_uj_add", energy.add},
        {"energy_uj_ann", energy.ann},
        {"integer_uj", energy.integer},
        {"integer_uj_ann", energy.integer_ann},
        {"integer_memory_uj", energy.integer_memory},
        {"integer_memory_uj_ann", energy.integer_memory_ann},
        {"images_per_second", samples / t->seconds},
        {"cycles_mean", cycles},
        {"megahertz", megahertz > 0 ? megahertz : NAN},
        {"latency_us", megahertz > 0 ? cycles / megahertz : NAN},
    };
    for (int i = 0; i < FIGURE_COUNT; i++)
        value[i] = NAN;
    for (size_t i = 0; i < sizeof measured / sizeof *measured; i++) {
        const int row = figure_find(measured[i].key);
        if (row >= 0 && figure_rows[row].tasks & (1U << task))
            value[row] = as_written(measured[i].v);
    }
}

double figures_get(const double *value, const char *key)
{
    const int row = figure_find(key);
    return row >= 0 ? value[row] : NAN;
}
