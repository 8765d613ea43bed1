/* Transfers of any bytes from a USB board: the first byte says of which kind and what packets, each
 * transfer begins with its length. */
#include "adafire.h"
#include "link/usb_stream.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    if (!n)
        return 0;
    struct usb_stream s = {.tagged = data[0] & 1};
    const size_t packet = (size_t)8 << (data[0] >> 1 & 7);
    int status = AF_OK;
    for (size_t at = 1, whole; at < n && !status;) {
        size_t length = data[at++];
        length = length < n - at ? length : n - at;
        status = usb_stream_take(&s, data + at, length, packet);
        at += length;
        if (!status)
            status = usb_stream_exchange(&s, &whole);
        if (status)
            break;
        if (whole > s.words || s.words > n / 4 || s.room > USB_ROOM_BYTES * (uint64_t)n)
            abort();
        usb_stream_drop(&s, whole);
    }
    usb_stream_free(&s);
    return 0;
}
