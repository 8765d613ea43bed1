/* usb-faults MODEL.snn IMAGES.npy COUNT SEED BOARD, under usb-emulator: as many faults, one after
 * the other. After each the board either gives the answers that cpu gives, or one sentence; the
 * next run is as ever. At the end nothing is left open. */
#include "adafire.h"
#include "chip.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { SAMPLES = 8, AT_A_TIME = 2, SAMPLE_BYTES = 64, MOST_FAILURES = 5, MOST_STARVED = 50 };
/* Cycles without a byte that no sample takes. */
enum { QUIET = 1000000 };

static struct {
    struct af_model *model;
    struct af_device *device;
    struct control *control;
    const char *board;
    struct af_sample sample[SAMPLES];
    struct af_result right[SAMPLES];
    uint8_t bytes[SAMPLES * SAMPLE_BYTES];
    uint32_t random;
    int failures, runs, starved, told[FAULTS], harmless[FAULTS];
} t;

static uint32_t dice(uint32_t n)
{
    t.random ^= t.random << 13;
    t.random ^= t.random >> 17;
    t.random ^= t.random << 5;
    return t.random % n;
}

static void fail(const char *what, int fault)
{
    printf("FAIL %s after %s: %s\n", what, chip_fault_names[fault], af_error());
    fflush(stdout);
    t.failures++;
}

static bool read_samples(const char *path)
{
    uint8_t head[10];
    FILE *f = fopen(path, "rb");
    bool good = f && fread(head, 1, sizeof head, f) == sizeof head &&
                fseek(f, 10 + head[8] + 256 * head[9], SEEK_SET) == 0 &&
                fread(t.bytes, 1, sizeof t.bytes, f) == sizeof t.bytes;
    if (f)
        fclose(f);
    for (int i = 0; i < SAMPLES; i++)
        t.sample[i] = (struct af_sample){
            .type = AF_U8, .data = t.bytes + i * SAMPLE_BYTES, .length = SAMPLE_BYTES};
    return good;
}

static bool is_right(const struct af_result *a, const struct af_result *b)
{
    return a->timesteps == b->timesteps && a->output_size == b->output_size &&
           memcmp(a->output, b->output, (size_t)a->output_size * sizeof *a->output) == 0;
}

/* The host's patience, which is of this computer's time, has ended before the board has had time.
 */
static bool is_starved(int status, uint32_t happened)
{
    const struct control *k = t.control;
    const uint64_t last = k->last_in > k->last_out ? k->last_in : k->last_out;
    const bool starved =
        status == AF_TIMEOUT && k->happened == happened && k->cycles - last < QUIET;
    t.starved += starved;
    return starved;
}

/* Some samples; a wrong answer is a failure, an error is not. */
static int run(int fault)
{
    struct af_result result[AT_A_TIME];
    const int first = (int)dice(SAMPLES - AT_A_TIME + 1);
    uint32_t happened;
    int status;
    t.runs++;
    do {
        happened = t.control->happened;
        status = af_run(t.device, &t.sample[first], AT_A_TIME, NULL, result);
    } while (is_starved(status, happened) && t.starved < MOST_STARVED);
    for (int i = 0; i < AT_A_TIME && !status; i++) {
        if (!is_right(&result[i], &t.right[first + i]))
            fail("a wrong answer", fault);
        af_result_free(&result[i]);
    }
    if (status && (!*af_error() || strchr(af_error(), '\n')))
        fail("no sentence", fault);
    return status;
}

static int open_board(void)
{
    /* The board behind a FIFO has a clock of its own and that of the chip to simulate. */
    const bool serial = t.control->kinds >> FAULT_GLITCH & 1;
    const struct af_device_options options = {.timeout = serial ? 20 : 60};
    return af_device_open(t.board, &options, t.model, &t.device);
}

static int reopen(void)
{
    af_device_close(t.device);
    t.device = NULL;
    return open_board();
}

