/* .npy files of any bytes: parsed and converted, or refused with a sentence and without data. */
#include "adafire.h"
#include "base/npy.h"
#include "base/tensor.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tensor head, t, copy;
    size_t offset;
    tensor_max_elements = 1 << 16;
    int status = npy_parse_header("fuzz.npy", data, size, &head, &offset);
    if (!status && (offset > size || head.rank < 0 || head.rank > TENSOR_MAX_RANK))
        abort();
    if (npy_parse("fuzz.npy", data, size, &t)) {
        if (!*af_error() || t.data)
            abort();
        return 0;
    }
    if (status || t.type != head.type || !tensor_same_shape(&t, &head))
        abort();
    if (!tensor_convert(&copy, &t, DTYPE_I64)) {
        for (int64_t i = 0; i < t.count; i++)
            tensor_get(&t, i);
        if (!tensor_same_shape(&t, &copy))
            abort();
        tensor_free(&copy);
    }
    tensor_free(&t);
    return 0;
}
