/* What a run has to hold for continuous integration: bounds of figures (--expect), an earlier run
 * that it must not be worse than (--baseline), and both as JUnit XML (--junit). */
#ifndef ADAFIRE_CHECKS_H
#define ADAFIRE_CHECKS_H

#include "adafire.h"

#include <stdbool.h>
#include <stdio.h>

enum { EXPECTATIONS_MOST = 64, CHECKS_MOST = 128 };

struct expectation {
    int figure; /* its row, see figures.h */
    char operation[3];
    double bound;
};

/* What came of one; texts stand as they are told. */
struct check {
    char name[96], told[200]; /* told: how it does not hold */
    bool held;
};

struct checks {
    const char *baseline, *junit; /* files; NULL: none */
    double tolerance;             /* percent by which a figure may be worse than the baseline's */
    struct expectation expectation[EXPECTATIONS_MOST];
    int expected;
    struct cJSON *earlier; /* the baseline */
    struct check check[CHECKS_MOST];
    int count;
};

/* What the run is, as --json tells it. */
struct checked_run {
    const char *board, *build, *model; /* build: NULL where the board has none */
    enum af_task_kind task;
    bool counts_cycles;
};

/* "accuracy>=0.99, cycles_mean<=5000". This and what follows: 0, or EXIT_ERROR when a sentence has
 * been printed. */
int checks_expect(struct checks *c, const char *text);
/* Reads the baseline, before the run; also refuses a report of nothing. */
int checks_begin(struct checks *c);
/* Before the run: whether it can tell what is expected, and is the baseline's kind of run. */
int checks_fit(const struct checks *c, const struct checked_run *run);
/* After it, value[FIGURE_COUNT]. EXIT_ERROR where a figure that is needed has no value. */
int checks_judge(struct checks *c, const struct checked_run *run, const double *value);
/* The table of the baseline and this run, if there is one. */
void checks_show(const struct checks *c, const double *value, FILE *to);
/* "checks": [...], with a comma behind it; nothing without checks. */
void checks_json(const struct checks *c, FILE *to);
/* Writes JUnit XML where asked for, a line for each breach to standard error; EXIT_BREACH if there
 * was one. */
int checks_end(const struct checks *c, const char *model, double seconds);
void checks_free(struct checks *c);

#endif
