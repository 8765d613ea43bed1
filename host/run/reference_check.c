#include "run/reference_check.h"

#include "base/error.h"

#include <math.h>

int reference_check(const char *path, const struct tensor *t, int64_t samples)
{
    if (samples >= 0 && t->dim[0] != samples)
        return af_fail(AF_BAD_FILE, "%s: %lld rows for %lld samples; are they of others?", path,
                       (long long)t->dim[0], (long long)samples);
    for (int64_t i = 0; i < t->count; i++)
        if (!isfinite(tensor_get(t, i)))
            return af_fail(AF_BAD_FILE, "%s: row %lld holds a value that is not finite", path,
                           (long long)(i / (t->count / t->dim[0])));
    return AF_OK;
}
