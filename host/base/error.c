#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static _Thread_local char sentence[1024];

void af_tell(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(sentence, sizeof sentence, format, args);
    va_end(args);
}

int af_fail_in(int status, const char *prefix)
{
    char inner[sizeof sentence];
    memcpy(inner, sentence, sizeof inner);
    af_tell("%.300s: %.700s", prefix, inner);
    return status;
}

const char *af_error(void)
{
    return sentence;
}

const char *af_version(void)
{
    return AF_VERSION;
}

int af_version_number(void)
{
    return AF_VERSION_NUMBER;
}

bool reserved_is_zero(const int64_t *reserved, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (reserved[i])
            return false;
    return true;
}
