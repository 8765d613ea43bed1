/* An .npy file of rows written one at a time, their number not known before. */
#ifndef ADAFIRE_NPY_WRITER_H
#define ADAFIRE_NPY_WRITER_H

#include "base/file.h"

#include <stdint.h>

struct npy_writer {
    struct file_out out;
    int64_t rows, columns;
    const char *descr; /* of records; NULL: float32 columns */
    size_t record;     /* bytes of one */
};

/* float32 [rows][columns]. */
int npy_begin(struct npy_writer *w, const char *path, int64_t columns);
int npy_append(struct npy_writer *w, const float *row);
/* Records of `record` bytes whose fields `descr` names as .npy headers do (a text that stays). */
int npy_begin_records(struct npy_writer *w, const char *path, const char *descr, size_t record);
int npy_append_records(struct npy_writer *w, const void *records, int64_t count);
/* Fills in the number of rows and renames into place; or gives up. One of the two must follow. */
int npy_commit(struct npy_writer *w);
void npy_discard(struct npy_writer *w);

#endif
