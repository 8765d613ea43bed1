/* Lays populations out in the memories of cores: cells, weights, parameters, routes and
 * instructions, as words to be loaded. Both kinds of programs are made of it: of a network that
 * fits the chip (program.c) and of one that goes through it tile by tile (tiles.c). */
#ifndef ADAFIRE_LAYOUT_H
#define ADAFIRE_LAYOUT_H

#include "isa.h"
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
    uint64_t memory;     /* bytes behind the machine, where it is */
    int *span, spans;    /* of a script's marks in a timestep: the population whose tile it is */
    size_t tallies_word; /* of the answer: events and spikes of each phase, 64 bits each */
};

enum { AXES = 3, GROUP = 0, ROW = 1, COLUMN = 2 };
enum { NONE = 0xffff };
enum { MOST_CORES = 255, MOST_LANES = 256 };

/* The contents of one core's memories, as they grow. */
struct memory_image {
    uint32_t *word;
    size_t count, room;
};
struct core {
    struct memory_image memory[MEMORIES];
    uint32_t cells, sent, parameters, weights; /* cells and vectors so far */
    uint32_t most_weights;                     /* vectors of the largest part (layout_part) */
    uint32_t weight_bytes;
    uint32_t units; /* for relays: weight vectors with a single 1, or one of nothing but 1; NONE:
                       not there yet */
};

/* Where one core keeps a population, or the tile of one. */
struct place {
    struct share share;
    uint32_t cells;                   /* how many */
    uint32_t v;                       /* first cell: potentials, or what a relay has sent */
    uint32_t sums;                    /* a relay's running sums: cells of all slots */
    uint32_t slots[2];                /* slots along rows and columns */
    uint32_t window[2];               /* its windows in MEMORY_WINDOW */
    uint32_t current;                 /* what is added in every timestep, NONE: nothing */
    uint32_t keep_bias, keep_initial; /* where values for each neuron are kept, NONE */
    uint32_t sent;
    uint32_t vector; /* parameters of its groups */
};

/* Part of a population: channel groups and rows; all columns. */
struct extent {
    int first[2], size[2]; /* GROUP, ROW */
};

struct compiler {
    struct program *p;
    const struct af_model *m;
    struct limits limits;
    struct core *core;
    struct place *place;                /* [population][core] */
    struct memory_image first, live[2]; /* of MEMORY_GATHER: rows, columns */
    bool counting;                      /* weights are counted, and not put */
    bool *together;                     /* [population] FIRE_TOGETHER */
    int **own;                          /* [population][most_inputs]: the projection's channels with
                                           lanes of their own (ROUTE_LANES); NULL: it has none */
    int most_inputs;
    int part, parts; /* of the sources' channels, whose routes are put */
    int status;
};

int layout_open(struct compiler *c, struct program *p, const struct limits *limits);
void layout_close(struct compiler *c);
/* Empties the memories for another tile. */
void layout_begin(struct compiler *c);

void layout_append(struct compiler *c, struct memory_image *i, uint32_t word);
void layout_put(struct compiler *c, struct core *core, int memory, uint32_t word);
/* AF_UNSUPPORTED, unless there was a fault before. */
void layout_fits(struct compiler *c, const char *what, size_t needed, size_t there);
struct place *layout_place(const struct compiler *c, int population, uint32_t core);

/* a / b, rounded up. */
static inline int divide_up(int a, int b)
{
    return b > 1 ? (a + b - 1) / b : a;
}
/* All channel groups and rows. */
struct extent extent_of(const struct compiler *c, int population);
/* A core's part of a tile. */
struct share share_of(const struct compiler *c, int population, const struct extent *e, int core);
bool is_analog(const struct af_model *m, int population);
bool layout_fires(const struct neurons *p);
/* Whether events of it are in lists of long rows (EVENT_LONG_CHANNEL). */
bool layout_long_rows(const struct neurons *p);
/* In core k, the cells, windows, parameters of a population, or the tile of one. */
void lay_out(struct compiler *c, int population, const struct extent *e, uint32_t k);
/* Routes are put for one part of `parts` of each source's channels; their weights begin at vector 0
 * again. */
void layout_part(struct compiler *c, int part, int parts);
/* The routes of a source to populations `from` and those behind it, before `to`. */
void put_phase(struct compiler *c, int source, int from, int to);

/* What an instruction (hw/isa.h) says beside its kind and share. */
struct instruction_fields {
    uint32_t phi, below, mode, a, b, cells, vector, vectors, window;
    uint32_t size; /* cells of a row of a relay's sums */
};
/* kind: with IN_... */
void instruct(struct compiler *c, struct core *core, int kind, const struct share *s,
              struct instruction_fields f);
/* `in`: IN_... of all of them. */
void put_beginning(struct compiler *c, struct core *core, const struct neurons *p,
                   const struct place *at, int in);
/* The constant current, if there is one. */
void put_current(struct compiler *c, struct core *core, const struct neurons *p,
                 const struct place *at);
/* FIRE or RELAY; row: of the population, whose cells alone fire and more will follow; -1: all. */
void put_firing(struct compiler *c, struct core *core, const struct neurons *p,
                const struct place *at, int row);
uint32_t relay_cells(const struct place *at); /* of its running sums */

/* Whether what has been laid out fits the memories; `chip`: as a network that stays there. */
int layout_check(struct compiler *c, bool chip);
#endif
