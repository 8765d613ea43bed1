/* Reads the host's messages (isa.h) and tells the others what to do: one word at a time, but two of
 * an event, of what goes to memory and of the input of a run by tiles. */

/* Whose counters a message may ask for. */
#if MEMORY
enum { MOST_COUNTED = (int)COUNTED > (int)PHASES ? (int)COUNTED : (int)PHASES };
#else
enum { MOST_COUNTED = PHASES };
#endif

/* Words of a memory, for addresses. */
static inline uint32_t memory_words(uint8_t memory)
{
    return memory == MEMORY_PHASE                ? PHASES
           : memory <= MEMORY_ROUTE_SHIFT        ? ROUTES
           : memory <= MEMORY_COLUMNS            ? AXIS
           : memory <= MEMORY_CHANNEL_CELL       ? CHANNELS
           : memory <= MEMORY_COLUMN_LIST        ? LIST
           : memory == MEMORY_WEIGHT             ? (WEIGHTS * LANES + 3) / 4
           : memory <= MEMORY_INITIAL            ? PARAMETERS * LANES
           : memory == MEMORY_CELL               ? CELLS * LANES
           : memory == MEMORY_WINDOW             ? WINDOWS
           : memory == MEMORY_PROGRAM            ? PROGRAM
           : memory == MEMORY_GATHER             ? GATHER_COLUMNS + AXIS
           : memory == MEMORY_COLLECT            ? COLLECT_LIMIT + TIMESTEPS
           : MEMORY && memory == MEMORY_MOVER    ? MOVER_REGISTERS
           : MEMORY && memory == MEMORY_EXTERNAL ? 0xffffffff
                                                 : 0;
}

/* What is done next: from MAGIC on with the next word, from HEAD on a word of the payload. */
enum step {
    STEP_SIZE,
    STEP_ROOM,
    STEP_JUDGE,
    STEP_MORE,
    STEP_LIST_END,
    STEP_BLOCKED,
    STEP_PROFILE,
    STEP_MAGIC,
    STEP_LENGTH,
    STEP_CHECK,
    STEP_HEAD,
    STEP_DATA,
    STEP_LIST_LENGTH,
    STEP_EVENT,
    STEP_WORDS,
    STEP_REST
};

/* The message that is being read. */
struct message {
    uint8_t step, command, status, core, memory, at;
    uint8_t late;            /* status, where the command is already under way */
    bool lost;               /* what came before it was none */
    uint16_t lists;          /* of events, to come */
    uint32_t crc, left;      /* of its words so far; words of the payload to come */
    uint32_t before, last;   /* of its head, the last two words */
    uint32_t room;           /* for what the command asks for */
    uint32_t events;         /* of the list, to come; of a run by tiles, words */
    WITH_MEMORY(bool tiles;) /* it is a run by tiles */
    struct waits begin;      /* until it began */
};

/* What the others are told. */
struct orders {
    struct token token;
    struct job job;
    bool send, tell; /* the token, the job */
};

static inline uint32_t capped(uint32_t words)
{
    return words < MOST_WORDS ? words : MOST_WORDS;
}

static inline void begin_message(struct message *m, struct orders *o, uint32_t word)
{
    m->begin.starved = hls_starved();
    m->begin.blocked = hls_blocked();
    m->command = (uint8_t)word;
    m->status = high(word) != MESSAGE_MAGIC ? MESSAGE_BAD_MAGIC
                : low(word) > LAST_COMMAND  ? MESSAGE_BAD_COMMAND
                                            : MESSAGE_OK;
    m->late = MESSAGE_OK;
    o->job.command = m->command;
    o->job.status = m->status;
    o->tell = m->status == MESSAGE_BAD_MAGIC && !m->lost;
    m->lost = m->status == MESSAGE_BAD_MAGIC;
    m->step = m->lost ? STEP_MAGIC : STEP_LENGTH;
}

static inline void take_length(struct message *m, struct orders *o, uint32_t word)
{
    m->left = word;
    m->lost = word > MOST_WORDS;
    o->job.status = MESSAGE_BAD_MAGIC;
    o->tell = m->lost;
    m->step = m->lost ? STEP_MAGIC : STEP_SIZE;
}

static inline void judge_length(struct message *m, struct orders *o)
{
    const uint32_t least = head_words(m->command);
    if (!m->status && (m->left < least || (!has_data(m->command) && m->left > least)))
        m->status = MESSAGE_BAD_LENGTH;
    m->at = 0;
    m->core = 0;
    o->job.status = m->status;
    o->tell = m->status || !m->left;
    m->step = !m->left ? STEP_CHECK : m->status ? STEP_REST : STEP_HEAD;
}

