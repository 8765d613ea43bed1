#include "board.h"
#include "chip.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const chip_fault_names[FAULTS] = {
    "none",     "lose-out",  "twice-out", "flip-out", "lose-in", "twice-in",
    "flip-in",  "overrun",   "glitch",    "power",    "silence", "stall-out",
    "stall-in", "short-out", "io-out",    "io-in",    "control", "unplug"};

enum { RESET = 0, FLOW = 2, BAUD = 3, DATA = 4, LATENCY = 9, BITMODE = 11 };
enum {
    LINE_IDLE = 0x60,
    LINE_OVERRUN = 0x02,
    LINE_FRAMING = 0x08,
    MODEM = 0x32,
    SYNC_FIFO = 0x40,
    FLOW_RTS_CTS = 1
};

struct chip {
    void *library;
    struct board *(*board_open)(void);
    void (*board_close)(struct board *);
    int (*clock_uart)(struct board *, int);
    unsigned (*uart_mhz)(void), (*uart_baud)(void);
    void (*clock_fifo)(struct board *, int, struct board_fifo *);
    struct board *board;
    struct control *control;
    struct queue out, in;    /* to the board, to the host */
    double microsecond, bit; /* cycles */
    int mode, flow, latency;
    bool broken, silent, twice;
    bool offered;   /* the FIFO's next byte is at its pins */
    uint64_t timer; /* when the latency timer ends */
    uint8_t line;   /* status since the last packet */
    /* The line to the board, and from it: a byte, its bits that are still to come, and when. */
    unsigned out_bits, out_left, in_bits, in_byte;
    double out_next, in_next;
    uint64_t glitch; /* until then */
    int out_level, in_level;
    struct board_fifo pins;
};

static void push(struct queue *q, uint8_t byte)
{
    if (q->count < CHIP_BUFFER)
        q->byte[(q->begin + q->count++) % CHIP_BUFFER] = byte;
}

static uint8_t pop(struct queue *q)
{
    const uint8_t byte = q->byte[q->begin];
    q->begin = (q->begin + 1) % CHIP_BUFFER;
    q->count--;
    return byte;
}

/* ---- Faults ------------------------------------------------------------------------------------
 */

bool chip_fault_due(struct chip *c, enum chip_fault fault)
{
    if (c->control->fault != fault || c->control->after)
        return false;
    c->control->fault = FAULT_NONE;
    c->control->happened++;
    return true;
}

/* A byte goes by; how often it arrives. */
static int pass(struct chip *c, bool out, uint8_t *byte)
{
    struct control *k = c->control;
    const enum chip_fault lose = out ? FAULT_LOSE_OUT : FAULT_LOSE_IN;
    const bool mine = out ? k->fault <= FAULT_FLIP_OUT || k->fault >= FAULT_GLITCH
                          : k->fault >= FAULT_LOSE_IN && k->fault <= FAULT_OVERRUN;
    if (mine && k->after) {
        k->after--;
        return 1;
    }
    if (chip_fault_due(c, lose))
        return 0;
    if (chip_fault_due(c, lose + 1))
        return 2;
    if (chip_fault_due(c, lose + 2))
        *byte ^= (uint8_t)(1 << k->seed % 8);
    return 1;
}

static void restart_board(struct chip *c)
{
    c->board_close(c->board);
    c->board = c->board_open();
}

/* ---- Serial line -------------------------------------------------------------------------------
 */

static uint64_t now(const struct chip *c)
{
    return c->control->cycles;
}

static void begin_byte(struct chip *c)
{
    struct control *k = c->control;
    uint8_t byte = c->out.byte[c->out.begin];
    if (!k->out)
        k->first_out = now(c);
    k->last_out = now(c);
    k->out++;
    int times = c->twice ? 1 : pass(c, true, &byte);
    if (chip_fault_due(c, FAULT_GLITCH))
        c->glitch = now(c) + (uint64_t)(c->bit * (1 + k->seed % 12));
    if (chip_fault_due(c, FAULT_POWER))
        restart_board(c);
    c->silent |= chip_fault_due(c, FAULT_SILENCE);
    c->twice = times == 2;
    if (times < 2)
        pop(&c->out);
    if (times) {
        c->out_bits = 1u << 9 | (unsigned)byte << 1;
        c->out_left = 10;
        c->out_next = c->out_next > (double)now(c) ? c->out_next : (double)now(c);
    }
}

