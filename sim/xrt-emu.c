/* xrt-emu: runs a command with emulated Alveo cards. */
#include <dlfcn.h>
#include <errno.h>
#include <ftw.h>
#include <getopt.h>
#include <limits.h>
#include <link.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const char usage[] =
    "Usage: xrt-emu [OPTION]... COMMAND [ARGUMENT]...\n"
    "Runs a command that uses XRT with emulated Alveo U250 cards: the system's own XRT in "
    "hardware\n"
    "emulation, and behind it AdaFire's kernel as Verilog, clocked by Verilator.\n"
    "\n"
    "Examples:\n"
    "  xrt-emu adafire-host --board u250 model.snn images.npy\n"
    "  xrt-emu --devices 2 adafire-host --board u250 --devices all model.snn images.npy\n"
    "\n"
    "      --build NAME       the accelerator's size: sim (default) or tiny; `make emu-tiny`\n"
    "      --devices N        cards (default 1)\n"
    "      --units N          compute units of a card (default 1)\n"
    "      --noop             no card at all: calls succeed and move nothing\n"
    "      --deadline SECONDS ends the command if it takes longer (default: never)\n"
    "      --keep             leave the folder with logs, and say where it is\n"
    "      --real-sleep       wait as long as XRT waits: ten seconds at the start\n"
    "How the card behaves:\n"
    "      --latency N, --stall PERCENT, --bus NUMBER, --fault KIND=RUN, --counts FILE\n"
    "                         as `adafire-card-sim --help` has them\n"
    "      --bank KIB         size of each of its four banks of memory\n"
    "      --help\n"
    "\n"
    "The exit status is the command's; 2, with a sentence, if a card or the deadline ended it.\n";

enum { EXIT_ERROR = 2, GRACE_SECONDS = 2, PAD = 163840 };

struct emulation {
    char folder[64]; /* /tmp/NAME; NAME is USER to XRT, which puts its sockets there too */
    char programs[PATH_MAX];
    const char *build, *bank, *counts;
    int devices, units;
    long deadline;
    bool noop, keep, real_sleep;
    char card_options[2048];
};

static volatile sig_atomic_t interrupted;

static void interrupt(int signal)
{
    interrupted = signal;
}

static int fail(const char *format, ...)
{
    va_list args;
    fputs("xrt-emu: ", stderr);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    return EXIT_ERROR;
}

/* ---- The folder --------------------------------------------------------------------------------
 */

static int remove_one(const char *path, const struct stat *s, int kind, struct FTW *f)
{
    (void)s;
    (void)kind;
    (void)f;
    return remove(path);
}

static FILE *create(const struct emulation *e, const char *name)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", e->folder, name);
    return fopen(path, "w");
}

/* Where the system's XRT is: XILINX_XRT wants a folder whose lib it is. */
static int find_xrt(const struct emulation *e)
{
    struct link_map *map = NULL;
    char library[PATH_MAX], link[PATH_MAX];
    void *core = dlopen("libxrt_coreutil.so.2", RTLD_LAZY | RTLD_LOCAL);
    if (!core || dlinfo(core, RTLD_DI_LINKMAP, &map) || !map->l_name)
        return fail("XRT is not installed; `apt-get install libxrt1`");
    snprintf(library, sizeof library, "%s", map->l_name);
    char *slash = strrchr(library, '/');
    if (slash)
        *slash = 0;
    snprintf(link, sizeof link, "%s/xrt", e->folder);
    mkdir(link, 0700);
    snprintf(link, sizeof link, "%s/xrt/lib", e->folder);
    return symlink(library, link) ? fail("%s: %s", link, strerror(errno)) : 0;
}

/* XRT's switches (xrt.ini), its list of devices, and the program that it starts for each. */
static int write_settings(const struct emulation *e)
{
    FILE *f = create(e, "xrt.ini");
    if (!f)
        return fail("%s: %s", e->folder, strerror(errno));
    fprintf(f,
            "[Emulation]\nsim_dir=%s/sim\nsystem_dpa=false\npacket_size=0x10000\n"
            "suppress_infos=true\nprint_infos_in_console=false\nkeep_run_dir=false\n[Debug]\npad=",
            e->folder);
    /* Debian's libxrt_hwemu 2.13 throws away what realloc returns when its buffer for messages has
     * to grow. The first message holds these settings: if it is large the buffer never grows. */
    for (int i = 0; i < PAD; i++)
        fputc('x', f);
    fputc('\n', f);
    fclose(f);
    f = create(e, "emconfig.json");
    if (!f)
        return fail("%s: %s", e->folder, strerror(errno));
    fprintf(f,
            "{\"Version\": {\"FileVersion\": \"2.0\"}, \"Platform\": {\"Boards\": [{\"Devices\": "
            "[{\"Name\": \"xilinx:u250:gen3x16_xdma_shell:4.1\", \"NumDevices\": \"%d\"}]}]}}\n",
            e->devices);
    fclose(f);
    return 0;
}

