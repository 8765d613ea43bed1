/* Answers the host, and decides after each timestep whether the inference may stop (iat.h). */
#include "iat.h"

static void collect(hls_stream(struct job) jobs,
                    EACH_CORE(VALUES_IN) hls_stream(struct token) trace, hls_stream(bool) decisions,
                    hls_stream(uint32_t) out)
{
    static uint32_t metric, multiplier, shift, watched[CORES], outputs[CORES], limit[256];
    static bool valid[CLASSES];
    static int32_t v[CLASSES];
    bool on = true;
    while (on) {
        const struct job job = hls_read(jobs);
        uint16_t timesteps = 0;
        if (!job.status && job.command == COMMAND_RUN) {
            for (bool stop = false; !stop;) {
                for (bool more = job.flags & RUN_TRACE; more;) {
                    const struct token t = hls_read(trace);
                    more = t.kind != TOKEN_END;
                    if (more) {
                        hls_write(out, (uint32_t)t.core << 16 | t.channel);
                        hls_write(out, (uint32_t)t.row << 16 | t.column);
                        hls_write(out, (uint32_t)(int32_t)t.count);
                    } else
                        hls_write(out, TRACE_END);
                }
                timesteps++;
                stop = timesteps == job.timesteps;
                if (job.flags & RUN_IAT) {
                    uint16_t classes = 0, position = 0;
#define WATCH_ONE(k)                                                                               \
    for (uint32_t i = 0; i < watched[k]; i++) {                                                    \
        AT(v, classes) = hls_read(values##k);                                                      \
        classes += AT(valid, position) && classes < CLASSES;                                       \
        position++;                                                                                \
    }
                    EACH_CORE(WATCH_ONE)
                    if (classes)
                        stop |= iat_stops(v, classes, (int32_t)multiplier, (int)shift, (int)metric,
                                          (int32_t)AT(limit, timesteps - 1));
                }
                hls_write(decisions, stop);
            }
        }
        /* The status of an answer is known when the request has been read to its end. */
        uint8_t status = job.status;
        for (bool more = status != MESSAGE_BAD_MAGIC; more;) {
            const struct job next = hls_read(jobs);
            if (next.command == JOB_CRC) {
                status = status ? status : next.status;
                more = false;
            } else if (next.address == COLLECT_METRIC)
                metric = next.word;
            else if (next.address == COLLECT_MULTIPLIER)
                multiplier = next.word & INT32_MAX;
            else if (next.address == COLLECT_SHIFT)
                shift = next.word & 63;
            else if (next.address >= COLLECT_VALID)
                AT(valid, next.address - COLLECT_VALID) = next.word;
            else if (next.address >= COLLECT_LIMIT)
                AT(limit, next.address - COLLECT_LIMIT) = next.word;
            else if (next.address >= COLLECT_OUTPUTS)
                AT(outputs, next.address - COLLECT_OUTPUTS) = next.word;
            else
                AT(watched, next.address - COLLECT_WATCHED) = next.word;
        }
        uint32_t length = 0, crc = 0xffffffff, word;
#define PUT(value)                                                                                 \
    do {                                                                                           \
        word = (value);                                                                            \
        crc = crc_word(crc, word);                                                                 \
        hls_write(out, word);                                                                      \
    } while (0)
        static const uint32_t identity[] = {
            ISA_VERSION, BUILD_NUMBER, CORES, LANES, CELLS,  SENT_CELLS, WEIGHTS, PARAMETERS,
            ROUTES,      CHANNELS,     AXIS,  LIST,  PHASES, PROGRAM,    CLASSES, FIRED_DEPTH};
        const uint16_t identity_words = sizeof identity / sizeof *identity;
        if (!job.status)
            switch (job.command) {
            case COMMAND_IDENTIFY: length = identity_words; break;
            case COMMAND_RUN:
                length = 1;
                for (int k = 0; k < CORES; k++)
                    length += outputs[k];
                break;
            case COMMAND_COUNTERS:
            case COMMAND_READ: length = job.words; break;
            default: break;
            }
        PUT((uint32_t)MESSAGE_MAGIC << 16 | (uint32_t)status << 8 | job.command);
        PUT(length);
        if (!job.status)
            switch (job.command) {
            case COMMAND_IDENTIFY:
                for (uint16_t i = 0; i < identity_words; i++)
                    PUT(identity[i]);
                break;
            case COMMAND_RUN: PUT(timesteps);
#define ANSWER_ONE(k)                                                                              \
    for (uint32_t i = 0; i < outputs[k]; i++)                                                      \
        PUT((uint32_t)hls_read(values##k));
                EACH_CORE(ANSWER_ONE)
                break;
            case COMMAND_COUNTERS:
            case COMMAND_READ:
#define READ_ONE(k)                                                                                \
    for (uint32_t i = 0; job.core == k && i < length; i++)                                         \
        PUT((uint32_t)hls_read(values##k));
                EACH_CORE(READ_ONE)
                break;
            default: break;
            }
        word = ~crc;
        hls_write(out, word);
        on = job.status || job.command != COMMAND_END;
    }
}
