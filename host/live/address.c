#include "live/address.h"

#include "base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CONNECT_MS = 10000, RECEIVE_ROOM = 8 << 20 };

bool address_split(const char *text, char *host, int host_size, char *port, int port_size)
{
    const char *colon = strrchr(text, ':'), *digits = colon ? colon + 1 : text;
    int length = colon ? (int)(colon - text) : 0;
    char *end;
    const long number = strtol(digits, &end, 10);
    if (*digits < '0' || *digits > '9' || *end || number < 0 || number > 65535)
        return false;
    if (length >= 2 && text[0] == '[' && text[length - 1] == ']') {
        text++;
        length -= 2;
    } else if (colon && memchr(text, ':', (size_t)length)) {
        return false;
    }
    if (length >= host_size || snprintf(port, (size_t)port_size, "%ld", number) >= port_size)
        return false;
    memcpy(host, text, (size_t)length);
    host[length] = 0;
    return true;
}

static int parse_net(const char *text, struct address *a)
{
    const char *rest = text + strlen("tcp://");
    if (strchr(rest, ':') &&
        address_split(rest, a->host, sizeof a->host, a->port, sizeof a->port) &&
        (*a->host || a->kind == LIVE_UDP) && strcmp(a->port, "0") != 0)
        return AF_OK;
    return af_fail(AF_BAD_ARGUMENT, "%s: not tcp://HOST:PORT, udp://HOST:PORT or udp://:PORT",
                   text);
}

int address_parse(const char *text, struct address *a)
{
    struct stat st;
    *a = (struct address){.text = text};
    if (strncmp(text, "tcp://", 6) == 0 || strncmp(text, "udp://", 6) == 0) {
        a->kind = text[0] == 't' ? LIVE_TCP : LIVE_UDP;
        return parse_net(text, a);
    }
    if (strcmp(text, "-") == 0) {
        a->kind = LIVE_STDIN;
        a->text = "standard input";
        return AF_OK;
    }
    if (stat(text, &st))
        return af_fail(AF_IO, "%s: %s", text, strerror(errno));
    if (S_ISDIR(st.st_mode))
        return af_fail(AF_BAD_ARGUMENT, "%s: is a folder, not a stream of events", text);
    a->kind = S_ISREG(st.st_mode) ? LIVE_FILE : LIVE_PIPE;
    return AF_OK;
}

/* Waits for the connection; a status. */
static int finish_connect(const struct address *a, int fd, int stop_fd)
{
    struct pollfd p[2] = {{.fd = fd, .events = POLLOUT}, {.fd = stop_fd, .events = POLLIN}};
    int n, code = 0;
    socklen_t size = sizeof code;
    do
        n = poll(p, 2, CONNECT_MS);
    while (n < 0 && errno == EINTR);
    if (n > 0 && p[1].revents)
        return af_fail(AF_CANCELLED, "%s: stopped", a->text);
    if (!n)
        return af_fail(AF_IO, "%s: does not answer", a->text);
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &code, &size) || code)
        return af_fail(AF_IO, "%s: %s", a->text, strerror(code));
    return AF_OK;
}

/* A computer that is gone without a word is noticed after half a minute. */
static void keep_alive(int fd)
{
    const int one = 1, idle = 15, each = 5, count = 3;
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &each, sizeof each);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof count);
}

static int open_socket(const struct address *a, const struct addrinfo *at, int stop_fd, int *fd)
{
    const int one = 1, room = RECEIVE_ROOM;
    *fd = socket(at->ai_family, at->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (*fd < 0)
        return af_fail(AF_IO, "%s: %s", a->text, strerror(errno));
    int status = AF_OK;
    setsockopt(*fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
    if (a->kind == LIVE_UDP) {
        setsockopt(*fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
        setsockopt(*fd, SOL_SOCKET, SO_RXQ_OVFL, &one, sizeof one);
        if (bind(*fd, at->ai_addr, at->ai_addrlen))
            status = af_fail(AF_IO, "%s: %s", a->text, strerror(errno));
    } else if (connect(*fd, at->ai_addr, at->ai_addrlen)) {
        status = errno == EINPROGRESS ? finish_connect(a, *fd, stop_fd)
                                      : af_fail(AF_IO, "%s: %s", a->text, strerror(errno));
    }
    if (!status && a->kind == LIVE_TCP)
        keep_alive(*fd);
    if (status) {
        close(*fd);
        *fd = -1;
    }
    return status;
}

static int open_net(const struct address *a, int stop_fd, int *fd)
{
    struct addrinfo *all, hints = {.ai_family = AF_UNSPEC,
                                   .ai_socktype = a->kind == LIVE_UDP ? SOCK_DGRAM : SOCK_STREAM,
                                   .ai_flags = a->kind == LIVE_UDP ? AI_PASSIVE : 0};
    const int code = getaddrinfo(*a->host ? a->host : NULL, a->port, &hints, &all);
    if (code)
        return af_fail(AF_IO, "%s: %s", a->text, gai_strerror(code));
    int status = af_fail(AF_IO, "%s: no such address", a->text);
    for (const struct addrinfo *at = all; at && status && status != AF_CANCELLED; at = at->ai_next)
        status = open_socket(a, at, stop_fd, fd);
    freeaddrinfo(all);
    return status;
}

int address_open(const struct address *a, int stop_fd, int *fd)
{
    *fd = -1;
    if (a->kind == LIVE_TCP || a->kind == LIVE_UDP)
        return open_net(a, stop_fd, fd);
    *fd = a->kind == LIVE_STDIN ? dup(STDIN_FILENO)
                                : open(a->text, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    return *fd < 0 ? af_fail(AF_IO, "%s: %s", a->text, strerror(errno)) : AF_OK;
}
