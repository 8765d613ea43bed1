/* The accelerator under words that no host would send. The first byte says what is made of the
 * others: kind, by which good exchange (<< 2), LARGE for the build check instead of tiny, and
 * SEALED if checksums are made right, so that contents get past them.
 *
 *   CHANGES   of a good exchange's words, CHANGE_BYTES each: operation, position, value
 *   WORDS     as they are
 *   MESSAGE   command and payload of one whole message in front of a good exchange: whatever it
 *             says, the answers to the others stay the same
 *
 * After each of them the next good exchange must give the answer that it gave at first. */
#include "accelerator/program.h"
#include "device/device.h"
#include "isa.h"
#include "link/link.h"
#include "link/message.h"
#include "link/simulator.h"
#include "random_model.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { CHANGES, WORDS, MESSAGE, LARGE = 16, SEALED = 128 };
enum { SET, INSERT, DELETE, CUT, FLIP, ADD, OPERATIONS, FROM_END = 128 };
enum { CHANGE_BYTES = 7, MOST_CHANGES = 64, MOST_PAYLOAD = 64, MOST_TIMESTEPS = 31, GOOD = 4 };
enum { DEADLINE = 1 << 20 };

struct words {
    uint32_t *word;
    size_t count;
};
/* Of one input, nothing of the one before is seen but potentials and weights, because `wipe` is
 * between: findings come again by themselves, and events of neurons that are not there meet empty
 * tables. */
struct machine {
    struct link *link;
    struct words wipe;
    struct {
        struct words sent, answer;
    } good[GOOD];
};
static struct machine machines[2], *machine; /* tiny, check; the one that is spoken to */

static uint32_t *room(size_t words)
{
    uint32_t *p = calloc(words + 1, sizeof *p);
    if (!p)
        abort();
    return p;
}

/* The answer belongs to the link. */
static struct words exchange(struct words w)
{
    struct words answer;
    const uint32_t *word;
    if (machine->link->operations->exchange(machine->link, w.word, w.count, &word, &answer.count))
        abort();
    answer.word = (uint32_t *)word;
    return answer;
}

static bool ends_with(struct words w, struct words end)
{
    return w.count >= end.count &&
           !memcmp(w.word + w.count - end.count, end.word, end.count * sizeof *end.word);
}

static void put_zeros(uint32_t memory, size_t words)
{
    struct words *wipe = &machine->wipe;
    uint32_t *word = wipe->word + wipe->count;
    word[2] = memory;
    memset(word + 4, 0, words * sizeof *word);
    wipe->count += message_seal(word, COMMAND_LOAD, words + 2);
}

static void make_wipe(const struct limits *l)
{
    const struct {
        uint32_t memory, words;
    } tables[] = {
        {MEMORY_PHASE, l->phases},
        {MEMORY_ROUTE_ROWS, l->routes},
        {MEMORY_ROUTE_COLUMNS, l->routes},
        {MEMORY_ROUTE_CHANNELS, l->routes},
        {MEMORY_ROUTE_SHIFT, l->routes},
        {MEMORY_ROWS, l->axis},
        {MEMORY_COLUMNS, l->axis},
        {MEMORY_CHANNEL_WEIGHT, l->channels},
        {MEMORY_CHANNEL_CELL, l->channels},
        {MEMORY_ROW_LIST, l->list},
        {MEMORY_COLUMN_LIST, l->list},
        {MEMORY_THRESHOLD, l->parameters * l->lanes},
        {MEMORY_BIAS, l->parameters * l->lanes},
        {MEMORY_INITIAL, l->parameters * l->lanes},
        {MEMORY_WINDOW, l->windows},
        {MEMORY_PROGRAM, l->program},
        {MEMORY_GATHER, l->features & FEATURE_LIVE ? GATHER_COLUMNS + l->axis : 2},
        {MEMORY_COLLECT, COLLECT_LIMIT + l->timesteps},
        {MEMORY_MOVER, MOVER_REGISTERS},
    };
    const size_t count =
        sizeof tables / sizeof *tables - !(l->features & FEATURE_MEMORY); /* the last */
    struct words *wipe = &machine->wipe;
    size_t words = 8;
    for (size_t i = 0; i < count; i++)
        words += l->cores * (tables[i].words + 5);
    wipe->word = room(words);
    for (uint32_t core = 0; core < l->cores; core++)
        for (size_t i = 0; i < count && !(core && tables[i].memory == MEMORY_GATHER); i++)
            put_zeros(core << 24 | tables[i].memory, tables[i].words);
    wipe->count += message_seal(wipe->word + wipe->count, COMMAND_END, 0);
}

