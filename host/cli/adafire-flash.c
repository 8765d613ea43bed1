/* adafire-flash: brings a bitstream onto a board. */
#include "base/error.h"
#include "board/table.h"
#include "cli/cli.h"
#include "link/bitstream.h"
#include "link/xrt.h"

#include <errno.h>
#include <getopt.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const char help[] =
    "Usage: adafire-flash --board BOARD FILE [OPTION]...\n"
    "       adafire-flash --list\n"
    "Brings a bitstream onto a board, after a look into the MANIFEST beside it: it\n"
    "must be that file (SHA-256), for that board, and speak this host's version of\n"
    "the accelerator's language.\n"
    "\n"
    "Examples:\n"
    "  adafire-flash --board u250 u250.xclbin           until the card loads another\n"
    "  adafire-flash --board ulx3s ulx3s.bit            until power is off\n"
    "  adafire-flash --board ulx3s --flash ulx3s.bit    for good\n"
    "  adafire-flash --board u250 --shell 0000:b3:00.0  the card's shell, by xbmgmt\n"
    "\n"
    "  -b, --board BOARD   u250, u250:1, u250:0000:b3:00.1, or a USB board, of\n"
    "                      several by bus and port or serial number\n"
    "                      (icebreaker:1-2); --list names them\n"
    "      --flash         into the board's flash memory, where it stays; asks first\n"
    "      --shell ADDRESS for the u250: the platform's shell instead of a\n"
    "                      bitstream, by AMD's xbmgmt, onto the card with this\n"
    "                      management address (`xbmgmt examine`); asks first\n"
    "  -y, --yes           does not ask\n"
    "      --unlisted      takes a FILE that no MANIFEST knows\n"
    "  -n, --dry-run       says what it would do\n"
    "  -l, --list          boards, and bitstreams that there are\n"
    "      --help, --version\n";

struct request {
    const char *board, *file, *shell, *device;
    const struct board *row;
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
    for (const struct board *b = boards; b->name; b++)
        if (b->flashing)
            printf("  %-14s %s\n", b->name, b->flashing);
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

/* Which of the boards on USB is meant, as a word for the programmer; without one where the table
 * does not know what the board calls itself. */
static int choose_place(const struct request *r, char shown[64], char word[32])
{
    const char *which, *row = r->row->flashed_as ? r->row->flashed_as : r->row->name;
    const struct usb_board *usb = &board_find(row, &which)->usb;
    struct usb_place place;
    snprintf(shown, 64, "%s", r->row->name);
    word[0] = 0;
    if (!usb->name)
        return r->device ? cli_fail("%s: what stands behind the colon is for boards that AdaFire "
                                    "can tell apart, and this one it cannot",
                                    r->board)
                         : 0;
    if (usb_board_find(usb, r->device, &place))
        return cli_fail_af();
    snprintf(shown, 64, "%s", place.shown);
    snprintf(word, 32, r->row->programmer.place, place.bus, place.device);
    return 0;
}

static int write_board(const struct request *r)
{
    const struct programmer *p = &r->row->programmer;
    char what[PATH_MAX + 100], shown[64], place[32], *argv[PROGRAMMER_WORDS + 3];
    int n = 0;
    if (p->only_flash && !r->flash)
        return cli_fail("the %s can only be written to its flash; say --flash", r->row->name);
    int status = choose_place(r, shown, place);
    if (status)
        return status;
    for (int i = 0; i < PROGRAMMER_WORDS && p->word[i]; i++) {
        const char *word = p->word[i];
        if (strcmp(word, PROGRAMMER_WRITE) == 0)
            word = r->flash ? p->to_flash : p->to_memory;
        else if (strcmp(word, PROGRAMMER_FILE) == 0)
            word = r->file;
        if (word)
            argv[n++] = (char *)word;
        if (i == 0 && *place) {
            argv[n++] = (char *)p->select;
            argv[n++] = place;
        }
    }
    argv[n] = NULL;
    if (n == 0)
        return cli_fail("no program writes to the %s", r->row->name);
    snprintf(what, sizeof what, "%s will be written to the flash of the %s", r->file, shown);
    if (r->flash && !agreed(r, what))
        return cli_fail("nothing was done");
    return start(r, argv, p->package);
}

static int check(const struct request *r)
{
    struct bitstream b;
    int status = bitstream_look_up(r->file, &b);
    if (!status)
        status = bitstream_verify(&b, r->row->name);
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
    r->row = board_find(r->board, &r->device);
    if (!r->row)
        return cli_fail_af();
    if (!r->row->flashing)
        return cli_fail("no board '%.40s'; `adafire-flash --list` names them", r->board);
    const bool card = r->row->link == AF_LINK_XRT;
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
        default: return cli_unknown(options, argv[optind - 1]);
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
        return cli_end(list());
    if (r.shell)
        return write_shell(&r);
    if (!r.file || !r.row)
        return cli_usage();
    status = check(&r);
    if (status)
        return status;
    return r.row->link == AF_LINK_XRT ? load_card(&r) : write_board(&r);
}
