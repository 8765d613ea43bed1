/* usb-emulator: runs a program with an emulated USB board attached. Its libusb is the real one, on
 * device files that umockdev provides; behind them are an FT2232H (chip.c) and a Verilated board.
 */
#include "chip.h"
#include "link/usb_stream.h"

#include <errno.h>
#include <getopt.h>
#include <linux/usbdevice_fs.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <umockdev.h>
#include <unistd.h>

static const char help[] =
    "Usage: usb-emulator [OPTION]... LIBRARY COMMAND...\n"
    "Runs COMMAND with an FT2232H attached to USB and the board of LIBRARY (adafire-board-*.so)\n"
    "behind it.\n"
    "\n"
    "  --product TEXT     what it calls itself (default iCEBreaker V1.0e)\n"
    "  --vendor HEX, --id HEX   instead of 0403:6010\n"
    "  --fault KIND=N     once, after N bytes (--fault help names them)\n"
    "  --seed N           chooses the bit\n"
    "  --splinters        reads end early at random\n"
    "  --strange          knows no requests of FTDI's\n"
    "  --busy             another program has claimed it\n"
    "  --forbidden        its file may not be opened (runs COMMAND as nobody, if root)\n"
    "  --driver           the kernel's driver is attached; it must be again at the end\n"
    "  --stale            another program has ended in the middle of a message before\n"
    "  --stats FILE       writes cycles and bytes, as JSON\n"
    "Exit status: COMMAND's; 99 if it left something behind, or the board drove what the chip "
    "did.\n";

#define NODE  "/dev/bus/usb/001/002"
#define SYSFS "/devices/pci0000:00/0000:00:14.0/usb1/1-2"
enum { EP_IN = 0x80, INTERFACES = 2 };
/* Cycles that pass while the program asks in vain; then it is told so. */
enum { SLICE = 4000 };

static struct {
    UMockdevTestbed *bed;
    struct chip *chip;
    struct control *control;
    const char *product, *stats;
    unsigned vendor, id;
    GQueue reads, writes, done; /* of UMockdevIoctlData, URBs */
    size_t written;             /* bytes of the oldest write that the chip has */
    int filled;                 /* bytes of the oldest read */
    unsigned claimed;           /* interfaces, a bit each */
    bool driver, had_driver, splinters, strange, busy, forbidden, stale, left, gone, stalled[2];
    uint32_t random;
} emu = {.product = "iCEBreaker V1.0e", .vendor = 0x0403, .id = 0x6010, .random = 1};

static uint32_t dice(void)
{
    emu.random ^= emu.random << 13;
    emu.random ^= emu.random >> 17;
    return emu.random ^= emu.random << 5;
}

/* ---- Transfers ---------------------------------------------------------------------------------
 */

static struct usbdevfs_urb *urb_of(UMockdevIoctlData *d)
{
    return (struct usbdevfs_urb *)d->data;
}

static void finish(UMockdevIoctlData *d, int status, int actual)
{
    urb_of(d)->status = status;
    urb_of(d)->actual_length = actual;
    g_queue_push_tail(&emu.done, d);
}

static void refuse_writes(int status)
{
    while (emu.writes.length)
        finish(g_queue_pop_head(&emu.writes), status, 0);
    emu.written = 0;
}

static void refuse_reads(int status)
{
    while (emu.reads.length)
        finish(g_queue_pop_head(&emu.reads), status, 0);
    emu.filled = 0;
}

