/* What processes say of their own time. The first has a value every fourth cycle, the second waits
 * for it, the third stops for four cycles at every value, the second then waits for room. What must
 * hold is decided here in hardware; on the host, where there is no time, all of it holds.
 *
 * cosim: --top counters --clock 5
 * report: slow: 32 bits, depth 2, produce -> pass */
#include "hls.h"

enum { VALUES = 64 };

#ifdef __HLSC__
#define HOLDS(x) (x)
#else
#define HOLDS(x) true
#endif

static void produce(hls_stream(uint32_t) in, hls_stream(uint32_t) slow)
{
    for (int i = 0; i < VALUES; i++) {
#pragma HLS pipeline II = 4
        hls_write(slow, hls_read(in));
    }
}

static void pass(hls_stream(uint32_t) slow, hls_stream(uint32_t) fast, hls_stream(uint32_t) told)
{
    const uint32_t begin = hls_clock(), starved = hls_starved();
    for (int i = 0; i < VALUES; i++) {
#pragma HLS pipeline II = 1
        hls_write(fast, hls_read(slow));
    }
    const uint32_t cycles = hls_clock() - begin, waited = hls_starved() - starved;
    const uint32_t before = hls_blocked();
    for (int i = 0; i < VALUES; i++) {
#pragma HLS pipeline II = 1
        hls_write(fast, i);
    }
    const uint32_t blocked = hls_blocked() - before, after = hls_starved() - starved;
    hls_write(told, HOLDS(cycles >= 4 * (VALUES - 1)));
    hls_write(told, HOLDS(waited >= 2 * VALUES && waited < cycles));
    hls_write(told, HOLDS(blocked >= 2 * VALUES));
    hls_write(told, HOLDS(after == waited)); /* it read nothing in between */
}

static void consume(hls_stream(uint32_t) fast, hls_stream(uint32_t) told, hls_stream(uint32_t) out)
{
    for (int i = 0; i < VALUES; i++) {
#pragma HLS pipeline II = 1
        hls_write(out, hls_read(fast));
    }
    for (int i = 0; i < VALUES; i++) {
#pragma HLS pipeline II = 4
        hls_write(out, hls_read(fast));
    }
    for (int i = 0; i < 4; i++)
        hls_write(out, hls_read(told));
}

void counters(hls_stream(uint32_t) in, hls_stream(uint32_t) out)
{
#pragma HLS dataflow
    HLS_STREAM(uint32_t, slow, 2);
    HLS_STREAM(uint32_t, fast, 2);
    HLS_STREAM(uint32_t, told, 4);
    produce(in, slow);
    pass(slow, fast, told);
    consume(fast, told, out);
}

#ifndef __HLSC__
#include "cosim.h"
int main(void)
{
    hls_stream(uint32_t) in = cosim_in(uint32_t, in);
    hls_stream(uint32_t) out = cosim_out(uint32_t, out);
    for (int run = 0; run < 2; run++) {
        for (int i = 0; i < VALUES; i++)
            hls_write(in, cosim_random());
        cosim_begin();
        counters(in, out);
        cosim_end();
    }
    return cosim_finish();
}
#endif
