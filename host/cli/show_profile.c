#include "cli/show_profile.h"

#include "base/json.h"
#include "cli/cli.h"

/* A population's name, and that of the row behind the last one. */
static const char *row_name(const struct af_model *m, int i)
{
    struct af_population_info info;
    if (i == m->population_count)
        return "decisions, outputs";
    af_population_info(m, i, &info);
    return info.name;
}

static bool is_empty(const struct profile_row *row)
{
    return row->cycles <= 0;
}

static double lane_cycles(const struct profile_sum *p)
{
    return p->cycles * p->first->cores * p->first->lanes;
}

static double percent(double part, double whole)
{
    return whole > 0 ? 100 * part / whole : 0;
}

static void show_row(FILE *to, const struct af_model *m, const struct run_totals *t, int i)
{
    const struct profile_sum *p = &t->profile;
    const struct profile_row *row = &p->row[i];
    const bool population = i < m->population_count;
    const double cores = p->first->cores, samples = (double)p->samples;
    char cycles[16], events[16], sops[16];
    fprintf(to, "  %-24.24s %8s %6.1f %%", row_name(m, i),
            cli_human(row->cycles / cores / samples, cycles),
            percent(row->cycles / cores, p->cycles));
    if (population)
        fprintf(to, " %8s %8s %6.1f %%", cli_human(t->events[i] / (double)t->samples, events),
                cli_human(t->sops[i] / (double)t->samples, sops),
                percent(t->sops[i], row->cycles * p->first->lanes));
    else
        fprintf(to, " %8s %8s %8s", "", "", "");
    fprintf(to, " %6.1f %% %6.1f %% %6.1f %%\n", percent(row->firing, row->cycles),
            percent(row->starved, row->cycles), percent(row->blocked, row->cycles));
}

void show_profile(FILE *to, const struct af_model *m, const struct run_totals *t)
{
    const struct profile_sum *p = &t->profile;
    const double n = (double)p->samples;
    char text[16];
    double sops = run_mean(m, t, t->sops) * n;
    fprintf(to,
            "\n  %s cycles inside the accelerator, mean of %lld sample%s; %d core%s of %d lanes, "
            "which add a weight in %.1f %% of the cycles\n\n"
            "  %-24s %8s %8s %8s %8s %8s %8s %8s %8s\n",
            cli_human(p->cycles / n, text), (long long)p->samples, p->samples == 1 ? "" : "s",
            p->first->cores, p->first->cores == 1 ? "" : "s", p->first->lanes,
            percent(sops, lane_cycles(p)), "population", "cycles", "share", "events", "SOPs",
            "lanes", "firing", "starved", "blocked");
    for (int i = 0; i <= m->population_count; i++)
        if (!is_empty(&p->row[i]))
            show_row(to, m, t, i);
    fprintf(to, "\n  %-24s %8s %8s %8s\n", "process", "busy", "starved", "blocked");
    for (int i = 0; i < p->first->waits_count; i++) {
        const struct af_waits *w = &p->first->waits[i];
        const struct profile_row *row = &p->waits[i];
        char name[48];
        if (w->before)
            continue;
        if (w->core < 0)
            snprintf(name, sizeof name, "%s", w->process);
        else
            snprintf(name, sizeof name, "%s %d", w->process, w->core);
        const struct shares x = profile_shares(row->starved, row->blocked, p->cycles);
        fprintf(to, "  %-24s %6.1f %% %6.1f %% %6.1f %%\n", name, x.busy, x.starved, x.blocked);
    }
}

static void put_numbers(FILE *to, const char *const *key, const double *value, int count)
{
    for (int i = 0; i < count; i++) {
        fputs(i ? ", " : "", to);
        json_number(to, key[i], value[i]);
    }
}

void show_profile_json(FILE *to, const struct af_model *m, const struct run_totals *t)
{
    static const char *const keys[] = {"cycles", "firing", "starved", "blocked"};
    const struct profile_sum *p = &t->profile;
    const double n = (double)p->samples;
    fprintf(to, "\"profile\": {\"cores\": %d, \"lanes\": %d, ", p->first->cores, p->first->lanes);
    json_number(to, "cycles_mean", p->cycles / n);
    fputs(", \"populations\": [", to);
    for (int i = 0, written = 0; i <= m->population_count; i++) {
        const struct profile_row *row = &p->row[i];
        const double scale = n * p->first->cores;
        const double values[] = {row->cycles / scale, row->firing / scale, row->starved / scale,
                                 row->blocked / scale};
        if (is_empty(row))
            continue;
        fprintf(to, "%s{\"name\": ", written++ ? ", " : "");
        json_text(to, row_name(m, i));
        fputs(", ", to);
        put_numbers(to, keys, values, 4);
        fputs("}", to);
    }
    fputs("], \"processes\": [", to);
    for (int i = 0; i < p->first->waits_count; i++) {
        const struct af_waits *w = &p->first->waits[i];
        const double values[] = {p->waits[i].starved / n, p->waits[i].blocked / n};
        fprintf(to, "%s{\"name\": \"%s\", \"core\": ", i ? ", " : "", w->process);
        fprintf(to, w->core < 0 ? "null, " : "%d, ", w->core);
        put_numbers(to, keys + 2, values, 2);
        fputs("}", to);
    }
    fputs("]}, ", to);
}