static int write_launcher(const struct emulation *e)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/sim", e->folder);
    mkdir(path, 0700);
    FILE *f = create(e, "sim/simulate.sh");
    if (!f)
        return fail("%s: %s", e->folder, strerror(errno));
    fprintf(f,
            "#!/bin/sh\nunset LD_PRELOAD\necho $$ >>%s/cards\nexec '%s/adafire-card-%s' --counts "
            "%s/ends%s",
            e->folder, e->programs, e->build, e->folder, e->card_options);
    for (int i = 0; i < e->units; i++)
        fprintf(f, " --unit 0x%x", 0x1800000 + 0x10000 * i);
    fprintf(f, " 2>>%s/card.log\n", e->folder);
    fclose(f);
    snprintf(path, sizeof path, "%s/sim/simulate.sh", e->folder);
    return chmod(path, 0700) ? fail("%s: %s", path, strerror(errno)) : 0;
}

static int write_bitstream(const struct emulation *e)
{
    char program[PATH_MAX + 32], ports[PATH_MAX + 64], out[PATH_MAX], units[16];
    snprintf(program, sizeof program, "%s/adafire-xclbin", e->programs);
    snprintf(ports, sizeof ports, "%s/adafire-card-%s.ports", e->programs, e->build);
    snprintf(out, sizeof out, "%s/u250.xclbin", e->folder);
    snprintf(units, sizeof units, "%d", e->units);
    const pid_t child = fork();
    if (child == 0) {
        execl(program, program, "--ports", ports, "--units", units, "-o", out,
              e->bank ? "--bank" : NULL, e->bank, NULL);
        _exit(127);
    }
    int status = 0;
    while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
        continue;
    return child > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0
               ? 0
               : fail("%s cannot make a bitstream; is there a build '%s'? `make emu-%s`", program,
                      e->build, e->build);
}

/* The card and its helpers are beside this program, or where `make install` puts them. */
static bool find_programs(struct emulation *e)
{
    static const char *const places[] = {"", "/../lib/adafire"};
    char own[PATH_MAX - 64] = "", card[PATH_MAX + 64];
    const ssize_t n = readlink("/proc/self/exe", own, sizeof own - 1);
    char *slash = n > 0 ? strrchr(own, '/') : NULL;
    if (slash)
        *slash = 0;
    for (int i = 0; slash && i < 2; i++) {
        snprintf(e->programs, sizeof e->programs, "%s%s", own, places[i]);
        snprintf(card, sizeof card, "%s/adafire-card-%s", e->programs, e->build);
        if (access(card, X_OK) == 0)
            return true;
    }
    return false;
}

static int prepare(struct emulation *e)
{
    if (!find_programs(e))
        return fail("there is no emulated card of the build '%s'; `make emu-%s` makes it", e->build,
                    e->build);
    snprintf(e->folder, sizeof e->folder, "/tmp/adafire-emu-XXXXXX");
    if (!mkdtemp(e->folder)) {
        e->folder[0] = 0;
        return fail("/tmp: %s", strerror(errno));
    }
    int status = find_xrt(e);
    if (!status)
        status = write_settings(e);
    if (!status)
        status = write_launcher(e);
    return status ? status : write_bitstream(e);
}

/* ---- The command -------------------------------------------------------------------------------
 */

static void set_environment(const struct emulation *e)
{
    char path[PATH_MAX];
    setenv("USER", e->folder + strlen("/tmp/"), 1);
    setenv("XCL_EMULATION_MODE", e->noop ? "noop" : "hw_emu", 1);
    setenv("EMCONFIG_PATH", e->folder, 1);
    setenv("SDACCEL_EM_RUN_DIR", e->folder, 1);
    snprintf(path, sizeof path, "%s/xrt", e->folder);
    setenv("XILINX_XRT", path, 1);
    snprintf(path, sizeof path, "%s/xrt.ini", e->folder);
    setenv("XRT_INI_PATH", path, 1);
    snprintf(path, sizeof path, "%s/u250.xclbin", e->folder);
    setenv("ADAFIRE_BITSTREAM", path, 0);
    if (!e->real_sleep && strlen(e->programs) < PATH_MAX - 32) {
        snprintf(path, sizeof path, "%.4000s/adafire-emu-sleep.so", e->programs);
        setenv("LD_PRELOAD", path, 1);
    }
}

