/* A FIR filter of 16 taps: one sample a cycle.
 *
 * ideal: 1000
 * cosim: --top fir --clock 5 --expect-cycles 1000:1010
 * report: loop, line [0-9]*: II 1, */
#include "hls.h"

enum { TAPS = 16, SAMPLES = 1000 };

static const int16_t tap[TAPS] = {-12,  -31,  17,  146, 190, -97, -613, 1900,
                                  1900, -613, -97, 190, 146, 17,  -31,  -12};

void fir(hls_stream(int16_t) in, hls_stream(int32_t) out)
{
    static int16_t last[TAPS];
#pragma HLS array_partition variable = last complete
filter:
    for (int n = 0; n < SAMPLES; n++) {
#pragma HLS pipeline II = 1
        int32_t sum = 0;
        for (int i = TAPS - 1; i > 0; i--)
            last[i] = last[i - 1];
        last[0] = hls_read(in);
        for (int i = 0; i < TAPS; i++)
            sum += last[i] * tap[i];
        hls_write(out, sum);
    }
}

#ifndef __HLSC__
#include "cosim.h"
int main(void)
{
    hls_stream(int16_t) in = cosim_in(int16_t, in);
    hls_stream(int32_t) out = cosim_out(int32_t, out);
    for (int run = 0; run < 2; run++) {
        for (int i = 0; i < SAMPLES; i++)
            hls_write(in, (int16_t)cosim_random());
        cosim_begin();
        fir(in, out);
        cosim_end();
    }
    return cosim_finish();
}
#endif
