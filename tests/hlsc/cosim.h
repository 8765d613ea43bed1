/* Records what a kernel in HLS-C does on the host, so that tests/hlsc/cosim can ask the same of the
 * Verilog that hlsc makes of it. The file that holds the kernel ends with
 *
 *     #ifndef __HLSC__
 *     #include "cosim.h"
 *     int main(void)
 *     {
 *         hls_stream(uint32_t) in = cosim_in(uint32_t, in);
 *         hls_stream(uint32_t) out = cosim_out(uint32_t, out);
 *         for (int n = 1; n <= 3; n++) {
 *             for (int i = 0; i < n; i++)
 *                 hls_write(in, (uint32_t)cosim_random());
 *             cosim_begin();
 *             cosim_return(sum(in, out, cosim_scalar(n, n)));
 *             cosim_end();
 *         }
 *         return cosim_finish();
 *     }
 *     #endif
 *
 * Streams, scalars and memories bear the names of the kernel's parameters; cosim_memory(T, p, n) is
 * what the pointer p points to. What a run leaves in an input
 * stream is there for the next one; what it writes may be read, or left. Padding of structs is not
 * compared. */
#ifndef COSIM_H
#define COSIM_H
#include "hls.h"
#include "hls_host.h"

#include <string.h>

/* clang-tidy's clang lacks the builtin that gcc has. Compiling with such a clang stays an error:
 * padding would be compared. */
#ifdef __clang_analyzer__
#define COSIM_CLEAR_PADDING(object) ((void)(object))
#else
#define COSIM_CLEAR_PADDING(object) __builtin_clear_padding(object)
#endif

#define COSIM_STREAM(T, name, input)                                                               \
    __extension__({                                                                                \
        T cosim_mask;                                                                              \
        memset(&cosim_mask, 0xff, sizeof cosim_mask);                                              \
        COSIM_CLEAR_PADDING(&cosim_mask);                                                          \
        (T *)cosim_stream(#name, input, sizeof cosim_mask, (unsigned char *)&cosim_mask);          \
    })
#define cosim_in(T, name)  COSIM_STREAM(T, name, true)
#define cosim_out(T, name) COSIM_STREAM(T, name, false)
void *cosim_stream(const char *name, bool input, unsigned token_bytes, const unsigned char *mask);

/* n words of zeros at first; what main and the kernel write stays. */
#define cosim_memory(T, name, n) ((T *)cosim_open_memory(#name, sizeof(T), (n)))
void *cosim_open_memory(const char *name, unsigned word_bytes, size_t words);

void cosim_begin(void);
/* The value, for the call. */
#define cosim_scalar(name, value)                                                                  \
    __extension__({                                                                                \
        const __typeof__(value) cosim_value = (value);                                             \
        cosim_record_scalar(#name, (uint64_t)(int64_t)cosim_value);                                \
        cosim_value;                                                                               \
    })
void cosim_record_scalar(const char *name, uint64_t value);
#define cosim_return(value) cosim_record_return((uint64_t)(int64_t)(value))
void cosim_record_return(uint64_t value);
void cosim_end(void);
int cosim_finish(void); /* the status that main returns */

/* The same numbers in every execution: small, middle-sized and 64-bit ones, signed and not. */
uint64_t cosim_random(void);
void cosim_seed(uint64_t seed);
#endif