static void go_wrong(void)
{
    struct chip *c = emu.chip;
    if (chip_fault_due(c, FAULT_UNPLUG)) {
        refuse_reads(-ESHUTDOWN);
        refuse_writes(-ESHUTDOWN);
        emu.gone = true;
        emu.claimed = 0;
        emu.driver = emu.had_driver;
    }
    emu.stalled[0] |= chip_fault_due(c, FAULT_STALL_OUT);
    emu.stalled[1] |= chip_fault_due(c, FAULT_STALL_IN);
    if (emu.stalled[0])
        refuse_writes(-EPIPE);
    if (emu.stalled[1])
        refuse_reads(-EPIPE);
    if (emu.writes.length && chip_fault_due(c, FAULT_IO_OUT)) {
        finish(g_queue_pop_head(&emu.writes), -EPROTO, 0);
        emu.written = 0;
    }
    if (emu.reads.length && chip_fault_due(c, FAULT_IO_IN)) {
        finish(g_queue_pop_head(&emu.reads), -EPROTO, 0);
        emu.filled = 0;
    }
}

static void serve_writes(void)
{
    while (emu.writes.length) {
        struct usbdevfs_urb *u = urb_of(g_queue_peek_head(&emu.writes));
        const size_t n = (size_t)u->buffer_length;
        emu.written += chip_take(emu.chip, (uint8_t *)u->buffer + emu.written, n - emu.written);
        if (emu.written < n && !(emu.written && chip_fault_due(emu.chip, FAULT_SHORT_OUT)))
            return;
        if (n > 1 && emu.written == n && chip_fault_due(emu.chip, FAULT_SHORT_OUT))
            emu.written--;
        finish(g_queue_pop_head(&emu.writes), 0, (int)emu.written);
        emu.written = 0;
    }
}

/* A read ends with a packet that is not full, or when it is. */
static void serve_reads(void)
{
    while (emu.reads.length) {
        struct usbdevfs_urb *u = urb_of(g_queue_peek_head(&emu.reads));
        const size_t n = chip_packet(emu.chip, (uint8_t *)u->buffer + emu.filled);
        emu.filled += (int)n;
        if (!n)
            return;
        if (n == CHIP_PACKET && emu.filled < u->buffer_length &&
            !(emu.splinters && dice() % 3 == 0))
            continue;
        finish(g_queue_pop_head(&emu.reads), 0, emu.filled);
        emu.filled = 0;
    }
}

static void pump(void)
{
    go_wrong();
    serve_writes();
    serve_reads();
}

/* ---- Requests ----------------------------------------------------------------------------------
 */

static int give_string(uint8_t *to, int room, int index)
{
    const char *strings[] = {NULL, "1BitSquared", emu.product, "ADF00001"};
    uint8_t s[128] = {4, 3, 9, 4}; /* languages: English */
    if (index > 3)
        return -EPIPE;
    if (index) {
        s[0] = (uint8_t)(2 + 2 * strlen(strings[index]));
        for (size_t i = 0; strings[index][i]; i++)
            s[2 + 2 * i] = (uint8_t)strings[index][i], s[3 + 2 * i] = 0;
    }
    const int n = s[0] < room ? s[0] : room;
    memcpy(to, s, (size_t)n);
    return n;
}

static void control(UMockdevIoctlData *d)
{
    struct usbdevfs_urb *u = urb_of(d);
    uint8_t *p = u->buffer;
    const int value = p[2] | p[3] << 8, index = p[4] | p[5] << 8;
    int n = 0;
    if (p[0] == 0x80 && p[1] == 6 && value >> 8 == 3)
        n = give_string(p + 8, u->buffer_length - 8, value & 255);
    else if (p[0] == 0x82 && p[1] == 0 && u->buffer_length >= 10) { /* an endpoint's state */
        p[8] = emu.stalled[index >> 7 & 1];
        p[9] = 0;
        n = 2;
    } else if (p[0] == 0x40 && !emu.strange && !chip_fault_due(emu.chip, FAULT_CONTROL))
        chip_request(emu.chip, p[1], value, index);
    else
        n = -EPIPE;
    finish(d, n < 0 ? n : 0, n < 0 ? 0 : n);
}

