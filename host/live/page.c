#include "live/page.h"

#include "base/clock.h"
#include "base/error.h"
#include "live/address.h"
#include "live/http.h"
#include "live/page_text.h"

#include <errno.h>
#include <math.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define REQUEST_FOR 10.0 /* s that a request may take, and an idle client stay */
#define STALLED_FOR 30.0 /* s that a client may take nothing */

struct client {
    int fd; /* -1: free */
    char in[HTTP_REQUEST_MOST];
    size_t in_count;
    char *out; /* what is on its way */
    size_t out_at, out_count, out_room;
    bool streams, closes; /* listens to messages; is closed after what is on its way */
    int64_t seen;         /* the last message's number */
    double since;         /* when it last moved */
};

struct page {
    int listener, wake;
    bool loopback;
    char *first;
    pthread_t thread;
    pthread_mutex_t lock;
    char *message; /* the last one */
    size_t size, room;
    int64_t number;
    bool ends;
    atomic_int looking;
    struct client client[PAGE_CLIENTS];
};

/* ---- Clients --------------------------------------------------------------------------------- */

static void drop(struct client *c)
{
    if (c->fd >= 0)
        close(c->fd);
    free(c->out);
    *c = (struct client){.fd = -1};
}

/* Adds to what is on its way; a client whose memory is not to be had goes. */
static void put(struct client *c, const char *bytes, size_t size)
{
    if (c->out_at == c->out_count)
        c->out_at = c->out_count = 0;
    if (c->out_count + size > c->out_room) {
        char *grown = realloc(c->out, c->out_count + size);
        if (!grown) {
            drop(c);
            return;
        }
        c->out = grown;
        c->out_room = c->out_count + size;
    }
    memcpy(c->out + c->out_count, bytes, size);
    c->out_count += size;
}

static void flush(struct client *c)
{
    while (c->fd >= 0 && c->out_at < c->out_count) {
        const ssize_t n =
            send(c->fd, c->out + c->out_at, c->out_count - c->out_at, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno != EAGAIN)
            drop(c);
        if (n <= 0)
            return;
        c->out_at += (size_t)n;
        c->since = seconds();
    }
    if (c->fd >= 0 && c->closes)
        drop(c);
}

/* ---- Answers --------------------------------------------------------------------------------- */

/* Nothing but what comes from here is shown, run or asked for. */
#define SAFE                                                                                       \
    "Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; "           \
    "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; "                     \
    "frame-ancestors 'none'\r\n"                                                                   \
    "X-Content-Type-Options: nosniff\r\n"                                                          \
    "Referrer-Policy: no-referrer\r\n"                                                             \
    "Cross-Origin-Resource-Policy: same-origin\r\n"                                                \
    "Cache-Control: no-store\r\n"

static const char *reason(int status)
{
    return status == 200   ? "OK"
           : status == 400 ? "Bad Request"
           : status == 403 ? "Forbidden"
           : status == 404 ? "Not Found"
           : status == 405 ? "Method Not Allowed"
           : status == 414 ? "URI Too Long"
           : status == 431 ? "Request Header Fields Too Large"
           : status == 503 ? "Service Unavailable"
                           : "HTTP Version Not Supported";
}

static void answer(struct client *c, int status, const char *type, const char *body, bool closes)
{
    char head[1024];
    const int n = snprintf(head, sizeof head,
                           "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n%s%s"
                           "Connection: %s\r\n\r\n",
                           status, reason(status), type, strlen(body), SAFE,
                           status == 405 ? "Allow: GET\r\n" : "", closes ? "close" : "keep-alive");
    c->closes = closes;
    put(c, head, (size_t)n);
    if (c->fd >= 0)
        put(c, body, strlen(body));
}

static void put_message(struct client *c, const char *text, size_t size)
{
    put(c, "data: ", 6);
    if (c->fd >= 0)
        put(c, text, size);
    if (c->fd >= 0)
        put(c, "\n\n", 2);
}

