/* Errors by value, with one sentence each.
 *
 * Whoever sees a fault first writes the sentence; callers pass the code up unchanged. The sentence
 * belongs to the calling thread and stays until that thread's next fault. It names the file and the
 * reason and has no full stop or newline at its end. */
#ifndef ADAFIRE_ERROR_H
#define ADAFIRE_ERROR_H

#include "adafire.h"

/* Stores the sentence and is `status` (negative), so that a fault is one line:
 *     return af_fail(AF_BAD_FILE, "%s: not an .npy file", path);
 * A macro, so that the compiler and the analyser see that it is never 0. */
#define af_fail(status, ...) (af_tell(__VA_ARGS__), af_told(status))
static inline int af_told(int status)
{
    return status;
}
void af_tell(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Puts "prefix: " before the current thread's sentence (a path, mostly); returns `status`. */
int af_fail_in(int status, const char *prefix);

/* Whether a caller's structure sets nothing that this library does not know. */
bool reserved_is_zero(const int64_t *reserved, size_t count);
#define af_check_reserved(name, s)                                                                 \
    (reserved_is_zero((s)->reserved, sizeof(s)->reserved / sizeof *(s)->reserved)                  \
         ? AF_OK                                                                                   \
         : af_fail(AF_BAD_ARGUMENT, name " sets what libadafire %s does not know", AF_VERSION))

#endif
