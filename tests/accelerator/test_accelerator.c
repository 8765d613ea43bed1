/* Malformed messages to the accelerator: each gets the answer that says what is wrong with it, and
 * the message behind it is answered as ever. */
#include "test.h"

#include "accelerator/program.h"
#include "isa.h"
#include "link/link.h"
#include "link/message.h"
#include "link/simulator.h"

#include <string.h>

enum { MOST = 6 };
static const struct refusal {
    const char *what;
    uint32_t command, words, word[MOST], status; /* tiny knows no COMMAND_PROFILE */
} refusals[] = {
    {"identify with a payload", COMMAND_IDENTIFY, 1, {0}, MESSAGE_BAD_LENGTH},
    {"no command", COMMAND_PROFILE + 1, 2, {1, 2}, MESSAGE_BAD_COMMAND},
    {"a command of 16 bits", 256 + COMMAND_END, 0, {0}, MESSAGE_BAD_COMMAND},
    {"load without address", COMMAND_LOAD, 1, {0}, MESSAGE_BAD_LENGTH},
    {"load of no memory", COMMAND_LOAD, 3, {MEMORIES, 0, 1}, MESSAGE_BAD_VALUE},
    {"load of no core", COMMAND_LOAD, 3, {4u << 24, 0, 1}, MESSAGE_BAD_VALUE},
    {"load beyond the end", COMMAND_LOAD, 4, {MEMORY_GATHER, 0x2fff, 0, 0}, MESSAGE_BAD_VALUE},
    {"load far away", COMMAND_LOAD, 3, {MEMORY_CELL, 0xffffffff, 1}, MESSAGE_BAD_VALUE},
    {"run without timesteps", COMMAND_RUN, 2, {0, 0}, MESSAGE_BAD_VALUE},
    {"run by tiles without a script",
     COMMAND_RUN,
     2,
     {(uint32_t)RUN_TILES << 16 | 1, 0},
     MESSAGE_BAD_VALUE},
    {"load of a register that mover has not",
     COMMAND_LOAD,
     3,
     {MEMORY_MOVER, MOVER_REGISTERS, 0},
     MESSAGE_BAD_VALUE},
    {"run with events, which the program has not",
     COMMAND_RUN,
     2,
     {RUN_EVENTS << 16 | 1, 0},
     MESSAGE_BAD_VALUE},
    {"run without payload", COMMAND_RUN, 0, {0}, MESSAGE_BAD_LENGTH},
    {"run without input", COMMAND_RUN, 1, {1}, MESSAGE_BAD_LENGTH},
    {"run with too few events", COMMAND_RUN, 4, {1, 2, 0, 1}, MESSAGE_BAD_LENGTH},
    {"run with half an event", COMMAND_RUN, 3, {1, 1, 0}, MESSAGE_BAD_LENGTH},
    {"run with words left", COMMAND_RUN, 3, {1, 0, 0}, MESSAGE_BAD_LENGTH},
    {"read of no core", COMMAND_READ, 3, {4u << 24, 0, 1}, MESSAGE_BAD_VALUE},
    {"read beyond the end", COMMAND_READ, 3, {0, 1, 1u << 30}, MESSAGE_BAD_VALUE},
    {"counters of too many", COMMAND_COUNTERS, 2, {0, 1u << 29}, MESSAGE_BAD_VALUE},
    {"profile of too many", COMMAND_PROFILE, 2, {0, 1u << 29}, MESSAGE_BAD_VALUE},
    {"profile without a number", COMMAND_PROFILE, 1, {0}, MESSAGE_BAD_LENGTH},
    {"end with a payload", COMMAND_END, 1, {0}, MESSAGE_BAD_LENGTH},
};

static uint32_t message[64];

/* What stands in `message`, then IDENTIFY and END. Returns the first answer's status, or -1 if the
 * others are not as ever. */
static int status_of(struct link *link, size_t words)
{
    const uint32_t *answer;
    size_t count;
    words += message_seal(message + words, COMMAND_IDENTIFY, 0);
    words += message_seal(message + words, COMMAND_END, 0);
    if (link->operations->exchange(link, message, words, &answer, &count) || count < 9)
        return -1;
    const uint32_t *last = answer + count - 3, good = (uint32_t)MESSAGE_MAGIC << 16;
    struct limits limits;
    const size_t first = 3 + (answer[1] < count ? answer[1] : 0); /* word of the second answer */
    if (last[0] != (good | COMMAND_END) || count < first + 6 ||
        answer[first] != (good | COMMAND_IDENTIFY) ||
        !limits_from(answer + first + 2, answer[first + 1], &limits))
        return -1;
    return (int)(answer[0] >> 8 & 255);
}

static void check_refusals(const char *build)
{
    struct link *link;
    CHECK_EQ(
        link_open_simulator(&(struct simulator_options){.compiled = true, .build = build}, &link),
        0);
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        const struct refusal *r = &refusals[i];
        memcpy(message + 2, r->word, sizeof r->word);
        const size_t words = message_seal(message, (int)r->command, r->words);
        const int status = status_of(link, words);
        const bool unknown = r->command == COMMAND_PROFILE && strcmp(build, "tiny") == 0;
        if (r->word[0] >> 16 == RUN_TILES && strcmp(build, "tiny") == 0)
            continue; /* it knows no such flag */
        const int expected = unknown ? MESSAGE_BAD_COMMAND : (int)r->status;
        if (status != expected)
            printf("%s, build %s: status %d instead of %d\n", r->what, build, status, expected);
        CHECK_EQ(status, expected);
    }
    link->operations->close(link);
}

TEST(refused)
{
    check_refusals("tiny");
    check_refusals("sim");
}

TEST(damaged)
{
    struct link *link;
    CHECK_EQ(
        link_open_simulator(&(struct simulator_options){.compiled = true, .build = "tiny"}, &link),
        0);
    message[2] = MEMORY_GATHER;
    message[3] = message[4] = 0;
    size_t words = message_seal(message, COMMAND_LOAD, 3);
    message[words - 1] ^= 1u << 31;
    CHECK_EQ(status_of(link, words), MESSAGE_BAD_CRC);
    memset(message, 0x55, 3 * sizeof *message);
    CHECK_EQ(status_of(link, 3), MESSAGE_BAD_MAGIC);
    words = message_seal(message, COMMAND_COUNTERS, 0);
    CHECK_EQ(status_of(link, words), MESSAGE_BAD_LENGTH);
    link->operations->close(link);
}

int main(void)
{
    RUN(refused);
    RUN(damaged);
    return test_end();
}