/* Takes the reference over. */
static int submit(UMockdevIoctlData *d)
{
    struct usbdevfs_urb *u = urb_of(d);
    if (u->buffer_length) {
        UMockdevIoctlData *buffer = umockdev_ioctl_data_resolve(
            d, G_STRUCT_OFFSET(struct usbdevfs_urb, buffer), (gsize)u->buffer_length, NULL);
        if (!buffer)
            return EFAULT;
        g_object_unref(buffer);
    }
    if (u->type == USBDEVFS_URB_TYPE_CONTROL)
        control(d);
    else if (u->type != USBDEVFS_URB_TYPE_BULK || !emu.claimed)
        return EINVAL;
    else if (emu.stalled[u->endpoint >> 7])
        finish(d, -EPIPE, 0);
    else
        g_queue_push_tail(u->endpoint & EP_IN ? &emu.reads : &emu.writes, d);
    pump();
    return 0;
}

/* Time goes on while the program waits: when it asks again after it was told that there is nothing.
 * A kernel's poll would wait; here it returns at once. */
static int reap(UMockdevIoctlData *arg)
{
    static bool waits;
    pump();
    for (int i = 0; i < 16 && waits && !emu.done.length && !emu.gone; i++) {
        chip_run(emu.chip, SLICE / 16);
        pump();
    }
    UMockdevIoctlData *d = g_queue_pop_head(&emu.done);
    waits = !d;
    if (!d)
        return emu.gone ? ENODEV : EAGAIN;
    UMockdevIoctlData *p = umockdev_ioctl_data_resolve(arg, 0, sizeof(gpointer), NULL);
    umockdev_ioctl_data_set_ptr(p, 0, d);
    g_object_unref(p);
    g_object_unref(d);
    return 0;
}

static int discard(UMockdevIoctlData *arg)
{
    const gulong client = *(gulong *)arg->data;
    GQueue *queues[] = {&emu.reads, &emu.writes};
    for (int i = 0; i < 2; i++)
        for (GList *l = queues[i]->head; l; l = l->next)
            if (((UMockdevIoctlData *)l->data)->client_addr == client) {
                if (i && l == queues[i]->head)
                    emu.written = 0;
                if (!i && l == queues[i]->head)
                    emu.filled = 0;
                finish(l->data, -ENOENT, 0);
                g_queue_delete_link(queues[i], l);
                return 0;
            }
    return EINVAL;
}

static int claim(unsigned interface, bool detach)
{
    if (emu.busy || (emu.driver && !detach))
        return EBUSY;
    if (interface >= INTERFACES)
        return EINVAL;
    emu.driver = false;
    emu.claimed |= 1u << interface;
    return 0;
}

/* Attaching and detaching the kernel's driver. */
static int driver(const struct usbdevfs_ioctl *i)
{
    const bool connect = i->ioctl_code == (int)USBDEVFS_CONNECT;
    if (emu.driver == connect)
        return connect ? EBUSY : ENODATA;
    emu.driver = connect && emu.had_driver;
    return 0;
}

