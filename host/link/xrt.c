/* The link to an Alveo card: one for each compute unit of each card. An exchange is one run of the
 * kernel (hw/kernel.c) between two buffers in the card's memory. There are two pairs of buffers, so
 * that words travel for one run while the unit works on another; XRT queues the runs. */
#include "link/xrt.h"

#include "base/clock.h"
#include "base/error.h"
#include "link/bitstream.h"
#include "link/xclbin.h"
#include "link/xrt_library.h"
#include "waits.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SLOTS = 2, PAGE = 4096, FIRST_BUFFER = 4 * PAGE };
enum {
    ARGUMENT_IN,
    ARGUMENT_OUT,
    ARGUMENT_IN_WORDS,
    ARGUMENT_ROOM,
    ARGUMENT_SCRIPT, /* this and the next: the memory behind it, where it reaches any */
    ARGUMENT_DATA,
    ARGUMENT_LISTS
};
/* A card answers within microseconds; an emulated one takes its time. */
static const double patience = 10, patience_emulated = 600;

struct card {
    const struct xrt_library *xrt;
    void *handle;
    char name[40]; /* u250:0 */
    unsigned char uuid[16];
    int users;
    bool failed; /* a run did not end well: reset before it is closed */
};

struct buffer {
    void *handle;
    uint32_t *word;
    size_t bytes;
};

struct slot {
    struct buffer in, out;
    void *run;
    size_t words; /* sent */
    double begun;
};

struct unit {
    struct link link;
    struct card *card;
    void *kernel;
    char name[120]; /* u250:0 adafire_kernel:{adafire_kernel_1} */
    bool behind;    /* it reaches a memory behind it */
    struct buffer memory;
    struct slot slot[SLOTS];
    unsigned sent, received; /* exchanges; the slot is their number modulo SLOTS */
    size_t usual;            /* bytes of the last answer, fetched at once the next time */
    double ended, patience;  /* seconds */
};

/* ---- Cards -------------------------------------------------------------------------------------
 */

static void card_leave(struct card *c)
{
    if (!c || --c->users > 0)
        return;
    /* A unit that hangs keeps the whole card from the next user. */
    if (c->failed && c->xrt->reset && !c->xrt->emulated && c->handle)
        c->xrt->reset(c->xrt->device_shim(c->handle), XRT_USER_RESET);
    if (c->handle)
        c->xrt->device_close(c->handle);
    free(c);
}

static int card_load(struct card *c, const char *bitstream, struct xclbin *x)
{
    int status = xclbin_read(bitstream, x);
    if (status)
        return status;
    if ((x->mode == XCLBIN_MODE_HW_EMU) != c->xrt->emulated)
        return af_fail(AF_BAD_FILE, "%s: was made for %s, and this is %s", bitstream,
                       c->xrt->emulated ? "a card" : "emulation",
                       c->xrt->emulated ? "emulation" : "a card");
    if (c->xrt->device_load(c->handle, bitstream))
        return af_fail(AF_NO_DEVICE,
                       "%s refuses %s, made for the platform %s; `xbutil examine` shows the "
                       "card's, and whether it needs `xbutil reset`",
                       c->name, bitstream, x->platform);
    if (c->xrt->device_uuid(c->handle, c->uuid))
        return af_fail(AF_NO_DEVICE, "%s does not say which bitstream it holds", c->name);
    return AF_OK;
}

/* which: a number or a PCIe address. */
static int card_open(const struct xrt_library *xrt, const char *which, struct card **card)
{
    struct card *c = calloc(1, sizeof *c);
    *card = NULL;
    if (!c)
        return af_fail(AF_NO_MEMORY, "no memory");
    c->xrt = xrt;
    c->users = 1;
    snprintf(c->name, sizeof c->name, "u250:%s", which);
    int status = AF_OK;
    const unsigned there = xrt->probe();
    const bool number = strspn(which, "0123456789") == strlen(which) && strlen(which) < 6;
    const unsigned index = number ? (unsigned)strtoul(which, NULL, 10) : 0;
    if (!there)
        status = af_fail(AF_NO_DEVICE, "XRT finds no card; `xbutil examine` says what it sees");
    else if (number && index >= there)
        status =
            af_fail(AF_NO_DEVICE, "there is no %s; XRT finds %u, numbered from 0", c->name, there);
    else if (!number && xrt->emulated) /* XRT 2.13 would crash */
        status = af_fail(AF_NO_DEVICE, "%s: emulated cards have numbers, no PCIe address", c->name);
    else if (!(c->handle = number ? xrt->device_open(index) : xrt->device_open_by_address(which)))
        status =
            af_fail(AF_NO_DEVICE, "%s cannot be opened; `xbutil examine` names the cards", c->name);
    if (status)
        card_leave(c);
    else
        *card = c;
    return status;
}

