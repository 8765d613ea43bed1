/* Two processes that ask each other: the first writes a question and reads the answer behind it,
 * one after the other and outside of any pipeline. Both must not be left to one state of its
 * controller, which would wait for an answer to what it has not asked.
 *
 * ideal: 64
 * cosim: --top question --clock 5 --expect-cycles 64:600 */
#include "hls.h"

enum { QUESTIONS = 64 };

static void asker(hls_stream(uint32_t) in, hls_stream(uint32_t) answers,
                  hls_stream(uint32_t) questions, hls_stream(uint32_t) out)
{
    uint32_t sum = 0;
    for (int n = 0; n < QUESTIONS; n++) {
        const uint32_t word = hls_read(in) + sum;
        hls_write(questions, word);
        sum += hls_read(answers);
        hls_write(out, sum);
    }
}

static void answerer(hls_stream(uint32_t) questions, hls_stream(uint32_t) answers)
{
    for (int n = 0; n < QUESTIONS; n++) {
        const uint32_t word = hls_read(questions);
        hls_write(answers, word ^ word >> 7);
    }
}

void question(hls_stream(uint32_t) in, hls_stream(uint32_t) out);
void question(hls_stream(uint32_t) in, hls_stream(uint32_t) out)
{
#pragma HLS dataflow
    HLS_STREAM(uint32_t, questions, 2);
    HLS_STREAM(uint32_t, answers, 2);
    HLS_CALL(asker, in, answers, questions, out);
    HLS_CALL(answerer, questions, answers);
    HLS_RUN();
}

#ifndef __HLSC__
#include "cosim.h"

int main(void)
{
    hls_stream(uint32_t) in = cosim_in(uint32_t, in);
    hls_stream(uint32_t) out = cosim_out(uint32_t, out);
    for (uint32_t n = 0; n < QUESTIONS; n++)
        hls_write(in, cosim_random());
    cosim_begin();
    question(in, out);
    cosim_end();
    return cosim_finish();
}
#endif
