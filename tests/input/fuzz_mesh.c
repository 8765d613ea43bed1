/* OFF and PLY files of any bytes: refused with a sentence, or sampled. */
#include "adafire.h"
#include "input/points.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum { COUNT = 16 };
    struct mesh m;
    float out[3 * COUNT];
    char *text = malloc(size + 1);
    if (!text)
        abort();
    memcpy(text, data, size);
    text[size] = 0;
    tensor_max_elements = 1 << 16;
    int status = mesh_parse("fuzz", text, size, &m);
    if (status > 0 || (status && (!*af_error() || m.point || m.triangle)))
        abort();
    if (!status) {
        status = mesh_sample("fuzz", &m, COUNT, out);
        if (status > 0 || (status && !*af_error()))
            abort();
        for (int i = 0; !status && i < 3 * COUNT; i++)
            if (!(fabsf(out[i]) <= 1.001f))
                abort();
    }
    mesh_free(&m);
    free(text);
    return 0;
}
