/* A 3x3 convolution over an image that comes pixel by pixel: two rows are kept in a line buffer.
 *
 * ideal: 3072
 * cosim: --top line_buffer --clock 5 --expect-cycles 3072:3088
 * report: loop, line [0-9]*: II 1, */
#include "hls.h"

enum { HEIGHT = 48, WIDTH = 64 };

static const int8_t kernel[3][3] = {{1, 2, 1}, {2, 4, 2}, {1, 2, 1}};

void line_buffer(hls_stream(uint8_t) in, hls_stream(uint8_t) out)
{
    static uint8_t line[2][WIDTH];
    uint8_t window[3][3] = {{0}};
#pragma HLS array_partition variable = line complete dim = 1
#pragma HLS array_partition variable = window complete dim = 0
    int y = 0, x = 0;
image:
    for (int n = 0; n < HEIGHT * WIDTH; n++) {
#pragma HLS pipeline II = 1
        uint8_t column[3] = {line[0][x], line[1][x], hls_read(in)};
        line[0][x] = column[1];
        line[1][x] = column[2];
        int sum = 0;
        for (int i = 0; i < 3; i++) {
            window[i][0] = window[i][1];
            window[i][1] = window[i][2];
            window[i][2] = column[i];
            for (int j = 0; j < 3; j++)
                sum += window[i][j] * kernel[i][j];
        }
        if (y >= 2 && x >= 2)
            hls_write(out, (uint8_t)(sum / 16));
        y += x == WIDTH - 1;
        x = x == WIDTH - 1 ? 0 : x + 1;
    }
}

#ifndef __HLSC__
#include "cosim.h"
int main(void)
{
    hls_stream(uint8_t) in = cosim_in(uint8_t, in);
    hls_stream(uint8_t) out = cosim_out(uint8_t, out);
    for (int run = 0; run < 2; run++) {
        for (int i = 0; i < HEIGHT * WIDTH; i++)
            hls_write(in, (uint8_t)cosim_random());
        cosim_begin();
        line_buffer(in, out);
        cosim_end();
    }
    return cosim_finish();
}
#endif
