/* The link to a USB board behind an FTDI chip, on libusb: its serial line (UART), or the
 * synchronous 245 FIFO of an FT2232H or FT232H. Several reads are always under way, so that nothing
 * is lost in the chip while this process does something else. How the board's end behaves stands in
 * hw/boards/README.md; whatever goes wrong, usb_reset brings both ends to a known state. */
#include "link/usb.h"

#include "base/clock.h"
#include "base/error.h"
#include "link/usb_stream.h"

#include <libusb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { READS = 8, WRITES = 4, READ_BYTES = 4096, WRITE_BYTES = 16384, AHEAD = 2 };
enum { CONTROL_MS = 1000, POLL_MS = 100 };
static const double patience = 60; /* seconds for an exchange; a tenth of that without a byte */

/* FTDI's vendor requests (AN_232B, and what every driver of them does). */
enum {
    FTDI_RESET = 0, /* value 0: all, 1 and 2: forget what is in the chip, either way */
    FTDI_FLOW = 2,
    FTDI_BAUD = 3,
    FTDI_DATA = 4,
    FTDI_LATENCY = 9,
    FTDI_BITMODE = 11
};
enum { DATA_8N1 = 8, DATA_BREAK = 1 << 14, MODE_PLAIN = 0, MODE_SYNC_FIFO = 0x40ff };
enum { FLOW_NONE = 0, FLOW_RTS_CTS = 1 << 8 }; /* AN_130: the synchronous FIFO wants the latter */

struct usb;
struct transfer {
    struct usb *usb;
    struct libusb_transfer *transfer;
    bool under_way;
};

struct usb {
    struct link link;
    libusb_context *context;
    libusb_device_handle *handle;
    const struct usb_board *board;
    char name[64]; /* icebreaker:1-2 */
    int interface, interfaces;
    bool claimed, fast;
    uint8_t in, out; /* endpoints */
    size_t packet;
    struct transfer read[READS], write[WRITES];
    struct usb_stream stream;
    uint8_t *queue; /* bytes to send, from `begin` to `end` */
    size_t begin, end, capacity;
    uint64_t written;   /* bytes handed to libusb since the reset */
    uint64_t steps;     /* transfers that have moved something */
    size_t answered;    /* words given out, forgotten at the next call */
    int sent, received; /* exchanges */
    bool cancelling, stalled;
    int fault; /* AF_..., of the first thing that went wrong */
    char reason[600];
    double patience, idle;
};

/* ---- Faults ------------------------------------------------------------------------------------
 */

/* The first is the one to tell; those after it follow from it. */
static void note(struct usb *u, int status, const char *what)
{
    if (u->fault)
        return;
    u->fault = status;
    snprintf(u->reason, sizeof u->reason, "%s %s", u->name, what);
}

static int tell(const struct usb *u)
{
    return af_fail(u->fault, "%s", u->reason);
}

static const char *code_text(int code)
{
    switch (code) {
    case LIBUSB_ERROR_NO_DEVICE: return "has been unplugged";
    case LIBUSB_ERROR_PIPE: return "refuses to go on (its endpoint has stalled)";
    case LIBUSB_ERROR_TIMEOUT: return "does not answer requests";
    case LIBUSB_ERROR_OVERFLOW: return "sends more than was asked for";
    default: return libusb_strerror(code);
    }
}

static int transfer_code(enum libusb_transfer_status status)
{
    switch (status) {
    case LIBUSB_TRANSFER_COMPLETED:
    case LIBUSB_TRANSFER_CANCELLED: return 0;
    case LIBUSB_TRANSFER_TIMED_OUT: return LIBUSB_ERROR_TIMEOUT;
    case LIBUSB_TRANSFER_STALL: return LIBUSB_ERROR_PIPE;
    case LIBUSB_TRANSFER_NO_DEVICE: return LIBUSB_ERROR_NO_DEVICE;
    case LIBUSB_TRANSFER_OVERFLOW: return LIBUSB_ERROR_OVERFLOW;
    default: return LIBUSB_ERROR_IO;
    }
}