static void begin_stream(struct page *p, struct client *c)
{
    static const char head[] = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n" SAFE
                               "Connection: close\r\n\r\nretry: 1000\n\n";
    const int small = 1 << 17;
    /* What a client did not take yet is old: little of it is kept. */
    setsockopt(c->fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    put(c, head, sizeof head - 1);
    if (c->fd < 0)
        return;
    c->streams = true;
    put_message(c, p->first, strlen(p->first));
}

static void handle(struct page *p, struct client *c, const struct http_request *r)
{
    if (r->status != 200)
        answer(c, r->status, "text/plain", "", true);
    else if (p->loopback && !http_is_loopback(r->host))
        answer(c, 403, "text/plain", "This page is for this computer.\n", true);
    else if (strcmp(r->path, "/") == 0)
        answer(c, 200, "text/html; charset=utf-8", page_html, r->closes);
    else if (strcmp(r->path, "/live.css") == 0)
        answer(c, 200, "text/css; charset=utf-8", page_css, r->closes);
    else if (strcmp(r->path, "/live.js") == 0)
        answer(c, 200, "text/javascript; charset=utf-8", page_js, r->closes);
    else if (strcmp(r->path, "/events") == 0)
        begin_stream(p, c);
    else
        answer(c, 404, "text/plain", "There is no such thing here.\n", r->closes);
}

static void hear(struct page *p, struct client *c)
{
    const ssize_t n = recv(c->fd, c->in + c->in_count, sizeof c->in - c->in_count, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        drop(c);
        return;
    }
    if (c->streams || c->closes) /* it has nothing to say any more */
        return;
    c->in_count += (size_t)n;
    struct http_request r;
    size_t used;
    while (c->fd >= 0 && !c->streams && !c->closes && c->in_count &&
           (used = http_parse(c->in, c->in_count, &r)) > 0) {
        memmove(c->in, c->in + used, c->in_count - used);
        c->in_count -= used;
        c->since = seconds();
        handle(p, c, &r);
        flush(c);
        if (c->out_at < c->out_count)
            break; /* what it asks for next is answered when it has taken this */
    }
}

static void welcome(struct page *p)
{
    const int fd = accept4(p->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC), one = 1;
    if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOMEM))
        usleep(10000); /* it is still there, and asks again at once */
    if (fd < 0)
        return;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    for (int i = 0; i < PAGE_CLIENTS; i++)
        if (p->client[i].fd < 0) {
            p->client[i] = (struct client){.fd = fd, .since = seconds()};
            return;
        }
    static const char full[] = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n"
                               "Connection: close\r\n\r\n";
    send(fd, full, sizeof full - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
    close(fd);
}

/* The last message to those that have taken all before it. */
static void spread(struct page *p)
{
    pthread_mutex_lock(&p->lock);
    for (int i = 0; i < PAGE_CLIENTS && p->number; i++) {
        struct client *c = &p->client[i];
        if (c->fd < 0 || !c->streams || c->seen == p->number || c->out_at < c->out_count)
            continue;
        c->seen = p->number;
        c->since = seconds();
        put_message(c, p->message, p->size);
    }
    pthread_mutex_unlock(&p->lock);
}

/* How many of them look on. */
static int flush_all(struct page *p)
{
    int looking = 0;
    for (int i = 0; i < PAGE_CLIENTS; i++) {
        struct client *c = &p->client[i];
        flush(c);
        looking += c->fd >= 0 && c->streams;
    }
    return looking;
}

static void tidy(struct page *p)
{
    const double now = seconds();
    for (int i = 0; i < PAGE_CLIENTS; i++) {
        struct client *c = &p->client[i];
        const bool waits = c->out_at < c->out_count;
        if (c->fd >= 0 && now - c->since > (waits ? STALLED_FOR : REQUEST_FOR) &&
            (waits || !c->streams))
            drop(c);
    }
}

static void *serve(void *context)
{
    struct page *p = context;
    struct pollfd poll_for[PAGE_CLIENTS + 2];
    for (;;) {
        poll_for[0] = (struct pollfd){.fd = p->wake, .events = POLLIN};
        poll_for[1] = (struct pollfd){.fd = p->listener, .events = POLLIN};
        for (int i = 0; i < PAGE_CLIENTS; i++) {
            const struct client *c = &p->client[i];
            const bool waits = c->out_at < c->out_count;
            poll_for[i + 2] = (struct pollfd){
                .fd = c->fd,
                .events = (short)((waits ? POLLOUT : 0) | (!waits || c->streams ? POLLIN : 0))};
        }
        if (poll(poll_for, PAGE_CLIENTS + 2, 1000) < 0 && errno != EINTR)
            break;
        eventfd_t woken;
        if (poll_for[0].revents)
            eventfd_read(p->wake, &woken);
        pthread_mutex_lock(&p->lock);
        const bool ends = p->ends;
        pthread_mutex_unlock(&p->lock);
        if (ends)
            break;
        for (int i = 0; i < PAGE_CLIENTS; i++) {
            struct client *c = &p->client[i];
            const short what = poll_for[i + 2].revents;
            if (c->fd >= 0 && what & (POLLIN | POLLHUP | POLLERR))
                hear(p, c);
        }
        /* Who has taken all of a message is ready for another one at once. */
        flush_all(p);
        spread(p);
        p->looking = flush_all(p);
        if (poll_for[1].revents)
            welcome(p);
        tidy(p);
    }
    return NULL;
}

