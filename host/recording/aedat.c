#include "recording/aedat.h"

#include <string.h>

bool aedat_is(const struct head *h, char version)
{
    static const char mark[] = "#!AER-DAT";
    const size_t n = sizeof mark - 1;
    return h->n > n && memcmp(h->b, mark, n) == 0 && h->b[n] == (unsigned char)version;
}

/* Sizes: https://docs.inivation.com/hardware/current-products/ and the chips' papers. Parts of
 * longer names stand behind them. */
bool aedat_chip(const char *name, int *width, int *height, bool *davis)
{
    static const struct {
        const char *part;
        int width, height;
        bool davis;
    } chips[] = {
        {"davis240", 240, 180, true},    {"davis346", 346, 260, true},
        {"davis640", 640, 480, true},    {"davis128", 128, 128, true},
        {"davis208", 208, 192, true},    {"davishet640", 640, 480, true},
        {"davisrgb640", 640, 480, true}, {"sbret10", 240, 180, true},
        {"dvs128", 128, 128, false},     {"tmpdiff128", 128, 128, false},
        {"davis", 240, 180, true},
    };
    for (size_t i = 0; i < sizeof chips / sizeof *chips; i++)
        if (strcasestr(name, chips[i].part)) {
            *width = chips[i].width;
            *height = chips[i].height;
            *davis = chips[i].davis;
            return true;
        }
    return false;
}
