/* The boards that there are. */
#ifndef ADAFIRE_TABLE_H
#define ADAFIRE_TABLE_H

#include "board/board.h"

extern const struct board boards[]; /* ends with a NULL name */

/* The row of "name" or "name:which"; NULL if there is none, with the reason in af_error. *which:
 * what stands behind the colon, or NULL. */
const struct board *board_find(const char *text, const char **which);

#endif
