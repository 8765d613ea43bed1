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
