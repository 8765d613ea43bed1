/* Whole files in, and files out that are either complete or not there. */
#ifndef ADAFIRE_FILE_H
#define ADAFIRE_FILE_H

#include <stddef.h>
#include <stdio.h>

/* Reads at most `limit` bytes; a larger file is AF_BAD_FILE. *bytes is malloc'd (one byte more than
 * *size, and that byte 0), NULL on failure. */
int file_read(const char *path, size_t limit, void **bytes, size_t *size);

/* Opens a temporary file beside `path` for writing. file_commit closes it and renames it onto path;
 * file_discard closes and removes it. Exactly one of the two must follow; after a failed
 * file_commit nothing is left behind either. A device or a pipe is written to as it is. */
struct file_out {
    FILE *stream;
    char *path, *temporary;
};
int file_create(struct file_out *out, const char *path);
int file_commit(struct file_out *out);
void file_discard(struct file_out *out);

/* What stands behind the last slash. */
const char *file_base_name(const char *path);

/* Whether a file can be written at `path`, before the work that fills it: AF_IO with the reason if
 * not; AF_BAD_ARGUMENT if it is one of the inputs. Leaves what is there as it is. */
int file_check_output(const char *path, const char *const *inputs, int input_count);

/* A folder that files can be written into: it and the folders above are made where they are
 * missing. AF_IO with the reason if that cannot be. */
int file_make_folder(const char *path);

/* For a signal handler that ends the process: removes the temporary files of all threads. Nothing
 * but what is safe in a handler is called. */
void file_abandon_all(void);

#endif
