/* What the command-line tools share. Exit statuses: 0 well, 1 a check that did not hold, 2 an error
 * (one sentence on standard error), 3 figures of a run that are not as they were asked to be. */
#ifndef ADAFIRE_CLI_H
#define ADAFIRE_CLI_H

#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>

enum { EXIT_ERROR = 2, EXIT_BREACH = 3 };

/* "program: sentence" on standard error; returns EXIT_ERROR. Without a format: af_error(). */
int cli_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
int cli_fail_af(void);
/* Signals that end the program, a closed pipe among them, then leave no temporary file behind. */
void cli_begin(const char *name);
/* At the end of main: `status`, or EXIT_ERROR if standard output has not taken everything. */
int cli_end(int status);
/* Where a tool's answers go: standard output. After cli_guard_output, what libraries print there
 * (XRT does) goes to standard error instead, so that a script still reads what it expects. */
FILE *cli_output(void);
void cli_guard_output(void);
/* Before the work: whether every output that was asked for (not NULL) can be written, and is
 * neither an input nor another output. */
int cli_check_outputs(const char *const *outputs, int output_count, const char *const *inputs,
                      int input_count);
/* "try --help", after getopt has said what was wrong. */
int cli_usage(void);
/* The same, and what `word` of the command line may have meant; NULL: its last one was read. */
int cli_unknown(const struct option *options, const char *word);

/* A number with nothing behind it, within bounds; else EXIT_ERROR with a sentence that names the
 * option. */
int cli_int(const char *option, const char *text, long least, long most, int *value);
int cli_double(const char *option, const char *text, double least, double most, double *value);
/* 1 to `most` numbers with commas between; *count of them. */
int cli_floats(const char *option, const char *text, float *values, int most, int *count);

/* A bar with the time left on standard error: drawn if that is a terminal, a line per phase if not.
 * A new phase name ends the one before; NULL ends the last. Quiet if told so. */
void cli_progress(const char *phase, double fraction);
/* So many more of something in this phase: how many a second stands behind the bar. From any
 * thread. */
void cli_progress_rate(double more, const char *unit);
void cli_quiet(bool quiet);

/* What the user ought to know: a line on standard error, unless quiet, and kept for JSON. The same
 * note counts once. From any thread. */
void cli_note(const char *note);
/* "notes": [...] of all of them. */
void cli_json_notes(FILE *f);

/* A line of text that is broken at blanks where a terminal would break it anywhere; what follows
 * the first begins at column `indent`, where the text begins. Into a file or a pipe it is one line.
 */
void cli_wrapped(FILE *to, int indent, const char *text);

/* "s", or nothing of one. */
const char *cli_s(long long count);

/* Columns of the terminal that `to` is; a file or a pipe has as many as it takes. */
int cli_columns(FILE *to);
/* The end of a name that is longer than `width`, with two dots before it; into text. */
const char *cli_name(const char *name, int width, char text[64]);

/* 1234567 as "1.23 M"; into text, which is returned. */
const char *cli_human(double v, char text[16]);

#endif
