#include "link/xclbin.h"

#include "base/error.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { MOST_SECTIONS = 256, MOST_IPS = 1024 };

static bool read_at(FILE *f, uint64_t offset, void *bytes, size_t n)
{
    return offset <= INT64_MAX && fseeko(f, (off_t)offset, SEEK_SET) == 0 &&
           fread(bytes, 1, n, f) == n;
}

/* "kernel:unit" becomes "kernel:{unit}". */
static void add_unit(struct xclbin *x, const char *name)
{
    const char *unit = name + strlen(XCLBIN_KERNEL) + 1;
    if (x->units < XCLBIN_MOST_UNITS)
        snprintf(x->unit[x->units++], sizeof x->unit[0], XCLBIN_KERNEL ":{%s}", unit);
    else
        x->further++;
}

static int read_units(FILE *f, const char *path, const struct xclbin_section *s, struct xclbin *x)
{
    int32_t count = 0;
    char other[65] = "";
    if (!read_at(f, s->offset, &count, sizeof count) || count < 0 || count > MOST_IPS)
        return af_fail(AF_BAD_FILE, "%s: is cut off or damaged", path);
    for (int i = 0; i < count; i++) {
        struct xclbin_ip ip;
        char name[sizeof ip.name + 1] = "";
        if (!read_at(f, s->offset + 8 + (uint64_t)i * sizeof ip, &ip, sizeof ip))
            return af_fail(AF_BAD_FILE, "%s: is cut off or damaged", path);
        if (ip.type != XCLBIN_IP_KERNEL)
            continue;
        memcpy(name, ip.name, sizeof ip.name);
        if (strncmp(name, XCLBIN_KERNEL ":", strlen(XCLBIN_KERNEL ":")) == 0)
            add_unit(x, name);
        else if (!*other)
            snprintf(other, sizeof other, "%.*s", (int)strcspn(name, ":"), name);
    }
    if (!x->units)
        return af_fail(AF_BAD_FILE, "%s: holds %s%s%s instead of " XCLBIN_KERNEL, path,
                       *other ? "the kernel '" : "no kernel", other, *other ? "'" : "");
    return AF_OK;
}

int xclbin_read(const char *path, struct xclbin *x)
{
    struct xclbin_file head;
    struct xclbin_section section;
    *x = (struct xclbin){0};
    FILE *f = fopen(path, "rb");
    if (!f)
        return af_fail(AF_IO, "%s: %s", path, strerror(errno));
    int status = AF_OK;
    bool found = false;
    if (!read_at(f, 0, &head, sizeof head) || memcmp(head.magic, XCLBIN_MAGIC, 8) != 0)
        status = af_fail(AF_BAD_FILE, "%s: is no xclbin", path);
    else if (head.sections > MOST_SECTIONS || fseeko(f, 0, SEEK_END) ||
             (uint64_t)ftello(f) < head.length)
        status = af_fail(AF_BAD_FILE, "%s: is cut off or damaged", path);
    for (uint32_t i = 0; i < head.sections && !status && !found; i++) {
        if (!read_at(f, sizeof head + i * sizeof section, &section, sizeof section))
            status = af_fail(AF_BAD_FILE, "%s: is cut off or damaged", path);
        else
            found = section.kind == XCLBIN_IP_LAYOUT;
    }
    if (!status) {
        x->mode = (enum xclbin_mode)head.mode;
        memcpy(x->platform, head.platform, sizeof head.platform);
        status = found ? read_units(f, path, &section, x)
                       : af_fail(AF_BAD_FILE, "%s: holds no kernel", path);
    }
    fclose(f);
    return status;
}
