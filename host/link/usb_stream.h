/* What comes from a USB board, taken apart: an FTDI chip's packets, the frames of a serial line,
 * the words of an accelerator, its exchanges. No USB here: bytes in, words out. */
#ifndef ADAFIRE_USB_STREAM_H
#define ADAFIRE_USB_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What is on the line from a board's serial glue (hw/boards/uart_words.v; hw/boards/README.md). */
enum usb_tag {
    USB_TAG_ROOM = 0x00,  /* ROOM_BYTES more bytes are welcome */
    USB_TAG_HELLO = 0x78, /* the same, for the first time since a reset */
    USB_TAG_WORD = 0xff   /* the four bytes of a word follow */
};
enum { USB_ROOM_BYTES = 128 };

struct usb_stream {
    bool tagged; /* a serial line; else a FIFO, which carries words alone */
    uint8_t byte[4];
    int bytes;      /* of the word that is not whole yet */
    bool in_word;   /* its tag has come */
    bool greeted;   /* USB_TAG_HELLO has come; what comes before it does not count */
    uint64_t room;  /* bytes that may be sent to the board since the reset, if tagged */
    uint64_t moved; /* bytes that have come, tags included */
    uint32_t *word; /* those that have come and are not forgotten */
    size_t words, capacity;
    size_t next; /* where the next answer begins, as far as is known */
};

/* As after a reset of the board. */
void usb_stream_reset(struct usb_stream *s);
void usb_stream_free(struct usb_stream *s);

/* A transfer of n bytes: in each packet of at most `packet` bytes two of status come first. An
 * empty packet is ordinary (the chip's latency timer). AF_IO if a byte was lost or damaged on the
 * line, as far as that can be seen here; AF_NO_MEMORY. */
int usb_stream_take(struct usb_stream *s, const uint8_t *bytes, size_t n, size_t packet);

/* *words: up to and including the answer to COMMAND_END, 0 if that has not come. AF_IO if the words
 * are no answers. Whether checksums are right is not looked at. */
int usb_stream_exchange(struct usb_stream *s, size_t *words);
/* Forgets so many words from the beginning. */
void usb_stream_drop(struct usb_stream *s, size_t words);

/* The divisor that makes a chip's serial line run at so many bits a second, as its request takes
 * it; fast: the chip has a base of 12 MHz (FT2232H, FT4232H, FT232H), else 3 MHz. */
struct usb_divisor {
    uint16_t value, index; /* the index without the interface's number */
};
struct usb_divisor usb_divisor_of(unsigned baud, bool fast, bool many_interfaces);

#endif