/* ---- Buffers -----------------------------------------------------------------------------------
 */

static void buffer_close(const struct xrt_library *xrt, struct buffer *b)
{
    if (b->handle)
        xrt->buffer_close(b->handle);
    *b = (struct buffer){0};
}

static int buffer_open(struct unit *u, struct buffer *b, int argument, size_t bytes)
{
    const struct xrt_library *xrt = u->card->xrt;
    buffer_close(xrt, b);
    const int group = xrt->kernel_group(u->kernel, argument);
    b->handle = group < 0 ? NULL : xrt->buffer_open(u->card->handle, bytes, 0, (uint32_t)group);
    if (!b->handle)
        return af_fail(AF_NO_MEMORY, "%s: its memory has no room for %zu bytes", u->card->name,
                       bytes);
    b->bytes = bytes;
    return AF_OK;
}

/* At least so large, in whole pages; what it held is lost if it grows. */
static int buffer_fit(struct unit *u, struct buffer *b, int argument, size_t bytes)
{
    const struct xrt_library *xrt = u->card->xrt;
    if (bytes <= b->bytes)
        return AF_OK;
    size_t size = b->bytes ? b->bytes : FIRST_BUFFER;
    while (size < bytes)
        size *= 2;
    int status = buffer_open(u, b, argument, size);
    if (!status && !(b->word = xrt->buffer_map(b->handle))) {
        buffer_close(xrt, b);
        status =
            af_fail(AF_NO_MEMORY, "%s: its memory has no room for %zu bytes", u->card->name, size);
    }
    return status;
}

/* Only the machine looks at it, so it is not mapped. */
static int unit_provide(struct link *link, uint64_t bytes)
{
    struct unit *u = (struct unit *)link;
    const uint64_t pages = (bytes + PAGE - 1) / PAGE * PAGE;
    if (!u->behind)
        return af_fail(AF_UNSUPPORTED, "%s reaches no memory behind it", u->name);
    return pages <= u->memory.bytes ? AF_OK
                                    : buffer_open(u, &u->memory, ARGUMENT_LISTS, (size_t)pages);
}

/* ---- Exchanges ---------------------------------------------------------------------------------
 */

static int start(struct unit *u, struct slot *s)
{
    const struct xrt_library *xrt = u->card->xrt;
    const uint32_t words = (uint32_t)s->words, room = (uint32_t)(s->out.bytes / 4 - 1);
    if (!s->run && !(s->run = xrt->run_open(u->kernel)))
        return af_fail(AF_IO, "%s: no run can be prepared", u->name);
    if (xrt->run_set(s->run, ARGUMENT_IN, s->in.handle) ||
        xrt->run_set(s->run, ARGUMENT_OUT, s->out.handle) ||
        xrt->run_set(s->run, ARGUMENT_IN_WORDS, words) ||
        xrt->run_set(s->run, ARGUMENT_ROOM, room) ||
        (u->behind && (xrt->run_set(s->run, ARGUMENT_SCRIPT, u->memory.handle) ||
                       xrt->run_set(s->run, ARGUMENT_DATA, u->memory.handle) ||
                       xrt->run_set(s->run, ARGUMENT_LISTS, u->memory.handle))))
        return af_fail(AF_IO, "%s: is no kernel of this version", u->name);
    /* An answer that never comes is then empty, and not the one of the run before. */
    s->out.word[0] = 0;
    if (xrt->buffer_sync(s->out.handle, XRT_TO_DEVICE, PAGE, 0))
        return af_fail(AF_IO, "%s: its memory cannot be written", u->card->name);
    if (xrt->run_start(s->run))
        return af_fail(AF_IO, "%s: cannot be started", u->name);
    s->begun = seconds();
    return AF_OK;
}

