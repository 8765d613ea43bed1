/* A link carries words to an accelerator and back; it knows no models. */
#ifndef ADAFIRE_LINK_H
#define ADAFIRE_LINK_H

#include "adafire.h"

#include <stddef.h>
#include <stdint.h>

struct link;
struct link_operations {
    /* One exchange (hw/isa.h): sends messages that end with COMMAND_END and takes all that comes
     * back. *answer belongs to the link and stays until the next exchange. AF_TIMEOUT if the last
     * answer is missing. */
    int (*exchange)(struct link *link, const uint32_t *word, size_t words, const uint32_t **answer,
                    size_t *answers);
    /* Clock cycles since it was opened, 0 where there are none to count. */
    uint64_t (*cycles)(const struct link *link);
    void (*close)(struct link *link);
    /* Where the machine works while the host prepares what comes next (else NULL, NULL, 0): send
     * begins an exchange, receive waits for the answer to the oldest one sent, which stays until
     * the next send. At most `ahead` exchanges may be under way. */
    int (*send)(struct link *link, const uint32_t *word, size_t words);
    int (*receive)(struct link *link, const uint32_t **answer, size_t *answers);
    int ahead;
    /* Brings the machine to where it was when the link was opened, whatever has happened, and
     * forgets what is under way; what it had loaded is lost. NULL where nothing on the way can go
     * wrong. */
    int (*reset)(struct link *link);
};
struct link {
    const struct link_operations *operations;
    double megahertz; /* of the machine's clock, 0: unknown */
};

/* The accelerator's HLS-C, compiled for this computer. build: NULL for the default. AF_NO_DEVICE
 * names the builds there are. */
int link_open_csim(const char *build, struct link **link);
/* The same source as hardware, clocked by Verilator in this process: by options' build, waves and
 * on_cycles. */
int link_open_sim(const struct af_device_options *options, struct link **link);

/* Accelerators that work side by side. */
enum { MOST_LINKS = 64 };
struct links {
    struct link *link[MOST_LINKS];
    int count;
};
void links_close(struct links *links);

struct xrt_options {
    const char *device;    /* a number, a PCIe address or "all"; NULL: 0 */
    const char *bitstream; /* an xclbin; NULL: of ADAFIRE_BITSTREAM, or of bitstreams/MANIFEST */
    double timeout;        /* seconds that one exchange may take; 0: chosen */
};
/* Alveo cards through XRT, a link for each compute unit. *links is empty on failure. */
int link_open_xrt(const struct xrt_options *options, struct links *links);

struct usb_options {
    const char *device; /* which of several; NULL: the only one (usb_board.h) */
    double timeout;     /* seconds that one exchange may take; 0: chosen */
};
/* A board behind an FTDI chip on USB. */
int link_open_usb(const char *board, const struct usb_options *options, struct link **link);

/* Calls each with every card and board that is attached, and what is to say of it. */
int link_list_xrt(void (*each)(void *context, const char *name, const char *text), void *context);
int link_list_usb(void (*each)(void *context, const char *name, const char *text), void *context);

#endif
