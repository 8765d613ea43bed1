#include "cli/check_network.h"

#include "base/json.h"
#include "cli/builds.h"
#include "cli/cli.h"
#include "model/model.h"
#include "onnx/onnx.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct page {
    const char *path;
    struct graph *graph;
    struct af_model *outline; /* NULL: it does not convert */
    char why[1024];
    char *misfit[BUILDS]; /* NULL: it fits; empty: the build is not here */
};

/* ---- Operators ------------------------------------------------------------------------------ */

static int count_of(const struct graph *g, const char *op, int from)
{
    int count = 0;
    for (int i = from; i < g->node_count; i++)
        count += strcmp(g->node[i].op, op) == 0;
    return count;
}

static bool came_before(const struct graph *g, int node)
{
    for (int i = 0; i < node; i++)
        if (strcmp(g->node[i].op, g->node[node].op) == 0)
            return true;
    return false;
}

/* Each operator and how many there are, between `before` and `after`. */
static void print_operators(FILE *to, const struct graph *g, bool json)
{
    bool first = true;
    for (int i = 0; i < g->node_count; i++) {
        if (came_before(g, i))
            continue;
        const int count = count_of(g, g->node[i].op, i);
        fprintf(to, "%s", first ? "" : ", ");
        if (json)
            json_text(to, g->node[i].op);
        else
            fprintf(to, "%s", g->node[i].op);
        fprintf(to, json ? ": %d" : " %d", count);
        first = false;
    }
}

/* ---- Populations ---------------------------------------------------------------------------- */

struct size {
    int64_t neurons, weights, operations;
};

/* Operations: multiply-accumulates that its projections would be in the ANN. */
static struct size size_of(const struct neurons *p)
{
    struct size s = {.neurons = neuron_count(p)};
    for (int k = 0; k < p->input_count; k++) {
        const struct wiring *w = &p->input[k].wiring;
        if (!p->input[k].weight)
            continue;
        s.weights += wiring_weights(w);
        s.operations += wiring_weights(w) * w->block[1] * w->block[2];
    }
    return s;
}

static void print_populations(const struct af_model *m)
{
    char a[16], b[16], c[16], shape[48], name[64];
    const int width = cli_columns(stdout) < 94 ? 19 : 34;
    printf("\n%-3s %-*s %-8s %14s %8s %8s %10s\n", "#", width, "population", "kind", "shape",
           "neurons", "weights", "operations");
    for (int i = 0; i < m->population_count; i++) {
        const struct neurons *p = &m->population[i];
        const struct size s = size_of(p);
        snprintf(shape, sizeof shape, "%dx%dx%d", p->shape[0], p->shape[1], p->shape[2]);
        printf("%-3d %-*s %-8s %14s %8s %8s %10s\n", i, width, cli_name(p->name, width, name),
               af_kind_name(p->kind), shape, cli_human((double)s.neurons, a),
               s.weights ? cli_human((double)s.weights, b) : "",
               s.operations ? cli_human((double)s.operations, c) : "");
    }
}

/* ---- Builds --------------------------------------------------------------------------------- */

static int try_builds(struct page *p)
{
    for (int i = 0; i < BUILDS; i++) {
        const int status = build_try(builds[i].name, p->outline);
        if (!status)
            continue;
        p->misfit[i] = strdup(status == AF_NO_DEVICE ? "" : af_error());
        if (!p->misfit[i])
            return AF_NO_MEMORY;
    }
    return AF_OK;
}

/* What `print` writes, as one line that is broken where the terminal ends. */
static void wrapped(void (*print)(FILE *to, const struct page *p), const struct page *p)
{
    char *text = NULL;
    size_t size;
    FILE *to = open_memstream(&text, &size);
    if (!to)
        return print(stdout, p);
    print(to, p);
    fclose(to);
    cli_wrapped(stdout, 0, text);
    free(text);
}

static void print_fitting(FILE *to, const struct page *p)
{
    fprintf(to, "fits the CPU");
    for (int i = 0; i < BUILDS; i++)
        if (!p->misfit[i])
            fprintf(to, ", build %s (%s)", builds[i].name, builds[i].what);
}

static void print_builds(const struct page *p)
{
    char text[1200];
    printf("\n");
    wrapped(print_fitting, p);
    for (int i = 0; i < BUILDS; i++)
        if (p->misfit[i]) {
            snprintf(text, sizeof text, "not %s: %s", builds[i].name,
                     p->misfit[i][0] ? p->misfit[i] : "that build is not installed, so not tried");
            cli_wrapped(stdout, 0, text);
        }
}