static void note_code(struct usb *u, int code)
{
    u->stalled |= code == LIBUSB_ERROR_PIPE;
    if (code)
        note(u, AF_IO, code_text(code));
}

/* ---- Transfers ---------------------------------------------------------------------------------
 */

static void submit(struct usb *u, struct transfer *t)
{
    const int code = libusb_submit_transfer(t->transfer);
    t->under_way = !code;
    note_code(u, code);
}

static void LIBUSB_CALL on_read(struct libusb_transfer *transfer)
{
    struct transfer *t = transfer->user_data;
    struct usb *u = t->usb;
    const uint64_t moved = u->stream.moved;
    t->under_way = false;
    if (u->cancelling)
        return;
    note_code(u, transfer_code(transfer->status));
    if (!u->fault &&
        usb_stream_take(&u->stream, transfer->buffer, (size_t)transfer->actual_length, u->packet))
        note(u, AF_IO, af_error());
    u->steps += u->stream.moved != moved;
    if (!u->fault)
        submit(u, t);
}

static void LIBUSB_CALL on_write(struct libusb_transfer *transfer)
{
    struct transfer *t = transfer->user_data;
    struct usb *u = t->usb;
    t->under_way = false;
    if (u->cancelling)
        return;
    note_code(u, transfer_code(transfer->status));
    if (!u->fault && transfer->actual_length != transfer->length)
        note(u, AF_IO, "has not taken all that was sent");
    u->steps++;
}

static void start_reads(struct usb *u)
{
    for (int i = 0; i < READS && !u->fault; i++)
        if (!u->read[i].under_way)
            submit(u, &u->read[i]);
}

/* As much as waits and the board has room for. */
static void start_writes(struct usb *u)
{
    for (int i = 0; i < WRITES && !u->fault; i++) {
        const uint64_t room = u->stream.tagged ? u->stream.room - u->written : WRITE_BYTES;
        size_t n = u->end - u->begin;
        if (u->write[i].under_way || !n || !room)
            continue;
        n = n < room ? n : (size_t)room;
        n = n < WRITE_BYTES ? n : WRITE_BYTES;
        memcpy(u->write[i].transfer->buffer, u->queue + u->begin, n);
        u->write[i].transfer->length = (int)n;
        u->begin += n;
        u->written += n;
        submit(u, &u->write[i]);
    }
}

static void handle_events(struct usb *u, int milliseconds)
{
    struct timeval t = {milliseconds / 1000, 1000 * (milliseconds % 1000)};
    const int code = libusb_handle_events_timeout_completed(u->context, &t, NULL);
    if (code != LIBUSB_ERROR_INTERRUPTED)
        note_code(u, code);
}

static int under_way(const struct usb *u)
{
    int n = 0;
    for (int i = 0; i < READS; i++)
        n += u->read[i].under_way;
    for (int i = 0; i < WRITES; i++)
        n += u->write[i].under_way;
    return n;
}

/* Nothing is under way after this: libusb owns no buffer. A kernel that does not give one back
 * within so long never will, and the buffers are left to it. */
static bool cancel_all(struct usb *u)
{
    const double begun = seconds();
    u->cancelling = true;
    for (int i = 0; i < READS; i++)
        if (u->read[i].under_way)
            libusb_cancel_transfer(u->read[i].transfer);
    for (int i = 0; i < WRITES; i++)
        if (u->write[i].under_way)
            libusb_cancel_transfer(u->write[i].transfer);
    while (under_way(u) && seconds() - begun < 5)
        handle_events(u, POLL_MS);
    u->cancelling = false;
    return !under_way(u);
}

/* ---- The chip ----------------------------------------------------------------------------------
 */

