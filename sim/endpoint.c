/* The far end of XRT's hardware emulation: what Xilinx's simulator is to the library, this program
 * is to Debian's libxrt_hwemu. The library starts it, it connects to two sockets, and answers
 * requests on the first until it is told to close.
 *
 * A request is 14 bytes (09, the payload's length in 8, 15, the call's number in 4, low byte first)
 * and a payload; its answer 9 bytes (09 and the length) and a payload. Payloads are protocol
 * buffers. The calls' numbers stand in XRT's xcl_macros.h; the fields in the descriptors inside of
 * libxrt_hwemu (rpc_messages.proto). */
#include "card.h"

#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum call {
    CALL_CLOSE = 1,
    CALL_LOAD_BITSTREAM = 3,
    CALL_ALLOCATE = 4,
    CALL_FREE = 5,
    CALL_TO_DEVICE = 6,
    CALL_FROM_DEVICE = 7,
    CALL_WRITE_REGISTER = 9,
    CALL_READ_REGISTER = 11,
    CALL_PERFORMANCE = 14,
    CALL_TRACE = 16,
    CALL_TIME = 17,
    CALL_BUS_STATUS = 18,
    CALL_MESSAGES = 19,
    CALL_SET_ENVIRONMENT = 20,
    CALL_SETUP_INSTANCE = 28,
};

enum {
    RECENT = 64,
    HEADER_BYTES = 14,
    ANSWER_HEADER_BYTES = 9,
    CYCLES_AT_ONCE = 256,
    CONNECT_SECONDS = 60
};
static const uint64_t PAYLOAD_LIMIT = 1u << 30;

enum fault { FAULT_NONE, FAULT_DIE, FAULT_HANG, FAULT_CORRUPT, FAULT_READ, FAULT_WRITE };

struct endpoint {
    struct card *card;
    struct memory *memory;
    int socket, second;
    double bus; /* bytes a cycle between host and card; 0: no time passes */
    enum fault fault;
    uint64_t fault_run; /* the run that it strikes */
    bool given_up;      /* the host has freed the buffers of a run: as if the unit had been reset */
    uint64_t bus_free;  /* the cycle until which the bus is taken */
    struct arrival {
        uint64_t address, cycle;
    } arrival[RECENT]; /* when the latest transfers to the card are complete */
    unsigned arrivals;
    uint64_t bus_cycles, both_cycles, bytes_to, bytes_from;
};

/* ---- Protocol buffers: the wire format's two kinds that occur ----------------------------------
 */

struct payload {
    uint8_t *byte;
    size_t length, room;
};

static void make_room(struct payload *p, size_t bytes)
{
    if (bytes <= p->room)
        return;
    p->room = 2 * bytes;
    uint8_t *more = realloc(p->byte, p->room);
    if (!more) {
        fprintf(stderr, "card: no memory for a message of %zu bytes\n", bytes);
        exit(2);
    }
    p->byte = more;
}

static void append(struct payload *p, const void *bytes, size_t n)
{
    make_room(p, p->length + n);
    memcpy(p->byte + p->length, bytes, n);
    p->length += n;
}

static void put_varint(struct payload *p, uint64_t v)
{
    do {
        const uint8_t byte = (uint8_t)((v & 127) | (v > 127 ? 128 : 0));
        append(p, &byte, 1);
        v >>= 7;
    } while (v);
}

static void put_number(struct payload *p, unsigned field, uint64_t v)
{
    put_varint(p, field << 3);
    put_varint(p, v);
}

static void put_bytes(struct payload *p, unsigned field, const void *bytes, size_t n)
{
    put_varint(p, field << 3 | 2);
    put_varint(p, n);
    append(p, bytes, n);
}

static bool take_varint(const struct payload *p, size_t *at, uint64_t *v)
{
    *v = 0;
    for (unsigned shift = 0; shift < 64 && *at < p->length; shift += 7) {
        const uint8_t byte = p->byte[(*at)++];
        *v |= (uint64_t)(byte & 127) << shift;
        if (!(byte & 128))
            return true;
    }
    return false;
}

