#include "base/npy_writer.h"

#include "base/error.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Whole bytes of a header: multiples of 64, for which data are aligned as numpy has them. */
enum { HEADER = 128, RECORDS_HEADER = 192 };

static void write_header(struct npy_writer *w)
{
    char shape[48];
    if (w->descr)
        snprintf(shape, sizeof shape, "(%lld,)", (long long)w->rows);
    else
        snprintf(shape, sizeof shape, "(%lld, %lld)", (long long)w->rows, (long long)w->columns);
    const int size = w->descr ? RECORDS_HEADER : HEADER;
    fwrite("\x93NUMPY\x01\x00", 1, 8, w->out.stream);
    putc(size - 10, w->out.stream); /* so many to come */
    putc(0, w->out.stream);
    int n = fprintf(w->out.stream, "{'descr': %s, 'fortran_order': False, 'shape': %s, }",
                    w->descr ? w->descr : "'<f4'", shape);
    fprintf(w->out.stream, "%*s\n", size - 11 - n, "");
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

int npy_begin_records(struct npy_writer *w, const char *path, const char *descr, size_t record)
{
    *w = (struct npy_writer){.descr = descr, .record = record};
    int status = file_create(&w->out, path);
    if (!status)
        write_header(w);
    return status;
}

int npy_append_records(struct npy_writer *w, const void *records, int64_t count)
{
    size_t n = (size_t)count;
    w->rows += count;
    return fwrite(records, w->record, n, w->out.stream) == n
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