static void request(struct usb *u, int what, unsigned value, unsigned index)
{
    if (u->fault)
        return;
    const int code = libusb_control_transfer(
        u->handle, LIBUSB_REQUEST_TYPE_VENDOR | LIBUSB_RECIPIENT_DEVICE | LIBUSB_ENDPOINT_OUT,
        (uint8_t)what, (uint16_t)value, (uint16_t)(index | (unsigned)(u->interface + 1)), NULL, 0,
        CONTROL_MS);
    if (code == LIBUSB_ERROR_PIPE)
        note(u, AF_NO_DEVICE, "does not know an FTDI chip's requests; is it one?");
    else if (code < 0)
        note(u, AF_NO_DEVICE, code_text(code));
}

static void set_up_chip(struct usb *u)
{
    const struct usb_divisor d = usb_divisor_of(u->board->baud, u->fast, u->interfaces > 1);
    request(u, FTDI_RESET, 0, 0);
    request(u, FTDI_BITMODE, MODE_PLAIN, 0);
    request(u, FTDI_LATENCY, 1, 0);
    request(u, FTDI_FLOW, 0, u->board->baud ? FLOW_NONE : FLOW_RTS_CTS);
    if (u->board->baud) {
        request(u, FTDI_BAUD, d.value, d.index);
        request(u, FTDI_DATA, DATA_8N1, 0);
    }
}

static void wait_for_greeting(struct usb *u)
{
    const double begun = seconds();
    while (!u->fault && !u->stream.greeted && seconds() - begun < u->idle)
        handle_events(u, POLL_MS / 10);
    if (!u->stream.greeted)
        note(u, AF_NO_DEVICE,
             "does not answer; does the board hold AdaFire's bitstream? `adafire-flash --list` "
             "names those that there are");
}

/* Endpoints that have stalled, now or in somebody else's time. Where none has, clearing it might
 * make the two ends disagree over whose turn it is. */
static void clear_halts(struct usb *u)
{
    const uint8_t endpoints[] = {u->in, u->out};
    for (int i = 0; i < 2; i++) {
        uint8_t state[2] = {0};
        const int n = libusb_control_transfer(
            u->handle, LIBUSB_RECIPIENT_ENDPOINT | LIBUSB_ENDPOINT_IN, LIBUSB_REQUEST_GET_STATUS, 0,
            endpoints[i], state, sizeof state, CONTROL_MS);
        if (u->stalled || (n == sizeof state && state[0] & 1))
            libusb_clear_halt(u->handle, endpoints[i]);
    }
    u->stalled = false;
}

/* The board's end is held in reset, by a break on the line or by the FIFO's clock, which stands
 * still outside of its mode, while all that is on its way is thrown away. */
static int usb_reset(struct link *link)
{
    struct usb *u = (struct usb *)link;
    if (!cancel_all(u)) {
        note(u, AF_IO, "does not give back what it was asked for");
        return tell(u);
    }
    u->fault = 0;
    u->begin = u->end = u->answered = 0;
    u->written = 0;
    u->sent = u->received = 0;
    clear_halts(u);
    if (u->board->baud)
        request(u, FTDI_DATA, DATA_8N1 | DATA_BREAK, 0);
    else
        request(u, FTDI_BITMODE, MODE_PLAIN, 0);
    request(u, FTDI_RESET, 1, 0);
    request(u, FTDI_RESET, 2, 0);
    usb_stream_reset(&u->stream);
    start_reads(u);
    if (u->board->baud) {
        request(u, FTDI_DATA, DATA_8N1, 0);
        wait_for_greeting(u);
    } else
        request(u, FTDI_BITMODE, MODE_SYNC_FIFO, 0);
    return u->fault ? tell(u) : AF_OK;
}

/* ---- Exchanges ---------------------------------------------------------------------------------
 */

static void forget_answer(struct usb *u)
{
    usb_stream_drop(&u->stream, u->answered);
    u->answered = 0;
}

