/* y = A x for a matrix on the chip, a row a cycle: the columns lie in banks of their own.
 *
 * ideal: 128
 * cosim: --top matrix_vector --clock 5 --target xcup --expect-cycles 128:146,64:80,128:146
 * report: loop, line [0-9]*: II 1,
 * report: loop, line [0-9]*: II 1, */
#include "hls.h"

enum { ROWS = 64, COLUMNS = 32 };

static int16_t a[ROWS][COLUMNS];
#pragma HLS array_partition variable = a complete dim = 2

struct row {
    int16_t element[COLUMNS];
};

void matrix_vector(hls_stream(struct row) in, hls_stream(int32_t) y, bool load)
{
    int16_t x[COLUMNS];
    for (int r = 0; load && r < ROWS; r++) {
#pragma HLS pipeline II = 1
        struct row token = hls_read(in);
        for (int c = 0; c < COLUMNS; c++)
            a[r][c] = token.element[c];
    }
    struct row vector = hls_read(in);
    for (int c = 0; c < COLUMNS; c++) {
#pragma HLS unroll
        x[c] = vector.element[c];
    }
multiply:
    for (int r = 0; r < ROWS; r++) {
#pragma HLS pipeline II = 1
        int32_t sum = 0;
        for (int c = 0; c < COLUMNS; c++)
            sum += a[r][c] * x[c];
        hls_write(y, sum);
    }
}

#ifndef __HLSC__
#include "cosim.h"
int main(void)
{
    hls_stream(struct row) in = cosim_in(struct row, in);
    hls_stream(int32_t) y = cosim_out(int32_t, y);
    for (int run = 0; run < 3; run++) {
        for (int r = 0; r < (run == 1 ? 1 : ROWS + 1); r++) {
            struct row token;
            for (int c = 0; c < COLUMNS; c++)
                token.element[c] = (int16_t)cosim_random();
            hls_write(in, token);
        }
        cosim_begin();
        matrix_vector(in, y, cosim_scalar(load, run != 1));
        cosim_end();
    }
    return cosim_finish();
}
#endif
