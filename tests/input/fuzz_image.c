/* PNG and JPEG pictures of any bytes. */
#include "fuzz_input.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct input_spec specs[] = {
        {.channels = 3, .height = 3, .width = 5},
        {.channels = 1, .height = 4, .width = 4, .resize = 6},
    };
    char path[64];
    int fd = fuzz_file(data, size);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    tensor_max_elements = 1 << 16;
    for (size_t i = 0; i < sizeof specs / sizeof *specs; i++)
        fuzz_read(path, &specs[i]);
    close(fd);
    return 0;
}
