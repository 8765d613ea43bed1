#include "link/usb_board.h"

#include "base/error.h"
#include "link/link.h"

#include <ctype.h>
#include <libusb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_PORTS = 8 };

/* What the kernel says of an attached device; no permission is needed for that. */
struct attached {
    libusb_device *device;
    uint16_t vendor, product_id;
    char path[40], serial[64], product[160]; /* product: with its maker before it */
};

static void read_property(const char *path, const char *name, char *to, size_t size)
{
    char file[120];
    snprintf(file, sizeof file, "/sys/bus/usb/devices/%s/%s", path, name);
    FILE *f = fopen(file, "r");
    to[0] = 0;
    if (!f)
        return;
    if (!fgets(to, (int)size, f))
        to[0] = 0;
    fclose(f);
    to[strcspn(to, "\r\n")] = 0;
    for (char *c = to; *c; c++)
        if (!isprint((unsigned char)*c))
            *c = '?';
}

static bool look_at(libusb_device *device, struct attached *a)
{
    struct libusb_device_descriptor d;
    uint8_t port[MOST_PORTS];
    char maker[64], product[64];
    if (libusb_get_device_descriptor(device, &d))
        return false;
    *a = (struct attached){.device = device, .vendor = d.idVendor, .product_id = d.idProduct};
    const int ports = libusb_get_port_numbers(device, port, MOST_PORTS);
    int n = snprintf(a->path, sizeof a->path, "%d", libusb_get_bus_number(device));
    for (int i = 0; i < ports; i++)
        n += snprintf(a->path + n, sizeof a->path - (size_t)n, "%c%d", i ? '.' : '-', port[i]);
    read_property(a->path, "serial", a->serial, sizeof a->serial);
    read_property(a->path, "manufacturer", maker, sizeof maker);
    read_property(a->path, "product", product, sizeof product);
    snprintf(a->product, sizeof a->product, "%s%s%s", maker, *maker && *product ? " " : "",
             product);
    return true;
}

/* Devices by bus and port, so that a message lists them in the same order each time. */
static int by_place(const void *a, const void *b)
{
    libusb_device *first = *(libusb_device *const *)a, *second = *(libusb_device *const *)b;
    uint8_t port[2][MOST_PORTS] = {0};
    const int bus = libusb_get_bus_number(first) - libusb_get_bus_number(second);
    if (bus)
        return bus;
    libusb_get_port_numbers(first, port[0], MOST_PORTS);
    libusb_get_port_numbers(second, port[1], MOST_PORTS);
    return memcmp(port[0], port[1], MOST_PORTS);
}

static bool is_of_row(const struct usb_board *b, const struct attached *a)
{
    return b->vendor == a->vendor && (!b->product_id || b->product_id == a->product_id) &&
           (!b->product || strstr(a->product, b->product));
}

/* Reads [VID:PID][:][rest]. */
static const char *read_which(const char *which, unsigned *vendor, unsigned *product_id)
{
    int end = 0;
    if (!which)
        return NULL;
    if (sscanf(which, "%4x:%4x%n", vendor, product_id, &end) < 2 || end != 9 ||
        (which[end] && which[end] != ':')) {
        *vendor = *product_id = 0;
        return *which ? which : NULL;
    }
    return which[end] && which[end + 1] ? which + end + 1 : NULL;
}

struct choice {
    const struct usb_board *board;
    unsigned vendor, product_id;
    const char *rest; /* a path or serial number, or NULL */
    struct attached found;
    int count;
    char all[200]; /* their names, for a message */
};

static void consider(struct choice *c, const struct attached *a)
{
    const bool right = c->vendor ? c->vendor == a->vendor && c->product_id == a->product_id
                                 : is_of_row(c->board, a);
    if (!right || (c->rest && strcmp(c->rest, a->path) != 0 && strcmp(c->rest, a->serial) != 0))
        return;
    const size_t n = strlen(c->all);
    snprintf(c->all + n, sizeof c->all - n, "%s%s:%s", n ? ", " : "", c->board->name, a->path);
    if (c->count++ == 0)
        c->found = *a;
}

/* Why a device cannot be opened. */
static int refuse(const char *shown, int code)
{
    if (code == LIBUSB_ERROR_ACCESS)
        return af_fail(AF_NO_DEVICE,
                       "%s is there, but you may not open it; `make install` brings the udev rule "
                       "for it, or `sudo cp host/link/70-adafire.rules /etc/udev/rules.d/`, then "
                       "`sudo udevadm control --reload && sudo udevadm trigger`",
                       shown);
    return af_fail(AF_NO_DEVICE, "%s cannot be opened: %s", shown, libusb_strerror(code));
}

