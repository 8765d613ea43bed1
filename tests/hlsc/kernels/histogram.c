/* A histogram: read, add, write back, though the next sample may fall into the same bin.
 *
 * ideal: 2256
 * cosim: --top histogram --clock 4 --target xcup --expect-cycles 2256:2272
 * report: loop, line [0-9]*: II 1,
 * report: bin: 256 x 32 bits, RAM, a read and a write port, write-to-read bypass */
#include "hls.h"

enum { BINS = 256, SAMPLES = 2000 };

static uint32_t bin[BINS];

void histogram(hls_stream(uint8_t) in, hls_stream(uint32_t) out)
{
count:
    for (int n = 0; n < SAMPLES; n++) {
#pragma HLS pipeline II = 1
#ifdef PROMISE /* that is not kept */
#pragma HLS dependence variable = bin inter false
#endif
        bin[hls_read(in)]++;
    }
send:
    for (int n = 0; n < BINS; n++) {
#pragma HLS pipeline II = 1
        hls_write(out, bin[n]);
    }
}

#ifndef __HLSC__
#include "cosim.h"
int main(void)
{
    hls_stream(uint8_t) in = cosim_in(uint8_t, in);
    hls_stream(uint32_t) out = cosim_out(uint32_t, out);
    for (int run = 0; run < 2; run++) {
        for (int i = 0; i < SAMPLES; i++)
            hls_write(in, (uint8_t)(i % 7 < 4 ? i / 7 : (int)cosim_random()));
        cosim_begin();
        histogram(in, out);
        cosim_end();
    }
    return cosim_finish();
}
#endif