static int handle(unsigned long request, UMockdevIoctlData *arg)
{
    static const struct {
        unsigned long request;
        size_t size;
    } sizes[] = {{USBDEVFS_GET_CAPABILITIES, 4},
                 {USBDEVFS_CLAIMINTERFACE, 4},
                 {USBDEVFS_RELEASEINTERFACE, 4},
                 {USBDEVFS_CLEAR_HALT, 4},
                 {USBDEVFS_DISCONNECT_CLAIM, sizeof(struct usbdevfs_disconnect_claim)},
                 {USBDEVFS_IOCTL, sizeof(struct usbdevfs_ioctl)},
                 {USBDEVFS_SUBMITURB, sizeof(struct usbdevfs_urb)}};
    UMockdevIoctlData *d = NULL;
    int code = 0;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        if (sizes[i].request == request)
            d = umockdev_ioctl_data_resolve(arg, 0, sizes[i].size, NULL);
    if (emu.gone && request != USBDEVFS_REAPURBNDELAY && request != USBDEVFS_REAPURB &&
        request != USBDEVFS_DISCARDURB)
        code = ENODEV;
    else if (request == USBDEVFS_GET_CAPABILITIES)
        *(uint32_t *)d->data = USBDEVFS_CAP_BULK_CONTINUATION | USBDEVFS_CAP_NO_PACKET_SIZE_LIM |
                               USBDEVFS_CAP_REAP_AFTER_DISCONNECT | USBDEVFS_CAP_ZERO_PACKET;
    else if (request == USBDEVFS_CLAIMINTERFACE)
        code = claim(*(unsigned *)d->data, false);
    else if (request == USBDEVFS_DISCONNECT_CLAIM)
        code = claim(((struct usbdevfs_disconnect_claim *)d->data)->interface, true);
    else if (request == USBDEVFS_RELEASEINTERFACE)
        emu.claimed &= ~(1u << *(unsigned *)d->data);
    else if (request == USBDEVFS_CLEAR_HALT)
        emu.stalled[*(unsigned *)d->data >> 7 & 1] = false;
    else if (request == USBDEVFS_IOCTL)
        code = driver((struct usbdevfs_ioctl *)d->data);
    else if (request == USBDEVFS_SUBMITURB && (code = submit(d)) == 0)
        d = NULL;
    else if (request == USBDEVFS_REAPURB || request == USBDEVFS_REAPURBNDELAY)
        code = reap(arg);
    else if (request == USBDEVFS_DISCARDURB)
        code = discard(arg);
    else if (!d)
        code = ENOTTY;
    if (d)
        g_object_unref(d);
    return code;
}

static gboolean on_ioctl(UMockdevIoctlBase *base, UMockdevIoctlClient *client, gpointer unused)
{
    (void)base, (void)unused;
    const int code =
        handle(umockdev_ioctl_client_get_request(client), umockdev_ioctl_client_get_arg(client));
    umockdev_ioctl_client_complete(client, code ? -1 : 0, code);
    return TRUE;
}

/* An unplugged device is back when it is opened again. */
static void on_opened(UMockdevIoctlBase *base, UMockdevIoctlClient *client, gpointer unused)
{
    (void)base, (void)client, (void)unused;
    if (!emu.gone)
        return;
    while (emu.done.length)
        g_object_unref(g_queue_pop_head(&emu.done));
    emu.gone = emu.stalled[0] = emu.stalled[1] = false;
    emu.written = 0;
    emu.filled = 0;
    emu.control->replugged++;
}

static bool left_behind(void)
{
    const guint n = emu.reads.length + emu.writes.length + (emu.gone ? 0 : emu.done.length);
    if (n)
        fprintf(stderr, "usb-emulator: %u transfers are left under way\n", n);
    if (emu.claimed)
        fprintf(stderr, "usb-emulator: an interface is left claimed\n");
    return n || emu.claimed;
}

/* The program has closed the device, or is gone; the kernel cleans up. */
static void on_closed(UMockdevIoctlBase *base, UMockdevIoctlClient *client, gpointer unused)
{
    (void)base, (void)client, (void)unused;
    GQueue *queues[] = {&emu.reads, &emu.writes, &emu.done};
    emu.left |= left_behind();
    for (int i = 0; i < 3; i++)
        while (queues[i]->length)
            g_object_unref(g_queue_pop_head(queues[i]));
    emu.claimed = 0;
    emu.written = 0;
    emu.filled = 0;
}

/* ---- The test bed ------------------------------------------------------------------------------
 */