static int nothing_found(const struct choice *c)
{
    char name[40];
    if (c->vendor)
        snprintf(name, sizeof name, "device %04x:%04x", c->vendor, c->product_id);
    else
        snprintf(name, sizeof name, "%s", c->board->name);
    return af_fail(AF_NO_DEVICE,
                   "no %s%s%.60s is attached; `adafire-host --board list` shows what is", name,
                   c->rest ? " at " : "", c->rest ? c->rest : "");
}

/* Looks through the list for the one board that is meant. */
static int choose(const struct usb_board *board, const char *which, libusb_device **devices,
                  ssize_t count, struct choice *c)
{
    *c = (struct choice){.board = board};
    c->rest = read_which(which, &c->vendor, &c->product_id);
    qsort(devices, (size_t)count, sizeof(libusb_device *), by_place);
    for (ssize_t i = 0; i < count; i++) {
        struct attached a;
        if (look_at(devices[i], &a))
            consider(c, &a);
    }
    if (!c->count)
        return nothing_found(c);
    return c->count > 1 ? af_fail(AF_NO_DEVICE, "there are %d: %s; say which", c->count, c->all)
                        : AF_OK;
}

int usb_board_open(struct libusb_context *context, const struct usb_board *board, const char *which,
                   struct libusb_device_handle **handle, char shown[64])
{
    struct choice c;
    libusb_device **devices;
    *handle = NULL;
    const ssize_t count = libusb_get_device_list(context, &devices);
    if (count < 0)
        return af_fail(AF_NO_DEVICE, "USB devices cannot be listed: %s",
                       libusb_strerror((int)count));
    int status = choose(board, which, devices, count, &c);
    snprintf(shown, 64, "%s:%s", board->name, c.found.path);
    const int code = status ? 0 : libusb_open(c.found.device, handle);
    if (code)
        status = refuse(shown, code);
    libusb_free_device_list(devices, 1);
    return status;
}

int usb_board_find(const struct usb_board *board, const char *which, struct usb_place *place)
{
    struct choice c;
    libusb_context *usb;
    libusb_device **devices;
    *place = (struct usb_place){0};
    const int code = libusb_init(&usb);
    if (code)
        return af_fail(AF_NO_DEVICE, "libusb does not start: %s", libusb_strerror(code));
    const ssize_t count = libusb_get_device_list(usb, &devices);
    int status = choose(board, which, devices, count, &c);
    if (!status) {
        place->bus = libusb_get_bus_number(c.found.device);
        place->device = libusb_get_device_address(c.found.device);
        snprintf(place->shown, sizeof place->shown, "%s:%s", board->name, c.found.path);
    }
    if (count >= 0)
        libusb_free_device_list(devices, 1);
    libusb_exit(usb);
    return status;
}

/* ---- What is attached --------------------------------------------------------------------------
 */

static void list_one(const struct usb_board *b, const struct attached *a, link_seen *each,
                     void *context)
{
    libusb_device_handle *handle;
    char shown[64], text[1200];
    snprintf(shown, sizeof shown, "%s:%s", b->name, a->path);
    int code = libusb_open(a->device, &handle);
    if (!code)
        libusb_close(handle);
    snprintf(text, sizeof text, "%04x:%04x %s, serial number %s: %s", a->vendor, a->product_id,
             *a->product ? a->product : "of no name", *a->serial ? a->serial : "none",
             code ? (refuse(shown, code), af_error()) : "can be opened");
    each(context, shown, text);
}

int usb_boards_attached(const struct usb_board *boards, int count, link_seen *each, void *context)
{
    libusb_context *usb;
    libusb_device **devices;
    int code = libusb_init(&usb);
    if (code)
        return af_fail(AF_NO_DEVICE, "libusb does not start: %s", libusb_strerror(code));
    const ssize_t there = libusb_get_device_list(usb, &devices);
    for (ssize_t i = 0; i < there; i++) {
        struct attached a;
        int b = 0;
        if (!look_at(devices[i], &a))
            continue;
        while (b < count && !is_of_row(&boards[b], &a))
            b++;
        if (b < count)
            list_one(&boards[b], &a, each, context);
    }
    if (there >= 0)
        libusb_free_device_list(devices, 1);
    libusb_exit(usb);
    return AF_OK;
}
