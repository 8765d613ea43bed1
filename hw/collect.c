/* Answers the host, and decides after each timestep whether the inference may stop (iat.h). */
#include "iat.h"

static const uint32_t identity[] = IDENTITY;

/* Bits of the sum of as many exponentials as there may be outputs, and of e y. */
#define Z_BITS          (IAT_E_BITS + 16)
#define Z_MASK          (((uint64_t)1 << Z_BITS) - 1)
#define WEIGHTED_MASK   (((uint64_t)1 << (Z_BITS + IAT_Y_BITS)) - 1)
#define LEAST_POTENTIAL (INT32_MIN >> (32 - STATE_BITS))
enum { Y_MOST = (IAT_E_BITS + 1) << IAT_Y_BITS }; /* from there on e is 0 */

/* What iat.h sums up over the outputs, of which there are fewer than 2^16. */
struct exponentials {
    uint32_t most; /* packed */
    uint64_t z, weighted;
};

static inline void add_exponential(struct exponentials *x, int32_t value, uint32_t multiplier,
                                   uint8_t shift)
{
    const uint64_t scaled = (uint64_t)(uint32_t)(unpacked(x->most) - value) * multiplier >> shift;
    const uint32_t y = scaled < Y_MOST ? scaled : Y_MOST, e = iat_mantissa(y) >> (y >> IAT_Y_BITS);
    x->z = (x->z + e) & Z_MASK;
    x->weighted = (x->weighted + (uint64_t)e * y) & WEIGHTED_MASK;
}

static inline bool is_certain(const struct exponentials *x, uint32_t metric, int32_t limit)
{
    const bool confidence = metric == IAT_CONFIDENCE;
    const int32_t spare = confidence || !x->z ? limit : limit - iat_logarithm(x->z);
    const uint64_t bound = x->z * (spare > 0 ? (uint32_t)spare : 0);
    return confidence ? x->z && (uint64_t)1 << (IAT_E_BITS + IAT_Y_BITS) > bound
                      : x->weighted < bound;
}

/* What the host has said of early exit, but for tables. */
struct early_exit {
    uint32_t metric, multiplier, shift;
};
typedef uint16_t limit_table[TIMESTEPS];

