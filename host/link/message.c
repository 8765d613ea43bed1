#include "link/message.h"

#include "base/error.h"
#include "isa.h"

#include <zlib.h>

enum { MOST_ANSWER = 1 << 24, EVENT_WORDS = 3 };

uint32_t message_crc(const uint32_t *word, size_t count)
{
    uLong crc = crc32(0, NULL, 0);
    for (size_t i = 0; i < count; i++) {
        const Bytef bytes[4] = {(Bytef)word[i], (Bytef)(word[i] >> 8), (Bytef)(word[i] >> 16),
                                (Bytef)(word[i] >> 24)};
        crc = crc32(crc, bytes, 4);
    }
    return (uint32_t)crc;
}

size_t message_seal(uint32_t *word, int command, size_t payload)
{
    word[0] = (uint32_t)MESSAGE_MAGIC << 16 | (uint32_t)command;
    word[1] = (uint32_t)payload;
    word[2 + payload] = message_crc(word, 2 + payload);
    return payload + 3;
}

enum message_part message_part(const uint32_t *word, size_t words, size_t *length)
{
    *length = 0;
    if (!words)
        return PART_UNKNOWN;
    if (word[0] == TRACE_END) {
        *length = 1;
        return PART_TIMESTEP;
    }
    if (word[0] >> 16 == 0) {
        *length = EVENT_WORDS;
        return PART_EVENT;
    }
    if (word[0] >> 16 != MESSAGE_MAGIC)
        return PART_DAMAGED;
    if (words < 2)
        return PART_UNKNOWN;
    if (word[1] > MOST_ANSWER)
        return PART_DAMAGED;
    *length = 3 + (size_t)word[1];
    return (word[0] & 255) == COMMAND_END ? PART_LAST : PART_ANSWER;
}

static const char *status_text(uint32_t status)
{
    static const char *const texts[] = {"is well",
                                        "met words that are no message",
                                        "does not know the command",
                                        "found a wrong length",
                                        "found a wrong checksum",
                                        "was asked for what it does not have"};
    return status < sizeof texts / sizeof *texts ? texts[status] : "gives an unknown status";
}

int message_read(struct message_reader *r, uint32_t command, const uint32_t **payload,
                 size_t *words)
{
    if (r->left < 3)
        return af_fail(AF_TIMEOUT, "the accelerator stopped before it answered");
    const uint32_t head = r->word[0], length = r->word[1];
    if (head >> 16 != MESSAGE_MAGIC || length > r->left - 3 ||
        message_crc(r->word, 2 + length) != r->word[2 + length])
        return af_fail(AF_IO, "an answer of the accelerator is damaged");
    if (head >> 8 & 255)
        return af_fail(AF_IO, "the accelerator %s", status_text(head >> 8 & 255));
    if ((head & 255) != command)
        return af_fail(AF_IO, "the accelerator answers to command %u instead of %u", head & 255,
                       command);
    *payload = r->word + 2;
    *words = length;
    r->word += 3 + length;
    r->left -= 3 + length;
    return AF_OK;
}