/* One of those before `end` that this board knows. */
static int some_fault(int end)
{
    int fault;
    do
        fault = 1 + (int)dice((uint32_t)end - 1);
    while (!(t.control->kinds >> fault & 1));
    return fault;
}

/* Another fault while the board is reset and loaded anew. */
static int disturb_recovery(void)
{
    const int fault = some_fault(FAULT_UNPLUG);
    t.control->after = dice(1000);
    t.control->fault = (uint32_t)fault;
    const int status = run(fault);
    t.control->fault = FAULT_NONE;
    return status;
}

static void one_fault(int i)
{
    const int fault = some_fault(FAULTS);
    struct control *k = t.control;
    const uint32_t before = k->happened;
    k->seed = dice(1000);
    k->after = fault == FAULT_CONTROL ? 0 : dice(i % 4 ? 600 : 60);
    k->fault = (uint32_t)fault;
    int status = fault == FAULT_CONTROL ? reopen() : run(fault);
    for (int again = 0; again < 2 && k->happened == before && !status; again++)
        status = run(fault);
    k->fault = FAULT_NONE;
    if (getenv("USB_FAULTS_VERBOSE"))
        printf("%s: %s\n", chip_fault_names[fault], status ? af_error() : "harmless");
    t.told[fault] += status != 0;
    t.harmless[fault] += !status;
    if (status && k->happened == before)
        fail("an error without a fault", fault);
    if (fault == FAULT_UNPLUG && status && run(fault) == 0)
        fail("it runs though unplugged", fault);
    if ((fault == FAULT_UNPLUG || !t.device) && reopen())
        fail("it cannot be opened again", fault);
    if (status && t.device && dice(4) == 0)
        status = disturb_recovery();
    /* What happened behind the last answer is told by the next run. */
    if (!t.device || (run(fault) && (status || run(fault))))
        fail("no recovery", fault);
}

static int open_files(void)
{
    int n = 0;
    DIR *d = opendir("/proc/self/fd");
    while (d && readdir(d))
        n++;
    if (d)
        closedir(d);
    return n;
}

int main(int argc, char **argv)
{
    const char *fd = getenv("USB_EMULATOR_FD");
    if (argc != 6 || !fd)
        return fprintf(stderr,
                       "usb-emulator ... usb-faults MODEL.snn IMAGES.npy COUNT SEED BOARD\n"),
               2;
    t.control = mmap(NULL, sizeof *t.control, PROT_READ | PROT_WRITE, MAP_SHARED, atoi(fd), 0);
    t.random = (uint32_t)strtoul(argv[4], NULL, 10) + 1;
    t.board = argv[5];
    const int count = atoi(argv[3]);
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (!read_samples(argv[2]) || af_model_load(argv[1], &t.model) ||
        af_device_open("cpu", NULL, t.model, &t.device) ||
        af_run(t.device, t.sample, SAMPLES, NULL, t.right))
        return fprintf(stderr, "usb-faults: %s\n", af_error()), 2;
    af_device_close(t.device);
    const int files = open_files();
    if (open_board())
        return fprintf(stderr, "usb-faults: %s\n", af_error()), 2;
    for (int i = 0; i < count && t.device && t.failures < MOST_FAILURES; i++)
        one_fault(i);
    af_device_close(t.device);
    if (open_files() != files)
        fail("files are left open", 0);
    for (int i = 0; i < SAMPLES; i++)
        af_result_free(&t.right[i]);
    af_model_free(t.model);
    for (int i = 1; i < FAULTS; i++)
        if (t.control->kinds >> i & 1)
            printf("  %-10s %4d told, %d harmless\n", chip_fault_names[i], t.told[i],
                   t.harmless[i]);
    if (t.starved)
        printf("%d runs again: this computer had no time for the board\n", t.starved);
    printf("%u faults in %d runs, %d failures\n", t.control->happened, t.runs, t.failures);
    return t.failures ? 1 : 0;
}
