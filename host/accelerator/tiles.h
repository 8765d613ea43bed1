/* Programs of networks that are larger than the chip: each population is cut into tiles, some rows
 * and channel groups that the cores hold at once, and a script in the memory behind the machine
 * brings one after the other (hw/isa.h, hw/mover.c). */
#ifndef ADAFIRE_TILES_H
#define ADAFIRE_TILES_H

#include "accelerator/layout.h"

/* AF_UNSUPPORTED if a population cannot be cut so that the chip holds a piece, with the memory that
 * it lacks. */
int tiles_compile(struct compiler *c);

/* ADAFIRE_TILES in the environment, "ROWS GROUPS": runs by tiles what would stay on the chip, too,
 * and no tile has more of both than these. For tests. */
bool tiles_forced(int most[2]);

#endif
