/* Alveo cards through XRT. */
#ifndef ADAFIRE_XRT_H
#define ADAFIRE_XRT_H

#include "link/link.h"

struct xrt_options {
    const char *device;    /* a number, a PCIe address or "all"; NULL: 0 */
    const char *bitstream; /* an xclbin; NULL: of ADAFIRE_BITSTREAM, or of bitstreams/MANIFEST */
    double timeout;        /* seconds that one exchange may take; 0: chosen */
    /* What the user ought to know, NULL: is not told. */
    void (*on_note)(void *context, const char *note);
    void *context;
};
/* A link for each compute unit of the cards. *links is empty on failure. */
int link_open_xrt(const struct xrt_options *options, struct links *links);
/* AF_NO_DEVICE where XRT is missing or finds no card. */
int link_list_xrt(link_seen *each, void *context);

#endif
