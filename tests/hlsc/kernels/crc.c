/* CRC-32 (IEEE 802.3) of a message, a byte a cycle: what 8 shifts do is worked out by the compiler.
 *
 * ideal: 1500
 * cosim: --top crc --clock 5 --expect-cycles 1500:1508,1:10,64:72
 * report: loop, line [0-9]*: II 1, */
#include "hls.h"

enum { LONGEST = 1500 };

uint32_t crc(hls_stream(uint8_t) in, uint16_t bytes)
{
    uint32_t remainder = 0xffffffff;
message:
    for (uint16_t n = 0; n < bytes; n++) {
#pragma HLS pipeline II = 1
        remainder ^= hls_read(in);
        for (int bit = 0; bit < 8; bit++)
            remainder = remainder >> 1 ^ (remainder & 1 ? 0xedb88320 : 0);
    }
    return ~remainder;
}

#ifndef __HLSC__
#include "cosim.h"
int main(void)
{
    static const uint16_t bytes[] = {LONGEST, 1, 64};
    hls_stream(uint8_t) in = cosim_in(uint8_t, in);
    for (int run = 0; run < 3; run++) {
        for (int i = 0; i < bytes[run]; i++)
            hls_write(in, (uint8_t)cosim_random());
        cosim_begin();
        cosim_return(crc(in, cosim_scalar(bytes, bytes[run])));
        cosim_end();
    }
    return cosim_finish();
}
#endif
