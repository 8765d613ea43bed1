/* USB boards: what is known of each, and finding those that are attached. */
#ifndef ADAFIRE_USB_BOARD_H
#define ADAFIRE_USB_BOARD_H

#include "link/link.h"

struct libusb_context;
struct libusb_device_handle;

struct usb_board {
    const char *name; /* as in messages; NULL: not on USB */
    uint16_t vendor, product_id;
    const char *product; /* a part of what the board calls itself; NULL: any */
    int interface;       /* of the chip; -1: the last it has */
    unsigned baud;       /* of the serial line; 0: the chip's synchronous FIFO */
};

/* Opens the board; which chooses one of several, as in board:WHICH:
 *     [VID:PID][:][BUS-PORT or serial number]
 * NULL: the only one there is. shown: how it is called in messages. AF_NO_DEVICE says what is there
 * instead, or why it may not be used. */
int usb_board_open(struct libusb_context *context, const struct usb_board *board, const char *which,
                   struct libusb_device_handle **handle, char shown[64]);

/* Where the board is, as usb_board_open would choose it, without opening it. */
struct usb_place {
    unsigned bus, device; /* numbers of its file below /dev/bus/usb */
    char shown[64];
};
int usb_board_find(const struct usb_board *board, const char *which, struct usb_place *place);

/* Calls each with every board of these that is attached. */
int usb_boards_attached(const struct usb_board *boards, int count, link_seen *each, void *context);

#endif
