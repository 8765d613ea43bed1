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
    /* Where nothing measures it: what is sent too early can be taken back as soon as there is a
     * second timestep. */
    const bool back = o->signed_bursts == AF_AUTO && !o->optimize && o->timesteps > 1;
    const struct setting first = {.burst = o->search ? o->burst_desired : o->burst_initial,
                                  .signed_bursts = o->signed_bursts == AF_ON || back,
                                  .ratio = 1};
    int status = begin(reference, o, recipe);
    for (int i = 0; !status && i < recipe->network->population_count; i++)
        status = make_setting(&recipe->network->population[i], &first, &recipe->setting[i]);
    if (status)
        recipe_free(recipe);
    return status;
}

int setting_copy(const struct setting *from, const struct population *p, struct setting *to)
{
    const size_t neurons = (size_t)network_neurons(p);
    int status = make_setting(p, from, to);
    if (status)
        return status;
    setting_restore(to, p, from);
    if (!from->initial)
        return AF_OK;
    to->initial = malloc(neurons * sizeof *to->initial);
    if (!to->initial)
        return af_fail(AF_NO_MEMORY, "no memory");
    memcpy(to->initial, from->initial, neurons * sizeof *to->initial);
    return AF_OK;
}

void setting_restore(struct setting *s, const struct population *p, const struct setting *copy)
{
    const size_t channels = (size_t)p->shape[0];
    const struct setting own = *s;
    *s = *copy;
    s->threshold = own.threshold;
    s->bias = own.bias;
    s->initial = own.initial;
    memcpy(s->threshold, copy->threshold, channels * sizeof *s->threshold);
    memcpy(s->bias, copy->bias, channels * sizeof *s->bias);
}

void setting_free(struct setting *s)
{
    free(s->threshold);
    free(s->bias);
    free(s->initial);
    *s = (struct setting){0};
}

int recipe_clone(const struct recipe *from, struct recipe *to)
{
    int status = begin(from->reference, &from->options, to);
    for (int i = 0; !status && i < from->network->population_count; i++) {
        status = setting_copy(&from->setting[i], &from->network->population[i], &to->setting[i]);
        to->sensitivity[i] = from->sensitivity[i];
    }
    if (status)
        recipe_free(to);
    return status;
}

void recipe_free(struct recipe *recipe)
{
    for (int i = 0; recipe->setting && i < recipe->network->population_count; i++)
        setting_free(&recipe->setting[i]);
    free(recipe->setting);
    free(recipe->sensitivity);
    free(recipe->activity);
    free(recipe->recording_owned);
    af_model_free(recipe->model);
    *recipe = (struct recipe){0};
}
