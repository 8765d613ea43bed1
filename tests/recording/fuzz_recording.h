/* What the fuzzers of recordings share. */
#ifndef FUZZ_RECORDING_H
#define FUZZ_RECORDING_H

#include "adafire.h"
#include "base/tensor.h"
#include "recording/recording.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Reads the path in blocks of `room`: there are events and notes, or a sentence. */
static inline void fuzz_recording(const char *path, int room)
{
    struct recording *r;
    struct texts notes = {0};
    struct af_camera_event *block = malloc((size_t)room * sizeof *block);
    int n = 1, status = recording_open(&r, path);
    int64_t sum = 0;
    if (!block || !status != (r != NULL))
        abort();
    while (!status && n) {
        status = recording_next(r, block, room, &n);
        if (n < 0 || n > room || (status && n))
            abort();
        for (int i = 0; i < n; i++)
            sum += block[i].x + block[i].y + block[i].polarity + (block[i].t & 1);
    }
    if (status > 0 || sum < 0 || (status && !*af_error()))
        abort();
    if (r && recording_notes(r, true, &notes))
        abort();
    if (r && (recording_about(r)->width < 0 || !*recording_about(r)->format))
        abort();
    texts_free(&notes);
    recording_close(r);
    free(block);
}

/* The file is one of the beginnings, as the first byte says, and the rest of the bytes. */
static inline int fuzz_begun(const uint8_t *data, size_t size, const char *const *begin,
                             const size_t *begin_size, size_t count)
{
    char path[64];
    if (size < 1)
        return 0;
    const size_t k = data[0] % count;
    const int fd = memfd_create("fuzz", 0);
    if (fd < 0 || write(fd, begin[k], begin_size[k]) != (ssize_t)begin_size[k] ||
        write(fd, data + 1, size - 1) != (ssize_t)(size - 1))
        abort();
    tensor_max_elements = 1 << 16;
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    fuzz_recording(path, RECORDING_ROOM + data[0]);
    close(fd);
    return 0;
}

#endif
