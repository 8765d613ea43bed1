/* A program: a model laid out for the accelerator's cores and memories, as the words to send. A
 * model that does not fit the chip at once is cut into tiles, which a machine with a memory behind
 * it runs by a script (tiles.h). */
#ifndef ADAFIRE_PROGRAM_H
#define ADAFIRE_PROGRAM_H

#include "model/model.h"

/* What the machine says of itself, in the order of COMMAND_IDENTIFY (hw/isa.h). */
struct limits {
    uint32_t isa_version, build, cores, lanes, cells, sent_cells, sent_most, weights, parameters,
        routes, channels, axis, list, windows, phases, program, timesteps, fired_depth, marks;
    uint32_t lists, counted; /* with FEATURE_MEMORY, else 0 */
    uint32_t features;       /* FEATURE_... */
};

/* Which neurons of a population a core owns: rows, columns and groups of `lanes` channels, each
 * dealt out in turn. Cells are ordered row, column, group. */
struct share {
    int first[3], step[3]; /* group, row, column */
    int count[3];
};

/* A piece of the answer to RUN: the potentials of some cells of an output, lane by lane. */
struct answer_part {
    int population;
    struct share share;
    size_t word; /* where it begins, behind the timesteps */
};

struct program {
    const struct af_model *model;
    struct limits limits;
    uint32_t *word; /* LOAD messages */
    size_t words, room;
    int phases;               /* populations that fire */
    int *phase_of;            /* [phases + 1] population; [0] is the input */
    struct answer_part *part; /* in the order of populations */
    int parts;
    size_t answer_words;
    bool tiles;          /* it is run by a script (RUN_TILES) */
    int *span, spans;    /* of a script's marks in a timestep: the population whose tile it is */
    size_t tallies_word; /* of the answer: events and spikes of each phase, 64 bits each */
};

/* From the answer to COMMAND_IDENTIFY; false if it is of another version. */
bool limits_from(const uint32_t *payload, size_t words, struct limits *limits);
/* AF_UNSUPPORTED, with the memory's name, what is needed and what there is, if the model does not
 * fit the machine. */
int program_make(const struct af_model *m, const struct limits *limits, struct program **program);
void program_free(struct program *p);

#endif
