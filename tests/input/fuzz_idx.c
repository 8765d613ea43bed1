/* idx, .npy, .npz and gzip files of any bytes, as samples and as labels. */
#include "fuzz_input.h"
#include "input/labels.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct input_spec specs[] = {
        {.channels = 1, .height = 2, .width = 2},
        {.channels = 3, .height = 1, .width = 1},
    };
    char path[64], member[80];
    struct tensor labels;
    struct texts files;
    int fd = fuzz_file(data, size);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    snprintf(member, sizeof member, "%s:x", path);
    tensor_max_elements = 1 << 16;
    for (size_t i = 0; i < sizeof specs / sizeof *specs; i++)
        fuzz_read(path, &specs[i]);
    if (size > 2 && data[0] == 'P')
        fuzz_read(member, &specs[0]);
    fuzz_check(labels_read(path, &labels, &files));
    tensor_free(&labels);
    texts_free(&files);
    close(fd);
    return 0;
}
