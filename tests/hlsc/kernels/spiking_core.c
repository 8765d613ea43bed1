/* An event-driven spiking core: LANES output channels of a 32x32 map, a 3x3 kernel, one kernel
 * offset a cycle for all lanes at once. Events add weights to membrane potentials; then every
 * neuron fires a burst of up to phi spikes; those of all lanes at one place leave together.
 *
 * The potential that an event updates may be one that the last cycles have changed and the memory
 * does not show yet. The core therefore remembers its last two results (explicit forwarding), and
 * may promise that memory is read no sooner than three rounds after it was written.
 *
 * ideal: 19024
 * cosim: --top spiking_core --clock 5 --target xcup --expect-cycles 19024:19043,1024:1043,1924:1943
 * report: loop, line [0-9]*: II 1, depth [34];
 * report: potential: 16384 x 16 bits, RAM, a read and a write port, 16 banks side by side
 */
#include "hls.h"

#ifndef LANES
#define LANES 16
#endif
enum { HEIGHT = 32, WIDTH = 32, KERNEL = 3, CHANNELS = 2, MOST_SPIKES = 4 };

/* `count` spikes of one neuron; last: no neuron, the timestep is over. */
struct event {
    uint8_t x, y, channel, count;
    bool last;
};

/* The bursts of all lanes at one place. */
struct bursts {
    uint16_t place;
    bool last;
    uint8_t lane[LANES];
};

static const int8_t weight[CHANNELS * KERNEL * KERNEL][16] = {
    {-23, 32, 57, -32, -8, -25, 23, 57, 17, 20, 43, 8, 60, -14, -28, 22},
    {-37, 9, 15, 37, 57, 58, -40, 49, 17, -6, 52, -11, 35, -27, 0, -37},
    {-38, -37, 43, 29, -39, 8, 47, -13, 14, 52, -37, 27, -12, 57, 16, 23},
    {30, -11, 4, -11, 46, -12, 57, 18, -3, -38, 13, 31, 42, -28, -17, 40},
    {52, -3, -25, 55, 2, 52, 51, 24, 14, 24, 45, -16, -2, -4, 35, 23},
    {24, 10, 35, -36, 21, -9, 55, 11, 13, 45, -18, 6, 30, 49, 59, 46},
    {54, 7, -29, 16, 44, 25, -27, 59, -20, 26, 10, 7, 22, 53, -37, 20},
    {-35, -1, 50, 38, 35, 34, 10, 42, -19, -19, 24, -11, -39, 58, -15, 29},
    {30, -11, 11, 25, 4, 33, 5, 18, -6, 44, 30, 37, 53, -40, 9, 60},
    {54, 25, -24, 26, 59, 31, -14, 14, -33, 21, 6, 32, 30, -15, 24, 12},
    {22, 5, 13, 4, -40, 28, 29, 39, 60, 38, 2, 18, 36, -37, -11, 41},
    {-18, 30, 34, -17, -29, 30, -8, -36, 46, -31, -30, -38, 17, -39, 56, 56},
    {-5, -9, -6, -26, 39, -17, 4, -3, -32, -19, -20, -8, 27, -19, 44, -6},
    {42, 51, -3, 18, 49, 1, 23, 20, -26, -37, -1, 9, 3, 13, -16, -7},
    {-27, -8, 53, 25, -14, 37, 15, -38, -12, -38, 10, -22, -36, 52, -20, 17},
    {50, 24, 46, 14, 29, -12, 40, 48, 26, 17, -12, 27, 43, -37, 10, 46},
    {33, 1, 44, 40, 14, -33, 54, -2, -24, -13, -34, -1, -31, -31, -1, -2},
    {55, -20, 13, 32, -8, -24, -39, 31, -36, 35, -13, 32, 18, -19, 59, 50}};

void spiking_core(hls_stream(struct event) in, hls_stream(struct bursts) out, int16_t theta,
                  uint8_t phi)
{
    static int16_t potential[HEIGHT * WIDTH][LANES];
    struct event e = {0};
    uint8_t ky = 0, kx = 0;
    uint16_t before = 0xffff, before_that = 0xffff;
    int16_t v1[LANES] = {0}, v2[LANES] = {0};
#pragma HLS array_partition variable = potential complete dim = 2
#pragma HLS array_partition variable = weight complete dim = 2
integrate:
    for (;;) {
#pragma HLS pipeline II = 1
#pragma HLS dependence variable = potential inter distance = 3 true
        if (ky == 0 && kx == 0) {
            e = hls_read(in);
            if (e.last)
                break;
        }
        uint8_t y = e.y - ky, x = e.x - kx;
        if (y < HEIGHT && x < WIDTH) {
            uint16_t place = y * WIDTH + x;
            for (int l = 0; l < LANES; l++) {
                int8_t w = weight[(e.channel % CHANNELS * KERNEL + ky) * KERNEL + kx][l];
                int16_t v = place == before        ? v1[l]
                            : place == before_that ? v2[l]
                                                   : potential[place][l];
                v += w * e.count;
                potential[place][l] = v;
                v2[l] = v1[l];
                v1[l] = v;
            }
            before_that = before;
            before = place;
        }
        ky = kx < KERNEL - 1 ? ky : ky == KERNEL - 1 ? 0 : ky + 1;
        kx = kx == KERNEL - 1 ? 0 : kx + 1;
    }
fire:
    for (int place = 0; place < HEIGHT * WIDTH; place++) {
#pragma HLS pipeline II = 1
#pragma HLS dependence variable = potential inter false
        struct bursts b = {.place = (uint16_t)place};
        uint8_t any = 0;
        for (int l = 0; l < LANES; l++) {
            int16_t v = potential[place][l], spent = 0;
            for (int r = 1; r <= MOST_SPIKES; r++)
                if (v >= theta * r && r <= phi) {
                    b.lane[l] = r;
                    spent = theta * r;
                }
            potential[place][l] = v - spent;
            any |= b.lane[l];
        }
        if (any)
            hls_write(out, b);
    }
    struct bursts end = {.last = true};
    hls_write(out, end);
}

#ifndef __HLSC__
#include "cosim.h"
int main(void)
{
    static const uint16_t events[] = {2000, 0, 100};
    hls_stream(struct event) in = cosim_in(struct event, in);
    hls_stream(struct bursts) out = cosim_out(struct bursts, out);
    for (int run = 0; run < 3; run++) {
        for (int i = 0; i < events[run]; i++) {
            uint64_t r = cosim_random() ^ cosim_random() << 17;
            /* Neighbours often follow each other, and the border is met. */
            struct event e = {r % 35, (r >> 8) % (i % 3 ? 35 : 3), r >> 16 & 1, 1 + (r >> 20) % 8};
            hls_write(in, e);
        }
        hls_write(in, ((struct event){.last = true}));
        cosim_begin();
        spiking_core(in, out, cosim_scalar(theta, (int16_t)700), cosim_scalar(phi, (uint8_t)4));
        cosim_end();
    }
    return cosim_finish();
}
#endif