static int usb_send(struct link *link, const uint32_t *word, size_t words)
{
    struct usb *u = (struct usb *)link;
    if (u->fault)
        return tell(u);
    forget_answer(u);
    if (u->begin) {
        memmove(u->queue, u->queue + u->begin, u->end - u->begin);
        u->end -= u->begin;
        u->begin = 0;
    }
    if (u->end + 4 * words > u->capacity) {
        const size_t capacity = 2 * (u->end + 4 * words);
        uint8_t *more = realloc(u->queue, capacity);
        if (!more)
            return af_fail(AF_NO_MEMORY, "no memory for %zu words to send", words);
        u->queue = more;
        u->capacity = capacity;
    }
    for (size_t i = 0; i < words; i++)
        for (int k = 0; k < 4; k++)
            u->queue[u->end++] = (uint8_t)(word[i] >> 8 * k);
    u->sent++;
    start_writes(u);
    return u->fault ? tell(u) : AF_OK;
}

static void check_deadlines(struct usb *u, double begun, double moved)
{
    char text[160];
    const double now = seconds();
    if (now - begun < u->patience && now - moved < u->idle)
        return;
    snprintf(text, sizeof text,
             "%s %g s: %zu words of an answer have come, %zu bytes wait to be sent",
             now - moved < u->idle ? "has not finished within" : "has been silent for",
             now - moved < u->idle ? u->patience : u->idle, u->stream.words, u->end - u->begin);
    note(u, AF_TIMEOUT, text);
}

static int usb_receive(struct link *link, const uint32_t **answer, size_t *answers)
{
    struct usb *u = (struct usb *)link;
    const double begun = seconds();
    double moved = begun;
    size_t words = 0;
    *answer = NULL;
    *answers = 0;
    forget_answer(u);
    if (u->received == u->sent)
        return af_fail(AF_BAD_ARGUMENT, "%s was sent nothing", u->name);
    while (!u->fault) {
        const uint64_t steps = u->steps;
        if (usb_stream_exchange(&u->stream, &words))
            note(u, AF_IO, af_error());
        if (words || u->fault)
            break;
        start_writes(u);
        handle_events(u, POLL_MS);
        if (u->steps != steps)
            moved = seconds();
        check_deadlines(u, begun, moved);
    }
    u->received++;
    if (u->fault)
        return tell(u);
    u->answered = words;
    *answer = u->stream.word;
    *answers = words;
    return AF_OK;
}

static int usb_exchange(struct link *link, const uint32_t *word, size_t words,
                        const uint32_t **answer, size_t *answers)
{
    int status = usb_send(link, word, words);
    return status ? status : usb_receive(link, answer, answers);
}

static uint64_t usb_cycles(const struct link *link)
{
    (void)link;
    return 0;
}

/* ---- Opening and closing -----------------------------------------------------------------------
 */

static void usb_close(struct link *link)
{
    struct usb *u = (struct usb *)link;
    const bool idle = cancel_all(u);
    for (int i = 0; i < READS + WRITES && idle; i++) {
        struct libusb_transfer *t = i < READS ? u->read[i].transfer : u->write[i - READS].transfer;
        if (t)
            free(t->buffer);
        libusb_free_transfer(t);
    }
    if (u->claimed)
        libusb_release_interface(u->handle, u->interface); /* the kernel's driver comes back */
    if (u->handle)
        libusb_close(u->handle);
    if (u->context)
        libusb_exit(u->context);
    usb_stream_free(&u->stream);
    free(u->queue);
    free(u);
}

static int make_transfers(struct usb *u)
{
    for (int i = 0; i < READS + WRITES; i++) {
        struct transfer *t = i < READS ? &u->read[i] : &u->write[i - READS];
        const int bytes = i < READS ? READ_BYTES : WRITE_BYTES;
        uint8_t *buffer = malloc((size_t)bytes);
        t->usb = u;
        t->transfer = libusb_alloc_transfer(0);
        if (!t->transfer || !buffer) {
            free(buffer);
            return af_fail(AF_NO_MEMORY, "no memory for transfers");
        }
        libusb_fill_bulk_transfer(t->transfer, u->handle, i < READS ? u->in : u->out, buffer, bytes,
                                  i < READS ? on_read : on_write, t, 0);
    }
    return AF_OK;
}

