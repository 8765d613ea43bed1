/* Copies words from one place of memory to another, with a checksum in front. The accesses of the
 * loop become bursts; a memory that answers after 20 cycles costs that time once for reading, and
 * once whenever the kernel waits until all is written.
 *
 * ideal: 1000
 * cosim: --top axi_copy --clock 5 --expect-cycles 1000:1120,20:32,40:62,100:152
 * report: loop, line [0-9]*: II 1,
 * report: reads in bursts
 * report: writes in bursts */
#include "hls.h"

enum { LONGEST = 1000 };

uint32_t axi_copy(const uint32_t *from, uint32_t *to, uint32_t words, uint32_t mask)
{
#ifdef SHELL
#pragma HLS interface s_axilite port = return
#endif
#pragma HLS interface m_axi port = from
#pragma HLS interface m_axi port = to
    uint32_t sum = 0;
copy:
    for (uint32_t i = 0; i < words; i++) {
#pragma HLS pipeline II = 1
        uint32_t word = from[i] ^ mask;
        sum += word;
        to[i + 1] = word;
    }
    to[0] = sum;
    return sum;
}

#ifndef __HLSC__
#include "cosim.h"
int main(void)
{
    uint32_t *from = cosim_memory(uint32_t, from, LONGEST),
             *to = cosim_memory(uint32_t, to, LONGEST + 1);
    static const uint32_t words[] = {LONGEST, 0, 1, 63, 64};
    for (int n = 0; n < 5; n++) {
        for (uint32_t i = 0; i < LONGEST; i++)
            from[i] = (uint32_t)cosim_random();
        cosim_begin();
        cosim_return(
            axi_copy(from, to, cosim_scalar(words, words[n]), cosim_scalar(mask, 0x0f0ff0f0u * n)));
        cosim_end();
    }
    return cosim_finish();
}
#endif
