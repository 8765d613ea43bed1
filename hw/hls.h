/* What HLS-C needs beyond C: streams. One source serves three readers: tools/hlsc (Verilog), a C
 * compiler (simulation on the host, streams from hls_stream.c) and Vitis HLS (C++, hls::stream).
 *
 *   hls_stream(T) in            a parameter: a FIFO of tokens of type T (an integer or a struct)
 *   HLS_STREAM(T, name, depth); a local FIFO of at least depth tokens, in a dataflow function
 *   T x = hls_read(in);         takes the next token; waits for one
 *   hls_write(out, x);          adds a token; waits for room
 *   hls_empty(in)               is there no token now? Timing, not data: simulation on the host and
 *                               hardware may differ
 *   hls_clock()                 cycles since reset, modulo 2^32; of these, those in which this
 *   hls_starved()               process waited for a token and
 *   hls_blocked()               for room. Likewise timing: 0 on the host and with Vitis
 *
 * A process reads or writes a stream, never both; a stream has one reader and one writer.
 *
 * In a dataflow function whose processes feed each other in circles, HLS_CALL(process, stream...)
 * stands for process(stream...), with streams as its only parameters, and HLS_RUN() for the end;
 * on the host the processes then take turns (hls_host.h), and queues are as deep as in hardware. */
#ifndef HLS_H
#define HLS_H
#include <stdbool.h>
#include <stdint.h>

#define HLS_PRAGMA(text) _Pragma(#text)

/* Whether hardware is made of it, and not a program for this computer. */
#if defined __HLSC__ || defined __cplusplus
#define HLS_HARDWARE 1
#else
#define HLS_HARDWARE 0
#endif

/* C and C++ have different words for it. */
#ifdef __cplusplus
#define HLS_STATIC_ASSERT(condition, why) static_assert(condition, why)
#else
#define HLS_STATIC_ASSERT(condition, why) _Static_assert(condition, why)
#endif

#ifdef __cplusplus
#include <hls_stream.h>
#define hls_stream(T) hls::stream<T> &
#define HLS_STREAM(T, name, depth)                                                                 \
    hls::stream<T> name;                                                                           \
    HLS_PRAGMA(HLS stream variable = name depth = depth)
#define hls_read(s)            (s).read()
#define hls_write(s, x)        (s).write(x)
#define hls_empty(s)           (s).empty()
#define hls_clock()            0u
#define hls_starved()          0u
#define hls_blocked()          0u
#define HLS_CALL(process, ...) process(__VA_ARGS__)
#define HLS_RUN()

#else
/* A stream is passed as a pointer to its token type, which types the macros; it is never
 * dereferenced. */
void *hls_stream_open(const char *name, unsigned token_bytes, unsigned depth);
void hls_stream_close(void *stream);
void hls_stream_read(void *stream, void *token, unsigned token_bytes);
void hls_stream_write(void *stream, const void *token, unsigned token_bytes);
bool hls_stream_empty(void *stream);

#ifndef __HLSC__
#define hls_clock()      0u
#define hls_starved()    0u
#define hls_blocked()    0u
static inline void hls_stream_leave(void *stream)
{
    hls_stream_close(*(void **)stream);
}
#define HLS_STREAM_SCOPE __attribute__((cleanup(hls_stream_leave)))
#else
uint32_t hls_clock(void);
uint32_t hls_starved(void);
uint32_t hls_blocked(void);
#define HLS_STREAM_SCOPE
#endif

#define hls_stream(T) T *
#define HLS_STREAM(T, name, depth)                                                                 \
    T *name HLS_STREAM_SCOPE = hls_stream_open(#name, sizeof(T), depth)
#define hls_read(s)                                                                                \
    __extension__({                                                                                \
        __typeof__(*(s)) hls_got;                                                                  \
        hls_stream_read((s), &hls_got, sizeof hls_got);                                            \
        hls_got;                                                                                   \
    })
#define hls_write(s, x)                                                                            \
    do {                                                                                           \
        __typeof__(*(s)) hls_token = (x);                                                          \
        hls_stream_write((s), &hls_token, sizeof hls_token);                                       \
    } while (0)
#define hls_empty(s) hls_stream_empty(s)

#ifdef __HLSC__
#define HLS_CALL(process, ...) process(__VA_ARGS__)
#define HLS_RUN()
#else
void hls_call(const char *name, void (*process)(void), int streams, void *const *stream);
int hls_run(unsigned flags);
#define HLS_CALL(process, ...)                                                                     \
    hls_call(#process, (void (*)(void))(process),                                                  \
             (int)(sizeof((void *[]){__VA_ARGS__}) / sizeof(void *)), (void *[]){__VA_ARGS__})
#define HLS_RUN() hls_run(1 /* HLS_HONOUR_DEPTH */)
#endif
#endif
#endif
