/* The accelerator on a card whose host shares memory with it: an exchange (isa.h) is one run. The
 * words lie in the card's memory; the answer goes there too.
 *
 *   in -> bring -> accelerator -> cut -> store -> out
 *                   | ^  | ^  |
 *                script  data  lists: the memory behind it, for networks larger than the chip
 *
 * The ports of words are 32 bits wide: the accelerator takes one word a cycle and answers with at
 * most one, so a wider port would stand idle. Those of the memory behind it carry a beat a cycle.
 * What was loaded stays between runs. */
#include "accelerator.c" /* NOLINT */

enum { PIECE = 64 }; /* words written in one burst: 256 bytes */

/* From cut to store: so many words of the answer; with the last piece, words of it all. */
struct piece {
    uint16_t words;
    bool last;
    uint32_t total;
};

#if HLS_HARDWARE
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

#if MEMORY
#if HLS_HARDWARE
#ifdef __cplusplus
typedef ap_uint<128> wide_word; /* a beat */
#else
typedef unsigned _BitInt(128) wide_word;
#endif

static void read_port(hls_stream(struct ask) asks, hls_stream(struct beat) out,
                      const wide_word *memory)
{
    for (struct ask a = hls_read(asks); a.beats; a = hls_read(asks)) {
        for (uint32_t i = 0; i < a.beats; i++) {
#pragma HLS pipeline II = 1
            const wide_word w = memory[(uint64_t)a.address + i];
            const struct beat b = {
                {(uint32_t)w, (uint32_t)(w >> 32), (uint32_t)(w >> 64), (uint32_t)(w >> 96)}};
            hls_write(out, b);
        }
    }
}

/* Reading what has just been written is how to know that it has arrived. */
static void write_port(hls_stream(struct store) in, hls_stream(bool) stored, wide_word *memory)
{
    for (;;) {
#pragma HLS pipeline
        const struct store s = hls_read(in);
        if (s.exit)
            break;
        if (s.confirm) {
            const wide_word w = memory[0];
            hls_write(stored, w & 1);
        } else
            memory[s.address] = (wide_word)s.beat.word[3] << 96 | (wide_word)s.beat.word[2] << 64 |
                                (wide_word)s.beat.word[1] << 32 | s.beat.word[0];
    }
}
#else
/* On this computer. */
typedef uint32_t wide_word;
static wide_word *behind;
void memory_load(uint64_t word, uint32_t *to, unsigned words)
{
    for (unsigned i = 0; i < words; i++)
        to[i] = behind[word + i];
}
void memory_store(uint64_t word, const uint32_t *from, unsigned words)
{
    for (unsigned i = 0; i < words; i++)
        behind[word + i] = from[i];
}
#endif
#endif

/* in: in_words words that end with COMMAND_END. out: 1 + room words. script, data, lists: the
 * memory behind the accelerator, all of it in each. */
#ifdef __cplusplus
extern "C"
#endif
    void
    adafire_kernel(const uint32_t *in, uint32_t *out, uint32_t in_words,
                   uint32_t room WITH_MEMORY(, const wide_word *script, const wide_word *data,
                                             wide_word *lists));
void adafire_kernel(const uint32_t *in, uint32_t *out, uint32_t in_words,
                    uint32_t room WITH_MEMORY(, const wide_word *script, const wide_word *data,
                                              wide_word *lists))
{
#pragma HLS interface m_axi port = in bundle = in
#pragma HLS interface m_axi port = out bundle = out
#if MEMORY
#pragma HLS interface m_axi port = script bundle = script
#pragma HLS interface m_axi port = data bundle = data
#pragma HLS interface m_axi port = lists bundle = lists
#endif
#pragma HLS interface s_axilite port = return
#pragma HLS dataflow
    HLS_STREAM(uint32_t, words, 16);
    HLS_STREAM(uint32_t, answers, ANSWER_DEPTH);
    HLS_STREAM(uint32_t, kept, KEPT_DEPTH);
    HLS_STREAM(struct piece, pieces, 4);
    bring(in, in_words, words);
#if MEMORY && HLS_HARDWARE
    HLS_STREAM(struct ask, script_asks, 2);
    HLS_STREAM(struct ask, data_asks, 2);
    HLS_STREAM(struct store, stores, 64);
    HLS_STREAM(struct beat, script_beats, 16);
    HLS_STREAM(struct beat, data_beats, 16);
    HLS_STREAM(bool, stored, 2);
    read_port(script_asks, script_beats, script);
    read_port(data_asks, data_beats, data);
    accelerator(words, answers, script_beats, data_beats, stored, script_asks, data_asks, stores);
    write_port(stores, stored, lists);
#else
#if MEMORY
    (void)script;
    (void)data;
    behind = lists;
#endif
    accelerator(words, answers);
#endif
    cut(answers, room, kept, pieces);
    store(kept, pieces, out);
}
