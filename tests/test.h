/* A test is a program: it prints one line per failed check and a summary, exits 0, 1, or 77 (skip).
 *
 *     TEST(name) { CHECK(1 + 1 == 2); CHECK_EQ(af_x(), AF_OK); }
 *     int main(void) { RUN(name); return test_end(); }
 *
 * Each TEST runs in a process of its own: one that crashes or hangs on is a failed one, and the
 * others go on. ADAFIRE_TEST=name runs that one alone, and in the program itself, for a debugger.
 */
#ifndef TEST_H
#define TEST_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static int test_passed, test_failed, test_skipped, test_broken;

#define TEST(name) static void test_##name(void)
/* With the thread sanitizer tests of one thread do less: they would take minutes. */
#ifdef __SANITIZE_THREAD__
enum { THREADS_ONLY = 1 };
#else
enum { THREADS_ONLY = 0 };
#endif

/* What a TEST counts for main, whatever process it runs in. */
static inline int *test_shared(void)
{
    static int *shared;
    if (!shared)
        shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return shared;
}
enum { TEST_SKIPPED, TEST_COUNTS /* the test's own from here on */ };

static inline void test_run(const char *name, void (*run)(void))
{
    const char *only = getenv("ADAFIRE_TEST");
    int status = 0;
    if (only && strcmp(only, name) != 0)
        return;
    test_broken = 0;
    test_shared();
    fflush(stdout);
    const pid_t child = only ? -1 : fork();
    if (child < 0) {
        run();
    } else if (!child) {
        run();
        fflush(stdout);
        exit(test_broken ? 1 : 0); /* with what a sanitizer has to say */
    } else {
        waitpid(child, &status, 0);
        test_broken = status != 0;
    }
    if (WIFSIGNALED(status))
        printf("%s was ended by signal %d, %s\n", name, WTERMSIG(status),
               strsignal(WTERMSIG(status)));
    test_failed += test_broken;
    test_passed += !test_broken;
    if (test_broken)
        printf("FAIL %s\n", name);
    fflush(stdout);
}
#define RUN(name) test_run(#name, test_##name)
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
        test_shared()[TEST_SKIPPED]++;                                                             \
        printf("skip: %s\n", why);                                                                 \
    } while (0)

/* The line that tests/runner adds up. */
static inline int test_end(void)
{
    test_skipped = test_shared()[TEST_SKIPPED];
    printf("%d passed, %d failed, %d skipped\n", test_passed, test_failed, test_skipped);
    return test_failed ? 1 : test_passed ? 0 : 77;
}

#endif