static void print_operator_line(FILE *to, const struct page *p)
{
    fprintf(to, "operators: ");
    print_operators(to, p->graph, false);
}

/* ---- The page ------------------------------------------------------------------------------- */

static void print_page(const struct page *p)
{
    struct af_model_info info;
    char a[16], b[16], c[16];
    printf("%s: opset %d, %d node%s\n", p->path, p->graph->opset, p->graph->node_count,
           cli_s(p->graph->node_count));
    wrapped(print_operator_line, p);
    if (!p->outline) {
        printf("does not convert: %s\n", p->why);
        return;
    }
    af_model_info(p->outline, &info);
    printf("converts: %dx%dx%d samples, %d population%s of %s neurons, %s weights\n"
           "the ANN does %s MACs\n",
           info.channels, info.height, info.width, info.populations, cli_s(info.populations),
           cli_human((double)info.neurons, a), cli_human((double)info.synapses, b),
           cli_human((double)info.ann_macs, c));
    print_populations(p->outline);
    print_builds(p);
}

static void print_population_json(const struct neurons *p)
{
    const struct size s = size_of(p);
    printf("{\"name\": ");
    json_text(stdout, p->name);
    printf(", \"kind\": \"%s\", \"shape\": [%d, %d, %d], \"neurons\": %lld, \"weights\": %lld, "
           "\"operations\": %lld}",
           af_kind_name(p->kind), p->shape[0], p->shape[1], p->shape[2], (long long)s.neurons,
           (long long)s.weights, (long long)s.operations);
}

static void print_json(const struct page *p)
{
    printf("{\"network\": ");
    json_text(stdout, p->path);
    printf(", \"opset\": %d, \"operators\": {", p->graph->opset);
    print_operators(stdout, p->graph, true);
    printf("}, \"converts\": %s, ", p->outline ? "true" : "false");
    if (!p->outline) {
        printf("\"why_not\": ");
        json_text(stdout, p->why);
    } else {
        printf("\"populations\": [");
        for (int i = 0; i < p->outline->population_count; i++) {
            printf("%s", i ? ", " : "");
            print_population_json(&p->outline->population[i]);
        }
        printf("], \"builds\": {");
        for (int i = 0; i < BUILDS; i++) {
            printf("%s\"%s\": {\"fits\": %s", i ? ", " : "", builds[i].name,
                   !p->misfit[i]     ? "true"
                   : p->misfit[i][0] ? "false"
                                     : "null");
            if (p->misfit[i] && p->misfit[i][0]) {
                printf(", \"why_not\": ");
                json_text(stdout, p->misfit[i]);
            }
            printf("}");
        }
        printf("}");
    }
    printf(", ");
    cli_json_notes(stdout);
    printf("}\n");
}

static void print_unread(const struct page *p, bool json)
{
    if (!json) {
        printf("%s does not convert: %s\n", p->path, p->why);
        return;
    }
    printf("{\"network\": ");
    json_text(stdout, p->path);
    printf(", \"converts\": false, \"why_not\": ");
    json_text(stdout, p->why);
    printf(", ");
    cli_json_notes(stdout);
    printf("}\n");
}

static const char *without_path(const char *sentence, const char *path)
{
    const size_t n = strlen(path);
    return strncmp(sentence, path, n) == 0 && strncmp(sentence + n, ": ", 2) == 0 ? sentence + n + 2
                                                                                  : sentence;
}

int check_network(const struct af_convert_options *options, bool json)
{
    struct page p = {.path = options->onnx};
    int status = onnx_load(p.path, &p.graph);
    if (status && status != AF_UNSUPPORTED)
        return cli_fail_af();
    if (status) { /* of an opset or operator that is not known at all */
        snprintf(p.why, sizeof p.why, "%s", without_path(af_error(), p.path));
        print_unread(&p, json);
        return 1;
    }
    const int outlined = af_outline(options, &p.outline);
    if (outlined == AF_BAD_ARGUMENT || outlined == AF_NO_MEMORY) { /* of what was asked */
        graph_free(p.graph);
        return cli_fail_af();
    }
    if (outlined)
        snprintf(p.why, sizeof p.why, "%s", without_path(af_error(), p.path));
    if (!outlined)
        status = try_builds(&p);
    if (!status && json)
        print_json(&p);
    else if (!status)
        print_page(&p);
    for (int i = 0; i < BUILDS; i++)
        free(p.misfit[i]);
    af_model_free(p.outline);
    graph_free(p.graph);
    return status ? cli_fail("no memory") : outlined ? 1 : 0;
}