/* A field of the message: a number, or where its bytes are and how many. The last one counts, a
 * field that is not there is 0. */
struct field {
    uint64_t number;
    const uint8_t *byte;
    size_t length;
};

static struct field get(const struct payload *p, unsigned wanted)
{
    struct field found = {0};
    for (size_t at = 0; at < p->length;) {
        uint64_t key, v;
        if (!take_varint(p, &at, &key))
            break;
        struct field f = {0};
        const unsigned kind = key & 7;
        if (kind == 0) {
            if (!take_varint(p, &at, &f.number))
                break;
        } else if (kind == 2) {
            if (!take_varint(p, &at, &v) || v > p->length - at)
                break;
            f.byte = p->byte + at;
            f.length = (size_t)v;
            at += (size_t)v;
        } else if (kind == 1 || kind == 5) {
            const size_t n = kind == 1 ? 8 : 4;
            if (n > p->length - at)
                break;
            memcpy(&f.number, p->byte + at, n);
            at += n;
        } else
            break;
        if (key >> 3 == wanted)
            found = f;
    }
    return found;
}

/* ---- Sockets -----------------------------------------------------------------------------------
 */

static bool receive(int from, void *bytes, size_t n)
{
    for (uint8_t *at = bytes; n;) {
        const ssize_t got = read(from, at, n);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return false;
        at += got;
        n -= (size_t)got;
    }
    return true;
}

static bool transmit(int to, const void *bytes, size_t n)
{
    for (const uint8_t *at = bytes; n;) {
        const ssize_t sent = send(to, at, n, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent <= 0)
            return false;
        at += sent;
        n -= (size_t)sent;
    }
    return true;
}

/* The library binds the socket about when it starts us. */
static int call_host(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path)
        return -1;
    strcpy(address.sun_path,
           path); /* NOLINT(clang-analyzer-security.insecureAPI.strcpy): checked */
    for (int i = 0; i < CONNECT_SECONDS * 200; i++) {
        const int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (s >= 0 && connect(s, (struct sockaddr *)&address, sizeof address) == 0)
            return s;
        if (s >= 0)
            close(s);
        nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
    }
    return -1;
}

static bool connect_both(struct endpoint *e)
{
    const char *user = getenv("USER"), *id = getenv("EMULATION_SOCKETID");
    char path[2][200];
    if (!user || !id) {
        fprintf(stderr, "card: XRT's emulation starts this program; `xrt-emu` sets it up\n");
        return false;
    }
    snprintf(path[0], sizeof path[0], "/tmp/%s/%s", user, id);
    snprintf(path[1], sizeof path[1], "/tmp/%s/D2X_unix_sock_%s", user, id);
    e->socket = call_host(path[0]);
    e->second = e->socket >= 0 ? call_host(path[1]) : -1;
    if (e->second < 0)
        fprintf(stderr, "card: nobody listens at %s\n", path[e->socket >= 0]);
    return e->second >= 0;
}

/* ---- The calls ---------------------------------------------------------------------------------
 */

static uint64_t now(const struct endpoint *e)
{
    return card_count(e->card).cycles;
}

/* Time goes on, and what the bus and the units share of it is counted. */
static void advance(struct endpoint *e, uint64_t cycles)
{
    const uint64_t at = now(e), busy = e->bus_free > at ? e->bus_free - at : 0,
                   first = cycles < busy ? cycles : busy, before = card_count(e->card).running;
    card_clock(e->card, first);
    e->both_cycles += card_count(e->card).running - before;
    card_clock(e->card, cycles - first);
}

static void advance_until(struct endpoint *e, uint64_t cycle)
{
    if (cycle > now(e))
        advance(e, cycle - now(e));
}

