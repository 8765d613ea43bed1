/* A row of a memory in slices: all of it at once, a slice at a time, a lane at a time. Which bank
 * an access goes to depends on the index along one dimension and is known along the other.
 *
 * cosim: --top slices --clock 6
 * report: row: 256 x 24 bits (of 32), RAM, a read and a write port, 16 banks */
#include "hls.h"

enum { ROWS = 16, SLICE = 4, SLICES = 4, LANES = SLICE * SLICES };

void slices(hls_stream(uint32_t) in, hls_stream(uint32_t) out)
{
    static uint32_t row[ROWS][SLICES][SLICE];
#pragma HLS array_partition variable = row complete dim = 2
#pragma HLS array_partition variable = row complete dim = 3
    for (int i = 0; i < ROWS * LANES; i++) {
#pragma HLS pipeline
        row[i / LANES][i / SLICE % SLICES][i % SLICE] = hls_read(in) & 0xffffff;
    }
    uint32_t first[SLICES][SLICE];
    for (int slice = 0; slice < SLICES; slice++) {
#pragma HLS pipeline II = 1
        for (int l = 0; l < SLICE; l++)
            first[slice][l] = row[0][slice][l];
    }
    for (int i = 1; i < ROWS; i++) {
#pragma HLS pipeline II = 1
        for (int l = 0; l < LANES; l++)
            row[i][l / SLICE][l % SLICE] =
                (row[i][l / SLICE][l % SLICE] + first[l / SLICE][l % SLICE]) & 0xffffff;
    }
    for (int i = 0; i < ROWS * SLICES; i++) {
#pragma HLS pipeline II = 1
#pragma HLS dependence variable = row inter false
        for (int l = 0; l < SLICE; l++) {
            const uint32_t v = row[i / SLICES][i % SLICES][l];
            row[i / SLICES][i % SLICES][l] = (v * 3 + l) & 0xffffff;
        }
    }
    for (int i = 0; i < ROWS * LANES; i++) {
#pragma HLS pipeline II = 1
        hls_write(out, row[i / LANES][i / SLICE % SLICES][i % SLICE]);
    }
}

#ifndef __HLSC__
#include "cosim.h"
int main(void)
{
    hls_stream(uint32_t) in = cosim_in(uint32_t, in);
    hls_stream(uint32_t) out = cosim_out(uint32_t, out);
    for (int run = 0; run < 2; run++) {
        for (int i = 0; i < ROWS * LANES; i++)
            hls_write(in, cosim_random());
        cosim_begin();
        slices(in, out);
        cosim_end();
    }
    return cosim_finish();
}
#endif