#define TAKE_VALUE(k)                                                                              \
    if (core == (k))                                                                               \
        value = hls_read(values##k);
static inline int32_t take_value(EACH_CORE(VALUES_IN) uint8_t core)
{
    int32_t value = 0;
    EACH_CORE(TAKE_VALUE)
    return value;
}

/* The events of a timestep. */
static inline void pass_trace(hls_stream(struct token) trace, hls_stream(uint32_t) out, bool traced)
{
    for (bool more = traced; more;) {
        const struct token t = hls_read(trace);
        more = t.kind != TOKEN_END;
        hls_write(out, more ? t.core : TRACE_END);
        if (more) {
            hls_write(out, t.where);
            hls_write(out, t.what);
        }
        if (PAIRS && more && low(t.second)) {
            hls_write(out, t.core);
            hls_write(out, (t.second & 0xffff0000) | low(t.where));
            hls_write(out, (t.what & 0xffff0000) | low(t.second));
        }
    }
}

/* The largest output, then the exponentials: each core sends its values twice. */
static inline struct exponentials sum_exponentials(EACH_CORE(VALUES_IN)
                                                       const uint32_t watched[CORES],
                                                   const uint32_t classes[CORES],
                                                   const struct early_exit *early)
{
    struct exponentials x = {.most = packed(LEAST_POTENTIAL)};
    for (uint8_t pass = 0; pass < 2; pass++)
        for (uint8_t core = 0; core < CORES; core++)
            for (uint32_t i = 0; i < watched[core]; i++) {
#pragma HLS pipeline II = 1
                const int32_t value = take_value(EACH_CORE(VALUES) core);
                const bool counts = i<classes[core], greater = value> unpacked(x.most);
                if (counts && pass == 0)
                    x.most = greater ? packed(value) : x.most;
                else if (counts)
                    add_exponential(&x, unpacked((uint32_t)value), early->multiplier, early->shift);
            }
    return x;
}

/* What COMMAND_LOAD says of MEMORY_COLLECT. */
static inline void note(const struct job *job, struct early_exit *early, uint32_t watched[CORES],
                        uint32_t classes[CORES], uint32_t outputs[CORES], limit_table *limit)
{
    const uint32_t core = job->where & 255, group = job->where & 0xff00;
    if (group == COLLECT_WATCHED && core < CORES)
        watched[core] = WITHIN(CELLS * LANES, job->what);
    else if (group == COLLECT_CLASSES && core < CORES)
        classes[core] = WITHIN(CELLS * LANES, job->what);
    else if (group == COLLECT_OUTPUTS && core < CORES)
        outputs[core] = MEMORY ? job->what & MOST_WORDS : WITHIN(CELLS * LANES, job->what);
    else if (job->where >= COLLECT_LIMIT)
        AT(*limit, job->where - COLLECT_LIMIT) = job->what;
    else if (job->where == COLLECT_METRIC)
        early->metric = job->what & 3;
    else if (job->where == COLLECT_MULTIPLIER)
        early->multiplier = job->what & INT32_MAX;
    else if (job->where == COLLECT_SHIFT)
        early->shift = job->what & 63;
}

/* Payload words of the answer. */
static inline uint32_t answer_words(const struct job *job, const uint32_t outputs[CORES])
{
    uint32_t length = 0;
    if (!job->status && job->command == COMMAND_IDENTIFY)
        length = sizeof identity / sizeof *identity;
    else if (!job->status && job->command == COMMAND_RUN) {
        length = 1;
        for (uint8_t core = 0; core < CORES; core++)
            length += outputs[core];
    } else if (!job->status && (job->command == COMMAND_READ || job->command == COMMAND_COUNTERS ||
                                job->command == COMMAND_PROFILE))
        length = job->what;
    return length;
}

/* Head, length, what was asked for, checksum. */
static inline void answer(EACH_CORE(VALUES_IN) hls_stream(uint32_t) out, const struct job *job,
                          uint8_t status, uint16_t timesteps, const struct waits *waits,
                          const uint32_t outputs[CORES])
{
    const uint32_t length = answer_words(job, outputs);
    const bool run = job->command == COMMAND_RUN, profile = job->command == COMMAND_PROFILE,
               identify = job->command == COMMAND_IDENTIFY;
    const uint32_t waited[2] = {waits->starved, waits->blocked};
    uint32_t crc = 0xffffffff;
    uint32_t left = length, of_core = run ? outputs[0] : length;
    uint8_t core = run ? 0 : job->core, at = 0;
    for (bool more = true; more;) {
#pragma HLS pipeline
        const bool data = at >= 2 && left,
                   asks_core = data && !identify && !(run && at == 2) && !(profile && at < 4);
        if (asks_core && !of_core) {
            core++;
            of_core = outputs[core % CORES];
        } else {
            int32_t value = 0;
            if (asks_core) {
                value = take_value(EACH_CORE(VALUES) core);
                of_core--;
            }
            const uint32_t word =
                at == 0     ? (uint32_t)MESSAGE_MAGIC << 16 | (uint32_t)status << 8 | job->command
                : at == 1   ? length
                : !data     ? ~crc
                : asks_core ? (uint32_t)value
                : identify  ? identity[at - 2]
                : profile   ? waited[at & 1]
                            : timesteps;
            more = at < 2 || data;
            left -= data;
            at += at < 128;
            hls_write(out, word);
            crc = crc_word(crc, word);
        }
    }
}

static void collect(hls_stream(struct job) jobs,
                    EACH_CORE(VALUES_IN) hls_stream(struct token) trace,
                    WITH_MEMORY(hls_stream(struct token) kept_trace, ) hls_stream(bool) decisions,
                    WITH_MEMORY(hls_stream(bool) decided, ) hls_stream(uint32_t) out)
{
    static struct early_exit early;
    static uint32_t watched[CORES], classes[CORES], outputs[CORES];
    static limit_table limit;
    struct waits waits = {0};
    bool on = true;
    while (on) {
        const struct job job = hls_read(jobs);
        uint16_t timesteps = 0;
        waits_note(&waits, job.command == COMMAND_RUN, false);
        for (bool stop = job.status || job.command != COMMAND_RUN; !stop;) {
            const bool traced = job.what >> 16 & RUN_TRACE,
                       tiles = job.what >> 16 & (MEMORY ? RUN_TILES : 0);
            pass_trace(trace, out, traced && !tiles);
#if MEMORY
            pass_trace(kept_trace, out, traced && tiles);
#endif
            stop = timesteps + 1u == low(job.what);
            if (job.what >> 16 & RUN_IAT) {
                const struct exponentials x =
                    sum_exponentials(EACH_CORE(VALUES) watched, classes, &early);
                stop |= is_certain(&x, early.metric, AT(limit, timesteps));
            }
            timesteps++;
            if (!tiles)
                hls_write(decisions, stop);
#if MEMORY
            else
                hls_write(decided, stop);
#endif
        }
        /* The status of an answer is known when the request has been read to its end. */
        uint8_t status = job.status;
        for (bool more = status != MESSAGE_BAD_MAGIC; more;) {
            const struct job next = hls_read(jobs);
            if (next.command == JOB_CHECKED) {
                status = status ? status : next.status;
                more = false;
            } else
                note(&next, &early, watched, classes, outputs, &limit);
        }
        answer(EACH_CORE(VALUES) out, &job, status, timesteps, &waits, outputs);
        waits_note(&waits, false, job.command == COMMAND_RUN);
        on = job.status || job.command != COMMAND_END;
    }
}