/* Transfers take the bus one after the other. Registers do not wait for it, as they would not on
 * PCI Express, so the answer to the host is not held back; the next transfer is, and so is the
 * start of a run whose words are not there yet. */
static void transfer(struct endpoint *e, uint64_t bytes)
{
    if (e->bus <= 0)
        return;
    const uint64_t cycles = (uint64_t)((double)bytes / e->bus) + 1;
    advance_until(e, e->bus_free);
    e->bus_free = now(e) + cycles;
    e->bus_cycles += cycles;
}

static void await_words(struct endpoint *e, uint64_t unit)
{
    uint32_t low = 0, high = 0;
    card_read(e->card, unit + CARD_WORDS_LOW, &low);
    card_read(e->card, unit + CARD_WORDS_HIGH, &high);
    const uint64_t address = (uint64_t)high << 32 | low;
    for (int i = 0; i < RECENT; i++)
        if (e->arrival[i].address == address)
            advance_until(e, e->arrival[i].cycle);
}

static bool strikes(const struct endpoint *e, enum fault fault)
{
    return e->fault == fault && card_count(e->card).runs >= e->fault_run;
}

static void to_device(struct endpoint *e, const struct payload *in, struct payload *out)
{
    const struct field bytes = get(in, 4);
    const uint64_t address = get(in, 3).number + get(in, 6).number;
    if (!memory_write(e->memory, address, bytes.byte, bytes.length))
        fprintf(stderr, "card: no memory for %zu bytes\n", bytes.length);
    e->bytes_to += bytes.length;
    transfer(e, bytes.length);
    e->arrival[e->arrivals++ % RECENT] = (struct arrival){address, e->bus_free};
    put_number(out, 1, bytes.length);
}

static void from_device(struct endpoint *e, const struct payload *in, struct payload *out)
{
    const uint64_t address = get(in, 4).number + get(in, 6).number, n = get(in, 5).number;
    uint8_t *bytes = n < PAYLOAD_LIMIT ? malloc((size_t)n + 1) : NULL;
    if (!bytes) {
        put_number(out, 1, 0);
        return;
    }
    memory_read(e->memory, address, bytes, (size_t)n);
    if (n > 12 && strikes(e, FAULT_CORRUPT))
        bytes[12] ^= 4; /* in the first answer's first word or so: its checksum tells */
    e->bytes_from += n;
    transfer(e, n);
    put_number(out, 1, n);
    put_bytes(out, 2, bytes, (size_t)n);
    free(bytes);
}

/* Word by word; the first, which may start the unit, last. */
static void write_registers(struct endpoint *e, const struct payload *in, struct payload *out)
{
    const uint64_t address = get(in, 2).number;
    const struct field bytes = get(in, 4);
    uint32_t word;
    if (e->bus > 0 && address % CARD_UNIT_BYTES == 0)
        await_words(e, address);
    for (size_t i = bytes.length / 4; i-- > 0;) {
        memcpy(&word, bytes.byte + 4 * i, sizeof word);
        if (!e->given_up && !card_write(e->card, address + 4 * i, word))
            fprintf(stderr, "card: there is no register 0x%llx\n",
                    (unsigned long long)(address + 4 * i));
    }
    if (strikes(e, FAULT_DIE)) {
        advance(e, CYCLES_AT_ONCE);
        raise(SIGKILL);
    }
    if (strikes(e, FAULT_HANG))
        card_hang(e->card);
    card_refuse(e->card, strikes(e, FAULT_READ), strikes(e, FAULT_WRITE));
    put_number(out, 1, 1);
}

static void read_registers(struct endpoint *e, const struct payload *in, struct payload *out)
{
    const uint64_t address = get(in, 2).number, n = get(in, 3).number;
    uint32_t word[64] = {0};
    for (size_t i = 0; i < n / 4 && i < 64; i++) {
        if (e->given_up)
            word[i] = 14; /* done, idle, ready */
        else
            card_read(e->card, address + 4 * i, &word[i]);
    }
    put_number(out, 1, 1);
    put_bytes(out, 2, word, n < sizeof word ? (size_t)n : sizeof word);
}

