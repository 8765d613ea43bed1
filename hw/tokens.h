/* What travels between the processes of the accelerator. */
#ifndef TOKENS_H
#define TOKENS_H
#include "config.h"
#include "hls.h"
#include "isa.h"
#include <stdbool.h>
#include <stdint.h>

/* Whatever a host has written into tables, an index stays within its memory. Powers of two cost
 * nothing; hardware takes others by as many bits, and what lies beyond the end is not there. */
#define SMEAR(n, by)     ((n) | (n) >> (by))
#define MASK(size)       (SMEAR(SMEAR(SMEAR(SMEAR((size) - 1, 1), 2), 4), 8) | ((size) - 1) >> 16)
#define BITS_OF(size, i) ((i) & MASK((uint32_t)(size)))
#ifdef __HLSC__
#define INDEX(size, i) BITS_OF(size, i)
#else
#define INDEX(size, i) (BITS_OF(size, i) < (size) ? BITS_OF(size, i) : 0)
#endif
#define AT(memory, index) (memory)[INDEX(sizeof(memory) / sizeof((memory)[0]), (index))]
/* For counts that may be as large as the memory, a power of two. */
#define WITHIN(size, count) ((count) & ((size) * 2 - 1))

/* Of a message's payload. What claims to be longer is no message. */
enum { MOST_WORDS = SMALL ? 0xffff : 0xffffff };

/* The answer to COMMAND_IDENTIFY. */
#define IDENTITY                                                                                   \
    {ISA_VERSION,                                                                                  \
     BUILD_NUMBER,                                                                                 \
     CORES,                                                                                        \
     LANES | FEATURES << 16,                                                                       \
     CELLS,                                                                                        \
     SENT_CELLS,                                                                                   \
     SENT_MOST,                                                                                    \
     WEIGHTS,                                                                                      \
     PARAMETERS,                                                                                   \
     ROUTES,                                                                                       \
     CHANNELS,                                                                                     \
     AXIS,                                                                                         \
     LIST,                                                                                         \
     WINDOWS,                                                                                      \
     PHASES,                                                                                       \
     PROGRAM,                                                                                      \
     TIMESTEPS,                                                                                    \
     FIRED_DEPTH,                                                                                  \
     MARKS WITH_MEMORY(, LISTS, COUNTED)}

/* What only builds with a memory behind them have. */
#if MEMORY
#define WITH_MEMORY(...) __VA_ARGS__
#else
#define WITH_MEMORY(...)
#endif
/* What only builds that add lane by lane have. */
#if LANEWISE
#define WITH_LANES(...) __VA_ARGS__
#else
#define WITH_LANES(...)
#endif

enum {
    FEATURES = (PAIRS ? FEATURE_PAIRS : 0) | (SMALL ? 0 : FEATURE_LIVE) |
               (BURST_BITS == 4 ? 0 : BURST_BITS << 4) | (STATE_BITS == 32 ? FEATURE_WIDE : 0) |
               (MEMORY ? FEATURE_MEMORY : 0) | (LANEWISE ? FEATURE_LANES : 0)
};
enum { PROFILED = MARKS > 0, LAST_COMMAND = PROFILED ? COMMAND_PROFILE : COMMAND_END };

/* Payload words in front of a command's data; others have these alone. */
static inline uint32_t head_words(uint8_t command)
{
    return command == COMMAND_LOAD || command == COMMAND_COUNTERS ? 2
           : command == COMMAND_RUN                               ? 1
           : command == COMMAND_READ                              ? 3
           : PROFILED && command == COMMAND_PROFILE               ? 2
                                                                  : 0;
}
static inline bool has_data(uint8_t command)
{
    return command == COMMAND_LOAD || command == COMMAND_RUN;
}

/* CRC-32 of another word, its lowest byte first. The remainder is linear in the bits, so each adds
 * its own: a tree of exclusive ors, where shifting bit by bit would be a chain of 32. */
static inline uint32_t crc_word(uint32_t crc, uint32_t word)
{
    static const uint32_t remainder[32] = {
        0xb8bc6765, 0xaa09c88b, 0x8f629757, 0xc5b428ef, 0x5019579f, 0xa032af3e, 0x9b14583d,
        0xed59b63b, 0x01c26a37, 0x0384d46e, 0x0709a8dc, 0x0e1351b8, 0x1c26a370, 0x384d46e0,
        0x709a8dc0, 0xe1351b80, 0x191b3141, 0x32366282, 0x646cc504, 0xc8d98a08, 0x4ac21251,
        0x958424a2, 0xf0794f05, 0x3b83984b, 0x77073096, 0xee0e612c, 0x076dc419, 0x0edb8832,
        0x1db71064, 0x3b6e20c8, 0x76dc4190, 0xedb88320};
    const uint32_t bits = crc ^ word;
    uint32_t sum = 0;
    for (int i = 0; i < 32; i++) {
#pragma HLS unroll
        sum ^= bits >> i & 1 ? remainder[i] : 0;
    }
    return sum;
}

