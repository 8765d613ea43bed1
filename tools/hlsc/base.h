/* What every stage stands on: errors with a place in the source, memory and text that live until
 * the program ends. */
#ifndef HLSC_BASE_H
#define HLSC_BASE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where in the source; file NULL: not known. */
struct place {
    const char *file;
    int line;
};

/* Prints "FILE:LINE: error: reason" and ends with status 2. */
_Noreturn void fail(struct place where, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void warn(struct place where, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* take() gives zeroed bytes. */
void *take(size_t bytes);
char *text(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Room for one more in an array of *capacity elements of the given size. */
void *grow(void *array, int count, int *capacity, size_t size);
#define APPEND(array, count, capacity, value)                                                      \
    ((array) = grow((array), (count), &(capacity), sizeof *(array)), (array)[(count)++] = (value))

/* Of indices: nothing there. */
enum { NONE = -1 };

static inline int max_int(int a, int b)
{
    return a > b ? a : b;
}
static inline int min_int(int a, int b)
{
    return a < b ? a : b;
}
/* Bits needed to write a number: 0 for 0. */
static inline int bits_of(uint64_t value)
{
    return value ? 64 - __builtin_clzll(value) : 0;
}
#endif
