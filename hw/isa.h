/* The contract of host and accelerator: 32-bit words in, 32-bit words out.
 *
 * A message is MESSAGE_MAGIC << 16 | command, the number of payload words, the payload, and the
 * CRC-32 (IEEE 802.3, bits in reflected order, each word's lowest byte first) of all words before.
 * Its answer is MESSAGE_MAGIC << 16 | status << 8 | command, and the same again. An exchange is any
 * number of messages; COMMAND_END, answered like any other, is the last one.
 *
 *   COMMAND_IDENTIFY  ()              ISA_VERSION, build number, and the sizes of config.h from
 *                                     CORES to MARKS in their order, LANES | features << 16; with
 *                                     FEATURE_MEMORY then LISTS and COUNTED
 *   COMMAND_LOAD      (core << 24 | memory, address, word...)   ()
 *   COMMAND_RUN       (flags << 16 | timesteps, lists of events)   timesteps taken, then each
 *                                     core's output potentials (its VALUES instructions after
 *                                     `stop`), lane by lane
 *   COMMAND_READ      (core << 24, cell, count)   potentials, lane by lane
 *   COMMAND_COUNTERS  (core << 24, phases)   of the last run, 64 bits each, low word first, at
 *                                     least 40 of them counted: for each phase events and spikes,
 *                                     then for each phase the synaptic operations (non-zero
 *                                     weights added) they caused in this core, an event once and
 *                                     every spike. Phases that the run has not are anything
 *   COMMAND_END       ()              ()
 *   COMMAND_PROFILE   (core << 24, marks)   of the last run: PROFILE_PROCESSES pairs of cycles
 *                                     spent waiting for a token and for room, of collect, control
 *                                     (while it read the run's message), gather and the core's
 *                                     fetch, expand, neurons; then the marks
 *
 * A mark is what `neurons` has noted when the run began, after the last event of every phase and
 * at every decision about another timestep, in this order: MARK_WORDS words, the clock then; the
 * clock when it had done what this entails (firing the next population); the cycles that it had
 * waited until then for a token and for room. The clock counts cycles since reset, modulo 2^32, the
 * same in all cores. COMMAND_PROFILE belongs to builds that have MARKS.
 *
 * A list of events is their number and for each two words: channel << 16 | row, column << 16 |
 * count (16 bits, signed). With RUN_EVENTS there is one list for every timestep, else one for the
 * constant input. With RUN_TILES it is instead the number of words that follow: row by row and
 * within a row channel by channel a head, base << 16 (signed) or base << 16 | INPUT_WIDE, and the
 * counts of all columns, less the base: bytes, four to a word, or with INPUT_WIDE two halves of a
 * word. With RUN_TRACE (if the build has MARKS) the answer stands behind every event of
 * every population in the order in which it fires, three words (phase, and the event as above), and
 * TRACE_END after each timestep; its CRC does not include these. */
#ifndef ISA_H
#define ISA_H

enum { ISA_VERSION = 3, MESSAGE_MAGIC = 0xadf1 };
#define TRACE_END 0xffffffffu

enum command {
    COMMAND_IDENTIFY,
    COMMAND_LOAD,
    COMMAND_RUN,
    COMMAND_READ,
    COMMAND_COUNTERS,
    COMMAND_END,
    COMMAND_PROFILE
};
enum { PROFILE_PROCESSES = 6, MARK_WORDS = 4 };
enum message_status {
    MESSAGE_OK,
    MESSAGE_BAD_MAGIC, /* words were skipped until one looked like a message, of a length that can
                          be (less than 2^24 words, in small builds 2^16) */
    MESSAGE_BAD_COMMAND,
    MESSAGE_BAD_LENGTH,
    MESSAGE_BAD_CRC,   /* what it loaded or answered must not be trusted */
    MESSAGE_BAD_VALUE, /* no such core, memory or address, too many cells, phases or marks, no
                          timesteps, RUN_EVENTS not as in MEMORY_GATHER, RUN_TILES without a
                          script */
};
enum run_flags {
    RUN_IAT = 1,
    RUN_TRACE = 2,
    RUN_EVENTS = 4,
    RUN_TILES = 8, /* by the script in memory (FEATURE_MEMORY) */
};

/* What COMMAND_LOAD writes. Memories of vectors take them whole: LANES words, or LANES / 4 words of
 * four weights, at the vector's number times that. */
