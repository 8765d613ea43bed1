/* Recordings of any bytes. The first byte says what the rest is: an N-MNIST file, a table of
 * events, or a table and, behind as many bytes as the second byte times 8 says, its offsets. */
#include "fuzz_input.h"

static char folder[] = "/tmp/adafire-fuzz-XXXXXX", link_path[64];

static void clean(void)
{
    unlink(link_path);
    rmdir(folder);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct input_spec spec = {
        .channels = 2, .height = 34, .width = 34, .events = true};
    char path[160];
    if (size < 2)
        return 0;
    if (!*link_path) {
        if (!mkdtemp(folder) || atexit(clean))
            abort();
        snprintf(link_path, sizeof link_path, "%s/x.bin", folder);
    }
    tensor_max_elements = 1 << 16;
    size_t first = (size_t)data[1] * 8;
    if (data[0] % 4 != 2 || first > size - 2)
        first = size - 2;
    int fd = fuzz_file(data + 2, first), offsets = fuzz_file(data + 2 + first, size - 2 - first);
    if (data[0] % 4 == 0) { /* N-MNIST files are told by name */
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        unlink(link_path);
        if (symlink(path, link_path))
            abort();
        fuzz_read(link_path, &spec);
    } else if (data[0] % 4 == 1) {
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        fuzz_read(path, &spec);
    } else {
        snprintf(path, sizeof path, "/proc/self/fd/%d@/proc/self/fd/%d", fd, offsets);
        fuzz_read(path, &spec);
    }
    close(fd);
    close(offsets);
    return 0;
}