enum token_kind {
    TOKEN_EVENT,    /* of the population that fires; where: channel << 16 | row, what: column << 16
                       | count (signed), as in messages */
    TOKEN_END,      /* that population has fired */
    TOKEN_START,    /* an inference begins; where: timesteps, what: flags */
    TOKEN_NEXT,     /* another timestep */
    TOKEN_STOP,     /* no other one: outputs are sent */
    TOKEN_LOAD,     /* where: memory << 24 | address, what: the word */
    TOKEN_READ,     /* where: first cell, what: number of cells to send */
    TOKEN_COUNTERS, /* what: number of phases whose counters are to be sent */
    TOKEN_PROFILE,  /* what: number of marks that are to be sent */
    TOKEN_VALUE,    /* what: one of these, on its way */
    TOKEN_EXIT,     /* the exchange is over */
    TOKEN_STORE,    /* where: a word of memory, what: what it shall hold */
    TOKEN_TILE,     /* a tile begins; what: TILE_... */
};
enum { TILE_FIRST = 1, TILE_LAST = 2 }; /* of the timesteps there may be */

/* Cycles that a process waited for a token and for room: while a run lasts what they were when it
 * began, then how many they were in it. */
struct waits {
    uint32_t starved, blocked;
};
/* Without branches, because these cost cycles. Returns those of the run until now. */
static inline struct waits waits_note(struct waits *w, bool start, bool stop)
{
    if (!PROFILED)
        return (struct waits){0};
    const uint32_t starved = hls_starved(), blocked = hls_blocked();
    const struct waits begin = {start ? starved : w->starved, start ? blocked : w->blocked},
                       now = {starved - begin.starved, blocked - begin.blocked};
    w->starved = stop ? now.starved : begin.starved;
    w->blocked = stop ? now.blocked : begin.blocked;
    return now;
}

/* From control and gather to the cores; as a trace from gather to collect. */
struct token {
    uint8_t kind;
    uint8_t core; /* of LOAD, READ, COUNTERS, PROFILE and VALUE; of a traced event its phase */
    /* Of an EVENT to a core: ROUTE_BITS of the routes by which it may reach something, <<
     * ROUTE_BITS those of them that `second` takes in a turn of its own. */
    uint8_t live;
    uint32_t where, what;
    uint32_t second; /* of an EVENT with PAIRS: channel << 16 | count of another one at the same
                        place; count 0: none */
};
static inline uint32_t high(uint32_t word)
{
    return word >> 16;
}
static inline uint32_t low(uint32_t word)
{
    return word & 0xffff;
}
/* Of two, the low one first. */
static inline uint32_t word_of(uint64_t value, uint32_t index)
{
    return (uint32_t)(index & 1 ? value >> 32 : value);
}

#if LANEWISE
/* Of the events of one cell that are added at once: each lane's burst, 0: none. */
struct lanes {
    bool there; /* it is of several lanes, and not of one factor for all */
    uint8_t shift;
    int16_t count[LANES];
};
#endif

/* From fetch to expand: an event, or two at one place, meet a projection. Other tokens pass
 * through: cell is the memory, weight[0] the address, factor[0] the word. */
struct work {
    uint8_t kind;
    uint8_t rows, columns; /* places in the lists */
    uint16_t groups;       /* channel groups */
    uint16_t row, column;  /* where in the lists */
    uint16_t cell;
    word_address weight[2];
    uint16_t step; /* weight vectors from one channel group to the next */
    int32_t factor[2];
    uint16_t size[2]; /* spikes, each of which causes synaptic operations; 0: none does */
    WITH_LANES(struct lanes lanes;)
};

/* From expand to neurons: cell += factor * weight vector, for each; or every lane its own burst <<
 * shift. Other tokens pass through likewise. */
struct operation {
    uint8_t kind;
    uint16_t cell;
    word_address weight[2];
    int32_t factor[2];
    uint16_t size[2];
    WITH_LANES(struct lanes lanes;)
};

static inline struct work passed_work(uint8_t kind, uint16_t memory, uint32_t address,
                                      uint32_t word)
{
    const struct work w = {
        .kind = kind, .cell = memory, .weight = {(word_address)address}, .factor = {(int32_t)word}};
    return w;
}
static inline struct operation passed_operation(uint8_t kind, uint16_t memory, word_address address,
                                                int32_t word)
{
    const struct operation o = {
        .kind = kind, .cell = memory, .weight = {address}, .factor = {word}};
    return o;
}

enum bursts_kind {
    BURSTS,
    BURSTS_HERE, /* at the place of the bursts before */
    BURSTS_END,  /* the population is done */
    BURSTS_EXIT
};

/* From neurons to events: the bursts of a slice of a cell's lanes; lanes: a bit for each that sends
 * something, of which there are `number`, at least one with BURSTS and BURSTS_HERE, none else. */
