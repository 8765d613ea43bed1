/* A link carries words to an accelerator and back; it knows no models. */
#ifndef ADAFIRE_LINK_H
#define ADAFIRE_LINK_H

#include <stddef.h>
#include <stdint.h>

struct link;
struct link_operations {
    /* One exchange (hw/isa.h): sends messages that end with COMMAND_END and takes all that comes
     * back. *answer belongs to the link and stays until the next exchange. AF_TIMEOUT if the last
     * answer is missing; *answer is then what has come. */
    int (*exchange)(struct link *link, const uint32_t *word, size_t words, const uint32_t **answer,
                    size_t *answers);
    /* Clock cycles since it was opened, 0 where there are none to count. */
    uint64_t (*cycles)(const struct link *link);
    void (*close)(struct link *link);
    /* Where the machine works while the host prepares what comes next (else NULL, NULL, 0): send
     * begins an exchange, receive waits for the answer to the oldest one sent, which stays until
     * the next send. At most `ahead` exchanges may be under way. */
    int (*send)(struct link *link, const uint32_t *word, size_t words);
    int (*receive)(struct link *link, const uint32_t **answer, size_t *answers);
    int ahead;
    /* Brings the machine to where it was when the link was opened, whatever has happened, and
     * forgets what is under way; what it had loaded is lost. NULL where nothing on the way can go
     * wrong. */
    int (*reset)(struct link *link);
    /* There shall be so much memory behind the machine; what it held may be lost. AF_NO_MEMORY
     * where there is less, AF_UNSUPPORTED where the machine reaches none. NULL where there is
     * always enough. */
    int (*provide)(struct link *link, uint64_t bytes);
};
struct link {
    const struct link_operations *operations;
    double megahertz; /* of the machine's clock, 0: unknown */
};

/* Accelerators that work side by side. */
enum { MOST_LINKS = 64 };
struct links {
    struct link *link[MOST_LINKS];
    int count;
};
void links_close(struct links *links);

/* What is called with each card or board that is attached, and what is to say of it. */
typedef void link_seen(void *context, const char *name, const char *text);

#endif
