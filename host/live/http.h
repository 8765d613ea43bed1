/* Requests of HTTP/1.1, as far as a page that can only be looked at needs them (RFC 9112). */
#ifndef ADAFIRE_HTTP_H
#define ADAFIRE_HTTP_H

#include <stdbool.h>
#include <stddef.h>

enum { HTTP_REQUEST_MOST = 8192, HTTP_PATH_MOST = 64 };

struct http_request {
    int status;                /* 200, or what is wrong: 400, 405, 414, 431, 505 */
    char path[HTTP_PATH_MOST]; /* without what stands behind '?' */
    char host[256];            /* the Host field, without its port; "": there is none */
    bool closes;               /* the client wants no more of this connection */
};

/* A request's head at the beginning of n bytes: its length, or 0 as long as it is not whole. What
 * can never be one has a length, too, and its status. */
size_t http_parse(const char *bytes, size_t n, struct http_request *r);
/* Whether the name can only mean this computer: localhost or an address of loopback. */
bool http_is_loopback(const char *host);

#endif