struct bursts {
    uint8_t kind, number;
    WITH_MEMORY(bool kept, long_rows;) /* they go to memory */
    WITH_LANES(bool together;)         /* as events */
    uint16_t lanes;
    uint16_t slice; /* of the population's channels */
    uint16_t row, column;
    int16_t count[SLICE];
};
/* Of the lowest of these lanes: channel << 16 | count; something if there is none. */
static inline uint32_t lowest_burst(const struct bursts *b, uint32_t lanes)
{
    const uint8_t lane = lanes ? __builtin_ctz(lanes) : 0;
    int16_t count = 0;
    for (int l = 0; l < SLICE; l++) {
#pragma HLS unroll
        count = lane == l ? b->count[l] : count;
    }
    return (uint32_t)(b->slice * SLICE + lane) << 16 | (uint16_t)count;
}
static inline uint32_t without_lowest(uint32_t lanes)
{
    return lanes & (lanes - 1);
}

/* From events to gather; where, what and second as in TOKEN_EVENT. end: the population is done. */
struct event {
    bool end;
    WITH_MEMORY(bool exit, long_rows;)
    WITH_LANES(bool more;) /* of this cell follow at once */
    uint32_t where, what, second;
};

#if MEMORY
/* Of memory. */
struct beat {
    uint32_t word[BEAT_WORDS];
};
/* To a port that reads: so many beats, from this one on. None: nobody will ask any more. */
struct ask {
    uint32_t address, beats;
};
/* To the port that writes. With `confirm` nothing is written, but a token comes back when all that
 * was is in memory, where readers see it. */
struct store {
    bool confirm, exit;
    uint32_t address;
    struct beat beat;
};
/* From pack to keep: four events, or with `end` what is left of a row. */
struct packed {
    bool end;
    WITH_LANES(bool more;)
    struct beat beat;
};
/* From mover to keep. */
enum plan_kind {
    PLAN_STORE, /* beat at address; number of words of it that are events of `row` to trace */
    PLAN_LISTS, /* `number` lists come from the cores, the first of `row`; address: where to */
    PLAN_CLEAR, /* a run begins: nothing has been counted */
    PLAN_TALLY, /* what was counted of `number` phases; address: where to */
    PLAN_SAVE,  /* core: `number` beats of DO_GIVE; address: where to */
    PLAN_CONFIRM,
    PLAN_STEP, /* a timestep is over */
    PLAN_EXIT
};
struct plan {
    uint8_t kind, core;
    bool traced, long_rows;
    uint16_t phase, row;
    uint32_t address, number;
    struct beat beat;
};
static inline uint32_t packed_event(uint32_t where, uint32_t what, bool long_rows)
{
    const uint32_t column = high(what), channel = high(where),
                   place = long_rows ? channel << EVENT_LONG_CHANNEL |
                                           (column & (TILE_LONG_COLUMNS - 1)) << EVENT_COLUMN
                                     : channel << EVENT_CHANNEL | (column & (TILE_MOST_COLUMNS - 1))
                                                                      << EVENT_COLUMN;
    return place | (what & ((1 << EVENT_COLUMN) - 1));
}
static inline int16_t packed_count(uint32_t event)
{
    return (int16_t)((int32_t)(event << (32 - EVENT_COLUMN)) >> (32 - EVENT_COLUMN));
}
static inline struct token unpacked_event(uint32_t event, uint16_t row, uint8_t phase,
                                          bool long_rows)
{
    const uint32_t most = long_rows ? (uint32_t)TILE_LONG_COLUMNS : (uint32_t)TILE_MOST_COLUMNS,
                   column = event >> EVENT_COLUMN & (most - 1),
                   channel = long_rows ? event >> EVENT_LONG_CHANNEL : event >> EVENT_CHANNEL;
    const struct token t = {.kind = TOKEN_EVENT,
                            .core = phase,
                            .where = channel << 16 | row,
                            .what = column << 16 | (uint16_t)packed_count(event)};
    return t;
}
static inline struct beat shifted(struct beat b)
{
    const struct beat s = {{b.word[1], b.word[2], b.word[3], 0}};
    return s;
}
static inline struct beat with_word(struct beat b, uint32_t at, uint32_t word)
{
    for (uint32_t i = 0; i < BEAT_WORDS; i++) {
#pragma HLS unroll
        b.word[i] = at == i ? word : b.word[i];
    }
    return b;
}
#endif

/* From control to collect: an answer is due. */
struct job {
    uint8_t command, status, core;
    uint16_t where; /* JOB_STORE: address */
    uint32_t what;  /* RUN: flags << 16 | timesteps, COUNTERS and READ: words, JOB_STORE: word */
};
enum {
    JOB_CHECKED = 100, /* the request has been read to its end: its status */
    JOB_STORE = 101,   /* to MEMORY_COLLECT */
};

enum { NOWHERE = 0xffff };

/* Counters of a phase (COMMAND_COUNTERS), of which fetch has two and neurons two: 40 bits. */
enum { TOTALS = 2 };
#define TOTAL_MOST 0xffffffffff
typedef uint64_t totals[PHASES * TOTALS];
/* anew: what was counted before is no part of the run. */
static inline void add_totals(totals *total, uint16_t phase, const uint64_t more[TOTALS], bool anew)
{
    for (int k = 0; k < TOTALS; k++) {
        const uint64_t before = anew ? 0 : AT(*total, phase * TOTALS + k);
        AT(*total, phase * TOTALS + k) = (before + more[k]) & TOTAL_MOST;
    }
}

#endif