/* The interface's two bulk endpoints. */
static int find_endpoints(struct usb *u)
{
    struct libusb_config_descriptor *config;
    struct libusb_device_descriptor d;
    libusb_device *device = libusb_get_device(u->handle);
    if (libusb_get_device_descriptor(device, &d) ||
        libusb_get_active_config_descriptor(device, &config))
        return af_fail(AF_NO_DEVICE, "%s does not describe itself", u->name);
    u->interfaces = config->bNumInterfaces;
    u->interface = u->board->interface < 0 ? u->interfaces - 1 : u->board->interface;
    u->fast = d.bcdDevice >= 0x700 && d.bcdDevice <= 0x900;
    if (u->interface < u->interfaces) {
        const struct libusb_interface_descriptor *i = config->interface[u->interface].altsetting;
        for (int k = 0; k < i->bNumEndpoints; k++) {
            const struct libusb_endpoint_descriptor *e = &i->endpoint[k];
            if ((e->bmAttributes & LIBUSB_TRANSFER_TYPE_MASK) != LIBUSB_TRANSFER_TYPE_BULK)
                continue;
            *(e->bEndpointAddress & LIBUSB_ENDPOINT_IN ? &u->in : &u->out) = e->bEndpointAddress;
            if (e->bEndpointAddress & LIBUSB_ENDPOINT_IN)
                u->packet = e->wMaxPacketSize;
        }
    }
    libusb_free_config_descriptor(config);
    if (!u->in || !u->out || u->packet < 8 || READ_BYTES % u->packet)
        return af_fail(AF_NO_DEVICE, "%s is no FTDI chip: it has no pair of bulk endpoints",
                       u->name);
    return AF_OK;
}

static int claim(struct usb *u)
{
    libusb_set_auto_detach_kernel_driver(u->handle, 1);
    const int code = libusb_claim_interface(u->handle, u->interface);
    u->claimed = !code;
    if (code == LIBUSB_ERROR_BUSY)
        return af_fail(AF_NO_DEVICE, "%s is in use by another program", u->name);
    if (code)
        return af_fail(AF_NO_DEVICE, "%s cannot be claimed: %s", u->name, code_text(code));
    return AF_OK;
}

int link_open_usb(const struct usb_board *board, const struct usb_options *o, struct link **link)
{
    static const struct link_operations operations = {.exchange = usb_exchange,
                                                      .cycles = usb_cycles,
                                                      .close = usb_close,
                                                      .send = usb_send,
                                                      .receive = usb_receive,
                                                      .ahead = AHEAD,
                                                      .reset = usb_reset};
    struct usb *u = calloc(1, sizeof *u);
    *link = NULL;
    if (!u)
        return af_fail(AF_NO_MEMORY, "no memory");
    u->link.operations = &operations;
    u->board = board;
    u->patience = o->timeout > 0 ? o->timeout : patience;
    u->idle = u->patience / 10;
    int status = AF_OK;
    const int code = libusb_init(&u->context);
    if (code)
        status = af_fail(AF_NO_DEVICE, "libusb does not start: %s", libusb_strerror(code));
    if (!status)
        status = usb_board_open(u->context, board, o->device, &u->handle, u->name);
    if (!status)
        status = find_endpoints(u);
    if (!status)
        status = claim(u);
    if (!status)
        status = make_transfers(u);
    if (!status) {
        u->stream.tagged = u->board->baud > 0;
        set_up_chip(u);
        status = u->fault ? tell(u) : usb_reset(&u->link);
    }
    if (status)
        usb_close(&u->link);
    else
        *link = &u->link;
    return status;
}
