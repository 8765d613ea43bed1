/* A link carries words to an accelerator and back; it knows no models. */
#ifndef ADAFIRE_LINK_H
#define ADAFIRE_LINK_H

#include <stddef.h>
#include <stdint.h>

struct link;
struct link_operations {
    /* One exchange (hw/isa.h): sends messages that end with COMMAND_END and takes all that comes
     * back. *answer belongs to the link and stays until the next exchange. AF_TIMEOUT if the last
     * answer is missing. */
    int (*exchange)(struct link *link, const uint32_t *word, size_t words, const uint32_t **answer,
                    size_t *answers);
    /* Clock cycles since it was opened, 0 where there are none to count. */
    uint64_t (*cycles)(const struct link *link);
    void (*close)(struct link *link);
};
struct link {
    const struct link_operations *operations;
};

/* The accelerator's HLS-C, compiled for this computer. build: NULL for the default. AF_NO_DEVICE
 * names the builds there are. */
int link_open_csim(const char *build, struct link **link);
/* The same source as hardware, clocked by Verilator in this process. */
int link_open_sim(const char *build, struct link **link);

#endif
