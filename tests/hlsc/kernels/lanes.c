/* Lanes that are read together and written one by one lie side by side in wide memories, here in
 * URAM: 6 for 16 lanes of 24 bits (three to a URAM), 4 for 16 of 8 with two ports.
 *
 * cosim: --top lanes --clock 3.33 --target xcup
 * report: cell: 65536 x 24 bits (of 32), RAM, a read and a write port, 16 banks side by side in one
 * wide memory with write enables, ram_style ultra report: weight: 98304 x 8 bits, RAM, two ports,
 * 16 banks side by side in one wide memory with write enables, ram_style ultra report: plain: 65536
 * x 24 bits (of 32), RAM, a read and a write port, 16 banks side by side in one wide memory with
 * write enables$ report: estimated: .* DSP, 48 RAMB36, 10 URAM */
#include "hls.h"

enum { LANES = 16, CELLS = 4096, WEIGHTS = 6144, USED = 60 };

void lanes(hls_stream(uint32_t) in, hls_stream(uint32_t) out)
{
    static uint32_t cell[CELLS][LANES], plain[CELLS][LANES];
    static uint8_t weight[WEIGHTS][LANES];
#pragma HLS bind_storage variable = cell type = ram_s2p impl = uram
#pragma HLS bind_storage variable = weight type = ram_t2p impl = uram
#pragma HLS array_partition variable = cell complete dim = 2
#pragma HLS array_partition variable = plain complete dim = 2
#pragma HLS array_partition variable = weight complete dim = 2
    for (int i = 0; i < USED * LANES; i++) {
#pragma HLS pipeline II = 1
        const uint32_t word = hls_read(in);
        weight[(word >> 8 & 7) * 700 + i / LANES][i % LANES] = (uint8_t)word;
        cell[(word & 15) * 256 + i / LANES][i % LANES] = word >> 8;
        plain[(word & 7) * 512 + i / LANES][i % LANES] = word & 0xffffff;
    }
    for (int i = 0; i < 8 * USED; i++) {
#pragma HLS pipeline II = 1
#pragma HLS dependence variable = cell inter false
#pragma HLS dependence variable = plain inter false
        const int at = (i & 7) * 700 + i / 8;
        for (int l = 0; l < LANES; l++) {
            const uint32_t sum = cell[(i & 15) * 256 + i / 8][l] + weight[at][l] * 3u +
                                 weight[(i + 3 & 7) * 700 + i / 8][l];
            cell[(i & 15) * 256 + i / 8][l] = sum & 0xffffff;
            if ((i + l) % 3)
                plain[(i & 7) * 512 + i / 8][l] =
                    (plain[(i & 7) * 512 + i / 8][l] ^ sum) & 0xffffff;
        }
    }
    for (int i = 0; i < 8 * USED * LANES; i++) {
#pragma HLS pipeline II = 1
        hls_write(out, cell[(i & 15) * 256 + i / 8 / LANES][i / 8 % LANES] ^
                           plain[(i & 7) * 512 + i / 8 / LANES][i / 8 % LANES] << 8);
    }
}

#ifndef __HLSC__
#include "cosim.h"
int main(void)
{
    hls_stream(uint32_t) in = cosim_in(uint32_t, in);
    hls_stream(uint32_t) out = cosim_out(uint32_t, out);
    for (int run = 0; run < 2; run++) {
        for (int i = 0; i < USED * LANES; i++)
            hls_write(in, cosim_random());
        cosim_begin();
        lanes(in, out);
        cosim_end();
    }
    return cosim_finish();
}
#endif
