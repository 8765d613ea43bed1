/* The sizes of a build of the accelerator. A build is chosen with -D BUILD_NAME; the default is
 * sim. The host asks the machine for them (COMMAND_IDENTIFY) and assumes nothing. */
#ifndef ACCELERATOR_CONFIG_H
#define ACCELERATOR_CONFIG_H

#if defined BUILD_TINY /* fits a small iCE40; runs the digits network */
#define BUILD_NUMBER 1
#define CORES        1
#define LANES        8
enum {
    CELLS = 1024,
    SENT_CELLS = 1024,
    WEIGHTS = 4096,
    PARAMETERS = 64,
    ROUTES = 32,
    CHANNELS = 512,
    AXIS = 256,
    LIST = 512,
    PHASES = 16,
    PROGRAM = 256,
    CLASSES = 16,
    FIRED_DEPTH = 256,
};
#else /* BUILD_SIM: the default, for ResNet-20 */
#define BUILD_NUMBER 2
#define CORES        4
#define LANES        16
enum {
    CELLS = 8192,       /* potentials, running sums, constant currents, LANES a cell; per core */
    SENT_CELLS = 4096,  /* of neurons with signed bursts */
    WEIGHTS = 8192,     /* vectors of LANES weights */
    PARAMETERS = 512,   /* vectors of thresholds, biases, initial potentials */
    ROUTES = 128,       /* projections, as seen from their source */
    CHANNELS = 8192,    /* entries of the routes' channel tables */
    AXIS = 4096,        /* entries of the routes' row tables, and as many for columns */
    LIST = 8192,        /* destinations that these refer to */
    PHASES = 64,        /* populations that fire, and the input */
    PROGRAM = 1024,     /* words of instructions */
    CLASSES = 1024,     /* lanes of the output that early exit watches */
    FIRED_DEPTH = 1024, /* cells that one core may fire in a timestep */
};
#endif

#endif
