/* A stand-in for XRT and a card, for what no emulation shows: who holds a card, states of runs that
 * fail, and whether every handle is closed. It is both libraries, libxrt_coreutil and libxrt_core;
 * its kernel is hw/kernel.c, compiled for this computer.
 *
 * FAKE_XRT names a fault: none, busy (another process has the unit), refuse (the xclbin), memory=N
 * (the N-th buffer is not to be had), state=S (from the third run on, S is what becomes of them),
 * damage (of the third answer), checksum (of its question's end), version (of the machine's
 * language, one later). FAKE_CARDS is how many cards there are (default 2). At the end a line goes
 * to FAKE_XRT_LOG: handles left open, runs, resets.
 */
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum { STATE_NEW = 1, STATE_COMPLETED = 4, FAULTY_RUN = 3 };

void kernel_words(const uint32_t *in, uint32_t *out, uint32_t in_words, uint32_t room,
                  const uint32_t *script, const uint32_t *data, uint32_t *lists);
unsigned xclProbe(void);
int xclInternalResetDevice(void *shim, int kind);
void *xrtDeviceOpen(unsigned index);
void *xrtDeviceOpenByBDF(const char *address);
int xrtDeviceClose(void *device);
int xrtDeviceLoadXclbinFile(void *device, const char *path);
int xrtDeviceGetXclbinUUID(void *device, unsigned char uuid[16]);
void *xrtDeviceToXclDevice(void *device);
void *xrtPLKernelOpenExclusive(void *device, const unsigned char uuid[16], const char *name);
int xrtKernelClose(void *kernel);
int xrtKernelArgGroupId(void *kernel, int argument);
void *xrtBOAlloc(void *device, size_t bytes, uint64_t flags, uint32_t group);
void *xrtBOMap(void *buffer);
int xrtBOSync(void *buffer, int direction, size_t bytes, size_t offset);
int xrtBOFree(void *buffer);
void *xrtRunOpen(void *kernel);
int xrtRunSetArg(void *run, int argument, ...);
int xrtRunStart(void *run);
int xrtRunState(void *run);
int xrtRunClose(void *run);

struct buffer {
    size_t bytes;
    uint8_t *here, *card; /* the host's copy and the card's */
};
struct run {
    struct buffer *in, *out, *memory;
    uint32_t words, room;
    int state;
};

static int open_handles, runs, resets, buffers;

static const char *fault(const char *name)
{
    const char *all = getenv("FAKE_XRT");
    const size_t n = strlen(name);
    return all && strncmp(all, name, n) == 0 ? all + n : NULL;
}

__attribute__((destructor)) static void tell(void)
{
    const char *path = getenv("FAKE_XRT_LOG");
    FILE *f = path && runs ? fopen(path, "w") : NULL;
    if (f) {
        fprintf(f, "open %d, runs %d, resets %d\n", open_handles, runs, resets);
        fclose(f);
    }
}

static void *make(size_t bytes)
{
    open_handles++;
    return calloc(1, bytes);
}

static int unmake(void *handle)
{
    open_handles--;
    free(handle);
    return 0;
}

unsigned xclProbe(void)
{
    const char *cards = getenv("FAKE_CARDS");
    return cards ? (unsigned)atoi(cards) : 2;
}

int xclInternalResetDevice(void *shim, int kind)
{
    resets += shim && kind == 2;
    return 0;
}

void *xrtDeviceOpen(unsigned index)
{
    return index < xclProbe() ? make(8) : NULL;
}

void *xrtDeviceOpenByBDF(const char *address)
{
    return strcmp(address, "0000:03:00.1") == 0 ? make(8) : NULL;
}

int xrtDeviceClose(void *device)
{
    return unmake(device);
}

int xrtDeviceLoadXclbinFile(void *device, const char *path)
{
    return !device || !path || fault("refuse") ? -1 : 0;
}

