/* adafire-info: what a spiking network file or a recording holds. */
#include "base/json.h"
#include "cli/cli.h"
#include "cli/show_recording.h"
#include "iat.h"
#include "model/model.h"
#include "run/answer.h"
#include "task/classes.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
    "Usage: adafire-info [--json] MODEL.snn\n"
    "       adafire-info [--json] [--events OUT.npy] RECORDING\n"
    "Prints what a spiking network file holds: populations, projections, thresholds,\n"
    "limits of early exit, and where it came from; or what a recording of an event\n"
    "camera holds: its format, number of events, first and last time, size of the\n"
    "sensor, polarities, and what is wrong with it. Recordings are AEDAT 2, 3.1 and\n"
    "4, EVT2, EVT2.1, EVT3, DAT, ES, N-MNIST .bin, HDF5, npy, npz and text, told by\n"
    "their content.\n"
    "\n"
    "Examples:\n"
    "  adafire-info digits.snn\n"
    "  adafire-info street.aedat4 --events street.npy\n"
    "\n"
    "      --events OUT.npy  write a recording's events as records of t (int64, us),\n"
    "                        x, y (uint16) and p (uint8)\n"
    "      --json            as JSON\n"
    "      --help, --version\n";

static bool is_narrow(void)
{
    return cli_columns(stdout) < 112;
}

static void print_population(const struct af_model *m, int i)
{
    struct af_population_info p;
    char name[64], neurons[16], shape[32], range[40] = "", phi[16] = "", rho[16] = "",
                                           from[128] = "";
    const struct neurons *n = &m->population[i];
    af_population_info(m, i, &p);
    snprintf(shape, sizeof shape, "%dx%dx%d", p.channels, p.height, p.width);
    if (p.burst) {
        snprintf(range, sizeof range, "%.3g .. %.3g", p.threshold_min, p.threshold_max);
        snprintf(phi, sizeof phi, "%s%d", p.signed_bursts ? "+-" : "", p.burst);
        snprintf(rho, sizeof rho, "%.1f", p.ratio);
    }
    for (int k = 0; k < n->input_count; k++) {
        const struct wiring *w = &n->input[k].wiring;
        size_t at = strlen(from);
        snprintf(from + at, sizeof from - at, "%s%d:%dx%d", k ? " " : "", w->source, w->kernel[0],
                 w->kernel[1]);
        at = strlen(from);
        if (w->stride[0] > 1 || w->stride[1] > 1)
            snprintf(from + at, sizeof from - at, "/%d", w->stride[1]);
    }
    if (is_narrow()) {
        printf("%-3d %-16s %-7s %11s %20s %5s  ", i, cli_name(p.name, 16, name),
               af_kind_name(p.kind), shape, range, phi);
        cli_wrapped(stdout, 69, from);
    } else {
        printf("%-3d %-28s %-8s %12s %8s %20s %5s %5s  %s\n", i, cli_name(p.name, 28, name),
               af_kind_name(p.kind), shape, cli_human((double)neuron_count(n), neurons), range, phi,
               rho, from);
    }
}

/* What the outputs tell apart, and how; a task that does not fit them is told as classes. */
static int read_task(const struct af_model *m, struct task *task)
{
    int classes = task_of_model(m, NULL, task) ? -1 : task_classes(m, task);
    if (classes >= 0)
        return classes;
    *task = (struct task){.kind = AF_CLASSIFY};
    return task_classes(m, task);
}

static void print_fact(const char *key, const char *value)
{
    char line[4096];
    snprintf(line, sizeof line, "%s: %s", key, value);
    if (strlen(line) + 1 < sizeof line)
        cli_wrapped(stdout, 0, line);
    else
        printf("%s: %s\n", key, value);
}

