/* Where a live stream comes from, by name. */
#ifndef ADAFIRE_ADDRESS_H
#define ADAFIRE_ADDRESS_H

#include <stdbool.h>

enum live_kind {
    LIVE_TCP,   /* tcp://HOST:PORT: connects */
    LIVE_UDP,   /* udp://HOST:PORT: receives there; udp://:PORT on all addresses */
    LIVE_STDIN, /* - */
    LIVE_FILE,  /* a regular file */
    LIVE_PIPE,  /* a FIFO, a device */
};

struct address {
    const char *text; /* outlives this */
    enum live_kind kind;
    char host[256], port[8]; /* of LIVE_TCP and LIVE_UDP; "": all addresses */
};

/* AF_BAD_ARGUMENT for what is no address, AF_IO for a path where nothing is. */
int address_parse(const char *text, struct address *a);
/* HOST:PORT, [HOST]:PORT, or PORT alone (host is ""); false if it is none. */
bool address_split(const char *text, char *host, int host_size, char *port, int port_size);
/* Opens it for reading without blocking; *fd is -1 on failure. Connecting ends when stop_fd can be
 * read, with AF_CANCELLED, or after ten seconds. */
int address_open(const struct address *a, int stop_fd, int *fd);

#endif
