/* N-Caltech101 annotations of any bytes: an error with a sentence, or a box with an area. */
#include "fuzz_input.h"
#include "input/annotation.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct af_box box;
    const int status = annotation_parse("annotation.mat", data, size, &box);
    fuzz_check(status);
    if (!status && !(box.x1 >= 0 && box.y1 >= 0 && box.x1 < box.x2 && box.y1 < box.y2))
        abort();
    return 0;
}
