/* HLS-C on the host: what hls.h does not say because hardware has no need of it. A program that
 * simulates HLS-C is linked with hls_stream.c.
 *
 * Without more ado every queue is unbounded and everything runs as one thread of plain C, so a
 * dataflow function runs its processes one after the other. Reading an empty queue then waits for
 * ever: the program ends with a sentence and status 3.
 *
 * Processes that feed each other in circles, or queues as shallow as in hardware, need processes
 * that take turns:
 *
 *     hls_process(run_loader, &arguments);
 *     hls_process(run_core, &arguments);
 *     if (hls_run(HLS_HONOUR_DEPTH))
 *         ...                          a deadlock; standard error says who waits for what
 *
 * Streams and processes belong to the thread that made them. */
#ifndef HLS_HOST_H
#define HLS_HOST_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Registers run(argument) for the next hls_run. */
void hls_process_named(const char *name, void (*run)(void *argument), void *argument);
#define hls_process(run, argument) hls_process_named(#run, (run), (argument))

enum { HLS_HONOUR_DEPTH = 1 }; /* a process that writes a full stream waits for room */

/* Runs the registered processes round robin and forgets them. 0 when all have returned, else the
 * number of those that wait for ever. */
int hls_run(unsigned flags);

/* Of the calling thread, for those who feed nonsense on purpose. hls_deadline: hls_run gives up, as
 * in a deadlock, when about so many tokens were read or written; 0: never. hls_quiet: what is left
 * waiting or unread is not reported. */
extern _Thread_local uint64_t hls_deadline;
extern _Thread_local bool hls_quiet;

/* The most tokens it ever held: the depth that the order of C needs. */
size_t hls_stream_peak(const void *stream);
size_t hls_stream_count(const void *stream);     /* tokens in it now */
uint64_t hls_stream_written(const void *stream); /* tokens ever written to it */
/* Token number index of those in it now, the oldest is 0; valid until the next read or write. */
const void *hls_stream_peek(const void *stream, size_t index);
#endif