static void check_good(int which)
{
    const struct words answer = exchange(machine->good[which].sent);
    const struct words expected = machine->good[which].answer;
    if (answer.count != expected.count || !ends_with(answer, expected))
        abort();
}

/* ---- Good exchanges -------------------------------------------------------------------------- */

static size_t put_run(uint32_t *word, const struct af_model *m, uint64_t seed)
{
    struct dice dice = {seed};
    const int *shape = m->population[0].shape;
    int16_t *counts = random_counts(m, &dice), *count = counts;
    size_t at = 3;
    const int lists = m->format.events ? m->timesteps : 1;
    word[2] =
        (uint32_t)(RUN_TRACE | (m->iat.metric ? RUN_IAT : 0) | (m->format.events ? RUN_EVENTS : 0))
            << 16 |
        (uint32_t)m->timesteps;
    for (int t = 0; t < lists; t++) {
        uint32_t *events = &word[at++];
        for (int c = 0; c < shape[0]; c++)
            for (int y = 0; y < shape[1]; y++)
                for (int x = 0; x < shape[2]; x++, count++)
                    if (*count) {
                        word[at++] = (uint32_t)c << 16 | (uint32_t)y;
                        word[at++] = (uint32_t)x << 16 | (uint16_t)*count;
                        ++*events;
                    }
    }
    free(counts);
    return message_seal(word, COMMAND_RUN, at - 2);
}

/* LOAD, RUN, COUNTERS, READ, PROFILE if there is any, END of a random model. */
static void make_good(int which, const struct limits *limits)
{
    /* Small ones of the build tiny, that between them have max-pooling, signed bursts, early exit
     * by both metrics, event input and constant input. */
    static const uint64_t seed[GOOD] = {1344, 268, 2901, 1015};
    struct af_model *m = random_model(seed[which]);
    struct program *p;
    if (program_make(m, limits, &p))
        abort();
    const size_t neurons = (size_t)neuron_count(&m->population[0]);
    struct words *w = &machine->good[which].sent;
    w->word = room(p->words + (size_t)m->timesteps * (2 * neurons + 1) + 32);
    memcpy(w->word, p->word, p->words * sizeof *p->word);
    w->count = p->words;
    w->count += put_run(w->word + w->count, m, seed[which]);
    w->word[w->count + 3] = (uint32_t)p->phases + 1;
    w->count += message_seal(w->word + w->count, COMMAND_COUNTERS, 2);
    w->word[w->count + 4] = 1;
    w->count += message_seal(w->word + w->count, COMMAND_READ, 3);
    w->word[w->count + 3] = 1;
    if (limits->marks)
        w->count += message_seal(w->word + w->count, COMMAND_PROFILE, 2);
    w->count += message_seal(w->word + w->count, COMMAND_END, 0);
    program_free(p);
    af_model_free(m);
    const struct words answer = exchange(*w);
    machine->good[which].answer = (struct words){room(answer.count), answer.count};
    memcpy(machine->good[which].answer.word, answer.word, answer.count * sizeof *answer.word);
}

static void make_machine(const char *build)
{
    struct limits limits;
    uint32_t word[6];
    size_t count = message_seal(word, COMMAND_IDENTIFY, 0);
    count += message_seal(word + count, COMMAND_END, 0);
    if (link_open_simulator(
            &(struct simulator_options){.compiled = true, .build = build, .patience = DEADLINE},
            &machine->link))
        abort();
    const struct words answer = exchange((struct words){word, count});
    if (answer.count < 2 || answer.word[1] > answer.count - 2 ||
        !limits_from(answer.word + 2, answer.word[1], &limits))
        abort();
    make_wipe(&limits);
    for (int i = 0; i < GOOD; i++)
        make_good(i, &limits);
}

/* ---- Bad ones -------------------------------------------------------------------------------- */

