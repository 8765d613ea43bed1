#include "board/table.h"

#include "base/error.h"
#include "base/parallel.h"
#include "base/suggest.h"
#include "board/cpu.h"
#include "board/open.h"
#include "link/xrt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FTDI = 0x0403, FT2232H = 0x6010, FT232H = 0x6014, FT_X = 0x6015 };

/* What all boards of a kind share. */
#define UART(name, mhz, board_baud, id, text, number)                                              \
    .link = AF_LINK_UART, .works_ahead = true, .megahertz = (mhz), .open = open_usb,               \
    .usb = {name, FTDI, id, text, number, board_baud}
#define FIFO(name, mhz, id)                                                                        \
    .link = AF_LINK_FIFO, .works_ahead = true, .megahertz = (mhz), .open = open_usb,               \
    .usb = {name, FTDI, id, NULL, 0, 0}
#define ICEPROG                                                                                    \
    {.word = {"iceprog", PROGRAMMER_WRITE, PROGRAMMER_FILE},                                       \
     .to_memory = "-S",                                                                            \
     .select = "-d",                                                                               \
     .place = "d:%03u/%03u",                                                                       \
     .package = "fpga-icestorm"}
#define ICEPROG_FLASH                                                                              \
    {.word = {"iceprog", PROGRAMMER_FILE},                                                         \
     .only_flash = true,                                                                           \
     .select = "-d",                                                                               \
     .place = "d:%03u/%03u",                                                                       \
     .package = "fpga-icestorm"}
#define OPEN_FPGA_LOADER(name)                                                                     \
    {.word = {"openFPGALoader", "-b", name, PROGRAMMER_WRITE, PROGRAMMER_FILE},                    \
     .to_memory = "-m",                                                                            \
     .to_flash = "-f",                                                                             \
     .select = "--busdev-num",                                                                     \
     .place = "%u:%u",                                                                             \
     .package = "openfpgaloader"}

const struct board boards[] = {
    {"cpu", "this computer's processor: exact, fast, no board needed", .sends_events = true,
     .open = cpu_open},
    {"csim", "the accelerator's own source, compiled for this computer: exact, slow",
     .link = AF_LINK_PROCESS, .sends_events = true, .builds = true, .simulated = true,
     .open = open_simulator},
    {"sim", "the accelerator as hardware, clocked by Verilator: exact, cycle by cycle",
     .link = AF_LINK_PROCESS, .counts_cycles = true, .sends_events = true, .profiles = true,
     .waveforms = true, .builds = true, .simulated = true, .side_by_side = true,
     .open = open_simulator},
    {"u250", "an Alveo U250 card through XRT, or its emulation: u250, u250:1, u250:0000:03:00.1",
     .link = AF_LINK_XRT, .counts_cycles = true, .sends_events = true, .profiles = true,
     .works_ahead = true, .cards = true, .flashing = "Alveo U250, through XRT", .open = open_card},
    {"icebreaker",
     "an iCEBreaker on USB: icebreaker, icebreaker:1-2 (bus and port), icebreaker:SERIAL",
     UART("icebreaker", 12, 2000000, FT2232H, "iCEBreaker", 1),
     .flashing = "iCEBreaker, by iceprog; flash only",
     .programmer = ICEPROG_FLASH}, /* wired for its flash */
    {"hx8k", "an iCE40-HX8K breakout board on USB",
     UART("hx8k", 24, 3000000, FT2232H, "Lattice FTUSB", 1),
     .flashing = "iCE40-HX8K breakout board, by iceprog", .programmer = ICEPROG},
    {"hx8k_fifo", "the same with an FT232H in the mode of a synchronous FIFO",
     FIFO("hx8k_fifo", 24, FT232H), .flashing = "the same with an FT232H at its header, by iceprog",
     .flashed_as = "hx8k", .programmer = ICEPROG},
    {"ulx3s", "a ULX3S on USB, with an ECP5 85F",
     UART("ulx3s", 48, 3000000, FT_X, "ULX3S FPGA 85K", 0),
     .flashing = "ULX3S with an 85F, by openFPGALoader", .programmer = OPEN_FPGA_LOADER("ulx3s")},
    {"ulx3s_45f", "a ULX3S with an ECP5 45F",
     UART("ulx3s_45f", 48, 3000000, FT_X, "ULX3S FPGA 45K", 0),
     .flashing = "ULX3S with a 45F, by openFPGALoader", .programmer = OPEN_FPGA_LOADER("ulx3s")},
    {"ulx3s_25f", "a ULX3S with an ECP5 25F",
     UART("ulx3s_25f", 48, 3000000, FT_X, "ULX3S FPGA 25K", 0),
     .flashing = "ULX3S with a 25F, by openFPGALoader", .programmer = OPEN_FPGA_LOADER("ulx3s")},
    {"ulx3s_12f", "a ULX3S with an ECP5 12F",
     UART("ulx3s_12f", 48, 3000000, FT_X, "ULX3S FPGA 12K", 0),
     .flashing = "ULX3S with a 12F, by openFPGALoader", .programmer = OPEN_FPGA_LOADER("ulx3s")},
    {"ecpix5", "an ECPIX-5 on USB, with an ECP5 85F",
     UART("ecpix5", 48, 3000000, FT2232H, "ECPIX", 1),
     .flashing = "ECPIX-5 with an 85F, by openFPGALoader",
     .programmer = OPEN_FPGA_LOADER("ecpix5")},
    {"usb", "any board behind an FTDI chip's serial line: usb, usb:0403:6010, usb:SERIAL",
     UART("usb", 0, 1000000, 0, NULL, -1)},
    {"usb-fifo", "any board behind an FTDI chip's synchronous FIFO", FIFO("usb-fifo", 0, 0)},
    {"colorlight-i5", "a Colorlight i5", .flashing = "Colorlight i5, by openFPGALoader",
     .programmer = OPEN_FPGA_LOADER("colorlight-i5")},
    {"orangecrab", "an OrangeCrab", .flashing = "OrangeCrab, by openFPGALoader",
     .programmer = OPEN_FPGA_LOADER("orangeCrab")},
    {"arty", "an Arty A7-35T", .flashing = "Arty A7-35T, by openFPGALoader",
     .programmer = OPEN_FPGA_LOADER("arty_a7_35t")},
    {"nexys-video", "a Nexys Video", .flashing = "Nexys Video, by openFPGALoader",
     .programmer = OPEN_FPGA_LOADER("nexysVideo")},
    {"genesys2", "a Genesys 2", .flashing = "Genesys 2, by openFPGALoader",
     .programmer = OPEN_FPGA_LOADER("genesys2")},
    {0},
};

