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

#if MEMORY && HLS_HARDWARE
/* Of the memory behind it: ports that read and one that writes (tokens.h). */
#define MEMORY_PORTS                                                                               \
    hls_stream(struct beat) script, hls_stream(struct beat) data, hls_stream(bool) stored,         \
        hls_stream(struct ask) script_ask, hls_stream(struct ask) data_ask,                        \
        hls_stream(struct store) store
void accelerator(hls_stream(uint32_t) in, hls_stream(uint32_t) out, MEMORY_PORTS);
#else
void accelerator(hls_stream(uint32_t) in, hls_stream(uint32_t) out);
#endif

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
#if MEMORY
#include "keep.c"  /* NOLINT */
#include "mover.c" /* NOLINT */
#endif
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
    HLS_STREAM(int32_t, values##k, QUEUE);                                                         \
    WITH_MEMORY(HLS_STREAM(struct beat, wide##k, 64); HLS_STREAM(struct beat, saved##k, QUEUE);    \
                HLS_STREAM(struct event, kept##k, QUEUE);                                          \
                HLS_STREAM(struct packed, packed##k, 64);)
#define CORE_CALLS(k)                                                                              \
    HLS_CALL(fetch##k, to##k, work##k);                                                            \
    HLS_CALL(expand##k, work##k, operations##k);                                                   \
    HLS_CALL(neurons##k, operations##k, WITH_MEMORY(wide##k, saved##k, ) bursts##k, values##k);    \
    HLS_CALL(events##k, bursts##k, fired##k WITH_MEMORY(, kept##k));                               \
    WITH_MEMORY(HLS_CALL(pack##k, kept##k, packed##k);)

#if MEMORY && !HLS_HARDWARE
/* On this computer the memory is whatever these do; words are numbered. */
void memory_load(uint64_t word, uint32_t *to, unsigned words);
void memory_store(uint64_t word, const uint32_t *from, unsigned words);

static void read_port(hls_stream(struct ask) asks, hls_stream(struct beat) out)
{
    for (struct ask a = hls_read(asks); a.beats; a = hls_read(asks))
        for (uint32_t i = 0; i < a.beats; i++) {
            struct beat b;
            memory_load(((uint64_t)a.address + i) * BEAT_WORDS, b.word, BEAT_WORDS);
            hls_write(out, b);
        }
}

static void write_port(hls_stream(struct store) in, hls_stream(bool) stored)
{
    for (struct store s = hls_read(in); !s.exit; s = hls_read(in)) {
        if (s.confirm)
            hls_write(stored, true);
        else
            memory_store((uint64_t)s.address * BEAT_WORDS, s.beat.word, BEAT_WORDS);
    }
}
#endif

/* Rows of a tile that may be on their way between keep and mover: those of two tiles. */
enum { WRITTEN_QUEUE = 256 };

#if MEMORY && HLS_HARDWARE
void accelerator(hls_stream(uint32_t) in, hls_stream(uint32_t) out, MEMORY_PORTS)
#else
void accelerator(hls_stream(uint32_t) in, hls_stream(uint32_t) out)
#endif
{
#pragma HLS dataflow
    HLS_STREAM(struct token, commands, QUEUE);
    HLS_STREAM(struct job, jobs, QUEUE);
    HLS_STREAM(struct token, trace, QUEUE);
    HLS_STREAM(bool, decisions, QUEUE);
    EACH_CORE(CORE_STREAMS)
#if MEMORY
    HLS_STREAM(struct token, moved, QUEUE);
    HLS_STREAM(struct plan, plans, 64);
    HLS_STREAM(uint32_t, written, WRITTEN_QUEUE);
    HLS_STREAM(struct token, kept_trace, QUEUE);
    HLS_STREAM(bool, decided, 2);
#if !HLS_HARDWARE
    HLS_STREAM(struct ask, script_ask, 2);
    HLS_STREAM(struct ask, data_ask, 2);
    HLS_STREAM(struct store, store, QUEUE);
    HLS_STREAM(struct beat, script, QUEUE);
    HLS_STREAM(struct beat, data, QUEUE);
    HLS_STREAM(bool, stored, 2);
    HLS_CALL(read_port, script_ask, script);
    HLS_CALL(read_port, data_ask, data);
    HLS_CALL(write_port, store, stored);
#endif
    HLS_CALL(control, in, commands, jobs);
    HLS_CALL(mover, commands, decided, written, script, data, stored, moved, EACH_CORE(WIDE) plans,
             script_ask, data_ask);
    HLS_CALL(gather, moved, EACH_CORE(FIRED) decisions, EACH_CORE(TO) trace);
    EACH_CORE(CORE_CALLS)
    HLS_CALL(keep, plans, EACH_CORE(PACKED) EACH_CORE(SAVED) store, written, kept_trace);
    HLS_CALL(collect, jobs, EACH_CORE(VALUES) trace, kept_trace, decisions, decided, out);
#else
    HLS_CALL(control, in, commands, jobs);
    HLS_CALL(gather, commands, EACH_CORE(FIRED) decisions, EACH_CORE(TO) trace);
    EACH_CORE(CORE_CALLS)
    HLS_CALL(collect, jobs, EACH_CORE(VALUES) trace, decisions, out);
#endif
    HLS_RUN();
}
#endif
