/* The sizes of a build of the accelerator. A build is chosen with -D BUILD_NAME; the default is
 * sim. The host asks the machine for them (COMMAND_IDENTIFY) and assumes nothing. */
#ifndef ACCELERATOR_CONFIG_H
#define ACCELERATOR_CONFIG_H
#include <stdint.h>

/* Whether a build that can have it has a memory behind it; the kernel for cards has none yet. */
#ifndef MEMORY_BEHIND
#define MEMORY_BEHIND 1
#endif

#if defined BUILD_TINY /* fits a small iCE40; runs the digits network */
#define BUILD_NUMBER 1
#define MEMORY       0
#define LANEWISE     0
#define SMALL        1 /* small.c: one process, one lane, one memory for all tables */
#define CORES        1
#define LANES        1
#define BURST_BITS   4  /* of the largest burst */
#define STATE_BITS   24 /* of a potential, with its sign */
typedef uint16_t word_address;
enum {
    SLICE = 1,
    PAIRS = 0,
    CELLS = 2048,
    SENT_CELLS = 512,
    SENT_MOST = 255,
    WEIGHTS = 4608,
    PARAMETERS = 54,
    ROUTES = 8,
    CHANNELS = 52,
    AXIS = 32,
    LIST = 64,
    WINDOWS = 8,
    PHASES = 8,
    PROGRAM = 170,
    TIMESTEPS = 16, /* limits of early exit */
    FIRED_DEPTH = 2048,
    MARKS = 0,
};
#elif defined BUILD_U250 /* a tile, of which an Alveo U250 holds many: no more than ResNet-20      \
                            needs */
#define BUILD_NUMBER 3
#define ULTRA_RAM    /* has cells and weights */
#define MEMORY       0
#define LANEWISE     0
#define SMALL        0
#define CORES        4
#define LANES        16
#define BURST_BITS   6
#define STATE_BITS   24
typedef uint16_t word_address;
typedef uint8_t sent_count; /* up to SENT_MOST */
enum {
    SLICE = 4,
    PAIRS = 1,
    CELLS = 4096,
    SENT_CELLS = 1024,
    SENT_MOST = 255,
    WEIGHTS = 6144,
    PARAMETERS = 128,
    ROUTES = 64,
    CHANNELS = 1024,
    AXIS = 1024,
    LIST = 1024,
    WINDOWS = 128,
    PHASES = 32,
    PROGRAM = 512,
    TIMESTEPS = 64,
    FIRED_DEPTH = 256,
    MARKS = 0,
};
#elif defined BUILD_CHECK /* as small as it can be with all processes: for tests */
#define BUILD_NUMBER 4
#define MEMORY       MEMORY_BEHIND
#define LANEWISE     1
#define SMALL        0
#define CORES        4
#define LANES        4
#define BURST_BITS   8
#define STATE_BITS   32
typedef uint16_t word_address;
typedef uint16_t sent_count;
enum {
    SLICE = 2,
    PAIRS = 1,
    CELLS = 512,
    SENT_CELLS = 512,
    SENT_MOST = 65535,
    WEIGHTS = 512,
    PARAMETERS = 64,
    ROUTES = 32,
    CHANNELS = 256,
    AXIS = 256,
    LIST = 256,
    WINDOWS = 64,
    PHASES = 16,
    PROGRAM = 512,
    TIMESTEPS = 32,
    FIRED_DEPTH = 256,
    MARKS = 64,
    LISTS = 1024,
    COUNTED = 64,
};
#elif defined BUILD_ULX3S /* fills an ECP5 85F; runs LeNet-5 */
#define BUILD_NUMBER 5
#define MEMORY       0
#define LANEWISE     0
#define SMALL        0
#define CORES        4
#define LANES        8
#define BURST_BITS   6
#define STATE_BITS   24
typedef uint16_t word_address;
typedef uint8_t sent_count;
enum {
    SLICE = 1,
    PAIRS = 0,
    CELLS = 512,
    SENT_CELLS = 256,
    SENT_MOST = 255,
    WEIGHTS = 3072,
    PARAMETERS = 64,
    ROUTES = 32,
    CHANNELS = 512,
    AXIS = 512,
    LIST = 512,
    WINDOWS = 128,
    PHASES = 16,
    PROGRAM = 512,
    TIMESTEPS = 32,
    FIRED_DEPTH = 255,
    MARKS = 0,
};
#else /* BUILD_SIM: the default, for ResNet-20 */
#define BUILD_NUMBER 2
#define MEMORY       MEMORY_BEHIND /* networks that do not fit the chip (mover.c) */
#define LANEWISE     1 /* a cell's bursts are added at once where each leads to one lane (fetch.c) */
#define SMALL        0
#define CORES        4
#define LANES        16
#define BURST_BITS   8
#define STATE_BITS   32
typedef uint32_t word_address; /* of LOAD: CELLS * LANES words and more */
typedef uint16_t sent_count;   /* up to SENT_MOST */
enum {
    SLICE = 16,         /* lanes of a cell that fire at once */
    PAIRS = 0,          /* 1: adds two events of one place at once */
    CELLS = 8192,       /* potentials, running sums, constant currents, LANES a cell; per core */
    SENT_CELLS = 4096,  /* of neurons with signed bursts */
    SENT_MOST = 65535,  /* spikes that a neuron with signed bursts may send */
    WEIGHTS = 8192,     /* vectors of LANES weights */
    PARAMETERS = 512,   /* vectors of thresholds, biases, initial potentials */
    ROUTES = 128,       /* projections, as seen from their source */
    CHANNELS = 8192,    /* entries of the routes' channel tables */
    AXIS = 4096,        /* entries of the routes' row tables, and as many for columns */
    LIST = 8192,        /* destinations that these refer to */
    WINDOWS = 4096,     /* rows and columns of relays */
    PHASES = 64,        /* populations that fire, and the input */
    PROGRAM = 1024,     /* words of instructions */
    TIMESTEPS = 256,    /* with early exit */
    FIRED_DEPTH = 1024, /* cells that one core may fire in a timestep */
    MARKS = 2048,       /* of when things happened in a run; 0: it sends neither these nor events */
    LISTS = 32768,      /* of events in memory, a row of a tile each, and one behind each tile's */
    COUNTED = 256,      /* populations whose operations are counted in a run by tiles */
};
#endif
enum { SLICES = LANES / SLICE };

#endif
