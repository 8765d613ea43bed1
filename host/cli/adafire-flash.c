/* adafire-flash: brings a bitstream onto a board. */
#include "cli.h"

#include "bitstream.h"
#include "error.h"
#include "link/link.h"

#include <errno.h>
#include <getopt.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const char help[] =
    "Usage: adafire-flash --board BOARD FILE [OPTION]...\n"
    "       adafire-flash --list\n"
    "Brings a bitstream onto a board, after a look into the MANIFEST beside it: it must be that "
    "file\n"
    "(SHA-256), for that board, and speak this host's version of the accelerator's language.\n"
    "\n"
    "Examples:\n"
    "  adafire-flash --board u250 bitstreams/u250.xclbin        until the card loads another\n"
    "  adafire-flash --board ulx3s bitstreams/ulx3s.bit         until power is off\n"
    "  adafire-flash --board ulx3s --flash bitstreams/ulx3s.bit for good\n"
    "  adafire-flash --board u250 --shell 0000:b3:00.0          the card's shell, by AMD's xbmgmt\n"
    "\n"
    "  -b, --board BOARD   u250, u250:1, u250:0000:b3:00.1, or a USB board; --list names them\n"
    "      --flash         into the board's flash memory, where it stays; asks first\n"
    "      --shell ADDRESS for the u250: the platform's shell instead of a bitstream, onto the "
    "card\n"
    "                      with this management address (`xbmgmt examine`); asks first\n"
    "  -y, --yes           does not ask\n"
    "      --unlisted      takes a FILE that no MANIFEST knows\n"
    "  -n, --dry-run       says what it would do\n"
    "  -l, --list          boards, and bitstreams that there are\n"
    "      --help, --version\n";

/* How a board is written. Words of a command: FILE stands for the bitstream, WRITE for what chooses
 * between memory and flash. */
#define FILE_WORD  "FILE"
#define WRITE_WORD "WRITE"
enum { MOST_WORDS = 8 };
static const struct programmer {
    const char *board, *summary;
    const char *word[MOST_WORDS];     /* empty: through XRT */
    const char *to_memory, *to_flash; /* NULL: nothing needs to be said */
    const char *package;              /* of Debian, that has the program */
} programmers[] = {
#define OPEN_FPGA_LOADER(board, name, summary)                                                     \
    {                                                                                              \
        board, summary, {"openFPGALoader", "-b", name, WRITE_WORD, FILE_WORD}, "-m", "-f",         \
            "openfpgaloader"                                                                       \
    }
    {"u250", "Alveo U250, through XRT", {0}, NULL, NULL, "libxrt1"},
    {"hx8k",
     "iCE40-HX8K breakout board, by iceprog",
     {"iceprog", WRITE_WORD, FILE_WORD},
     "-S",
     NULL,
     "fpga-icestorm"},
    {"hx8k_fifo",
     "the same with an FT232H at its header, by iceprog",
     {"iceprog", WRITE_WORD, FILE_WORD},
     "-S",
     NULL,
     "fpga-icestorm"},
    {"icebreaker", /* wired for its flash */
     "iCEBreaker, by iceprog; flash only",
     {"iceprog", FILE_WORD},
     NULL,
     NULL,
     "fpga-icestorm"},
    OPEN_FPGA_LOADER("ulx3s", "ulx3s", "ULX3S, by openFPGALoader"),
    OPEN_FPGA_LOADER("ecpix5", "ecpix5", "ECPIX-5, by openFPGALoader"),
    OPEN_FPGA_LOADER("colorlight-i5", "colorlight-i5", "Colorlight i5, by openFPGALoader"),
    OPEN_FPGA_LOADER("orangecrab", "orangeCrab", "OrangeCrab, by openFPGALoader"),
    OPEN_FPGA_LOADER("arty", "arty_a7_35t", "Arty A7-35T, by openFPGALoader"),
    OPEN_FPGA_LOADER("nexys-video", "nexysVideo", "Nexys Video, by openFPGALoader"),
    OPEN_FPGA_LOADER("genesys2", "genesys2", "Genesys 2, by openFPGALoader"),
    {0}};

