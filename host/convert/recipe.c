#include "convert/recipe.h"

#include "base/error.h"

#include <stdlib.h>
#include <string.h>

static int make_setting(const struct population *p, const struct setting *like, struct setting *s)
{
    const size_t channels = (size_t)p->shape[0];
    *s = *like;
    s->initial = NULL;
    s->threshold = calloc(channels, sizeof *s->threshold);
    s->bias = calloc(channels, sizeof *s->bias);
    return s->threshold && s->bias ? AF_OK : af_fail(AF_NO_MEMORY, "no memory");
}

static int begin(const struct reference *reference, const struct convert_options *options,
                 struct recipe *recipe)
{
    const size_t n = (size_t)reference->network->population_count;
    *recipe = (struct recipe){.reference = reference,
                              .network = reference->network,
                              .options = *options,
                              .recordings = reference->data.recordings,
                              .recording = reference->data.recording};
    recipe->setting = calloc(n, sizeof *recipe->setting);
    recipe->sensitivity = calloc(n, sizeof *recipe->sensitivity);
    return recipe->setting && recipe->sensitivity ? AF_OK : af_fail(AF_NO_MEMORY, "no memory");
}

int recipe_begin(const struct reference *reference, const struct convert_options *o,
                 struct recipe *recipe)
{
    const struct setting first = {.burst = o->search ? o->burst_desired : o->burst_initial,
                                  .signed_bursts = o->signed_bursts == AF_ON,
                                  .ratio = 1};
    int status = begin(reference, o, recipe);
    for (int i = 0; !status && i < recipe->network->population_count; i++)
        status = make_setting(&recipe->network->population[i], &first, &recipe->setting[i]);
    if (status)
        recipe_free(recipe);
    return status;
}

int recipe_clone(const struct recipe *from, struct recipe *to)
{
    int status = begin(from->reference, &from->options, to);
    for (int i = 0; !status && i < from->network->population_count; i++) {
        const struct population *p = &from->network->population[i];
        const struct setting *s = &from->setting[i];
        const size_t channels = (size_t)p->shape[0], neurons = (size_t)network_neurons(p);
        status = make_setting(p, s, &to->setting[i]);
        if (status)
            break;
        memcpy(to->setting[i].threshold, s->threshold, channels * sizeof *s->threshold);
        memcpy(to->setting[i].bias, s->bias, channels * sizeof *s->bias);
        to->sensitivity[i] = from->sensitivity[i];
        if (!s->initial)
            continue;
        to->setting[i].initial = malloc(neurons * sizeof *s->initial);
        if (to->setting[i].initial)
            memcpy(to->setting[i].initial, s->initial, neurons * sizeof *s->initial);
        else
            status = af_fail(AF_NO_MEMORY, "no memory");
    }
    if (status)
        recipe_free(to);
    return status;
}

void recipe_free(struct recipe *recipe)
{
    for (int i = 0; recipe->setting && i < recipe->network->population_count; i++) {
        free(recipe->setting[i].threshold);
        free(recipe->setting[i].bias);
        free(recipe->setting[i].initial);
    }
    free(recipe->setting);
    free(recipe->sensitivity);
    free(recipe->activity);
    free(recipe->recording_owned);
    af_model_free(recipe->model);
    *recipe = (struct recipe){0};
}