int xrtDeviceGetXclbinUUID(void *device, unsigned char uuid[16])
{
    memset(uuid, 7, 16);
    return device ? 0 : -1;
}

void *xrtDeviceToXclDevice(void *device)
{
    return device;
}

void *xrtPLKernelOpenExclusive(void *device, const unsigned char uuid[16], const char *name)
{
    return device && uuid[0] == 7 && strchr(name, '{') && !fault("busy") ? make(8) : NULL;
}

int xrtKernelClose(void *kernel)
{
    return unmake(kernel);
}

int xrtKernelArgGroupId(void *kernel, int argument)
{
    return kernel && (argument < 2 || (argument > 3 && argument < 7)) ? 0 : -1;
}

void *xrtBOAlloc(void *device, size_t bytes, uint64_t flags, uint32_t group)
{
    const char *which = fault("memory=");
    if (!device || flags || group || bytes % 4096 || (which && ++buffers == atoi(which)))
        return NULL;
    struct buffer *b = make(sizeof *b);
    b->bytes = bytes;
    b->here = calloc(1, bytes);
    b->card = malloc(bytes);
    memset(b->card, 0xa5, bytes); /* nobody may count on what was there */
    return b;
}

void *xrtBOMap(void *buffer)
{
    return ((struct buffer *)buffer)->here;
}

int xrtBOSync(void *buffer, int direction, size_t bytes, size_t offset)
{
    struct buffer *b = buffer;
    if (offset > b->bytes || bytes > b->bytes - offset)
        return -1;
    if (direction == 0)
        memcpy(b->card + offset, b->here + offset, bytes);
    else
        memcpy(b->here + offset, b->card + offset, bytes);
    return 0;
}

int xrtBOFree(void *buffer)
{
    struct buffer *b = buffer;
    free(b->here);
    free(b->card);
    return unmake(b);
}

void *xrtRunOpen(void *kernel)
{
    struct run *r = kernel ? make(sizeof *r) : NULL;
    if (r)
        r->state = STATE_NEW;
    return r;
}

int xrtRunSetArg(void *run, int argument, ...)
{
    struct run *r = run;
    va_list args;
    va_start(args, argument);
    switch (argument) {
    case 0: r->in = va_arg(args, void *); break;
    case 1: r->out = va_arg(args, void *); break;
    case 2: r->words = va_arg(args, uint32_t); break;
    case 3: r->room = va_arg(args, uint32_t); break;
    case 4:
    case 5:
    case 6: r->memory = va_arg(args, void *); break;
    default: break;
    }
    va_end(args);
    return argument < 7 ? 0 : -1;
}

/* In the answer to COMMAND_IDENTIFY: head, length, version, ..., checksum. */
static void claim_version(uint32_t *answer)
{
    const uint32_t words = 2 + answer[1];
    answer[2]++;
    answer[words] = (uint32_t)crc32(0, (const unsigned char *)answer, 4 * words);
}

int xrtRunStart(void *run)
{
    struct run *r = run;
    const char *state = fault("state=");
    if (r->room + 1 > r->out->bytes / 4 || r->words > r->in->bytes / 4)
        return -1;
    runs++;
    r->state = STATE_COMPLETED;
    if (fault("checksum") && runs == FAULTY_RUN)
        r->in->card[4 * r->words - 1] ^= 1;
    if (state && runs >= FAULTY_RUN)
        r->state = atoi(state);
    else
        kernel_words((const uint32_t *)(const void *)r->in->card, (uint32_t *)(void *)r->out->card,
                     r->words, r->room, NULL, NULL, (uint32_t *)(void *)r->memory->card);
    if (fault("version") && runs == 1)
        claim_version((uint32_t *)(void *)r->out->card + 1);
    if (fault("damage") && runs == FAULTY_RUN)
        r->out->card[16] ^= 1;
    return 0;
}

int xrtRunState(void *run)
{
    return ((struct run *)run)->state;
}

int xrtRunClose(void *run)
{
    return unmake(run);
}
