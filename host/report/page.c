/* The public face of reports: what a program knows of a run, as the figures of a page. */
#include "adafire.h"
#include "base/error.h"
#include "base/file.h"
#include "model/model.h"
#include "report/report.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

void af_report_defaults(struct af_report *r)
{
    if (!r)
        return;
    *r = (struct af_report){.accuracy = NAN,
                            .top5 = NAN,
                            .agreement = NAN,
                            .ignored = NAN,
                            .mean = NAN,
                            .ann_mean = NAN,
                            .pixels = NAN,
                            .ann_pixels = NAN,
                            .error = NAN,
                            .ann_error = NAN,
                            .recall = NAN,
                            .precision = NAN,
                            .distance = NAN};
}

static int check(const struct af_model *m, const struct af_report *r)
{
    if (!m || !r)
        return af_fail(AF_BAD_ARGUMENT, "a model and what it did are needed");
    if (r->samples < 1 || r->timesteps < 1 || r->timesteps > TIMESTEPS_LIMIT)
        return af_fail(AF_BAD_ARGUMENT, "a report of %lld samples in %d timesteps",
                       (long long)r->samples, r->timesteps);
    if (!r->exits || !r->spikes || !r->events || !r->sops || !r->spike_sops)
        return af_fail(AF_BAD_ARGUMENT, "a report needs exits and what populations did");
    if (r->raster_count < 0 || (r->raster_count && !r->raster))
        return af_fail(AF_BAD_ARGUMENT, "a raster of %lld events", (long long)r->raster_count);
    return af_check_reserved("af_report", r);
}

static void take_populations(const struct af_model *m, const struct af_report *r,
                             struct report_population *p)
{
    const double n = (double)r->samples;
    for (int i = 0; i < m->population_count; i++) {
        struct af_population_info info;
        af_population_info(m, i, &info);
        p[i] = (struct report_population){
            .name = info.name,
            .kind = af_kind_name(info.kind),
            .channels = info.channels,
            .height = info.height,
            .width = info.width,
            .burst = info.burst,
            .signed_bursts = info.signed_bursts,
            .ratio = info.ratio,
            .threshold_min = info.threshold_min,
            .threshold_max = info.threshold_max,
            .spikes = r->spikes[i] / n,
            .events = r->events[i] / n,
            .sops = r->sops[i] / n,
        };
    }
}

static double mean_timesteps(const struct af_report *r)
{
    double steps = 0;
    for (int s = 0; s < r->timesteps; s++)
        steps += (s + 1.0) * (double)r->exits[s];
    return steps / (double)r->samples;
}

static int take_facts(const struct af_model *m, const struct af_report *r, char ignored[60],
                      struct report_fact *facts)
{
    int count = 0;
    for (; count < m->fact_count; count++)
        facts[count] = (struct report_fact){m->fact[count].key, m->fact[count].value};
    snprintf(ignored, 60, "%.2f %%, of classes that the network lacks", 100 * r->ignored);
    if (r->ignored > 0)
        facts[count++] = (struct report_fact){"labels ignored", ignored};
    return count;
}

static int put(FILE *f, const struct af_model *m, const struct af_report *r,
               struct report_population *populations, struct report_fact *facts)
{
    char ignored[60];
    struct af_energy energy;
    take_populations(m, r, populations);
    const int fact_count = take_facts(m, r, ignored, facts);
    const int status =
        af_energy_of(m, (double)r->samples, r->events, r->sops, r->spike_sops, r->adds, &energy);
    if (status)
        return status;
    const struct report_score scores[] = {
        {r->task == AF_DETECT ? "mAP@0.5" : "Mean IoU", r->mean, r->ann_mean},
        {"Pixels", r->pixels, r->ann_pixels},
        {"The ANN's boxes", r->recall, NAN},
        {"Boxes that are its", r->precision, NAN},
        {"Error", r->error, r->ann_error},
        {"Off the ANN", r->distance, NAN}};
    const struct report report = {
        .score_count = r->task == AF_CLASSIFY ? 0 : sizeof scores / sizeof *scores,
        .scores = scores,
        .title = m->name,
        .board = r->board,
        .samples = r->samples,
        .timesteps = r->timesteps,
        .iat = r->iat,
        .accuracy = r->accuracy,
        .top5 = r->top5,
        .agreement = r->agreement,
        .timesteps_mean = mean_timesteps(r),
        .samples_per_second = r->seconds > 0 ? (double)r->samples / r->seconds : NAN,
        .accuracy_at = r->accuracy_at,
        .agreement_at = r->agreement_at,
        .exits = r->exits,
        .energy_ann_uj = energy.ann,
        .energy_event_uj = energy.event,
        .energy_spike_uj = energy.spike,
        .energy_add_uj = energy.add,
        .integer_uj = energy.integer,
        .integer_ann_uj = energy.integer_ann,
        .integer_memory_uj = energy.integer_memory,
        .integer_memory_ann_uj = energy.integer_memory_ann,
        .integer_bits = energy.bits,
        .population_count = m->population_count,
        .populations = populations,
        .raster_count = r->raster_count,
        .raster = r->raster,
        .raster_name = r->raster_name,
        .profile = r->profile,
        .fact_count = fact_count,
        .facts = facts,
    };
    return report_put(f, &report);
}

/* To a file where there is a path, else into *text. */
static int write_page(const struct af_model *m, const struct af_report *r, const char *path,
                      char **text)
{
    size_t size = 0;
    struct file_out out = {0};
    struct report_population *p = calloc((size_t)m->population_count, sizeof *p);
    struct report_fact *facts = calloc((size_t)m->fact_count + 1, sizeof *facts);
    int status = p && facts ? AF_OK : af_fail(AF_NO_MEMORY, "no memory for the report");
    if (!status && path)
        status = file_create(&out, path);
    FILE *f = status ? NULL : path ? out.stream : open_memstream(text, &size);
    if (!status && !f)
        status = af_fail(AF_NO_MEMORY, "no memory for the report");
    if (!status)
        status = put(f, m, r, p, facts);
    if (!path && f) {
        const bool good = !ferror(f);
        if ((fclose(f) || !good) && !status)
            status = af_fail(AF_NO_MEMORY, "no memory for the report");
        if (status) {
            free(*text);
            *text = NULL;
        }
    } else if (f && status) {
        file_discard(&out);
    } else if (f) {
        status = file_commit(&out);
    }
    free(p);
    free(facts);
    return status;
}

int af_report_write(const struct af_model *m, const struct af_report *r, const char *path)
{
    const int status = path ? check(m, r) : af_fail(AF_BAD_ARGUMENT, "a file for it is needed");
    return status ? status : write_page(m, r, path, NULL);
}

int af_report_text(const struct af_model *m, const struct af_report *r, char **text)
{
    if (text)
        *text = NULL;
    const int status = text ? check(m, r) : af_fail(AF_BAD_ARGUMENT, "a place for it is needed");
    return status ? status : write_page(m, r, NULL, text);
}
