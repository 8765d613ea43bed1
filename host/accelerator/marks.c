#include "accelerator/marks.h"

#include "base/error.h"
#include "device/profile.h"
#include "isa.h"

#include <stdlib.h>

static const char *const process_name[PROFILE_PROCESSES] = {"collect", "control", "gather",
                                                            "fetch",   "expand",  "neurons"};
enum { CONTROL = 1, SHARED_PROCESSES = 3 /* the first ones */ };

/* Words of a mark. */
enum { CLOCK, DONE, STARVED, BLOCKED };

static int spans_of_core(const struct program *p, int steps)
{
    if (p->tiles)
        return 2 + steps * p->spans;
    return 1 + steps * (p->phases + 1) + (p->model->format.events ? steps : 1);
}

uint32_t marks_wanted(const struct program *p, int steps)
{
    const int64_t wanted = spans_of_core(p, steps);
    if (p->limits.cores > MARKS_MOST_CORES)
        return 0;
    if (!p->limits.marks)
        return 0;
    return wanted < p->limits.marks ? (uint32_t)wanted : p->limits.marks - 1; /* of the last none */
}

/* A span reaches from one mark to the next, the last one to where its own work was done. */
static void add_span(struct af_profile *f, const uint32_t *mark, bool last, uint32_t zero,
                     struct af_span span)
{
    const uint32_t *next = mark + MARK_WORDS;
    span.begin = mark[CLOCK] - zero;
    span.fired = mark[DONE] - zero;
    span.end = last ? span.fired : next[CLOCK] - zero;
    span.starved = last ? 0 : next[STARVED] - mark[STARVED];
    span.blocked = last ? 0 : next[BLOCKED] - mark[BLOCKED];
    f->cycles = span.end > f->cycles ? span.end : f->cycles;
    f->span[f->span_count++] = span;
}

/* By tiles: the run begins; every tile begins, and each of its sources ends; the run ends. */
static void add_core_by_tiles(struct af_profile *f, const struct program *p, int core,
                              const uint32_t *mark, uint32_t marks, int steps, uint32_t zero)
{
    const uint32_t all = (uint32_t)spans_of_core(p, steps);
    for (uint32_t at = 0; at < all && at < marks; at++) {
        const bool outside = at == 0 || at + 1 == all, last = at + 1 == all || at + 1 == marks;
        const int i = (int)at - 1;
        add_span(f, mark + at * MARK_WORDS, last, zero,
                 (struct af_span){.core = core,
                                  .timestep = outside ? (at ? steps - 1 : 0) : i / p->spans,
                                  .population = outside ? -1 : p->span[i % p->spans]});
    }
}

/* Marks stand in the order of what happens: the run begins, each phase ends, then there is the
 * decision about another timestep. */
static void add_core(struct af_profile *f, const struct program *p, int core, const uint32_t *mark,
                     uint32_t marks, int steps, uint32_t zero)
{
    uint32_t at = 0;
    if (p->tiles) {
        add_core_by_tiles(f, p, core, mark, marks, steps, zero);
        return;
    }
    for (int t = 0; t < steps; t++)
        for (int phase = t && !p->model->format.events; phase <= p->phases + 1 && at + 1 < marks;
             phase++, at++)
            add_span(f, mark + at * MARK_WORDS, false, zero,
                     (struct af_span){.core = core,
                                      .timestep = t,
                                      .population = phase <= p->phases ? p->phase_of[phase] : -1});
    if ((int)at + 1 == spans_of_core(p, steps))
        add_span(f, mark + at * MARK_WORDS, true, zero,
                 (struct af_span){.core = core, .timestep = steps - 1, .population = -1});
}

static void add_waits(struct af_profile *f, const uint32_t *word, int core)
{
    for (int i = core ? SHARED_PROCESSES : 0; i < PROFILE_PROCESSES; i++)
        f->waits[f->waits_count++] = (struct af_waits){.process = process_name[i],
                                                       .before = i == CONTROL,
                                                       .core = i < SHARED_PROCESSES ? -1 : core,
                                                       .starved = word[2 * i],
                                                       .blocked = word[2 * i + 1]};
}

int marks_profile(const struct program *p, const uint32_t *const *of_core, uint32_t marks,
                  int steps, struct af_profile **profile)
{
    const int cores = (int)p->limits.cores;
    const uint32_t *first = of_core[0] + 2 * PROFILE_PROCESSES;
    uint32_t zero = first[CLOCK];
    *profile = NULL;
    if (!first[DONE])
        return AF_OK;
    for (int k = 1; k < cores; k++)
        if ((int32_t)(of_core[k][2 * PROFILE_PROCESSES + CLOCK] - zero) < 0)
            zero = of_core[k][2 * PROFILE_PROCESSES + CLOCK];
    struct af_profile *f = calloc(1, sizeof *f);
    if (f) {
        f->span = calloc((size_t)cores * (size_t)spans_of_core(p, steps), sizeof *f->span);
        f->waits = calloc((size_t)cores * PROFILE_PROCESSES, sizeof *f->waits);
    }
    if (!f || !f->span || !f->waits) {
        af_profile_free(f);
        return af_fail(AF_NO_MEMORY, "no memory for a profile");
    }
    f->cores = cores;
    f->lanes = (int)p->limits.lanes << (p->limits.features & FEATURE_PAIRS ? 1 : 0);
    for (int k = 0; k < cores; k++) {
        add_waits(f, of_core[k], k);
        add_core(f, p, k, of_core[k] + 2 * PROFILE_PROCESSES, marks, steps, zero);
    }
    *profile = f;
    return AF_OK;
}