struct request {
    const char *board, *file, *shell, *device;
    const struct programmer *programmer;
    char name[32]; /* of the board, without what stands behind the colon */
    bool flash, yes, unlisted, dry_run, list;
};

/* ---- What there is -----------------------------------------------------------------------------
 */

static void show_bitstream(void *context, const struct bitstream *b)
{
    bool *any = context;
    if (!*any)
        printf("\nbitstreams:\n");
    *any = true;
    printf("  %-14s %s  (language version %d, %g MHz)\n", b->board, b->path, b->isa_version,
           b->clock_mhz);
}

static int list(void)
{
    bool any = false;
    printf("boards:\n");
    for (const struct programmer *p = programmers; p->board; p++)
        printf("  %-14s %s\n", p->board, p->summary);
    int status = bitstream_list(show_bitstream, &any);
    if (!status && !any)
        printf("\nno bitstreams: bitstreams/MANIFEST is not there or empty\n");
    return status ? cli_fail_af() : 0;
}

/* ---- Doing it ----------------------------------------------------------------------------------
 */

static bool agreed(const struct request *r, const char *what)
{
    char answer[16] = "";
    if (r->yes || r->dry_run)
        return true;
    fprintf(stderr, "%s. Go on? [y/N] ", what);
    fflush(stderr);
    return fgets(answer, sizeof answer, stdin) && (answer[0] == 'y' || answer[0] == 'Y');
}

/* Starts a program with an argument vector: no shell sees a file's name. */
static int start(const struct request *r, char *const argv[], const char *package)
{
    extern char **environ;
    pid_t child;
    int status;
    if (r->dry_run) {
        for (int i = 0; argv[i]; i++)
            printf("%s%s", i ? " " : "would run: ", argv[i]);
        putchar('\n');
        return 0;
    }
    const int code = posix_spawnp(&child, argv[0], NULL, NULL, argv, environ);
    if (code == ENOENT)
        return cli_fail("%s is not installed; %s has it", argv[0], package);
    if (code)
        return cli_fail("%s: %s", argv[0], strerror(code));
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR)
            return cli_fail("%s: %s", argv[0], strerror(errno));
    if (WIFSIGNALED(status))
        return cli_fail("%s was ended by signal %d", argv[0], WTERMSIG(status));
    if (WEXITSTATUS(status))
        return cli_fail("%s failed with status %d; the board may be without a bitstream", argv[0],
                        WEXITSTATUS(status));
    return 0;
}

static int load_card(const struct request *r)
{
    const struct xrt_options o = {.device = r->device, .bitstream = r->file};
    struct links links;
    if (r->dry_run) {
        printf("would load %s onto %s through XRT\n", r->file, r->board);
        return 0;
    }
    cli_guard_output();
    if (link_open_xrt(&o, &links))
        return cli_fail_af();
    fprintf(cli_output(), "%s holds %s, %d compute unit%s\n", r->board, r->file, links.count,
            links.count == 1 ? "" : "s");
    links_close(&links);
    return 0;
}

/* `xbmgmt program --base` writes the shell that is installed for the platform (XRT, xbmgmt.html).
 */
static int write_shell(const struct request *r)
{
    char what[300];
    char *argv[] = {"xbmgmt", "program", "--device", (char *)r->shell, "--base", NULL};
    snprintf(what, sizeof what,
             "The shell of the card %s will be written to its flash; the machine must be switched "
             "off and on after that",
             r->shell);
    if (!agreed(r, what))
        return cli_fail("nothing was done");
    return start(r, argv, "AMD's package xrt");
}

static int write_board(const struct request *r)
{
    const struct programmer *p = r->programmer;
    const bool only_flash = !p->to_memory && !p->to_flash;
    char what[PATH_MAX + 100], *argv[MOST_WORDS + 1];
    int n = 0;
    for (int i = 0; i < MOST_WORDS && p->word[i]; i++) {
        const char *word = p->word[i];
        if (strcmp(word, WRITE_WORD) == 0)
            word = r->flash ? p->to_flash : p->to_memory;
        else if (strcmp(word, FILE_WORD) == 0)
            word = r->file;
        if (word)
            argv[n++] = (char *)word;
    }
    argv[n] = NULL;
    if (only_flash && !r->flash)
        return cli_fail("the %s can only be written to its flash; say --flash", r->name);
    snprintf(what, sizeof what, "%s will be written to the flash of the %s", r->file, r->name);
    if (r->flash && !agreed(r, what))
        return cli_fail("nothing was done");
    return start(r, argv, p->package);
}