static bool answer_call(struct endpoint *e, uint32_t call, const struct payload *in,
                        struct payload *out)
{
    switch (call) {
    case CALL_SET_ENVIRONMENT:
    case CALL_LOAD_BITSTREAM:
    case CALL_SETUP_INSTANCE:
    case CALL_CLOSE: put_number(out, 1, 1); break;
    case CALL_ALLOCATE:
        put_number(out, 1, memory_allocate(e->memory, get(in, 1).number, get(in, 2).number));
        put_bytes(out, 2, "", 0);
        break;
    case CALL_FREE:
        e->given_up = e->given_up || card_running(e->card) || card_stuck(e->card);
        memory_release(e->memory, get(in, 1).number);
        put_number(out, 1, 1);
        break;
    case CALL_TO_DEVICE: to_device(e, in, out); break;
    case CALL_FROM_DEVICE: from_device(e, in, out); break;
    case CALL_WRITE_REGISTER: write_registers(e, in, out); break;
    case CALL_READ_REGISTER: read_registers(e, in, out); break;
    case CALL_TIME: put_number(out, 1, card_count(e->card).cycles); break;
    case CALL_PERFORMANCE:
    case CALL_TRACE:
    case CALL_BUS_STATUS:
    case CALL_MESSAGES: break; /* an empty message: all zero */
    default: fprintf(stderr, "card: XRT asks for call %u, which is not known here\n", call); break;
    }
    return call != CALL_CLOSE;
}

/* Until Close: 0; the host went away: 1. While it is silent, units run. */
static int serve(struct endpoint *e)
{
    struct payload in = {0}, out = {0};
    bool more = true, good = true;
    while (more && good) {
        struct pollfd waiting = {.fd = e->socket, .events = POLLIN};
        while (!e->given_up && !card_stuck(e->card) && card_running(e->card) &&
               poll(&waiting, 1, 0) == 0)
            advance(e, CYCLES_AT_ONCE);
        uint8_t header[HEADER_BYTES];
        uint64_t length = 0;
        uint32_t call = 0;
        good = receive(e->socket, header, sizeof header);
        if (!good)
            break;
        memcpy(&length, header + 1, 8);
        memcpy(&call, header + 10, 4);
        if (header[0] != 9 || header[9] != 0x15 || length > PAYLOAD_LIMIT) {
            fprintf(stderr, "card: a request that is none; is this another XRT than 2.13?\n");
            good = false;
            break;
        }
        out.length = 0;
        in.length = (size_t)length;
        make_room(&in, in.length);
        good = receive(e->socket, in.byte, in.length);
        if (good)
            more = answer_call(e, call, &in, &out);
        if (good && !more) {
            const uint8_t close_second[HEADER_BYTES] = {9, [9] = 0x15, CALL_CLOSE};
            good = transmit(e->second, close_second, sizeof close_second);
        }
        uint8_t head[ANSWER_HEADER_BYTES] = {9};
        const uint64_t bytes = out.length;
        memcpy(head + 1, &bytes, 8);
        good = good && transmit(e->socket, head, sizeof head) &&
               transmit(e->socket, out.byte, out.length);
    }
    free(in.byte);
    free(out.byte);
    return good ? 0 : 1;
}

/* ---- Command line ------------------------------------------------------------------------------
 */

static const char usage[] =
    "Usage: adafire-card-BUILD [OPTION]...\n"
    "An emulated card. XRT's hardware emulation starts it; `xrt-emu` writes its options.\n"
    "\n"
    "  --unit ADDRESS       a compute unit's registers (may be repeated)\n"
    "  --latency N          cycles until the memory answers (default 30)\n"
    "  --stall PERCENT      of cycles in which a channel of the memory rests (default 0)\n"
    "  --bus NUMBER         bytes a cycle between host and card (default 0: takes no time)\n"
    "  --fault KIND=RUN     in its run number RUN: die, hang, corrupt; read, write: the memory\n"
    "                       answers reads, or writes, with an error (AXI's SLVERR)\n"
    "  --counts FILE        at the end, appends a line of what was counted (JSON)\n";