static int unit_send(struct link *link, const uint32_t *word, size_t words)
{
    struct unit *u = (struct unit *)link;
    struct slot *s = &u->slot[u->sent % SLOTS];
    const size_t bytes = words * sizeof *word;
    if (u->card->failed)
        return af_fail(AF_IO, "%s has failed before", u->card->name);
    int status = buffer_fit(u, &s->in, ARGUMENT_IN, bytes);
    if (!status)
        status = buffer_fit(u, &s->out, ARGUMENT_OUT, FIRST_BUFFER);
    if (status)
        return status;
    memcpy(s->in.word, word, bytes);
    s->words = words;
    if (u->card->xrt->buffer_sync(s->in.handle, XRT_TO_DEVICE, bytes, 0))
        return af_fail(AF_IO, "%s: its memory cannot be written", u->card->name);
    status = start(u, s);
    u->sent += !status;
    return status;
}

static bool is_over(int state)
{
    return state >= XRT_COMPLETED && state != XRT_SUBMITTED;
}

/* What the unit's watchdog knows (hw/rtl/hls_axi_lite.v), as a clause; nothing where it cannot be
 * read. */
static void explain(const struct unit *u, char *text, size_t size)
{
    enum { WATCHDOG = 0x800 };
    const char *const *const texts = u->behind ? waits_text_memory : waits_text;
    const int waits = u->behind ? (int)(sizeof waits_text_memory / sizeof *waits_text_memory)
                                : (int)(sizeof waits_text / sizeof *waits_text);
    const struct xrt_library *x = u->card->xrt;
    uint32_t quiet, word = 0;
    const char *before = "; waiting: ";
    if (!x->kernel_read || x->kernel_read(u->kernel, WATCHDOG, &quiet) || !quiet)
        return;
    int n = snprintf(text, size, "; nothing has moved in it for %u cycles", quiet);
    for (int i = 0; i < waits && n > 0 && (size_t)n < size; i++) {
        if (i % 32 == 0 && x->kernel_read(u->kernel, WATCHDOG + 4 + 4 * (uint32_t)(i / 32), &word))
            return;
        if (word >> i % 32 & 1) {
            n += snprintf(text + n, size - (size_t)n, "%s%s", before, texts[i]);
            before = ", ";
        }
    }
}

/* Whether the memory has answered a port with an error: what was read or written is then not what
 * should be. A kernel that AMD's tools have made has no such register, which reads 0. */
static int check_memory(struct unit *u)
{
    enum { ERRORS = 0x7fc };
    /* Of the ports in the order in which hlsc numbers them (--ports): in; in kernels with a memory
     * behind them script, data, lists and lists again, which is written; out. */
    const uint32_t writes = u->behind ? 0x30 : 2;
    const struct xrt_library *x = u->card->xrt;
    uint32_t errors = 0;
    if (!x->kernel_read || x->kernel_read(u->kernel, ERRORS, &errors) || !errors)
        return AF_OK;
    u->card->failed = true;
    return af_fail(AF_IO, "%s: the card's memory answers %s with an error (AXI's SLVERR or DECERR)",
                   u->name,
                   errors & ~writes ? errors & writes ? "reads and writes" : "reads" : "writes");
}

/* xrtRunWaitFor never times out under emulation (2.13), so the state is asked for, ever less
 * often. */
static int wait_for(struct unit *u, const struct slot *s)
{
    enum { LONG_PAUSE = 1000000 }; /* nanoseconds */
    const double begun = s->begun > u->ended ? s->begun : u->ended;
    long pause = 1000;
    for (;;) {
        const int state = u->card->xrt->run_state(s->run);
        u->ended = seconds();
        if (state == XRT_COMPLETED)
            return check_memory(u);
        /* What it does not read, it waits for. */
        const int status = pause < LONG_PAUSE ? AF_OK : check_memory(u);
        if (status)
            return status;
        if (is_over(state)) {
            u->card->failed = true;
            return af_fail(AF_IO, "%s: a run failed (XRT's state %d)", u->name, state);
        }
        if (u->ended - begun > u->patience) {
            char reason[1024] = "";
            explain(u, reason, sizeof reason);
            u->card->failed = true;
            return af_fail(AF_TIMEOUT, "%s has not finished a run within %g s%s", u->name,
                           u->patience, reason);
        }
        nanosleep(&(struct timespec){.tv_nsec = pause}, NULL);
        pause = pause < LONG_PAUSE / 2 ? pause * 2 : LONG_PAUSE;
    }
}

