/* Reads the host's messages (isa.h) and tells the others what to do. */

/* CRC-32 of another word, its lowest byte first. The remainder is linear in its bits, so each adds
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

/* Words of the memories, for addresses. */
static const uint32_t memory_words[MEMORIES] = {
    [MEMORY_PHASE] = PHASES,
    [MEMORY_ROUTE_ROWS] = ROUTES,
    [MEMORY_ROUTE_COLUMNS] = ROUTES,
    [MEMORY_ROUTE_CHANNELS] = ROUTES,
    [MEMORY_ROUTE_SHIFT] = ROUTES,
    [MEMORY_ROWS] = AXIS,
    [MEMORY_COLUMNS] = AXIS,
    [MEMORY_CHANNEL_WEIGHT] = CHANNELS,
    [MEMORY_CHANNEL_CELL] = CHANNELS,
    [MEMORY_CHANNEL_FANOUT] = CHANNELS,
    [MEMORY_ROW_LIST] = LIST,
    [MEMORY_COLUMN_LIST] = LIST,
    [MEMORY_WEIGHT] = WEIGHTS * LANES / 4,
    [MEMORY_THRESHOLD] = PARAMETERS * LANES,
    [MEMORY_BIAS] = PARAMETERS * LANES,
    [MEMORY_INITIAL] = PARAMETERS * LANES,
    [MEMORY_CELL] = CELLS * LANES,
    [MEMORY_WINDOW] = AXIS,
    [MEMORY_PROGRAM] = PROGRAM,
    [MEMORY_FETCH] = 1,
    [MEMORY_GATHER] = 2,
    [MEMORY_COLLECT] = COLLECT_VALID + CLASSES,
};

static void control(hls_stream(uint32_t) in, hls_stream(struct token) out,
                    hls_stream(struct job) jobs)
{
    static bool event_input;
    bool on = true, lost = false;
    while (on) {
        uint32_t word = hls_read(in), crc = crc_word(0xffffffff, word);
        struct job job = {.command = word & 0xffff};
        if (word >> 16 != MESSAGE_MAGIC) {
            job.status = MESSAGE_BAD_MAGIC;
            if (!lost)
                hls_write(jobs, job);
            lost = true;
            continue;
        }
        lost = false;
        const uint32_t length = hls_read(in);
        crc = crc_word(crc, length);
        uint32_t left = length, head[3] = {0};
        for (int i = 0; i < 3; i++)
            if (left) {
                head[i] = hls_read(in);
                crc = crc_word(crc, head[i]);
                left--;
                if (i == 0 && job.command == COMMAND_RUN)
                    break;
                if (i == 1 && (job.command == COMMAND_LOAD || job.command == COMMAND_COUNTERS))
                    break;
            }
        struct token t = {.core = head[0] >> 24, .channel = head[0] & 0xffff};
        const uint32_t least = job.command == COMMAND_LOAD || job.command == COMMAND_COUNTERS ? 2
                               : job.command == COMMAND_RUN                                   ? 1
                               : job.command == COMMAND_READ                                  ? 3
                                                                                              : 0;
        const bool exact = job.command != COMMAND_LOAD && job.command != COMMAND_RUN;
        if ((word & 0xffff) > COMMAND_END)
            job.status = MESSAGE_BAD_COMMAND;
        else if (length < least || (exact && length > least))
            job.status = MESSAGE_BAD_LENGTH;
        job.timesteps = head[0] & 0xffff;
        job.flags = head[0] >> 16;
        job.core = head[0] >> 24;
        uint8_t late = MESSAGE_OK; /* status, where the command is already under way */
        if (!job.status) {
            const uint32_t memory = head[0] & 0xffffff,
                           room = memory < MEMORIES ? memory_words[memory] : 0;
            bool good = true;
            switch (job.command) {
            case COMMAND_LOAD:
                good = job.core < CORES && memory < MEMORIES && head[1] <= room &&
                       left <= room - head[1];
                break;
            case COMMAND_RUN:
                good = job.timesteps && (job.flags & RUN_EVENTS ? event_input : !event_input);
                break;
            case COMMAND_READ:
                good = job.core < CORES && head[1] < CELLS && head[2] <= CELLS - head[1];
                break;
            case COMMAND_COUNTERS: good = job.core < CORES && head[1] <= PHASES; break;
            default: break;
            }
            if (!good)
                job.status = MESSAGE_BAD_VALUE;
        }
        job.words = job.command == COMMAND_COUNTERS ? head[1] * 8 : head[2] * LANES;
        hls_write(jobs, job);
        if (!job.status && job.command == COMMAND_LOAD) {
            uint32_t address = head[1];
            for (; left; left--) {
#pragma HLS pipeline
                const uint32_t data = hls_read(in);
                crc = crc_word(crc, data);
                if (t.channel == MEMORY_GATHER && address == 1)
                    event_input = data;
                if (t.channel == MEMORY_COLLECT) {
                    const struct job store = {
                        .command = JOB_STORE, .address = address, .word = data};
                    hls_write(jobs, store);
                } else {
                    const struct token load = {.kind = TOKEN_LOAD,
                                               .core = t.core,
                                               .channel = t.channel,
                                               .row = address >> 16,
                                               .column = address & 0xffff,
                                               .word = data};
                    hls_write(out, load);
                }
                address++;
            }
        } else if (!job.status && job.command == COMMAND_RUN) {
            const struct token start = {.kind = TOKEN_START,
                                        .count = job.flags & RUN_IAT,
                                        .row = job.timesteps,
                                        .word = job.flags},
                               end = {.kind = TOKEN_END};
            hls_write(out, start);
            const uint16_t lists = job.flags & RUN_EVENTS ? job.timesteps : 1;
            for (uint16_t i = 0; i < lists; i++) {
                uint32_t events = 0;
                if (left) {
                    events = hls_read(in);
                    crc = crc_word(crc, events);
                    left--;
                } else
                    late = MESSAGE_BAD_LENGTH;
                for (; events && left > 1; events--) {
#pragma HLS pipeline
                    const uint32_t where = hls_read(in), what = hls_read(in);
                    crc = crc_word(crc_word(crc, where), what);
                    const struct token event = {.kind = TOKEN_EVENT,
                                                .channel = where >> 16,
                                                .row = where & 0xffff,
                                                .column = what >> 16,
                                                .count = (int16_t)what};
                    hls_write(out, event);
                    left -= 2;
                }
                if (events)
                    late = MESSAGE_BAD_LENGTH;
                hls_write(out, end);
            }
            if (left)
                late = MESSAGE_BAD_LENGTH;
        } else if (!job.status && job.command == COMMAND_COUNTERS) {
            t.kind = TOKEN_COUNTERS;
            t.word = head[1];
            hls_write(out, t);
        } else if (!job.status && job.command == COMMAND_READ) {
            t.kind = TOKEN_READ;
            t.row = head[1] >> 16;
            t.column = head[1] & 0xffff;
            t.word = head[2];
            hls_write(out, t);
        }
        for (; left; left--) {
#pragma HLS pipeline
            crc = crc_word(crc, hls_read(in));
        }
        on = job.status || job.command != COMMAND_END;
        if (~crc != hls_read(in))
            late = MESSAGE_BAD_CRC;
        const struct job sum = {.command = JOB_CRC, .status = late};
        hls_write(jobs, sum);
    }
    const struct token exit = {.kind = TOKEN_EXIT};
    hls_write(out, exit);
}