/* ---- Opening --------------------------------------------------------------------------------- */

static bool is_loopback(const struct addrinfo *a)
{
    if (a->ai_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, a->ai_addr, sizeof in);
        return ntohl(in.sin_addr.s_addr) >> 24 == 127;
    }
    struct sockaddr_in6 in;
    memcpy(&in, a->ai_addr, sizeof in);
    return a->ai_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&in.sin6_addr);
}

static int listen_at(struct page *p, const char *where, int *port)
{
    char host[256], digits[8];
    struct addrinfo *a, hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    const int one = 1;
    if (!address_split(where, host, sizeof host, digits, sizeof digits))
        return af_fail(AF_BAD_ARGUMENT, "--view must be PORT, HOST:PORT or [HOST]:PORT, not '%s'",
                       where);
    const int code = getaddrinfo(*host ? host : "127.0.0.1", digits, &hints, &a);
    if (code)
        return af_fail(AF_IO, "--view %s: %s", where, gai_strerror(code));
    p->loopback = is_loopback(a);
    p->listener = socket(a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (p->listener >= 0)
        setsockopt(p->listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    struct sockaddr_storage bound;
    socklen_t size = sizeof bound;
    int status = AF_OK;
    if (p->listener < 0 || bind(p->listener, a->ai_addr, a->ai_addrlen) ||
        listen(p->listener, PAGE_CLIENTS) ||
        getsockname(p->listener, (struct sockaddr *)&bound, &size))
        status = af_fail(AF_IO, "--view %s: %s", where, strerror(errno));
    else if (getnameinfo((struct sockaddr *)&bound, size, NULL, 0, digits, sizeof digits,
                         NI_NUMERICSERV) == 0)
        *port = (int)strtol(digits, NULL, 10);
    freeaddrinfo(a);
    return status;
}

int page_open(struct page **made, const char *where, const char *first, int *port)
{
    struct page *p = calloc(1, sizeof *p);
    *made = NULL;
    *port = 0;
    if (!p)
        return af_fail(AF_NO_MEMORY, "no memory for a page");
    for (int i = 0; i < PAGE_CLIENTS; i++)
        p->client[i].fd = -1;
    p->listener = -1;
    p->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    pthread_mutex_init(&p->lock, NULL);
    p->first = strdup(first);
    int status = p->first ? AF_OK : af_fail(AF_NO_MEMORY, "no memory for a page");
    if (!status && p->wake < 0)
        status = af_fail(AF_IO, "no event descriptor: %s", strerror(errno));
    if (!status)
        status = listen_at(p, where, port);
    const int code = status ? 0 : pthread_create(&p->thread, NULL, serve, p);
    if (code)
        status = af_fail(AF_NO_MEMORY, "no thread: %s", strerror(code));
    if (status) {
        p->ends = true; /* there is no thread to wait for */
        page_close(p);
    } else {
        *made = p;
    }
    return status;
}

void page_publish(struct page *p, const char *text, size_t size)
{
    if (size > PAGE_MESSAGE_MOST)
        return;
    pthread_mutex_lock(&p->lock);
    char *room = size > p->room ? realloc(p->message, size) : p->message;
    if (room) {
        p->message = room;
        p->room = size > p->room ? size : p->room;
        memcpy(room, text, size);
        p->size = size;
        p->number++;
    }
    pthread_mutex_unlock(&p->lock);
    eventfd_write(p->wake, 1);
}

int page_clients(struct page *p)
{
    return p->looking;
}

void page_close(struct page *p)
{
    if (!p)
        return;
    pthread_mutex_lock(&p->lock);
    const bool runs = !p->ends;
    p->ends = true;
    pthread_mutex_unlock(&p->lock);
    if (runs) {
        eventfd_write(p->wake, 1);
        pthread_join(p->thread, NULL);
    }
    for (int i = 0; i < PAGE_CLIENTS; i++)
        drop(&p->client[i]);
    if (p->listener >= 0)
        close(p->listener);
    if (p->wake >= 0)
        close(p->wake);
    pthread_mutex_destroy(&p->lock);
    free(p->message);
    free(p->first);
    free(p);
}
