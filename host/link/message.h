/* Messages to and from an accelerator (hw/isa.h): sealed, and taken apart. */
#ifndef ADAFIRE_MESSAGE_H
#define ADAFIRE_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

uint32_t message_crc(const uint32_t *word, size_t count);
/* A message around a payload that stands at word[2]: fills in the rest; returns its words. */
size_t message_seal(uint32_t *word, int command, size_t payload);

/* What stands at the beginning of words that an accelerator has sent. */
enum message_part {
    PART_UNKNOWN, /* more words are needed to tell */
    PART_ANSWER,
    PART_LAST,     /* the answer to COMMAND_END */
    PART_EVENT,    /* of a trace */
    PART_TIMESTEP, /* the end of one in a trace */
    PART_DAMAGED
};
/* *length: its words, of which fewer may have come; 0 if it is unknown or damaged. */
enum message_part message_part(const uint32_t *word, size_t words, size_t *length);

/* Answers, one after the other. */
struct message_reader {
    const uint32_t *word;
    size_t left;
};
/* The next one, which must be to `command`; *payload are its words. AF_TIMEOUT if it is not there,
 * AF_IO if it is damaged or the accelerator complains. */
int message_read(struct message_reader *r, uint32_t command, const uint32_t **payload,
                 size_t *words);

#endif