static int check(const struct request *r)
{
    struct bitstream b;
    int status = bitstream_look_up(r->file, &b);
    if (!status)
        status = bitstream_verify(&b, r->name);
    else if (status == AF_NO_DEVICE) {
        if (access(r->file, R_OK))
            return cli_fail("%s: %s", r->file, strerror(errno));
        if (r->unlisted)
            return 0;
        return cli_fail("%s; --unlisted takes it all the same", af_error());
    }
    return status ? cli_fail_af() : 0;
}

/* ---- Command line ------------------------------------------------------------------------------
 */

enum { OPT_FLASH = 256, OPT_SHELL, OPT_UNLISTED, OPT_HELP, OPT_VERSION };

static const struct option options[] = {
    {"board", required_argument, NULL, 'b'},
    {"flash", no_argument, NULL, OPT_FLASH},
    {"shell", required_argument, NULL, OPT_SHELL},
    {"yes", no_argument, NULL, 'y'},
    {"unlisted", no_argument, NULL, OPT_UNLISTED},
    {"dry-run", no_argument, NULL, 'n'},
    {"list", no_argument, NULL, 'l'},
    {"help", no_argument, NULL, OPT_HELP},
    {"version", no_argument, NULL, OPT_VERSION},
    {NULL, 0, NULL, 0},
};

static int choose_board(struct request *r)
{
    const char *colon = strchr(r->board, ':');
    snprintf(r->name, sizeof r->name, "%.*s", (int)strcspn(r->board, ":"), r->board);
    r->device = colon ? colon + 1 : NULL;
    const struct programmer *p = programmers;
    while (p->board && strcmp(p->board, r->name) != 0)
        p++;
    if (!p->board)
        return cli_fail("no board '%.40s'; `adafire-flash --list` names them", r->board);
    r->programmer = p;
    const bool card = !p->word[0];
    if (r->device && !card)
        return cli_fail("%s: only cards have numbers and addresses", r->board);
    if (r->shell && !card)
        return cli_fail("--shell is for the u250");
    if (r->flash && card)
        return cli_fail("a bitstream is loaded onto the u250, never written to its flash; --shell "
                        "writes the shell");
    return 0;
}

static int read_arguments(int argc, char **argv, struct request *r)
{
    for (int opt; (opt = getopt_long(argc, argv, "b:ynl", options, NULL)) != -1;)
        switch (opt) {
        case 'b': r->board = optarg; break;
        case 'y': r->yes = true; break;
        case 'n': r->dry_run = true; break;
        case 'l': r->list = true; break;
        case OPT_FLASH: r->flash = true; break;
        case OPT_SHELL: r->shell = optarg; break;
        case OPT_UNLISTED: r->unlisted = true; break;
        case OPT_HELP: fputs(help, stdout); exit(0);
        case OPT_VERSION: puts("adafire-flash " AF_VERSION); exit(0);
        default: return cli_usage();
        }
    if (r->list)
        return 0;
    if (!r->board)
        return cli_fail("--board BOARD is needed; see --help");
    if (optind + (r->shell ? 0 : 1) != argc)
        return cli_fail(r->shell ? "--shell takes no FILE; see --help"
                                 : "one FILE is needed, a bitstream; see --help");
    r->file = argv[optind];
    return choose_board(r);
}

int main(int argc, char **argv)
{
    struct request r = {0};
    cli_begin("adafire-flash");
    int status = read_arguments(argc, argv, &r);
    if (status)
        return status;
    if (r.list)
        return list();
    if (r.shell)
        return write_shell(&r);
    if (!r.file || !r.programmer)
        return cli_usage();
    status = check(&r);
    if (status)
        return status;
    return r.programmer->word[0] ? write_board(&r) : load_card(&r);
}
