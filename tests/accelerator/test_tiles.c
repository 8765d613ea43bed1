/* Scripts of networks that are larger than the chip: what they keep in memory lies side by side,
 * lists are written before they are read, and what cannot be cut is refused by its reason. */
#include "test.h"

#include "accelerator/program.h"
#include "accelerator/tiles.h"
#include "base/error.h"
#include "isa.h"
#include "random_model.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_REGIONS = 4096, MOST_LISTS = 4096, MEMORY_WORDS = 1 << 22 };

/* As the build check has them (hw/config.h), without asking it. */
static const struct limits small = {.isa_version = ISA_VERSION,
                                    .build = 4,
                                    .cores = 4,
                                    .lanes = 4,
                                    .cells = 512,
                                    .sent_cells = 512,
                                    .sent_most = 65535,
                                    .weights = 512,
                                    .parameters = 64,
                                    .routes = 32,
                                    .channels = 256,
                                    .axis = 256,
                                    .list = 256,
                                    .windows = 64,
                                    .phases = 16,
                                    .program = 512,
                                    .timesteps = 32,
                                    .fired_depth = 256,
                                    .marks = 64,
                                    .lists = 1024,
                                    .counted = 64,
                                    .features = FEATURE_LIVE | FEATURE_PAIRS | 8 << 4 |
                                                FEATURE_WIDE | FEATURE_MEMORY};

struct script {
    uint32_t *memory; /* [MEMORY_WORDS] */
    uint32_t mover[MOVER_REGISTERS];
    struct {
        uint32_t first, behind; /* beats */
    } region[MOST_REGIONS];
    int regions;
    bool list[MOST_LISTS]; /* written */
};

/* What the program's messages load. */
static void read_loads(const struct program *p, struct script *s)
{
    for (size_t at = 0; at < p->words; at += 3 + p->word[at + 1]) {
        const uint32_t *w = p->word + at, memory = w[2] & 0xffffff, words = w[1] - 2;
        if (memory == MEMORY_MOVER)
            memcpy(s->mover + w[3], w + 4, words * sizeof *w);
        if (memory == MEMORY_EXTERNAL) {
            CHECK(w[3] + words <= MEMORY_WORDS);
            memcpy(s->memory + w[3], w + 4, words * sizeof *w);
        }
    }
}

/* The same piece may be named more than once; pieces must not overlap. */
static void add_region(struct script *s, uint32_t first, uint32_t beats)
{
    for (int i = 0; i < s->regions; i++) {
        const bool same = s->region[i].first == first && s->region[i].behind == first + beats;
        if (same)
            return;
        CHECK(first + beats <= s->region[i].first || first >= s->region[i].behind);
    }
    CHECK(s->regions < MOST_REGIONS);
    s->region[s->regions].first = first;
    s->region[s->regions++].behind = first + beats;
}

static void check_script(const struct program *p)
{
    struct script *s = calloc(1, sizeof *s);
    s->memory = calloc(MEMORY_WORDS, sizeof *s->memory);
    read_loads(p, s);
    const uint32_t begin = s->mover[MOVER_SCRIPT], beats = s->mover[MOVER_SCRIPT_BEATS];
    const struct neurons *input = &p->model->population[0];
    int tiles = 0, confirms = 0, kind = STEP_LOAD;
    add_region(s, begin, beats);
    add_region(s, s->mover[MOVER_TALLY], s->mover[MOVER_TALLIES]);
    CHECK_EQ(s->mover[MOVER_ANSWER_BEATS] * BEAT_WORDS, p->answer_words);
    for (uint32_t at = begin; at < begin + beats; at++) {
        const uint32_t *w = s->memory + (size_t)at * BEAT_WORDS;
        kind = w[0] & 255;
        switch (kind) {
        case STEP_LOAD: at += (w[2] + BEAT_WORDS - 1) / BEAT_WORDS; break;
        case STEP_WIDE: at += w[1]; break;
        case STEP_RESTORE:
        case STEP_SAVE: add_region(s, w[1], w[2]); break;
        case STEP_INPUT: /* at worst two columns of a channel a beat */
            CHECK_EQ(w[2], input->shape[1]);
            add_region(s, w[1],
                       (uint32_t)(input->shape[0] * input->shape[1] * ((input->shape[2] + 1) / 2)));
            memset(s->list, true, w[2]);
            break;
        case STEP_LISTS: {
            const uint32_t first = w[2] & 0xffff, lists = w[2] >> 16;
            CHECK(first + lists < small.lists);
            add_region(s, w[1], lists * p->limits.cores); /* at the least */
            memset(s->list + first, true, lists);
            break;
        }
        case STEP_REPLAY:
            CHECK(w[1] < w[2]);
            for (uint32_t list = w[1]; list < w[2]; list++)
                CHECK(list < MOST_LISTS && s->list[list]);
            break;
        case STEP_TILE: tiles++; break;
        case STEP_CONFIRM: confirms++; break;
        default: CHECK(kind <= STEP_DECIDE);
        }
    }
    CHECK_EQ(kind, STEP_DECIDE);
    CHECK_EQ(confirms, tiles + 1);
    free(s->memory);
    free(s);
}

TEST(scripts)
{
    int cut = 0;
    setenv("ADAFIRE_TILES", "2 1", 1);
    for (uint64_t seed = 1; seed <= 60; seed++) {
        struct af_model *m = random_model(seed);
        struct program *p;
        const int status = program_make(m, &small, &p);
        CHECK(status == AF_OK || status == AF_UNSUPPORTED);
        if (!status) {
            CHECK(p->tiles);
            check_script(p);
            cut++;
        }
        program_free(p);
        af_model_free(m);
    }
    CHECK(cut > 30);
}

TEST(refusals)
{
    struct af_model *m = random_model(4);
    struct limits l = small;
    struct program *p;
    setenv("ADAFIRE_TILES", "2 1", 1);
    l.weights = 1;
    CHECK_EQ(program_make(m, &l, &p), AF_UNSUPPORTED);
    CHECK(strstr(af_error(), "weight vectors a core; this build has 1"));
    l = small;
    l.lists = 8;
    CHECK_EQ(program_make(m, &l, &p), AF_UNSUPPORTED);
    CHECK(strstr(af_error(), "lists of events"));
    l = small;
    l.counted = 1;
    CHECK_EQ(program_make(m, &l, &p), AF_UNSUPPORTED);
    CHECK(strstr(af_error(), "populations"));
    af_model_free(m);
}

int main(void)
{
    RUN(scripts);
    RUN(refusals);
    return test_end();
}