/* Brings the answer to this side, and says how many words it has. */
static int fetch(struct unit *u, struct slot *s, size_t *words)
{
    const struct xrt_library *xrt = u->card->xrt;
    size_t bytes = u->usual < PAGE ? PAGE : u->usual < s->out.bytes ? u->usual : s->out.bytes;
    int bad = xrt->buffer_sync(s->out.handle, XRT_FROM_DEVICE, bytes, 0);
    *words = s->out.word[0];
    const size_t all = 4 + 4 * *words;
    u->usual = (all + PAGE - 1) / PAGE * PAGE;
    if (!bad && all > bytes && all <= s->out.bytes)
        bad = xrt->buffer_sync(s->out.handle, XRT_FROM_DEVICE, u->usual - bytes, bytes);
    return bad ? af_fail(AF_IO, "%s: its memory cannot be read", u->card->name) : AF_OK;
}

static int unit_receive(struct link *link, const uint32_t **answer, size_t *answers)
{
    struct unit *u = (struct unit *)link;
    struct slot *s = &u->slot[u->received++ % SLOTS];
    size_t words = 0;
    int status =
        u->card->failed ? af_fail(AF_IO, "%s has failed before", u->card->name) : wait_for(u, s);
    if (!status)
        status = fetch(u, s, &words);
    /* The kernel has counted what did not fit. It keeps nothing of a run but what it was asked to
     * keep, so the same run gives the same answer again. */
    if (!status && words > s->out.bytes / 4 - 1) {
        status = buffer_fit(u, &s->out, ARGUMENT_OUT, 4 * (words + 1));
        if (!status)
            status = start(u, s);
        if (!status)
            status = wait_for(u, s);
        if (!status)
            status = fetch(u, s, &words);
    }
    if (!status && (!words || words > s->out.bytes / 4 - 1))
        status = af_fail(AF_IO, "%s: a run has left no answer", u->name);
    *answer = s->out.word + 1;
    *answers = status ? 0 : words;
    return status;
}

static int unit_exchange(struct link *link, const uint32_t *word, size_t words,
                         const uint32_t **answer, size_t *answers)
{
    int status = unit_send(link, word, words);
    return status ? status : unit_receive(link, answer, answers);
}

static uint64_t unit_cycles(const struct link *link)
{
    (void)link;
    return 0;
}

/* XRT 2.13's emulation aborts the program if a device is closed while a run is under way; an
 * emulated card gives up a run whose buffers are gone. */
static void leave_time(const struct xrt_library *xrt, void *run)
{
    for (int i = 0; i < 1000 && !is_over(xrt->run_state(run)); i++)
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
}

static void unit_close(struct link *link)
{
    struct unit *u = (struct unit *)link;
    const struct xrt_library *xrt = u->card->xrt;
    /* A buffer must not go while a run may still write it, unless that has been given up. */
    while (u->received != u->sent && !u->card->failed)
        wait_for(u, &u->slot[u->received++ % SLOTS]);
    for (int i = 0; i < SLOTS; i++) {
        buffer_close(xrt, &u->slot[i].in);
        buffer_close(xrt, &u->slot[i].out);
    }
    buffer_close(xrt, &u->memory);
    for (int i = 0; i < SLOTS; i++)
        if (u->slot[i].run) {
            if (u->card->failed && xrt->emulated)
                leave_time(xrt, u->slot[i].run);
            xrt->run_close(u->slot[i].run);
        }
    if (u->kernel)
        xrt->kernel_close(u->kernel);
    card_leave(u->card);
    free(u);
}

/* ---- Opening -----------------------------------------------------------------------------------
 */

