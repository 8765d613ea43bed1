#include "accelerator/program.h"

#include "accelerator/layout.h"
#include "accelerator/loading.h"
#include "accelerator/tiles.h"
#include "base/error.h"
#include "iat.h"
#include "link/message.h"

#include <stdlib.h>
#include <string.h>

bool limits_from(const uint32_t *payload, size_t words, struct limits *limits)
{
    const size_t plain = offsetof(struct limits, lists) / sizeof *payload,
                 most = offsetof(struct limits, features) / sizeof *payload;
    if ((words != plain && words != most) || payload[0] != ISA_VERSION)
        return false;
    *limits = (struct limits){0};
    memcpy(limits, payload, words * sizeof *payload);
    limits->features = limits->lanes >> 16;
    limits->lanes &= 0xffff;
    return (words == most) == !!(limits->features & FEATURE_MEMORY);
}

/* ---- Instructions ---------------------------------------------------------------------------- */

static void put_instructions(struct compiler *c, uint32_t k)
{
    struct core *core = &c->core[k];
    const struct neurons *p = c->m->population;
    const int output = model_answer(c->m);
    const struct instruction_fields input = {.mode = WAIT_INPUT},
                                    decision = {.mode = WAIT_DECISION},
                                    start = {.mode = WAIT_START};
    const struct instruction_fields watched = {.mode = VALUES_WATCHED,
                                               .a = layout_place(c, output, k)->v,
                                               .cells = layout_place(c, output, k)->cells};
    layout_put(c, core, MEMORY_PROGRAM, 0);
    layout_put(c, core, MEMORY_PROGRAM, 0);
    for (int i = 1; i < c->m->population_count; i++)
        put_beginning(c, core, &p[i], layout_place(c, i, k), 0);
    if (!c->m->format.events)
        instruct(c, core, DO_WAIT, NULL, input);
    uint32_t step = (uint32_t)core->memory[MEMORY_PROGRAM].count;
    if (c->m->format.events)
        instruct(c, core, DO_WAIT, NULL, input);
    for (int i = 1; i < c->m->population_count; i++) {
        put_current(c, core, &p[i], layout_place(c, i, k));
        put_firing(c, core, &p[i], layout_place(c, i, k), -1);
    }
    instruct(c, core, DO_VALUES, NULL, watched);
    instruct(c, core, DO_VALUES, NULL, watched);
    instruct(c, core, DO_WAIT, NULL, decision);
    uint32_t stop = (uint32_t)core->memory[MEMORY_PROGRAM].count;
    for (int i = 1; i < c->m->population_count; i++)
        if (p[i].kind == AF_OUTPUT) {
            const struct place *at = layout_place(c, i, k);
            instruct(c, core, DO_VALUES, NULL,
                     (struct instruction_fields){.a = at->v, .cells = at->cells});
        }
    instruct(c, core, DO_WAIT, NULL, start);
    if (!c->status) {
        core->memory[MEMORY_PROGRAM].word[0] = step;
        core->memory[MEMORY_PROGRAM].word[1] = stop;
    }
}

static int load_live(struct compiler *c)
{
    const struct {
        uint32_t address;
        const struct memory_image *image;
    } tables[] = {
        {GATHER_FIRST, &c->first}, {GATHER_ROWS, &c->live[0]}, {GATHER_COLUMNS, &c->live[1]}};
    int status = AF_OK;
    for (int i = 0; i < 3 && !status; i++)
        status = program_load(c->p, 0, MEMORY_GATHER, tables[i].address, tables[i].image->word,
                              tables[i].image->count);
    return status;
}

/* Core by core, what each sends of every output. */
static int put_parts(struct compiler *c, uint32_t *output_words)
{
    int status = AF_OK;
    for (uint32_t k = 0; k < c->limits.cores; k++) {
        const size_t before = c->p->answer_words;
        for (int i = 1; i < c->m->population_count && !status; i++)
            if (c->m->population[i].kind == AF_OUTPUT)
                status = program_part(c->p, i, &layout_place(c, i, k)->share);
        output_words[k] = (uint32_t)(c->p->answer_words - before);
    }
    return status;
}

static int emit(struct compiler *c)
{
    struct program *p = c->p;
    uint32_t output_words[MOST_CORES];
    int status = put_parts(c, output_words);
    for (uint32_t k = 0; k < c->limits.cores && !status; k++) {
        for (uint32_t memory = 0; memory < MEMORIES && !status; memory++) {
            const struct memory_image *i = &c->core[k].memory[memory];
            if (i->count)
                status = program_load(p, k, memory, 0, i->word, i->count);
        }
    }
    const uint32_t gather[2] = {(uint32_t)p->phases, c->m->format.events};
    if (!status)
        status = program_load(p, 0, MEMORY_GATHER, GATHER_PHASES, gather, 2);
    if (!status && (c->limits.features & FEATURE_LIVE))
        status = load_live(c);
    return status ? status : load_collector(c, output_words, true);
}

/* As a network that stays on the chip. */
static int compile(struct compiler *c)
{
    for (int i = 0; i < c->m->population_count; i++) {
        const struct extent all = extent_of(c, i);
        for (uint32_t k = 0; k < c->limits.cores; k++)
            lay_out(c, i, &all, k);
    }
    for (int phase = 0; phase <= c->p->phases; phase++)
        put_phase(c, c->p->phase_of[phase], c->p->phase_of[phase] + 1, c->m->population_count);
    for (uint32_t k = 0; k < c->limits.cores; k++)
        put_instructions(c, k);
    const int status = layout_check(c, true);
    return status ? status : emit(c);
}

/* A machine with memory runs by tiles what it cannot hold. */
static int compile_somehow(struct program *p, const struct limits *limits)
{
    const bool memory = limits->features & FEATURE_MEMORY;
    int most[2], status = AF_UNSUPPORTED;
    struct compiler c;
    if (!memory || !tiles_forced(most)) {
        status = layout_open(&c, p, limits);
        if (!status)
            status = compile(&c);
        layout_close(&c);
    }
    if (status != AF_UNSUPPORTED || !memory)
        return status;
    p->words = p->answer_words = 0;
    p->parts = 0;
    status = layout_open(&c, p, limits);
    if (!status)
        status = tiles_compile(&c);
    layout_close(&c);
    return status;
}

int program_make(const struct af_model *m, const struct limits *limits, struct program **program)
{
    *program = NULL;
    if (limits->cores < 1 || limits->cores > MOST_CORES || limits->lanes < 1 ||
        limits->lanes > MOST_LANES)
        return af_fail(AF_NO_DEVICE, "the accelerator claims %u cores of %u lanes", limits->cores,
                       limits->lanes);
    struct program *p = calloc(1, sizeof *p);
    int status = AF_OK;
    if (p) {
        p->model = m;
        p->limits = *limits;
        p->phase_of = calloc((size_t)m->population_count + 1, sizeof *p->phase_of);
    }
    if (!p || !p->phase_of)
        status = af_fail(AF_NO_MEMORY, "no memory for a program");
    for (int i = 1; i < m->population_count && !status; i++)
        if (layout_fires(&m->population[i]))
            p->phase_of[++p->phases] = i;
    if (!status)
        status = compile_somehow(p, limits);
    if (status)
        program_free(p);
    else
        *program = p;
    return status;
}

void program_free(struct program *p)
{
    if (!p)
        return;
    free(p->word);
    free(p->phase_of);
    free(p->part);
    free(p->span);
    free(p);
}