/* The level at the board's pin. */
static int line_out(struct chip *c)
{
    const double t = (double)now(c);
    if (!c->out_left && c->out.count && !c->broken && t >= c->out_next)
        begin_byte(c);
    if (c->out_left && t >= c->out_next) {
        c->out_level = c->out_bits & 1;
        c->out_bits >>= 1;
        c->out_left--;
        c->out_next += c->bit;
    }
    return c->out_level && !c->broken && now(c) >= c->glitch;
}

static void arrive(struct chip *c, uint8_t byte)
{
    struct control *k = c->control;
    int times = c->silent ? 0 : pass(c, false, &byte);
    k->in++;
    k->last_in = now(c);
    if (c->in.count == CHIP_BUFFER || chip_fault_due(c, FAULT_OVERRUN)) {
        c->line |= LINE_OVERRUN;
        times = 0;
    }
    while (times--)
        push(&c->in, byte);
}

static void line_in(struct chip *c, int level)
{
    const double t = (double)now(c);
    if (!c->in_bits && c->in_level && !level) {
        c->in_bits = 10;
        c->in_byte = 0;
        c->in_next = t + c->bit / 2;
    }
    c->in_level = level;
    if (!c->in_bits || t < c->in_next)
        return;
    c->in_next += c->bit;
    c->in_bits--;
    if (c->in_bits && c->in_bits < 9)
        c->in_byte |= (unsigned)level << (8 - c->in_bits);
    if (c->in_bits == 0 && level)
        arrive(c, (uint8_t)c->in_byte);
    else if (c->in_bits == 0)
        c->line |= LINE_FRAMING;
}

/* ---- Synchronous FIFO --------------------------------------------------------------------------
 */

/* The byte that the board takes next. */
static void offer(struct chip *c)
{
    if (c->offered || !c->out.count)
        return;
    const int times = pass(c, true, &c->out.byte[c->out.begin]);
    c->offered = times > 0;
    c->twice = times == 2;
    if (!times)
        pop(&c->out);
}

static void fifo_cycle(struct chip *c)
{
    struct control *k = c->control;
    struct board_fifo *p = &c->pins;
    /* FTDI's AN_130 sets flow control before this mode; a chip that was not told so may lose bytes,
     * and this one does not begin. */
    const bool running = c->mode == SYNC_FIFO && c->flow == FLOW_RTS_CTS;
    c->clock_fifo(c->board, running, p);
    k->clashes += running && !p->oe_n && p->out != p->in;
    if (running && !p->rd_n && !p->oe_n && !p->rxf_n) {
        if (!k->out)
            k->first_out = now(c);
        k->last_out = now(c);
        k->out++;
        if (!c->twice) {
            pop(&c->out);
            c->offered = false;
        }
        c->twice = false;
        if (chip_fault_due(c, FAULT_POWER))
            restart_board(c);
        c->silent |= chip_fault_due(c, FAULT_SILENCE);
    }
    if (running && !p->wr_n && !p->txe_n) {
        uint8_t byte = p->out;
        int times = c->silent ? 0 : pass(c, false, &byte);
        k->in++;
        k->last_in = now(c);
        while (times--)
            push(&c->in, byte);
    }
    if (running)
        offer(c);
    p->rxf_n = !running || !c->offered;
    p->txe_n = !running || c->in.count == CHIP_BUFFER;
    p->in = c->offered ? c->out.byte[c->out.begin] : 0;
}

/* ---- For the USB side --------------------------------------------------------------------------
 */

void chip_run(struct chip *c, uint64_t n)
{
    for (uint64_t i = 0; i < n; i++) {
        if (c->clock_uart)
            line_in(c, c->clock_uart(c->board, line_out(c)));
        else
            fifo_cycle(c);
        c->control->cycles++;
    }
}

