/* HDF5 files of any bytes behind their mark. libhdf5 wants a file that has a path. */
#include "fuzz_recording.h"

static char folder[] = "/tmp/adafire-fuzz-XXXXXX", path[64];

static void clean(void)
{
    unlink(path);
    rmdir(folder);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!*path) {
        if (!mkdtemp(folder) || atexit(clean))
            abort();
        snprintf(path, sizeof path, "%s/x.h5", folder);
    }
    FILE *f = fopen(path, "wb");
    if (!f || fwrite("\x89HDF\r\n\x1a\n", 1, 8, f) != 8 || fwrite(data, 1, size, f) != size ||
        fclose(f))
        abort();
    tensor_max_elements = 1 << 16;
    fuzz_recording(path, RECORDING_ROOM);
    return 0;
}
