/* The accelerator: words in, words out (isa.h). One call is one exchange with the host; what was
 * loaded stays for the next one.
 *
 *                  +-> fetch 0 -> expand 0 -> neurons 0 -> events 0 --+
 *   control -> gather                ...      |                       |
 *      |      ^ ^  +-> fetch 3 -> expand 3 -> neurons 3 -> events 3 --+
 *      |      | +------------------------------|-----------------------+
 *      |      +-- decisions --+                |
 *      +-----------------> collect <-----------+ potentials, counters
 *                             +--> words to the host
 *
 * A population fires in all cores at once; gather brings their events into one row and sends each
 * to every core, which adds it to whatever neurons of its own it reaches. After an END has passed
 * through all cores the next population fires. In small builds one process does all this in turn.
 */
#include "hls.h"
#include "neuron.h"
#include "tokens.h"

void accelerator(hls_stream(uint32_t) in, hls_stream(uint32_t) out);

#if SMALL
#include "small.c" /* NOLINT */

void accelerator(hls_stream(uint32_t) in, hls_stream(uint32_t) out)
{
#pragma HLS dataflow
    HLS_CALL(small_machine, in, out);
    HLS_RUN();
}
#else

enum {
    QUEUE = 16, /* tokens; only has to take up what two processes differ in speed */
    BURSTS_QUEUE = FIRED_DEPTH * SLICES + 1,
};

#if CORES == 4
#define EACH_CORE(X) X(0) X(1) X(2) X(3)
#endif
/* Parameters, and what is given for them. */
#define EVENTS_IN(k)  hls_stream(struct event) fired##k,
#define TOKENS_OUT(k) hls_stream(struct token) to##k,
#define VALUES_IN(k)  hls_stream(int32_t) values##k,
#define FIRED(k)      fired##k,
#define TO(k)         to##k,
#define VALUES(k)     values##k,

/* Parts of this translation unit: the processes, and what a core has as often as there are cores.
 */
#include "control.c" /* NOLINT */
#include "collect.c" /* NOLINT */
#include "gather.c"  /* NOLINT */
#include "fetch.c"   /* NOLINT */
#include "expand.c"  /* NOLINT */
#include "neurons.c" /* NOLINT */
#include "events.c"  /* NOLINT */
#define IN_CORE(name) name##0
#include "core.c" /* NOLINT */
#undef IN_CORE
#define IN_CORE(name) name##1
#include "core.c" /* NOLINT */
#undef IN_CORE
#define IN_CORE(name) name##2
#include "core.c" /* NOLINT */
#undef IN_CORE
#define IN_CORE(name) name##3
#include "core.c" /* NOLINT */
#undef IN_CORE

#define CORE_STREAMS(k)                                                                            \
    HLS_STREAM(struct token, to##k, 16);                                                           \
    HLS_STREAM(struct work, work##k, 64);                                                          \
    HLS_STREAM(struct operation, operations##k, 16);                                               \
    HLS_STREAM(struct bursts, bursts##k, BURSTS_QUEUE);                                            \
    HLS_STREAM(struct event, fired##k, QUEUE);                                                     \
    HLS_STREAM(int32_t, values##k, QUEUE);
#define CORE_CALLS(k)                                                                              \
    HLS_CALL(fetch##k, to##k, work##k);                                                            \
    HLS_CALL(expand##k, work##k, operations##k);                                                   \
    HLS_CALL(neurons##k, operations##k, bursts##k, values##k);                                     \
    HLS_CALL(events##k, bursts##k, fired##k);

void accelerator(hls_stream(uint32_t) in, hls_stream(uint32_t) out)
{
#pragma HLS dataflow
    HLS_STREAM(struct token, commands, QUEUE);
    HLS_STREAM(struct job, jobs, QUEUE);
    HLS_STREAM(struct token, trace, QUEUE);
    HLS_STREAM(bool, decisions, QUEUE);
    EACH_CORE(CORE_STREAMS)
    HLS_CALL(control, in, commands, jobs);
    HLS_CALL(gather, commands, EACH_CORE(FIRED) decisions, EACH_CORE(TO) trace);
    EACH_CORE(CORE_CALLS)
    HLS_CALL(collect, jobs, EACH_CORE(VALUES) trace, decisions, out);
    HLS_RUN();
}
#endif
