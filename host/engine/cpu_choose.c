#include "engine/cpu_kernel.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#if defined __aarch64__ && defined __linux__
#include <sys/auxv.h>

#ifndef HWCAP_ASIMDDP
#define HWCAP_ASIMDDP (1UL << 20)
#endif
#endif

extern const struct kernel kernel_generic, kernel_avx2, kernel_avx512, kernel_neon;

const struct kernel *kernel_choose(void)
{
#if defined __x86_64__ || (defined __aarch64__ && defined __linux__)
    const char *asked = getenv("ADAFIRE_CPU");
#endif
#ifdef __x86_64__
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
#elif defined __aarch64__ && defined __linux__
    if (getauxval(AT_HWCAP) & HWCAP_ASIMDDP && !(asked && strcmp(asked, "generic") == 0))
        return &kernel_neon;
#endif
    return &kernel_generic;
}
