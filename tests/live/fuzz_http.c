/* Requests of any bytes, as they come: what a part of them is taken for does not change with more.
 */
#include "live/address.h"
#include "live/http.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const size_t n = size < HTTP_REQUEST_MOST ? size : HTTP_REQUEST_MOST;
    struct http_request r, again;
    char *copy = malloc(n + 1);
    if (!copy)
        abort();
    memcpy(copy, data, n);
    const size_t used = http_parse(copy, n, &r);
    if (used > n || (used && r.status < 200) || (n == HTTP_REQUEST_MOST && !used))
        abort();
    if (used && r.status == 200 && (r.path[0] != '/' || strchr(r.path, '?')))
        abort();
    if (memchr(r.path, 0, sizeof r.path) == NULL || memchr(r.host, 0, sizeof r.host) == NULL)
        abort();
    if (used && n < HTTP_REQUEST_MOST) {
        if (used > 1 && http_parse(copy, used - 1, &again) != 0)
            abort();
        if (http_parse(copy, used, &again) != used || again.status != r.status ||
            strcmp(again.path, r.path) != 0 || strcmp(again.host, r.host) != 0)
            abort();
    }
    http_is_loopback(r.host);
    /* The words of --view are no different. */
    char host[64], port[8];
    copy[n] = 0;
    address_split(copy, host, sizeof host, port, sizeof port);
    free(copy);
    return 0;
}
