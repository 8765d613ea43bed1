/* What a board is: all that the rest asks of it stands in its row (table.h). */
#ifndef ADAFIRE_BOARD_H
#define ADAFIRE_BOARD_H

#include "device/device.h"
#include "link/usb_board.h"

/* How a bitstream is written: the words of a command. FILE stands for the bitstream, WRITE for what
 * chooses between memory and flash. The board is named to it by `select` and its place on USB, as
 * `place` writes bus and device. */
#define PROGRAMMER_FILE  "FILE"
#define PROGRAMMER_WRITE "WRITE"
enum { PROGRAMMER_WORDS = 8 };
struct programmer {
    const char *word[PROGRAMMER_WORDS]; /* none: through XRT */
    const char *to_memory, *to_flash;   /* NULL: nothing needs to be said */
    bool only_flash;                    /* memory alone cannot be written */
    const char *select, *place;
    const char *package; /* of Debian, that has the program */
};

struct board {
    const char *name, *summary;
    enum af_link link;
    bool counts_cycles;     /* fills in af_result.cycles */
    bool sends_events;      /* a run can tell every event; of an accelerator, a build with MARKS */
    bool profiles;          /* a run can tell what its cycles went to, by a build with MARKS */
    bool waveforms;         /* af_device_options.waves */
    bool builds;            /* af_device_options.build */
    bool simulated;         /* slow: something is to be seen after each sample */
    bool side_by_side;      /* af_device_options.threads accelerators */
    bool works_ahead;       /* works on while the next samples are on their way, within a batch */
    bool cards;             /* several may be in one computer, by number; their library prints */
    double megahertz;       /* of its clock; 0: none, or known when it is open */
    struct usb_board usb;   /* of AF_LINK_UART and AF_LINK_FIFO */
    const char *flashing;   /* what does it, in words; NULL: it cannot be flashed */
    const char *flashed_as; /* the row of the chip that does it, where that is another one */
    struct programmer programmer;
    /* AF_NO_DEVICE says what is missing; *device is NULL on failure. options is never NULL. NULL:
     * there is no design for it yet, it can only be flashed. */
    int (*open)(const struct board *board, const struct af_device_options *options,
                const struct af_model *model, struct af_device **device);
};

#endif
