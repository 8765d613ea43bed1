/* Answers the host, and decides after each timestep whether the inference may stop (iat.h). */
#include "iat.h"

/* Bits of the sum of as many exponentials as there may be outputs, and of e y. */
#define Z_BITS        (IAT_E_BITS + 16)
#define Z_MASK        (((uint64_t)1 << Z_BITS) - 1)
#define WEIGHTED_MASK (((uint64_t)1 << (Z_BITS + IAT_Y_BITS)) - 1)
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

#define TAKE_VALUE(k)                                                                              \
    if (core == (k))                                                                               \
        value = hls_read(values##k);

static void collect(hls_stream(struct job) jobs,
                    EACH_CORE(VALUES_IN) hls_stream(struct token) trace, hls_stream(bool) decisions,
                    hls_stream(uint32_t) out)
{
    static uint32_t metric, multiplier, shift, watched[CORES], classes[CORES], outputs[CORES];
    static uint16_t limit[TIMESTEPS];
    struct waits waits = {0};
    bool on = true;
    while (on) {
        const struct job job = hls_read(jobs);
        uint16_t timesteps = 0;
        waits_note(&waits, job.command == COMMAND_RUN, false);
        for (bool stop = job.status || job.command != COMMAND_RUN; !stop;) {
            for (bool more = job.what >> 16 & RUN_TRACE; more;) {
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
            stop = timesteps + 1u == low(job.what);
            if (job.what >> 16 & RUN_IAT) {
                struct exponentials x = {.most = packed(-0x800000)};
                /* The largest, then the exponentials: each core sends its values twice. */
                for (uint8_t pass = 0; pass < 2; pass++)
                    for (uint8_t core = 0; core < CORES; core++)
                        for (uint32_t i = 0; i < watched[core]; i++) {
#pragma HLS pipeline II = 1
                            int32_t value = 0;
                            EACH_CORE(TAKE_VALUE)
                            const bool counts = i<classes[core], greater = value> unpacked(x.most);
                            if (counts && pass == 0)
                                x.most = greater ? packed(value) : x.most;
                            else if (counts)
                                add_exponential(&x, unpacked((uint32_t)value), multiplier, shift);
                        }
                stop |= is_certain(&x, metric, AT(limit, timesteps));
            }
            timesteps++;
            hls_write(decisions, stop);
        }
        /* The status of an answer is known when the request has been read to its end. */
        uint8_t status = job.status;
        for (bool more = status != MESSAGE_BAD_MAGIC; more;) {
            const struct job next = hls_read(jobs);
            const uint32_t core = next.where & 255, group = next.where & 0xff00;
            if (next.command == JOB_CHECKED) {
                status = status ? status : next.status;
                more = false;
            } else if (group == COLLECT_WATCHED && core < CORES)
                watched[core] = WITHIN(CELLS * LANES, next.what);
            else if (group == COLLECT_CLASSES && core < CORES)
                classes[core] = WITHIN(CELLS * LANES, next.what);
            else if (group == COLLECT_OUTPUTS && core < CORES)
                outputs[core] = WITHIN(CELLS * LANES, next.what);
            else if (next.where >= COLLECT_LIMIT)
                AT(limit, next.where - COLLECT_LIMIT) = next.what;
            else if (next.where == COLLECT_METRIC)
                metric = next.what & 3;
            else if (next.where == COLLECT_MULTIPLIER)
                multiplier = next.what & INT32_MAX;
            else if (next.where == COLLECT_SHIFT)
                shift = next.what & 63;
        }
        static const uint32_t identity[] = IDENTITY;
        uint32_t length = 0;
        if (!job.status && job.command == COMMAND_IDENTIFY)
            length = sizeof identity / sizeof *identity;
        else if (!job.status && job.command == COMMAND_RUN) {
            length = 1;
            for (uint8_t core = 0; core < CORES; core++)
                length += outputs[core];
        } else if (!job.status && (job.command == COMMAND_READ || job.command == COMMAND_COUNTERS ||
                                   job.command == COMMAND_PROFILE))
            length = job.what;
        /* Head, length, what was asked for, checksum. */
        const bool run = job.command == COMMAND_RUN, profile = job.command == COMMAND_PROFILE;
        const uint32_t waited[2] = {waits.starved, waits.blocked};
        uint32_t crc = 0xffffffff;
        uint32_t left = length, of_core = run ? outputs[0] : length;
        uint8_t core = run ? 0 : job.core, at = 0;
        for (bool more = true; more;) {
#pragma HLS pipeline
            const bool data = at >= 2 && left, identify = job.command == COMMAND_IDENTIFY,
                       asks_core = data && !identify && !(run && at == 2) && !(profile && at < 4);
            if (asks_core && !of_core) {
                core++;
                of_core = outputs[core % CORES];
            } else {
                int32_t value = 0;
                if (asks_core) {
                    EACH_CORE(TAKE_VALUE)
                    of_core--;
                }
                const uint32_t word =
                    at == 0   ? (uint32_t)MESSAGE_MAGIC << 16 | (uint32_t)status << 8 | job.command
                    : at == 1 ? length
                    : !data   ? ~crc
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
        waits_note(&waits, false, run);
        on = job.status || job.command != COMMAND_END;
    }
}
