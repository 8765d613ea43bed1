/* The accelerator on a card whose host shares memory with it: an exchange (isa.h) is one run. The
 * words lie in the card's memory; the answer goes there too.
 *
 *   in -> bring -> accelerator -> cut -> store -> out
 *
 * A memory port is 32 bits wide: the accelerator takes one word a cycle and answers with at most
 * one, so a wider port would stand idle. What was loaded stays between runs. */
#define MEMORY_BEHIND 0
#include "accelerator.c" /* NOLINT */

enum { PIECE = 64 }; /* words written in one burst: 256 bytes */

/* From cut to store: so many words of the answer; with the last piece, words of it all. */
struct piece {
    uint16_t words;
    bool last;
    uint32_t total;
};

#ifdef __HLSC__
enum { ANSWER_DEPTH = 16, KEPT_DEPTH = 4 * PIECE };
#else /* compiled for this computer: whoever reads these begins when their writer is done */
enum { ANSWER_DEPTH = 1 << 30, KEPT_DEPTH = 1 << 30 };
#endif

static void bring(const uint32_t *in, uint32_t in_words, hls_stream(uint32_t) words)
{
    for (uint32_t i = 0; i < in_words; i++) {
#pragma HLS pipeline II = 1
        hls_write(words, in[i]);
    }
}

/* The accelerator stops at a COMMAND_END that it understands, even if its checksum is wrong. */
static inline bool is_last(uint32_t head)
{
    const uint32_t last = (uint32_t)MESSAGE_MAGIC << 16 | COMMAND_END;
    return head == last || head == (last | MESSAGE_BAD_CRC << 8);
}

/* How long the answers are they say themselves. What does not fit is dropped and counted: the host
 * then makes room and asks again. */
static void cut(hls_stream(uint32_t) answers, uint32_t room, hls_stream(uint32_t) kept,
                hls_stream(struct piece) pieces)
{
    enum { HEAD, LENGTH, BODY } state = HEAD;
    uint32_t total = 0, left = 0; /* words of the message or event behind the next one */
    uint16_t words = 0;
    bool end = false, more = true;
    while (more) {
#pragma HLS pipeline II = 1
        const uint32_t word = hls_read(answers);
        bool last = false;
        if (state == HEAD) {
            if (word >> 16 == MESSAGE_MAGIC) {
                end = is_last(word);
                state = LENGTH;
            } else if (word != TRACE_END) {
                left = 1;
                state = BODY;
            }
        } else if (state == LENGTH) {
            left = word;
            state = BODY;
        } else {
            if (left == 0) {
                last = end;
                state = HEAD;
            }
            left--;
        }
        if (total < room) {
            hls_write(kept, word);
            words++;
        }
        total++;
        if (words == PIECE || last) {
            const struct piece p = {.words = words, .last = last, .total = total};
            hls_write(pieces, p);
            words = 0;
        }
        more = !last;
    }
}

/* out[0] is the number of words of the answer, which follows. */
static void store(hls_stream(uint32_t) kept, hls_stream(struct piece) pieces, uint32_t *out)
{
    uint32_t at = 1;
    for (bool more = true; more;) {
        const struct piece p = hls_read(pieces);
        for (uint32_t i = 0; i < p.words; i++) {
#pragma HLS pipeline II = 1
            out[at + i] = hls_read(kept);
        }
        at += p.words;
        if (p.last)
            out[0] = p.total;
        more = !p.last;
    }
}

/* in: in_words words that end with COMMAND_END. out: 1 + room words. */
void adafire_kernel(const uint32_t *in, uint32_t *out, uint32_t in_words, uint32_t room);
void adafire_kernel(const uint32_t *in, uint32_t *out, uint32_t in_words, uint32_t room)
{
#pragma HLS interface m_axi port = in bundle = in
#pragma HLS interface m_axi port = out bundle = out
#pragma HLS interface s_axilite port = return
#pragma HLS dataflow
    HLS_STREAM(uint32_t, words, 16);
    HLS_STREAM(uint32_t, answers, ANSWER_DEPTH);
    HLS_STREAM(uint32_t, kept, KEPT_DEPTH);
    HLS_STREAM(struct piece, pieces, 4);
    bring(in, in_words, words);
    accelerator(words, answers);
    cut(answers, room, kept, pieces);
    store(kept, pieces, out);
}
