#include "link/usb_stream.h"

#include "base/error.h"
#include "link/message.h"

#include <stdlib.h>
#include <string.h>

enum { STATUS_BYTES = 2 };
/* The second byte of status: bytes overrun in the chip, framing error. */
enum { LINE_OVERRUN = 0x02, LINE_FRAMING = 0x08 };

void usb_stream_reset(struct usb_stream *s)
{
    *s = (struct usb_stream){.tagged = s->tagged, .word = s->word, .capacity = s->capacity};
}

void usb_stream_free(struct usb_stream *s)
{
    free(s->word);
    s->word = NULL;
    s->capacity = 0;
}

static int take_tag(struct usb_stream *s, uint8_t tag)
{
    if (!s->greeted && tag != USB_TAG_HELLO) /* of a life before */
        return AF_OK;
    if (tag == USB_TAG_HELLO && s->greeted)
        return af_fail(AF_IO, "has been reset in the middle of its work");
    if (tag != USB_TAG_HELLO && tag != USB_TAG_ROOM && tag != USB_TAG_WORD)
        return af_fail(AF_IO, "sends what is no frame: bytes were lost or damaged on the line");
    s->greeted = true;
    s->in_word = tag == USB_TAG_WORD;
    if (!s->in_word)
        s->room += USB_ROOM_BYTES;
    return AF_OK;
}

static int take_byte(struct usb_stream *s, uint8_t byte)
{
    if (s->tagged && !s->in_word)
        return take_tag(s, byte);
    s->byte[s->bytes++] = byte;
    if (s->bytes < 4)
        return AF_OK;
    if (s->words == s->capacity) {
        const size_t capacity = s->capacity ? 2 * s->capacity : 1024;
        uint32_t *more = realloc(s->word, capacity * sizeof *more);
        if (!more)
            return af_fail(AF_NO_MEMORY, "no memory for an answer of %zu words", capacity);
        s->word = more;
        s->capacity = capacity;
    }
    s->word[s->words++] = (uint32_t)s->byte[0] | (uint32_t)s->byte[1] << 8 |
                          (uint32_t)s->byte[2] << 16 | (uint32_t)s->byte[3] << 24;
    s->bytes = 0;
    s->in_word = false;
    return AF_OK;
}

int usb_stream_take(struct usb_stream *s, const uint8_t *bytes, size_t n, size_t packet)
{
    int status = AF_OK;
    for (size_t begin = 0; begin < n && !status; begin += packet) {
        const size_t end = n - begin < packet ? n : begin + packet;
        if (end - begin < STATUS_BYTES)
            return af_fail(AF_IO, "sends packets without an FTDI chip's status");
        const uint8_t line = bytes[begin + 1];
        if (s->greeted && line & (LINE_OVERRUN | LINE_FRAMING))
            return af_fail(AF_IO,
                           line & LINE_OVERRUN
                               ? "has sent more than its USB chip could take"
                               : "is not understood by its USB chip: a wrong speed, or noise");
        for (size_t i = begin + STATUS_BYTES; i < end && !status; i++, s->moved++)
            status = take_byte(s, bytes[i]);
    }
    return status;
}

int usb_stream_exchange(struct usb_stream *s, size_t *words)
{
    *words = 0;
    while (s->next < s->words) {
        size_t length;
        const enum message_part part = message_part(s->word + s->next, s->words - s->next, &length);
        if (part == PART_DAMAGED)
            return af_fail(AF_IO, "has sent a damaged answer");
        if (part == PART_UNKNOWN || s->words - s->next < length)
            return AF_OK;
        s->next += length;
        if (part == PART_LAST) {
            *words = s->next;
            return AF_OK;
        }
    }
    return AF_OK;
}

void usb_stream_drop(struct usb_stream *s, size_t words)
{
    if (!words)
        return;
    memmove(s->word, s->word + words, (s->words - words) * sizeof *s->word);
    s->words -= words;
    s->next -= words;
}

/* Eighths have codes of their own, and 1 and 1.5 are written as 0 and 1 (FTDI AN120, AN_232B-05).
 */
struct usb_divisor usb_divisor_of(unsigned baud, bool fast, bool many_interfaces)
{
    static const uint32_t eighth[8] = {0, 3, 2, 4, 1, 5, 6, 7};
    const uint32_t base = fast ? 12000000 : 3000000, most = 0x1ffff;
    uint32_t eighths = baud ? (base * 8u + baud / 2) / baud : most;
    eighths = eighths < 8 ? 8 : eighths > most ? most : eighths;
    uint32_t code = eighths >> 3 | eighth[eighths & 7] << 14;
    if (eighths == 8)
        code = 0;
    else if (eighths <= 12)
        code = 1;
    else if (eighths < 16)
        code = 2;
    if (fast)
        code |= 1u << 17; /* the base of 12 MHz instead of 3 */
    struct usb_divisor d = {.value = (uint16_t)code, .index = (uint16_t)(code >> 16)};
    if (many_interfaces)
        d.index = (uint16_t)(d.index << 8);
    return d;
}