static void print_text(const struct af_model *m)
{
    static const char *const what[] = {"", "boxes of ", "maps of "};
    struct af_model_info info;
    struct task task;
    char a[16], b[16], c[16];
    int classes = read_task(m, &task);
    af_model_info(m, &info);
    printf("%s: %dx%dx%d %s, %d timestep%s, %s%d class%s\n", info.name, info.channels, info.height,
           info.width, info.events ? "event recordings" : "samples", info.timesteps,
           cli_s(info.timesteps), what[task.kind], classes, classes == 1 ? "" : "es");
    printf("%d population%s of %s neurons, %d projection%s of %s weights (%.0f %% of them 0)\n"
           "The ANN does %s MACs\n",
           info.populations, cli_s(info.populations), cli_human((double)info.neurons, a),
           info.projections, cli_s(info.projections), cli_human((double)info.synapses, b),
           100.0 * (double)info.zeros / (double)(info.synapses ? info.synapses : 1),
           cli_human((double)info.ann_macs, c));
    if (m->iat.metric != IAT_OFF)
        printf("Early exit by %s\n", m->iat.metric == IAT_ENTROPY ? "entropy" : "confidence");
    if (is_narrow())
        printf("\n%-3s %-16s %-7s %11s %20s %5s  %s\n", "#", "population", "kind", "shape",
               "thresholds", "phi", "from");
    else
        printf("\n%-3s %-28s %-8s %12s %8s %20s %5s %5s  %s\n", "#", "population", "kind", "shape",
               "neurons", "thresholds", "phi", "rho", "from:kernel");
    for (int i = 0; i < m->population_count; i++)
        print_population(m, i);
    printf("\n");
    for (int i = 0; i < m->fact_count; i++)
        print_fact(m->fact[i].key, m->fact[i].value);
}

static void print_json(const struct af_model *m)
{
    struct af_model_info info;
    struct task task;
    int classes = read_task(m, &task);
    af_model_info(m, &info);
    printf("{\"name\": ");
    json_text(stdout, info.name);
    printf(", \"task\": \"%s\"", task_kind_name(task.kind));
    printf(
        ", \"input\": [%d, %d, %d], \"events\": %s, \"timesteps\": %d, \"classes\": %d, "
        "\"neurons\": %lld, \"synapses\": %lld, \"zeros\": %lld, \"ann_macs\": %lld, \"iat\": %s, "
        "\"populations\": [",
        info.channels, info.height, info.width, info.events ? "true" : "false", info.timesteps,
        classes, (long long)info.neurons, (long long)info.synapses, (long long)info.zeros,
        (long long)info.ann_macs, info.iat ? "true" : "false");
    for (int i = 0; i < info.populations; i++) {
        struct af_population_info p;
        af_population_info(m, i, &p);
        printf("%s{\"name\": ", i ? ", " : "");
        json_text(stdout, p.name);
        printf(", \"kind\": \"%s\", \"shape\": [%d, %d, %d], \"burst\": %d, \"signed\": %s, ",
               af_kind_name(p.kind), p.channels, p.height, p.width, p.burst,
               p.signed_bursts ? "true" : "false");
        json_number(stdout, "ratio", p.ratio);
        printf(", ");
        json_number(stdout, "threshold_min", p.threshold_min);
        printf(", ");
        json_number(stdout, "threshold_max", p.threshold_max);
        printf("}");
    }
    printf("], \"facts\": {");
    for (int i = 0; i < m->fact_count; i++) {
        printf("%s", i ? ", " : "");
        json_text(stdout, m->fact[i].key);
        printf(": ");
        json_text(stdout, m->fact[i].value);
    }
    printf("}}\n");
}

/* A file that begins as a model does is one. */
static bool is_model(const char *path)
{
    static const char magic[8] = "ADAFIRE\n";
    char begin[sizeof magic] = {0};
    FILE *f = fopen(path, "rb");
    const bool is = f && fread(begin, 1, sizeof begin, f) && !memcmp(begin, magic, sizeof magic);
    if (f)
        fclose(f);
    return is;
}

static int show_model(const char *path, bool json)
{
    struct af_model *model;
    if (af_model_load(path, &model))
        return cli_fail_af();
    if (json)
        print_json(model);
    else
        print_text(model);
    af_model_free(model);
    return cli_end(0);
}

int main(int argc, char **argv)
{
    static const struct option options[] = {{"json", no_argument, NULL, 'j'},
                                            {"events", required_argument, NULL, 'e'},
                                            {"help", no_argument, NULL, 'h'},
                                            {"version", no_argument, NULL, 'v'},
                                            {NULL, 0, NULL, 0}};
    bool json = false;
    const char *events = NULL;
    cli_begin("adafire-info");
    for (int opt; (opt = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (opt) {
        case 'j': json = true; break;
        case 'e': events = optarg; break;
        case 'h': fputs(help, stdout); return 0;
        case 'v': puts("adafire-info " AF_VERSION); return 0;
        default: return cli_unknown(options, argv[optind - 1]);
        }
    }
    if (argc - optind != 1)
        return cli_fail("one MODEL.snn or RECORDING is needed; see --help");
    const char *path = argv[optind];
    if (is_model(path))
        return events ? cli_fail("%s: a model holds no events", path) : show_model(path, json);
    if (show_recording(path, json, events))
        return EXIT_ERROR;
    return cli_end(0);
}