/* In a session of its own, because XRT's handler for crashes ends the whole process group. */
static pid_t start(const struct emulation *e, char **command)
{
    const pid_t child = fork();
    if (child)
        return child;
    setsid();
    set_environment(e);
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    execvp(command[0], command);
    fail("%s: %s", command[0], strerror(errno));
    _exit(127);
}

/* A line for each card that was started, and for each that ended as it should. */
static int lines(const struct emulation *e, const char *name)
{
    char path[PATH_MAX];
    int count = 0;
    snprintf(path, sizeof path, "%s/%s", e->folder, name);
    FILE *f = fopen(path, "r");
    for (int c; f && (c = fgetc(f)) != EOF;)
        count += c == '\n';
    if (f)
        fclose(f);
    return count;
}

static bool alive(pid_t process)
{
    char path[64], state = 0;
    snprintf(path, sizeof path, "/proc/%d/stat", (int)process);
    FILE *f = fopen(path, "r");
    if (!f)
        return false;
    const int found = fscanf(f, "%*d (%*[^)]) %c", &state);
    fclose(f);
    return found == 1 && state != 'Z' && state != 'X';
}

static int cards_alive(const struct emulation *e)
{
    char path[PATH_MAX];
    int process, count = 0;
    snprintf(path, sizeof path, "%s/cards", e->folder);
    FILE *f = fopen(path, "r");
    while (f && fscanf(f, "%d", &process) == 1)
        count += alive(process);
    if (f)
        fclose(f);
    return count;
}

/* Cards that are gone without having ended as they should. */
static int cards_lost(const struct emulation *e)
{
    const int living = cards_alive(e); /* first: one that ends meanwhile is not lost */
    const int lost = lines(e, "cards") - living - lines(e, "ends");
    return lost > 0 ? lost : 0;
}

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void tell_log(const struct emulation *e)
{
    char path[PATH_MAX], line[512];
    snprintf(path, sizeof path, "%s/card.log", e->folder);
    FILE *f = fopen(path, "r");
    while (f && fgets(line, sizeof line, f))
        fprintf(stderr, "xrt-emu: the card says: %s", line);
    if (f)
        fclose(f);
}

enum outcome { ENDED, LATE, CARD_LOST, INTERRUPTED };

/* Waits until the command has ended or has to be ended. */
static enum outcome watch(const struct emulation *e, pid_t child, int *status)
{
    const double begin = seconds();
    double lost_since = 0;
    for (long pause = 1000000;; pause = pause < 50000000 ? pause * 2 : pause) {
        if (waitpid(child, status, WNOHANG) == child)
            return ENDED;
        const double now = seconds();
        if (interrupted)
            return INTERRUPTED;
        if (e->deadline && now - begin > (double)e->deadline)
            return LATE;
        if (cards_lost(e)) {
            lost_since = lost_since > 0 ? lost_since : now;
            if (now - lost_since > GRACE_SECONDS)
                return CARD_LOST;
        }
        nanosleep(&(struct timespec){.tv_nsec = pause}, NULL);
    }
}

/* The command has a second to remove what it has not finished writing. */
static void ask_to_end(pid_t child, int signal_number)
{
    kill(child, signal_number);
    for (int i = 0; i < 500 && waitpid(child, NULL, WNOHANG) == 0; i++)
        nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
}

/* Whatever the command started is a child of ours when its parent is gone. */
static void end_all(pid_t child)
{
    kill(-child, SIGKILL);
    for (int i = 0; i < 2000; i++) {
        const pid_t one = waitpid(-1, NULL, WNOHANG);
        if (one < 0)
            return;
        if (one == 0) {
            char path[64];
            int orphan;
            snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
            FILE *f = fopen(path, "r");
            while (f && fscanf(f, "%d", &orphan) == 1)
                kill(orphan, SIGKILL);
            if (f)
                fclose(f);
            nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
        }
    }
}

static int judge(const struct emulation *e, const char *command, enum outcome outcome, int status)
{
    if (outcome == LATE)
        return fail("%s took longer than %ld s and was ended", command, e->deadline);
    if (outcome == INTERRUPTED)
        return 128 + (int)interrupted;
    const int lost = cards_lost(e);
    if (outcome == CARD_LOST || (lost && status)) {
        tell_log(e);
        return fail("an emulated card died while %s used it", command);
    }
    if (status)
        tell_log(e);
    if (WIFSIGNALED(status))
        return fail("%s was ended by signal %d (%s)", command, WTERMSIG(status),
                    strsignal(WTERMSIG(status)));
    return WEXITSTATUS(status);
}