static uint32_t word_at(const uint8_t *data)
{
    uint32_t word;
    memcpy(&word, data, sizeof word);
    return word;
}

/* Makes the checksums right wherever a message seems to begin. */
static void seal_all(struct words w)
{
    for (size_t i = 0; i + 2 < w.count;) {
        const uint32_t length = w.word[i + 1];
        if (w.word[i] >> 16 != MESSAGE_MAGIC) {
            i++;
            continue;
        }
        if (length > w.count - i - 3)
            return;
        w.word[i + 2 + length] = message_crc(w.word + i, 2 + length);
        i += 3 + length;
    }
}

static void change(struct words *w, const uint8_t *data)
{
    const uint32_t value = word_at(data + 3);
    size_t at = (size_t)(data[1] | data[2] << 8);
    if (!w->count)
        return;
    at %= w->count;
    if (data[0] & FROM_END)
        at = w->count - 1 - at;
    uint32_t *word = w->word + at;
    switch (data[0] % OPERATIONS) {
    case SET: *word = value; break;
    case FLIP: *word ^= value; break;
    case ADD: *word += value; break;
    case CUT: w->count = at; break;
    case DELETE:
        memmove(word, word + 1, (w->count - at - 1) * sizeof *word);
        w->count--;
        break;
    default:
        memmove(word + 1, word, (w->count - at) * sizeof *word);
        *word = value;
        w->count++;
    }
}

static struct words changed(struct words from, const uint8_t *data, size_t size, bool sealed)
{
    struct words w = {room(from.count + MOST_CHANGES), from.count};
    memcpy(w.word, from.word, from.count * sizeof *from.word);
    for (int i = 0; i < MOST_CHANGES && size >= CHANGE_BYTES; i++) {
        change(&w, data);
        data += CHANGE_BYTES;
        size -= CHANGE_BYTES;
    }
    if (sealed)
        seal_all(w);
    return w;
}

/* In the same exchange, without a reset between: the machine stays usable. */
static void check_message(int which, const uint8_t *data, size_t size, bool sealed)
{
    const struct words *after = &machine->good[which].sent,
                       *expected = &machine->good[which].answer;
    const uint8_t command = size ? data[0] : 0;
    size_t payload = size ? (size - 1) / sizeof(uint32_t) : 0;
    if (payload > MOST_PAYLOAD)
        payload = MOST_PAYLOAD;
    struct words w = {room(payload + 3 + after->count), 0};
    for (size_t i = 0; i < payload; i++)
        w.word[2 + i] = word_at(data + 1 + i * sizeof(uint32_t));
    if (command == COMMAND_RUN)
        w.word[2] &= 0xffff0000 | MOST_TIMESTEPS;
    w.count = message_seal(w.word, command, payload);
    if (!sealed)
        w.word[w.count - 1] ^= 1;
    memcpy(w.word + w.count, after->word, after->count * sizeof *w.word);
    w.count += after->count;
    const struct words answer = exchange(w);
    if (command == COMMAND_END && !payload)
        ; /* It was the last one. */
    else if (answer.count < expected->count + 3 || !ends_with(answer, *expected))
        abort();
    else if ((!sealed || command > COMMAND_PROFILE) && command != COMMAND_RUN &&
             !(answer.word[0] >> 8 & 255))
        abort();
    free(w.word);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!size)
        return 0;
    const bool large = data[0] & LARGE;
    machine = &machines[large];
    if (!machine->link)
        make_machine(large ? "check" : "tiny");
    const int kind = data[0] & 3, which = data[0] >> 2 & (GOOD - 1);
    const bool sealed = data[0] & SEALED;
    data++;
    size--;
    exchange(machine->wipe);
    check_good(which);
    if (kind == MESSAGE) {
        check_message(which, data, size, sealed);
    } else {
        struct words w;
        if (kind == WORDS) {
            w = (struct words){room(size / sizeof *w.word), size / sizeof *w.word};
            memcpy(w.word, data, w.count * sizeof *w.word);
            if (sealed)
                seal_all(w);
        } else
            w = changed(machine->good[which].sent, data, size, sealed);
        exchange(w);
        free(w.word);
    }
    check_good(which);
    return 0;
}