enum memory {
    MEMORY_PHASE,      /* first route << 16 | routes of a phase: of the input, then of each firing
                          population in order */
    MEMORY_ROUTE_ROWS, /* first entry in MEMORY_ROWS, for source row 0 */
    MEMORY_ROUTE_COLUMNS,  /* likewise in MEMORY_COLUMNS */
    MEMORY_ROUTE_CHANNELS, /* likewise in MEMORY_CHANNEL_... */
    MEMORY_ROUTE_SHIFT,    /* weights from one channel group to the next << 8 | ROUTE_... | shift */
    MEMORY_ROWS, /* first << 8 | number of places in MEMORY_ROW_LIST that a source row reaches */
    MEMORY_COLUMNS,
    MEMORY_CHANNEL_WEIGHT, /* the source channel's first weight vector */
    MEMORY_CHANNEL_CELL,   /* first cell << 12 | number of channel groups; with ROUTE_LANES the lane
                              << 28, and one group */
    MEMORY_ROW_LIST, /* cell << 16 | weight vector, relative; rows, columns, channel are added */
    MEMORY_COLUMN_LIST,
    MEMORY_WEIGHT,
    MEMORY_THRESHOLD,
    MEMORY_BIAS,
    MEMORY_INITIAL,
    MEMORY_CELL,
    MEMORY_WINDOW, /* first cell << 16 | slots of a relay's window, along rows or columns */
    MEMORY_PROGRAM,
    MEMORY_GATHER,  /* core 0 only: */
    MEMORY_COLLECT, /* core 0 only: */
    MEMORIES,
    MEMORY_MOVER = 32,    /* core 0 only, with FEATURE_MEMORY: */
    MEMORY_EXTERNAL = 33, /* the memory behind the machine; the address counts words */
};
enum {
    ROUTE_RELAY = 128, /* leads to a relay: what it adds is no synaptic operation */
    ROUTE_LANES = 64,  /* leads every channel to one lane of its own (FEATURE_LANES) */
};
enum { ROUTE_BITS = 4 }; /* of a phase's routes: a bit for each, the last for all behind it, too */
enum machine_feature {
    FEATURE_PAIRS = 1, /* adds two events of one place at once, where GATHER_FIRST allows it */
    FEATURE_LIVE = 2,  /* MEMORY_GATHER has all of these, else the first two */
    /* << 4: bits of the largest burst; 0: four, and with FIRE_LINEAR as many below 0 */
    FEATURE_BURST_BITS = 15 << 4,
    FEATURE_WIDE = 4,    /* knows FIRE_WIDE; cells, biases and initial potentials of 32 bits, not 24
                          */
    FEATURE_MEMORY = 8,  /* there is a memory behind it, and it runs scripts */
    FEATURE_LANES = 256, /* knows ROUTE_LANES */
};

enum {
    GATHER_PHASES,        /* populations that fire */
    GATHER_EVENT_INPUT,   /* 1: the input is event lists for every timestep */
    GATHER_FIRST = 0x100, /* + phase: its first entry for rows << 20 | for columns << 8 | ROUTE_BITS
                             of its routes << 4 | of those that lead channels to different cells, in
                             any core */
    GATHER_ROWS = 0x1000, /* + entry: ROUTE_BITS of the routes that a source row reaches something
                             by, in any core */
    GATHER_COLUMNS = 0x2000, /* likewise; both are as many as MEMORY_ROWS */
};

enum {
    COLLECT_METRIC,
    COLLECT_MULTIPLIER,
    COLLECT_SHIFT,
    COLLECT_WATCHED = 0x100, /* + core: values that it sends for early exit, twice */
    COLLECT_CLASSES = 0x200, /* + core: as many of them, the first, belong to classes */
    COLLECT_OUTPUTS = 0x300, /* + core: values that it sends for the answer */
    COLLECT_LIMIT = 0x400,   /* + timestep */
};

/* An instruction is ten words:
 *   kind, with IN_... | phi << 8 | mode << 16 | most below 0 with FIRE_LINEAR << 24
 *   address a
 *   address b
 *   cells
 *   first parameter vector << 16 | their number, which is also the number of channel groups
 *   first row << 16 | from one row to the next
 *   the same for columns
 *   the same for channel groups
 *   columns << 16 | first window of columns (DO_RELAY; of rows: first parameter vector)
 *   sums in a row << 16 (DO_RELAY) */