static bool attach(UMockdevIoctlBase *base)
{
    char text[2000];
    GError *e = NULL;
    snprintf(text, sizeof text,
             "P: " SYSFS "\nN: bus/usb/001/002\nE: SUBSYSTEM=usb\nE: DRIVER=usb\n"
             "E: DEVTYPE=usb_device\nE: BUSNUM=001\nE: DEVNUM=002\nE: DEVNAME=" NODE "\n"
             "A: busnum=1\\n\nA: devnum=2\\n\nA: speed=480\\n\nA: bConfigurationValue=1\\n\n"
             "A: idVendor=%04x\\n\nA: idProduct=%04x\\n\nA: manufacturer=1BitSquared\\n\n"
             "A: product=%s\\n\nA: serial=ADF00001\\n\n"
             "H: descriptors=12010002000000%02x%02x%02x%02x%02x000701020301"
             "0902370002010080FA"
             "0904000002FFFFFF0207058102000200070502020002000904010002FFFFFF02"
             "0705830200020007050402000200\n",
             emu.vendor, emu.id, emu.product, 0x40, emu.vendor & 255, emu.vendor >> 8, emu.id & 255,
             emu.id >> 8);
    g_signal_connect(base, "handle-ioctl", G_CALLBACK(on_ioctl), NULL);
    g_signal_connect(base, "client-connected", G_CALLBACK(on_opened), NULL);
    g_signal_connect(base, "client-vanished", G_CALLBACK(on_closed), NULL);
    if (umockdev_testbed_attach_ioctl(emu.bed, NODE, base, &e) &&
        umockdev_testbed_add_from_string(emu.bed, text, &e))
        return true;
    fprintf(stderr, "usb-emulator: %s\n", e->message);
    return false;
}

/* A message that loads more words than have come, a word cut off, and an answer nobody took. */
static void begin_badly(void)
{
    static const uint8_t bytes[] = {0x01, 0x00, 0xf1, 0xad, 0xe8, 0x03, 0, 0, 12, 0,
                                    0,    0,    0,    0,    0,    0,    7, 7, 7},
                         nothing[5] = {0x00, 0x00, 0xf1, 0xad};
    const struct usb_divisor d = usb_divisor_of(chip_baud(emu.chip), true, true);
    chip_request(emu.chip, 3, d.value, d.index);
    for (int i = 0; i < 300; i++)
        chip_take(emu.chip, nothing + i % 4, 1);
    chip_run(emu.chip, 100000);
    chip_take(emu.chip, bytes, sizeof bytes);
    chip_run(emu.chip, 20000);
}

/* Everything may be used by nobody (libusb binds a socket there), but the device's file. */
static void forbid(void)
{
    char *root = umockdev_testbed_get_root_dir(emu.bed),
         *command = g_strdup_printf("chmod -R a+rwX %s && chmod 0 %s" NODE, root, root);
    if (system(command)) /* NOLINT */
        fprintf(stderr, "usb-emulator: %s\n", command);
    g_free(command);
    g_free(root);
}

