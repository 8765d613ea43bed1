/* What programs of csmith need, without a library: arithmetic that is defined for all operands. */
#ifndef CSMITH_H
#define CSMITH_H
#include <stdint.h>

#define UNSIGNED(T)                                                                                \
    SHIFTS(T, u)                                                                                   \
    static inline T safe_unary_minus_func_##T##_u(T a)                                             \
    {                                                                                              \
        return (T) - a;                                                                            \
    }                                                                                              \
    static inline T safe_div_func_##T##_u_u(T a, T b)                                              \
    {                                                                                              \
        return b ? (T)(a / b) : a;                                                                 \
    }                                                                                              \
    static inline T safe_mod_func_##T##_u_u(T a, T b)                                              \
    {                                                                                              \
        return b ? (T)(a % b) : a;                                                                 \
    }                                                                                              \
    SUMS(T, u)

#define SIGNED(T)                                                                                  \
    SHIFTS(T, s)                                                                                   \
    static inline T safe_unary_minus_func_##T##_s(T a)                                             \
    {                                                                                              \
        return (T) - a;                                                                            \
    }                                                                                              \
    static inline T safe_div_func_##T##_s_s(T a, T b)                                              \
    {                                                                                              \
        return b == 0 || b == -1 ? a : (T)(a / b);                                                 \
    }                                                                                              \
    static inline T safe_mod_func_##T##_s_s(T a, T b)                                              \
    {                                                                                              \
        return b == 0 || b == -1 ? a : (T)(a % b);                                                 \
    }                                                                                              \
    SUMS(T, s)

#define SUMS(T, S)                                                                                 \
    static inline T safe_add_func_##T##_##S##_##S(T a, T b)                                        \
    {                                                                                              \
        return (T)(a + b);                                                                         \
    }                                                                                              \
    static inline T safe_sub_func_##T##_##S##_##S(T a, T b)                                        \
    {                                                                                              \
        return (T)(a - b);                                                                         \
    }                                                                                              \
    static inline T safe_mul_func_##T##_##S##_##S(T a, T b)                                        \
    {                                                                                              \
        return (T)((uint64_t)a * (uint64_t)b);                                                     \
    }

#define SHIFTS(T, S)                                                                               \
    static inline T safe_lshift_func_##T##_##S##_s(T a, int by)                                    \
    {                                                                                              \
        return (T)((uint64_t)a << (by & (8 * sizeof(T) - 1)));                                     \
    }                                                                                              \
    static inline T safe_lshift_func_##T##_##S##_u(T a, unsigned by)                               \
    {                                                                                              \
        return (T)((uint64_t)a << (by & (8 * sizeof(T) - 1)));                                     \
    }                                                                                              \
    static inline T safe_rshift_func_##T##_##S##_s(T a, int by)                                    \
    {                                                                                              \
        return (T)(a >> (by & (8 * sizeof(T) - 1)));                                               \
    }                                                                                              \
    static inline T safe_rshift_func_##T##_##S##_u(T a, unsigned by)                               \
    {                                                                                              \
        return (T)(a >> (by & (8 * sizeof(T) - 1)));                                               \
    }

UNSIGNED(uint8_t)
UNSIGNED(uint16_t)
UNSIGNED(uint32_t)
UNSIGNED(uint64_t)
SIGNED(int8_t)
SIGNED(int16_t)
SIGNED(int32_t)
SIGNED(int64_t)
#endif