unsigned chip_baud(const struct chip *c)
{
    return c->uart_baud ? c->uart_baud() : 0;
}

double chip_microsecond(const struct chip *c)
{
    return c->microsecond;
}

static double baud_of(int value, int index)
{
    static const int eighths[8] = {0, 4, 2, 1, 3, 5, 6, 7};
    const int code = (value & 0xffff) | (index >> 8 & 1) << 16,
              whole = 8 * (code & 0x3fff) + eighths[code >> 14 & 7];
    const double base = index >> 9 & 1 ? 12e6 : 3e6;
    return code == 0 ? base : code == 1 ? base / 1.5 : base * 8 / whole;
}

static void empty(struct queue *q)
{
    q->begin = q->count = 0;
}

void chip_request(struct chip *c, int request, int value, int index)
{
    switch (request) {
    case RESET:
        if (value == 0 || value == 1)
            empty(&c->in);
        if (value == 0 || value == 2) {
            empty(&c->out);
            c->offered = c->twice = false;
        }
        break;
    case BAUD: c->bit = 1e6 * c->microsecond / baud_of(value, index); break;
    case DATA:
        c->broken = value >> 14 & 1;
        if (c->broken) {
            c->silent = c->twice = false;
            c->out_left = 0;
            c->out_level = 1;
        }
        break;
    case LATENCY: c->latency = value; break;
    case FLOW: c->flow = index >> 8; break;
    case BITMODE:
        c->mode = value >> 8;
        if (c->mode != SYNC_FIFO)
            c->silent = false;
        break;
    default: break;
    }
    chip_run(c, (uint64_t)(125 * c->microsecond)); /* a microframe */
}

size_t chip_take(struct chip *c, const uint8_t *bytes, size_t n)
{
    size_t taken = 0;
    while (taken < n && c->out.count < CHIP_BUFFER)
        push(&c->out, bytes[taken++]);
    return taken;
}

size_t chip_packet(struct chip *c, uint8_t packet[CHIP_PACKET])
{
    size_t n = c->in.count < CHIP_PAYLOAD ? c->in.count : CHIP_PAYLOAD;
    if (n < CHIP_PAYLOAD && now(c) < c->timer)
        return 0;
    c->timer = now(c) + (uint64_t)(1000 * c->latency * c->microsecond);
    packet[0] = MODEM;
    packet[1] = LINE_IDLE | c->line;
    c->line = 0;
    for (size_t i = 0; i < n; i++)
        packet[2 + i] = pop(&c->in);
    return n + 2;
}

/* POSIX: pointers to functions and to objects are of one size. */
static void find(struct chip *c, const char *name, void *function)
{
    void *symbol = dlsym(c->library, name);
    memcpy(function, &symbol, sizeof symbol);
}

struct chip *chip_open(const char *library, struct control *control)
{
    struct chip *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    c->control = control;
    c->library = dlopen(library, RTLD_NOW | RTLD_LOCAL);
    if (!c->library) {
        fprintf(stderr, "usb-emulator: %s\n", dlerror());
        free(c);
        return NULL;
    }
    find(c, "board_open", &c->board_open);
    find(c, "board_close", &c->board_close);
    find(c, "board_clock_uart", &c->clock_uart);
    find(c, "board_uart_mhz", &c->uart_mhz);
    find(c, "board_uart_baud", &c->uart_baud);
    find(c, "board_clock_fifo", &c->clock_fifo);
    c->microsecond = c->uart_mhz ? c->uart_mhz() : 60;
    c->bit = c->microsecond * 1e6 / 9600;
    c->latency = 16;
    c->in_level = c->out_level = 1;
    c->pins.rxf_n = c->pins.txe_n = 1;
    c->board = c->board_open();
    control->kinds = (2u << (FAULTS - 1)) - 2;
    if (!c->clock_uart)
        control->kinds &= ~(1u << FAULT_OVERRUN | 1u << FAULT_GLITCH);
    return c;
}

void chip_close(struct chip *c)
{
    c->board_close(c->board);
    dlclose(c->library);
    free(c);
}