static int start(char **argv, int fd)
{
    char number[12];
    int status;
    const pid_t pid = fork();
    if (pid == 0) {
        const char *sanitizer = getenv("USB_EMULATOR_PRELOAD");
        char *preload = g_strdup_printf("%s libumockdev-preload.so.0", sanitizer ? sanitizer : "");
        snprintf(number, sizeof number, "%d", fd);
        setenv("USB_EMULATOR_FD", number, 1);
        setenv("LD_PRELOAD", preload, 1);
        if (emu.forbidden && geteuid() == 0 && (setgid(65534) || setuid(65534)))
            _exit(126);
        execvp(argv[0], argv);
        fprintf(stderr, "usb-emulator: %s: %s\n", argv[0], strerror(errno));
        _exit(127);
    }
    if (pid < 0 || waitpid(pid, &status, 0) < 0)
        return 98;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void write_stats(void)
{
    const struct control *k = emu.control;
    FILE *f = fopen(emu.stats, "w");
    if (!f)
        return;
    fprintf(f,
            "{\"cycles\": %llu, \"first_out\": %llu, \"last_in\": %llu, \"out\": %u, \"in\": %u, "
            "\"faults\": %u, \"mhz\": %g}\n",
            (unsigned long long)k->cycles, (unsigned long long)k->first_out,
            (unsigned long long)k->last_in, k->out, k->in, k->happened, chip_microsecond(emu.chip));
    fclose(f);
}

static int read_fault(const char *text)
{
    for (int i = 1; i < FAULTS; i++) {
        const size_t n = strlen(chip_fault_names[i]);
        if (strncmp(text, chip_fault_names[i], n) == 0 && text[n] == '=') {
            emu.control->after = (uint32_t)strtoul(text + n + 1, NULL, 10);
            emu.control->fault = (uint32_t)i;
            return 0;
        }
    }
    for (int i = 1; i < FAULTS; i++)
        printf("%s\n", chip_fault_names[i]);
    return -1;
}

static const struct option options[] = {
    {"product", required_argument, NULL, 'p'}, {"vendor", required_argument, NULL, 'v'},
    {"id", required_argument, NULL, 'i'},      {"fault", required_argument, NULL, 'f'},
    {"seed", required_argument, NULL, 's'},    {"splinters", no_argument, NULL, 'l'},
    {"strange", no_argument, NULL, 't'},       {"busy", no_argument, NULL, 'b'},
    {"forbidden", no_argument, NULL, 'o'},     {"driver", no_argument, NULL, 'd'},
    {"stale", no_argument, NULL, 'u'},         {"stats", required_argument, NULL, 'w'},
    {"help", no_argument, NULL, 'h'},          {NULL, 0, NULL, 0}};

static int read_option(int opt)
{
    switch (opt) {
    case 'p': emu.product = optarg; return 0;
    case 'v': emu.vendor = (unsigned)strtoul(optarg, NULL, 16); return 0;
    case 'i': emu.id = (unsigned)strtoul(optarg, NULL, 16); return 0;
    case 'f': return read_fault(optarg);
    case 's': emu.control->seed = (uint32_t)strtoul(optarg, NULL, 10); return 0;
    case 'l': emu.splinters = true; return 0;
    case 't': emu.strange = true; return 0;
    case 'b': emu.busy = true; return 0;
    case 'o': emu.forbidden = true; return 0;
    case 'd': emu.driver = emu.had_driver = true; return 0;
    case 'u': emu.stale = true; return 0;
    case 'w': emu.stats = optarg; return 0;
    default: fputs(help, opt == 'h' ? stdout : stderr); return -1;
    }
}

int main(int argc, char **argv)
{
    const int fd = memfd_create("usb-emulator", 0);
    int opt, status = ftruncate(fd, sizeof *emu.control);
    emu.control = mmap(NULL, sizeof *emu.control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (status || emu.control == MAP_FAILED)
        return 98;
    while ((opt = getopt_long(argc, argv, "+h", options, NULL)) != -1)
        if (read_option(opt))
            return opt == 'h' ? 0 : 98;
    if (argc - optind < 2)
        return fputs(help, stderr), 98;
    emu.chip = chip_open(argv[optind], emu.control);
    emu.bed = umockdev_testbed_new();
    UMockdevIoctlBase *base = umockdev_ioctl_base_new();
    if (!emu.chip || !emu.bed || !attach(base))
        return 98;
    if (emu.forbidden)
        forbid();
    if (emu.stale)
        begin_badly();
    status = start(argv + optind + 1, fd);
    if (emu.stats)
        write_stats();
    if (emu.driver != emu.had_driver)
        fprintf(stderr, "usb-emulator: the kernel's driver is left detached\n");
    if (emu.control->clashes)
        fprintf(stderr, "usb-emulator: board and chip have both driven the data\n");
    if (left_behind() || emu.left || emu.driver != emu.had_driver || emu.control->clashes)
        status = 99;
    g_object_unref(base);
    g_object_unref(emu.bed);
    chip_close(emu.chip);
    return status;
}
