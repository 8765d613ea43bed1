/* Reads the host's messages (isa.h) and tells the others what to do: one word at a time, but both
 * words of an event. */

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

/* Words of a memory, for addresses. */
static inline uint32_t memory_words(uint8_t memory)
{
    return memory == MEMORY_PHASE          ? PHASES
           : memory <= MEMORY_ROUTE_SHIFT  ? ROUTES
           : memory <= MEMORY_COLUMNS      ? AXIS
           : memory <= MEMORY_CHANNEL_CELL ? CHANNELS
           : memory <= MEMORY_COLUMN_LIST  ? LIST
           : memory == MEMORY_WEIGHT       ? (WEIGHTS * LANES + 3) / 4
           : memory <= MEMORY_INITIAL      ? PARAMETERS * LANES
           : memory == MEMORY_CELL         ? CELLS * LANES
           : memory == MEMORY_WINDOW       ? WINDOWS
           : memory == MEMORY_PROGRAM      ? PROGRAM
           : memory == MEMORY_GATHER       ? GATHER_COLUMNS + AXIS
           : memory == MEMORY_COLLECT      ? COLLECT_LIMIT + TIMESTEPS
                                           : 0;
}

static void control(hls_stream(uint32_t) in, hls_stream(struct token) out,
                    hls_stream(struct job) jobs)
{
    /* What the next word is; from HEAD on it is of the payload. Those before MAGIC read
     * none. */
    enum {
        SIZE,
        ROOM,
        JUDGE,
        MORE,
        LIST_END,
        BLOCKED,
        PROFILE,
        MAGIC,
        LENGTH,
        CHECK,
        HEAD,
        DATA,
        LIST_LENGTH,
        EVENT,
        REST
    };
    static bool event_input;
    uint8_t state = MAGIC, command = 0, status = MESSAGE_OK, core = 0, memory = 0, at = 0;
    uint8_t late = MESSAGE_OK; /* status, where the command is already under way */
    uint16_t lists = 0;
    uint32_t crc = 0, last = 0;
    uint32_t left = 0, room = 0, events = 0, before = 0;
    /* When the message began, then of the last run's message. */
    uint32_t begin_starved = 0, begin_blocked = 0, starved = 0, blocked = 0;
    bool on = true, lost = false;
    while (on) {
#pragma HLS pipeline
        const bool event = state == EVENT;
        uint32_t word = 0, what = 0;
        if (state >= MAGIC)
            word = hls_read(in);
        if (event)
            what = hls_read(in);
        const bool wrong = ~crc != word;
        if (state >= MAGIC)
            crc = crc_word(state == MAGIC ? 0xffffffff : crc, word);
        if (event)
            crc = crc_word(crc, what);
        const uint32_t rest = left - 1 - event;
        const bool more = rest > 0; /* words behind this one */
        struct token token = {.core = core};
        struct job job = {.command = command, .status = status, .core = core};
        bool send = false, tell = false;
        const bool in_payload = state >= HEAD;
        switch (state) {
        case MAGIC:
            begin_starved = hls_starved();
            begin_blocked = hls_blocked();
            command = (uint8_t)word;
            status = high(word) != MESSAGE_MAGIC ? MESSAGE_BAD_MAGIC
                     : low(word) > LAST_COMMAND  ? MESSAGE_BAD_COMMAND
                                                 : MESSAGE_OK;
            late = MESSAGE_OK;
            job.command = command;
            job.status = status;
            tell = status == MESSAGE_BAD_MAGIC && !lost;
            lost = status == MESSAGE_BAD_MAGIC;
            state = lost ? MAGIC : LENGTH;
            break;
        case LENGTH:
            left = word;
            lost = word > MOST_WORDS;
            job.status = MESSAGE_BAD_MAGIC;
            tell = lost;
            state = lost ? MAGIC : SIZE;
            break;
        case SIZE: {
            const uint32_t least = head_words(command);
            if (!status && (left < least || (!has_data(command) && left > least)))
                status = MESSAGE_BAD_LENGTH;
            at = 0;
            core = 0;
            job.status = status;
            tell = status || !left;
            state = !left ? CHECK : status ? REST : HEAD;
            break;
        }
        case HEAD:
            if (at == 0 && command != COMMAND_RUN) {
                core = (uint8_t)(word >> 24);
                memory = word & 0xffff00 ? MEMORIES : (uint8_t)word;
            }
            at++;
            before = last < MOST_WORDS ? last : MOST_WORDS;
            last = word;
            state = at == head_words(command) ? ROOM : HEAD;
            break;
        case ROOM:
            room = command == COMMAND_LOAD       ? memory_words(memory)
                   : command == COMMAND_READ     ? CELLS
                   : command == COMMAND_COUNTERS ? PHASES
                                                 : MARKS;
            state = JUDGE;
            break;
        case JUDGE: {
            const bool run = command == COMMAND_RUN, load = command == COMMAND_LOAD,
                       counters = command == COMMAND_COUNTERS, profile = command == COMMAND_PROFILE;
            const uint32_t head = last < MOST_WORDS ? last : MOST_WORDS,
                           first = load                  ? head
                                   : counters || profile ? 0
                                                         : before,
                           count = load ? left : head;
            if (run ? !low(last) || event_input != ((last >> 16 & RUN_EVENTS) > 0)
                    : core >= CORES || first > room || count > room - first || !room)
                status = MESSAGE_BAD_VALUE;
            token.kind = run        ? TOKEN_START
                         : counters ? TOKEN_COUNTERS
                         : profile  ? TOKEN_VALUE
                                    : TOKEN_READ;
            token.where = run ? low(last) : before;
            token.what = run ? high(last) : profile ? starved : last;
            send = !status && !load;
            job.status = status;
            job.what = run       ? last
                       : profile ? 2 * PROFILE_PROCESSES + head * MARK_WORDS
                                 : head * (counters ? 8 : LANES);
            tell = true;
            lists = last >> 16 & RUN_EVENTS ? low(last) : 1;
            late = !status && run && !left ? MESSAGE_BAD_LENGTH : MESSAGE_OK;
            state = !left    ? status    ? CHECK
                               : run     ? LIST_END
                               : profile ? BLOCKED
                                         : CHECK
                    : status ? REST
                    : run    ? LIST_LENGTH
                             : DATA;
            break;
        }
        case BLOCKED:
            token.kind = TOKEN_VALUE;
            token.what = blocked;
            send = true;
            state = PROFILE;
            break;
        case PROFILE:
            token.kind = TOKEN_PROFILE;
            token.what = last;
            send = true;
            state = CHECK;
            break;
        case DATA:
            if (memory == MEMORY_GATHER && last == GATHER_EVENT_INPUT)
                event_input = word;
            token.kind = TOKEN_LOAD;
            token.where = (uint32_t)memory << 24 | (last & 0xffffff);
            token.what = word;
            job.command = JOB_STORE;
            job.where = last;
            job.what = word;
            send = memory != MEMORY_COLLECT;
            tell = !send;
            last++;
            state = more ? DATA : CHECK;
            break;
        case LIST_LENGTH:
            events = word < MOST_WORDS ? word : MOST_WORDS;
            state = MORE;
            break;
        case MORE:
            if (events && left < 2)
                late = MESSAGE_BAD_LENGTH;
            state = events && left > 1 ? EVENT : LIST_END;
            break;
        case EVENT:
            token.kind = TOKEN_EVENT;
            token.where = word;
            token.what = what;
            send = true;
            events--;
            state = events && rest > 1 ? EVENT : MORE;
            break;
        case LIST_END:
            token.kind = TOKEN_END;
            send = true;
            lists--;
            if (lists ? !left : left)
                late = MESSAGE_BAD_LENGTH;
            state = lists ? left && !late ? LIST_LENGTH : LIST_END : left ? REST : CHECK;
            break;
        case REST: state = more ? REST : CHECK; break;
        default: /* CHECK */
            job.command = JOB_CHECKED;
            job.status = wrong ? MESSAGE_BAD_CRC : late;
            if (command == COMMAND_RUN) {
                starved = hls_starved() - begin_starved;
                blocked = hls_blocked() - begin_blocked;
            }
            tell = true;
            on = status || command != COMMAND_END;
            state = MAGIC;
        }
        if (in_payload)
            left = rest;
        if (send)
            hls_write(out, token);
        if (tell)
            hls_write(jobs, job);
    }
    const struct token exit = {.kind = TOKEN_EXIT};
    hls_write(out, exit);
}
