/* AEDAT files of any bytes. The first byte says which version the rest is. */
#include "fuzz_recording.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const begin[] = {"#!AER-DAT2.0\r\n", "#!AER-DAT3.1\r\n", "#!AER-DAT4.0\r\n"};
    static const size_t begin_size[] = {14, 14, 14};
    return fuzz_begun(data, size, begin, begin_size, 3);
}