static inline void take_head(struct message *m, uint32_t word)
{
    if (m->at == 0 && m->command != COMMAND_RUN) {
        m->core = (uint8_t)(word >> 24);
        m->memory = word & 0xffff00 ? MEMORIES : (uint8_t)word;
    }
    m->at++;
    m->before = capped(m->last);
    m->last = word;
    m->step = m->at == head_words(m->command) ? STEP_ROOM : STEP_HEAD;
}

static inline void find_room(struct message *m)
{
    m->room = m->command == COMMAND_LOAD       ? memory_words(m->memory)
              : m->command == COMMAND_READ     ? CELLS
              : m->command == COMMAND_COUNTERS ? (uint32_t)MOST_COUNTED
                                               : MARKS;
    m->step = STEP_JUDGE;
}

/* Whether the command can be obeyed; if so it is under way from here on. */
static inline void judge_command(struct message *m, struct orders *o, bool event_input, bool script,
                                 uint32_t starved)
{
    const bool run = m->command == COMMAND_RUN, load = m->command == COMMAND_LOAD,
               counters = m->command == COMMAND_COUNTERS, profile = m->command == COMMAND_PROFILE;
    const bool external = MEMORY && load && m->memory == MEMORY_EXTERNAL;
    const uint32_t head = external ? 0 : capped(m->last),
                   first = load                  ? head
                           : counters || profile ? 0
                                                 : m->before,
                   count = load ? m->left : head;
    if (run ? !low(m->last) || event_input != ((m->last >> 16 & RUN_EVENTS) > 0) ||
                  (m->last >> 16 & RUN_TILES && !script)
            : m->core >= CORES || first > m->room || count > m->room - first || !m->room)
        m->status = MESSAGE_BAD_VALUE;
    o->token.kind = run        ? TOKEN_START
                    : counters ? TOKEN_COUNTERS
                    : profile  ? TOKEN_VALUE
                               : TOKEN_READ;
    o->token.where = run ? low(m->last) : m->before;
    o->token.what = run ? high(m->last) : profile ? starved : m->last;
    o->send = !m->status && !load;
    o->job.status = m->status;
    o->job.what = run       ? m->last
                  : profile ? 2 * PROFILE_PROCESSES + head * MARK_WORDS
                            : head * (counters ? 8 : LANES);
    o->tell = true;
    m->lists = m->last >> 16 & RUN_EVENTS ? low(m->last) : 1;
    WITH_MEMORY(m->tiles = run && m->last >> 16 & RUN_TILES;)
    m->late = !m->status && run && !m->left ? MESSAGE_BAD_LENGTH : MESSAGE_OK;
    m->step = !m->left    ? m->status ? STEP_CHECK
                            : run     ? STEP_LIST_END
                            : profile ? STEP_BLOCKED
                                      : STEP_CHECK
              : m->status ? STEP_REST
              : run       ? STEP_LIST_LENGTH
                          : STEP_DATA;
}

/* Part of the answer of COMMAND_PROFILE, or what asks for the rest of it. */
static inline void profile(struct message *m, struct orders *o, uint8_t kind, uint32_t what,
                           uint8_t next)
{
    o->token.kind = kind;
    o->token.what = what;
    o->send = true;
    m->step = next;
}

/* Of what goes to memory, two words. */
static inline void load(struct message *m, struct orders *o, uint32_t word, bool two,
                        uint32_t second, bool more)
{
    const bool external = MEMORY && m->memory == MEMORY_EXTERNAL;
    o->token.kind = external ? TOKEN_STORE : TOKEN_LOAD;
    o->token.where = external ? m->last : (uint32_t)m->memory << 24 | (m->last & 0xffffff);
    o->token.what = word;
    o->token.live = two;
    o->token.second = two ? second : 0;
    o->job.command = JOB_STORE;
    o->job.where = m->last;
    o->job.what = word;
    o->send = m->memory != MEMORY_COLLECT;
    o->tell = !o->send;
    m->last += 1 + two;
    m->step = more ? STEP_DATA : STEP_CHECK;
}

#if MEMORY
/* One word or two of a list. */
static inline void pass_list(struct message *m, struct orders *o, uint32_t word, bool two,
                             uint32_t second, uint32_t rest)
{
    o->token.kind = TOKEN_EVENT;
    o->token.live = two;
    o->token.what = word;
    o->token.second = second;
    o->send = true;
    m->events -= 1 + two;
    m->step = m->events && rest ? STEP_WORDS : STEP_MORE;
}
#endif

static inline void look_for_event(struct message *m)
{
#if MEMORY
    if (m->tiles) {
        if (m->events && !m->left)
            m->late = MESSAGE_BAD_LENGTH;
        m->step = m->events && m->left ? STEP_WORDS : STEP_LIST_END;
        return;
    }
#endif
    if (m->events && m->left < 2)
        m->late = MESSAGE_BAD_LENGTH;
    m->step = m->events && m->left > 1 ? STEP_EVENT : STEP_LIST_END;
}