static int unit_open(struct card *c, const char *name, double wait, struct link **link)
{
    static const struct link_operations operations = {.exchange = unit_exchange,
                                                      .cycles = unit_cycles,
                                                      .close = unit_close,
                                                      .send = unit_send,
                                                      .receive = unit_receive,
                                                      .ahead = SLOTS,
                                                      .provide = unit_provide};
    struct unit *u = calloc(1, sizeof *u);
    if (!u)
        return af_fail(AF_NO_MEMORY, "no memory");
    u->link.operations = &operations;
    u->card = c;
    u->patience = wait > 0 ? wait : c->xrt->emulated ? patience_emulated : patience;
    snprintf(u->name, sizeof u->name, "%s %s", c->name, name);
    c->users++;
    u->kernel = c->xrt->kernel_open(c->handle, c->uuid, name);
    if (!u->kernel) {
        unit_close(&u->link);
        return af_fail(AF_NO_DEVICE, "%s %s is not to be had; does another process use it?",
                       c->name, name);
    }
    /* A run wants all of its arguments, so there is always some memory. */
    u->behind = c->xrt->kernel_group(u->kernel, ARGUMENT_LISTS) >= 0;
    const int status = u->behind ? unit_provide(&u->link, FIRST_BUFFER) : AF_OK;
    if (status)
        unit_close(&u->link);
    else
        *link = &u->link;
    return status;
}

static int open_one(const struct xrt_library *xrt, const char *which, const struct xrt_options *o,
                    struct links *links)
{
    struct card *c;
    struct xclbin x;
    int status = card_open(xrt, which, &c);
    if (status)
        return status;
    status = card_load(c, o->bitstream, &x);
    const int before = links->count;
    for (int i = 0; i < x.units && !status && links->count < MOST_LINKS; i++) {
        status = unit_open(c, x.unit[i], o->timeout, &links->link[links->count]);
        links->count += !status;
    }
    const int used = links->count - before, there = x.units + x.further;
    if (!status && used < there && o->on_note) {
        char text[160];
        snprintf(text, sizeof text,
                 "%s has %d compute units, of which %d are used: %d are the most", c->name, there,
                 used, MOST_LINKS);
        o->on_note(o->context, text);
    }
    card_leave(c); /* its units hold it */
    return status;
}

int link_open_xrt(const struct xrt_options *o, struct links *links)
{
    const struct xrt_library *xrt;
    const bool all = o->device && strcmp(o->device, "all") == 0;
    struct xrt_options chosen = *o;
    struct bitstream found;
    *links = (struct links){0};
    int status = xrt_library_open(&xrt);
    if (!chosen.bitstream)
        chosen.bitstream = getenv("ADAFIRE_BITSTREAM");
    if (!status && (!chosen.bitstream || !*chosen.bitstream)) {
        status = bitstream_find("u250", &found);
        chosen.bitstream = found.path;
    }
    if (!status && !all)
        status = open_one(xrt, o->device ? o->device : "0", &chosen, links);
    const unsigned there = status || !all ? 0 : xrt->probe();
    if (!status && all && !there)
        status = af_fail(AF_NO_DEVICE, "XRT finds no card; `xbutil examine` says what it sees");
    for (unsigned i = 0; i < there && !status; i++) {
        char number[12];
        snprintf(number, sizeof number, "%u", i);
        status = open_one(xrt, number, &chosen, links);
    }
    if (status)
        links_close(links);
    return status;
}

int link_list_xrt(link_seen *each, void *context)
{
    const struct xrt_library *xrt;
    int status = xrt_library_open(&xrt);
    const unsigned there = status ? 0 : xrt->probe();
    for (unsigned i = 0; i < there; i++) {
        char name[20];
        void *handle = xrt->emulated ? NULL : xrt->device_open(i);
        snprintf(name, sizeof name, "u250:%u", i);
        each(context, name,
             xrt->emulated ? "emulated"
             : handle      ? "can be opened"
                           : "cannot be opened; `xbutil examine` says why");
        if (handle)
            xrt->device_close(handle);
    }
    if (!status && !there)
        status = af_fail(AF_NO_DEVICE, "XRT finds no card; `xbutil examine` says what it sees");
    return status;
}