static const char *name_at(const void *of, int i)
{
    return ((const struct board *)of)[i].name;
}

const struct board *board_find(const char *text, const char **which)
{
    const size_t length = strcspn(text, ":");
    *which = text[length] ? text + length + 1 : NULL;
    for (const struct board *b = boards; b->name; b++)
        if (strlen(b->name) == length && strncmp(b->name, text, length) == 0)
            return b;
    char name[41];
    snprintf(name, sizeof name, "%.*s", (int)(length < 40 ? length : 40), text);
    const char *near = suggest(name, name_at, boards);
    if (near)
        af_fail(AF_NO_DEVICE,
                "no board '%s'; did you mean %s? `adafire-host --board list` names them", name,
                near);
    else
        af_fail(AF_NO_DEVICE, "no board '%s'; `adafire-host --board list` names them", name);
    return NULL;
}

int af_boards_attached(void (*each)(void *context, const char *name, const char *text),
                       void *context)
{
    struct usb_board rows[sizeof boards / sizeof *boards];
    int count = 0;
    if (!each)
        return af_fail(AF_BAD_ARGUMENT, "nobody is to be told what is attached");
    for (const struct board *b = boards; b->name; b++)
        if (b->usb.name)
            rows[count++] = b->usb;
    if (link_list_xrt(each, context))
        each(context, "u250", af_error());
    if (usb_boards_attached(rows, count, each, context))
        each(context, "usb", af_error());
    return AF_OK;
}

int af_board_count(void)
{
    return (int)(sizeof boards / sizeof *boards) - 1;
}

int af_board_info(int i, struct af_board_info *info)
{
    if (!info || i < 0 || i >= af_board_count())
        return af_fail(AF_BAD_ARGUMENT, "there is no board %d", i);
    const struct board *b = &boards[i];
    *info = (struct af_board_info){.name = b->name,
                                   .summary = b->summary,
                                   .link = b->link,
                                   .runs = b->open != NULL,
                                   .flashable = b->flashing != NULL,
                                   .counts_cycles = b->counts_cycles,
                                   .sends_events = b->sends_events,
                                   .profiles = b->profiles,
                                   .waveforms = b->waveforms,
                                   .builds = b->builds,
                                   .works_ahead = b->works_ahead,
                                   .megahertz = b->megahertz};
    return AF_OK;
}

static int check_options(const struct af_device_options *o)
{
    int status = af_check_reserved("af_device_options", o);
    if (!status && (o->threads < 0 || o->threads > THREADS_MOST))
        status =
            af_fail(AF_BAD_ARGUMENT, "threads must be 0..%d, not %d", THREADS_MOST, o->threads);
    if (!status && !(o->timeout >= 0))
        status = af_fail(AF_BAD_ARGUMENT, "a timeout of %g seconds", o->timeout);
    return status;
}

int af_device_open(const char *board, const struct af_device_options *options,
                   const struct af_model *model, struct af_device **device)
{
    struct af_device_options o = {0};
    const char *which;
    if (!device)
        return af_fail(AF_BAD_ARGUMENT, "no place for the device was given");
    *device = NULL;
    if (!board || !model)
        return af_fail(AF_BAD_ARGUMENT, "a board's name and a model are needed");
    if (options)
        o = *options;
    int status = check_options(&o);
    if (status)
        return status;
    const struct board *b = board_find(board, &which);
    if (o.waves && (!b || !b->waveforms))
        return af_fail(AF_BAD_ARGUMENT, "only the board sim has waveforms, '%.40s' has none",
                       board);
    if (!b)
        return AF_NO_DEVICE;
    if (!b->open)
        return af_fail(AF_NO_DEVICE, "there is no design for the board %s yet; it can be flashed",
                       b->name);
    if (which)
        o.device = which;
    return b->open(b, &o, model, device);
}
