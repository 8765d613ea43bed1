/* The figures of a run, by the names that --json gives them: one list for --json, --expect and
 * --baseline. */
#ifndef ADAFIRE_FIGURES_OF_RUN_H
#define ADAFIRE_FIGURES_OF_RUN_H

#include "run/run.h"

enum figure_better { BETTER_NEITHER, BETTER_MORE, BETTER_LESS };

struct figure_row {
    const char *key;
    unsigned tasks;            /* 1 << enum af_task_kind, of those that have it */
    enum figure_better better; /* NEITHER: it tells what happened, and is not judged */
    bool cycles;               /* only of boards that count them */
};

enum { FIGURE_COUNT = 36 };
extern const struct figure_row figure_rows[FIGURE_COUNT];

/* The row of a key, or -1. */
int figure_find(const char *key);
/* Into value[FIGURE_COUNT], rounded to what --json writes; NAN where there is none. megahertz: of
 * the board, 0: unknown. */
void figures_measure(const struct af_model *m, const struct run_totals *t, enum af_task_kind task,
                     double megahertz, double *value);
double figures_get(const double *value, const char *key);

#endif
