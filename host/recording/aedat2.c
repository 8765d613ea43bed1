/* AEDAT 2: lines of text that begin with #, then 32 bits of address and 32 bits of time in us, big
 * endian. https://docs.inivation.com/software/software-advanced-usage/file-formats/aedat-2.0.html
 *
 * The address's layout follows the chip. DVS128: bit 0 polarity, 1 to 7 x, 8 to 14 y, 15 an
 * external event. DAVIS: bit 11 polarity, 12 to 21 x, 22 to 30 y, 10 an external event, 31 a sample
 * of a picture or of the inertial unit. Polarity and direction of x and y are the bits'; jAER shows
 * x from the other side, of the DVS128 also polarity (1 - p), of the DAVIS y. */
#include "recording/aedat.h"

#include "base/error.h"

#include <stdio.h>
#include <string.h>

enum { EVENT = 8, LINE = 256 };

struct aedat2 {
    struct recording base;
    bool davis;
    int64_t turns; /* of 32 bits of time, in us */
    int32_t last;
};

static int64_t take_time(struct aedat2 *r, uint32_t bits)
{
    const int32_t t = (int32_t)bits;
    const int64_t turn = (int64_t)1 << 32;
    if ((int64_t)t - r->last < -turn / 2)
        r->turns += turn;
    r->last = t;
    return r->turns + t;
}

static int next_aedat2(struct recording *base, struct af_camera_event *out, int room, int *count)
{
    struct aedat2 *r = (struct aedat2 *)base;
    struct bytes *b = &base->bytes;
    int n = 0;
    while (n < room && reader_waits(base, n)) {
        int status = bytes_fill(b, EVENT);
        if (status)
            return status;
        const unsigned char *p = bytes_here(b);
        const size_t there = bytes_left(b) / EVENT;
        size_t i = 0;
        if (!there) {
            reader_ends(base);
            break;
        }
        for (; i < there && n < room; i++, p += EVENT) {
            const uint32_t a = get_u32_big(p), t = get_u32_big(p + 4);
            if (r->davis && !(a & (1u << 31 | 1u << 10)))
                out[n++] = (struct af_camera_event){(uint16_t)(a >> 12 & 0x3ff),
                                                    (uint16_t)(a >> 22 & 0x1ff), a >> 11 & 1,
                                                    take_time(r, t)};
            else if (!r->davis && !(a & 1u << 15))
                out[n++] = (struct af_camera_event){
                    (uint16_t)(a >> 1 & 0x7f), (uint16_t)(a >> 8 & 0x7f), a & 1, take_time(r, t)};
        }
        bytes_use(b, i * EVENT);
    }
    *count = n;
    return AF_OK;
}

static const struct reader_ops aedat2_ops = {.next = next_aedat2};

static bool is_aedat2(const struct head *h)
{
    return aedat_is(h, '2');
}

/* No address of a DVS128 has a bit above the sixteenth. */
static bool has_wide_addresses(const struct bytes *b)
{
    const unsigned char *p = bytes_here(b);
    for (size_t i = 0; i < bytes_left(b) / EVENT; i++)
        if (get_u32_big(p + i * EVENT) >> 16)
            return true;
    return false;
}

/* Goes past the header; *chip gets the chip's name, if it is there. */
static int read_header(struct bytes *b, char *chip, size_t size)
{
    char line[LINE];
    bool taken, preferences = false;
    *chip = 0;
    for (;;) {
        int status = bytes_line(b, '#', line, sizeof line, &taken);
        if (status || !taken)
            return status;
        const char *name = strstr(line, "AEChip: ");
        if (name && !preferences && !*chip)
            snprintf(chip, size, "%s", name + strlen("AEChip: "));
        preferences |= strncmp(line, "#Start of Preferences", 21) == 0;
        if (strncmp(line, "#!END-HEADER", 12) == 0 ||
            strncmp(line, "#End Of ASCII Header", 20) == 0)
            return AF_OK;
    }
}

static int open_aedat2(struct recording **r, const char *path, struct bytes *bytes)
{
    struct aedat2 *made = reader_make(sizeof *made, &aedat2_ops, path, bytes);
    char chip[LINE];
    *r = NULL;
    if (!made)
        return AF_NO_MEMORY;
    struct recording_about *about = &made->base.about;
    struct bytes *b = &made->base.bytes;
    int status = read_header(b, chip, sizeof chip);
    if (!status)
        status = bytes_fill(b, EVENT);
    if (!status && !aedat_chip(chip, &about->width, &about->height, &made->davis)) {
        made->davis = has_wide_addresses(b);
        aedat_chip(made->davis ? "davis" : "dvs128", &about->width, &about->height, &made->davis);
        if (*chip)
            status = reader_note(&made->base, "the chip %.100s is taken for a %s by its addresses",
                                 chip, made->davis ? "DAVIS240" : "DVS128");
    }
    if (status) {
        recording_close(&made->base);
        return status;
    }
    snprintf(about->format, sizeof about->format, "AEDAT 2, %s", made->davis ? "DAVIS" : "DVS128");
    *r = &made->base;
    return AF_OK;
}

const struct format aedat2_format = {is_aedat2, open_aedat2};
