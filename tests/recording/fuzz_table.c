/* Tables in .npy, .npz and text files, ES and N-MNIST files of any bytes. The first byte says what
 * the rest is. */
#include "fuzz_recording.h"

static char folder[] = "/tmp/adafire-fuzz-XXXXXX", link_path[64];

static void clean(void)
{
    unlink(link_path);
    rmdir(folder);
}

/* N-MNIST files are told by name. */
static void read_nmnist(const uint8_t *data, size_t size)
{
    char path[64];
    if (!*link_path) {
        if (!mkdtemp(folder) || atexit(clean))
            abort();
        snprintf(link_path, sizeof link_path, "%s/x.bin", folder);
    }
    const int fd = memfd_create("fuzz", 0);
    if (fd < 0 || write(fd, data, size) != (ssize_t)size)
        abort();
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    unlink(link_path);
    if (symlink(path, link_path))
        abort();
    fuzz_recording(link_path, RECORDING_ROOM);
    close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const begin[] = {"\x93NUMPY\1\0", "PK\3\4", "Event Stream\2\0\0\1", ""};
    static const size_t begin_size[] = {8, 4, 16, 0};
    if (size && data[0] % 5 == 4)
        read_nmnist(data + 1, size - 1);
    return fuzz_begun(data, size, begin, begin_size, 4);
}
