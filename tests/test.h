/* A test is a program: it prints one line per failed check and a summary, exits 0, 1, or 77 (skip).
 *
 *     TEST(name) { CHECK(1 + 1 == 2); CHECK_EQ(af_x(), AF_OK); }
 *     int main(void) { RUN(name); return test_end(); } */
#ifndef TEST_H
#define TEST_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int test_passed, test_failed, test_skipped, test_broken;

#define TEST(name) static void test_##name(void)
/* With the thread sanitizer tests of one thread do less: they would take minutes. */
#ifdef __SANITIZE_THREAD__
enum { THREADS_ONLY = 1 };
#else
enum { THREADS_ONLY = 0 };
#endif

#define RUN(name)                                                                                  \
    do {                                                                                           \
        test_broken = 0;                                                                           \
        test_##name();                                                                             \
        if (test_broken)                                                                           \
            test_failed++, printf("FAIL %s\n", #name);                                             \
        else                                                                                       \
            test_passed++;                                                                         \
        fflush(stdout);                                                                            \
    } while (0)
#define CHECK(x)                                                                                   \
    do {                                                                                           \
        if (!(x))                                                                                  \
            test_broken = 1, printf("%s:%d: %s\n", __FILE__, __LINE__, #x);                        \
    } while (0)
#define CHECK_EQ(a, b)                                                                             \
    do {                                                                                           \
        long long check_a = (long long)(a), check_b = (long long)(b);                              \
        if (check_a != check_b)                                                                    \
            test_broken = 1, printf("%s:%d: %s = %lld, expected %s = %lld\n", __FILE__, __LINE__,  \
                                    #a, check_a, #b, check_b);                                     \
    } while (0)
/* The sentence of the last failure must hold this text. */
#define CHECK_ERROR(text)                                                                          \
    do {                                                                                           \
        if (!strstr(af_error(), text))                                                             \
            test_broken = 1,                                                                       \
            printf("%s:%d: error \"%s\" lacks \"%s\"\n", __FILE__, __LINE__, af_error(), text);    \
    } while (0)
#define SKIP(why)                                                                                  \
    do {                                                                                           \
        test_skipped++;                                                                            \
        printf("skip: %s\n", why);                                                                 \
    } while (0)

/* The line that tests/run adds up. */
static inline int test_end(void)
{
    printf("%d passed, %d failed, %d skipped\n", test_passed, test_failed, test_skipped);
    return test_failed ? 1 : test_passed ? 0 : 77;
}

#endif
