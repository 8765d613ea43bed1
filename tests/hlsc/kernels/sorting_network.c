/* Sorts eight numbers a cycle: Batcher's odd-even merge sort, 19 comparators in 6 layers.
 *
 * ideal: 500
 * cosim: --top sorting_network --clock 5 --expect-cycles 500:512
 * report: loop, line [0-9]*: II 1, */
#include "hls.h"

enum { LANES = 8, VECTORS = 500 };

struct vector {
    int16_t lane[LANES];
};

static const uint8_t comparator[19][2] = {{0, 1}, {2, 3}, {4, 5}, {6, 7}, {0, 2}, {1, 3}, {4, 6},
                                          {5, 7}, {1, 2}, {5, 6}, {0, 4}, {1, 5}, {2, 6}, {3, 7},
                                          {2, 4}, {3, 5}, {1, 2}, {3, 4}, {5, 6}};

void sorting_network(hls_stream(struct vector) in, hls_stream(struct vector) out)
{
sort:
    for (int n = 0; n < VECTORS; n++) {
#pragma HLS pipeline II = 1
        struct vector v = hls_read(in);
        for (int i = 0; i < 19; i++) {
            int16_t a = v.lane[comparator[i][0]], b = v.lane[comparator[i][1]];
            v.lane[comparator[i][0]] = a < b ? a : b;
            v.lane[comparator[i][1]] = a < b ? b : a;
        }
        hls_write(out, v);
    }
}

#ifndef __HLSC__
#include "cosim.h"
#include <stdlib.h>
int main(void)
{
    hls_stream(struct vector) in = cosim_in(struct vector, in);
    hls_stream(struct vector) out = cosim_out(struct vector, out);
    for (int n = 0; n < VECTORS; n++) {
        struct vector v;
        for (int i = 0; i < LANES; i++)
            v.lane[i] = (int16_t)cosim_random();
        hls_write(in, v);
    }
    cosim_begin();
    sorting_network(in, out);
    cosim_end();
    for (size_t n = 0; n < VECTORS; n++) {
        const struct vector *v = hls_stream_peek(out, n);
        for (int i = 1; i < LANES; i++)
            if (v->lane[i - 1] > v->lane[i])
                abort();
    }
    return cosim_finish();
}
#endif