static bool read_fault(struct endpoint *e, const char *text)
{
    static const char *const kinds[] = {"die=", "hang=", "corrupt=", "read=", "write="};
    for (int i = 0; i < (int)(sizeof kinds / sizeof *kinds); i++)
        if (strncmp(text, kinds[i], strlen(kinds[i])) == 0) {
            e->fault = FAULT_DIE + (unsigned)i;
            e->fault_run = strtoull(text + strlen(kinds[i]), NULL, 10);
            return e->fault_run > 0;
        }
    return false;
}

static bool read_options(int argc, char **argv, struct endpoint *e, struct card_options *o,
                         const char **counts)
{
    static const struct option options[] = {{"unit", 1, NULL, 'u'},  {"latency", 1, NULL, 'l'},
                                            {"stall", 1, NULL, 's'}, {"bus", 1, NULL, 'b'},
                                            {"fault", 1, NULL, 'f'}, {"counts", 1, NULL, 'c'},
                                            {"help", 0, NULL, 'h'},  {NULL, 0, NULL, 0}};
    bool good = true;
    for (int opt; good && (opt = getopt_long(argc, argv, "", options, NULL)) != -1;)
        switch (opt) {
        case 'u':
            good = o->units < CARD_MOST_UNITS;
            if (good)
                o->base[o->units++] = strtoull(optarg, NULL, 0);
            break;
        case 'l': o->latency = (unsigned)strtoul(optarg, NULL, 10); break;
        case 's':
            o->stall = (unsigned)strtoul(optarg, NULL, 10);
            good = o->stall < 100;
            break;
        case 'b': e->bus = strtod(optarg, NULL); break;
        case 'f': good = read_fault(e, optarg); break;
        case 'c': *counts = optarg; break;
        case 'h': fputs(usage, stdout); exit(0);
        default: good = false;
        }
    return good && optind == argc && o->units;
}

static void write_counts(const struct endpoint *e, const char *path)
{
    const struct card_counts c = card_count(e->card);
    FILE *f = path ? fopen(path, "a") : NULL;
    if (!f)
        return;
    fprintf(f,
            "{\"cycles\": %llu, \"running\": %llu, \"bus\": %llu, \"both\": %llu, \"runs\": %llu, "
            "\"words_in\": %llu, \"words_out\": %llu, \"bytes_to\": %llu, \"bytes_from\": %llu}\n",
            (unsigned long long)c.cycles, (unsigned long long)c.running,
            (unsigned long long)e->bus_cycles, (unsigned long long)e->both_cycles,
            (unsigned long long)c.runs, (unsigned long long)c.words_in,
            (unsigned long long)c.words_out, (unsigned long long)e->bytes_to,
            (unsigned long long)e->bytes_from);
    fclose(f);
}

int main(int argc, char **argv)
{
    struct endpoint e = {.socket = -1, .second = -1};
    struct card_options o = {.latency = 30};
    const char *counts = NULL;
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* never outlive the host */
    if (!read_options(argc, argv, &e, &o, &counts)) {
        fputs(usage, stderr);
        return 2;
    }
    int status = 2;
    e.memory = memory_make();
    e.card = e.memory ? card_open(&o, e.memory) : NULL;
    if (!e.card)
        fprintf(stderr, "card: no memory\n");
    else if (connect_both(&e)) {
        status = serve(&e);
        advance_until(&e, e.bus_free);
    }
    if (e.card)
        write_counts(&e, counts);
    if (e.second >= 0)
        close(e.second);
    if (e.socket >= 0)
        close(e.socket);
    card_close(e.card);
    memory_free(e.memory);
    return status;
}
