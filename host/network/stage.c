#include "network/stage.h"

#include "base/error.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Source neurons that one neuron reads. With bursts of 15 and weights of 7 bits, a third of the
 * largest on average, 6,600 of them fill the 22 bits; sums over many timesteps want more room. */
enum { NEURONS_MOST = 4096, NEURONS_WANTED = 2048 };

static bool is_whole_map(const struct wiring *w, const int shape[3])
{
    for (int a = 0; a < 2; a++)
        if (w->view[a] != 1 || w->up[a] != 1 || w->pool_before[a] != 0 ||
            w->pool[a] != shape[a + 1])
            return false;
    return true;
}

/* The part of the map that is averaged first. */
static void choose_part(const struct wiring *w, const int shape[3], int part[2])
{
    int left[2] = {shape[1], shape[2]};
    part[0] = part[1] = 1;
    while ((int64_t)wiring_fan_in(w) * left[0] * left[1] > NEURONS_WANTED &&
           (left[0] > 1 || left[1] > 1)) {
        const int a = left[0] >= left[1] ? 0 : 1;
        part[a]++;
        left[a] = (shape[a + 1] + part[a] - 1) / part[a];
    }
}

static bool never_negative(const struct network *net, int population)
{
    while (net->population[population].kind == AF_MAXPOOL)
        population = net->population[population].projection[0].wiring.source;
    return net->population[population].kind == AF_RELU;
}

/* A place for a population before number `at`. */
static int make_room(struct network *net, int at)
{
    struct population *grown =
        realloc(net->population, (size_t)(net->population_count + 1) * sizeof *grown);
    if (!grown)
        return af_fail(AF_NO_MEMORY, "no memory for %d populations", net->population_count + 1);
    net->population = grown;
    net->room = net->population_count + 1;
    memmove(grown + at + 1, grown + at, (size_t)(net->population_count - at) * sizeof *grown);
    net->population_count++;
    for (int i = at + 1; i < net->population_count; i++)
        for (int k = 0; k < grown[i].projection_count; k++)
            grown[i].projection[k].wiring.source += grown[i].projection[k].wiring.source >= at;
    grown[at] = (struct population){.ceiling = INFINITY};
    return AF_OK;
}

/* Fills the place `at` with the means of the source's parts. */
static int fill_stage(struct network *net, int at, int source, const int part[2])
{
    const struct population *from = &net->population[source];
    struct population *p = &net->population[at];
    const size_t channels = (size_t)from->shape[0];
    char name[256];
    snprintf(name, sizeof name, "%.240s.mean", from->name);
    p->kind = never_negative(net, source) ? AF_RELU : AF_LINEAR;
    p->shape[0] = from->shape[0];
    for (int a = 0; a < 2; a++)
        p->shape[a + 1] = (from->shape[a + 1] + part[a] - 1) / part[a];
    p->name = strdup(name);
    p->bias = calloc((size_t)network_neurons(p), sizeof *p->bias);
    p->projection = calloc(1, sizeof *p->projection);
    if (!p->name || !p->bias || !p->projection)
        return af_fail(AF_NO_MEMORY, "no memory for the means of '%.80s'", from->name);
    p->projection_count = 1;
    struct projection *t = p->projection;
    int status = wiring_identity(&t->wiring, source, p->shape);
    t->weight = malloc(channels * sizeof *t->weight);
    if (status || !t->weight)
        return status ? status : af_fail(AF_NO_MEMORY, "no memory");
    for (int a = 0; a < 2; a++) {
        t->wiring.pool[a] = t->wiring.pool_stride[a] = part[a];
        t->wiring.view[a] = p->shape[a + 1];
    }
    for (size_t c = 0; c < channels; c++)
        t->weight[c] = 1 / (float)(part[0] * part[1]);
    return AF_OK;
}

/* The reader sees the stage where it saw its source. */
static void read_stage(struct projection *t, const struct population *stage, int at,
                       const int part[2])
{
    t->wiring.source = at;
    for (int a = 0; a < 2; a++)
        t->wiring.pool[a] = t->wiring.pool_stride[a] = stage->shape[a + 1];
    for (int64_t i = 0; i < wiring_weights(&t->wiring); i++)
        t->weight[i] *= (float)(part[0] * part[1]);
}

/* The stage of this source and part right before number `at`, if there is one. */
static int find_stage(const struct network *net, int at, int source, const int part[2])
{
    for (int i = source + 1; i < at; i++) {
        const struct population *p = &net->population[i];
        if (p->projection_count != 1 || !p->projection[0].weight)
            continue;
        const struct wiring *w = &p->projection[0].wiring;
        if (w->source == source && w->pool[0] == part[0] && w->pool[1] == part[1] &&
            w->pool_stride[0] == part[0] && w->pool_stride[1] == part[1] && strlen(p->name) > 5 &&
            strcmp(p->name + strlen(p->name) - 5, ".mean") == 0)
            return i;
    }
    return -1;
}

int network_stage_means(struct network *net)
{
    int status = AF_OK;
    for (int i = 1; !status && i < net->population_count; i++)
        for (int k = 0; !status && k < net->population[i].projection_count; k++) {
            const struct wiring *w = &net->population[i].projection[k].wiring;
            const int source = w->source, *shape = net->population[source].shape;
            int part[2];
            if (!net->population[i].projection[k].weight || !is_whole_map(w, shape) ||
                (int64_t)wiring_fan_in(w) * shape[1] * shape[2] <= NEURONS_MOST)
                continue;
            choose_part(w, shape, part);
            int at = find_stage(net, i, source, part);
            if (at < 0) { /* before all outputs, which come last */
                at = net->population[i].kind == AF_OUTPUT ? network_first_output(net) : i;
                i++;
                status = make_room(net, at);
                if (!status)
                    status = fill_stage(net, at, source, part);
            }
            if (!status)
                read_stage(&net->population[i].projection[k], &net->population[at], at, part);
        }
    return status;
}
