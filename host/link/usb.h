/* A board behind an FTDI chip on USB. */
#ifndef ADAFIRE_USB_H
#define ADAFIRE_USB_H

#include "link/link.h"
#include "link/usb_board.h"

struct usb_options {
    const char *device; /* which of several; NULL: the only one (usb_board.h) */
    double timeout;     /* seconds that one exchange may take; 0: chosen */
};
int link_open_usb(const struct usb_board *board, const struct usb_options *options,
                  struct link **link);

#endif
