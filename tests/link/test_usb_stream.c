/* What comes from USB boards, taken apart: packets, frames, answers; divisors of FTDI's chips. */
#include "test.h"

#include "adafire.h"
#include "base/error.h"
#include "isa.h"
#include "link/usb_stream.h"

enum { PACKET = 64 };

static size_t put(uint8_t *to, const uint8_t *bytes, size_t n)
{
    size_t at = 0;
    for (size_t i = 0; i < n || i == 0;) {
        to[at++] = 0x32;
        to[at++] = 0x60;
        for (size_t k = 0; k < PACKET - 2 && i < n; k++)
            to[at++] = bytes[i++];
        if (n == 0)
            break;
    }
    return at;
}

static int take(struct usb_stream *s, const uint8_t *bytes, size_t n)
{
    uint8_t packets[4096];
    return usb_stream_take(s, packets, put(packets, bytes, n), PACKET);
}

static size_t put_word(uint8_t *to, bool tagged, uint32_t word)
{
    size_t n = 0;
    if (tagged)
        to[n++] = USB_TAG_WORD;
    for (int i = 0; i < 4; i++)
        to[n++] = (uint8_t)(word >> 8 * i);
    return n;
}

/* Two answers, of which the second ends an exchange, in pieces of every size. */
TEST(exchange)
{
    const uint32_t words[] = {0xadf10002, 2, 11, 12, 13, 0xadf10005, 0, 99, 0xadf10000};
    for (int tagged = 0; tagged < 2; tagged++)
        for (size_t piece = 1; piece < 70; piece++) {
            struct usb_stream s = {.tagged = tagged};
            uint8_t bytes[100] = {USB_TAG_HELLO};
            size_t n = tagged ? 1 : 0, whole = 0;
            for (size_t i = 0; i < sizeof words / sizeof *words; i++)
                n += put_word(bytes + n, tagged, words[i]);
            for (size_t at = 0; at < n; at += piece)
                CHECK_EQ(take(&s, bytes + at, n - at < piece ? n - at : piece), AF_OK);
            CHECK_EQ(take(&s, NULL, 0), AF_OK); /* the latency timer's */
            CHECK_EQ(s.words, 9);
            CHECK_EQ(usb_stream_exchange(&s, &whole), AF_OK);
            CHECK_EQ(whole, 8);
            CHECK(memcmp(s.word, words, sizeof words) == 0);
            usb_stream_drop(&s, whole);
            CHECK_EQ(s.words, 1);
            CHECK_EQ(usb_stream_exchange(&s, &whole), AF_OK);
            CHECK_EQ(whole, 0);
            usb_stream_free(&s);
        }
}

TEST(trace)
{
    const uint32_t words[] = {3, 1 << 16, 2 << 16 | 5, TRACE_END, 0xadf10002,
                              0, 1,       0xadf10005,  0,         2};
    struct usb_stream s = {0};
    uint8_t bytes[100];
    size_t n = 0, whole;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        n += put_word(bytes + n, false, words[i]);
    CHECK_EQ(take(&s, bytes, n), AF_OK);
    CHECK_EQ(usb_stream_exchange(&s, &whole), AF_OK);
    CHECK_EQ(whole, 10);
    usb_stream_free(&s);
}

TEST(frames)
{
    struct usb_stream s = {.tagged = true};
    CHECK_EQ(take(&s, (const uint8_t[]){0x55, USB_TAG_WORD, USB_TAG_ROOM}, 3), AF_OK);
    CHECK(!s.greeted && s.room == 0); /* of a life before */
    CHECK_EQ(take(&s, (const uint8_t[]){USB_TAG_HELLO, USB_TAG_ROOM, USB_TAG_ROOM}, 3), AF_OK);
    CHECK_EQ(s.room, 3 * USB_ROOM_BYTES);
    CHECK_EQ(take(&s, (const uint8_t[]){USB_TAG_WORD, 0x78, 0x55, 0xff, 0, USB_TAG_ROOM}, 6),
             AF_OK);
    CHECK_EQ(s.word[0], 0xff5578);
    CHECK_EQ(take(&s, (const uint8_t[]){USB_TAG_HELLO}, 1), AF_IO);
    CHECK_ERROR("in the middle of its work");
    for (int tag = 0; tag < 256; tag++) {
        struct usb_stream one = {.tagged = true, .greeted = true};
        const uint8_t byte = (uint8_t)tag;
        CHECK_EQ(take(&one, &byte, 1), tag == USB_TAG_ROOM || tag == USB_TAG_WORD ? AF_OK : AF_IO);
        usb_stream_free(&one);
    }
    usb_stream_free(&s);
}

TEST(damage)
{
    struct usb_stream s = {.tagged = true, .greeted = true};
    size_t whole;
    CHECK_EQ(usb_stream_take(&s, (const uint8_t[]){0x32}, 1, PACKET), AF_IO);
    CHECK_EQ(usb_stream_take(&s, (const uint8_t[]){0x32, 0x62}, 2, PACKET), AF_IO);
    CHECK_ERROR("more than its USB chip could take");
    CHECK_EQ(usb_stream_take(&s, (const uint8_t[]){0x32, 0x68}, 2, PACKET), AF_IO);
    CHECK_ERROR("noise");
    const uint32_t bad[][2] = {{0xadf10002, 0x1000001}, {0xadf00002, 1}, {0xffff0000, 0}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct usb_stream b = {0};
        uint8_t bytes[8];
        put_word(bytes + put_word(bytes, false, bad[i][0]), false, bad[i][1]);
        CHECK_EQ(take(&b, bytes, 8), AF_OK);
        CHECK_EQ(usb_stream_exchange(&b, &whole), AF_IO);
        CHECK_ERROR("damaged answer");
        usb_stream_free(&b);
    }
    usb_stream_free(&s);
}

/* As FTDI's application note AN120 and their driver have them. */
TEST(divisors)
{
    static const struct {
        unsigned baud;
        bool fast;
        uint16_t value, index;
    } rows[] = {{3000000, false, 0, 0}, {2000000, false, 1, 0},   {1000000, false, 3, 0},
                {115200, false, 26, 0}, {9600, false, 0x4138, 0}, {38400, false, 0xc04e, 0},
                {12000000, true, 0, 2}, {3000000, true, 4, 2},    {2000000, true, 6, 2},
                {1000000, true, 12, 2}, {921600, true, 13, 2},    {8000000, true, 1, 2},
                {6000000, true, 2, 2},  {115200, true, 0xc068, 2}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct usb_divisor d = usb_divisor_of(rows[i].baud, rows[i].fast, false),
                                 many = usb_divisor_of(rows[i].baud, rows[i].fast, true);
        CHECK_EQ(d.value, rows[i].value);
        CHECK_EQ(d.index, rows[i].index);
        CHECK_EQ(many.value, rows[i].value);
        CHECK_EQ(many.index, rows[i].index << 8);
    }
}

int main(void)
{
    RUN(exchange);
    RUN(trace);
    RUN(frames);
    RUN(damage);
    RUN(divisors);
    return test_end();
}
