/* A server for one page, for people to look at a run: it gives the page and its messages as they
 * come (server-sent events), and takes nothing. Only GET of its own paths is answered; a client
 * that does not keep up misses messages, and nobody waits for it. Bound to loopback unless told
 * otherwise, and then only requests that name this computer are answered, so that no page from
 * elsewhere reads it under another name. */
#ifndef ADAFIRE_LIVE_PAGE_H
#define ADAFIRE_LIVE_PAGE_H

#include <stddef.h>

enum { PAGE_CLIENTS = 32, PAGE_MESSAGE_MOST = 1 << 20 };

struct page;

/* Listens on PORT, HOST:PORT or [HOST]:PORT; port 0 is any. `first` (a line) is the first message
 * of every client. *port gets the port. AF_BAD_ARGUMENT, AF_IO. */
int page_open(struct page **made, const char *where, const char *first, int *port);
/* A message (a line of text) to all clients; the one before is forgotten where it was not sent. */
void page_publish(struct page *p, const char *text, size_t size);
/* How many look on now. */
int page_clients(struct page *p);
void page_close(struct page *p); /* NULL is fine */

#endif
