/* Three processes of different rates joined by FIFOs: blocks of 16 samples and a maximum of each
 * come out of the first, the second scales a block by its maximum, which is known last, the third
 * packs four samples into a word. The queue of samples must hold a block: with -D SHALLOW it does
 * not, and the simulation says which queue is at fault.
 *
 * ideal: 1024
 * cosim: --top three_rates --clock 5 --expect-cycles 1024:1400
 * report: samples: 16 bits, depth 32, measure -> scale */
#include "hls.h"

enum { BLOCK = 16, BLOCKS = 64 };

static void measure(hls_stream(int16_t) in, hls_stream(int16_t) samples, hls_stream(int16_t) peaks)
{
    int16_t peak = 0;
    for (int n = 0; n < BLOCK * BLOCKS; n++) {
#pragma HLS pipeline II = 1
        int16_t sample = hls_read(in), size = sample < 0 ? -sample : sample;
        peak = n % BLOCK == 0 || size > peak ? size : peak;
        hls_write(samples, sample);
        if (n % BLOCK == BLOCK - 1)
            hls_write(peaks, peak);
    }
}

static void scale(hls_stream(int16_t) samples, hls_stream(int16_t) peaks, hls_stream(int8_t) small)
{
    int shift = 0;
    for (int n = 0; n < BLOCK * BLOCKS; n++) {
#pragma HLS pipeline II = 1
        if (n % BLOCK == 0) {
            int16_t peak = hls_read(peaks);
            shift = 0;
            for (int bit = 7; bit < 16; bit++)
                shift = peak >> bit & 1 ? bit - 6 : shift;
        }
        hls_write(small, (int8_t)(hls_read(samples) >> shift));
    }
}

static void pack(hls_stream(int8_t) small, hls_stream(uint32_t) out)
{
    for (int n = 0; n < BLOCK * BLOCKS / 4; n++) {
#pragma HLS pipeline II = 4
        uint32_t word = 0;
        for (int i = 0; i < 4; i++)
            word = word >> 8 | (uint32_t)hls_read(small) << 24;
        hls_write(out, word);
    }
}

void three_rates(hls_stream(int16_t) in, hls_stream(uint32_t) out)
{
#pragma HLS dataflow
#ifdef SHALLOW
    HLS_STREAM(int16_t, samples, 8);
#else
    HLS_STREAM(int16_t, samples, 2 * BLOCK);
#endif
    HLS_STREAM(int16_t, peaks, 2);
    HLS_STREAM(int8_t, small, 2);
    measure(in, samples, peaks);
    scale(samples, peaks, small);
    pack(small, out);
}

#ifndef __HLSC__
#include "cosim.h"
int main(void)
{
    hls_stream(int16_t) in = cosim_in(int16_t, in);
    hls_stream(uint32_t) out = cosim_out(uint32_t, out);
    for (int run = 0; run < 2; run++) {
        for (int i = 0; i < BLOCK * BLOCKS; i++)
            hls_write(in, (int16_t)((int16_t)cosim_random() >> (i / BLOCK % 8)));
        cosim_begin();
        three_rates(in, out);
        cosim_end();
    }
    return cosim_finish();
}
#endif
