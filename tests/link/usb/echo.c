/* usb-echo LIBRARY WORDS: sends words to a board that holds the loopback design, through an FT2232H
 * (chip.c) and the board's pins, and wants them back; breaks in between. */
#include "chip.h"
#include "link/usb_stream.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BAUD = 3, DATA = 4, BREAK = 1 << 14, LATENCY = 9, PATIENCE = 20000 }; /* microseconds */

static uint32_t scattered(uint32_t n)
{
    n = (n ^ n >> 16) * 0x45d9f3b;
    return n ^ n >> 15;
}

/* A microsecond later. */
static int listen(struct chip *c, struct usb_stream *s)
{
    uint8_t packet[CHIP_PACKET];
    chip_run(c, (uint64_t)chip_microsecond(c));
    const size_t n = chip_packet(c, packet);
    return n ? usb_stream_take(s, packet, n, CHIP_PACKET) : 0;
}

/* What goes wrong is said; words sent from number `first` on. */
static const char *send_words(struct chip *c, struct usb_stream *s, uint32_t first, uint32_t words)
{
    uint64_t sent = 0;
    chip_request(c, DATA, 8 | BREAK, 0);
    chip_request(c, 0, 0, 0);
    usb_stream_reset(s);
    chip_request(c, DATA, 8, 0);
    for (int quiet = 0; s->words < words; quiet++) {
        const uint64_t moved = s->moved;
        if (listen(c, s))
            return "what comes is no frame";
        if (s->moved != moved)
            quiet = 0;
        if (quiet > PATIENCE)
            return "nothing comes";
        for (uint8_t byte; sent < 4 * words && sent < s->room; sent++, quiet = 0) {
            byte = (uint8_t)(scattered(first + (uint32_t)(sent / 4)) >> 8 * (sent % 4));
            if (!chip_take(c, &byte, 1))
                break;
        }
    }
    for (uint32_t i = 0; i < words; i++)
        if (s->word[i] != scattered(first + i))
            return "a word differs";
    return s->words == words ? NULL : "more comes than was sent";
}

int main(int argc, char **argv)
{
    struct control control = {0};
    struct usb_stream s = {.tagged = true};
    if (argc != 3)
        return fprintf(stderr, "usb-echo LIBRARY WORDS\n"), 2;
    struct chip *c = chip_open(argv[1], &control);
    if (!c)
        return 2;
    const struct usb_divisor d = usb_divisor_of(chip_baud(c), true, true);
    chip_request(c, BAUD, d.value, d.index | 1);
    chip_request(c, LATENCY, 1, 1);
    const uint32_t words = (uint32_t)strtoul(argv[2], NULL, 10);
    const char *wrong = send_words(c, &s, 0, words);
    for (uint32_t i = 1; i < 4 && !wrong; i++) {
        for (uint32_t k = 0; k < i; k++) /* a word that is cut off */
            chip_take(c, (const uint8_t *)"?", 1);
        chip_run(c, 1000);
        wrong = send_words(c, &s, 1000000 * i, 50);
    }
    printf("%s: %s after %llu cycles\n", argv[1], wrong ? wrong : "all words come back",
           (unsigned long long)control.cycles);
    usb_stream_free(&s);
    chip_close(c);
    return wrong ? 1 : 0;
}
