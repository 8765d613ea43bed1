/* Messages of (operation, words...), answered by a number: what reads a word, what multiplies and
 * what sums up are hardware once, however often they are called.
 *
 * cosim: --top subroutines --clock 5 --target ice40 --expect-cycles 10116:10120,12636:12640
 * report: 39 states outside */
#include "hls.h"

enum { WORDS = 16 };

/* A word, and the sum of all words so far. */
static uint32_t take_word(hls_stream(uint32_t) in, uint32_t *sum)
{
#pragma HLS inline off
    const uint32_t word = hls_read(in);
    uint32_t bits = word;
    for (int i = 0; i < 4; i++, bits >>= 8)
        *sum = *sum >> 1 ^ (*sum & 1 ? 0xedb88320 : 0) ^ (bits & 255);
    return word;
}

static uint32_t product(uint32_t a, uint32_t b)
{
#pragma HLS inline off
    uint32_t sum = 0;
    for (; b; b >>= 1, a <<= 1)
        sum += b & 1 ? a : 0;
    return sum;
}

static uint32_t power(uint32_t base, uint8_t exponent)
{
#pragma HLS inline off
    uint32_t result = 1;
    for (uint8_t i = 0; i < exponent; i++)
        result = product(result, base);
    return result;
}

void subroutines(hls_stream(uint32_t) in, hls_stream(uint32_t) out)
{
    static uint32_t kept[WORDS];
    uint32_t sum = 0;
    for (;;) {
        const uint32_t head = take_word(in, &sum);
        const uint8_t words = head >> 8 & (WORDS - 1);
        if (head & 128)
            break;
        if ((head & 3) == 0)
            for (uint8_t i = 0; i < words; i++)
                kept[i] = take_word(in, &sum);
        else if ((head & 3) == 1) {
            const uint32_t a = take_word(in, &sum), b = take_word(in, &sum);
            hls_write(out, product(a, b) + kept[words]);
        } else {
            uint32_t total = 0;
            for (uint8_t i = 0; i < words; i++)
                total += power(kept[i], i & 3) + (head & 4 ? product(kept[i], i) : 0);
            hls_write(out, total);
        }
        hls_write(out, sum);
    }
}

#ifndef __HLSC__
#include "cosim.h"
int main(void)
{
    hls_stream(uint32_t) in = cosim_in(uint32_t, in);
    hls_stream(uint32_t) out = cosim_out(uint32_t, out);
    for (int run = 0; run < 2; run++) {
        for (int i = 0; i < 40; i++) {
            const uint32_t words = cosim_random() & 15, kind = cosim_random() % 3;
            hls_write(in, words << 8 | kind | (cosim_random() & 4));
            const uint32_t follow = kind == 0 ? words : kind == 1 ? 2 : 0;
            for (uint32_t k = 0; k < follow; k++)
                hls_write(in, (uint32_t)cosim_random());
        }
        hls_write(in, 128);
        cosim_begin();
        subroutines(in, out);
        cosim_end();
    }
    return cosim_finish();
}
#endif
