#include "live/http.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <strings.h>

/* The letters of a method, a field's name. */
static bool is_token(char c)
{
    return c > ' ' && c < 127 && !strchr("()<>@,;:\\\"/[]?={}", c);
}

/* Where the line that begins at `at` ends (its LF), n if it is not whole. */
static size_t line_end(const char *b, size_t at, size_t n)
{
    const char *end = memchr(b + at, '\n', n - at);
    return end ? (size_t)(end - b) : n;
}

/* "GET /path HTTP/1.1"; a status. */
static int parse_line(const char *line, size_t n, struct http_request *r)
{
    size_t method = 0, begin, end;
    while (method < n && is_token(line[method]))
        method++;
    if (!method || method == n || line[method] != ' ')
        return 400;
    for (begin = end = method + 1; end < n && line[end] > ' ' && line[end] < 127; end++)
        ;
    if (end == begin || end == n || line[end] != ' ' || line[begin] != '/')
        return 400;
    const char *version = line + end + 1;
    const size_t left = n - end - 1;
    if (left != 8 || memcmp(version, "HTTP/", 5) != 0)
        return 400;
    if (memcmp(version + 5, "1.", 2) != 0 || (version[7] != '0' && version[7] != '1'))
        return 505;
    r->closes = version[7] == '0';
    if (method != 3 || memcmp(line, "GET", 3) != 0)
        return 405;
    const char *query = memchr(line + begin, '?', end - begin);
    const size_t length = query ? (size_t)(query - line) - begin : end - begin;
    if (length >= sizeof r->path)
        return 414;
    memcpy(r->path, line + begin, length);
    r->path[length] = 0;
    return 200;
}

static bool is_field(const char *line, size_t n, const char *name)
{
    return n == strlen(name) && strncasecmp(line, name, n) == 0;
}

/* "name:port", "[address]:port"; false if it is neither. */
static bool parse_host(const char *v, size_t n, char *host, size_t size)
{
    const char *close = n && v[0] == '[' ? memchr(v, ']', n) : NULL;
    const size_t begin = close != NULL;
    const char *colon = memchr(close ? close : v, ':', n - (close ? (size_t)(close - v) : 0));
    size_t end = close ? (size_t)(close - v) : colon ? (size_t)(colon - v) : n;
    if ((n && v[0] == '[' && !close) || end - begin >= size || (close && n > end + 1 && !colon))
        return false;
    memcpy(host, v + begin, end - begin);
    host[end - begin] = 0;
    return !memchr(host, 0, end - begin);
}

/* "Name: value"; a status. */
static int parse_field(const char *line, size_t n, struct http_request *r)
{
    size_t name = 0, begin, end = n;
    while (name < n && is_token(line[name]))
        name++;
    if (!name || name == n || line[name] != ':')
        return 400;
    for (begin = name + 1; begin < n && (line[begin] == ' ' || line[begin] == '\t'); begin++)
        ;
    while (end > begin && (line[end - 1] == ' ' || line[end - 1] == '\t'))
        end--;
    const char *v = line + begin;
    const size_t length = end - begin;
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)v[i] < ' ' && v[i] != '\t')
            return 400;
    if (is_field(line, name, "Host")) {
        if (*r->host || !parse_host(v, length, r->host, sizeof r->host))
            return 400;
    } else if (is_field(line, name, "Connection")) {
        r->closes |= length == 5 && strncasecmp(v, "close", 5) == 0;
    } else if (is_field(line, name, "Transfer-Encoding") ||
               (is_field(line, name, "Content-Length") && !(length == 1 && v[0] == '0'))) {
        return 400; /* there is nothing to say to us */
    }
    return 200;
}

size_t http_parse(const char *b, size_t n, struct http_request *r)
{
    *r = (struct http_request){.status = 0};
    size_t at = 0;
    for (int lines = 0;; lines++) {
        const size_t end = line_end(b, at, n);
        if (end == n) {
            if (n < HTTP_REQUEST_MOST)
                return 0;
            r->status = r->status > 200 ? r->status : 431;
            return n;
        }
        const size_t length = end > at && b[end - 1] == '\r' ? end - 1 - at : end - at;
        if (lines && !length)
            return end + 1;
        const int status = lines ? parse_field(b + at, length, r) : parse_line(b + at, length, r);
        if (r->status <= 200) /* the first fault is the one that is told */
            r->status = status;
        at = end + 1;
    }
}

bool http_is_loopback(const char *host)
{
    struct in_addr four;
    struct in6_addr six;
    if (strcasecmp(host, "localhost") == 0)
        return true;
    if (inet_pton(AF_INET, host, &four) == 1)
        return ntohl(four.s_addr) >> 24 == 127;
    return inet_pton(AF_INET6, host, &six) == 1 && IN6_IS_ADDR_LOOPBACK(&six);
}