static void copy_counts(const char *folder, const char *counts)
{
    char path[PATH_MAX], line[1024];
    snprintf(path, sizeof path, "%s/ends", folder);
    FILE *from = fopen(path, "r"), *to = from ? fopen(counts, "w") : NULL;
    while (to && fgets(line, sizeof line, from))
        fputs(line, to);
    if (to)
        fclose(to);
    if (from)
        fclose(from);
}

static int run(const struct emulation *e, char **command)
{
    const struct sigaction on_signal = {.sa_handler = interrupt};
    int status = 0;
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    sigaction(SIGINT, &on_signal, NULL);
    sigaction(SIGTERM, &on_signal, NULL);
    sigaction(SIGHUP, &on_signal, NULL);
    const pid_t child = start(e, command);
    if (child < 0)
        return fail("%s: %s", command[0], strerror(errno));
    const enum outcome outcome = watch(e, child, &status);
    if (outcome != ENDED)
        ask_to_end(child, interrupted ? (int)interrupted : SIGTERM);
    end_all(child);
    if (e->counts)
        copy_counts(e->folder, e->counts);
    return judge(e, command[0], outcome, status);
}

/* ---- Command line ------------------------------------------------------------------------------
 */

static bool whole(const char *text, int most, int *value)
{
    char *end;
    const long v = strtol(text, &end, 10);
    *value = (int)v;
    return end != text && !*end && v > 0 && v <= most;
}

/* The card itself checks what it is given. */
static bool pass_on(struct emulation *e, const char *name, const char *value)
{
    const size_t used = strlen(e->card_options);
    const int n =
        snprintf(e->card_options + used, sizeof e->card_options - used, " --%s %s", name, value);
    return strspn(value, "abcdefghijklmnopqrstuvwxyz0123456789=.") == strlen(value) && *value &&
           (size_t)n < sizeof e->card_options - used;
}

static bool read_options(int argc, char **argv, struct emulation *e)
{
    enum {
        BUILD = 256,
        DEVICES,
        UNITS,
        NOOP,
        DEADLINE,
        KEEP,
        REAL_SLEEP,
        CARD,
        COUNTS,
        BANK,
        HELP
    };
    static const struct option options[] = {{"build", 1, NULL, BUILD},
                                            {"devices", 1, NULL, DEVICES},
                                            {"units", 1, NULL, UNITS},
                                            {"noop", 0, NULL, NOOP},
                                            {"deadline", 1, NULL, DEADLINE},
                                            {"keep", 0, NULL, KEEP},
                                            {"latency", 1, NULL, CARD},
                                            {"stall", 1, NULL, CARD},
                                            {"bus", 1, NULL, CARD},
                                            {"fault", 1, NULL, CARD},
                                            {"counts", 1, NULL, COUNTS},
                                            {"bank", 1, NULL, BANK},
                                            {"help", 0, NULL, HELP},
                                            {"real-sleep", 0, NULL, REAL_SLEEP},
                                            {NULL, 0, NULL, 0}};
    bool good = true;
    int which = 0, n = 0;
    for (int opt; good && (opt = getopt_long(argc, argv, "+", options, &which)) != -1;)
        switch (opt) {
        case BUILD:
            e->build = optarg;
            good = strspn(optarg, "abcdefghijklmnopqrstuvwxyz0123456789_") == strlen(optarg);
            break;
        case DEVICES: good = whole(optarg, 16, &e->devices); break;
        case UNITS: good = whole(optarg, 16, &e->units); break;
        case NOOP: e->noop = true; break;
        case DEADLINE:
            good = whole(optarg, 1000000, &n);
            e->deadline = n;
            break;
        case KEEP: e->keep = true; break;
        case REAL_SLEEP: e->real_sleep = true; break;
        case CARD: good = pass_on(e, options[which].name, optarg); break;
        case COUNTS: e->counts = optarg; break;
        case BANK:
            e->bank = optarg;
            good = whole(optarg, 1 << 30, &n);
            break;
        case HELP: fputs(usage, stdout); exit(0);
        default: good = false;
        }
    return good && optind < argc;
}

int main(int argc, char **argv)
{
    static struct emulation e = {.build = "sim", .devices = 1, .units = 1};
    if (!read_options(argc, argv, &e)) {
        fputs("Try 'xrt-emu --help'.\n", stderr);
        return EXIT_ERROR;
    }
    int status = prepare(&e);
    if (!status)
        status = run(&e, argv + optind);
    if (e.folder[0] && e.keep)
        fprintf(stderr, "xrt-emu: %s is kept\n", e.folder);
    else if (e.folder[0])
        nftw(e.folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    return status;
}