static inline void pass_event(struct message *m, struct orders *o, uint32_t where, uint32_t what,
                              uint32_t rest)
{
    o->token.kind = TOKEN_EVENT;
    o->token.where = where;
    o->token.what = what;
    o->send = true;
    m->events--;
    m->step = m->events && rest > 1 ? STEP_EVENT : STEP_MORE;
}

static inline void end_list(struct message *m, struct orders *o)
{
    o->token.kind = TOKEN_END;
    o->send = true;
    m->lists--;
    if (m->lists ? !m->left : m->left)
        m->late = MESSAGE_BAD_LENGTH;
    m->step = m->lists  ? m->left && !m->late ? STEP_LIST_LENGTH : STEP_LIST_END
              : m->left ? STEP_REST
                        : STEP_CHECK;
}

static void control(hls_stream(uint32_t) in, hls_stream(struct token) out,
                    hls_stream(struct job) jobs)
{
    static bool event_input;
#if MEMORY
    static bool script;
#else
    const bool script = false;
#endif
    struct message m = {.step = STEP_MAGIC};
    struct waits waited = {0}; /* while the last run's message was read */
    bool on = true;
    while (on) {
#pragma HLS pipeline
        const bool event = m.step == STEP_EVENT;
#if MEMORY
        const bool external = m.step == STEP_DATA && m.memory == MEMORY_EXTERNAL,
                   two = event || (external && m.left > 1) ||
                         (m.step == STEP_WORDS && m.events > 1 && m.left > 1);
#else
        const bool two = event;
#endif
        uint32_t word = 0, what = 0;
        if (m.step >= STEP_MAGIC)
            word = hls_read(in);
        if (two)
            what = hls_read(in);
        const bool wrong = ~m.crc != word;
        if (m.step >= STEP_MAGIC)
            m.crc = crc_word(m.step == STEP_MAGIC ? 0xffffffff : m.crc, word);
        if (two)
            m.crc = crc_word(m.crc, what);
        const uint32_t rest = m.left - 1 - two;
        const bool more = rest > 0; /* words behind this one */
        struct orders o = {.token = {.core = m.core},
                           .job = {.command = m.command, .status = m.status, .core = m.core}};
        const bool in_payload = m.step >= STEP_HEAD;
        switch (m.step) {
        case STEP_MAGIC: begin_message(&m, &o, word); break;
        case STEP_LENGTH: take_length(&m, &o, word); break;
        case STEP_SIZE: judge_length(&m, &o); break;
        case STEP_HEAD: take_head(&m, word); break;
        case STEP_ROOM: find_room(&m); break;
        case STEP_JUDGE: judge_command(&m, &o, event_input, script, waited.starved); break;
        case STEP_BLOCKED: profile(&m, &o, TOKEN_VALUE, waited.blocked, STEP_PROFILE); break;
        case STEP_PROFILE: profile(&m, &o, TOKEN_PROFILE, m.last, STEP_CHECK); break;
        case STEP_DATA:
            if (m.memory == MEMORY_GATHER && m.last == GATHER_EVENT_INPUT)
                event_input = word;
#if MEMORY
            if (m.memory == MEMORY_MOVER && m.last == MOVER_SCRIPT_BEATS)
                script = word;
#endif
            load(&m, &o, word, MEMORY && two, what, more);
            break;
        case STEP_LIST_LENGTH:
            m.events = capped(word);
            m.step = STEP_MORE;
            break;
        case STEP_MORE: look_for_event(&m); break;
        case STEP_EVENT: pass_event(&m, &o, word, what, rest); break;
#if MEMORY
        case STEP_WORDS: pass_list(&m, &o, word, two, what, rest); break;
#endif
        case STEP_LIST_END: end_list(&m, &o); break;
        case STEP_REST: m.step = more ? STEP_REST : STEP_CHECK; break;
        default: /* STEP_CHECK */
            o.job.command = JOB_CHECKED;
            o.job.status = wrong ? MESSAGE_BAD_CRC : m.late;
            if (m.command == COMMAND_RUN) {
                waited.starved = hls_starved() - m.begin.starved;
                waited.blocked = hls_blocked() - m.begin.blocked;
            }
            o.tell = true;
            on = m.status || m.command != COMMAND_END;
            m.step = STEP_MAGIC;
        }
        if (in_payload)
            m.left = rest;
        if (o.send)
            hls_write(out, o.token);
        if (o.tell)
            hls_write(jobs, o.job);
    }
    const struct token exit = {.kind = TOKEN_EXIT};
    hls_write(out, exit);
}
