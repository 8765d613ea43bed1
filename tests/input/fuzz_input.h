/* What the fuzzers of readers share: the bytes become a file without a name. */
#ifndef FUZZ_INPUT_H
#define FUZZ_INPUT_H

#include "adafire.h"
#include "input/events.h"
#include "input/input.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A file in memory that holds the bytes; returns its descriptor. */
static inline int fuzz_file(const uint8_t *data, size_t size)
{
    int fd = memfd_create("fuzz", 0);
    if (fd < 0 || write(fd, data, size) != (ssize_t)size)
        abort();
    return fd;
}

/* A failure has a sentence. */
static inline void fuzz_check(int status)
{
    if (status < 0 && !*af_error())
        abort();
}

/* Opens the path and reads all samples; every byte of them must be there. */
static inline void fuzz_read(const char *path, const struct input_spec *spec)
{
    struct input *in;
    struct sample s;
    int16_t *counts;
    volatile int sum = 0;
    int64_t left, values = (int64_t)spec->channels * spec->height * spec->width;
    int status = input_open(&in, &path, 1, spec);
    fuzz_check(status);
    if (!status != (in != NULL))
        abort();
    if (status)
        return;
    counts = malloc((size_t)(2 * values) * sizeof *counts);
    left = input_count(in);
    while ((status = input_next(in, &s)) > 0) {
        const uint8_t *bytes = s.data;
        if (left-- == 0 || (!s.data && !spec->events))
            abort();
        for (int64_t i = 0; bytes && i < values * (int64_t)dtype_size(s.type); i++)
            sum += bytes[i];
        if (!s.data && counts)
            fuzz_check(events_bin(&s, spec, 2, counts));
    }
    fuzz_check(status);
    if (status == 0 && left != 0)
        abort();
    (void)sum;
    free(counts);
    input_close(in);
}

#endif
