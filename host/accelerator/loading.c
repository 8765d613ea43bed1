#include "accelerator/loading.h"

#include "base/error.h"
#include "iat.h"
#include "link/message.h"

#include <stdlib.h>
#include <string.h>

int program_load(struct program *p, uint32_t core, uint32_t memory, uint32_t address,
                 const uint32_t *data, size_t count)
{
    size_t need = p->words + count + 5;
    if (need > p->room) {
        size_t room = 2 * need;
        uint32_t *more = realloc(p->word, room * sizeof *more);
        if (!more)
            return af_fail(AF_NO_MEMORY, "no memory for a program");
        p->word = more;
        p->room = room;
    }
    uint32_t *w = p->word + p->words;
    w[2] = core << 24 | memory;
    w[3] = address;
    memcpy(w + 4, data, count * sizeof *data);
    p->words += message_seal(w, COMMAND_LOAD, count + 2);
    return AF_OK;
}

int load_collector(struct compiler *c, const uint32_t *output_words, bool watches)
{
    struct program *p = c->p;
    const struct early_exit *x = &c->m->iat;
    const int output = model_answer(c->m), classes = c->m->population[output].shape[0];
    const uint32_t exit[3] = {(uint32_t)x->metric, (uint32_t)x->multiplier, (uint32_t)x->shift};
    int status = program_load(p, 0, MEMORY_COLLECT, COLLECT_METRIC, exit, 3);
    for (uint32_t k = 0; k < c->limits.cores && !status; k++) {
        const struct place *at = layout_place(c, output, k);
        const int lanes = (int)c->limits.lanes;
        const uint32_t watched = watches ? at->cells * c->limits.lanes : 0;
        uint32_t real = 0; /* no lanes that the last channel group leaves empty */
        for (int g = 0; g < at->share.count[GROUP]; g++) {
            const int first = (at->share.first[GROUP] + g * at->share.step[GROUP]) * lanes;
            real += (uint32_t)(first + lanes <= classes ? lanes : classes - first);
        }
        status = program_load(p, 0, MEMORY_COLLECT, COLLECT_WATCHED + k, &watched, 1);
        if (!status)
            status = program_load(p, 0, MEMORY_COLLECT, COLLECT_CLASSES + k, &real, 1);
        if (!status)
            status = program_load(p, 0, MEMORY_COLLECT, COLLECT_OUTPUTS + k, &output_words[k], 1);
    }
    if (x->metric != IAT_OFF)
        layout_fits(c, "timesteps with early exit", (size_t)c->m->timesteps, c->limits.timesteps);
    status = status ? status : c->status;
    for (int t = 0; x->metric != IAT_OFF && t < c->m->timesteps && !status; t++) {
        /* 16 bits are more than any entropy, and always and never stay what they are. */
        const uint32_t limit = x->limit[t] < 0xffff ? (uint32_t)x->limit[t] : 0xffff;
        status = program_load(p, 0, MEMORY_COLLECT, (uint32_t)(COLLECT_LIMIT + t), &limit, 1);
    }
    return status;
}

int program_part(struct program *p, int population, const struct share *share)
{
    const int *n = share->count;
    struct answer_part *more = realloc(p->part, (size_t)(p->parts + 1) * sizeof *more);
    if (!more)
        return af_fail(AF_NO_MEMORY, "no memory for a program");
    p->part = more;
    p->part[p->parts++] =
        (struct answer_part){.population = population, .share = *share, .word = p->answer_words};
    p->answer_words += (size_t)n[0] * (size_t)n[1] * (size_t)n[2] * p->limits.lanes;
    return AF_OK;
}