enum instruction {
    DO_WAIT,   /* for the input's events, the decision of early exit, or another run */
    DO_FILL,   /* cells a.. = initial potentials; b: sent counts to clear, or NOWHERE */
    DO_COPY,   /* cells a.. = cells b.. */
    DO_ADD,    /* cells a.. += cells b.. */
    DO_FIRE,   /* cells a..; b: sent counts, with FIRE_SIGNED */
    DO_RELAY,  /* cells a.. hold what was sent; b: running sums */
    DO_VALUES, /* sends cells a..; with VALUES_WATCHED only if early exit is on */
    /* With FEATURE_MEMORY. Of a run by tiles alone: */
    DO_TAKE, /* cells (or what the mode says) a.. from memory, as the script sends them */
    DO_GIVE, /* to memory */
    DO_NOTHING,
};
enum {
    FIRE_SIGNED = 1,
    FIRE_LINEAR = 2,
    FIRE_SILENT = 4,
    FIRE_WIDE = 8, /* potentials of 31 bits (FEATURE_WIDE), not 23 */
};
/* Of FIRE and RELAY. */
enum {
    FIRE_GOES_ON = 16,  /* the next instruction follows at once */
    FIRE_LONG = 64,     /* rows are long: EVENT_LONG_... */
    FIRE_TOGETHER = 32, /* a cell's events stay together: a route with ROUTE_LANES takes them */
};
enum { VALUES_WATCHED = 1 };
enum { MOVE_CELLS, MOVE_SENT, MOVE_WEIGHTS };   /* modes of DO_TAKE and DO_GIVE */
enum { WAIT_START, WAIT_INPUT, WAIT_DECISION }; /* modes of DO_WAIT: what is waited for */
enum { INSTRUCTION_WORDS = 10 };
/* An instruction of a tile may be for some timesteps alone. */
enum { IN_FIRST = 32, IN_LATER = 64, IN_ALL_BUT_LAST = 128 };

/* ---- Networks larger than the chip -------------------------------------------------------------
 *
 * Memory is counted in beats of four words. A run by tiles (RUN_TILES) follows a script in memory,
 * once for each timestep: a sequence of steps of a beat each, some with the words that they load
 * behind them. A tile is some rows and channel groups of one population, as much as the cores hold
 * at once: the script loads its tables, weights and potentials, replays the events of its sources
 * from their lists, and lets it fire; what it fires goes to lists of its own.
 *
 * A list is the events of one row of a tile, four to a beat: channel << EVENT_CHANNEL (of long rows
 * EVENT_LONG_CHANNEL) | column << EVENT_COLUMN | count (EVENT_COLUMN bits, signed); 0 is none.
 * Lists are numbered; where they begin the machine knows.
 *
 * Of a step the words are kind, with IN_... or STEP_LONG << 8 | core << 16, and up to three more.
 */
enum script_step {
    STEP_LOAD,    /* memory << 24 | address, words; behind it: these, in whole beats */
    STEP_WIDE,    /* beats; behind it: these, for DO_TAKE */
    STEP_RESTORE, /* address, beats: likewise, from elsewhere in memory */
    STEP_INPUT,   /* address, rows, columns << 16 | channels: the input's events of this timestep
                     become lists 0.. */
    STEP_AWAIT,   /* what was sent to memory until the last STEP_CONFIRM is there */
    STEP_TILE,    /* a tile begins */
    STEP_REPLAY,  /* first list, the one behind the last, row of the first */
    STEP_END,     /* number of the source, under which its operations are counted: it is over */
    STEP_LISTS,   /* address, lists << 16 | first list, phase << 16 | row of the first: they come */
    STEP_SAVE,    /* address, beats: as DO_GIVE sends them */
    STEP_CONFIRM,
    STEP_DECIDE, /* the timestep is over; nothing stands behind it */
};
enum { STEP_LONG = 1 }; /* of INPUT, REPLAY, LISTS: rows are long */
enum { EVENT_COLUMN = 9, EVENT_CHANNEL = 19, EVENT_LONG_CHANNEL = 21 };
enum { INPUT_WIDE = 1 };
enum { TILE_MOST_CHANNELS = 1 << 13, TILE_MOST_COLUMNS = 1 << 10, TILE_MOST_BURST = 255 };
enum { TILE_LONG_CHANNELS = 1 << 11, TILE_LONG_COLUMNS = 1 << 12 };
enum { BEAT_WORDS = 4, WIDE_WEIGHTS = 1 /* beats of a vector of weights */ };
/* Cells and sent counts are moved as LANES words each. */

enum {
    MOVER_SCRIPT, /* its first beat */
    MOVER_SCRIPT_BEATS,
    MOVER_ANSWER, /* what the answer to a run by tiles is, word by word */
    MOVER_ANSWER_BEATS,
    MOVER_TALLY,   /* where in it a beat for each phase lies: events, spikes, 64 bits each */
    MOVER_TALLIES, /* how many */
    MOVER_REGISTERS,
};

#endif
