#include "base/npy_writer.h"

#include "base/error.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { HEADER = 128 };

static void write_header(struct npy_writer *w)
{
    fwrite("\x93NUMPY\x01\x00\x76\x00", 1, 10, w->out.stream); /* version 1, HEADER - 10 to come */
    int n =
        fprintf(w->out.stream, "{'descr': '<f4', 'fortran_order': False, 'shape': (%lld, %lld), }",
                (long long)w->rows, (long long)w->columns);
    fprintf(w->out.stream, "%*s\n", HEADER - 11 - n, "");
}

int npy_begin(struct npy_writer *w, const char *path, int64_t columns)
{
    *w = (struct npy_writer){.columns = columns};
    int status = file_create(&w->out, path);
    if (!status)
        write_header(w); /* its place; npy_commit writes it again with the number of rows */
    return status;
}

int npy_append(struct npy_writer *w, const float *row)
{
    size_t n = (size_t)w->columns;
    w->rows++;
    return fwrite(row, sizeof *row, n, w->out.stream) == n
               ? AF_OK
               : af_fail(AF_IO, "%s: cannot be written", w->out.path);
}

int npy_commit(struct npy_writer *w)
{
    if (fseek(w->out.stream, 0, SEEK_SET)) { /* rewind would forget that a write failed */
        int status = af_fail(AF_IO, "%s: cannot be written: %s", w->out.path, strerror(errno));
        file_discard(&w->out);
        return status;
    }
    write_header(w);
    return file_commit(&w->out);
}

void npy_discard(struct npy_writer *w)
{
    file_discard(&w->out);
}
