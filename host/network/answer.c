#include "network/answer.h"

#include "base/error.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* "features [64], logits [10]" */
static void list_outputs(const struct network *net, size_t room, char *text)
{
    size_t used = 0;
    *text = 0;
    for (int i = 0; i < net->population_count; i++) {
        const struct population *p = &net->population[i];
        if (p->kind != AF_OUTPUT || used + 1 >= room)
            continue;
        used += (size_t)snprintf(text + used, room - used, "%s%.60s [", used ? ", " : "", p->name);
        for (int k = p->rank > 1; k < p->rank && used < room; k++)
            used += (size_t)snprintf(text + used, room - used, "%lld%s", (long long)p->dim[k],
                                     k + 1 < p->rank ? "," : "]");
    }
}

/* Names that exporters and people give to classes, and to what is made beside them. */
static bool sounds_like_classes(const char *name)
{
    static const char *const yes[] = {"logit", "prob", "class", "score", "pred", "softmax"},
                             *const no[] = {"feat", "embed", "aux", "hidden"};
    bool good = false;
    for (size_t i = 0; i < sizeof yes / sizeof *yes; i++)
        good = good || strcasestr(name, yes[i]);
    for (size_t i = 0; i < sizeof no / sizeof *no; i++)
        good = good && !strcasestr(name, no[i]);
    return good;
}

/* Whether it mixes what it sees, as a classifier does; an intermediate value is only copied. */
static bool mixes(const struct population *p)
{
    bool good = false;
    for (int k = 0; k < p->projection_count; k++) {
        const struct wiring *w = &p->projection[k].wiring;
        good = good || w->groups < w->channels;
    }
    return good;
}

static int likeness(const struct population *p, const struct answer_hints *h)
{
    const bool map = p->shape[1] * p->shape[2] > 1;
    const int64_t classes = p->shape[0] > 1 ? p->shape[0] : 2; /* of one the sign tells */
    int points = mixes(p) + 2 * sounds_like_classes(p->name);
    if (h->map)
        points += map ? 32 : 0;
    if (h->classes)
        points += classes == h->classes ? 16 : 0;
    if (h->labels && !map)
        points += classes == h->labels ? 8 : classes > h->labels ? 4 : 0;
    return points;
}

int network_choose_answer(struct network *net, const struct answer_hints *h)
{
    int best = -1, most = -1, outputs = 0;
    char list[400];
    list_outputs(net, sizeof list, list);
    for (int i = 0; i < net->population_count; i++) {
        const struct population *p = &net->population[i];
        if (p->kind != AF_OUTPUT)
            continue;
        outputs++;
        const int points = h->name ? strcmp(p->name, h->name) == 0 : likeness(p, h);
        if (points > most) {
            most = points;
            best = i;
        }
    }
    if (h->name && most < 1)
        return af_fail(AF_BAD_ARGUMENT, "no output is called '%.80s'; there %s %s", h->name,
                       outputs > 1 ? "are" : "is", list);
    net->answer = best;
    if (h->name || outputs < 2)
        return AF_OK;
    return network_note(net, "of the outputs %s, '%.80s' is taken for the answers (--answers NAME)",
                        list, net->population[best].name);
}

int network_pair_answer(struct network *net)
{
    struct population *p = &net->population[network_answer(net)];
    float *bias = calloc(2, sizeof *bias);
    int32_t *order = calloc(2, sizeof *order);
    if (!bias || !order) {
        free(bias);
        free(order);
        return af_fail(AF_NO_MEMORY, "no memory");
    }
    bias[1] = p->bias[0];
    order[0] = 1;
    free(p->bias);
    free(p->order);
    p->bias = bias;
    p->order = order;
    p->shape[0] = 2;
    for (int k = 0; k < p->projection_count; k++)
        p->projection[k].wiring.at[0]++;
    return AF_OK;
}
