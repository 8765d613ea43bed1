#include "engine/cpu_kernel.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

extern const struct kernel kernel_generic, kernel_avx2, kernel_avx512;

const struct kernel *kernel_choose(void)
{
#ifdef __x86_64__
    const char *asked = getenv("ADAFIRE_CPU");
    __builtin_cpu_init();
    bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    bool avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                  __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vnni");
    if (asked && strcmp(asked, "generic") == 0)
        return &kernel_generic;
    if (avx512 && !(asked && strcmp(asked, "avx2") == 0))
        return &kernel_avx512;
    if (avx2)
        return &kernel_avx2;
#endif
    return &kernel_generic;
}
