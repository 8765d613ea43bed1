#include "convert/frontier.h"

#include "base/error.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { FRONTIER_MOST = 4096 };

struct option *candidates_option(const struct candidates *t, int i, int candidate)
{
    return &t->option[i * t->each + candidate];
}

int candidates_make(const struct network *net, int each, struct candidates *t)
{
    *t = (struct candidates){.each = each};
    t->population = malloc((size_t)net->population_count * sizeof *t->population);
    t->option = calloc((size_t)net->population_count * (size_t)each, sizeof *t->option);
    t->ratio = calloc((size_t)net->population_count, sizeof *t->ratio);
    if (!t->population || !t->option || !t->ratio)
        return af_fail(AF_NO_MEMORY, "no memory");
    for (int i = 0; i < net->population_count; i++)
        if (network_fires(net->population[i].kind))
            t->population[t->populations++] = i;
    return AF_OK;
}

void candidates_free(struct candidates *t)
{
    free(t->population);
    free(t->option);
    free(t->ratio);
}

/* A partial choice: sums over the populations so far, the last candidate, and where it came from.
 */
struct state {
    double cost, limited; /* to be least; to stay within the budget */
    int candidate, from;
};

static int by_limited(const void *a, const void *b)
{
    const struct state *x = a, *y = b;
    if (x->limited != y->limited)
        return x->limited < y->limited ? -1 : 1;
    if (x->cost != y->cost)
        return x->cost < y->cost ? -1 : 1;
    return x->from != y->from ? (x->from < y->from ? -1 : 1) : x->candidate - y->candidate;
}

/* Keeps what no cheaper state beats, and of a frontier that grows too long an even thinning. */
static int thin_out(struct state *s, int n)
{
    qsort(s, (size_t)n, sizeof *s, by_limited);
    int kept = 0;
    for (int i = 0; i < n; i++)
        if (kept == 0 || s[i].cost < s[kept - 1].cost)
            s[kept++] = s[i];
    if (kept <= FRONTIER_MOST)
        return kept;
    for (int i = 0; i < FRONTIER_MOST; i++)
        s[i] = s[(int64_t)i * (kept - 1) / (FRONTIER_MOST - 1)];
    return FRONTIER_MOST;
}

int frontier_choose(const struct candidates *t, bool by_energy, double budget, int *choice)
{
    size_t most = (size_t)FRONTIER_MOST * (size_t)t->each;
    struct state **layer = calloc((size_t)t->populations + 1, sizeof *layer);
    int *count = calloc((size_t)t->populations + 1, sizeof *count);
    struct state *grown = malloc((most + 1) * sizeof *grown);
    int status = layer && count && grown ? AF_OK : af_fail(AF_NO_MEMORY, "no memory");
    if (!status && !(layer[0] = calloc(1, sizeof **layer)))
        status = af_fail(AF_NO_MEMORY, "no memory");
    if (!status)
        count[0] = 1;
    for (int i = 0; !status && i < t->populations; i++) {
        int n = 0;
        for (int f = 0; f < count[i]; f++)
            for (int k = 0; k < t->each; k++) {
                const struct option *o = candidates_option(t, i, k);
                if (isnan(o->sensitivity))
                    continue;
                double cost = by_energy ? o->sensitivity : o->energy;
                double limited = by_energy ? o->energy : o->sensitivity;
                grown[n++] =
                    (struct state){layer[i][f].cost + cost, layer[i][f].limited + limited, k, f};
            }
        n = thin_out(grown, n);
        layer[i + 1] = malloc((size_t)n * sizeof **layer);
        if (!layer[i + 1])
            status = af_fail(AF_NO_MEMORY, "no memory");
        else
            memcpy(layer[i + 1], grown, (size_t)n * sizeof *grown);
        count[i + 1] = n;
    }
    if (!status) {
        /* Ordered by `limited`, cost falls: the last within the budget is the best. */
        int at = 0;
        for (int f = 0; f < count[t->populations]; f++)
            if (layer[t->populations][f].limited <= budget)
                at = f;
        for (int i = t->populations; i > 0; i--) {
            choice[i - 1] = layer[i][at].candidate;
            at = layer[i][at].from;
        }
    }
    for (int i = 0; layer && i <= t->populations; i++)
        free(layer[i]);
    free(layer);
    free(count);
    free(grown);
    return status;
}
