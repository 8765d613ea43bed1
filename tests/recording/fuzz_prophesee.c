/* RAW and DAT files of any bytes. The first byte says which header the rest is behind. */
#include "fuzz_recording.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const begin[] = {"% evt 2.0\n% end\n",
                                        "% evt 2.1\n% end\n",
                                        "% evt 3.0\n% end\n",
                                        "% Version 2\n\0\10",
                                        "% Version 1\n\0\10",
                                        "% ",
                                        ""};
    static const size_t begin_size[] = {16, 16, 16, 14, 14, 2, 0};
    return fuzz_begun(data, size, begin, begin_size, 7);
}
